CREATE TABLE ledger_requests (
    tenant       TEXT    NOT NULL,
    key_hash     TEXT    NOT NULL, -- SHA-256 of the idempotency key
    fingerprint  TEXT    NOT NULL, -- SHA-256 of what the request asks for
    holder       TEXT,             -- who carries it out; NULL: nobody
    session      INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL, -- of the holder; milliseconds since 1970, as are all times here
    filename     TEXT,             -- the image, once something of it may have been sent
    content_hash TEXT,
    answer       TEXT,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (tenant, key_hash)
) STRICT;

CREATE INDEX ledger_requests_oldest ON ledger_requests (created_at);
