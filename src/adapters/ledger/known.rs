//! What is known of an image, out of the rows of both databases. Used by `statements.rs` and `look_ups.rs`.

use crate::domain::{
    ledger::{Prior, PriorState},
    platform::Platform,
    publication::{FailureReason, LookupKey, PostId, PostUrl, PublishedPost},
};

/// What stands for the platform in an entry of an image that another service has posted: it is taken to be published
/// on every platform, those of later versions included.
pub(super) const EVERY_PLATFORM: &str = "*";

/// A post as its columns have it. What is no address is not shown.
pub(super) fn post(id: String, url: Option<&str>) -> PublishedPost {
    PublishedPost {
        id: PostId::new(id),
        url: url.and_then(PostUrl::parse),
    }
}

/// One row of what is known: platform, state, post id, its URL, the key, and why the image was passed over.
pub(super) type KnownRow = (
    Option<String>,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

/// What is known of these platforms. The more certain state counts where a platform has several, under the keys of
/// different hashes; of two that are as certain, one that can be asked about.
pub(super) fn prior(rows: Vec<KnownRow>, platforms: &[Platform]) -> Prior {
    let mut prior = Prior::default();
    let mut is_everywhere = false;
    for (platform, state, post_id, post_url, key, reason) in rows {
        let Some(platform) = platform else {
            let reason = reason.and_then(|reason| FailureReason::from_name(&reason));
            prior.passed_over = prior.passed_over.or(reason);
            continue;
        };
        if platform == EVERY_PLATFORM {
            is_everywhere |= state == "published";
            continue;
        }
        let platform = Platform::from_name(&platform);
        let Some(platform) = platform.filter(|it| platforms.contains(it)) else {
            continue;
        };
        let state = match state.as_str() {
            "published" => {
                PriorState::Published(post(post_id.unwrap_or_default(), post_url.as_deref()))
            }
            "failed" => PriorState::Failed,
            // An intent as well: the caller has the lease, so no attempt is under way.
            _ => PriorState::Unknown,
        };
        let is_asked = !matches!(state, PriorState::Published(_));
        let key = key.filter(|_| is_asked).map(LookupKey::new);
        let known = prior.platforms.get(&platform).map(certainty);
        let of_state = Some(certainty(&state));
        if of_state > known {
            prior.platforms.insert(platform, state);
            prior.keys.remove(&platform);
        }
        if let Some(key) = key.filter(|_| of_state >= known) {
            prior.keys.entry(platform).or_insert(key);
        }
    }
    for platform in platforms.iter().filter(|_| is_everywhere) {
        let state = prior.platforms.entry(*platform);
        let state = state.or_insert(PriorState::Failed);
        if !matches!(state, PriorState::Published(_)) {
            *state = PriorState::Published(PublishedPost::new(""));
            prior.keys.remove(platform);
        }
    }
    prior
}

fn certainty(state: &PriorState) -> u8 {
    match state {
        PriorState::Failed => 0,
        PriorState::Unknown => 1,
        PriorState::Published(_) => 2,
    }
}
