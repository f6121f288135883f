//! A door for the fuzz targets (`fuzz/`) to the headers that handlers read by themselves. Not there without the feature
//! `fuzzing`; nothing of the service uses it.

use super::{job_events::begin_after, prefer};
use crate::app::runtime::event_hub::Begin;

/// Whether a value of `Prefer` has `respond-async`.
#[must_use]
pub fn prefers_async(value: &[u8]) -> bool {
    prefer::prefers_async(value)
}

/// The number in a value of `Last-Event-ID`; `None` where there is none.
#[must_use]
pub fn last_event_id(value: &[u8]) -> Option<i64> {
    match begin_after(value) {
        Begin::After(number) => Some(number.0),
        Begin::Now | Begin::Reset => None,
    }
}
