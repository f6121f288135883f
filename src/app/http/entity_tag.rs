//! `ETag` and `If-None-Match` of thumbnails: the hash of the image's content, and the size.

use crate::{
    app::usecases::fetch_thumbnail::IfNoneMatch,
    domain::{image::ContentHash, thumbnail::ThumbnailSize},
};

/// The tag of a thumbnail. Strong: of one content and size, storage makes one thumbnail.
pub(super) fn entity_tag(hash: &ContentHash, size: ThumbnailSize) -> String {
    format!("\"{}-{}\"", hash.as_str(), size.as_str())
}

/// Which thumbnails of this size a caller holds, by all of its `If-None-Match`. Whether a tag is
/// weak makes no difference there, and what is no tag of ours is held of something else.
pub(super) fn held(if_none_match: &[String], size: ThumbnailSize) -> IfNoneMatch {
    if if_none_match.iter().any(|value| value.trim() == "*") {
        return IfNoneMatch::Any;
    }
    // A tag has no quotes inside, so each second part is one.
    let tags = if_none_match
        .iter()
        .flat_map(|value| value.split('"').skip(1).step_by(2));
    let hash = |tag: &str| ContentHash::new(tag.strip_suffix(size.as_str())?.strip_suffix('-')?);
    let hashes: Vec<_> = tags.filter_map(hash).collect();
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

    fn held_by(values: &[&str]) -> IfNoneMatch {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        held(&values, SIZE)
    }

    #[test]
    fn a_tag_leads_back_to_the_content_in_lists_in_several_headers_and_when_weak() {
        let (a, b) = (ContentHash::of(b"a"), ContentHash::of(b"b"));
        let (tag_a, tag_b) = (entity_tag(&a, SIZE), entity_tag(&b, SIZE));
        let list = format!("\"other, tag\" , W/{tag_a},{tag_b}");
        for values in [vec![&*list], vec![&*tag_a, "\"x\"", &*tag_b]] {
            assert_eq!(
                held_by(&values),
                IfNoneMatch::Hashes(vec![a.clone(), b.clone()])
            );
        }
        assert_eq!(held_by(&["\"x\"", " * "]), IfNoneMatch::Any);
    }

    #[test]
    fn what_is_no_tag_of_this_size_is_not_held() {
        let hash = ContentHash::of(b"a");
        let other_size = entity_tag(&hash, ThumbnailSize::W480H320);
        let unquoted = entity_tag(&hash, SIZE).replace('"', "");
        let hash = format!("\"{}\"", hash.as_str());
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
            assert_eq!(held_by(&[value]), IfNoneMatch::Absent, "{value}");
        }
        assert_eq!(held_by(&[]), IfNoneMatch::Absent);
    }
}
