-- What has not come to a known end, so that it can be counted without reading the whole ledger.
CREATE INDEX ledger_entries_unsettled ON ledger_entries (tenant, content_hash)
    WHERE state IN ('intent', 'unknown');
