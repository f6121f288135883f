//! What is sent to one platform: the image, prepared for it, and the client. Sent under the protocol in `protocol.rs`
//! only.

use std::sync::Arc;

use crate::{
    app::tenancy::access::Opened,
    domain::{image::EncodedImage, platform::Platform, publication::Failure},
    ports::Publisher,
};

/// An image that is prepared for a platform, or the reason why the platform cannot take it. It can be posted
/// as an [`Intent`](super::protocol::Intent) only.
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

    /// The platform, and what is sent to it. For [`Intent`](super::protocol::Intent), which only an intent in the
    /// ledger makes.
    pub(super) fn into_parts(self) -> (Platform, Result<Ready, Failure>) {
        (self.platform, self.ready)
    }
}
