//! Hashes of content, as they stand in the ledger.
//!
//! Each hash has a key of 64 hex digits, as all hashes had of which earlier versions know. An entry is kept under the
//! key of one hash of its image, and `ledger_hashes` leads from the others to it. Where several keys lead to an image,
//! all of its entries count: nothing of what is known is moved or lost when two contents turn out to be one.

use serde_json::json;

use crate::domain::{
    content_hash::{ContentHash, ContentHashKind},
    content_hashes::ContentHashes,
    storage::HashKind,
};

/// The key of one hash.
pub(super) fn key_of(hash: &ContentHash) -> String {
    match hash.kind() {
        HashKind::Etag => (ContentHashKind::SHA256.of)(text(hash).as_bytes()).to_string(),
        HashKind::Sha256 | HashKind::Dropbox => hash.to_string(),
    }
}

/// The key under which a new entry is kept: that of the kind of which earlier versions know, so that they find the
/// entry, or the next best.
pub(super) fn key(hashes: &ContentHashes) -> String {
    let rank = |hash: &&ContentHash| match hash.kind() {
        HashKind::FIRST => 0,
        HashKind::Etag => 2,
        _ => 1,
    };
    let best = hashes.as_slice().iter().min_by_key(rank);
    key_of(best.unwrap_or(hashes.listed()))
}

/// Hashes as a parameter of a statement: a JSON array of kind, hash and key.
pub(super) fn parameter<'a>(hashes: impl IntoIterator<Item = &'a ContentHash>) -> String {
    let object = |hash: &ContentHash| json!({ "kind": hash.kind().as_str(), "hash": hash.to_string(), "own_key": key_of(hash) });
    let objects: Vec<_> = hashes.into_iter().map(object).collect();
    serde_json::Value::from(objects).to_string()
}

/// The columns `hash_kind` and `hash` of a row; they are `NULL` in rows of versions that know no such columns.
pub(super) fn columns(hashes: &ContentHashes) -> (&'static str, String) {
    let shown = hashes.shown();
    (shown.kind().as_str(), shown.to_string())
}

/// The hash that a row shows. A kind that only a later version knows is not shown.
pub(super) fn shown(key: &str, kind: Option<&str>, hash: Option<&str>) -> Option<ContentHash> {
    let kind = kind.and_then(HashKind::from_name);
    let shown = kind.zip(hash);
    let shown = shown.and_then(|(kind, hash)| ContentHash::new(kind, hash));
    shown.or_else(|| ContentHash::new(HashKind::FIRST, key))
}

/// A hash with its kind, as a word.
fn text(hash: &ContentHash) -> String {
    format!("{}:{hash}", hash.kind().as_str())
}

/// Hashes in one column: words with a space between.
pub(super) fn texts(hashes: &ContentHashes) -> String {
    let words: Vec<_> = hashes.as_slice().iter().map(text).collect();
    words.join(" ")
}

/// The hashes in such a text; `None` if it has none.
pub(super) fn of_texts(texts: &str) -> Option<ContentHashes> {
    let hashes = texts.split(' ').filter_map(|word| {
        let (kind, hash) = word.split_once(':')?;
        ContentHash::new(HashKind::from_name(kind)?, hash)
    });
    ContentHashes::new(hashes)
}

/// The hashes of a row with this key and this column. A version that knows no such column leaves it as it was, so
/// that it counts only where it is of this key.
pub(super) fn of_row(key_of_row: &str, texts: Option<&str>) -> Option<ContentHashes> {
    let hashes = texts.and_then(of_texts);
    let hashes = hashes.filter(|hashes| key(hashes) == key_of_row);
    hashes.or_else(|| ContentHash::new(HashKind::FIRST, key_of_row).map(Into::into))
}

/// The statements in which a content is told by its hashes. `$2` is the tenant, and `$hashes` selects kind, hash and
/// key of the hashes in `$3`; `$locked` locks selected rows until the end of the transaction. Leases are locked in the
/// order of their keys, so that no two transactions wait for each other.
macro_rules! sql_hashes {
    (hashes: $hashes:literal, locked: $locked:literal) => {
        /// Each hash that was asked for, with a key under which its content may be kept.
        macro_rules! asked {
            () => {
                concat!(
                    "SELECT h.own_key AS asked, h.own_key AS entry_key FROM (",
                    $hashes,
                    ") AS h
                     UNION SELECT h.own_key AS asked, g.content_hash AS entry_key FROM (",
                    $hashes,
                    ") AS h CROSS JOIN ledger_hashes g
                        WHERE g.tenant = $2 AND g.kind = h.kind AND g.hash = h.hash"
                )
            };
        }
        /// The keys under which the content may be kept.
        macro_rules! keys {
            () => {
                concat!("(SELECT a.entry_key FROM (", asked!(), ") AS a)")
            };
        }
        /// The leases of the holder `$4` on these hashes.
        macro_rules! own_leases {
            () => {
                concat!(
                    "tenant = $2 AND holder = $4 AND content_hash IN
                        (SELECT l.content_hash FROM ledger_leases l
                            WHERE l.tenant = $2 AND l.holder = $4
                                AND l.content_hash IN (SELECT h.own_key FROM (",
                    $hashes,
                    ") AS h) ORDER BY l.content_hash ",
                    $locked,
                    ")"
                )
            };
        }
        /// Takes the leases on all hashes that no other holder has.
        macro_rules! take {
            ($live:literal) => {
                concat!(
                    "INSERT INTO ledger_leases AS l (tenant, content_hash, holder, session, expires_at)
                     SELECT CAST($2 AS TEXT), h.own_key, CAST($4 AS TEXT), CAST($5 AS BIGINT),
                        CAST($6 AS BIGINT) FROM (",
                    $hashes,
                    ") AS h WHERE true ORDER BY h.own_key
                     ON CONFLICT (tenant, content_hash) DO UPDATE SET
                        holder = excluded.holder,
                        session = excluded.session,
                        expires_at = excluded.expires_at
                     WHERE l.holder = excluded.holder OR NOT (",
                    $live,
                    ")"
                )
            };
        }
        /// Holds leases that are still the holder's, until `$1`.
        const HOLD: &str = concat!(
            "UPDATE ledger_leases SET expires_at = $1, session = $5 WHERE ",
            own_leases!()
        );
        /// `$1` is not used.
        const RELEASE: &str = concat!("DELETE FROM ledger_leases WHERE ", own_leases!());
        /// Lets every hash lead to all that is kept of the content.
        pub(super) const LINK: &str = concat!(
            "INSERT INTO ledger_hashes (tenant, kind, hash, content_hash)
             SELECT DISTINCT CAST($2 AS TEXT), h.kind, h.hash, kept.content_hash FROM (",
            $hashes,
            ") AS h CROSS JOIN
                (SELECT content_hash FROM ledger_entries WHERE tenant = $2 AND content_hash IN ",
            keys!(),
            " UNION SELECT content_hash FROM ledger_passed_over
                WHERE tenant = $2 AND content_hash IN ",
            keys!(),
            ") AS kept
             WHERE h.own_key <> kept.content_hash
             ORDER BY h.kind, h.hash, kept.content_hash
             ON CONFLICT (tenant, kind, hash, content_hash) DO NOTHING"
        );
    };
}
pub(super) use sql_hashes;
