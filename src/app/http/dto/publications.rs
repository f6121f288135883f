//! The publications in the ledger.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use poem_openapi::{Enum, Object};

use super::publish::{FailureReason, PlatformName};
use crate::{
    app::usecases::list_publications::EntryPage,
    domain::{
        ledger::{Entry, EntryState, Position},
        rfc3339,
    },
};

/// One page of publications, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct PublicationList {
    /// The publications on this page.
    pub publications: Vec<Publication>,
    /// `cursor` for the next page; `null` if this is the last one.
    #[oai(nullable)]
    pub next_cursor: Option<String>,
}

/// The state of one image on one platform.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct Publication {
    /// The id of this row, which stays the same when the image is sent to the platform again.
    pub id: String,
    /// The name that the image had when it was last sent to the platform; `null` where it is not known, of an image that
    /// another service has posted.
    #[oai(nullable)]
    pub filename: Option<String>,
    /// A hash of its content; it does not depend on the name. The ledger may know the image by others as well.
    pub content_hash: String,
    /// The kind of that hash: `sha256`, of the bytes; `etag`, an S3-compatible store's, of an image that was not read; or
    /// the digest of its own that a provider of storage lists.
    pub content_hash_kind: String,
    /// The platform; `null` for an image that was passed over (`skipped`), which was sent to none, and for one that
    /// another service has posted (`published`), which counts as published on every platform.
    #[oai(nullable)]
    pub platform: Option<PlatformName>,
    /// The state.
    pub outcome: PublicationOutcome,
    /// The platform's id of the post.
    #[oai(nullable)]
    pub post_id: Option<String>,
    /// The address of the post, for people; `null` where the platform has none that everybody can open.
    #[oai(nullable)]
    pub post_url: Option<String>,
    /// Why the platform does not certainly have it, for programs; `null` when it has, and for
    /// attempts of versions that recorded no reasons.
    #[oai(nullable)]
    pub reason: Option<FailureReason>,
    /// Why the last attempt did not certainly succeed, for people.
    #[oai(nullable)]
    pub error: Option<String>,
    /// When the last attempt began (RFC 3339, UTC).
    pub started_at: String,
    /// When it ended (RFC 3339, UTC); `null` while it runs, and if its end was not recorded.
    #[oai(nullable)]
    pub ended_at: Option<String>,
}

/// The state of an image on a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum PublicationOutcome {
    /// It is being published.
    InProgress,
    /// The platform has it.
    Published,
    /// The platform does not have it. Publishing again tries again.
    Failed,
    /// The platform may have it: ask by `checkPublication`, or look there, before forcing another attempt.
    Unknown,
    /// The image was passed over when the next one was to be published, because it cannot be published as it
    /// is. It is tried again when its content has changed, or when it is published by name.
    Skipped,
}

/// The cursor of a position: opaque to clients.
#[must_use]
pub fn cursor_of(position: Position) -> String {
    let Position { started_ms, id } = position;
    let bytes = [started_ms.to_be_bytes(), id.to_be_bytes()].concat();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The position of a cursor; `None` if it is not valid.
#[must_use]
pub fn position_of(cursor: &str) -> Option<Position> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (started_ms, id) = bytes.split_first_chunk::<8>()?;
    Some(Position {
        started_ms: i64::from_be_bytes(*started_ms),
        id: i64::from_be_bytes(id.try_into().ok()?),
    })
}

impl From<EntryPage> for PublicationList {
    fn from(page: EntryPage) -> Self {
        let EntryPage { entries, next } = page;
        Self {
            publications: entries.into_iter().map(Publication::from).collect(),
            next_cursor: next.map(cursor_of),
        }
    }
}

impl From<Entry> for Publication {
    fn from(entry: Entry) -> Self {
        let Entry {
            position,
            image,
            content_hash,
            platform,
            state,
            post,
            reason,
            error,
            key: _, // the platform's business
            started,
            ended,
        } = entry;
        Self {
            id: position.id.to_string(),
            filename: image.map(|name| name.as_str().to_owned()),
            content_hash_kind: content_hash.kind().as_str().to_owned(),
            content_hash: content_hash.to_string(),
            platform: platform.map(PlatformName::from),
            outcome: state.into(),
            post_id: post.as_ref().map(|post| post.id.as_str().to_owned()),
            post_url: post.and_then(|post| Some(post.url?.as_str().to_owned())),
            reason: reason.map(FailureReason::from),
            error,
            started_at: rfc3339::format(started),
            ended_at: ended.map(rfc3339::format),
        }
    }
}

same_variants!(EntryState => PublicationOutcome: InProgress, Published, Failed, Unknown, Skipped);
same_variants!(PublicationOutcome => EntryState: InProgress, Published, Failed, Unknown, Skipped);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_position_and_nothing_else_is_one() {
        let position = Position {
            started_ms: 1_700_000_000_123,
            id: i64::MAX,
        };
        let cursor = cursor_of(position);
        assert_eq!(position_of(&cursor), Some(position));
        for cursor in ["", "AAAA", "!", &format!("{cursor}AA"), &cursor[1..]] {
            assert_eq!(position_of(cursor), None, "{cursor}");
        }
    }
}
