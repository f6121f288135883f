-- One row of each tenant that has jobs or a schedule. It is locked by whoever writes the tenant's jobs.
CREATE TABLE ledger_job_queues (
    tenant   TEXT   PRIMARY KEY,
    turn_at  BIGINT, -- when to look at the tenant's jobs next; NULL: none waits
    schedule TEXT,   -- in JSON; NULL: none was put
    host     TEXT    -- under which the tenant is found; NULL: nobody has asked for a job yet
);

CREATE INDEX ledger_job_queues_turn ON ledger_job_queues (turn_at, tenant) WHERE turn_at IS NOT NULL;

-- Publications that somebody has asked for and nobody waits for.
CREATE TABLE ledger_jobs (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant       TEXT   NOT NULL,
    status       TEXT   NOT NULL,
    filename     TEXT,            -- NULL: the next image that was not published
    hashes       TEXT,            -- of the image that was chosen; NULL: none was
    what         TEXT   NOT NULL, -- platforms, captions and options, in JSON
    publish_at   BIGINT NOT NULL, -- milliseconds since 1970, as are all times here
    posting_time BIGINT,          -- of the schedule; NULL: somebody asked for it
    is_next      BIGINT NOT NULL DEFAULT 0, -- 1: it stands for the next posting time
    due_at       BIGINT NOT NULL, -- its time, or that of its next attempt; while it runs, the end of its claim
    created_at   BIGINT NOT NULL,
    begun_at     BIGINT,
    ended_at     BIGINT,
    attempts     BIGINT NOT NULL DEFAULT 0,
    failures     BIGINT NOT NULL DEFAULT 0,
    interrupted  BIGINT NOT NULL DEFAULT 0,
    remaining    TEXT,            -- platforms of the next attempt, in JSON; NULL: all
    results      TEXT   NOT NULL DEFAULT '[]',
    stage        TEXT,
    reason       TEXT,
    error        TEXT,
    claim        TEXT
);

CREATE INDEX ledger_jobs_listed ON ledger_jobs (tenant, publish_at DESC, id DESC);
CREATE INDEX ledger_jobs_by_status ON ledger_jobs (tenant, status, publish_at DESC, id DESC);
CREATE INDEX ledger_jobs_due ON ledger_jobs (tenant, due_at, id) WHERE status IN ('scheduled', 'running');
CREATE INDEX ledger_jobs_open ON ledger_jobs (tenant, publish_at) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX ledger_jobs_next ON ledger_jobs (tenant) WHERE is_next = 1;
CREATE INDEX ledger_jobs_status ON ledger_jobs (status); -- narrow, to count by
CREATE INDEX ledger_jobs_ended ON ledger_jobs (ended_at) WHERE ended_at IS NOT NULL;

-- The job that the request under this key has added; NULL: it has added none.
ALTER TABLE ledger_requests ADD COLUMN job_id BIGINT;

-- What has happened to a tenant's jobs and publications, numbered without a gap.
CREATE TABLE ledger_job_events (
    tenant   TEXT   NOT NULL,
    number   BIGINT NOT NULL,
    job_id   BIGINT,          -- NULL: a request's publication
    filename TEXT,            -- of a stage
    platform TEXT,            -- of a stage that each platform has for itself
    stage    TEXT,            -- NULL: the job was made, or has changed
    added_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, number)
);

-- Publications that requests wait for, while they run.
CREATE TABLE ledger_publish_slots (
    tenant  TEXT   NOT NULL,
    token   TEXT   NOT NULL,
    ends_at BIGINT NOT NULL,  -- unless it is renewed
    PRIMARY KEY (tenant, token)
);

-- How often something was done, counted by all processes together.
CREATE TABLE ledger_rates (
    name       TEXT     NOT NULL,  -- of the limit
    key        BYTEA    NOT NULL,  -- SHA-256 of whose turns are counted
    turns      BIGINT[] NOT NULL,  -- when each is, as far as it matters yet
    asked_at   BIGINT   NOT NULL,  -- when somebody asked for a turn last
    next_at    BIGINT   NOT NULL,  -- when that turn is, whether it was taken or not
    evict_at   BIGINT   NOT NULL,  -- a full hour, so that it seldom changes
    PRIMARY KEY (name, key)
);

CREATE INDEX ledger_rates_evict ON ledger_rates (evict_at);
