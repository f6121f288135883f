//! What is sent to one platform: prepared, then staged. Sent under the protocol in `protocol.rs` only.

use std::sync::Arc;

use crate::{
    app::tenancy::access::Opened,
    domain::{
        caption_history::KeptCaption,
        image::EncodedImage,
        platform::Platform,
        publication::{Failure, LookupKey, Outcome},
    },
    ports::{Post, Publisher},
};

/// An image that is prepared for a platform, or the reason why the platform cannot take it. It is staged next.
pub struct Delivery {
    platform: Platform,
    ready: Result<Ready, Failure>,
}

/// The image for a platform, and the client that sends it.
pub(super) struct Ready {
    pub(super) image: EncodedImage,
    pub(super) publisher: Opened<dyn Publisher>,
    /// The same client while it connects.
    pub(super) connecting: Option<Arc<dyn Publisher>>,
}

impl Delivery {
    /// A delivery that is ready to be sent, or the reason why the platform cannot take the image.
    pub(super) fn new(platform: Platform, ready: Result<Ready, Failure>) -> Self {
        Self { platform, ready }
    }

    /// The platform.
    #[must_use]
    pub fn platform(&self) -> Platform {
        self.platform
    }

    /// Why the platform cannot take the image; `None` if it can.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.ready.as_ref().err()
    }

    /// Starts the connection to the platform.
    pub(super) fn connect(&mut self) {
        if let Ok(ready) = &mut self.ready {
            ready.connecting = ready.publisher.client.connecting();
        }
    }

    /// The platform, and what is staged there.
    pub(super) fn into_parts(self) -> (Platform, Result<Ready, Failure>) {
        (self.platform, self.ready)
    }
}

/// A post that a platform has, up to the step that makes it visible; or the outcome where it has not come so far. It can
/// be posted as an [`Intent`](super::protocol::Intent) only.
pub struct StagedDelivery {
    platform: Platform,
    key: Option<LookupKey>,
    caption: Option<KeptCaption>,
    staged: Result<Staged, Outcome>,
}

/// A post, and the client that has staged it.
pub(super) struct Staged {
    pub(super) post: Post,
    pub(super) publisher: Opened<dyn Publisher>,
    /// The same client, or one that has a connection of its own.
    pub(super) client: Arc<dyn Publisher>,
}

impl StagedDelivery {
    /// A delivery with the key by which the post is looked up. One that could not be staged has the key of the attempt
    /// before it: that is still the last one that may have been posted.
    pub(super) fn new(
        platform: Platform,
        key: Option<LookupKey>,
        staged: Result<Staged, Outcome>,
    ) -> Self {
        Self {
            platform,
            key,
            caption: None,
            staged,
        }
    }

    /// The same with the caption of its post, which is kept with the intent; `None` if it is empty.
    pub(super) fn with_caption(self, caption: Option<KeptCaption>) -> Self {
        Self { caption, ..self }
    }

    /// The platform.
    #[must_use]
    pub fn platform(&self) -> Platform {
        self.platform
    }

    /// The key by which the post is looked up; `None` if that is not possible.
    #[must_use]
    pub fn key(&self) -> Option<&LookupKey> {
        self.key.as_ref()
    }

    /// The caption of the post; `None` if it is empty.
    #[must_use]
    pub fn caption(&self) -> Option<&KeptCaption> {
        self.caption.as_ref()
    }

    /// The platform, the key, and what is posted. For [`Intent`](super::protocol::Intent), which only an intent in the
    /// ledger makes.
    pub(super) fn into_parts(self) -> (Platform, Option<LookupKey>, Result<Staged, Outcome>) {
        (self.platform, self.key, self.staged)
    }
}
