-- The captions that were sent, so that the next ones are not like them.
CREATE TABLE ledger_caption_history (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant       TEXT    NOT NULL,
    platform     TEXT    NOT NULL,
    caption      TEXT    NOT NULL, -- the text that was sent
    written      TEXT,             -- what the model wrote; NULL: not known
    author       TEXT,             -- who wrote the text that was sent, in one word; NULL: not known
    angle        TEXT,
    image_sha256 TEXT,             -- in hex
    model        TEXT,             -- the model that was asked; NULL: none, or not known
    sent_at      INTEGER NOT NULL, -- milliseconds since 1970
    fingerprint  TEXT,             -- of what was taken over from another service; NULL: sent by this one
    UNIQUE (tenant, fingerprint)
) STRICT;

CREATE INDEX ledger_caption_history_newest ON ledger_caption_history (tenant, platform, sent_at DESC, id DESC);
CREATE INDEX ledger_caption_history_oldest ON ledger_caption_history (sent_at);
