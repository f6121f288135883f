-- Usage events that the orchestrator's billing has not taken yet. A row is claimed, and is not due for as long.
CREATE TABLE ledger_usage (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant        TEXT    NOT NULL,
    event_key     TEXT    NOT NULL,
    metric        TEXT    NOT NULL,
    quantity      INTEGER NOT NULL,
    occurred_at   INTEGER NOT NULL,
    added_at      INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,
    claim         TEXT,
    attempts      INTEGER NOT NULL DEFAULT 0,
    unknown_since INTEGER, -- when billing first said that it does not know the tenant
    UNIQUE (tenant, event_key)
) STRICT;

CREATE INDEX ledger_usage_due ON ledger_usage (due_at, id);
