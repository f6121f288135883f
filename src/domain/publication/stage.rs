//! The stages of a publication.

use crate::domain::words::words;

words! {
    /// A stage of a publication, by its name in answers, events and the metric `publisher_publish_duration_seconds`.
    pub enum PublishStage {
        /// Finding the image in storage.
        Find = "find",
        /// Taking the lease on the image.
        Claim = "claim",
        /// Waiting for the memory budget.
        WaitForRoom = "wait_for_room",
        /// Fetching the image.
        Fetch = "fetch",
        /// Making the copies that platforms need.
        Prepare = "prepare",
        /// The vision call.
        Vision = "vision",
        /// The caption call.
        Captions = "captions",
        /// Giving all platforms the post up to the step that makes it visible.
        Staging = "stage",
        /// Sending the image to all platforms.
        Send = "send",
        /// Writing the sidecar.
        Sidecar = "sidecar",
        /// Moving the image to the archive.
        Archive = "archive",
    }
}
