//! Steps that several use cases take, and what they run on.

use std::sync::Arc;

use crate::{
    app::{
        runtime::{held_lease::Leases, keyed_limit::Capacity},
        tenancy::voice_profiles::VoiceProfiles,
    },
    domain::content_hash::ContentHashKind,
    ports::{CaptionHistory, Clock, ImageProcessor},
};

pub mod caption_choice;
pub mod captioning;
pub(super) mod earlier_captions;
pub mod loaded_image;
pub(super) mod look_up;
pub mod own_thumbnail;
pub(super) mod platform_failure;
pub(super) mod progress;
pub(super) mod sidecar;
pub(super) mod stages;

/// What images are published and analyzed with; clones share it.
#[derive(Clone)]
pub struct ImageWork {
    /// Makes copies of images.
    pub scaler: Arc<dyn ImageProcessor>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Claims the leases on images.
    pub leases: Leases,
    /// The limits of publications and of memory.
    pub capacity: Capacity,
    /// The functions of the hashes by which the ledger may know an image, whichever storage holds it.
    pub hash_kinds: Arc<[ContentHashKind]>,
    /// The stored voice profiles, which captions follow.
    pub voices: Arc<VoiceProfiles>,
    /// What is remembered of captions.
    pub captions: Arc<dyn CaptionHistory>,
}
