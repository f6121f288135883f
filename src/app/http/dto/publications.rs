//! What a client sees of the publication ledger.

use std::time::SystemTime;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use poem_openapi::{Enum, Object, types::Example};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::publish::{FailureReason, PlatformName};
use crate::{
    app::usecases::list_publications::EntryPage,
    domain::ledger::{Entry, EntryState, Position},
};

/// One page of what has been published, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub struct PublicationList {
    /// The publications on this page.
    pub publications: Vec<Publication>,
    /// `cursor` for the next page; `null` if this is the last one.
    #[oai(nullable)]
    pub next_cursor: Option<String>,
}

/// How things stand with one image on one platform.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub struct Publication {
    /// The name that the image had when it was last sent there.
    pub filename: String,
    /// The hash of its content, in hex: the same image has it under any name.
    pub content_hash: String,
    /// The platform; `null` for an image that was passed over, which went to none.
    #[oai(nullable)]
    pub platform: Option<PlatformName>,
    /// How things stand.
    pub outcome: PublicationOutcome,
    /// What the platform calls it.
    #[oai(nullable)]
    pub post_id: Option<String>,
    /// Why the platform does not certainly have it, for programs; `null` when it has, and where the
    /// attempt was recorded by a version that knew no reasons.
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

/// How things stand with an image on a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum PublicationOutcome {
    /// It is being published.
    InProgress,
    /// The platform has it.
    Published,
    /// The platform does not have it. Publishing again tries again.
    Failed,
    /// The platform may have it, for all that is known: look there before forcing another try.
    Unknown,
    /// The image was passed over when the next one was to be published: something is wrong with
    /// it. It is tried again when its content has changed, or when it is published by name.
    Skipped,
}

/// Where a page begins, opaque to clients.
#[must_use]
pub fn cursor_of(position: Position) -> String {
    let Position { started_ms, id } = position;
    let bytes = [started_ms.to_be_bytes(), id.to_be_bytes()].concat();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The position that a cursor stands for; `None` if it is no cursor.
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
            position: _, // for the cursor
            image,
            content_hash,
            platform,
            state,
            post_id,
            reason,
            error,
            started,
            ended,
        } = entry;
        Self {
            filename: image.as_str().to_owned(),
            content_hash: content_hash.as_str().to_owned(),
            platform: platform.map(PlatformName::from),
            outcome: state.into(),
            post_id: post_id.map(|id| id.as_str().to_owned()),
            reason: reason.map(FailureReason::from),
            error,
            started_at: rfc3339(started),
            ended_at: ended.map(rfc3339),
        }
    }
}

fn rfc3339(time: SystemTime) -> String {
    // Fails only beyond the year 9999.
    let time = OffsetDateTime::from(time);
    time.format(&Rfc3339).unwrap_or_default()
}

impl From<EntryState> for PublicationOutcome {
    fn from(state: EntryState) -> Self {
        match state {
            EntryState::InProgress => Self::InProgress,
            EntryState::Published => Self::Published,
            EntryState::Failed => Self::Failed,
            EntryState::Unknown => Self::Unknown,
            EntryState::Skipped => Self::Skipped,
        }
    }
}

impl From<PublicationOutcome> for EntryState {
    fn from(outcome: PublicationOutcome) -> Self {
        match outcome {
            PublicationOutcome::InProgress => Self::InProgress,
            PublicationOutcome::Published => Self::Published,
            PublicationOutcome::Failed => Self::Failed,
            PublicationOutcome::Unknown => Self::Unknown,
            PublicationOutcome::Skipped => Self::Skipped,
        }
    }
}

impl Example for PublicationList {
    fn example() -> Self {
        Self {
            publications: vec![Publication::example()],
            next_cursor: None,
        }
    }
}

impl Example for Publication {
    fn example() -> Self {
        Self {
            filename: "harbour-dawn.jpg".to_owned(),
            content_hash: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
                .to_owned(),
            platform: Some(PlatformName::Telegram),
            outcome: PublicationOutcome::Published,
            post_id: Some("1234".to_owned()),
            reason: None,
            error: None,
            started_at: "2026-05-04T18:30:00Z".to_owned(),
            ended_at: Some("2026-05-04T18:30:02Z".to_owned()),
        }
    }
}

impl PublicationList {
    /// An image that was passed over.
    pub(in crate::app::http) fn passed_over() -> Self {
        let skipped = Publication {
            filename: "harbour-noon.jpg".to_owned(),
            content_hash: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
                .to_owned(),
            platform: None,
            outcome: PublicationOutcome::Skipped,
            post_id: None,
            reason: Some(FailureReason::ImageUnsuitable),
            error: Some(
                "the model does not take this image: the model refuses to describe the image"
                    .to_owned(),
            ),
            started_at: "2026-05-04T18:30:00Z".to_owned(),
            ended_at: Some("2026-05-04T18:30:00Z".to_owned()),
        };
        Self {
            publications: vec![skipped],
            next_cursor: None,
        }
    }
}

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
