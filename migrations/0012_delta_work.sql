-- Which deltas are made first, what making them cost, and when the ones that nobody fetches go.
--
--   queued -> running -> kept --(30 days without a download)--> collected --(wanted again)--> queued

ALTER TABLE delta DROP CONSTRAINT delta_state_check;
ALTER TABLE delta
    ADD CONSTRAINT delta_state_check
        CHECK (state IN ('queued', 'running', 'kept', 'dropped', 'failed', 'collected')),
    ADD COLUMN worth      double precision NOT NULL DEFAULT 0, -- bytes saved by a CPU second
    ADD COLUMN cpu_ms     bigint,      -- that making it took
    ADD COLUMN used_at    timestamptz, -- fetched last, to the day
    ADD COLUMN removed_at timestamptz, -- collected
    ADD COLUMN is_gone    boolean NOT NULL DEFAULT false; -- its file, after removed_at
DROP INDEX delta_work;
CREATE INDEX delta_work ON delta (worth DESC, id) WHERE state IN ('queued', 'running');
CREATE INDEX delta_idle ON delta (ended_at) WHERE state = 'kept';
CREATE INDEX delta_leaving ON delta (removed_at) WHERE state = 'collected' AND NOT is_gone;

SELECT slipway_secure();
