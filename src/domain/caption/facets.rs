//! The places of the hashtags and links in a final text, in bytes of UTF-8: for platforms that do not find them
//! themselves.

use unicode_segmentation::UnicodeSegmentation;
use url::Url;

use super::{
    hashtags::{Hashtag, hashtags},
    links::links,
};

/// The longest name of a hashtag with a facet, in graphemes.
pub(super) const MAX_TAG_GRAPHEMES: usize = 64;
/// The same in bytes.
pub(super) const MAX_TAG_BYTES: usize = 640;

/// A hashtag or a link in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// The first byte of it.
    pub start: usize,
    /// The first byte behind it.
    pub end: usize,
    /// What it is.
    pub feature: FacetFeature,
}

/// What a facet is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FacetFeature {
    /// A hashtag; its name, as it is written, without the `#`. At most 64 graphemes and 640 bytes.
    Tag(String),
    /// A link of the web.
    Link(Url),
}

/// The facets of a text, in its order; none overlaps another. The bytes of a facet are exactly the hashtag with its `#`,
/// or the link.
#[must_use]
pub fn facets(text: &str) -> Vec<Facet> {
    let tags = hashtags(text).into_iter().filter_map(|tag| tag_facet(&tag));
    let links = links(text).into_iter().filter(|link| link.is_web);
    let links = links.filter_map(|link| {
        let (start, end) = (link.place.start, link.place.end);
        let url = Url::parse(&text[link.place]).ok()?;
        Some(Facet {
            start,
            end,
            feature: FacetFeature::Link(url),
        })
    });
    let mut facets: Vec<Facet> = tags.chain(links).collect();
    facets.sort_by_key(|facet| facet.start);
    facets.dedup_by(|next, facet| next.start < facet.end);
    facets
}

fn tag_facet(tag: &Hashtag<'_>) -> Option<Facet> {
    let name = &tag.text[1..];
    let fits = name.len() <= MAX_TAG_BYTES && name.graphemes(true).count() <= MAX_TAG_GRAPHEMES;
    // A run of several `#` belongs to the place of the hashtag; the facet begins at the last of them.
    fits.then(|| Facet {
        start: tag.place.end - tag.text.len(),
        end: tag.place.end,
        feature: FacetFeature::Tag(name.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &str) -> Vec<(&str, String)> {
        let facets = facets(text).into_iter();
        let named = facets.map(|facet| {
            let name = match facet.feature {
                FacetFeature::Tag(name) => name,
                FacetFeature::Link(url) => url.into(),
            };
            (&text[facet.start..facet.end], name)
        });
        named.collect()
    }

    #[test]
    fn the_bytes_of_a_facet_are_the_hashtag_or_the_link() {
        let text = "縄 👩‍👩‍👧 (https://a.test/縄), #Rope; ##縄 שלום #e\u{301}te\u{301}";
        assert_eq!(
            found(text),
            [
                ("https://a.test/縄", "https://a.test/%E7%B8%84".to_owned()),
                ("#Rope", "Rope".to_owned()),
                ("#縄", "縄".to_owned()),
                ("#e\u{301}te\u{301}", "e\u{301}te\u{301}".to_owned()),
            ]
        );
        let facet = &facets("ä #a")[0];
        assert_eq!((facet.start, facet.end), (3, 5));
    }

    #[test]
    fn a_part_of_a_link_is_no_hashtag_and_a_part_of_a_hashtag_no_link() {
        let link = "https://a.test/x(#y)";
        assert_eq!(found(link), [(link, link.to_owned())]);
        let tags: Vec<String> = found("#http://a.test #1 x#y")
            .into_iter()
            .map(|it| it.1)
            .collect();
        assert_eq!(tags, ["http"]);
        let tags: Vec<String> = found("#縄e\u{301}http://a.test")
            .into_iter()
            .map(|it| it.1)
            .collect();
        assert_eq!(tags, ["縄e\u{301}http"]);
        assert_eq!(found("https://[ http://"), []);
    }

    #[test]
    fn a_hashtag_that_is_too_long_for_a_facet_has_none() {
        let long = "a".repeat(64);
        assert_eq!(found(&format!("#{long}")).len(), 1);
        assert_eq!(found(&format!("#{long}a")), []);
        // Few graphemes, many bytes.
        assert_eq!(
            found(&format!(
                "#{}",
                format!("a{}", "\u{301}".repeat(30)).repeat(12)
            )),
            []
        );
    }

    proptest! {
        #[test]
        fn facets_of_any_text_are_in_order_and_whole(text in "(#|http|https|://|[a-z]{1,3}|[.()\\[\\]\"]|\\PC| |\n|縄|e\u{301}|👩‍👩‍👧|\u{600}){0,40}") {
            let mut last = 0;
            for facet in facets(&text) {
                prop_assert!(last <= facet.start && facet.start < facet.end);
                last = facet.end;
                let part = &text[facet.start..facet.end];
                match facet.feature {
                    FacetFeature::Tag(name) => prop_assert_eq!(part, format!("#{name}")),
                    FacetFeature::Link(url) => {
                        prop_assert_eq!(Url::parse(part), Ok(url));
                        prop_assert!(!part.contains(char::is_whitespace));
                    }
                }
            }
        }
    }
}
