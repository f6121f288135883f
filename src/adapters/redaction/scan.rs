//! The scan of a line for secrets, in one pass. Used by the rest of this folder.

use std::ops::Range;

use super::units::Unit;

/// What is written in the place of a secret.
const MASK: &[u8] = b"***";

/// The fewest characters of a key of OpenAI's, `sk-` included.
const OPENAI_KEY: usize = 15;
/// The fewest characters of an access token of Dropbox's, `sl.` included.
const DROPBOX_TOKEN: usize = 16;
/// The fewest characters of a bot token's second half: after `bot123`, where nothing else stands
/// so, and after a number, where times and addresses do.
pub(super) const BOT_TOKEN: (usize, usize) = (8, 30);
/// The fewest digits of a bot token's first half where `bot` does not stand before it.
const BOT_NUMBER: usize = 6;

/// A part of the line that is not written, and what is written in its place.
#[derive(Debug)]
pub(super) struct Mask {
    pub(super) range: Range<usize>,
    pub(super) with: &'static [u8],
}

/// The state of one scan of a line.
pub(super) struct Scan<'a> {
    pub(super) units: &'a [Unit],
    /// Whether the line is JSON: then a quote that is not escaped ends a string of the line, and no
    /// mask reaches over it.
    is_json: bool,
    /// Whether the look is inside a string of the JSON.
    pub(super) in_string: bool,
    url: Url,
    /// How often the URL was URL-encoded: what was more often is no part of its syntax.
    url_encoded: u8,
    masks: Vec<Mask>,
}

/// Where in a URL the look is.
#[derive(Debug, Clone, Copy)]
enum Url {
    /// In none.
    Outside,
    /// In the part with user, host and port, which begins there.
    Authority(usize),
    /// In the path.
    Path,
    /// In the query, which begins there.
    Query(usize),
}

impl<'a> Scan<'a> {
    pub(super) fn new(units: &'a [Unit], is_json: bool) -> Self {
        Self {
            units,
            is_json,
            in_string: false,
            url: Url::Outside,
            url_encoded: 0,
            masks: Vec::new(),
        }
    }

    pub(super) fn run(mut self) -> Vec<Mask> {
        let mut at = 0;
        while at < self.end() {
            at = if is_word(self.byte(at)) {
                self.word(at)
            } else {
                self.mark(at);
                at + 1
            };
        }
        self.end_url(at);
        self.masks
    }

    /// Past the last unit of the line.
    pub(super) fn end(&self) -> usize {
        self.units.len().saturating_sub(1)
    }

    /// What stands there; a line break at the end of the line.
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.units.get(at).map_or(b'\n', |unit| unit.byte)
    }

    /// Whether a string of the JSON begins or ends there.
    pub(super) fn is_edge(&self, at: usize) -> bool {
        let edge = |unit: &Unit| unit.byte == b'"' && unit.depth == 0 && unit.encoded == 0;
        self.is_json && self.units.get(at).is_some_and(edge)
    }

    /// The first place from `at` on that is none of these.
    pub(super) fn skip(&self, at: usize, is_one: impl Fn(u8) -> bool) -> usize {
        let rest = self.units.get(at..self.end()).unwrap_or_default();
        at + rest.iter().take_while(|unit| is_one(unit.byte)).count()
    }

    /// Masks the units from `from` up to `to`.
    pub(super) fn mask(&mut self, from: usize, to: usize) {
        self.mask_with(from, to, MASK);
    }

    pub(super) fn mask_with(&mut self, from: usize, to: usize, with: &'static [u8]) {
        let place = |at: usize| self.units.get(at).map(|unit| unit.start);
        if from < to
            && let (Some(start), Some(end)) = (place(from), place(to))
        {
            let range = start..end;
            self.masks.push(Mask { range, with });
        }
    }

    /// A URL does not go on.
    pub(super) fn end_url(&mut self, at: usize) {
        if let Url::Query(start) = self.url {
            self.mask(start, at);
        }
        self.url = Url::Outside;
    }

    /// Looks at a word, and returns where to continue.
    fn word(&mut self, at: usize) -> usize {
        let end = self.skip(at, is_word);
        self.named_value(at, end)
            .or_else(|| self.credentials(at, end, false))
            .or_else(|| self.key_of_openai(at, end))
            .or_else(|| self.token_of_dropbox(at, end))
            .or_else(|| self.token_of_telegram(at, end))
            .unwrap_or(end)
    }

    fn key_of_openai(&mut self, at: usize, end: usize) -> Option<usize> {
        let start = self.skip(at, is_dash).min(end);
        if end - start < OPENAI_KEY || !self.says(start, b"sk-") {
            return None;
        }
        self.mask(start, end);
        Some(end)
    }

    fn token_of_dropbox(&mut self, at: usize, end: usize) -> Option<usize> {
        let start = self.skip(at, is_dash).min(end);
        if end - start != 2 || !self.says(start, b"sl.") {
            return None;
        }
        let end = self.skip(start, |byte| is_word(byte) || byte == b'.');
        if end - start < DROPBOX_TOKEN {
            return None;
        }
        self.mask(start, end);
        Some(end)
    }

    fn token_of_telegram(&mut self, at: usize, end: usize) -> Option<usize> {
        let word = self.units.get(at..end)?;
        let digits = |unit: &&Unit| unit.byte.is_ascii_digit();
        let digits = word.iter().rev().take_while(digits).count();
        let is_bot = digits > 0 && word.len() == digits + 3 && self.says(at, b"bot");
        if self.byte(end) != b':' || !(is_bot || digits >= BOT_NUMBER) {
            return None;
        }
        let token_end = self.skip(end + 1, is_word);
        let (after_bot, after_number) = BOT_TOKEN;
        if token_end - (end + 1) < if is_bot { after_bot } else { after_number } {
            return None;
        }
        self.mask(end - digits, token_end);
        Some(token_end)
    }

    /// Whether just this stands there.
    fn says(&self, at: usize, text: &[u8]) -> bool {
        (at..).zip(text).all(|(at, byte)| self.byte(at) == *byte)
    }

    /// Looks at what is no word.
    fn mark(&mut self, at: usize) {
        if self.is_edge(at) {
            self.in_string = !self.in_string;
        }
        let encoded = self.units.get(at).map_or(0, |unit| unit.encoded);
        if self.says(at, b"://") {
            self.end_url(at);
            self.url = Url::Authority(at + 3);
            self.url_encoded = encoded;
            return;
        }
        match self.url {
            Url::Outside => self.url_encoded = encoded,
            _ if encoded > self.url_encoded => return,
            _ => {}
        }
        match (self.byte(at), self.url) {
            (b'/' | b'#', Url::Authority(start)) if at >= start => self.url = Url::Path,
            (b'@', Url::Authority(start)) => self.mask(start, at),
            (b'?', _) => self.question(at),
            (b'"' | b'\'' | b'<' | b'>', _) => self.end_url(at),
            (byte, _) if is_space(byte) => self.end_url(at),
            _ => {}
        }
    }

    /// A query begins, in a URL or in what looks like the end of one: `/path?name=…`.
    fn question(&mut self, at: usize) {
        let begins = match self.url {
            Url::Query(_) => return,
            Url::Authority(_) | Url::Path => true,
            Url::Outside => {
                let name_end = self.skip(at + 1, is_word);
                name_end > at + 1 && self.byte(name_end) == b'='
            }
        };
        if begins {
            self.url = Url::Query(at + 1);
        }
    }
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || is_dash(byte)
}

fn is_dash(byte: u8) -> bool {
    matches!(byte, b'-' | b'_')
}

pub(super) fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}
