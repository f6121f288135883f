//! Images: the list, and the description of one.

use std::collections::BTreeMap;

use poem_openapi::Object;
use serde_json::Value;

use crate::{
    app::usecases::{
        describe_image::{FoundSidecar, ImageDetails},
        list_images::ImagePage,
    },
    domain::{
        caption::CaptionRules,
        image::{ImageName, StoredImage},
        platform::Platform,
        sidecar::{ALT_TEXT, Sidecar},
        storage::HashKind,
        tenant_config::TenantSettings,
    },
};

/// The keys of a sidecar that have their own fields in the answer.
const OWN_FIELDS: [&str; 2] = ["caption", "sha256"];

/// One page of the images in the tenant's root folder.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct ImageList {
    /// The names on this page, sorted. The last one is `after` for the next page.
    pub filenames: Vec<String>,
    /// The number of images on all pages.
    pub count: u64,
}

/// The description of one image.
#[derive(Debug, Clone, PartialEq, Object)]
pub struct ImageInfo {
    /// Its name.
    pub filename: String,
    /// The URL at which anyone can download it, for at least 50 minutes: treat it like a password.
    pub temp_url: String,
    /// The path of its thumbnail, on this host.
    pub thumbnail_url: String,
    /// The SHA-256 of the file in hex; `null` if only a download would tell.
    #[oai(nullable)]
    pub sha256: Option<String>,
    /// The value of `caption` in its sidecar: the caption that it was published with, the one that was written
    /// last, or one that a person has entered. Without that key, the first line of the file; `null` without either.
    #[oai(nullable)]
    pub caption: Option<String>,
    /// The caption for training, from its sidecar.
    #[oai(nullable)]
    pub sd_caption: Option<String>,
    /// The other values of its sidecar, by key: a text, or a list where the file has one. `null`
    /// without a sidecar.
    #[oai(nullable)]
    pub metadata: Option<BTreeMap<String, Value>>,
    /// It has a sidecar that can be read; `null` if storage did not answer that.
    #[oai(nullable)]
    pub has_sidecar: Option<bool>,
    /// The captions that a model has written, by the platform's name; `null` if its sidecar has none.
    #[oai(nullable)]
    pub caption_generated: Option<BTreeMap<String, String>>,
    /// The captions that were last sent, by the platform's name, also to platforms that did not take them; `null` if its
    /// sidecar has none.
    #[oai(nullable)]
    pub caption_submitted: Option<BTreeMap<String, String>>,
    /// The longest caption of each platform that is on (of all platforms, if none is), by its name.
    pub platform_limits: PlatformLimits,
}

/// The longest captions of platforms, each as the platform counts: UTF-16 units on Telegram, else characters, on
/// Mastodon and Bluesky as a reader sees them. What is longer is cut. An instance of Mastodon may have a limit of its own.
pub type PlatformLimits = BTreeMap<String, u32>;

/// The limits of the platforms that captions are written for.
#[must_use]
pub fn platform_limits(settings: &TenantSettings) -> PlatformLimits {
    let limit = |(platform, rules): (Platform, CaptionRules)| {
        let limit = u32::try_from(rules.limit).unwrap_or(u32::MAX);
        (platform.as_str().to_owned(), limit)
    };
    settings
        .captioned_platforms()
        .into_iter()
        .map(limit)
        .collect()
}

impl ImageInfo {
    /// The description of an image of this tenant, with the URL of its link. The alt text is left out where the tenant's
    /// is off.
    #[must_use]
    pub fn new(details: &ImageDetails, temp_url: String, settings: &TenantSettings) -> Self {
        let ImageDetails { image, sidecar } = details;
        let stored = &image.stored;
        let StoredImage {
            name,
            revision,
            content_hash,
            // The sidecar may have these as well.
            file_id: _,
            size: _,
            last_modified: _,
        } = stored;
        let (sidecar, has_sidecar) = match sidecar {
            FoundSidecar::There(sidecar) => (Some(sidecar), Some(true)),
            FoundSidecar::NotThere => (None, Some(false)),
            FoundSidecar::Unknown => (None, None),
        };
        let by_storage =
            (content_hash.kind() == HashKind::Sha256).then(|| content_hash.to_string());
        let by_sidecar = sidecar.and_then(|sidecar| sidecar.sha256_of(revision));
        let caption = sidecar.and_then(Sidecar::known_caption);
        let sd_caption = sidecar.and_then(Sidecar::sd_caption);
        Self {
            filename: name.as_str().to_owned(),
            temp_url,
            thumbnail_url: thumbnail_path(name),
            sha256: by_storage.or_else(|| by_sidecar.map(str::to_owned)),
            caption: caption.map(str::to_owned),
            sd_caption: sd_caption.map(str::to_owned),
            metadata: sidecar.map(|it| metadata_of(it, settings.features.alt_text_enabled)),
            has_sidecar,
            caption_generated: sidecar.and_then(Sidecar::generated_captions),
            caption_submitted: sidecar.and_then(Sidecar::submitted_captions),
            platform_limits: platform_limits(settings),
        }
    }
}

/// The path of an image's thumbnail.
fn thumbnail_path(name: &ImageName) -> String {
    format!("/api/images/{}/thumbnail", percent_encoded(name.as_str()))
}

/// A text with everything percent-encoded that may mean something in a URL or a header.
pub(super) fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

fn metadata_of(sidecar: &Sidecar, has_alt_text: bool) -> BTreeMap<String, Value> {
    sidecar
        .fields()
        .filter(|(key, _)| !OWN_FIELDS.contains(key) && (has_alt_text || *key != ALT_TEXT))
        .map(|(key, value)| {
            let list = serde_json::from_str(value).ok().filter(Value::is_array);
            (key.to_owned(), list.unwrap_or_else(|| value.into()))
        })
        .collect()
}

impl From<ImagePage> for ImageList {
    fn from(page: ImagePage) -> Self {
        let ImagePage { names, total } = page;
        Self {
            filenames: names,
            count: total as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_thumbnail_is_percent_encoded_whatever_the_name() {
        for (name, segment) in [
            ("a-b_c~1.JPG", "a-b_c~1.JPG"),
            ("a b.jpg", "a%20b.jpg"),
            ("100%2F?#&+.png", "100%252F%3F%23%26%2B.png"),
            ("夜.webp", "%E5%A4%9C.webp"),
            ("e\u{301}\".jpg", "e%CC%81%22.jpg"),
        ] {
            let name = ImageName::new(name).unwrap();
            let path = format!("/api/images/{segment}/thumbnail");
            assert_eq!(thumbnail_path(&name), path);
        }
    }

    #[test]
    fn metadata_has_lists_where_the_file_has_them_and_texts_elsewhere() {
        let text = "words\n\n# ---\n# tags: [\"a\", \"b\"]\n# rating: 5\n# odd: [1, x]\n\
                    # object: {}\n# caption: c\n# sha256: d\n# alt_text: e\n";
        let sidecar = Sidecar::parse(text.as_bytes()).unwrap();
        let mut expected = serde_json::json!({
            "tags": ["a", "b"], "rating": "5", "odd": "[1, x]", "object": "{}",
        });
        let metadata = |has_alt_text| metadata_of(&sidecar, has_alt_text);
        assert_eq!(serde_json::to_value(metadata(false)).unwrap(), expected);
        expected["alt_text"] = "e".into();
        assert_eq!(serde_json::to_value(metadata(true)).unwrap(), expected);
    }
}
