-- Fleets and rollouts: what a group and a device may be told, deployments in phases of several
-- kinds, the strata and verdicts that gates judge by, budgets, kill switches.
--
-- What is decided when a grant is written is read from rows under one lock: the group's budget
-- row. Whoever grants or allows an activation locks it first, in a statement of its own; the next
-- statement of the transaction then sees everything that was granted before.

-- === switches, holds, budgets ====================================================================

ALTER TABLE tenant
    -- The kill switch: no grant and no activation for any device.
    ADD COLUMN updates_stopped boolean NOT NULL DEFAULT false,
    ADD COLUMN stopped_reason  text NOT NULL DEFAULT '';

ALTER TABLE device_group
    ADD COLUMN updates_stopped boolean NOT NULL DEFAULT false,
    ADD COLUMN stopped_reason  text NOT NULL DEFAULT '',
    -- Kept on what it runs until then; 'infinity': until somebody ends it.
    ADD COLUMN hold_until      timestamptz,
    ADD COLUMN hold_reason     text NOT NULL DEFAULT '',
    -- Devices that may be fetching at the same time, and bytes granted in an hour; NULL: any.
    ADD COLUMN concurrency     integer CHECK (concurrency BETWEEN 1 AND 10000000),
    ADD COLUMN bytes_per_hour  bigint CHECK (bytes_per_hour BETWEEN 1 AND 1000000000000000),
    -- {"days":["mon",...],"start":"02:00","end":"05:00"} in the device's own zone; NULL: always.
    ADD COLUMN maintenance     jsonb,
    ADD COLUMN crash_dumps     boolean NOT NULL DEFAULT false,
    ADD COLUMN feed            text NOT NULL DEFAULT 'retail' CHECK (feed ~ '^[A-Za-z0-9._-]{1,63}$'),
    ADD COLUMN is_default      boolean NOT NULL DEFAULT false,
    ADD COLUMN deleted_at      timestamptz;
UPDATE device_group SET is_default = true
 WHERE name IN ('development', 'field-test', 'production', 'field-test-os-evaluation',
                'production-os-evaluation');

-- The token bucket of a group, and the lock of its grants.
CREATE TABLE group_budget (
    group_id    bigint PRIMARY KEY REFERENCES device_group,
    tenant_id   bigint NOT NULL REFERENCES tenant,
    -- Bytes that may be granted now; filled by time since `filled_at`, at most an hour's worth.
    bytes       bigint NOT NULL DEFAULT 0,
    filled_at   timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
CREATE FUNCTION group_budget_make() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO group_budget (group_id, tenant_id) VALUES (NEW.id, NEW.tenant_id);
    RETURN NULL;
END $$;
CREATE TRIGGER group_budget_make AFTER INSERT ON device_group
    FOR EACH ROW EXECUTE FUNCTION group_budget_make();
INSERT INTO group_budget (group_id, tenant_id) SELECT id, tenant_id FROM device_group;

ALTER TABLE device
    ADD COLUMN state         text NOT NULL DEFAULT 'active'
                             CHECK (state IN ('active', 'quarantined', 'decommissioned')),
    ADD COLUMN state_reason  text NOT NULL DEFAULT '',
    ADD COLUMN hold_until    timestamptz,
    ADD COLUMN hold_reason   text NOT NULL DEFAULT '',
    -- What operators note about it, beside the attributes that it reports.
    ADD COLUMN tags          jsonb NOT NULL DEFAULT '{}',
    -- Failures of updates since the last good one, and until when it gets none because of them.
    ADD COLUMN failures      integer NOT NULL DEFAULT 0,
    ADD COLUMN penalty_until timestamptz,
    -- The device that took its place after a repair.
    ADD COLUMN replaced_by   bigint REFERENCES device,
    ALTER COLUMN claim_token_id DROP NOT NULL;

-- === deployments =================================================================================

ALTER TABLE deployment
    DROP CONSTRAINT deployment_state_check,
    ADD CONSTRAINT deployment_state_check CHECK (state IN ('draft', 'awaiting-approval',
        'scheduled', 'running', 'paused', 'halted', 'rolling-back', 'finished', 'aborted')),
    -- When it starts by itself; NULL: as soon as it may.
    ADD COLUMN start_at        timestamptz,
    -- Why it is paused or halted, for people; '' while it runs.
    ADD COLUMN state_reason    text NOT NULL DEFAULT '',
    -- The gates' settings, whole and checked; docs/API.md has the members.
    ADD COLUMN gate            jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN on_stop         text NOT NULL DEFAULT 'halt'
                               CHECK (on_stop IN ('pause', 'halt', 'roll-back')),
    ADD COLUMN concurrency     integer CHECK (concurrency BETWEEN 1 AND 10000000),
    ADD COLUMN bytes_per_hour  bigint CHECK (bytes_per_hour BETWEEN 1 AND 1000000000000000),
    ADD COLUMN delta_policy    text NOT NULL DEFAULT 'delta-then-full'
                               CHECK (delta_policy IN ('full', 'delta-only', 'delta-then-full',
                                                       'wait-for-delta')),
    ADD COLUMN delta_until     timestamptz, -- of wait-for-delta: then whole images go out
    -- How often a device that failed is offered the update again, and after how long.
    ADD COLUMN retry_max       integer NOT NULL DEFAULT 0 CHECK (retry_max BETWEEN 0 AND 10),
    ADD COLUMN retry_after_s   integer NOT NULL DEFAULT 3600
                               CHECK (retry_after_s BETWEEN 1 AND 2592000),
    ADD COLUMN is_security     boolean NOT NULL DEFAULT false, -- passes a freeze
    ADD COLUMN supersedes_id   bigint REFERENCES deployment,
    ADD COLUMN rolls_back_id   bigint REFERENCES deployment,
    -- Everybody of the running phase had settled, and the soak began.
    ADD COLUMN settled_at      timestamptz,
    -- The cap on open activations is gone for the whole of it.
    ADD COLUMN cap_lifted      boolean NOT NULL DEFAULT false,
    -- Where the common test of install failures stands, and what it has seen.
    ADD COLUMN statistic        double precision NOT NULL DEFAULT 0,
    ADD COLUMN judged_succeeded bigint NOT NULL DEFAULT 0,
    ADD COLUMN judged_failed    bigint NOT NULL DEFAULT 0,
    -- Devices that refused what we sent and were counted when it was stopped for them: people have
    -- seen those.
    ADD COLUMN server_excused   bigint NOT NULL DEFAULT 0,
    -- The newest judgement of each gate, for people to look at.
    ADD COLUMN evidence        jsonb NOT NULL DEFAULT '{}',
    ALTER COLUMN failed_percent DROP NOT NULL,
    ALTER COLUMN min_finished DROP NOT NULL;
DROP INDEX deployment_one_open;
CREATE UNIQUE INDEX deployment_one_open ON deployment (group_id)
    WHERE state IN ('draft', 'awaiting-approval', 'scheduled', 'running', 'paused', 'rolling-back');
CREATE INDEX deployment_scheduled ON deployment (start_at) WHERE state = 'scheduled';

-- A phase has a share, or a number of devices, or only a filter; and then how long it soaks.
ALTER TABLE deployment_phase
    ALTER COLUMN share_milli DROP NOT NULL,
    ADD COLUMN device_count   integer CHECK (device_count BETWEEN 1 AND 10000000),
    ADD COLUMN filter         text NOT NULL DEFAULT '',
    ADD COLUMN soak_s         integer NOT NULL DEFAULT 0 CHECK (soak_s BETWEEN 0 AND 31536000),
    -- Uptime that updated devices reported while the phase ran, in device-hours.
    ADD COLUMN soak_device_h  integer NOT NULL DEFAULT 0 CHECK (soak_device_h BETWEEN 0 AND 1000000000),
    ADD COLUMN advance        text NOT NULL DEFAULT 'auto' CHECK (advance IN ('auto', 'manual')),
    ADD COLUMN advance_now    boolean NOT NULL DEFAULT false, -- somebody said: go on
    ADD CONSTRAINT deployment_phase_kind CHECK (share_milli IS NULL OR device_count IS NULL);

ALTER TABLE deployment_device
    ADD COLUMN stratum      smallint NOT NULL DEFAULT 0,
    -- What it was given: the release's image, or a stepping stone (`is_step`) on the way. NULL in
    -- an offered row: a step is done, the next image is due.
    ADD COLUMN image_id     bigint REFERENCES image,
    ADD COLUMN is_step      boolean NOT NULL DEFAULT false,
    ADD COLUMN source       bytea, -- the image that it ran
    ADD COLUMN granted_bytes bigint NOT NULL DEFAULT 0,
    ADD COLUMN attempts     integer NOT NULL DEFAULT 1,
    -- The one that counts, of the first end: retries never change it.
    ADD COLUMN verdict      text CHECK (verdict IN ('success', 'failure', 'device', 'server')),
    ADD COLUMN verdict_at   timestamptz;
CREATE INDEX deployment_device_open ON deployment_device (deployment_id, state)
    WHERE state IN ('offered', 'downloading', 'staged', 'activating', 'verifying');

UPDATE deployment_device dd SET image_id = (
    SELECT i.id FROM deployment d JOIN release_image ri ON ri.release_id = d.release_id
      JOIN image i ON i.id = ri.image_id
      JOIN component c ON c.id = i.component_id AND c.type = 'os'
      JOIN device v ON v.id = dd.device_id AND v.hwid = ANY (i.hwids)
     WHERE d.id = dd.deployment_id ORDER BY i.release_counter DESC LIMIT 1);

-- Hardware id and image before, as gates tell them apart: at most 32; 0 holds all the others.
CREATE TABLE deployment_stratum (
    deployment_id bigint NOT NULL REFERENCES deployment,
    stratum       smallint NOT NULL CHECK (stratum BETWEEN 0 AND 32),
    tenant_id     bigint NOT NULL REFERENCES tenant,
    hwid          text NOT NULL DEFAULT '',
    source        bytea,
    granted       bigint NOT NULL DEFAULT 0,
    touched       bigint NOT NULL DEFAULT 0, -- ever allowed to activate
    open          bigint NOT NULL DEFAULT 0, -- allowed, and not heard how it ended
    succeeded     bigint NOT NULL DEFAULT 0,
    failed        bigint NOT NULL DEFAULT 0, -- only what is the release's fault
    device        bigint NOT NULL DEFAULT 0, -- space, power, window
    server        bigint NOT NULL DEFAULT 0, -- trust refusals: our metadata or our server
    cap_lifted    boolean NOT NULL DEFAULT false,
    halted        boolean NOT NULL DEFAULT false,
    -- Where its own test of install failures stands, and what it has seen.
    statistic        double precision NOT NULL DEFAULT 0,
    judged_succeeded bigint NOT NULL DEFAULT 0,
    judged_failed    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (deployment_id, stratum)
) WITH (fillfactor = 50);

-- What gates said, with the numbers they saw.
CREATE TABLE deployment_verdict (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    deployment_id bigint NOT NULL REFERENCES deployment,
    tenant_id     bigint NOT NULL REFERENCES tenant,
    at            timestamptz NOT NULL DEFAULT now(),
    phase         integer NOT NULL,
    gate          text NOT NULL,    -- install, health, silence, threshold, server
    verdict       text NOT NULL,    -- stop, lift, advance
    stratum       smallint,         -- NULL: all together
    evidence      jsonb NOT NULL
);
CREATE INDEX deployment_verdict_of ON deployment_verdict (deployment_id, id);

-- Uptime and bad device-days of a deployment's strata, hour by hour, updated and not yet. A device
-- counts at most once a day in `bad`, in the hour of its first crash of the day.
CREATE TABLE deployment_health (
    deployment_id bigint NOT NULL REFERENCES deployment,
    stratum       smallint NOT NULL,
    updated       boolean NOT NULL,
    hour          timestamptz NOT NULL,
    tenant_id     bigint NOT NULL REFERENCES tenant,
    exposure_s    bigint NOT NULL DEFAULT 0,
    bad           bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (deployment_id, stratum, updated, hour)
) WITH (fillfactor = 50);

-- How the devices of a deployment did in the 14 days before each was updated: what their health is
-- compared with once hardly anybody is left. Added up when a device is first allowed to switch.
CREATE TABLE deployment_before (
    deployment_id bigint PRIMARY KEY REFERENCES deployment,
    tenant_id     bigint NOT NULL REFERENCES tenant,
    devices       bigint NOT NULL,
    uptime_s      bigint NOT NULL,
    bad           bigint NOT NULL -- device-days
) WITH (fillfactor = 50);

-- === freeze ======================================================================================

-- No activation in this time, in the whole tenant.
CREATE TABLE freeze_window (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    tenant_id   bigint NOT NULL REFERENCES tenant,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL CHECK (ends_at > starts_at),
    reason      text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    removed_at  timestamptz
);
CREATE INDEX freeze_window_tenant_page ON freeze_window (tenant_id, id);
CREATE INDEX freeze_window_ahead ON freeze_window (ends_at) WHERE removed_at IS NULL;

SELECT slipway_secure();
