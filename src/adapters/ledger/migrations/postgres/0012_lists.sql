-- Each filter of the list of publications is a range of an index, in the order of the list. Writes of versions before wait
-- while these are made: some seconds for a million entries.
CREATE INDEX ledger_entries_listed ON ledger_entries (tenant, platform, state, started_at DESC, id DESC);
CREATE INDEX ledger_entries_by_image ON ledger_entries (tenant, filename, started_at DESC, id DESC);
CREATE INDEX ledger_entries_at_work ON ledger_entries (tenant, holder) WHERE state = 'intent';
CREATE INDEX ledger_passed_over_by_image ON ledger_passed_over (tenant, filename, noted_at DESC, id);
