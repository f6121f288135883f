//! What this service has changed in a tenant's folders lately: listings that were read before are shown with it, and
//! are not read anew.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::{domain::image::ImageName, ports::Folder};

/// The most changes that are kept of one storage, in all its folders: 32 KiB. A listing that has missed one is read
/// anew.
const MAX_CHANGES: usize = 128;

/// A change of ours in a folder, or what was found to have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::app) enum OwnChange {
    /// There is no image of this name any more.
    Gone(ImageName),
    /// The image of this name is another than before, or may be.
    Written(ImageName),
    /// Any image may be.
    Unknown,
}

/// The latest changes.
#[derive(Default)]
pub(super) struct WriteLog(Mutex<Changes>);

#[derive(Default)]
struct Changes {
    kept: VecDeque<(Folder, OwnChange)>,
    /// How many there were before those.
    dropped: u64,
}

impl WriteLog {
    /// How many changes there have been.
    pub(super) fn position(&self) -> u64 {
        let changes = self.0.lock();
        changes.dropped + changes.kept.len() as u64
    }

    /// Adds a change.
    pub(super) fn record(&self, folder: Folder, change: OwnChange) {
        let mut changes = self.0.lock();
        if changes.kept.len() >= MAX_CHANGES {
            changes.kept.pop_front();
            changes.dropped += 1;
        }
        changes.kept.push_back((folder, change));
    }

    /// The changes in a folder since a position, and the position after them; `None` if one of them is not kept any
    /// more.
    pub(super) fn since(&self, position: u64, folder: Folder) -> Option<(Vec<OwnChange>, u64)> {
        let changes = self.0.lock();
        let skipped = usize::try_from(position.checked_sub(changes.dropped)?).ok()?;
        let later = changes.kept.iter().skip(skipped);
        let here = later.filter(|(it, _)| *it == folder);
        let here = here.map(|(_, change)| change.clone()).collect();
        Some((here, changes.dropped + changes.kept.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone(number: usize) -> OwnChange {
        OwnChange::Gone(ImageName::new(&format!("{number}.jpg")).unwrap())
    }

    fn since(log: &WriteLog, position: u64) -> Option<usize> {
        log.since(position, Folder::Root)
            .map(|(changes, _)| changes.len())
    }

    #[test]
    fn changes_are_told_by_folder_from_a_position_on() {
        let log = WriteLog::default();
        log.record(Folder::Root, gone(1));
        let position = log.position();
        log.record(Folder::Keep, OwnChange::Unknown);
        log.record(Folder::Root, gone(2));
        assert_eq!((since(&log, 0), since(&log, position)), (Some(2), Some(1)));
        assert_eq!(since(&log, log.position()), Some(0));
        let kept = log.since(0, Folder::Keep);
        assert_eq!(kept, Some((vec![OwnChange::Unknown], 3)));
    }

    #[test]
    fn a_listing_that_has_missed_a_change_is_told_so() {
        let log = WriteLog::default();
        for number in 0..=MAX_CHANGES {
            log.record(Folder::Root, gone(number));
        }
        assert_eq!((since(&log, 0), since(&log, 1)), (None, Some(MAX_CHANGES)));
    }
}
