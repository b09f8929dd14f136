-- Operators: the second wall between tenants (row-level security), what a token is and how far it
-- reaches, four eyes, and the audit.

-- === the runtime role ============================================================================
--
-- The server acts as slipway_runtime, which owns nothing: it cannot alter a table, drop a policy or
-- touch the audit. Migrations run as the owner. Who may not create roles makes this one before:
-- CREATE ROLE slipway_runtime NOLOGIN; GRANT slipway_runtime TO the server's login.

DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'slipway_runtime') THEN
        CREATE ROLE slipway_runtime NOLOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL; -- the role is the cluster's; another of its databases was migrated at the same time
END $$;

DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'slipway_runtime', 'MEMBER') THEN
        EXECUTE format('GRANT slipway_runtime TO %I', current_user);
    END IF;
END $$;

-- === row-level security ==========================================================================
--
-- Before a statement the server tells whose rows it may meet, in the statement's own transaction:
-- slipway.tenant is a tenant's id, '*' (the server's own work, of all tenants), or nothing.

CREATE FUNCTION slipway_tenant() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN current_setting('slipway.tenant', true) <> '*'
                THEN nullif(current_setting('slipway.tenant', true), '')::bigint END
$$;
CREATE FUNCTION slipway_every_tenant() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('slipway.tenant', true), '') = '*'
$$;

-- Called at the end of every migration that makes a table: rights of the runtime role, and the
-- policy of each table that has a tenant_id. The policy reads the setting for each row: statements
-- that meet few rows are many, and sub-selects that are evaluated once cost them twice as much.
-- Security is not forced on the owner: only migrations and backups run as the owner, and pg_dump
-- refuses tables where it would be.
CREATE FUNCTION slipway_secure() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t record;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO slipway_runtime', current_schema());
    FOR t IN
        SELECT c.oid::regclass AS name, c.relname,
               CASE WHEN c.relname = 'tenant' THEN 'id' ELSE a.attname END AS tenant_column
          FROM pg_class c
          LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
         WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO slipway_runtime', t.name);
        IF t.relname NOT IN ('schema_migration', 'audit', 'audit_head') THEN
            EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %s TO slipway_runtime', t.name);
        END IF;
        CONTINUE WHEN t.tenant_column IS NULL;
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.name);
        EXECUTE format('DROP POLICY IF EXISTS tenant_rows ON %s', t.name);
        EXECUTE format($policy$
            CREATE POLICY tenant_rows ON %s USING (
                current_setting('slipway.tenant', true) = '*'
                OR %I::text = current_setting('slipway.tenant', true) %s)$policy$,
            t.name, t.tenant_column,
            -- A tenant sees those it made.
            CASE WHEN t.relname = 'tenant'
                 THEN $child$ OR parent_id::text = current_setting('slipway.tenant', true)$child$
                 ELSE '' END);
    END LOOP;
    -- What is history, or named by history, stays.
    REVOKE DELETE ON tenant, operator_token, product, device_group, component, image, release,
        release_image, deployment, deployment_phase, deployment_counter, deployment_device,
        device, report, change_log FROM slipway_runtime;
END $$;

-- === tokens ======================================================================================
--
-- A token is slw_<public_id>_<64 hex>, of which only the SHA-256 is kept. Products and groups
-- narrow it: it then changes only what belongs to one of them.

ALTER TABLE operator_token
    ADD COLUMN public_id    text NOT NULL DEFAULT substr(md5(gen_random_uuid()::text), 1, 8)
                            CHECK (public_id ~ '^[0-9a-f]{8}$'),
    ADD COLUMN product_ids  bigint[],
    ADD COLUMN group_ids    bigint[],
    ADD COLUMN created_by   bigint REFERENCES operator_token,
    ADD COLUMN last_used_at timestamptz,
    ADD UNIQUE (tenant_id, public_id);

-- === four eyes ===================================================================================

ALTER TABLE tenant
    -- A deployment to a group of more devices waits for an approval; 0: none does.
    ADD COLUMN approval_devices integer NOT NULL DEFAULT 0 CHECK (approval_devices >= 0),
    -- So does a publication that changes keys or raises a floor.
    ADD COLUMN approval_changes boolean NOT NULL DEFAULT false;

ALTER TABLE deployment
    ADD COLUMN author_id   bigint REFERENCES operator_token,
    ADD COLUMN approver_id bigint REFERENCES operator_token,
    DROP CONSTRAINT deployment_state_check,
    ADD CONSTRAINT deployment_state_check CHECK (state IN ('awaiting-approval', 'running',
        'paused', 'halted', 'finished', 'aborted'));
DROP INDEX deployment_one_open;
CREATE UNIQUE INDEX deployment_one_open ON deployment (group_id)
    WHERE state IN ('awaiting-approval', 'running', 'paused');

-- Has the group more devices than the tenant lets one person update?
CREATE FUNCTION slipway_needs_approval(tenant bigint, grp bigint) RETURNS boolean
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    most integer := (SELECT t.approval_devices FROM tenant t WHERE t.id = $1);
BEGIN
    RETURN most > 0 AND most < (
        SELECT count(*) FROM (SELECT 1 FROM device v WHERE v.group_id = $2 LIMIT most + 1) AS v);
END $$;

-- How lists and the audit name a token.
CREATE FUNCTION slipway_token_name(token bigint) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT 'slw_' || k.public_id FROM operator_token k WHERE k.id = token
$$;

-- Raises unless `approver` may approve what `author` made at `made`: not the author's own token,
-- nor one that the author made after the fact.
CREATE FUNCTION slipway_other_eyes(author bigint, approver bigint, made timestamptz)
    RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF author = approver OR EXISTS (SELECT 1 FROM operator_token k WHERE k.id = approver
                                       AND k.created_by = author AND k.created_at >= made) THEN
        RAISE EXCEPTION USING ERRCODE = 'SLEYE',
            MESSAGE = 'who made it may not approve it: another person has to look';
    END IF;
    RETURN true;
END $$;

-- === audit =======================================================================================
--
-- A chain for each tenant: hash = SHA-256(0x00 || canonical JSON of the row without its hash), and
-- prev_hash is the hash of the row before (zeros for the first). docs/FORMATS.md draws it.

CREATE TABLE audit (
    tenant_id   bigint NOT NULL REFERENCES tenant,
    seq         bigint NOT NULL CHECK (seq >= 1),
    at          timestamptz NOT NULL,
    tenant      text NOT NULL,
    actor       text NOT NULL,
    via         text NOT NULL,
    action      text NOT NULL,
    object      text NOT NULL,
    before_hash text NOT NULL, -- '' where there was nothing
    after_hash  text NOT NULL,
    request_id  text NOT NULL,
    prev_hash   text NOT NULL,
    hash        text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'),
    PRIMARY KEY (tenant_id, seq)
);

-- The chain's newest row; its lock is what makes the numbers follow each other.
CREATE TABLE audit_head (
    tenant_id   bigint PRIMARY KEY REFERENCES tenant,
    seq         bigint NOT NULL,
    hash        text NOT NULL
);

-- Looked up when somebody asks for an image that their tenant has not: is it another's?
CREATE INDEX image_sha256 ON image (sha256);

CREATE FUNCTION slipway_audit_time(moment timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- Texts keep to printable ASCII without \ and ", so that the canonical form needs no escapes.
CREATE FUNCTION slipway_audit_text(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT left(regexp_replace(coalesce(value, ''), '[^ !#-\[\]-~]', '?', 'g'), 300)
$$;

CREATE FUNCTION slipway_audit_state(value jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(encode(sha256(convert_to(value::text, 'UTF8')), 'hex'), '')
$$;

CREATE FUNCTION slipway_audit_hash(r audit) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(sha256('\x00'::bytea || convert_to(
        '{"action":"' || r.action || '","actor":"' || r.actor
        || '","after_hash":"' || r.after_hash || '","at":"' || slipway_audit_time(r.at)
        || '","before_hash":"' || r.before_hash || '","object":"' || r.object
        || '","prev_hash":"' || r.prev_hash || '","request_id":"' || r.request_id
        || '","seq":' || r.seq || ',"tenant":"' || r.tenant || '","via":"' || r.via || '"}',
        'UTF8')), 'hex')
$$;

-- The one function that appends. Not for the runtime role: it calls those below, which know who
-- acts.
CREATE FUNCTION slipway_audit_append(INOUT r audit) LANGUAGE plpgsql AS $$
DECLARE
    head audit_head;
BEGIN
    INSERT INTO audit_head (tenant_id, seq, hash) VALUES (r.tenant_id, 0, repeat('0', 64))
        ON CONFLICT DO NOTHING;
    SELECT * INTO STRICT head FROM audit_head WHERE tenant_id = r.tenant_id FOR UPDATE;
    r.seq := head.seq + 1;
    r.at := clock_timestamp();
    SELECT name INTO STRICT r.tenant FROM tenant WHERE id = r.tenant_id;
    r.actor := slipway_audit_text(r.actor);
    r.via := slipway_audit_text(r.via);
    r.action := slipway_audit_text(r.action);
    r.object := slipway_audit_text(r.object);
    r.request_id := slipway_audit_text(r.request_id);
    r.prev_hash := head.hash;
    r.hash := slipway_audit_hash(r);
    INSERT INTO audit SELECT (r).*;
    UPDATE audit_head SET seq = r.seq, hash = r.hash WHERE tenant_id = r.tenant_id;
END $$;
REVOKE EXECUTE ON FUNCTION slipway_audit_append(audit) FROM PUBLIC;

-- What an operator did, in the transaction that did it. It is refused here, and the change with it,
-- when the token was revoked in the meantime or does not reach as far: `product` and `grp` are
-- whose the object is, NULL where it is the whole tenant's. What arrives signed is not narrowed:
-- there the signing keys say who may sign for what.
CREATE FUNCTION slipway_audit(token bigint, request text, action text, object text,
                              product bigint, grp bigint, before jsonb, after jsonb)
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    k operator_token;
    r audit;
BEGIN
    SELECT * INTO k FROM operator_token o
     WHERE o.id = token AND o.revoked_at IS NULL AND (o.expires_at IS NULL OR o.expires_at > now())
       AND (slipway_every_tenant() OR o.tenant_id = slipway_tenant());
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'SLRBA', MESSAGE = 'the token is not valid any more';
    END IF;
    IF (k.product_ids IS NOT NULL OR k.group_ids IS NOT NULL)
       AND NOT coalesce(product = ANY (k.product_ids), false)
       AND NOT coalesce(grp = ANY (k.group_ids), false)
       AND action NOT IN ('repo.publish', 'repo.request', 'repo.sign', 'authz.cross_tenant') THEN
        RAISE EXCEPTION USING ERRCODE = 'SLRBA',
            MESSAGE = 'the token is narrowed to other products and groups';
    END IF;
    r.tenant_id := k.tenant_id;
    r.actor := 'slw_' || k.public_id;
    r.via := 'api';
    r.action := action;
    r.object := object;
    r.before_hash := slipway_audit_state(before);
    r.after_hash := slipway_audit_state(after);
    r.request_id := request;
    RETURN (slipway_audit_append(r)).seq;
END $$;

-- What was done at the server's console, and what the server does by itself.
CREATE FUNCTION slipway_audit_server(tenant_id bigint, via text, action text, object text,
                                     before jsonb, after jsonb)
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    r audit;
BEGIN
    IF NOT (slipway_every_tenant() OR tenant_id = slipway_tenant()) THEN
        RAISE EXCEPTION USING ERRCODE = 'SLRBA', MESSAGE = 'another tenant''s audit';
    END IF;
    r.tenant_id := tenant_id;
    r.actor := 'slipwayd';
    r.via := via;
    r.action := action;
    r.object := object;
    r.before_hash := slipway_audit_state(before);
    r.after_hash := slipway_audit_state(after);
    r.request_id := '';
    RETURN (slipway_audit_append(r)).seq;
END $$;

CREATE FUNCTION slipway_audit_trap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'SL403', MESSAGE = 'the audit is only appended to';
END $$;
CREATE TRIGGER audit_trap BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION slipway_audit_trap();
ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_trap;
CREATE TRIGGER audit_head_trap BEFORE DELETE OR TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION slipway_audit_trap();
ALTER TABLE audit_head ENABLE ALWAYS TRIGGER audit_head_trap;

SELECT slipway_secure();
