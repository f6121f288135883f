-- Why a platform does not have an image, in one word of a fixed list.
ALTER TABLE ledger_entries ADD COLUMN reason TEXT;

-- Images that were passed over when the next one was to be published.
CREATE TABLE ledger_passed_over (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant       TEXT    NOT NULL,
    content_hash TEXT    NOT NULL,
    filename     TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    error        TEXT    NOT NULL,
    noted_at     INTEGER NOT NULL, -- milliseconds since 1970
    UNIQUE (tenant, content_hash)
) STRICT;

CREATE INDEX ledger_passed_over_newest ON ledger_passed_over (tenant, noted_at DESC, id);
