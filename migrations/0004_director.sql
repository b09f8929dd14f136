-- The director: what it last signed for each device, deltas that it can name (their header is what
-- is signed), and deployments that go back.

ALTER TABLE deployment
    ADD COLUMN action text NOT NULL DEFAULT 'update' CHECK (action IN ('update', 'downgrade'));

-- NULL in patches of a format before: the director does not name those.
ALTER TABLE delta
    ADD COLUMN header_length bigint,
    ADD COLUMN header_sha256 bytea CHECK (octet_length(header_sha256) = 32),
    ADD COLUMN memory        bigint;

-- One row a device, replaced as a whole; a version only rises.
CREATE TABLE director_head (
    device_id          bigint PRIMARY KEY REFERENCES device,
    tenant_id          bigint NOT NULL REFERENCES tenant,
    assignment         bigint NOT NULL, -- that the targets were made for
    delta_sha256       bytea,           -- that they name
    targets_version    bigint NOT NULL,
    snapshot_version   bigint NOT NULL,
    timestamp_version  bigint NOT NULL,
    targets            bytea NOT NULL,
    snapshot           bytea NOT NULL,
    "timestamp"        bytea NOT NULL,
    targets_expires_at timestamptz NOT NULL, -- the snapshot's, too
    signed_at          timestamptz NOT NULL  -- the timestamp
) WITH (fillfactor = 70);
CREATE INDEX director_head_tenant ON director_head (tenant_id);

SELECT slipway_secure();
