//! What an adapter says of its platform, for the list in `platforms.rs`, and of its kind of storage, for
//! the one in `storages.rs`.

use std::{error::Error, sync::Arc};

use url::Url;

use super::{http_client::ExtraRoots, smtp::EhloName};
use crate::{
    domain::{content_hash::ContentHashKind, platform_spec::PlatformSpec},
    ports::{Clock, ImageProcessor, PublisherFactory},
};

/// What a platform says of itself.
#[derive(Debug)]
pub struct Registration {
    /// What the rest of the service knows of it.
    pub spec: PlatformSpec,
    /// The name of its upstream in metrics, and the operations that are counted.
    pub upstream: (&'static str, &'static [&'static str]),
    /// The statuses of its answers for which there is a series before the first one.
    pub statuses: &'static [&'static str],
    /// Makes what opens it for tenants. Sends no request.
    pub set_up: fn(&Setup) -> Result<Arc<dyn PublisherFactory>, SetupError>,
}

/// What a kind of storage says of itself.
#[derive(Debug)]
pub struct StorageRegistration {
    /// The hash that its listings carry.
    pub content_hash: ContentHashKind,
    /// Whether admins may upload images: a kind whose people put them there by other means takes none.
    pub takes_uploads: bool,
    /// The name of its upstream in metrics, and the operations that are counted; `None` where it has
    /// none.
    pub upstream: Option<(&'static str, &'static [&'static str])>,
}

/// What platforms are set up with.
pub struct Setup {
    /// Roots that are trusted beside the system's.
    pub roots: ExtraRoots,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Measures images, and makes a smaller copy where a platform asks for one late.
    pub images: Arc<dyn ImageProcessor>,
    /// The address of Telegram's Bot API: `https://api.telegram.org`.
    pub telegram_api_url: Url,
    /// The name that we give to mail servers.
    pub ehlo_name: EhloName,
}

/// Why a platform could not be set up.
pub type SetupError = Box<dyn Error + Send + Sync>;

/// Statuses of HTTP that alerts look for, and of answers that succeed. Others are added when they come.
pub const HTTP_STATUSES: &[&str] = &[
    "200", "403", "404", "429", "500", "502", "503", "504", "error",
];
