//! The size of a text, as a platform counts it: its length, and its bytes.
//!
//! Mastodon counts a link as 23, whatever its length, but only what its own server takes for a link. So a link counts as
//! that where there can be no doubt. Any other counts as what the server could make of it at most: its own length, and
//! the growth of the shortest link inside of it. A mention counts whole, although the server leaves out its host.

use std::ops::{Add, Sub};

use unicode_segmentation::UnicodeSegmentation;

use super::{
    links::{SCHEME_END, links},
    rules::{CaptionRules, CaptionUnit},
};

/// The length of the shortest link, `ssb://a.co`.
const SHORTEST_LINK: usize = 10;
/// The longest link that counts as one for certain, in bytes.
const LONGEST_LINK: usize = 2_000;
/// The longest label of a domain, in bytes.
const LONGEST_LABEL: usize = 63;

/// The size of a text, or of the room for one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// The length, in units of the rules.
    pub(super) units: usize,
    /// The bytes of UTF-8.
    pub(super) bytes: usize,
}

impl Size {
    pub(super) fn fits(self, room: Self) -> bool {
        self.units <= room.units && self.bytes <= room.bytes
    }

    /// Whether it takes half of the room, by one of the two measures.
    pub(super) fn is_half_of(self, room: Self) -> bool {
        self.units >= room.units.div_ceil(2) || self.bytes >= room.bytes.div_ceil(2)
    }

    pub(super) fn half(self) -> Self {
        Self {
            units: self.units / 2,
            bytes: self.bytes / 2,
        }
    }

    /// The larger of two rooms, by each measure.
    pub(super) fn max(self, other: Self) -> Self {
        Self {
            units: self.units.max(other.units),
            bytes: self.bytes.max(other.bytes),
        }
    }
}

impl Add for Size {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            units: self.units.saturating_add(other.units),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

/// What is left of a room; nothing where it is exceeded.
impl Sub for Size {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            units: self.units.saturating_sub(other.units),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}

impl CaptionRules {
    /// The room for a caption.
    pub(super) fn room(&self) -> Size {
        Size {
            units: self.limit,
            bytes: self.max_bytes.unwrap_or(usize::MAX),
        }
    }

    /// The size of a text.
    pub(super) fn size(&self, text: &str) -> Size {
        let plain = self.size_of_plain(text);
        let links = self.link_length.map(|_| links(text)).unwrap_or_default();
        let units = links.into_iter().fold(plain.units, |units, link| {
            let (link, is_web) = (&text[link.place], link.is_web);
            units - self.size_of_plain(link).units + self.size_of_link(link, is_web).units
        });
        Size { units, ..plain }
    }

    /// The size of a text without links.
    pub(super) fn size_of_plain(&self, text: &str) -> Size {
        let units = match self.unit {
            CaptionUnit::Utf16 => text.encode_utf16().count(),
            CaptionUnit::Char => text.chars().count(),
            CaptionUnit::Grapheme => text.graphemes(true).count(),
        };
        Size {
            units,
            bytes: text.len(),
        }
    }

    /// The size of a link.
    pub(super) fn size_of_link(&self, link: &str, is_web: bool) -> Size {
        let plain = self.size_of_plain(link);
        let units = match self.link_length {
            None => plain.units,
            Some(length) if is_web && is_certain(link) => length,
            Some(length) => {
                let growth = length.saturating_sub(SHORTEST_LINK);
                plain.units + link.matches(SCHEME_END).count() * growth
            }
        };
        Size { units, ..plain }
    }
}

/// Whether every server takes the whole of this text for a link: a domain of a well-known top level, then at most a port,
/// a path and a query of plain signs, up to a sign that may end them.
fn is_certain(link: &str) -> bool {
    let Some((_, rest)) = link.split_once(SCHEME_END) else {
        return false;
    };
    let (host, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (domain, port) = match host.split_once(':') {
        Some((domain, port)) => (domain, Some(port)),
        None => (host, None),
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|it| it.is_ascii_digit());
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"/_-.~%=&+,:;!*'@#$".contains(&it);
    let is_end = |it: u8| it.is_ascii_alphanumeric() || b"/_-".contains(&it);
    let is_whole = |part: &str| {
        let last = part.bytes().next_back();
        part.bytes().all(is_plain) && last.is_some_and(is_end)
    };
    link.len() <= LONGEST_LINK
        && is_domain(domain)
        && port.is_none_or(is_port)
        && (path.is_empty() || is_whole(path))
        && query.is_none_or(is_whole)
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        let inner = |it: u8| it.is_ascii_alphanumeric() || it == b'-';
        let ends = [label.bytes().next(), label.bytes().next_back()];
        label.len() <= LONGEST_LABEL
            && label.bytes().all(inner)
            && ends
                .iter()
                .all(|it| it.is_some_and(|it| it.is_ascii_alphanumeric()))
    };
    let Some((names, top)) = domain.rsplit_once('.') else {
        return false;
    };
    let top = top.to_ascii_lowercase();
    names.split('.').all(is_label) && TOP_LEVELS.split(' ').any(|known| known == top)
}

/// Top levels that every version of the server knows: the frequent ones, and those of countries.
const TOP_LEVELS: &str = "com net org info biz edu gov int mil name pro mobi art app blog club dev gallery live me \
    online photo photos photography pics shop site social space store studio tech today world xyz \
    ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc cd \
    cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gb gd \
    ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg \
    kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw \
    mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb \
    sc sd se sg sh si sk sl sm sn so sr st sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy \
    uz va vc ve vg vi vn vu wf ws ye yt za zm zw";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::caption::rules::HashtagPolicy;

    const RULES: CaptionRules = CaptionRules {
        limit: 500,
        unit: CaptionUnit::Grapheme,
        max_bytes: None,
        link_length: Some(23),
        hashtags: HashtagPolicy::TenantAndModel,
        plain_ascii_line: false,
        words: None,
    };

    #[test]
    fn a_link_counts_as_the_same_whatever_its_length() {
        for link in [
            "https://a.co",
            "HTTP://example.com/",
            "https://example.com:8443/a/b_c-d.html?x=1&y=%C3%A9#z",
            "https://example.com/@rope/1",
            &format!("https://example.org/{}", "a/".repeat(400)),
        ] {
            assert_eq!(RULES.length(link), 23, "{link}");
            assert_eq!(RULES.length(&format!("See ({link}).")), 30, "{link}");
        }
    }

    #[test]
    fn what_a_server_may_not_take_for_a_link_counts_as_the_most_it_can_come_to() {
        for link in [
            "https://a.invalid/x",
            "https://a.co縄縄縄縄縄縄縄縄縄縄縄縄縄縄縄縄",
            "https://a.co:x/",
            "https://a.co/x(y)",
            "https://-a.co",
            "https://a_b.co",
            "https://localhost/a",
            "ssb://a.co",
            "#https://a.co",
        ] {
            let own = link.graphemes(true).count();
            assert!(RULES.length(link) >= (own + 12).max(23), "{link}");
        }
        assert_eq!(RULES.length("http://a.cohttp://b.co"), 22 + 2 * 13);
        let plain = CaptionRules {
            link_length: None,
            ..RULES
        };
        assert_eq!(plain.length("https://a.co/👩‍👩‍👧"), 14);
    }

    #[test]
    fn a_mention_counts_whole() {
        assert_eq!(RULES.length("@user@host.example"), 18);
    }
}
