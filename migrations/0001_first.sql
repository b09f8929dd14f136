-- The first schema: tenants and their operators, the fleet, the image repository, releases,
-- deployments with phases and counters, what devices said, and the deltas between images.
--
-- Every table carries its tenant. Objects have an internal bigint id and, where operators name
-- them, a public uuid. States are words, the same as in the API. Nothing ever counts rows to show
-- progress: deployment_counter moves in the transaction that moves a row.

CREATE TABLE tenant (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    name        text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    -- Whose administrators made it; NULL: the installation itself. Only those may make tenants.
    parent_id   bigint REFERENCES tenant,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tenant_parent ON tenant (parent_id);

-- Bearer tokens of operators; only the SHA-256 of a token is kept.
CREATE TABLE operator_token (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id   bigint NOT NULL REFERENCES tenant,
    digest      bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    name        text NOT NULL,
    role        text NOT NULL CHECK (role IN ('reader', 'contributor', 'approver',
                                              'administrator', 'auditor')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz,
    revoked_at  timestamptz
);
CREATE INDEX operator_token_tenant ON operator_token (tenant_id);

CREATE TABLE product (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    tenant_id   bigint NOT NULL REFERENCES tenant,
    name        text NOT NULL CHECK (name ~ '^[A-Za-z0-9._-]{1,63}$'),
    hwids       text[] NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, name)
);

CREATE TABLE device_group (
    id                     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id              uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    tenant_id              bigint NOT NULL REFERENCES tenant,
    product_id             bigint NOT NULL REFERENCES product,
    name                   text NOT NULL CHECK (name ~ '^[A-Za-z0-9._-]{1,63}$'),
    update_policy          text NOT NULL DEFAULT 'all'
                           CHECK (update_policy IN ('all', 'os-only', 'none')),
    poll_interval_s        integer NOT NULL DEFAULT 300 CHECK (poll_interval_s BETWEEN 1 AND 604800),
    -- The finished deployment whose release every member shall run; NULL: none yet.
    baseline_deployment_id bigint,
    created_at             timestamptz NOT NULL DEFAULT now(),
    UNIQUE (product_id, name)
);
CREATE INDEX device_group_tenant ON device_group (tenant_id);

CREATE TABLE claim_token (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    tenant_id   bigint NOT NULL REFERENCES tenant,
    group_id    bigint NOT NULL REFERENCES device_group,
    digest      bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    count       integer NOT NULL CHECK (count BETWEEN 1 AND 10000000),
    used        integer NOT NULL DEFAULT 0 CHECK (used <= count),
    expires_at  timestamptz NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX claim_token_tenant ON claim_token (tenant_id);

CREATE TABLE device (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id       bigint NOT NULL REFERENCES tenant,
    device_id       bytea NOT NULL UNIQUE CHECK (octet_length(device_id) = 32),
    public_key      bytea NOT NULL CHECK (octet_length(public_key) = 32),
    group_id        bigint NOT NULL REFERENCES device_group,
    claim_token_id  bigint NOT NULL REFERENCES claim_token,
    hwid            text NOT NULL,
    -- Rises whenever what the device is told to run changes.
    assignment      bigint NOT NULL DEFAULT 0,
    -- The deployment of the newest grant, NULL before the first.
    deployment_id   bigint,
    installed       bytea[] NOT NULL DEFAULT '{}',
    attributes      jsonb NOT NULL DEFAULT '{}',
    attributes_hash bytea,
    claimed_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX device_group_page ON device (group_id, id);
CREATE INDEX device_tenant_page ON device (tenant_id, id);

CREATE TABLE device_session (
    digest      bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    tenant_id   bigint NOT NULL REFERENCES tenant,
    device_id   bigint NOT NULL REFERENCES device,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX device_session_device ON device_session (device_id);

-- Written behind in big batches; narrow and half empty so that updates stay in their page.
CREATE TABLE device_seen (
    device_id   bigint PRIMARY KEY REFERENCES device,
    tenant_id   bigint NOT NULL,
    seen_at     timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE component (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    tenant_id   bigint NOT NULL REFERENCES tenant,
    product_id  bigint NOT NULL REFERENCES product,
    type        text NOT NULL CHECK (type IN ('os', 'app')),
    name        text NOT NULL CHECK (name ~ '^[A-Za-z0-9._-]{1,63}$'),
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (product_id, type, name)
);
CREATE UNIQUE INDEX component_one_os ON component (product_id) WHERE type = 'os';
CREATE INDEX component_tenant ON component (tenant_id);

-- An image exists here once its bytes are stored; what it is was read from the signed metadata.
CREATE TABLE image (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id        bigint NOT NULL REFERENCES tenant,
    component_id     bigint NOT NULL REFERENCES component,
    sha256           bytea NOT NULL CHECK (octet_length(sha256) = 32),
    length           bigint NOT NULL CHECK (length >= 0),
    path             text NOT NULL,
    version          text NOT NULL,
    hwids            text[] NOT NULL,
    release_counter  bigint NOT NULL,
    security_epoch   bigint NOT NULL,
    floor            bigint NOT NULL,
    stepping_stone   bigint NOT NULL,
    full_zstd_length bigint,
    created_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, sha256)
);
CREATE INDEX image_component ON image (component_id, id);
CREATE INDEX image_tenant_page ON image (tenant_id, id);

-- The image repository's metadata, as received or as signed here. Roots are kept for ever.
CREATE TABLE repo_document (
    tenant_id   bigint NOT NULL REFERENCES tenant,
    role        text NOT NULL CHECK (role IN ('root', 'targets', 'snapshot', 'timestamp')),
    version     bigint NOT NULL CHECK (version > 0),
    bytes       bytea NOT NULL,
    expires_at  timestamptz NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, role, version)
);

-- Online keys only (snapshot, timestamp); no offline key ever comes here.
CREATE TABLE repo_online_key (
    tenant_id   bigint NOT NULL REFERENCES tenant,
    role        text NOT NULL CHECK (role IN ('snapshot', 'timestamp')),
    seed        bytea NOT NULL CHECK (octet_length(seed) = 32),
    public_key  bytea NOT NULL CHECK (octet_length(public_key) = 32),
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, role)
);

CREATE TABLE release (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    tenant_id   bigint NOT NULL REFERENCES tenant,
    product_id  bigint NOT NULL REFERENCES product,
    name        text NOT NULL CHECK (name ~ '^[A-Za-z0-9._+~-]{1,63}$'),
    notes       text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    -- When the deltas to its images were last queued; NULL: now, please.
    deltas_planned_at timestamptz,
    UNIQUE (product_id, name)
);
CREATE INDEX release_tenant ON release (tenant_id, id);
CREATE INDEX release_unplanned ON release (id) WHERE deltas_planned_at IS NULL;

CREATE TABLE release_image (
    release_id  bigint NOT NULL REFERENCES release,
    image_id    bigint NOT NULL REFERENCES image,
    tenant_id   bigint NOT NULL REFERENCES tenant,
    PRIMARY KEY (release_id, image_id)
);

CREATE TABLE deployment (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id        uuid NOT NULL UNIQUE,
    tenant_id        bigint NOT NULL REFERENCES tenant,
    group_id         bigint NOT NULL REFERENCES device_group,
    release_id       bigint NOT NULL REFERENCES release,
    state            text NOT NULL CHECK (state IN ('running', 'paused', 'halted', 'finished',
                                                    'aborted')),
    phase            integer NOT NULL DEFAULT 1, -- the running phase, from 1
    salt             text NOT NULL,
    soak_s           integer NOT NULL DEFAULT 0 CHECK (soak_s >= 0),
    failed_percent   integer NOT NULL CHECK (failed_percent BETWEEN 0 AND 100),
    min_finished     integer NOT NULL CHECK (min_finished >= 1),
    created_at       timestamptz NOT NULL DEFAULT now(),
    phase_started_at timestamptz NOT NULL DEFAULT now(),
    ended_at         timestamptz,
    -- Why a gate stopped it, with the numbers it saw.
    halt             jsonb
);
-- At most one unfinished deployment for a group.
CREATE UNIQUE INDEX deployment_one_open ON deployment (group_id) WHERE state IN ('running', 'paused');
CREATE INDEX deployment_tenant_page ON deployment (tenant_id, id);
CREATE INDEX deployment_group_newest ON deployment (group_id, id);
ALTER TABLE device_group ADD FOREIGN KEY (baseline_deployment_id) REFERENCES deployment;
ALTER TABLE device ADD FOREIGN KEY (deployment_id) REFERENCES deployment;

CREATE TABLE deployment_phase (
    deployment_id bigint NOT NULL REFERENCES deployment,
    phase         integer NOT NULL CHECK (phase >= 1),
    tenant_id     bigint NOT NULL REFERENCES tenant,
    share_milli   integer NOT NULL CHECK (share_milli BETWEEN 1 AND 100000), -- 1000 = 1 %
    PRIMARY KEY (deployment_id, phase)
);

-- Rows move by +n and -n in the transaction that moves deployment_device. The word 'touched'
-- counts devices that were ever allowed to activate.
CREATE TABLE deployment_counter (
    deployment_id bigint NOT NULL REFERENCES deployment,
    phase         integer NOT NULL,
    state         text NOT NULL,
    tenant_id     bigint NOT NULL,
    n             bigint NOT NULL,
    PRIMARY KEY (deployment_id, phase, state)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE deployment_device (
    deployment_id bigint NOT NULL REFERENCES deployment,
    device_id     bigint NOT NULL REFERENCES device,
    tenant_id     bigint NOT NULL,
    phase         integer NOT NULL,
    state         text NOT NULL CHECK (state IN ('offered', 'downloading', 'staged', 'activating',
                      'verifying', 'succeeded', 'failed', 'rolled-back', 'cancelled', 'skipped')),
    reason        text NOT NULL DEFAULT 'NONE',
    detail        text NOT NULL DEFAULT '',
    fetched_bytes bigint NOT NULL DEFAULT 0,
    offered_at    timestamptz NOT NULL DEFAULT now(),
    activated_at  timestamptz, -- when it was first allowed to activate
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (deployment_id, device_id)
) WITH (fillfactor = 70);
CREATE INDEX deployment_device_device ON deployment_device (device_id);

-- What devices said, once each. A report outside a deployment has no deployment and no state.
CREATE TABLE report (
    device_id     bigint NOT NULL REFERENCES device,
    epoch         bytea NOT NULL CHECK (octet_length(epoch) = 16),
    seq           bigint NOT NULL CHECK (seq >= 1),
    tenant_id     bigint NOT NULL,
    deployment_id bigint,
    state         text NOT NULL,
    reason        text NOT NULL,
    detail        text NOT NULL,
    image         bytea,
    fetched_bytes bigint NOT NULL,
    device_time   timestamptz NOT NULL,
    received_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (device_id, epoch, seq)
);

-- Deltas between images of one component; a queued row is also the job that makes it.
CREATE TABLE delta (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id        uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    tenant_id        bigint NOT NULL REFERENCES tenant,
    from_image_id    bigint NOT NULL REFERENCES image,
    to_image_id      bigint NOT NULL REFERENCES image,
    state            text NOT NULL DEFAULT 'queued'
                     CHECK (state IN ('queued', 'running', 'kept', 'dropped', 'failed')),
    sha256           bytea,
    length           bigint,
    full_zstd_length bigint,
    detail           text NOT NULL DEFAULT '',
    attempts         integer NOT NULL DEFAULT 0,
    devices          bigint NOT NULL DEFAULT 0, -- that ran `from` when it was queued
    created_at       timestamptz NOT NULL DEFAULT now(),
    started_at       timestamptz,
    -- A running row whose lease ran out belongs to a dead worker: anybody may claim it again.
    leased_until     timestamptz,
    ended_at         timestamptz,
    UNIQUE (from_image_id, to_image_id)
);
CREATE INDEX delta_work ON delta (devices DESC, id) WHERE state IN ('queued', 'running');
CREATE INDEX delta_tenant_page ON delta (tenant_id, id);
CREATE INDEX delta_to_image ON delta (to_image_id) WHERE state = 'kept';
CREATE INDEX delta_kept ON delta (tenant_id, sha256) WHERE state = 'kept';

-- Operator changes that the servers' memory must follow. Only these statements notify; the paths
-- of polls and reports never do (a NOTIFY serialises commits).
CREATE TABLE change_log (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id   bigint NOT NULL,
    what        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE FUNCTION change_log_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('slipway_change', '');
    RETURN NULL;
END $$;
CREATE TRIGGER change_log_notify AFTER INSERT ON change_log
    FOR EACH STATEMENT EXECUTE FUNCTION change_log_notify();

-- Expected refusals of a statement, raised by name: slipway_refuse('SL409', 'text').
CREATE FUNCTION slipway_refuse(code text, message text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message;
END $$;

-- The same for a thing that is looked for: coalesce((SELECT id FROM ...), slipway_missing('group')).
CREATE FUNCTION slipway_missing(what text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'SL404', MESSAGE = 'there is no such ' || what;
END $$;

-- The API's one form of times: RFC 3339 in UTC, whole seconds.
CREATE FUNCTION slipway_time(moment timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
$$;

-- The order of a device's states in a deployment: a row only rises, and never leaves an end (6).
CREATE FUNCTION slipway_rank(state text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_position(
        ARRAY['offered', 'downloading', 'staged', 'activating', 'verifying'], state), 6)
$$;
