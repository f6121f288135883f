-- The hash that is shown of a content; NULL: the one in content_hash, which is Dropbox's.
ALTER TABLE ledger_entries ADD COLUMN hash_kind TEXT;
ALTER TABLE ledger_entries ADD COLUMN hash TEXT;
ALTER TABLE ledger_passed_over ADD COLUMN hash_kind TEXT;
ALTER TABLE ledger_passed_over ADD COLUMN hash TEXT;

-- All hashes of the image of a request, each with its kind.
ALTER TABLE ledger_requests ADD COLUMN hashes TEXT;

-- Which other hashes lead to what is kept under a content_hash.
CREATE TABLE ledger_hashes (
    tenant       TEXT NOT NULL,
    kind         TEXT NOT NULL,
    hash         TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, hash, content_hash)
) STRICT;
