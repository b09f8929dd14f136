-- Trust: delegated roles and the director's roots beside what the image repository had, files that
-- are signed as targets but are no images (trust/*), and requests in which offline signatures
-- gather. Everything of the first schema stays valid: what was published is in repository 'image'.
--
-- Sections: repository (below), signer, director. Each module adds to its own.

-- === repository ==================================================================================

-- Of the director only roots are here; its documents are made for each device.
ALTER TABLE repo_document
    ADD COLUMN repository text NOT NULL DEFAULT 'image' CHECK (repository IN ('image', 'director')),
    DROP CONSTRAINT repo_document_role_check,
    ADD CONSTRAINT repo_document_role_check CHECK (role ~ '^[A-Za-z0-9._+~-]{1,128}$'),
    ADD CONSTRAINT repo_document_director CHECK (repository = 'image' OR role = 'root'),
    DROP CONSTRAINT repo_document_pkey,
    ADD PRIMARY KEY (tenant_id, repository, role, version);

-- What the server signs has at least this version: raised when a backup was restored
-- ("slipwayd recover"), in milliseconds since 1970 like the versions themselves.
ALTER TABLE tenant ADD COLUMN version_floor bigint NOT NULL DEFAULT 0 CHECK (version_floor >= 0);

-- What the director repeats of an image's signed entry, and under which role it was signed. `entry`
-- and `match` are canonical JSON, byte for byte what was signed.
ALTER TABLE image
    ADD COLUMN role text NOT NULL DEFAULT 'targets',
    ADD COLUMN entry text NOT NULL DEFAULT '',
    ADD COLUMN match text NOT NULL DEFAULT '',
    ADD COLUMN revert_to bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN revert_until timestamptz,
    ADD COLUMN requires jsonb NOT NULL DEFAULT '[]'; -- [{"type","name","min_counter"}]

-- Canonical JSON as lib/json writes it: keys in byte order, only \ and " escaped. jsonb keeps
-- neither order nor spacing, so the text is made again from the values.
CREATE FUNCTION pg_temp.canonical(value jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE jsonb_typeof(value)
        WHEN 'object' THEN '{' || coalesce((
            SELECT string_agg(pg_temp.canonical(to_jsonb(m.key)) || ':' || pg_temp.canonical(m.value),
                              ',' ORDER BY m.key COLLATE "C")
              FROM jsonb_each(value) m), '') || '}'
        WHEN 'array' THEN '[' || coalesce((
            SELECT string_agg(pg_temp.canonical(e.value), ',' ORDER BY e.at)
              FROM jsonb_array_elements(value) WITH ORDINALITY AS e (value, at)), '') || ']'
        WHEN 'string' THEN '"' || replace(replace(value #>> '{}', '\', '\\'), '"', '\"') || '"'
        WHEN 'null' THEN 'null'
        ELSE value #>> '{}' END;
END $$;

-- Images of the first schema were all signed by the role "targets".
UPDATE image i
   SET entry = pg_temp.canonical(t.targets -> i.path),
       match = coalesce(pg_temp.canonical(t.targets #> ARRAY[i.path, 'custom', 'match']), '')
  FROM (SELECT DISTINCT ON (tenant_id) tenant_id,
               convert_from(bytes, 'UTF8')::jsonb #> '{signed,targets}' AS targets
          FROM repo_document WHERE role = 'targets' ORDER BY tenant_id, version DESC) t
 WHERE t.tenant_id = i.tenant_id
   AND t.targets #>> ARRAY[i.path, 'hashes', 'sha256'] = encode(i.sha256, 'hex');
DROP FUNCTION pg_temp.canonical(jsonb);

-- Signed targets that are no images: they come with the publication that lists them.
CREATE TABLE repo_file (
    tenant_id   bigint NOT NULL REFERENCES tenant,
    path        text NOT NULL,
    sha256      bytea NOT NULL CHECK (octet_length(sha256) = 32),
    length      bigint NOT NULL CHECK (length >= 0),
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, sha256, path)
);

-- A publication that waits for offline signatures. Once its documents have their thresholds it is
-- published as a whole, in the transaction that says so here.
CREATE TABLE repo_request (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    tenant_id   bigint NOT NULL REFERENCES tenant,
    note        text NOT NULL,
    state       text NOT NULL DEFAULT 'open'
                CHECK (state IN ('open', 'awaiting-approval', 'published', 'withdrawn')),
    author_id   bigint REFERENCES operator_token,
    approver_id bigint REFERENCES operator_token,
    created_at  timestamptz NOT NULL DEFAULT now(),
    ended_at    timestamptz
);
CREATE INDEX repo_request_tenant_page ON repo_request (tenant_id, id);

-- In the order in which they are verified. `signed` is what the signatures are over.
CREATE TABLE repo_request_document (
    request_id  bigint NOT NULL REFERENCES repo_request,
    position    integer NOT NULL,
    tenant_id   bigint NOT NULL REFERENCES tenant,
    repository  text NOT NULL CHECK (repository IN ('image', 'director')),
    role        text NOT NULL,
    version     bigint NOT NULL CHECK (version > 0),
    sha256      bytea NOT NULL CHECK (octet_length(sha256) = 32),
    signed      bytea NOT NULL,
    -- For people, line by line: what changes against what was published when it was made.
    summary     text NOT NULL,
    PRIMARY KEY (request_id, position),
    UNIQUE (request_id, repository, role)
);

CREATE TABLE repo_request_file (
    request_id  bigint NOT NULL REFERENCES repo_request,
    path        text NOT NULL,
    tenant_id   bigint NOT NULL REFERENCES tenant,
    bytes       bytea NOT NULL CHECK (octet_length(bytes) <= 65536),
    PRIMARY KEY (request_id, path)
);

-- Each was verified when it came.
CREATE TABLE repo_request_signature (
    request_id  bigint NOT NULL,
    position    integer NOT NULL,
    keyid       text NOT NULL,
    tenant_id   bigint NOT NULL REFERENCES tenant,
    sig         text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (request_id, position, keyid),
    FOREIGN KEY (request_id, position) REFERENCES repo_request_document
);

-- === signer ======================================================================================

-- Online keys live in slipway-signer. Seeds of the first schema move there at the server's next
-- start; the row stays, with the public half.
ALTER TABLE repo_online_key ALTER COLUMN seed DROP NOT NULL;

-- === director ====================================================================================
