//! What Bluesky is published with and to: the credential, and the entry of the config.

use serde_json::{Value, json};

use crate::domain::{
    caption::{CaptionRules, CaptionUnit, HashtagPolicy},
    config_block::{Block, FieldProblem},
    credential::provider_credential,
    platform::{ImageLimits, Platform},
    platform_spec::{Entries, Target},
    secret::{CredentialsRef, Secret, SecretProblem},
    service_url::ServiceUrl,
};

const LABELS: [&str; 4] = ["sexual", "nudity", "porn", "graphic-media"];

provider_credential! {
    /// What Bluesky is published to with.
    pub(super) struct BlueskyCredential of "bluesky" {
        /// The handle of the account.
        handle: "BLUESKY_HANDLE" (handle, handle_problem),
        /// An app password of it.
        app_password: "BLUESKY_APP_PASSWORD" (|_| None, app_password_problem),
    }
}

/// The handle without the `@` before it, and without the address of the profile.
fn handle(text: &str) -> Option<Secret> {
    let compact: String = text.split_whitespace().collect();
    let name = compact.trim_start_matches("https://bsky.app/profile/");
    let name = name.trim_start_matches('@').trim_end_matches('/');
    (name != text && !name.is_empty()).then(|| Secret::new(name.to_owned()))
}

pub(super) fn handle_problem(text: &str) -> Option<SecretProblem> {
    let is_handle = text.contains(['.', ':']) && !text.contains(['/', ' ']);
    (!is_handle).then_some(SecretProblem::Suspicious(
        "does not look like a handle, which is a name with dots, as alice.bsky.social",
    ))
}

pub(super) fn app_password_problem(text: &str) -> Option<SecretProblem> {
    let is_part = |part: &str| part.len() == 4 && part.bytes().all(|it| it.is_ascii_alphanumeric());
    let is_one = text.split('-').count() == 4 && text.split('-').all(is_part);
    (!is_one).then_some(SecretProblem::Suspicious(
        "does not look like an app password, which is four times four letters and digits: make one in Bluesky's \
         settings, and do not use the account's own password",
    ))
}

/// An account's server, and what posts are labeled with, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BlueskyTarget {
    credentials_ref: CredentialsRef,
    pub(super) service: ServiceUrl,
    pub(super) labels: Vec<&'static str>,
}

impl BlueskyTarget {
    pub(super) const IMAGE: ImageLimits = Self::image(2_000_000);
    /// What servers before 2026 take.
    pub(super) const OLDER_IMAGE: ImageLimits = Self::image(1_000_000);

    const fn image(max_bytes: u64) -> ImageLimits {
        ImageLimits {
            max_side: Some(4000),
            ..ImageLimits::of_bytes(max_bytes)
        }
    }
}

impl Target for BlueskyTarget {
    const PLATFORM: Platform = Platform::Bluesky;
    const TYPES: &'static [&'static str] = &["bluesky"];
    const FIELDS: &'static [&'static str] = &["service_url", "content_labels"];
    const CAPTION: CaptionRules = CaptionRules {
        limit: 300,
        unit: CaptionUnit::Grapheme,
        max_bytes: Some(3000),
        link_length: None,
        hashtags: HashtagPolicy::TenantAndModel,
        plain_ascii_line: false,
        words: None,
    };
    const IMAGE_LIMITS: Option<ImageLimits> = Some(Self::IMAGE);
    type Credential = BlueskyCredential;

    fn read(entries: Entries<'_>, warnings: &mut Vec<FieldProblem>) -> Option<Self> {
        entries.first(warnings, |entry, config, _| {
            let reference = entry.required_text("credentials_ref");
            let service = config.text("service_url").unwrap_or("https://bsky.social");
            let service = ServiceUrl::parse(service);
            let service = service.map_err(|problem| config.reject("service_url", problem.0));
            let labels = labels(config);
            Some(Self {
                credentials_ref: CredentialsRef::new(reference?)?,
                service: service.ok()?,
                labels,
            })
        })
    }

    fn credentials_ref(&self) -> &CredentialsRef {
        &self.credentials_ref
    }

    fn config(&self) -> Value {
        json!({ "service_url": self.service.expose().as_str(), "content_labels": self.labels })
    }
}

fn labels(config: &mut Block<'_>) -> Vec<&'static str> {
    let Some(value) = config.field("content_labels") else {
        return vec!["sexual"];
    };
    let known = |value: &Value| {
        let word = value.as_str()?.trim();
        LABELS.into_iter().find(|it| word.eq_ignore_ascii_case(it))
    };
    let words = value.as_array().map(|words| words.iter().map(known));
    let Some(words) = words.and_then(Iterator::collect::<Option<Vec<_>>>) else {
        let rule = "must be a list of sexual, nudity, porn and graphic-media, or an empty one";
        config.reject("content_labels", rule);
        return Vec::new();
    };
    // Each once, in one order: two lists of the same labels are equal.
    LABELS.into_iter().filter(|it| words.contains(it)).collect()
}
