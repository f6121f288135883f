CREATE TABLE ledger_leases (
    tenant       TEXT    NOT NULL,
    content_hash TEXT    NOT NULL,
    holder       TEXT    NOT NULL,
    session      INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL, -- milliseconds since 1970, as are all times here
    PRIMARY KEY (tenant, content_hash)
) STRICT;

CREATE TABLE ledger_entries (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant       TEXT    NOT NULL,
    content_hash TEXT    NOT NULL,
    platform     TEXT    NOT NULL,
    filename     TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('intent', 'published', 'failed', 'unknown')),
    prior        TEXT    CHECK (prior IN ('published', 'unknown')), -- holds if the attempt fails
    post_id      TEXT,
    error        TEXT,
    holder       TEXT    NOT NULL,
    started_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    UNIQUE (tenant, content_hash, platform)
) STRICT;

CREATE INDEX ledger_entries_newest ON ledger_entries (tenant, started_at DESC, id DESC);
