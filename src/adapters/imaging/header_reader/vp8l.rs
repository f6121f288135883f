//! The memory that decoding a lossless WebP takes beside its pixels: tables for its codes, for which a few bytes can
//! request gigabytes. They come before the pixels, so that they can be counted without decoding the pixels.
//!
//! Reads what the decoder reads, in the same order, and keeps none of it (RFC 9649, section 3).

/// Beyond this, in bytes, nothing is counted any more: it is more than all images together may take.
const ENOUGH: u64 = 512 * 1024 * 1024;
/// The codes of a group: green with lengths, red, blue, alpha, distances.
const ALPHABETS: [usize; 5] = [256 + 24, 256, 256, 256, 40];
/// In which order the lengths of the codes of lengths stand.
const LENGTH_ORDER: [usize; 19] = [
    17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
];
/// The longest code, in bits.
const MAX_LENGTH: usize = 15;
/// Codes of so many bits are looked up in a table, longer ones in a tree behind it.
const TABLE_BITS: usize = 10;
/// What the decoder takes for an entry of its table, for a node of its tree and for a group, in bytes; a list of
/// groups grows by doubling.
const ENTRY: u64 = 4;
const NODE: u64 = 16;
const GROUP: u64 = 1024;

/// The memory that decoding a stream takes beside its pixels, in bytes. Where the stream becomes invalid, the decoder
/// gives up too, so the memory up to there is counted.
pub(super) fn table_bytes(stream: &[u8], size: (u32, u32)) -> u64 {
    let mut walk = Walk {
        bits: Bits {
            rest: stream,
            held: 0,
            count: 0,
        },
        bytes: 0,
    };
    let _ = walk.image(size);
    walk.bytes
}

struct Walk<'a> {
    bits: Bits<'a>,
    bytes: u64,
}

impl Walk<'_> {
    /// Up to where the pixels begin.
    fn image(&mut self, (width, height): (u32, u32)) -> Option<()> {
        let (mut across, mut seen) = (width, [false; 4]);
        while self.bits.take(1)? == 1 {
            let kind = self.bits.take(2)? as usize;
            if std::mem::replace(&mut seen[kind], true) {
                return None;
            }
            match kind {
                // What colors are predicted from.
                0 | 1 => {
                    let blocks = self.blocks((across, height))?;
                    self.bytes += 4 * u64::from(blocks.0) * u64::from(blocks.1);
                    self.blocks_of_values(blocks)?;
                }
                // A palette.
                3 => {
                    let colors = self.bits.take(8)? + 1;
                    self.blocks_of_values((colors, 1))?;
                    let bits = match colors {
                        0..=2 => 3,
                        3..=4 => 2,
                        5..=16 => 1,
                        _ => 0,
                    };
                    across = subsampled(across, bits);
                }
                _ => {}
            }
        }
        let cache = self.color_cache()?;
        let mut groups = 1;
        if self.bits.take(1)? == 1 {
            let blocks = self.blocks((across, height))?;
            self.bytes += 6 * u64::from(blocks.0) * u64::from(blocks.1);
            groups = self.blocks_of_values(blocks)? + 1;
        }
        for _ in 0..groups {
            self.group(cache, Use::Counting)?;
            if self.bytes > ENOUGH {
                return None;
            }
        }
        Some(())
    }

    fn blocks(&mut self, (width, height): (u32, u32)) -> Option<(u32, u32)> {
        let bits = self.bits.take(3)? + 2;
        Some((subsampled(width, bits), subsampled(height, bits)))
    }

    /// The entries that a cache of colors adds to the alphabet of green.
    fn color_cache(&mut self) -> Option<usize> {
        if self.bits.take(1)? == 0 {
            return Some(0);
        }
        let bits = self.bits.take(4)?;
        (1..=11).contains(&bits).then_some(1 << bits)
    }

    /// One of the small images that stand before the pixels; the largest number in red and green.
    fn blocks_of_values(&mut self, (width, height): (u32, u32)) -> Option<u32> {
        let cache = self.color_cache()?;
        let [green, red, blue, alpha, distance] = self.group(cache, Use::Reading)?;
        let count = u64::from(width) * u64::from(height);
        let (mut index, mut largest) = (0, 0);
        let mut literals = [&green, &red, &blue, &alpha].into_iter();
        let is_of_one_color = literals.all(|code| matches!(code, Code::One(_)));
        while index < count {
            let symbol = u32::from(green.read(&mut self.bits)?);
            if symbol < 256 {
                let red = u32::from(red.read(&mut self.bits)?);
                blue.read(&mut self.bits)?;
                alpha.read(&mut self.bits)?;
                largest = largest.max((red << 8) | symbol);
                index += 1;
                if is_of_one_color {
                    break;
                }
            } else if symbol < 256 + 24 {
                index += u64::from(self.prefixed(symbol - 256)?);
                let symbol = distance.read(&mut self.bits)?;
                self.prefixed(u32::from(symbol))?;
            } else {
                index += 1;
            }
        }
        Some(largest)
    }

    /// A length or a distance.
    fn prefixed(&mut self, prefix: u32) -> Option<u32> {
        if prefix < 4 {
            return Some(prefix + 1);
        }
        let extra = (prefix - 2) >> 1;
        let offset = (2 + (prefix & 1)) << extra;
        Some(offset + self.bits.take(extra)? + 1)
    }

    fn group(&mut self, cache: usize, wanted: Use) -> Option<[Code; 5]> {
        self.bytes += GROUP;
        let mut codes = [const { Code::One(0) }; 5];
        for (code, alphabet) in codes.iter_mut().zip(ALPHABETS) {
            let more = if alphabet == ALPHABETS[0] { cache } else { 0 };
            *code = self.code(alphabet + more, wanted)?;
        }
        Some(codes)
    }

    fn code(&mut self, alphabet: usize, wanted: Use) -> Option<Code> {
        if self.bits.take(1)? == 1 {
            let is_of_two = self.bits.take(1)? == 1;
            let width = 1 + 7 * self.bits.take(1)?;
            let first = u16::try_from(self.bits.take(width)?).ok()?;
            if usize::from(first) >= alphabet {
                return None;
            }
            if !is_of_two {
                return Some(Code::One(first));
            }
            let second = u16::try_from(self.bits.take(8)?).ok()?;
            self.bytes += 4 * NODE;
            return (usize::from(second) < alphabet).then(|| Code::of_two(first, second));
        }
        let mut lengths = [(0, 1); LENGTH_ORDER.len()];
        let count = 4 + self.bits.take(4)? as usize;
        for at in LENGTH_ORDER.get(..count)? {
            lengths[*at].0 = u8::try_from(self.bits.take(3)?).ok()?;
        }
        let of_lengths = Code::new(&lengths, Use::Reading)?;
        let lengths = self.lengths(&of_lengths, alphabet)?;
        let code = Code::new(&lengths, wanted)?;
        self.bytes += code.table_bytes();
        Some(code)
    }

    /// The lengths of the codes of the symbols of an alphabet, up to the last that has one.
    fn lengths(&mut self, code: &Code, alphabet: usize) -> Option<Vec<Run>> {
        let mut left = alphabet;
        if self.bits.take(1)? == 1 {
            let width = 2 + 2 * self.bits.take(3)?;
            left = 2 + self.bits.take(width)? as usize;
            if left > alphabet {
                return None;
            }
        }
        // Where all have the same length, nothing is read for any of them.
        if let Code::One(length @ 0..16) = code {
            return Some(vec![(u8::try_from(*length).ok()?, left)]);
        }
        let (mut lengths, mut end, mut before) = (Vec::new(), 0, 8);
        while end < alphabet && left > 0 {
            left -= 1;
            let (length, times) = match code.read(&mut self.bits)? {
                16 => (before, 3 + self.bits.take(2)?),
                17 => (0, 3 + self.bits.take(3)?),
                18 => (0, 11 + self.bits.take(7)?),
                length => (u8::try_from(length).ok()?, 1),
            };
            if length != 0 {
                before = length;
            }
            end += times as usize;
            lengths.push((length, times as usize));
        }
        (end <= alphabet).then_some(lengths)
    }
}

/// The length of the codes of symbols that follow each other, and how many there are.
type Run = (u8, usize);

/// What a code is wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Reading,
    /// Only the size of its table is wanted.
    Counting,
}

/// A prefix code.
enum Code {
    /// Of one symbol, which takes no bits.
    One(u16),
    /// How many symbols have codes of each length, and the symbols by their codes; no symbols if only counted.
    Many([u16; MAX_LENGTH + 1], Vec<u16>),
}

impl Code {
    fn of_two(first: u16, second: u16) -> Self {
        let mut counts = [0; MAX_LENGTH + 1];
        counts[1] = 2;
        Self::Many(counts, vec![first, second])
    }

    /// A code of these lengths; `None` if they make no code.
    fn new(lengths: &[Run], wanted: Use) -> Option<Self> {
        let mut counts = [0; MAX_LENGTH + 1];
        for (length, times) in lengths {
            *counts.get_mut(usize::from(*length))? += u16::try_from(*times).ok()?;
        }
        counts[0] = 0;
        let used: u16 = counts.iter().sum();
        let mut symbols = Vec::new();
        if used == 1 || wanted == Use::Reading {
            let mut next = 0;
            for (length, times) in lengths {
                let run = next..next + u16::try_from(*times).ok()?;
                next = run.end;
                if *length > 0 {
                    symbols.extend(run.map(|symbol| (*length, symbol)));
                }
            }
            symbols.sort_unstable();
        }
        match (used, symbols.as_slice()) {
            (0, _) => return None,
            (1, [(_, only), ..]) => return Some(Self::One(*only)),
            _ => {}
        }
        // All codes together are all that there can be.
        let share = |(length, count): (usize, &u16)| u32::from(*count) << (MAX_LENGTH - length);
        let shares: u32 = counts.iter().enumerate().skip(1).map(share).sum();
        let symbols = symbols.into_iter().map(|(_, symbol)| symbol).collect();
        (shares == 1 << MAX_LENGTH).then_some(Self::Many(counts, symbols))
    }

    /// What the decoder's table of this code takes, in bytes.
    fn table_bytes(&self) -> u64 {
        let Self::Many(counts, _) = self else {
            return 0;
        };
        let longest = counts.iter().rposition(|count| *count > 0).unwrap_or(0);
        let long: u64 = counts
            .iter()
            .skip(TABLE_BITS + 1)
            .map(|count| u64::from(*count))
            .sum();
        (ENTRY << longest.min(TABLE_BITS)) + 2 * long * NODE
    }

    /// The next symbol.
    fn read(&self, bits: &mut Bits<'_>) -> Option<u16> {
        let (counts, symbols) = match self {
            Self::One(symbol) => return Some(*symbol),
            Self::Many(counts, symbols) => (counts, symbols),
        };
        let (mut code, mut first, mut index) = (0_i32, 0_i32, 0_i32);
        for count in counts.iter().skip(1) {
            let count = i32::from(*count);
            code |= i32::try_from(bits.take(1)?).ok()?;
            if code - count < first {
                return symbols
                    .get(usize::try_from(index + code - first).ok()?)
                    .copied();
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }
}

/// The bits of a stream, the lowest of a byte first.
struct Bits<'a> {
    rest: &'a [u8],
    held: u64,
    count: u32,
}

impl Bits<'_> {
    /// So many, at most 32; `None` where the stream ends.
    fn take(&mut self, count: u32) -> Option<u32> {
        while self.count < count {
            let (byte, rest) = self.rest.split_first()?;
            self.held |= u64::from(*byte) << self.count;
            self.count += 8;
            self.rest = rest;
        }
        let bits = self.held & ((1 << count) - 1);
        self.held >>= count;
        self.count -= count;
        u32::try_from(bits).ok()
    }
}

fn subsampled(size: u32, bits: u32) -> u32 {
    (size + (1 << bits) - 1) >> bits
}
