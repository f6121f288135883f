//! Texts made of what breaks naive cutting, from a seed.

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
/// Links, mentions, and what is put around them.
const LINKS: [&str; 16] = [
    "https://example.com/a/b?c=d#e",
    "https://a.co",
    "http://example.org/a-very/long/path/with/many/parts/and-so-on/of-a-shop-that-sells-rope/in-all-colors/42",
    "HTTPS://Example.com/A_(b)",
    "https://example.invalid/縄?ロープ",
    "https://例え.example/",
    "ssb://a.co",
    "https://",
    "://",
    "https://a.co/x(#rope)",
    "https://a.co:80/,",
    "(https://example.de/)",
    "<https://example.net/x->",
    "\"https://example.info/?q=",
    "@user@host.example",
    "@user",
];
/// The tags of a model.
const TAGS: [&str; 12] = [
    "rope",
    "Shibari",
    "black and white",
    "ROPE art",
    "縄",
    "e\u{301}te\u{301}",
    "35mm",
    "2024",
    "a&b",
    "🪢",
    "suspension",
    "fine-art",
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
/// Graphemes of many bytes.
const EMOJI: [&str; 6] = ["👩‍👩‍👧", "🧑🏽‍🚀", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "👩‍❤️‍💋‍👩", "👨‍👩‍👧‍👦", "🇩🇪"];
const SPACES: [&str; 12] = [
    " ", " ", " ", "", "", "\n", "\n\n\n", "\r\n", "\t", "\u{3000}", "\u{2028}", ", ",
];
const SIGNS: [&str; 8] = ["—", "–", "‘", "’", "“", "”", "…", "«"];

/// Numbers that look random, the same for the same seed (`SplitMix64`).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn of(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    pub(super) fn text(&mut self) -> String {
        let length = match self.below(80) {
            0 => 60 + self.below(200),
            1..=4 => 30 + self.below(40),
            _ => self.below(10),
        };
        let kind = self.below(12);
        let mut text = String::new();
        for _ in 0..length {
            let piece = match (kind, self.below(10)) {
                (0, _) | (1..=3, 0..=4) | (_, 1) => self.one_of(&HASHTAGS),
                (_, 0) => self.one_of(&SIGNS),
                (9, _) => self.one_of(&PIECES[..10]),
                (10, _) => self.one_of(&EMOJI),
                (11, 2..=6) => self.one_of(&LINKS),
                _ => self.one_of(&PIECES),
            };
            // Now and then a word, or a heap of marks, that is longer than all room.
            let times = match self.below(12_000) {
                0 => 12_000,
                1..=2 => 1_200,
                _ if kind == 10 => 1 + self.below(20),
                _ => 1,
            };
            text.push_str(&piece.repeat(times));
            if kind != 4 {
                text.push_str(self.one_of(&SPACES));
            }
        }
        text
    }

    pub(super) fn tenant_hashtags(&mut self) -> String {
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

    pub(super) fn tags(&mut self) -> Vec<String> {
        let count = self.below(9);
        (0..count).map(|_| self.one_of(&TAGS).to_owned()).collect()
    }
}
