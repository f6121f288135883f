//! The record of a post.

use serde_json::{Value, json};

use super::key::COLLECTION;
use crate::{
    domain::caption::{FacetFeature, facets},
    ports::Post,
};

/// The record of a post with an uploaded image, of these sides in pixels. `now` is RFC 3339.
pub(super) fn record(
    post: &Post,
    labels: &[&str],
    blob: &Value,
    sides: (u32, u32),
    now: &str,
) -> Value {
    let facets = facets(&post.caption).into_iter().map(|facet| {
        let (name, field, value) = match facet.feature {
            FacetFeature::Tag(tag) => ("tag", "tag", tag),
            FacetFeature::Link(url) => ("link", "uri", url.into()),
        };
        let kind = format!("app.bsky.richtext.facet#{name}");
        json!({
            "index": { "byteStart": facet.start, "byteEnd": facet.end },
            "features": [{ "$type": kind, field: value }],
        })
    });
    let mut record = json!({
        "$type": COLLECTION,
        "text": post.caption,
        "createdAt": now,
        "facets": facets.collect::<Value>(),
        "embed": {
            "$type": "app.bsky.embed.images",
            "images": [{
                "alt": post.alt_text.as_deref().unwrap_or_default(),
                "image": blob,
                "aspectRatio": { "width": sides.0, "height": sides.1 },
            }],
        },
    });
    if !labels.is_empty() {
        let values = labels.iter().map(|label| json!({ "val": label }));
        record["labels"] = json!({
            "$type": "com.atproto.label.defs#selfLabels", "values": values.collect::<Value>(),
        });
    }
    record
}
