//! The values of secret names, and the credentials of an `Authorization`. Used by the rest of this folder.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

use super::{
    NAMES,
    scan::{Scan, is_space},
    units::Unit,
};

/// A word of more letters is none that people write.
const LONGEST_WORD: usize = 15;
/// The mask of a number in JSON.
const ZERO: &[u8] = b"0";

impl Scan<'_> {
    /// Masks the value of a name that says it is secret. Returns where to continue.
    pub(super) fn named_value(&mut self, at: usize, end: usize) -> Option<usize> {
        if !self.is_secret_name(at, end) {
            return None;
        }
        // The quote that ends the name, then `=`, `:`, `==` or `=>`.
        let is_json_name = self.is_edge(end);
        if is_json_name && !self.in_string {
            return None;
        }
        let after_name = end + usize::from(is_quote(self.byte(end)));
        let separator = self.skip(after_name, is_blank);
        if !matches!(self.byte(separator), b'=' | b':') {
            return None;
        }
        let after = self.skip(separator + 1, |byte| matches!(byte, b'=' | b'>'));
        let start = self.skip(after, is_blank);
        if is_json_name {
            // A URL in the name ends with it, and not where the value begins.
            self.end_url(end);
        }
        if self.is_edge(start) {
            return (is_json_name || !self.in_string).then(|| self.json_string(start));
        }
        if is_json_name {
            return self.json_literal(start);
        }
        if is_quote(self.byte(start)) {
            return Some(self.quoted(start));
        }
        let may_be_prose = self.byte(separator) == b':' && start > after;
        let encoded = self.units.get(separator).map_or(0, |unit| unit.encoded);
        self.unquoted(start, encoded, may_be_prose)
    }

    /// Masks what follows `Bearer` or `Basic`; a plain word only where it must be a credential.
    pub(super) fn credentials(&mut self, at: usize, end: usize, must_be: bool) -> Option<usize> {
        let is_basic = self.is(at, end, b"basic");
        if !is_basic && !self.is(at, end, b"bearer") {
            return None;
        }
        let start = self.skip(end, |byte| is_blank(byte) || byte == b'+');
        let encoded = self.units.get(end).map_or(0, |unit| unit.encoded);
        let stop = self.value_end(start, encoded);
        if start == end || start == stop {
            return None;
        }
        if !must_be && self.is_prose(start, stop) && !(is_basic && self.is_login(start, stop)) {
            return None;
        }
        self.mask(start, stop);
        Some(stop)
    }

    fn is_secret_name(&self, at: usize, end: usize) -> bool {
        let same = |unit: &Unit, byte: &u8| match unit.byte {
            b'-' => *byte == b'_',
            other => other.to_ascii_lowercase() == *byte,
        };
        let word = self.units.get(at..end).unwrap_or_default();
        NAMES.iter().any(|name| {
            let tail = word.len().checked_sub(name.len());
            let tail = tail.and_then(|from| word.get(from..));
            tail.is_some_and(|tail| tail.iter().zip(*name).all(|(unit, byte)| same(unit, byte)))
        })
    }

    /// Whether a word is this one, in any case.
    fn is(&self, at: usize, end: usize, word: &[u8]) -> bool {
        let units = self.units.get(at..end).unwrap_or_default();
        units.len() == word.len()
            && (units.iter().zip(word)).all(|(unit, byte)| unit.byte.to_ascii_lowercase() == *byte)
    }

    /// A string of the JSON. Looks on at its end.
    fn json_string(&mut self, open: usize) -> usize {
        self.end_url(open);
        let close = (open + 1..self.end()).find(|at| self.is_edge(*at));
        let close = close.unwrap_or(self.end());
        self.mask(open + 1, close);
        self.in_string = true;
        close
    }

    /// A number of the JSON becomes another number. An object or an array has names of its own.
    fn json_literal(&mut self, start: usize) -> Option<usize> {
        let stop = self.skip(start, |byte| {
            !is_space(byte) && !matches!(byte, b',' | b'}' | b']' | b'{' | b'[' | b'"')
        });
        let says_nothing = [b"null".as_slice(), b"true", b"false", b""]
            .into_iter()
            .any(|word| self.is(start, stop, word));
        if says_nothing {
            return None;
        }
        self.mask_with(start, stop, ZERO);
        self.in_string = false;
        Some(stop)
    }

    /// A string within what is written, up to the quote that ends it.
    fn quoted(&mut self, open: usize) -> usize {
        self.end_url(open);
        let Some(quote) = self.units.get(open).copied() else {
            return open;
        };
        let ends = |at: &usize| {
            let same = |unit: &Unit| {
                unit.byte == quote.byte
                    && unit.depth <= quote.depth
                    && unit.encoded <= quote.encoded
            };
            self.is_edge(*at) || self.units.get(*at).is_some_and(same)
        };
        let close = (open + 1..self.end()).find(ends).unwrap_or(self.end());
        self.mask(open + 1, close);
        if self.is_edge(close) {
            close
        } else {
            (close + 1).min(self.end())
        }
    }

    fn unquoted(&mut self, start: usize, encoded: u8, may_be_prose: bool) -> Option<usize> {
        let stop = self.value_end(start, encoded);
        // `Authorization: Bearer …`: the secret is what comes second.
        let scheme_end = self.skip(start, |byte| byte.is_ascii_alphabetic());
        if let Some(end) = self.credentials(start, scheme_end, true) {
            return Some(end);
        }
        if start == stop || may_be_prose && self.is_prose(start, stop) {
            return None;
        }
        self.mask(start, stop);
        Some(stop)
    }

    /// Where a value ends that no quotes stand around. What was URL-encoded more often than what
    /// stands around it is part of it.
    fn value_end(&self, start: usize, encoded: u8) -> usize {
        let is = |at: usize, which: fn(u8) -> bool| {
            let unit = self.units.get(at);
            unit.is_some_and(|unit| unit.encoded <= encoded && which(unit.byte))
        };
        let ends = |at: &usize| {
            let next = at + 1;
            self.is_edge(*at)
                || is(*at, |byte| is_space(byte) || byte == b'&')
                || is(*at, closes)
                    && (is(next, |byte| is_space(byte) || closes(byte)) || self.is_edge(next))
        };
        (start..self.end()).find(ends).unwrap_or(self.end())
    }

    /// Whether this is a word that people write.
    fn is_prose(&self, start: usize, stop: usize) -> bool {
        let end = self.skip(start, |byte| byte.is_ascii_lowercase()).min(stop);
        let rest = self.skip(end, |byte| matches!(byte, b'.' | b',' | b';' | b':' | b')'));
        end - start <= LONGEST_WORD && rest >= stop
    }

    /// Whether this is user and password in Base64, which can look like a word.
    fn is_login(&self, start: usize, stop: usize) -> bool {
        let text: Vec<u8> = (start..stop).map(|at| self.byte(at)).collect();
        let login = STANDARD_NO_PAD.decode(text);
        login.is_ok_and(|login| login.contains(&b':'))
    }
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'')
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// What ends a value if nothing of it follows.
fn closes(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b',' | b';' | b')' | b'}' | b']' | b'>')
}
