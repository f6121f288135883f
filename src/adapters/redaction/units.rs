//! A line as what it says: one unit for each character, whatever it was escaped with. Used by the
//! rest of this folder.

/// A character, and where it is written. Of one beyond ASCII each byte is a unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    /// The ASCII character; something above 127 for any other.
    pub(super) byte: u8,
    /// Where it begins in the line. It ends where the next one begins.
    pub(super) start: usize,
    /// For a quote: in how many strings within strings it stands.
    pub(super) depth: u8,
    /// How often it was URL-encoded.
    pub(super) encoded: u8,
}

/// The depth of a quote that is written as `\u0022`: deeper than any other.
const BY_NUMBER: u8 = u8::MAX;
/// What stands for a character beyond ASCII.
const BEYOND: u8 = 0x80;

/// The units of a line, with one that marks its end.
pub(super) fn read(line: &[u8]) -> Vec<Unit> {
    let decoded = without_percents(line);
    let mut units = Vec::with_capacity(decoded.len() + 1);
    let mut at = 0;
    while let Some(unit) = decoded.get(at) {
        if unit.byte == b'\\' {
            at = backslashes(&decoded, at, &mut units);
        } else {
            units.push(*unit);
            at += 1;
        }
    }
    units.push(plain(b'\n', line.len()));
    units
}

fn plain(byte: u8, start: usize) -> Unit {
    Unit {
        byte,
        start,
        depth: 0,
        encoded: 0,
    }
}

/// Reads `%41`, or `%2541` and so on where it was encoded again.
fn without_percents(line: &[u8]) -> Vec<Unit> {
    let digits = |at: usize| {
        let digits = line.get(at..at + 2)?.iter();
        number(digits.copied())
    };
    let mut units = Vec::with_capacity(line.len());
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        let (start, mut encoded) = (at, 1_u8);
        at += 1;
        if byte == b'%' {
            while line.get(at..at + 2) == Some(b"25") && digits(at + 2).is_some() {
                at += 2;
                encoded = encoded.saturating_add(1);
            }
            if let Some(byte) = digits(at).and_then(|it| u8::try_from(it).ok()) {
                at += 2;
                units.push(Unit {
                    encoded,
                    ..plain(byte, start)
                });
                continue;
            }
        }
        units.push(plain(byte, start));
    }
    units
}

/// Reads a run of backslashes and what it escapes. Returns the index of what comes next.
///
/// Each string within a string doubles them, so their number says how deep a quote stands: it has
/// 2ⁿ−1 of its own, and those before are an even number that escape each other.
fn backslashes(decoded: &[Unit], at: usize, units: &mut Vec<Unit>) -> usize {
    let rest = decoded.get(at..).unwrap_or_default();
    let Some(first) = rest.first() else { return at };
    let same = |unit: &&Unit| unit.byte == b'\\' && unit.encoded == first.encoded;
    let run = rest.iter().take_while(same).count();
    let after = at + run;
    let escaped = decoded.get(after).copied();
    match escaped.map(|unit| unit.byte) {
        Some(b'"' | b'\'') if escaped.is_some_and(|it| it.encoded == first.encoded) => {
            let depth = run.trailing_ones();
            let own = (1 << depth) - 1;
            if run > own {
                units.push(*first);
            }
            let start = decoded.get(after - own);
            units.extend(escaped.zip(start).map(|(quote, start)| Unit {
                depth: u8::try_from(depth).unwrap_or(BY_NUMBER),
                start: start.start,
                ..quote
            }));
            after + 1
        }
        Some(b'n' | b'r' | b't' | b'b' | b'f') => {
            units.push(Unit {
                byte: b' ',
                ..*first
            });
            after + 1
        }
        Some(b'/') => {
            units.push(Unit {
                byte: b'/',
                ..*first
            });
            after + 1
        }
        Some(b'u') if by_number(decoded, after + 1).is_some() => {
            let character = by_number(decoded, after + 1);
            let byte = character.and_then(|it| u8::try_from(it).ok());
            units.push(Unit {
                byte: byte.map_or(BEYOND, |byte| byte.min(BEYOND)),
                depth: BY_NUMBER,
                ..*first
            });
            after + 5
        }
        _ => {
            units.push(*first);
            after
        }
    }
}

/// The character that four digits stand for.
fn by_number(decoded: &[Unit], at: usize) -> Option<u32> {
    let digits = decoded.get(at..at + 4)?.iter();
    number(digits.map(|unit| unit.byte))
}

/// A number of hexadecimal digits.
fn number(mut digits: impl Iterator<Item = u8>) -> Option<u32> {
    digits.try_fold(0, |number, digit| {
        Some(number * 16 + char::from(digit).to_digit(16)?)
    })
}
