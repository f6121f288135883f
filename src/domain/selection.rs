//! Selecting the next image to publish.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    content_hash::ContentHash,
    image::{ImageName, StoredImage},
    ledger::{Entry, EntryState, Position},
    platform::Platform,
    publication::FailureReason,
};

/// Images that a tenant has not published yet.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unpublished {
    /// Images that were never tried, in their given order.
    pub fresh: Vec<StoredImage>,
    /// Images that were tried and are on no platform, by their last attempt. They come after all fresh ones, so that an
    /// image that never succeeds does not block others.
    pub failed: BTreeMap<Position, StoredImage>,
    /// The number of images that are left out because the image itself is unsuitable: another attempt would find, and
    /// pay for, the same.
    pub unsuitable: usize,
    /// Images that are on no platform for certain, and that some platform may have: they wait for somebody to look.
    pub in_doubt: Vec<ImageName>,
}

impl Unpublished {
    /// The unpublished ones among `images`, by the ledger's entries of each content. Left out is an image that any
    /// platform has or may have, one that is being published, a second one of the same content, and one that none of
    /// `platforms` can take.
    #[must_use]
    pub fn among(
        images: impl IntoIterator<Item = StoredImage>,
        entries: &HashMap<ContentHash, Vec<Entry>>,
        platforms: &[Platform],
    ) -> Self {
        let mut unpublished = Self::default();
        let mut seen = HashSet::new();
        for image in images {
            if !seen.insert(image.content_hash.clone()) {
                continue;
            }
            match entries.get(&image.content_hash).filter(|it| !it.is_empty()) {
                None => unpublished.fresh.push(image),
                Some(entries) if is_in_doubt(entries) => unpublished.in_doubt.push(image.name),
                Some(entries) if !entries.iter().all(has_failed) => {}
                Some(entries) if is_unsuitable(entries, platforms) => unpublished.unsuitable += 1,
                Some(entries) => {
                    let last = entries.iter().map(|entry| entry.position).max();
                    if let Some(last) = last {
                        unpublished.failed.insert(last, image);
                    }
                }
            }
        }
        unpublished
    }
}

fn has_failed(entry: &Entry) -> bool {
    matches!(entry.state, EntryState::Failed | EntryState::Skipped)
}

/// Whether some platform may have the image, and none has it for certain or is being sent it.
fn is_in_doubt(entries: &[Entry]) -> bool {
    let is_settled = |entry: &Entry| entry.state == EntryState::Unknown || has_failed(entry);
    entries.iter().all(is_settled) && !entries.iter().all(has_failed)
}

/// Whether none of these platforms can take the image.
fn is_unsuitable(entries: &[Entry], platforms: &[Platform]) -> bool {
    let is_unsuitable_for = |platform: Option<Platform>| {
        entries.iter().any(|entry| {
            entry.platform == platform && entry.reason == Some(FailureReason::ImageUnsuitable)
        })
    };
    let mut platforms = platforms.iter();
    is_unsuitable_for(None) || platforms.all(|platform| is_unsuitable_for(Some(*platform)))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::domain::image::ImageName;

    const ALL: &[Platform] = &Platform::ALL;

    fn image(name: &str, content: &str) -> StoredImage {
        StoredImage {
            name: ImageName::new(name).unwrap(),
            file_id: "id:1".to_owned(),
            revision: "1".to_owned(),
            content_hash: ContentHash::of(content.as_bytes()),
            size: 1,
            last_modified: None,
        }
    }

    fn entry(content: &str, platform: Platform, state: EntryState, started_ms: i64) -> Entry {
        Entry {
            position: Position {
                started_ms,
                id: started_ms,
            },
            image: Some(ImageName::new("earlier.jpg").unwrap()),
            content_hash: ContentHash::of(content.as_bytes()),
            platform: Some(platform),
            state,
            post: None,
            reason: None,
            error: None,
            key: None,
            started: SystemTime::UNIX_EPOCH,
            ended: None,
        }
    }

    fn by_content<const N: usize>(entries: [Entry; N]) -> HashMap<ContentHash, Vec<Entry>> {
        let mut by_content: HashMap<_, Vec<_>> = HashMap::new();
        for entry in entries {
            let content = entry.content_hash.clone();
            by_content.entry(content).or_default().push(entry);
        }
        by_content
    }

    fn names<'a>(images: impl IntoIterator<Item = &'a StoredImage>) -> Vec<&'a str> {
        images.into_iter().map(|it| it.name.as_str()).collect()
    }

    #[test]
    fn what_is_or_may_be_on_any_platform_is_left_out() {
        use EntryState::{Failed, InProgress, Published, Unknown};
        use Platform::{Email, Telegram};
        let images = ["a", "b", "c", "d", "e"].map(|it| image(&format!("{it}.jpg"), it));
        let entries = by_content([
            entry("a", Telegram, Published, 1),
            entry("a", Email, Failed, 1),
            entry("b", Email, Unknown, 2),
            entry("c", Telegram, InProgress, 3),
            entry("d", Telegram, Failed, 4),
        ]);
        let unpublished = Unpublished::among(images, &entries, ALL);
        assert_eq!(names(&unpublished.fresh), ["e.jpg"]);
        assert_eq!(names(unpublished.failed.values()), ["d.jpg"]);
        assert_eq!(unpublished.in_doubt, [ImageName::new("b.jpg").unwrap()]);
    }

    #[test]
    fn what_may_be_on_a_platform_and_is_on_none_for_certain_is_in_doubt() {
        use EntryState::{Failed, InProgress, Published, Unknown};
        use Platform::{Email, Telegram};
        for (other, is_in_doubt) in [
            (Unknown, true),
            (Failed, true),
            (InProgress, false),
            (Published, false),
        ] {
            let entries = by_content([
                entry("a", Telegram, Unknown, 1),
                entry("a", Email, other, 1),
            ]);
            let unpublished = Unpublished::among([image("a.jpg", "a")], &entries, ALL);
            assert_eq!(
                unpublished.in_doubt.len(),
                usize::from(is_in_doubt),
                "{other:?}"
            );
            assert!(unpublished.fresh.is_empty() && unpublished.failed.is_empty());
        }
    }

    #[test]
    fn what_another_service_has_posted_is_left_out() {
        let elsewhere = Entry {
            image: None,
            platform: None,
            ..entry("a", Platform::Telegram, EntryState::Published, 1)
        };
        let entries = by_content([elsewhere.clone()]);
        let unpublished = Unpublished::among([image("a.jpg", "a")], &entries, ALL);
        assert_eq!(unpublished, Unpublished::default());
        assert!(ALL.iter().all(|platform| elsewhere.concerns(*platform)));
    }

    #[test]
    fn what_failed_comes_by_its_last_attempt() {
        use EntryState::Failed;
        use Platform::{Email, Telegram};
        let images = ["a", "b", "c"].map(|it| image(&format!("{it}.jpg"), it));
        let entries = by_content([
            entry("a", Telegram, Failed, 1),
            entry("a", Email, Failed, 9),
            entry("b", Telegram, Failed, 5),
            entry("c", Telegram, Failed, 7),
        ]);
        let unpublished = Unpublished::among(images, &entries, ALL);
        assert!(unpublished.fresh.is_empty());
        assert_eq!(
            names(unpublished.failed.values()),
            ["b.jpg", "c.jpg", "a.jpg"]
        );
    }

    #[test]
    fn what_no_platform_that_is_on_can_take_is_left_out_until_it_changes() {
        use EntryState::Failed;
        use Platform::{Email, Telegram};
        let images = ["a", "b", "c", "d"].map(|it| image(&format!("{it}.jpg"), it));
        let unsuitable = |content, platform, started_ms| Entry {
            reason: Some(FailureReason::ImageUnsuitable),
            ..entry(content, platform, Failed, started_ms)
        };
        let passed_over = |content, reason, started_ms| Entry {
            platform: None,
            state: EntryState::Skipped,
            reason: Some(reason),
            ..entry(content, Telegram, Failed, started_ms)
        };
        let entries = by_content([
            unsuitable("a", Telegram, 1),
            unsuitable("a", Email, 1),
            // The other one may take it.
            unsuitable("b", Telegram, 2),
            entry("b", Email, Failed, 2),
            passed_over("c", FailureReason::ImageUnsuitable, 3),
            passed_over("d", FailureReason::Unavailable, 4),
        ]);
        let unpublished = Unpublished::among(images.clone(), &entries, &[Telegram, Email]);
        assert!(unpublished.fresh.is_empty());
        assert_eq!(names(unpublished.failed.values()), ["b.jpg", "d.jpg"]);
        assert_eq!(unpublished.unsuitable, 2);
        let telegram_only = Unpublished::among(images, &entries, &[Telegram]);
        assert_eq!(names(telegram_only.failed.values()), ["d.jpg"]);

        let changed = image("c.jpg", "another content");
        let unpublished = Unpublished::among([changed], &entries, ALL);
        assert_eq!(names(&unpublished.fresh), ["c.jpg"]);
    }

    #[test]
    fn the_same_content_comes_once() {
        let images = [image("a.jpg", "same"), image("b.jpg", "same")];
        let unpublished = Unpublished::among(images, &HashMap::new(), ALL);
        assert_eq!(names(&unpublished.fresh), ["a.jpg"]);
    }
}
