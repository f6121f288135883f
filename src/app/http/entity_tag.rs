//! `ETag` and `If-None-Match` of images, the hash of the content, and of thumbnails, that and the size.

use crate::{
    app::usecases::fetch_thumbnail::IfNoneMatch,
    domain::{content_hash::ContentHash, thumbnail::ThumbnailSize},
};

/// The tag of a thumbnail. It is strong: storage makes one thumbnail of a content and a size.
pub(super) fn entity_tag(hash: &ContentHash, size: ThumbnailSize) -> String {
    format!("\"{hash}-{}\"", size.as_str())
}

/// The tag of an image.
pub(super) fn content_tag(hash: &ContentHash) -> String {
    format!("\"{hash}\"")
}

/// Whether the values of `If-None-Match` name a tag.
pub(super) fn names_tag(values: &[String], tag: &str) -> bool {
    let tag = tag.trim_matches('"');
    values.iter().any(|value| value.trim() == "*") || tags(values).any(|it| it == tag)
}

/// The tags in the values of `If-None-Match`, without their quotes.
fn tags(values: &[String]) -> impl Iterator<Item = &str> {
    // A tag has no quotes inside, so each second part is one. The typed header of `headers` panics in debug builds
    // on a tag with a space.
    values
        .iter()
        .flat_map(|value| value.split('"').skip(1).step_by(2))
}

/// The contents that the values of `If-None-Match` name in this size. Weak tags count like strong ones; tags of
/// another size, and those that are not ours, are ignored.
pub(super) fn if_none_match(values: &[String], size: ThumbnailSize) -> IfNoneMatch {
    if values.iter().any(|value| value.trim() == "*") {
        return IfNoneMatch::Any;
    }
    let hash = |tag: &str| {
        let hash = tag.strip_suffix(size.as_str())?.strip_suffix('-')?;
        (!hash.is_empty()).then(|| hash.to_owned())
    };
    let hashes: Vec<_> = tags(values).filter_map(hash).collect();
    if hashes.is_empty() {
        IfNoneMatch::Absent
    } else {
        IfNoneMatch::Hashes(hashes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: ThumbnailSize = ThumbnailSize::W256H256;

    fn parsed(values: &[&str]) -> IfNoneMatch {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        if_none_match(&values, SIZE)
    }

    #[test]
    fn a_tag_leads_back_to_the_content_in_lists_in_several_headers_and_when_weak() {
        let (a, b) = (ContentHash::of(b"a"), ContentHash::of(b"b"));
        let (tag_a, tag_b) = (entity_tag(&a, SIZE), entity_tag(&b, SIZE));
        let list = format!("\"other, tag\" , W/{tag_a},{tag_b}");
        for values in [vec![&*list], vec![&*tag_a, "\"x\"", &*tag_b]] {
            assert_eq!(
                parsed(&values),
                IfNoneMatch::Hashes(vec![a.to_string(), b.to_string()])
            );
        }
        assert_eq!(parsed(&["\"x\"", " * "]), IfNoneMatch::Any);
    }

    #[test]
    fn other_tags_are_ignored() {
        let hash = ContentHash::of(b"a");
        let other_size = entity_tag(&hash, ThumbnailSize::W480H320);
        let unquoted = entity_tag(&hash, SIZE).replace('"', "");
        let hash = format!("\"{hash}\"");
        for value in [
            &*other_size,
            &unquoted,
            &hash,
            "",
            "\"",
            "\"*\"",
            "W/",
            "\"-w256h256\"",
        ] {
            assert_eq!(parsed(&[value]), IfNoneMatch::Absent, "{value}");
        }
        assert_eq!(parsed(&[]), IfNoneMatch::Absent);
    }
}
