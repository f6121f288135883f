//! A text as it is compared with secrets: in small letters, without invisible characters, and with its escapes undone
//! repeatedly.

use std::ops::Range;

/// How often escapes are undone: an escaped text may be quoted in another that is escaped too.
const MOST_ROUNDS: usize = 3;

/// The characters that are compared, and their places in the text.
pub(super) struct View {
    pub(super) chars: Vec<char>,
    /// The bytes of the text that each character comes from.
    pub(super) places: Vec<Range<usize>>,
}

/// A character, or a byte of one, that an escape stands for.
enum Piece {
    Char(char),
    Byte(u8),
}

/// A text in small letters, without invisible characters.
pub(super) fn folded(text: &str) -> Vec<char> {
    View::of(text).chars
}

/// White space and characters that cannot be seen: none of them parts a secret.
fn is_unseen(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

impl View {
    /// The text itself, with the lines joined that quoted-printable has broken, and each of the two with its
    /// escapes undone so many times as there are escapes in escapes.
    pub(super) fn all_of(text: &str) -> Vec<Self> {
        let mut views = Self::with_escapes_undone(Self::of(text));
        if text.contains("=\r") || text.contains("=\n") {
            views.extend(Self::with_escapes_undone(Self::joined(text)));
        }
        views
    }

    fn with_escapes_undone(view: Self) -> Vec<Self> {
        let mut views = vec![view];
        for _ in 0..MOST_ROUNDS {
            match views.last().and_then(Self::unescaped) {
                Some(next) => views.push(next),
                None => break,
            }
        }
        views
    }

    fn of(text: &str) -> Self {
        let mut view = Self::empty();
        for (at, c) in text.char_indices() {
            view.push(c, at..at + c.len_utf8());
        }
        view
    }

    /// Without the signs at the ends of lines that stand for no end.
    fn joined(text: &str) -> Self {
        let mut view = Self::empty();
        let mut rest = text.char_indices().peekable();
        while let Some((at, c)) = rest.next() {
            let is_broken = c == '=' && rest.peek().is_some_and(|(_, c)| matches!(c, '\r' | '\n'));
            if !is_broken {
                view.push(c, at..at + c.len_utf8());
            }
        }
        view
    }

    const fn empty() -> Self {
        Self {
            chars: Vec::new(),
            places: Vec::new(),
        }
    }

    fn push(&mut self, c: char, place: Range<usize>) {
        if is_unseen(c) {
            return;
        }
        for c in c.to_lowercase() {
            self.chars.push(c);
            self.places.push(place.clone());
        }
    }

    /// Whether a character, which may not be there, can be one of Base64.
    pub(super) fn is_base64(&self, at: usize) -> bool {
        self.chars
            .get(at)
            .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_'))
    }

    /// The same with the escapes undone; `None` if there are none.
    fn unescaped(&self) -> Option<Self> {
        let mut view = Self::empty();
        let (mut bytes, mut places) = (Vec::new(), Vec::new());
        let (mut at, mut found) = (0, false);
        while let Some(c) = self.chars.get(at) {
            let (piece, length) = self.escape(at).unwrap_or((Piece::Char(*c), 1));
            let place = self.places.get(at)?.start..self.places.get(at + length - 1)?.end;
            found |= length > 1;
            match piece {
                Piece::Byte(byte) => {
                    bytes.push(byte);
                    places.push(place);
                }
                Piece::Char(c) => {
                    view.push_bytes(&bytes, &places);
                    bytes.clear();
                    places.clear();
                    view.push(c, place);
                }
            }
            at += length;
        }
        view.push_bytes(&bytes, &places);
        found.then_some(view)
    }

    /// Bytes are UTF-8, or else Latin-1.
    fn push_bytes(&mut self, bytes: &[u8], places: &[Range<usize>]) {
        let mut at = 0;
        for chunk in bytes.utf8_chunks() {
            let latin = chunk.invalid().iter().copied().map(char::from);
            let valid = chunk.valid().chars().map(|c| (c, c.len_utf8()));
            for (c, length) in valid.chain(latin.map(|c| (c, 1))) {
                if let Some([first, .., last] | [first @ last]) = places.get(at..at + length) {
                    self.push(c, first.start..last.end);
                }
                at += length;
            }
        }
    }

    /// The escape that begins here, and how many characters it has: at least two.
    fn escape(&self, at: usize) -> Option<(Piece, usize)> {
        let rest = self.chars.get(at..)?;
        match rest {
            // URL encoding, and quoted-printable.
            ['%' | '=', high, low, ..] => byte(*high, *low).map(|byte| (byte, 3)),
            ['\\', 'x', high, low, ..] => byte(*high, *low).map(|byte| (byte, 4)),
            ['\\', 'u', '{', ..] => {
                let (c, digits) = number(rest.get(3..)?, 16, '}')?;
                Some((Piece::Char(c), digits + 4))
            }
            ['\\', 'u', ..] => utf16(rest),
            // Breaks of a line, which are not seen.
            ['\\', 'n' | 'r' | 't' | 'b' | 'f', ..] => Some((Piece::Char(' '), 2)),
            ['\\', other, ..] => Some((Piece::Char(*other), 2)),
            ['&', '#', 'x', ..] => {
                let (c, digits) = number(rest.get(3..)?, 16, ';')?;
                Some((Piece::Char(c), digits + 4))
            }
            ['&', '#', ..] => {
                let (c, digits) = number(rest.get(2..)?, 10, ';')?;
                Some((Piece::Char(c), digits + 3))
            }
            ['&', ..] => entity(rest),
            _ => None,
        }
    }
}

fn byte(high: char, low: char) -> Option<Piece> {
    let byte = high.to_digit(16)? * 16 + low.to_digit(16)?;
    u8::try_from(byte).ok().map(Piece::Byte)
}

/// A number up to this end, and how many digits it has.
fn number(rest: &[char], radix: u32, end: char) -> Option<(char, usize)> {
    let digits = rest.iter().take(8).position(|c| *c == end)?;
    let mut value = 0;
    for digit in rest.get(..digits)? {
        value = value * radix + digit.to_digit(radix)?;
    }
    char::from_u32(value).map(|c| (c, digits))
}

/// `\uXXXX`, or two of them that stand for one character.
fn utf16(rest: &[char]) -> Option<(Piece, usize)> {
    let unit = |at: usize| {
        let ['\\', 'u', digits @ ..] = rest.get(at..at + 6)? else {
            return None;
        };
        let mut value = 0;
        for digit in digits {
            value = value * 16 + digit.to_digit(16)?;
        }
        u16::try_from(value).ok()
    };
    let first = unit(0)?;
    let decoded = |units: &[u16]| {
        let mut chars = char::decode_utf16(units.iter().copied());
        chars.next()?.ok()
    };
    if let Some(c) = decoded(&[first]) {
        return Some((Piece::Char(c), 6));
    }
    decoded(&[first, unit(6)?]).map(|c| (Piece::Char(c), 12))
}

fn entity(rest: &[char]) -> Option<(Piece, usize)> {
    const NAMED: [(&str, char); 5] = [
        ("&amp;", '&'),
        ("&lt;", '<'),
        ("&gt;", '>'),
        ("&quot;", '"'),
        ("&apos;", '\''),
    ];
    let is_here = |name: &str| name.chars().eq(rest.iter().copied().take(name.len()));
    let (name, c) = NAMED.into_iter().find(|(name, _)| is_here(name))?;
    Some((Piece::Char(c), name.len()))
}
