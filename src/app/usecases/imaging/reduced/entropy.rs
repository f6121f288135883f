//! Huffman codes: the tables, and the bits of a scan.

use super::Broken;

/// Codes of up to this many bits are looked up at once, often with the value behind them.
const LOOKUP_BITS: u32 = 10;
/// What [`Code::advance`] says at the end of a block: more than any place in it.
const END_OF_BLOCK: u32 = 127;

/// Where the coefficients stand in a block, in the order in which they are told. A place beyond
/// the end leads to the last one, as an end of a block does.
const PLACES: [u8; 256] = {
    let start: [u8; 64] = [
        0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27,
        20, 13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
        58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
    ];
    let mut places = [63; 256];
    let mut index = 0;
    while index < 64 {
        places[index] = start[index];
        index += 1;
    }
    places
};

/// Where the coefficient stands that is told at this place.
pub(super) fn place_of(index: u32) -> usize {
    usize::from(PLACES[(index & 255) as usize])
}

/// A code, unpacked: how long it is (5 bits), how many bits of a value follow it (4), by how many
/// places it goes on (7), and the value if it was looked up with the code (16, signed).
#[derive(Debug, Clone, Copy)]
struct Code(u32);

impl Code {
    const UNKNOWN: Self = Self(0);

    fn new(length: u32, symbol: u8) -> Self {
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        let advance = if size == 0 && run != 15 {
            END_OF_BLOCK
        } else {
            run + 1
        };
        Self(length | (size << 5) | (advance << 9))
    }

    /// The same with its value, of which `bits` are the first ten with the code before it.
    fn with_value(self, bits: u32) -> Self {
        let (length, size) = (self.length(), self.size());
        if size == 0 || length + size > LOOKUP_BITS {
            return self;
        }
        let value = bits >> (LOOKUP_BITS - length - size) & ((1 << size) - 1);
        let value = signed(value, size).cast_unsigned() << 16;
        Self((length + size) | (self.advance() << 9) | value)
    }

    fn length(self) -> u32 {
        self.0 & 31
    }

    fn size(self) -> u32 {
        self.0 >> 5 & 15
    }

    fn advance(self) -> u32 {
        self.0 >> 9 & 127
    }

    fn value(self) -> i32 {
        self.0.cast_signed() >> 16
    }
}

/// A value of this many bits, of which the upper half are positive.
fn signed(bits: u32, size: u32) -> i32 {
    let bits = bits.cast_signed();
    if bits >> (size - 1) == 0 {
        bits - (1 << size) + 1
    } else {
        bits
    }
}

/// A Huffman table.
#[derive(Debug, Clone)]
pub(super) struct Table {
    lookup: Box<[Code; 1 << LOOKUP_BITS]>,
    /// For each length: the first code of 16 bits that is longer, and what leads from a code to
    /// its symbol.
    longer: [(u32, i32); 17],
    symbols: [u8; 256],
}

impl Table {
    /// A table with so many codes of 1, 2, … 16 bits, for these symbols; none when codes run out.
    pub(super) fn new(counts: &[u8; 16], told: &[u8]) -> Option<Self> {
        let mut symbols = [0; 256];
        symbols.get_mut(..told.len())?.copy_from_slice(told);
        let mut table = Self {
            lookup: Box::new([Code::UNKNOWN; 1 << LOOKUP_BITS]),
            longer: [(0, 0); 17],
            symbols,
        };
        let (mut code, mut index) = (0, 0);
        for (length, &count) in (1..).zip(counts) {
            let first = i32::try_from(index).ok()? - i32::try_from(code).ok()?;
            for &symbol in told.get(index..index + usize::from(count))? {
                if length <= LOOKUP_BITS {
                    let free = LOOKUP_BITS - length;
                    for bits in code << free..(code + 1) << free {
                        let entry = table.lookup.get_mut(bits as usize)?;
                        *entry = Code::new(length, symbol).with_value(bits);
                    }
                }
                code += 1;
            }
            index += usize::from(count);
            if code > 1 << length {
                return None;
            }
            table.longer[length as usize] = (code << (16 - length), first);
            code *= 2;
        }
        Some(table)
    }

    /// Whether all symbols are at most this.
    pub(super) fn is_within(&self, most: u8) -> bool {
        self.symbols.iter().all(|symbol| *symbol <= most)
    }

    /// A code that is too long to be looked up.
    #[cold]
    fn find(&self, bits: u32) -> Result<Code, Broken> {
        for length in LOOKUP_BITS + 1..=16 {
            let (end, first) = self.longer[length as usize];
            if bits < end {
                let index = (bits >> (16 - length)).cast_signed() + first;
                let symbol = usize::try_from(index).ok();
                let symbol = symbol.and_then(|index| self.symbols.get(index));
                return Ok(Code::new(length, *symbol.ok_or(Broken)?));
            }
        }
        Err(Broken)
    }
}

/// The bits of a scan, without what is stuffed between them. Beyond its end there are zeros.
#[derive(Debug)]
pub(super) struct Bits<'a> {
    scan: &'a [u8],
    at: usize,
    /// The next bits, from the top; below `count`, they are what comes then, or zero.
    ahead: u64,
    count: u32,
    /// How many of the bits there have been since the last restart were made up.
    beyond: u64,
}

impl<'a> Bits<'a> {
    pub(super) fn new(scan: &'a [u8]) -> Self {
        Self {
            scan,
            at: 0,
            ahead: 0,
            count: 0,
            beyond: 0,
        }
    }

    /// Reads a block. Of its coefficients, those up to a place in their order are kept.
    #[inline]
    pub(super) fn block(
        &mut self,
        (dc, ac): (&Table, &Table),
        kept: u32,
        block: &mut [i32; 64],
    ) -> Result<(), Broken> {
        *block = [0; 64];
        block[0] = self.next(dc)?.0;
        let mut index = 1;
        while index <= kept {
            let (value, advance) = self.next(ac)?;
            index += advance;
            block[place_of(index - 1) & 63] = value;
        }
        while index < 64 {
            index += self.skip(ac)?;
        }
        // Beyond the end without having said so.
        if index > 64 && index <= END_OF_BLOCK {
            return Err(Broken);
        }
        Ok(())
    }

    /// The next value, and how many places it goes on.
    #[inline]
    fn next(&mut self, table: &Table) -> Result<(i32, u32), Broken> {
        let code = self.code(table)?;
        self.take(code.length());
        let size = code.size();
        if size == 0 {
            return Ok((code.value(), code.advance()));
        }
        let value = signed(self.peek(size), size);
        self.take(size);
        Ok((value, code.advance()))
    }

    #[inline]
    fn skip(&mut self, table: &Table) -> Result<u32, Broken> {
        let code = self.code(table)?;
        self.take(code.length() + code.size());
        Ok(code.advance())
    }

    #[inline]
    fn code(&mut self, table: &Table) -> Result<Code, Broken> {
        if self.count < 32 {
            self.fill();
        }
        let code = table.lookup[self.peek(LOOKUP_BITS) as usize];
        if code.length() == 0 {
            return table.find(self.peek(16));
        }
        Ok(code)
    }

    /// The next so many bits: from 1 to 32.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "are at most 32 bits")]
    fn peek(&self, count: u32) -> u32 {
        (self.ahead >> (64 - count)) as u32
    }

    #[inline]
    fn take(&mut self, count: u32) {
        self.ahead <<= count;
        self.count -= count;
    }

    /// Makes sure that there are at least 32 bits: a code and its value.
    #[inline]
    fn fill(&mut self) {
        if let Some(next) = self.scan.get(self.at..).and_then(<[u8]>::first_chunk) {
            let next = u64::from_be_bytes(*next);
            if !has_marker(next) {
                self.ahead |= next >> self.count;
                let bytes = (63 - self.count) / 8;
                self.at += bytes as usize;
                self.count += 8 * bytes;
                return;
            }
        }
        self.fill_by_bytes();
    }

    fn fill_by_bytes(&mut self) {
        while self.count <= 56 {
            let rest = self.scan.get(self.at..).unwrap_or_default();
            let (byte, length) = match *rest {
                [0xFF, 0, ..] => (0xFF, 2),
                [] | [0xFF, ..] => (0, 0),
                [byte, ..] => (byte, 1),
            };
            self.at += length;
            self.ahead |= u64::from(byte) << (56 - self.count);
            self.count += 8;
            if length == 0 {
                self.beyond += 8;
            }
        }
    }

    /// Whether more has been read than there is.
    pub(super) fn is_beyond(&self) -> bool {
        u64::from(self.count) < self.beyond
    }

    /// Goes on behind a restart, which comes where all bits but those that fill up the last byte
    /// have been read.
    pub(super) fn restart(&mut self) -> Result<(), Broken> {
        let left = u64::from(self.count).checked_sub(self.beyond);
        if left.is_none_or(|left| left > 7) {
            return Err(Broken);
        }
        let rest = self.scan.get(self.at..).unwrap_or_default();
        let fill = rest.iter().take_while(|byte| **byte == 0xFF).count();
        match rest.get(fill) {
            Some(0xD0..=0xD7) if fill > 0 => self.at += fill + 1,
            _ => return Err(Broken),
        }
        (self.ahead, self.count, self.beyond) = (0, 0, 0);
        Ok(())
    }
}

/// Whether one of these bytes is 0xFF, which begins a marker, or is stuffed.
fn has_marker(bytes: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    (!bytes).wrapping_sub(ONES) & bytes & (ONES << 7) != 0
}

#[cfg(test)]
mod tests;
