-- The address of the post, for people.
ALTER TABLE ledger_entries ADD COLUMN post_url TEXT;

-- The key by which the platform can be asked about the last attempt; NULL: it cannot be asked. Platforms that the
-- version before knows have no keys, so that it leaves none behind of another attempt.
ALTER TABLE ledger_entries ADD COLUMN lookup_key TEXT;
-- The key of the attempt that `prior` is of, where that is 'unknown'.
ALTER TABLE ledger_entries ADD COLUMN prior_lookup_key TEXT;
