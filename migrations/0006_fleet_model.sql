-- The fleet model: groups of one's own, devices that were changed by hand, claims without a token,
-- capabilities, what is known of images and releases.

-- === groups ======================================================================================

-- A deleted group stays for history; its name is free again.
ALTER TABLE device_group DROP CONSTRAINT device_group_product_id_name_key;
CREATE UNIQUE INDEX device_group_name ON device_group (product_id, name) WHERE deleted_at IS NULL;

-- === devices =====================================================================================

ALTER TABLE device
    -- When an operator last changed it: the memory of the servers reads again what is newer than
    -- its last look. NULL: nobody did.
    ADD COLUMN changed_at timestamptz;
CREATE INDEX device_hardware ON device (group_id, hwid);
-- As before, by that index: without an order the search for a small group's devices may walk the
-- whole table.
CREATE OR REPLACE FUNCTION slipway_needs_approval(tenant bigint, grp bigint) RETURNS boolean
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    most integer := (SELECT t.approval_devices FROM tenant t WHERE t.id = $1);
BEGIN
    RETURN most > 0 AND most < (
        SELECT count(*) FROM (SELECT 1 FROM device v WHERE v.group_id = $2
                               ORDER BY v.hwid LIMIT most + 1) AS v);
END $$;
CREATE INDEX device_changed ON device (changed_at, id) WHERE changed_at IS NOT NULL;
CREATE INDEX device_not_active ON device (tenant_id, id) WHERE state <> 'active';
CREATE INDEX device_held ON device (tenant_id, id) WHERE hold_until IS NOT NULL;
CREATE INDEX device_tags ON device USING gin (tags);
CREATE INDEX device_attributes ON device USING gin (attributes jsonb_path_ops);

-- === claims ======================================================================================

ALTER TABLE claim_token ADD COLUMN revoked_at timestamptz;

-- Devices that may join without a token: their keys were known before. `device_id` is what a
-- device's key hashes to. Kept after the claim, to show who came.
CREATE TABLE preregistration (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id   bigint NOT NULL REFERENCES tenant,
    device_id   bytea NOT NULL CHECK (octet_length(device_id) = 32),
    group_id    bigint NOT NULL REFERENCES device_group,
    tags        jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    claimed_at  timestamptz,
    UNIQUE (tenant_id, device_id)
);
CREATE INDEX preregistration_page ON preregistration (tenant_id, id);
CREATE INDEX preregistration_device ON preregistration (device_id) WHERE claimed_at IS NULL;
CREATE INDEX preregistration_group ON preregistration (group_id) WHERE claimed_at IS NULL;

-- Devices that asked to join without a token and without being known; a person says yes or no.
CREATE TABLE pending_claim (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id   bigint NOT NULL REFERENCES tenant,
    device_id   bytea NOT NULL UNIQUE CHECK (octet_length(device_id) = 32),
    hwid        text NOT NULL,
    asked_at    timestamptz NOT NULL DEFAULT now(), -- last; who does not ask any more is forgotten
    created_at  timestamptz NOT NULL DEFAULT now(),
    rejected_at timestamptz
);
CREATE INDEX pending_claim_page ON pending_claim (tenant_id, id);
CREATE INDEX pending_claim_asked ON pending_claim (asked_at);

-- === capabilities ================================================================================

-- What one device may do for a while that others may not.
CREATE TABLE capability (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    tenant_id   bigint NOT NULL REFERENCES tenant,
    device_id   bigint NOT NULL REFERENCES device,
    name        text NOT NULL CHECK (name IN ('debug-shell', 'sideload')),
    reason      text NOT NULL,
    issued_at   timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL CHECK (expires_at > issued_at),
    revoked_at  timestamptz
);
CREATE INDEX capability_device ON capability (device_id, id);
CREATE INDEX capability_tenant_page ON capability (tenant_id, id);

-- === images and releases =========================================================================

-- What an image is made of, as its builder says: a document in one of two known forms.
CREATE TABLE image_sbom (
    image_id    bigint PRIMARY KEY REFERENCES image,
    tenant_id   bigint NOT NULL REFERENCES tenant,
    format      text NOT NULL CHECK (format IN ('spdx', 'cyclonedx')),
    version     text NOT NULL, -- of the format
    packages    bigint NOT NULL,
    sha256      bytea NOT NULL CHECK (octet_length(sha256) = 32),
    document    bytea NOT NULL,
    stored_at   timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE release
    -- Apps that it does not name are removed.
    ADD COLUMN is_exact      boolean NOT NULL DEFAULT false,
    -- Its images say that devices may go back to what the product's groups run.
    ADD COLUMN is_reversible boolean NOT NULL DEFAULT false,
    -- {"component": counter, ...}: what its maker says devices have already.
    ADD COLUMN assumes       jsonb NOT NULL DEFAULT '{}';

SELECT slipway_secure();
