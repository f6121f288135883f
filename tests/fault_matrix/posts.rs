//! The platforms of the tenant, and what each has received.

use publisher::domain::platform::Platform;
use publisher_sandbox::Network;

use crate::stage::Stage;

/// The platforms that are shipped, in the order of the table's columns.
pub(crate) fn platforms() -> impl Iterator<Item = Platform> {
    let is_shipped = |platform: &Platform| title(*platform).is_some();
    Platform::ALL.into_iter().filter(is_shipped)
}

/// The heading of a platform's column; `None` for one that no shipped build has.
#[cfg_attr(
    not(feature = "webhook-platform"),
    expect(clippy::unnecessary_wraps, reason = "one platform is not shipped")
)]
pub(crate) fn title(platform: Platform) -> Option<&'static str> {
    match platform {
        Platform::Telegram => Some("Telegram"),
        Platform::Email => Some("e-mail"),
        Platform::Mastodon => Some("Mastodon"),
        Platform::Bluesky => Some("Bluesky"),
        #[cfg(feature = "webhook-platform")]
        Platform::Webhook => None,
    }
}

/// How many posts of the tenant a platform has.
pub(crate) fn received(stage: &Stage, platform: Platform) -> usize {
    let (sandbox, tenant) = (&stage.sandbox, &stage.tenant);
    let posts = |network| tenant.account(network).unwrap().posts(sandbox).len();
    match platform {
        Platform::Telegram => sandbox.telegram.photos().len(),
        Platform::Email => {
            let recipient = tenant.recipient.as_deref().unwrap_or_default();
            sandbox.smtp.mails_to(recipient).len()
        }
        Platform::Mastodon => posts(Network::Mastodon),
        Platform::Bluesky => posts(Network::Bluesky),
        #[cfg(feature = "webhook-platform")]
        Platform::Webhook => 0,
    }
}
