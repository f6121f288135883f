-- The voice profiles that people have stored, over those of the runtime configs.
CREATE TABLE ledger_voice_profile (
    tenant     TEXT   PRIMARY KEY,
    examples   TEXT,            -- a JSON array of texts; NULL: forgotten, so that the runtime config's holds again
    updated_at BIGINT NOT NULL -- milliseconds since 1970
);
