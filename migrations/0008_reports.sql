-- Error reports: what devices say went wrong, kept once, counted, grouped into issues, and paired
-- with how long devices were up.
--
-- What grows with time is partitioned by it, and goes by dropping a partition: `event` by the day of
-- arrival, device_health_day by month, the rollups (kept ten years) by year. Partitions are made
-- ahead by slipway_partitions(), which the server's job calls; the default partition only catches
-- what arrives when that did not run, and is emptied when it does.
--
-- Tables that every batch of reports writes have no foreign keys: each would lock the device's row.

-- === each event once =============================================================================
--
-- The key (device, epoch, seq) has to hold for longer than a raw event is kept, and across its
-- partitions, where a unique index cannot reach. A device sends its queue in order, so what was seen
-- of an epoch is the highest number and which of the 62 below it: a row of fixed size that is
-- updated in place, instead of one for every event. A number further below was seen, too, or came
-- from a device that does not keep the order: it is answered as a repeated one.

CREATE TABLE event_epoch (
    device_id     bigint NOT NULL,
    epoch         bytea NOT NULL CHECK (octet_length(epoch) = 16),
    tenant_id     bigint NOT NULL,
    high          bigint NOT NULL,
    recent        bigint NOT NULL, -- bit k: number high - k was seen
    -- As they were before the newest batch: RETURNING shows the batch which of its events are new.
    high_before   bigint NOT NULL DEFAULT 0,
    recent_before bigint NOT NULL DEFAULT 0,
    seen_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (device_id, epoch)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

-- `bits` that belong to `high`, as they are for a number `by` above it.
CREATE FUNCTION slipway_recent_move(bits bigint, by bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN by > 62 THEN 0 ELSE (bits << by::integer) & 9223372036854775807 END
$$;
CREATE FUNCTION slipway_recent_has(high bigint, bits bigint, seq bigint) RETURNS boolean
    LANGUAGE sql IMMUTABLE AS $$
    SELECT seq <= high AND (high - seq > 62 OR (bits >> (high - seq)::integer) & 1 = 1)
$$;

-- === raw events ==================================================================================

CREATE SEQUENCE event_id;

CREATE TABLE event (
    day               date NOT NULL, -- of arrival, UTC
    id                bigint NOT NULL DEFAULT nextval('event_id'),
    tenant_id         bigint NOT NULL,
    device_id         bigint NOT NULL,
    group_id          bigint NOT NULL,
    epoch             bytea NOT NULL,
    seq               bigint NOT NULL,
    received_at       timestamptz NOT NULL DEFAULT now(),
    category          text NOT NULL,
    class             text NOT NULL,
    component         text NOT NULL,
    count             bigint NOT NULL,
    started_at        timestamptz NOT NULL,
    ended_at          timestamptz NOT NULL,
    is_moved          boolean NOT NULL, -- the device's clock was far off: its times end at arrival
    is_planned        boolean NOT NULL,
    image             bytea,
    exit_status       integer,
    signal            integer,
    summary           text NOT NULL,
    backtrace         jsonb,
    signature         bytea,            -- of its issue
    attachment_kind   text,
    attachment_sha256 bytea,
    attachment_length bigint,
    PRIMARY KEY (day, id)
) PARTITION BY RANGE (day);
CREATE INDEX event_tenant_page ON event (tenant_id, id);
CREATE INDEX event_device ON event (device_id, id);
CREATE INDEX event_group ON event (group_id, id);
CREATE INDEX event_category ON event (tenant_id, category, id);
CREATE INDEX event_image ON event (tenant_id, image, id);
CREATE INDEX event_issue ON event (tenant_id, signature, id) WHERE signature IS NOT NULL;
CREATE TABLE event_other PARTITION OF event DEFAULT;

-- === days ========================================================================================

-- What a group's devices said in a day (of the device's times): kept ten years. A device counts in
-- `devices` once for a category and day, so these add up over the rows of a category.
CREATE TABLE event_day (
    day         date NOT NULL,
    tenant_id   bigint NOT NULL,
    group_id    bigint NOT NULL,
    category    text NOT NULL,
    class       text NOT NULL,
    is_planned  boolean NOT NULL,
    image       bytea NOT NULL, -- '': not known
    events      bigint NOT NULL,
    count       bigint NOT NULL,
    devices     bigint NOT NULL,
    uptime_s    bigint NOT NULL,
    PRIMARY KEY (day, tenant_id, group_id, category, class, is_planned, image)
) PARTITION BY RANGE (day);
CREATE TABLE event_day_other PARTITION OF event_day DEFAULT WITH (fillfactor = 50);

-- A device's day: the unit that health is judged by.
CREATE TABLE device_health_day (
    day               date NOT NULL,
    device_id         bigint NOT NULL,
    tenant_id         bigint NOT NULL,
    group_id          bigint NOT NULL,
    uptime_s          bigint NOT NULL,
    -- An unplanned crash, exit or reboot, however many: 1 before its group's running deployment
    -- updated it (or without one), 2 after. A device that crashes every day counts on either side.
    bad               integer NOT NULL,
    categories        integer NOT NULL, -- bit by slipway_event_category()
    bad_at            timestamptz NOT NULL, -- the newest of them; '-infinity': none
    bad_before        integer NOT NULL DEFAULT 0, -- before the newest batch, for RETURNING
    bad_at_before     timestamptz NOT NULL DEFAULT '-infinity',
    categories_before integer NOT NULL DEFAULT 0,
    PRIMARY KEY (day, device_id)
) PARTITION BY RANGE (day);
CREATE INDEX device_health_day_device ON device_health_day (device_id, day);
CREATE TABLE device_health_day_other PARTITION OF device_health_day DEFAULT WITH (fillfactor = 50);

-- The order is part of device_health_day.categories: new ones go to the end.
CREATE FUNCTION slipway_event_category(category text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT array_position(ARRAY['update', 'app-crash', 'app-exit', 'kernel-crash', 'watchdog',
        'reboot', 'out-of-memory', 'disk-full', 'attestation', 'time', 'network', 'custom',
        'uptime'], category) - 1
$$;
CREATE FUNCTION slipway_event_is_bad(category text, is_planned boolean) RETURNS boolean
    LANGUAGE sql IMMUTABLE AS $$
    SELECT NOT is_planned AND category IN ('app-crash', 'app-exit', 'kernel-crash', 'watchdog',
                                           'reboot', 'out-of-memory')
$$;

-- Of `uptime_s` between `lower` and `upper`, what was before `moment`. Cuts always add up.
CREATE FUNCTION slipway_uptime_until(uptime_s bigint, lower timestamptz, upper timestamptz,
                                     moment timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN moment >= upper THEN uptime_s WHEN moment <= lower THEN 0
                ELSE floor(uptime_s * extract(epoch FROM moment - lower)
                           / extract(epoch FROM upper - lower))::bigint END
$$;

-- === issues ======================================================================================
--
-- Events with one signature in one product. What hangs on an issue has its signature, not its id:
-- so one statement can count devices before it writes the issue.

CREATE TABLE issue (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id      uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    tenant_id      bigint NOT NULL REFERENCES tenant,
    product_id     bigint NOT NULL REFERENCES product,
    signature      bytea NOT NULL CHECK (octet_length(signature) = 32),
    category       text NOT NULL,
    class          text NOT NULL,
    component      text NOT NULL,
    title          text NOT NULL,
    state          text NOT NULL DEFAULT 'open'
                   CHECK (state IN ('open', 'resolved', 'regressed', 'ignored')),
    state_at       timestamptz NOT NULL DEFAULT now(),
    note           text NOT NULL DEFAULT '',
    assignee       text NOT NULL DEFAULT '',
    -- Of a resolved one: it came back when an image with this counter or a higher one has it; NULL:
    -- when it happens at all.
    regress_from   bigint,
    first_seen     timestamptz NOT NULL,
    last_seen      timestamptz NOT NULL,
    first_image    bytea,
    newest_counter bigint, -- the highest release counter of an image that had it
    count          bigint NOT NULL,
    devices        bigint NOT NULL,
    regressions    integer NOT NULL DEFAULT 0,
    -- The newest backtrace, and its frames by name: NULL until they were looked up.
    backtrace      jsonb,
    symbols        jsonb,
    is_symbols_due boolean NOT NULL DEFAULT false,
    symbol_key     bytea, -- the signature by functions: the same in every build
    same_as        bigint REFERENCES issue, -- the older issue with that key
    UNIQUE (tenant_id, signature)
) WITH (fillfactor = 50);
CREATE INDEX issue_tenant_page ON issue (tenant_id, id);
CREATE INDEX issue_symbols_due ON issue (id) WHERE is_symbols_due;
CREATE INDEX issue_symbol_key ON issue (tenant_id, product_id, symbol_key) WHERE symbol_key IS NOT NULL;

CREATE TABLE issue_image (
    tenant_id   bigint NOT NULL,
    signature   bytea NOT NULL,
    image       bytea NOT NULL, -- '': not known
    count       bigint NOT NULL,
    first_seen  timestamptz NOT NULL,
    last_seen   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, signature, image)
) WITH (fillfactor = 50);
CREATE INDEX issue_image_image ON issue_image (tenant_id, image);

CREATE TABLE issue_device (
    tenant_id   bigint NOT NULL,
    signature   bytea NOT NULL,
    device_id   bigint NOT NULL,
    count       bigint NOT NULL,
    first_seen  timestamptz NOT NULL,
    last_seen   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, signature, device_id)
) WITH (fillfactor = 70);
CREATE INDEX issue_device_device ON issue_device (device_id, signature);

-- An issue's days, kept as long as event_day.
CREATE TABLE issue_day (
    day         date NOT NULL,
    tenant_id   bigint NOT NULL,
    signature   bytea NOT NULL,
    count       bigint NOT NULL,
    PRIMARY KEY (day, tenant_id, signature)
) PARTITION BY RANGE (day);
CREATE INDEX issue_day_issue ON issue_day (tenant_id, signature, day);
CREATE TABLE issue_day_other PARTITION OF issue_day DEFAULT WITH (fillfactor = 50);

-- === what could not be read ======================================================================

-- Reports that were refused, as they came; a tenant keeps the newest, and few of one device.
CREATE TABLE report_quarantine (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id   bigint NOT NULL,
    device_id   bigint NOT NULL,
    digest      bytea NOT NULL CHECK (octet_length(digest) = 32),
    bytes       bytea NOT NULL CHECK (octet_length(bytes) <= 4096),
    error       text NOT NULL,
    times       bigint NOT NULL DEFAULT 1,
    first_at    timestamptz NOT NULL DEFAULT now(),
    last_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (device_id, digest)
);
CREATE INDEX report_quarantine_tenant_page ON report_quarantine (tenant_id, id);

-- === attachments and symbols =====================================================================

-- Declared by an event; the file comes later, or never. Removed by age.
CREATE TABLE event_attachment (
    device_id   bigint NOT NULL REFERENCES device,
    sha256      bytea NOT NULL CHECK (octet_length(sha256) = 32),
    tenant_id   bigint NOT NULL REFERENCES tenant,
    kind        text NOT NULL CHECK (kind IN ('log', 'minidump')),
    length      bigint NOT NULL,
    declared_at timestamptz NOT NULL DEFAULT now(),
    stored_at   timestamptz,
    PRIMARY KEY (device_id, sha256)
);
CREATE INDEX event_attachment_sha256 ON event_attachment (tenant_id, sha256);
CREATE INDEX event_attachment_age ON event_attachment (declared_at);

-- Debug files by build id; the newest upload counts.
CREATE TABLE symbol_file (
    tenant_id   bigint NOT NULL REFERENCES tenant,
    build_id    bytea NOT NULL CHECK (octet_length(build_id) BETWEEN 4 AND 64),
    sha256      bytea NOT NULL CHECK (octet_length(sha256) = 32),
    length      bigint NOT NULL,
    uploaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, build_id)
);

-- A cell of a table that others open in a spreadsheet: what a device says must not be a formula there.
CREATE FUNCTION slipway_csv(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN value IS NULL THEN ''
                ELSE '"' || CASE WHEN value ~ '^[=+@\t\r-]' THEN '''' ELSE '' END
                     || replace(value, '"', '""') || '"' END
$$;

-- === partitions ==================================================================================

-- One partition of `parent`, unless it is there. It is filled with what the default partition
-- caught meanwhile, and attached: that takes no lock that readers or writers of others wait for.
CREATE FUNCTION slipway_partition_make(parent text, part text, lower date, upper date)
    RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass(part) IS NOT NULL THEN
        RETURN 0;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS '
                   'INCLUDING INDEXES) WITH (fillfactor = %s)', part, parent,
                   CASE parent WHEN 'event' THEN 100 ELSE 50 END);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', parent || '_other');
    EXECUTE format('WITH caught AS (DELETE FROM %I WHERE day >= %L AND day < %L RETURNING *) '
                   'INSERT INTO %I SELECT * FROM caught', parent || '_other', lower, upper, part);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   parent, part, lower, upper);
    RETURN 1;
END $$;
REVOKE EXECUTE ON FUNCTION slipway_partition_make(text, text, date, date) FROM PUBLIC;

-- Drops the partitions of `parent` that end at or before `first_kept`. Their names end with the
-- first day of what they hold, cut to the unit.
CREATE FUNCTION slipway_partition_drop(parent text, unit text, first_kept date)
    RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    part record;
    dropped integer := 0;
    form text := CASE unit WHEN 'day' THEN 'YYYYMMDD' WHEN 'month' THEN 'YYYYMM' ELSE 'YYYY' END;
BEGIN
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = parent::regclass AND c.relname ~ ('^' || parent || '_[0-9]+$')
         ORDER BY c.relname
    LOOP
        IF (to_date(substr(part.relname, length(parent) + 2), form) + ('1 ' || unit)::interval)::date
           <= first_kept THEN
            EXECUTE format('DROP TABLE %I', part.relname);
            dropped := dropped + 1;
        END IF;
    END LOOP;
    RETURN dropped;
END $$;
REVOKE EXECUTE ON FUNCTION slipway_partition_drop(text, text, date) FROM PUBLIC;

-- The job's one call: makes what is needed from `today` on and drops what is too old. The runtime
-- role owns no tables, so it runs as their owner. Nobody waits long: what could not be locked is
-- done at the next run.
CREATE FUNCTION slipway_partitions(today date, raw_days integer, OUT made integer, OUT dropped integer)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '2s' AS $$
DECLARE
    at date;
    parent text;
BEGIN
    made := 0;
    dropped := 0;
    IF raw_days NOT BETWEEN 1 AND 3650 OR NOT slipway_every_tenant() THEN
        RAISE EXCEPTION USING ERRCODE = 'SL400', MESSAGE = 'raw events are kept 1 to 3650 days';
    END IF;
    IF NOT pg_try_advisory_xact_lock(7205759403792794) THEN
        RETURN;
    END IF;
    FOR i IN 0 .. 3 LOOP
        at := today + i;
        made := made + slipway_partition_make('event', 'event_' || to_char(at, 'YYYYMMDD'),
                                              at, at + 1);
    END LOOP;
    FOR i IN -3 .. 1 LOOP -- late reports are of up to 91 days ago
        at := (date_trunc('month', today) + i * interval '1 month')::date;
        made := made + slipway_partition_make('device_health_day',
            'device_health_day_' || to_char(at, 'YYYYMM'), at, (at + interval '1 month')::date);
    END LOOP;
    FOREACH parent IN ARRAY ARRAY['event_day', 'issue_day'] LOOP
        FOR i IN -1 .. 1 LOOP
            at := (date_trunc('year', today) + i * interval '1 year')::date;
            made := made + slipway_partition_make(parent, parent || '_' || to_char(at, 'YYYY'),
                                                  at, (at + interval '1 year')::date);
        END LOOP;
        dropped := dropped + slipway_partition_drop(parent, 'year',
                                                    (today - interval '10 years')::date);
    END LOOP;
    dropped := dropped + slipway_partition_drop('event', 'day', today - raw_days);
    dropped := dropped + slipway_partition_drop('device_health_day', 'month', today - 92);
END $$;

SELECT slipway_secure();
GRANT USAGE ON SEQUENCE event_id TO slipway_runtime;
