-- The collection of artifacts: which images' bytes are kept, why, and when the others go.
--
--   needed --(no reason left)--> unneeded_at --(30 days)--> removed_at --(file removed)--> is_gone
--      ^------(a reason again)-------'                          |
--      ^------------------------(uploaded again)----------------'
--
-- Rows are history and stay. Everything that is a reason, but what devices run, changes in a
-- transaction that holds the lock of the tenant's audit head (slipway_audit()); so does removal. What
-- nobody needed when the head was locked is needed by nobody before the removal is committed.

ALTER TABLE image
    ADD COLUMN unneeded_at timestamptz,
    ADD COLUMN removed_at  timestamptz,
    ADD COLUMN is_gone     boolean NOT NULL DEFAULT false, -- its file, after removed_at
    ADD COLUMN looked_at   timestamptz NOT NULL DEFAULT '-infinity', -- by the collector
    ADD COLUMN lock_reason text CHECK (length(lock_reason) BETWEEN 1 AND 200),
    ADD COLUMN locked_at   timestamptz;
CREATE INDEX image_looked ON image (looked_at) WHERE removed_at IS NULL;
CREATE INDEX image_leaving ON image (removed_at) WHERE removed_at IS NOT NULL AND NOT is_gone;
CREATE INDEX device_installed ON device USING gin (installed) WHERE state <> 'decommissioned';

-- Why an image is kept: rows of a word and a sentence; none: nothing keeps it.
CREATE FUNCTION slipway_image_reasons(i image)
    RETURNS TABLE (reason text, detail text) LANGUAGE sql STABLE AS $$
    -- The newest document of a role counts, until it expires.
    SELECT 'signed', format('version %s of role %s names it until %s', d.version, d.role,
                            slipway_time(d.expires_at))
      FROM (SELECT DISTINCT ON (x.role) x.role, x.version, x.expires_at, x.bytes
              FROM repo_document x
             WHERE x.tenant_id = i.tenant_id AND x.repository = 'image'
               AND x.role NOT IN ('root', 'snapshot', 'timestamp')
             ORDER BY x.role, x.version DESC) AS d
     WHERE d.expires_at > now()
       AND position(convert_to(encode(i.sha256, 'hex'), 'UTF8') IN d.bytes) > 0
    UNION ALL
    SELECT 'requested', format('request %s would publish it', r.public_id)
      FROM repo_request r JOIN repo_request_document d ON d.request_id = r.id
     WHERE r.tenant_id = i.tenant_id AND r.state IN ('open', 'awaiting-approval')
       AND position(convert_to(encode(i.sha256, 'hex'), 'UTF8') IN d.signed) > 0
    UNION ALL
    SELECT 'installed', format('%s%s run it or said so last',
                               least(count(*), 1000), CASE WHEN count(*) > 1000 THEN ' or more devices'
                                                           WHEN count(*) = 1 THEN ' device'
                                                           ELSE ' devices' END)
      FROM (SELECT FROM device v WHERE v.tenant_id = i.tenant_id AND v.state <> 'decommissioned'
               AND v.installed @> ARRAY[i.sha256] LIMIT 1001) AS runs
    HAVING count(*) > 0
    UNION ALL
    SELECT 'baseline', format('it is in the baseline of group %s (%s)', g.name, g.public_id)
      FROM device_group g JOIN deployment d ON d.id = g.baseline_deployment_id
      JOIN release_image ri ON ri.release_id = d.release_id
     WHERE ri.image_id = i.id AND g.deleted_at IS NULL
    UNION ALL
    SELECT 'deployment', format('deployment %s is %s', d.public_id, d.state)
      FROM deployment d JOIN release_image ri ON ri.release_id = d.release_id
     WHERE ri.image_id = i.id
       AND d.state IN ('draft', 'awaiting-approval', 'scheduled', 'running', 'paused', 'halted',
                       'rolling-back')
    UNION ALL
    SELECT 'revert-to', format('devices with %s may go back to it', j.version)
      FROM image j
     WHERE j.component_id = i.component_id AND j.id <> i.id AND j.removed_at IS NULL
       AND j.unneeded_at IS NULL AND i.release_counter = ANY (j.revert_to)
       AND (j.revert_until IS NULL OR j.revert_until > now())
    UNION ALL
    -- The newest that an older device may take on its way to j.
    SELECT 'stepping-stone', format('older devices take it on their way to %s', j.version)
      FROM image j
     WHERE j.component_id = i.component_id AND j.id <> i.id AND j.removed_at IS NULL
       AND j.unneeded_at IS NULL AND j.hwids && i.hwids
       AND i.release_counter BETWEEN j.stepping_stone AND j.release_counter - 1
       AND i.stepping_stone < j.stepping_stone
       AND NOT EXISTS (SELECT FROM image k
                        WHERE k.component_id = i.component_id AND k.removed_at IS NULL
                          AND k.release_counter > i.release_counter
                          AND k.release_counter < j.release_counter
                          AND k.stepping_stone <= i.stepping_stone AND k.hwids && i.hwids)
    UNION ALL
    SELECT 'locked', format('somebody locked it at %s: %s', slipway_time(i.locked_at), i.lock_reason)
     WHERE i.lock_reason IS NOT NULL
$$;

-- The next images, those first that were not looked at for longest: marks what is needed and what is
-- not. How many.
CREATE FUNCTION slipway_artifacts_mark(at_most integer) RETURNS bigint LANGUAGE sql AS $$
    WITH next AS (
        SELECT i.id, EXISTS (SELECT FROM slipway_image_reasons(i)) AS is_needed
          FROM image i WHERE i.removed_at IS NULL AND i.looked_at < now() - interval '50 minutes'
         ORDER BY i.looked_at LIMIT at_most FOR UPDATE OF i SKIP LOCKED),
    marked AS (
        UPDATE image i
           SET looked_at = now(),
               unneeded_at = CASE WHEN NOT n.is_needed THEN coalesce(i.unneeded_at, now()) END
          FROM next n WHERE i.id = n.id RETURNING i.id)
    SELECT count(*) FROM marked
$$;

-- Removes what nobody needed for `grace`, one tenant at a time: its head is locked, then it is looked
-- at again. How many.
CREATE FUNCTION slipway_artifacts_remove(at_most integer, grace interval)
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    found_tenant bigint;
    one image;
    removed bigint := 0;
BEGIN
    IF NOT slipway_every_tenant() THEN
        RAISE EXCEPTION USING ERRCODE = 'SL403', MESSAGE = 'the server''s own work';
    END IF;
    SELECT i.tenant_id INTO found_tenant FROM image i
     WHERE i.removed_at IS NULL AND i.unneeded_at <= now() - grace ORDER BY i.tenant_id LIMIT 1;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    PERFORM FROM audit_head h WHERE h.tenant_id = found_tenant FOR UPDATE;
    FOR one IN SELECT * FROM image i
                WHERE i.tenant_id = found_tenant AND i.removed_at IS NULL
                  AND i.unneeded_at <= now() - grace ORDER BY i.id LIMIT at_most FOR UPDATE
    LOOP
        IF EXISTS (SELECT FROM slipway_image_reasons(one)) THEN
            UPDATE image SET unneeded_at = NULL WHERE id = one.id;
        ELSE
            UPDATE image SET removed_at = clock_timestamp() WHERE id = one.id;
            PERFORM slipway_audit_server(found_tenant, 'collector', 'image.remove',
                                         'image ' || encode(one.sha256, 'hex'), to_jsonb(one), NULL);
            INSERT INTO change_log (tenant_id, what) VALUES (found_tenant, 'image');
        END IF;
        removed := removed + 1;
    END LOOP;
    RETURN removed;
END $$;

SELECT slipway_secure();
