//! The schema of a post, `app.bsky.feed.post`, as far as text and images go. Used by the Bluesky stand-in.
//!
//! It refuses more than a server does: embeds other than images, and facets that lie outside the text, begin or end
//! inside a character, or overlap. A server takes such facets, and the apps do not show them.

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use unicode_segmentation::UnicodeSegmentation as _;
use url::Url;

use super::identifiers;

/// The collection of posts, and the type of their records.
pub(super) const POST: &str = "app.bsky.feed.post";

const MAX_GRAPHEMES: usize = 300;
const MAX_BYTES: usize = 3000;
const MAX_IMAGES: usize = 4;
const MAX_LANGUAGES: usize = 3;
/// Of `com.atproto.label.defs#selfLabels`.
const MAX_LABELS: usize = 10;

/// An image as a post refers to it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ImageRef {
    pub(super) cid: String,
    pub(super) mime_type: String,
    pub(super) size: usize,
    pub(super) alt: String,
    /// Width and height, if the post says them.
    pub(super) aspect_ratio: Option<(u64, u64)>,
}

/// Checks a record and returns its images.
pub(super) fn check(record: &Value) -> Result<Vec<ImageRef>, String> {
    let text = string(record, "text", "record")?;
    if text.len() > MAX_BYTES {
        return Err(format!(
            "record/text must not be longer than {MAX_BYTES} bytes"
        ));
    }
    if text.graphemes(true).count() > MAX_GRAPHEMES {
        return Err(format!(
            "record/text must not be longer than {MAX_GRAPHEMES} graphemes"
        ));
    }
    let created_at = string(record, "createdAt", "record")?;
    if OffsetDateTime::parse(created_at, &Rfc3339).is_err() || created_at.ends_with("-00:00") {
        return Err("record/createdAt must be a valid atproto datetime".to_owned());
    }
    languages(list(record, "langs", "record")?)?;
    facets(text, list(record, "facets", "record")?)?;
    labels(&record["labels"])?;
    images(&record["embed"])
}

fn languages(languages: &[Value]) -> Result<(), String> {
    if languages.len() > MAX_LANGUAGES {
        return Err(format!(
            "record/langs must not have more than {MAX_LANGUAGES} elements"
        ));
    }
    let is_language = |text: &str| {
        let mut parts = text.split('-');
        let primary = parts.next().unwrap_or_default();
        (2..=3).contains(&primary.len())
            && primary.bytes().all(|byte| byte.is_ascii_lowercase())
            && parts.all(|part| {
                (1..=8).contains(&part.len()) && part.bytes().all(|it| it.is_ascii_alphanumeric())
            })
    };
    if languages
        .iter()
        .all(|it| it.as_str().is_some_and(is_language))
    {
        Ok(())
    } else {
        Err("record/langs must be well-formed BCP 47 language tags".to_owned())
    }
}

fn facets(text: &str, facets: &[Value]) -> Result<(), String> {
    let mut ranges = Vec::new();
    for (index, facet) in facets.iter().enumerate() {
        let path = format!("record/facets/{index}");
        let place = |name: &str| {
            let place = facet["index"][name]
                .as_u64()
                .and_then(|it| usize::try_from(it).ok());
            place.ok_or_else(|| format!("{path}/index must have the property \"{name}\""))
        };
        let (start, end) = (place("byteStart")?, place("byteEnd")?);
        if start >= end || end > text.len() {
            return Err(format!("{path}/index is not inside the text"));
        }
        if !text.is_char_boundary(start) || !text.is_char_boundary(end) {
            return Err(format!("{path}/index is inside a character"));
        }
        ranges.push((start, end));
        let features = list(facet, "features", &path)?;
        if features.is_empty() {
            return Err(format!("{path} must have the property \"features\""));
        }
        for feature in features {
            check_feature(feature, &format!("{path}/features"))?;
        }
    }
    ranges.sort_unstable();
    let overlaps = ranges
        .windows(2)
        .any(|pair| matches!(pair, [(_, end), (start, _)] if start < end));
    if overlaps {
        return Err("record/facets overlap".to_owned());
    }
    Ok(())
}

fn check_feature(feature: &Value, path: &str) -> Result<(), String> {
    match feature["$type"].as_str().unwrap_or_default() {
        "app.bsky.richtext.facet#link" => {
            let uri = string(feature, "uri", path)?;
            Url::parse(uri).map_err(|_| format!("{path}/uri must be a uri"))?;
        }
        "app.bsky.richtext.facet#tag" => {
            let tag = string(feature, "tag", path)?;
            if tag.is_empty() || tag.len() > 640 || tag.graphemes(true).count() > 64 {
                return Err(format!("{path}/tag must not be longer than 64 graphemes"));
            }
        }
        "app.bsky.richtext.facet#mention" => {
            if !string(feature, "did", path)?.starts_with("did:") {
                return Err(format!("{path}/did must be a valid did"));
            }
        }
        other => return Err(format!("{path} has an unknown type: \"{other}\"")),
    }
    Ok(())
}

fn labels(labels: &Value) -> Result<(), String> {
    if labels.is_null() {
        return Ok(());
    }
    if labels["$type"] != "com.atproto.label.defs#selfLabels" {
        return Err("record/labels must be com.atproto.label.defs#selfLabels".to_owned());
    }
    let values = labels["values"]
        .as_array()
        .ok_or("record/labels must have the property \"values\"")?;
    if values.len() > MAX_LABELS {
        return Err(format!(
            "record/labels/values must not have more than {MAX_LABELS} elements"
        ));
    }
    for value in values {
        if string(value, "val", "record/labels/values")?.len() > 128 {
            return Err("record/labels/values/val must not be longer than 128 bytes".to_owned());
        }
    }
    Ok(())
}

fn images(embed: &Value) -> Result<Vec<ImageRef>, String> {
    if embed.is_null() {
        return Ok(Vec::new());
    }
    if embed["$type"] != "app.bsky.embed.images" {
        return Err("record/embed must be app.bsky.embed.images".to_owned());
    }
    let images = embed["images"]
        .as_array()
        .ok_or("record/embed must have the property \"images\"")?;
    if images.len() > MAX_IMAGES {
        return Err(format!(
            "record/embed/images must not have more than {MAX_IMAGES} elements"
        ));
    }
    images
        .iter()
        .enumerate()
        .map(|(index, image)| image_ref(image, &format!("record/embed/images/{index}")))
        .collect()
}

fn image_ref(image: &Value, path: &str) -> Result<ImageRef, String> {
    let blob = &image["image"];
    let size = blob["size"]
        .as_u64()
        .and_then(|size| usize::try_from(size).ok());
    let (true, Some(cid), Some(mime_type), Some(size)) = (
        blob["$type"] == "blob",
        blob["ref"]["$link"].as_str(),
        blob["mimeType"].as_str(),
        size,
    ) else {
        return Err(format!("{path}/image should be a blob ref"));
    };
    if !mime_type.starts_with("image/") {
        return Err(format!(
            "{path}/image must be of type image/*, got {mime_type}"
        ));
    }
    let ratio = &image["aspectRatio"];
    let length = |name: &str| ratio[name].as_u64().filter(|length| *length > 0);
    let aspect_ratio = match (length("width"), length("height")) {
        (Some(width), Some(height)) => Some((width, height)),
        _ if ratio.is_null() => None,
        _ => {
            return Err(format!(
                "{path}/aspectRatio must have a width and a height of at least 1"
            ));
        }
    };
    Ok(ImageRef {
        cid: cid.to_owned(),
        mime_type: mime_type.to_owned(),
        size,
        alt: string(image, "alt", path)?.to_owned(),
        aspect_ratio,
    })
}

/// A required string.
fn string<'a>(value: &'a Value, name: &str, path: &str) -> Result<&'a str, String> {
    value[name]
        .as_str()
        .ok_or_else(|| format!("{path} must have the property \"{name}\""))
}

/// An optional array.
fn list<'a>(value: &'a Value, name: &str, path: &str) -> Result<&'a [Value], String> {
    match &value[name] {
        Value::Null => Ok(&[]),
        Value::Array(items) => Ok(items),
        _ => Err(format!("{path}/{name} must be an array")),
    }
}

/// Whether the record may have this key in this collection.
pub(super) fn check_key(rkey: &str) -> Result<(), String> {
    if !identifiers::is_record_key(rkey) {
        return Err(format!("Invalid record key: {rkey}"));
    }
    if !identifiers::is_tid(rkey) {
        return Err(format!(
            "Invalid record key for {POST}: Invalid TID: {rkey}"
        ));
    }
    Ok(())
}
