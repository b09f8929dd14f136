-- What people watch: notices of what happened, webhooks that carry them elsewhere, and history that
-- charts are drawn from.

-- === notices =====================================================================================
--
-- A notice is written by the statement that moves something, so there is none without the move and
-- no move without its notice. Its `id` is taken before the commit: a reader that went by ids would
-- miss the lower of two that commit late. So readers number them: slipway_notices() gives `seq`
-- under a lock to all that are committed, and everybody reads in that order.

CREATE TABLE notice (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    seq       bigint UNIQUE, -- NULL: nobody has read it
    tenant_id bigint NOT NULL REFERENCES tenant,
    at        timestamptz NOT NULL DEFAULT now(),
    event     text NOT NULL CHECK (event ~ '^[a-z]+\.[a-z-]+$'),
    object    jsonb NOT NULL
);
CREATE INDEX notice_new ON notice (id) WHERE seq IS NULL;
CREATE INDEX notice_age ON notice (at);
CREATE SEQUENCE notice_seq;

CREATE FUNCTION notice_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('slipway_notice', '');
    RETURN NULL;
END $$;
CREATE TRIGGER notice_notify AFTER INSERT ON notice
    FOR EACH STATEMENT EXECUTE FUNCTION notice_notify();

-- === webhooks ====================================================================================

CREATE TABLE webhook (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    tenant_id   bigint NOT NULL REFERENCES tenant,
    url         text NOT NULL,
    -- Signs what is sent; shown once, when it is made.
    secret      bytea NOT NULL CHECK (octet_length(secret) = 32),
    events      text[] NOT NULL, -- names, 'deployment.*', or '*'
    template    text NOT NULL CHECK (template IN ('json', 'email', 'chat')),
    is_enabled  boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL DEFAULT now(),
    removed_at  timestamptz
);
CREATE INDEX webhook_tenant_page ON webhook (tenant_id, id);

-- The queue of each webhook, and its log. A row is delivered at least once; the receiver knows a
-- repeated one by the public id.
CREATE TABLE webhook_delivery (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id     uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    tenant_id     bigint NOT NULL REFERENCES tenant,
    webhook_id    bigint NOT NULL REFERENCES webhook,
    event         text NOT NULL,
    object        jsonb NOT NULL,
    at            timestamptz NOT NULL DEFAULT now(), -- of what happened
    state         text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'delivered', 'dead')),
    tries         integer NOT NULL DEFAULT 0,
    -- When it is due. Who sends it moves this ahead first: a sender that dies leaves it due again.
    next_at       timestamptz NOT NULL DEFAULT now(),
    status        integer, -- of the last answer; NULL: there was none
    detail        text NOT NULL DEFAULT '',
    latency_ms    integer,
    ended_at      timestamptz
) WITH (fillfactor = 70);
CREATE INDEX webhook_delivery_due ON webhook_delivery (next_at, id) WHERE state = 'queued';
CREATE INDEX webhook_delivery_page ON webhook_delivery (webhook_id, id);
CREATE INDEX webhook_delivery_dead ON webhook_delivery (webhook_id, id) WHERE state = 'dead';
CREATE INDEX webhook_delivery_ended ON webhook_delivery (ended_at) WHERE ended_at IS NOT NULL;

CREATE FUNCTION slipway_event_fits(events text[], event text) RETURNS boolean
    LANGUAGE sql IMMUTABLE AS $$
    SELECT events && ARRAY[event, split_part(event, '.', 1) || '.*', '*']
$$;

-- Says what happened to `object`: the statement that makes it happen calls this. Returns the
-- notice's id.
CREATE FUNCTION slipway_notice(tenant bigint, event text, object jsonb) RETURNS bigint
    LANGUAGE plpgsql AS $$
DECLARE
    made bigint;
BEGIN
    INSERT INTO notice (tenant_id, event, object) VALUES ($1, $2, $3) RETURNING id INTO made;
    INSERT INTO webhook_delivery (tenant_id, webhook_id, event, object)
    SELECT $1, w.id, $2, $3 FROM webhook w
     WHERE w.tenant_id = $1 AND w.removed_at IS NULL AND w.is_enabled
       AND slipway_event_fits(w.events, $2);
    RETURN made;
END $$;

-- Numbers what is new and returns what follows `after`. Of several readers each waits for the one
-- before and then sees what that one numbered; each command of the function has its own snapshot.
CREATE FUNCTION slipway_notices(after bigint, most integer)
    RETURNS TABLE (seq bigint, tenant_id bigint, at timestamptz, event text, object jsonb)
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7205759403792795);
    UPDATE notice n SET seq = nextval('notice_seq')
      FROM (SELECT f.id FROM notice f WHERE f.seq IS NULL ORDER BY f.id) AS fresh
     WHERE n.id = fresh.id;
    RETURN QUERY SELECT n.seq, n.tenant_id, n.at, n.event, n.object FROM notice n
                  WHERE n.seq > after ORDER BY n.seq LIMIT most;
END $$;

-- === history =====================================================================================

-- A deployment's counters as they were, at most once a minute and only when they moved.
-- `counters`: {"1":{"offered":2,...},...} by phase; `strata`: [[stratum, granted, touched, open,
-- succeeded, failed, device, server],...].
CREATE TABLE deployment_history (
    deployment_id bigint NOT NULL REFERENCES deployment,
    at            timestamptz NOT NULL,
    tenant_id     bigint NOT NULL REFERENCES tenant,
    phase         integer NOT NULL,
    state         text NOT NULL,
    counters      jsonb NOT NULL,
    strata        jsonb NOT NULL,
    PRIMARY KEY (deployment_id, at)
);

-- How many of a group's devices run what: {"sha256 of the OS image": n, "": not known}. The last
-- look of each ten minutes; after a week the last of each hour.
CREATE TABLE version_count (
    group_id  bigint NOT NULL REFERENCES device_group,
    at        timestamptz NOT NULL,
    tenant_id bigint NOT NULL REFERENCES tenant,
    counts    jsonb NOT NULL,
    classes   jsonb NOT NULL, -- {"online": n, ...}
    PRIMARY KEY (group_id, at)
);
-- For what is forgotten. Not a tree: that would be walked for a group's newest look.
CREATE INDEX version_count_age ON version_count USING brin (at);

-- Bytes that devices fetched, and bytes that they did not need to because of deltas.
CREATE TABLE traffic_day (
    group_id  bigint NOT NULL,
    day       date NOT NULL,
    tenant_id bigint NOT NULL,
    sent      bigint NOT NULL,
    saved     bigint NOT NULL,
    PRIMARY KEY (group_id, day)
) WITH (fillfactor = 50);
CREATE INDEX traffic_day_tenant ON traffic_day (tenant_id, day);

-- Moved by whatever moves the rows, in its own transaction. What is saved is known when all of an
-- image has arrived: its length less what was fetched.
CREATE FUNCTION traffic_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO traffic_day AS t (group_id, day, tenant_id, sent, saved)
    SELECT d.group_id, (now() AT TIME ZONE 'UTC')::date, d.tenant_id, sum(moved.sent),
           sum(CASE WHEN moved.arrived THEN greatest(0, i.length - moved.fetched) ELSE 0 END)
      FROM (SELECT n.deployment_id, o.image_id, n.fetched_bytes AS fetched,
                   greatest(0, n.fetched_bytes - o.fetched_bytes) AS sent,
                   n.fetched_bytes > 0 AND o.state IN ('offered', 'downloading') AND
                   (n.state IN ('staged', 'activating', 'verifying', 'succeeded', 'rolled-back')
                    OR (o.image_id IS NOT NULL AND n.image_id IS NULL)) AS arrived
              FROM was o JOIN now_is n USING (deployment_id, device_id)
             WHERE n.fetched_bytes > o.fetched_bytes OR o.state <> n.state) AS moved
      JOIN deployment d ON d.id = moved.deployment_id
      LEFT JOIN image i ON i.id = moved.image_id
     WHERE moved.sent > 0 OR moved.arrived
     GROUP BY d.group_id, d.tenant_id ORDER BY d.group_id
    ON CONFLICT (group_id, day) DO UPDATE
       SET sent = t.sent + excluded.sent, saved = t.saved + excluded.saved;
    RETURN NULL;
END $$;
CREATE TRIGGER traffic_move AFTER UPDATE ON deployment_device
    REFERENCING OLD TABLE AS was NEW TABLE AS now_is
    FOR EACH STATEMENT EXECUTE FUNCTION traffic_move();

SELECT slipway_secure();
GRANT USAGE ON SEQUENCE notice_seq TO slipway_runtime;
REVOKE DELETE ON webhook FROM slipway_runtime;
