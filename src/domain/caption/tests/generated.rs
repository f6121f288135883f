//! Many captions, made of what breaks naive cutting, for every platform. The generator has a seed
//! of its own: a failure comes again, and names its case.

use std::collections::HashSet;

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation as _};

use super::*;

/// What captions are made of; each is put together with others, without a space as often as with.
const PIECES: [&str; 62] = [
    "word",
    "A",
    "knot.",
    "e-mail",
    "x,",
    "end…",
    "1",
    "42",
    "_",
    "#",
    "##",
    "/",
    "C#",
    "I/O",
    // Emoji: joined, with skin tones, flags, half a flag, keycaps, tags, variation selectors.
    "👩‍👩‍👧",
    "🧑🏽‍🚀",
    "👍🏿",
    "🪢",
    "🇩🇪",
    "🇯🇵🇫",
    "🇺",
    "#️⃣",
    "#⃣",
    "7️⃣",
    "🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    "❤️",
    "❤︎",
    "🅰",
    "ℹ",
    "™️",
    // Marks: on letters, on a space, on a sign, on nothing; and many of them.
    "e\u{301}",
    "\u{301}",
    " \u{301}",
    "#\u{301}",
    "\u{a0}\u{308}",
    "o\u{302}\u{323}\u{304}\u{30b}",
    "-\u{338}",
    // Hangul as jamo, Indic conjuncts, Thai, prepended marks.
    "한",
    "\u{1112}",
    "\u{1161}\u{11ab}",
    "क्ष",
    "क्\u{200d}",
    "नि",
    "ക്ഷ",
    "ทำ",
    "\u{600}",
    "\u{d4e}",
    "\u{110bd}",
    // Right to left, with marks and controls of direction.
    "שָׁלוֹם",
    "العَرَبِيَّة",
    "\u{202b}",
    "\u{200f}",
    "\u{2067}",
    // Controls, and what has no width.
    "\0",
    "\u{7}",
    "\u{85}",
    "\u{200b}",
    "\u{feff}",
    "\u{2060}",
    "\u{ad}",
    "\u{200d}",
    "\u{fe0f}",
];
const HASHTAGS: [&str; 16] = [
    "#rope",
    "#Rope",
    "#shibari",
    "#rope_art",
    "#縄",
    "#로프",
    "#веревка",
    "#حبل",
    "#रस्सी",
    "#a1",
    "#_x",
    "#1",
    "#e\u{301}te\u{301}",
    "#ΣΑΣ",
    "#İ",
    "#c,",
];
const SPACES: [&str; 12] = [
    " ", " ", " ", "", "", "\n", "\n\n\n", "\r\n", "\t", "\u{3000}", "\u{2028}", ", ",
];
const SIGNS: [&str; 8] = ["—", "–", "‘", "’", "“", "”", "…", "«"];

/// Numbers that look random, the same for the same seed (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn text(&mut self) -> String {
        let length = match self.below(80) {
            0 => 60 + self.below(200),
            1..=4 => 30 + self.below(40),
            _ => self.below(10),
        };
        let kind = self.below(10);
        let mut text = String::new();
        for _ in 0..length {
            let piece = match (kind, self.below(10)) {
                (0, _) | (1..=3, 0..=4) | (_, 1) => self.one_of(&HASHTAGS),
                (_, 0) => self.one_of(&SIGNS),
                (9, _) => self.one_of(&PIECES[..10]),
                _ => self.one_of(&PIECES),
            };
            // Now and then a word, or a heap of marks, that is longer than all room.
            let times = if self.below(4_000) == 0 { 1_200 } else { 1 };
            text.push_str(&piece.repeat(times));
            if kind != 4 {
                text.push_str(self.one_of(&SPACES));
            }
        }
        text
    }

    fn tenant_hashtags(&mut self) -> String {
        let count = match self.below(200) {
            0 => 200,
            1..=99 => 0,
            _ => self.below(8),
        };
        let mut tags = String::new();
        for index in 0..count {
            tags.push_str(self.one_of(&HASHTAGS));
            if count > 8 {
                tags.push_str(&index.to_string());
            }
            tags.push(' ');
        }
        tags
    }
}

#[test]
fn twenty_thousand_captions_fit_whole() {
    captions_fit_whole(20_000);
}

#[test]
#[ignore = "takes long without optimization: cargo test --release --lib -- --ignored hundred_thousand"]
fn a_hundred_thousand_captions_fit_whole() {
    captions_fit_whole(100_000);
}

fn captions_fit_whole(cases: u64) {
    let cut: usize = (0..cases).map(check).sum();
    println!("{cases} captions checked for each platform, {cut} were cut");
    assert!(cut as u64 > cases * 15 / 1_000, "too few are long: {cut}");
}

/// Checks one case for all platforms; how many of them had to cut it.
fn check(seed: u64) -> usize {
    let mut dice = Dice(seed);
    let (text, tenants) = (dice.text(), dice.tenant_hashtags());
    let fitted = Platform::ALL.map(|platform| {
        let rules = spec(platform).caption;
        let caption = Fitted::new(rules, &text, &tenants);
        caption.check(&|| format!("case {seed}, {platform}: {text:?} {tenants:?}"));
        usize::from(caption.is_cut())
    });
    fitted.iter().sum()
}

/// A caption that was made to fit, taken apart again.
struct Fitted<'a> {
    rules: CaptionRules,
    text: &'a str,
    tenants: &'a str,
    cleaned: String,
    whole: String,
}

impl<'a> Fitted<'a> {
    fn new(rules: CaptionRules, text: &'a str, tenants: &'a str) -> Self {
        let cleaned = rules.clean(text);
        Self {
            rules,
            text,
            tenants,
            whole: rules.fit_clean(&cleaned, tenants),
            cleaned,
        }
    }

    fn ellipsis(&self) -> &'static str {
        if self.rules.hashtags { "…" } else { "..." }
    }

    /// The body and the hashtags behind it. They are in the last paragraph, if it has no other
    /// words.
    fn parts(&self) -> (&str, Vec<&str>) {
        let (body, last) = match self.whole.rsplit_once("\n\n") {
            Some((body, last)) => (body, last),
            None => (&self.whole[..0], self.whole.as_str()),
        };
        let words: Vec<&str> = last.split(' ').collect();
        let is_tag = |word: &&str| hashtags(word).first().is_some_and(|it| it.text == *word);
        if self.rules.hashtags && words.iter().all(is_tag) {
            (body, words)
        } else {
            (&self.whole, Vec::new())
        }
    }

    /// It stands so in the text or among the tenant's, and nothing goes on behind it.
    fn knows_tag(&self, tag: &str) -> bool {
        let is_whole = |text: &str| {
            text.match_indices(tag).any(|(at, _)| {
                let next = text[at + tag.len()..].graphemes(true).next();
                // A letter that has taken in a space does not go on with the word.
                let goes_on = |it: &str| it.starts_with(char::is_alphanumeric) || it == "_";
                !next.is_some_and(|it| {
                    goes_on(it) && !it.contains(|c: char| c == '#' || c.is_whitespace())
                })
            })
        };
        is_whole(&self.cleaned) || is_whole(self.tenants)
    }

    fn is_cut(&self) -> bool {
        let (body, _) = self.parts();
        !(self.cleaned.starts_with(body) && is_border(&self.cleaned, body.len()))
    }

    fn check(&self, case: &dyn Fn() -> String) {
        let length = match self.rules.unit {
            CaptionUnit::Utf16 => self.whole.encode_utf16().count(),
            CaptionUnit::Char => self.whole.chars().count(),
        };
        assert!(length <= self.rules.limit, "{length} in {}", case());
        self.check_cleaned(case);
        self.check_body(case);
        self.check_hashtags(case);
        let (_, tags) = self.parts();
        assert_eq!(
            self.rules.fit(&self.whole, &tags.join(" ")),
            self.whole,
            "again: {}",
            case()
        );
        if self.rules.plain_ascii_line {
            let typographic = |c| cleaning::ascii_sign(c).is_some() || c.is_control();
            assert!(
                !self.whole.contains(typographic),
                "{:?} in {}",
                self.whole,
                case()
            );
            let graphemes: Vec<&str> = self.whole.graphemes(true).collect();
            let twice = graphemes.windows(2).any(|pair| pair == [" ", " "]);
            assert!(!twice, "{:?} in {}", self.whole, case());
        }
    }

    /// Cleaning takes away white space, unseen characters, hashtags, and all but one of a row of dashes only.
    fn check_cleaned(&self, case: &dyn Fn() -> String) {
        let has_signs = self.rules.hashtags;
        let kept =
            move |c: &char| !c.is_whitespace() && !c.is_control() && (has_signs || *c != '#');
        let mut cleaned = self.cleaned.chars().filter(kept);
        let text = without_unseen(self.text);
        let mut last = None;
        let in_row = |c: &char| {
            let is_dash = cleaning::is_dash(*c) && self.rules.plain_ascii_line;
            let goes_on = is_dash && last == Some(true);
            if !cleaning::is_blank(*c) {
                last = Some(is_dash);
            }
            !goes_on
        };
        for c in text.chars().filter(in_row).filter(kept) {
            let sign = cleaning::ascii_sign(c).filter(|_| self.rules.plain_ascii_line);
            let mut rest = sign.unwrap_or_default().chars();
            let goes_on = match cleaned.next() {
                // Without hashtags, those at the end are not there.
                None if !has_signs => return,
                next => {
                    next == rest.next().or(Some(c)) && rest.all(|it| cleaned.next() == Some(it))
                }
            };
            assert!(goes_on, "{c:?} of {:?} in {}", self.cleaned, case());
        }
        assert_eq!(cleaned.next(), None, "{:?} in {}", self.cleaned, case());
    }

    /// The body is a prefix of the cleaned text that ends where a grapheme does, and every
    /// grapheme of the caption was one before.
    fn check_body(&self, case: &dyn Fn() -> String) {
        let (body, tags) = self.parts();
        let kept = if self.is_cut() {
            body.strip_suffix(self.ellipsis())
        } else {
            Some(body)
        };
        let kept = kept.unwrap_or_else(|| panic!("no ellipsis: {body:?} in {}", case()));
        assert!(self.cleaned.starts_with(kept), "{kept:?} in {}", case());
        assert!(
            is_border(&self.cleaned, kept.len()),
            "{kept:?} in {}",
            case()
        );
        // So its graphemes are those of the text; those of the hashtags are, if they are whole;
        // and so all are, if nothing was joined where they were put together.
        for part in [kept, body].into_iter().chain(tags) {
            let start = part.as_ptr().addr() - self.whole.as_ptr().addr();
            for at in [start, start + part.len()] {
                assert!(
                    is_border(&self.whole, at),
                    "{at} of {:?} in {}",
                    self.whole,
                    case()
                );
            }
        }
    }

    /// Hashtags are at the end, whole and once, or nowhere.
    fn check_hashtags(&self, case: &dyn Fn() -> String) {
        let (body, tags) = self.parts();
        if !self.rules.hashtags {
            assert_eq!(hashtags(&self.whole), [], "{:?} in {}", self.whole, case());
            return;
        }
        let mut seen = HashSet::new();
        for tag in &tags {
            assert!(self.knows_tag(tag), "{tag:?} in {}", case());
            assert!(
                seen.insert(tag.to_lowercase()),
                "{tag:?} twice in {}",
                case()
            );
        }
        for tag in hashtags(body) {
            assert!(self.knows_tag(tag.text), "{tag:?} was cut in {}", case());
            assert!(!seen.contains(&tag.key()), "{tag:?} twice in {}", case());
        }
    }
}

/// A grapheme ends here, and another begins.
fn is_border(text: &str, at: usize) -> bool {
    GraphemeCursor::new(at, text.len(), true).is_boundary(text, 0) == Ok(true)
}
