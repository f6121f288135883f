-- Usage events that the orchestrator's billing has not taken yet. A row is claimed, and is not due for as long.
CREATE TABLE ledger_usage (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant        TEXT    NOT NULL,
    event_key     TEXT    NOT NULL,
    metric        TEXT    NOT NULL,
    quantity      BIGINT  NOT NULL,
    occurred_at   BIGINT  NOT NULL,
    added_at      BIGINT  NOT NULL,
    due_at        BIGINT  NOT NULL,
    claim         TEXT,
    attempts      BIGINT  NOT NULL DEFAULT 0,
    unknown_since BIGINT, -- when billing first said that it does not know the tenant
    UNIQUE (tenant, event_key)
);

CREATE INDEX ledger_usage_due ON ledger_usage (due_at, id);
