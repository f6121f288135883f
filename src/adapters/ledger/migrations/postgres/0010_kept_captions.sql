-- The caption of each attempt is kept in the history's table, with the intent. All columns are NULL in what was taken over
-- from another service. `fingerprint` of an attempt's caption is its holder and platform.
-- The key of the image, as in ledger_entries.
ALTER TABLE ledger_caption_history ADD COLUMN content_hash TEXT;
-- The key by which the platform can be asked about the attempt; NULL: it cannot be asked.
ALTER TABLE ledger_caption_history ADD COLUMN lookup_key TEXT;
-- Why it is not history; NULL: it is, since the platform has published it.
ALTER TABLE ledger_caption_history ADD COLUMN unpublished TEXT CHECK (unpublished IN ('intent', 'failed', 'unknown'));

CREATE INDEX ledger_caption_history_published ON ledger_caption_history (tenant, platform, sent_at DESC, id DESC)
    WHERE unpublished IS NULL;
CREATE INDEX ledger_caption_history_attempts ON ledger_caption_history (tenant, content_hash, platform)
    WHERE content_hash IS NOT NULL;
