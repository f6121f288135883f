//! What a client sees of a tenant's images.

use std::{collections::BTreeMap, fmt::Write as _};

use poem_openapi::{Object, types::Example};
use serde_json::Value;

use crate::{
    app::usecases::{
        describe_image::{FoundSidecar, ImageDetails},
        list_images::ImagePage,
    },
    domain::{
        image::{ImageName, StoredImage},
        sidecar::Sidecar,
    },
    ports::LinkedImage,
};

/// Keys of a caption file that have a field of their own in the answer.
const OWN_FIELDS: [&str; 2] = ["caption", "sha256"];

/// One page of the images that stand in the tenant's root folder.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub struct ImageList {
    /// The names on this page, sorted. The last one is `after` for the next page.
    pub filenames: Vec<String>,
    /// How many images there are in all, on this page and on others.
    pub count: u64,
}

/// What there is to know of one image.
#[derive(Debug, Clone, PartialEq, Object)]
#[oai(example)]
pub struct ImageInfo {
    /// Its name.
    pub filename: String,
    /// Where it can be downloaded for the next hours, by anybody: treat it like a password.
    pub temp_url: String,
    /// The path of its thumbnail, on this host.
    pub thumbnail_url: String,
    /// The SHA-256 of the file in hex; `null` if it is not known without a download.
    #[oai(nullable)]
    pub sha256: Option<String>,
    /// The value of `caption` in its sidecar: what it was published with, what was written for it last, or what a
    /// person has put there. Without that key, the first line of the sidecar; `null` without either.
    #[oai(nullable)]
    pub caption: Option<String>,
    /// The caption for training, from its caption file.
    #[oai(nullable)]
    pub sd_caption: Option<String>,
    /// What else its caption file says, by key: a text, or a list where the file has one. `null`
    /// without a caption file.
    #[oai(nullable)]
    pub metadata: Option<BTreeMap<String, Value>>,
    /// There is a caption file that can be read; `null` if storage would not tell.
    #[oai(nullable)]
    pub has_sidecar: Option<bool>,
}

impl From<&ImageDetails> for ImageInfo {
    fn from(details: &ImageDetails) -> Self {
        let ImageDetails { image, sidecar } = details;
        let LinkedImage { stored, link } = image;
        let StoredImage {
            name,
            revision,
            // Storage's own names for what the caption file may tell as well.
            file_id: _,
            content_hash: _,
            size: _,
        } = stored;
        let (sidecar, has_sidecar) = match sidecar {
            FoundSidecar::There(sidecar) => (Some(sidecar), Some(true)),
            FoundSidecar::NotThere => (None, Some(false)),
            FoundSidecar::Unknown => (None, None),
        };
        let sha256 = sidecar.and_then(|sidecar| sidecar.sha256_of(revision));
        let caption = sidecar.and_then(Sidecar::known_caption);
        let sd_caption = sidecar.and_then(Sidecar::sd_caption);
        Self {
            filename: name.as_str().to_owned(),
            temp_url: link.expose().to_owned(),
            thumbnail_url: thumbnail_path(name),
            sha256: sha256.map(str::to_owned),
            caption: caption.map(str::to_owned),
            sd_caption: sd_caption.map(str::to_owned),
            metadata: sidecar.map(metadata_of),
            has_sidecar,
        }
    }
}

/// The path of an image's thumbnail.
fn thumbnail_path(name: &ImageName) -> String {
    let mut path = String::from("/api/images/");
    for byte in name.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path.push_str("/thumbnail");
    path
}

fn metadata_of(sidecar: &Sidecar) -> BTreeMap<String, Value> {
    sidecar
        .fields()
        .filter(|(key, _)| !OWN_FIELDS.contains(key))
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
            filenames: names.iter().map(|name| name.as_str().to_owned()).collect(),
            count: total as u64,
        }
    }
}

impl Example for ImageList {
    fn example() -> Self {
        Self {
            filenames: vec!["harbour-dawn.jpg".to_owned(), "pier.jpg".to_owned()],
            count: 4,
        }
    }
}

impl Example for ImageInfo {
    fn example() -> Self {
        let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let metadata = [
            ("image_file", Value::from("harbour-dawn.jpg")),
            ("dropbox_rev", Value::from("1")),
            ("created", Value::from("2026-05-04T18:30:02Z")),
            ("sd_caption_version", Value::from("1")),
            ("tags", Value::from(vec!["harbour", "dawn"])),
        ];
        let metadata = metadata.map(|(key, value)| (key.to_owned(), value));
        Self {
            filename: "harbour-dawn.jpg".to_owned(),
            temp_url: "https://storage.example.org/link/harbour-dawn.jpg".to_owned(),
            thumbnail_url: "/api/images/harbour-dawn.jpg/thumbnail".to_owned(),
            sha256: Some(hash.to_owned()),
            caption: Some("Before the boats leave".to_owned()),
            sd_caption: Some("a harbour at dawn, fishing boats, mist".to_owned()),
            metadata: Some(metadata.into()),
            has_sidecar: Some(true),
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
                    # object: {}\n# caption: c\n# sha256: d\n";
        let metadata = metadata_of(&Sidecar::parse(text.as_bytes()).unwrap());
        let expected = serde_json::json!({
            "tags": ["a", "b"], "rating": "5", "odd": "[1, x]", "object": "{}",
        });
        assert_eq!(serde_json::to_value(metadata).unwrap(), expected);
    }
}
