-- What makes the operators' API safe to repeat and safe to share: idempotency keys and versions.
--
-- === keys ========================================================================================
--
-- A POST with an Idempotency-Key is done once. Its row is made before the change and is what a
-- repetition meets. That the change was committed is written into the row by slipway_audit(), in
-- the change's own transaction; the answer's text is added afterwards. So after a crash between the
-- two it is known for sure whether the change was made, and only its answer's text may be lost.
--
-- When whoever began a request seems to be gone, the next one takes the row over and puts the other
-- request's id behind a fence. Both this and slipway_audit() hold the lock of the tenant's audit
-- head: either the change was committed before (then it is not done again), or it meets the fence
-- and is rolled back.

CREATE TABLE idempotency (
    tenant_id    bigint NOT NULL REFERENCES tenant,
    token_id     bigint NOT NULL REFERENCES operator_token,
    key          text NOT NULL CHECK (length(key) BETWEEN 1 AND 128),
    request      bytea NOT NULL CHECK (length(request) = 32), -- SHA-256 of method, target, body
    request_id   text NOT NULL,                               -- who does it
    backend      integer NOT NULL,     -- the session that began it, 0: who began it gave up
    started_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    audit_seq    bigint,               -- the change was committed ...
    object       text,                 -- ... to this
    status       integer CHECK (status BETWEEN 200 AND 299),
    content_type text,
    answer       text CHECK (length(answer) <= 1048576),
    PRIMARY KEY (tenant_id, token_id, key)
);
CREATE INDEX idempotency_request ON idempotency (tenant_id, request_id);
CREATE INDEX idempotency_expires ON idempotency (tenant_id, expires_at);

CREATE TABLE idempotency_fence (
    tenant_id  bigint NOT NULL REFERENCES tenant,
    request_id text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, request_id)
);
CREATE INDEX idempotency_fence_expires ON idempotency_fence (tenant_id, expires_at);

-- verdict: 'run', 'answer' (status and text as they were), 'done' (but the text is lost), 'running',
-- 'other' (another request has this key), 'full'.
CREATE FUNCTION slipway_once(tenant bigint, token bigint, the_key text, hash bytea, asker text,
                             OUT verdict text, OUT kept idempotency)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    keys_max CONSTANT integer := 10000;
    lost_after CONSTANT interval := '60 s';
BEGIN
    IF NOT (slipway_every_tenant() OR tenant = slipway_tenant()) THEN
        RAISE EXCEPTION USING ERRCODE = 'SL403', MESSAGE = 'not this tenant';
    END IF;
    DELETE FROM idempotency i USING (
        SELECT x.token_id, x.key FROM idempotency x
         WHERE x.tenant_id = tenant AND x.expires_at <= now() LIMIT 20 FOR UPDATE SKIP LOCKED) AS old
     WHERE i.tenant_id = tenant AND i.token_id = old.token_id AND i.key = old.key;
    DELETE FROM idempotency_fence f USING (
        SELECT x.request_id FROM idempotency_fence x
         WHERE x.tenant_id = tenant AND x.expires_at <= now() LIMIT 20 FOR UPDATE SKIP LOCKED) AS old
     WHERE f.tenant_id = tenant AND f.request_id = old.request_id;
    IF (SELECT count(*) FROM (SELECT FROM idempotency i WHERE i.tenant_id = tenant
                                 AND i.token_id = token LIMIT keys_max) AS known) >= keys_max THEN
        verdict := 'full';
        RETURN;
    END IF;
    INSERT INTO idempotency AS i (tenant_id, token_id, key, request, request_id, backend, expires_at)
    VALUES (tenant, token, the_key, hash, asker, pg_backend_pid(), now() + interval '24 h')
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
        verdict := 'run';
        RETURN;
    END IF;
    -- The order of locks is that of slipway_audit(): first the head, then the row.
    PERFORM FROM audit_head h WHERE h.tenant_id = tenant FOR UPDATE;
    SELECT * INTO kept FROM idempotency i
     WHERE i.tenant_id = tenant AND i.token_id = token AND i.key = the_key FOR UPDATE;
    IF NOT FOUND THEN -- it ended just now, without a change
        verdict := 'running';
    ELSIF kept.expires_at <= now() THEN
        DELETE FROM idempotency i
         WHERE i.tenant_id = tenant AND i.token_id = token AND i.key = the_key;
        verdict := 'running'; -- asked again, it is a new one
    ELSIF kept.request <> hash THEN
        verdict := 'other';
    ELSIF kept.status IS NOT NULL THEN
        verdict := 'answer';
    ELSIF kept.backend <> 0 AND kept.started_at > now() - lost_after
          AND EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = kept.backend) THEN
        verdict := 'running';
    ELSIF kept.audit_seq IS NOT NULL THEN
        verdict := 'done';
    ELSE
        INSERT INTO idempotency_fence VALUES (tenant, kept.request_id, kept.expires_at)
        ON CONFLICT DO NOTHING;
        UPDATE idempotency i
           SET request_id = asker, backend = pg_backend_pid(), started_at = now()
         WHERE i.tenant_id = tenant AND i.token_id = token AND i.key = the_key;
        verdict := 'run';
    END IF;
END $$;

-- === versions ====================================================================================
--
-- The version of an object is the number of its newest row in the audit: whatever an operator does
-- to it is audited in the same transaction. "group 0193..." and "issue 0193... resolved" name a kind
-- and an id first.

CREATE FUNCTION slipway_object(object text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT split_part(object, ' ', 1) || ' ' || split_part(object, ' ', 2)
$$;
CREATE INDEX audit_object ON audit (tenant_id, slipway_object(object), seq);

CREATE FUNCTION slipway_version(bigint, text) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(max(a.seq), 0) FROM audit a
     WHERE a.tenant_id = $1 AND slipway_object(a.object) = slipway_object($2)
$$;

-- As before (0003), and: `request` is an id and perhaps, behind a blank, the versions with commas
-- between them of which the object shall have one.
CREATE OR REPLACE FUNCTION slipway_audit(token bigint, request text, action text, object text,
                                         product bigint, grp bigint, before jsonb, after jsonb)
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    k operator_token;
    r audit;
    asker text := split_part(request, ' ', 1);
    versions text := split_part(request, ' ', 2);
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
    PERFORM FROM audit_head h WHERE h.tenant_id = k.tenant_id FOR UPDATE;
    IF EXISTS (SELECT FROM idempotency_fence f
                WHERE f.tenant_id = k.tenant_id AND f.request_id = asker) THEN
        RAISE EXCEPTION USING ERRCODE = 'SL409',
            MESSAGE = 'another request with this Idempotency-Key has taken its place';
    END IF;
    IF versions <> '' AND NOT slipway_version(k.tenant_id, object)::text
                              = ANY (string_to_array(versions, ',')) THEN
        RAISE EXCEPTION USING ERRCODE = 'SL412', MESSAGE = 'it was changed since it was read';
    END IF;
    r.tenant_id := k.tenant_id;
    r.actor := 'slw_' || k.public_id;
    r.via := 'api';
    r.action := action;
    r.object := object;
    r.before_hash := slipway_audit_state(before);
    r.after_hash := slipway_audit_state(after);
    r.request_id := asker;
    r := slipway_audit_append(r);
    UPDATE idempotency i SET audit_seq = r.seq, object = r.object
     WHERE i.tenant_id = k.tenant_id AND i.request_id = asker AND i.audit_seq IS NULL;
    RETURN r.seq;
END $$;

SELECT slipway_secure();
