//! How a tenant's images appear on Mastodon. Used by this folder's adapter.

use serde_json::{Value, json};

use super::credential::MastodonCredential;
use crate::domain::{
    caption::{CaptionRules, CaptionUnit, HashtagPolicy},
    config_block::{Block, FieldProblem},
    platform::{ImageLimits, Platform},
    platform_spec::{Entries, Target},
    secret::CredentialsRef,
};

/// The words for each visibility.
const VISIBILITIES: [(&str, Visibility); 3] = [
    ("public", Visibility::Public),
    ("unlisted", Visibility::Unlisted),
    ("private", Visibility::Private),
];
/// The content warning of images that are covered, where the config has none.
const DEFAULT_SPOILER: &str = "NSFW";
/// The longest content warning, in characters: it takes its room from the caption.
const MAX_SPOILER: usize = 100;
/// The longest language tag, in bytes.
const MAX_LANGUAGE: usize = 35;

/// How images appear, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MastodonTarget {
    credentials_ref: CredentialsRef,
    /// Who sees the posts.
    pub visibility: Visibility,
    /// Whether the images are covered until a reader uncovers them.
    pub sensitive: bool,
    /// The content warning; empty if there is none.
    pub spoiler_text: String,
    /// The language of the captions (ISO 639, perhaps with subtags); `None` is the account's.
    pub language: Option<String>,
}

/// Who sees the posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Everybody, also in the public timelines.
    Public,
    /// Everybody, outside the public timelines.
    Unlisted,
    /// The followers.
    Private,
}

impl Visibility {
    /// The word of the config and of the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Unlisted => "unlisted",
            Self::Private => "private",
        }
    }
}

impl Target for MastodonTarget {
    const PLATFORM: Platform = Platform::Mastodon;
    const TYPES: &'static [&'static str] = &["mastodon"];
    const FIELDS: &'static [&'static str] =
        &["visibility", "sensitive", "spoiler_text", "language"];
    /// Those of an instance that nobody has configured otherwise.
    const CAPTION: CaptionRules = CaptionRules {
        limit: 500,
        unit: CaptionUnit::Grapheme,
        max_bytes: None,
        link_length: Some(23),
        hashtags: HashtagPolicy::TenantAndModel,
        plain_ascii_line: false,
        words: None,
    };
    /// The same; a file must be smaller than 16 MiB.
    const IMAGE_LIMITS: Option<ImageLimits> = Some(ImageLimits {
        max_pixels: Some(33_177_600),
        ..ImageLimits::of_bytes(16 * 1024 * 1024 - 1)
    });
    type Credential = MastodonCredential;

    fn read(entries: Entries<'_>, warnings: &mut Vec<FieldProblem>) -> Option<Self> {
        entries.first(warnings, |entry, config, warnings| {
            let reference = entry.required_text("credentials_ref");
            let visibility = config.choice(
                "visibility",
                &VISIBILITIES,
                Visibility::Unlisted,
                "must be `public`, `unlisted` or `private`",
            );
            let sensitive = config.bool("sensitive", true);
            let spoiler_text = spoiler_text(config, sensitive, warnings);
            let language = language(config);
            Some(Self {
                credentials_ref: CredentialsRef::new(reference?)?,
                visibility,
                sensitive,
                spoiler_text,
                language,
            })
        })
    }

    fn credentials_ref(&self) -> &CredentialsRef {
        &self.credentials_ref
    }

    fn caption_rules(&self) -> CaptionRules {
        self.with_room_for_spoiler(Self::CAPTION)
    }

    fn config(&self) -> Value {
        let Self {
            credentials_ref: _, // Beside the config.
            visibility,
            sensitive,
            spoiler_text,
            language,
        } = self;
        let mut config = json!({ "visibility": visibility.as_str(), "sensitive": sensitive });
        if *sensitive {
            config["spoiler_text"] = spoiler_text.as_str().into();
        }
        if let Some(language) = language {
            config["language"] = language.as_str().into();
        }
        config
    }
}

impl MastodonTarget {
    /// What these rules leave to the caption: the content warning counts as a part of it.
    #[must_use]
    pub fn with_room_for_spoiler(&self, mut rules: CaptionRules) -> CaptionRules {
        let spoiler = rules.length(&self.spoiler_text);
        rules.limit = rules.limit.saturating_sub(spoiler);
        rules
    }
}

/// An instance covers the images of every status that has a content warning.
fn spoiler_text(
    config: &mut Block<'_>,
    sensitive: bool,
    warnings: &mut Vec<FieldProblem>,
) -> String {
    const FIELD: &str = "spoiler_text";
    let text = config.string(FIELD).map(str::trim);
    if text
        .is_some_and(|text| text.chars().count() > MAX_SPOILER || text.contains(char::is_control))
    {
        config.reject(FIELD, "must be one line of at most 100 characters");
        return String::new();
    }
    match text {
        Some("") | None if !sensitive => String::new(),
        Some(_) if !sensitive => {
            let rule = "has no effect while `sensitive` is false";
            warnings.push(FieldProblem::advice(config.path_of(FIELD), rule));
            String::new()
        }
        text => text.unwrap_or(DEFAULT_SPOILER).to_owned(),
    }
}

/// A tag by BCP 47, as far as its form goes.
fn language(config: &mut Block<'_>) -> Option<String> {
    let tag = config.text("language")?.trim();
    let mut parts = tag.split('-');
    let is_code = |part: &str| {
        (2..=3).contains(&part.len()) && part.bytes().all(|it| it.is_ascii_alphabetic())
    };
    let is_subtag = |part: &str| {
        (2..=8).contains(&part.len()) && part.bytes().all(|it| it.is_ascii_alphanumeric())
    };
    if tag.len() > MAX_LANGUAGE || !parts.next().is_some_and(is_code) || !parts.all(is_subtag) {
        config.reject("language", "must be a language tag, as `en` or `pt-BR`");
        return None;
    }
    let (code, subtags) = tag.split_at(tag.find('-').unwrap_or(tag.len()));
    Some(format!("{}{subtags}", code.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        adapters::platforms,
        domain::{
            tenant::{ConfigTtl, ConfigVersion, TenantName},
            tenant_config::{SchemaVersion, TenantConfig},
        },
    };

    fn read(fields: &Value) -> (Option<MastodonTarget>, Vec<String>) {
        let document = json!({
            "features": { "publish_enabled": true },
            "storage": { "provider": "dropbox", "credentials_ref": "d", "paths": { "root": "/a" } },
            "publishers": [{ "type": "mastodon", "credentials_ref": "r", "config": fields }],
        });
        let config = TenantConfig::new(
            TenantName::new("alice").unwrap(),
            ConfigVersion::new("1"),
            ConfigTtl::from_seconds(None),
            SchemaVersion::V2,
            document,
        );
        let config = config.validate(platforms::spec).unwrap();
        let warnings = config.warnings().iter().map(ToString::to_string).collect();
        let target = config.settings().platforms.target(Platform::Mastodon);
        (target.and_then(|it| it.typed().cloned()), warnings)
    }

    #[test]
    fn an_entry_without_a_word_is_unlisted_and_covered() {
        let (target, warnings) = read(&json!({}));
        let target = target.unwrap();
        assert_eq!(target.visibility, Visibility::Unlisted);
        assert_eq!((target.sensitive, &*target.spoiler_text), (true, "NSFW"));
        assert_eq!(target.language, None);
        assert_eq!(target.caption_rules().limit, 496);
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[test]
    fn a_content_warning_is_for_what_is_covered() {
        for (fields, spoiler_text) in [
            (json!({ "spoiler_text": " Rope " }), "Rope"),
            (json!({ "spoiler_text": "" }), ""),
            (json!({ "spoiler_text": null }), "NSFW"),
            (json!({ "sensitive": false }), ""),
            (json!({ "sensitive": false, "spoiler_text": "" }), ""),
        ] {
            let (target, warnings) = read(&fields);
            assert_eq!(target.unwrap().spoiler_text, spoiler_text, "{fields}");
            assert!(warnings.is_empty(), "{warnings:?}");
        }
        let (target, warnings) = read(&json!({ "sensitive": false, "spoiler_text": "Rope" }));
        assert_eq!(target.unwrap().spoiler_text, "");
        assert!(warnings[0].contains("has no effect"), "{warnings:?}");
    }

    #[test]
    fn what_is_wrong_switches_the_entry_off_and_is_named() {
        for (field, value) in [
            ("visibility", json!("direct")),
            ("visibility", json!(1)),
            ("sensitive", json!("yes")),
            ("spoiler_text", json!(7)),
            ("spoiler_text", json!("two\nlines")),
            ("spoiler_text", json!("x".repeat(101))),
            ("language", json!("english")),
            ("language", json!("en_US")),
            ("language", json!("e")),
            ("language", json!("en-")),
            ("language", json!(["en"])),
        ] {
            let (target, warnings) = read(&json!({ field: value }));
            assert!(target.is_none(), "{field}: {value}");
            let named = format!("config.{field}: must be");
            assert!(warnings[0].contains(&named), "{warnings:?}");
        }
    }

    #[test]
    fn what_is_written_reads_as_the_same() {
        for fields in [
            json!({}),
            json!({ "visibility": "Public", "sensitive": false, "language": "PT-BR" }),
            json!({ "visibility": "private", "spoiler_text": "", "language": "gsw" }),
        ] {
            let target = read(&fields).0.unwrap();
            assert_eq!(read(&target.config()), (Some(target), Vec::new()));
        }
        let language = read(&json!({ "language": "EN-US" })).0.unwrap().language;
        assert_eq!(language.as_deref(), Some("en-US"));
    }
}
