CREATE TABLE ledger_leases (
    tenant       TEXT   NOT NULL,
    content_hash TEXT   NOT NULL,
    holder       TEXT   NOT NULL,
    session      BIGINT NOT NULL, -- the advisory lock that the holder's process keeps
    expires_at   BIGINT NOT NULL, -- milliseconds since 1970, as are all times here
    PRIMARY KEY (tenant, content_hash)
);

CREATE TABLE ledger_entries (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant       TEXT   NOT NULL,
    content_hash TEXT   NOT NULL,
    platform     TEXT   NOT NULL,
    filename     TEXT   NOT NULL,
    state        TEXT   NOT NULL CHECK (state IN ('intent', 'published', 'failed', 'unknown')),
    prior        TEXT   CHECK (prior IN ('published', 'unknown')), -- holds if the attempt fails
    post_id      TEXT,
    error        TEXT,
    holder       TEXT   NOT NULL,
    started_at   BIGINT NOT NULL,
    ended_at     BIGINT,
    UNIQUE (tenant, content_hash, platform)
);

CREATE INDEX ledger_entries_newest ON ledger_entries (tenant, started_at DESC, id DESC);
