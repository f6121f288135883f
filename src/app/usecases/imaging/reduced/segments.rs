//! What a JPEG says before its pixels, if it is one of those that are read here: told in one scan,
//! in grey or in luminance and two colours.

use super::entropy::{Table, place_of};

/// A part of a colour profile: its number, from 1 on, of how many, and what is in it.
type Part<'a> = (u8, u8, &'a [u8]);

/// A file, taken apart.
#[derive(Debug)]
pub(super) struct Jpeg<'a> {
    pub(super) width: u32,
    pub(super) height: u32,
    /// One, or three.
    pub(super) components: Vec<Component>,
    /// The most blocks that a component has in a unit of the scan, across and down.
    pub(super) blocks: (u32, u32),
    /// After so many units of the scan, it begins anew; 0 for never.
    pub(super) restart_interval: u32,
    /// The part of the EXIF data that says which way up the image is.
    pub(super) exif: Option<&'a [u8]>,
    profile: Vec<Part<'a>>,
    /// From the first byte of the pixels on.
    pub(super) scan: &'a [u8],
}

/// A component, and what it is decoded with.
#[derive(Debug)]
pub(super) struct Component {
    /// Blocks in a unit of the scan, across and down.
    pub(super) blocks: (u32, u32),
    pub(super) factors: [f32; 64],
    pub(super) dc: Table,
    pub(super) ac: Table,
}

/// What the segments have said so far.
#[derive(Default)]
struct Told<'a> {
    frame: Option<&'a [u8]>,
    /// As they stand in the file: only those that are used are made into something.
    factors: [Option<&'a [u8]>; 4],
    dc: [Option<(&'a [u8; 16], &'a [u8])>; 4],
    ac: [Option<(&'a [u8; 16], &'a [u8])>; 4],
    restart_interval: u16,
    /// What Adobe's programs say of the colours.
    transform: Option<u8>,
    exif: Option<&'a [u8]>,
    profile: Vec<Part<'a>>,
}

impl<'a> Jpeg<'a> {
    /// Takes a file apart; none if it is of another kind, or broken.
    pub(super) fn of(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(&[0xFF, 0xD8])?;
        let mut told = Told::default();
        loop {
            let (marker, segment) = segment(&mut rest)?;
            match marker {
                // One frame, told block by block with Huffman codes.
                0xC0 | 0xC1 if told.frame.is_none() => told.frame = Some(segment),
                0xC4 => told.tables(segment)?,
                0xDB => told.factors(segment)?,
                0xDD => told.restart_interval = be16(segment, 0)?,
                0xE1 => told.exif = segment.strip_prefix(b"Exif\0\0").or(told.exif),
                0xE2 => {
                    if let Some([number, of, part @ ..]) = segment.strip_prefix(b"ICC_PROFILE\0") {
                        // More than can have a number: a file that is made to do harm.
                        if told.profile.len() == 255 {
                            return None;
                        }
                        told.profile.push((*number, *of, part));
                    }
                }
                0xEE if segment.starts_with(b"Adobe") => told.transform = Some(*segment.get(11)?),
                0xE0..=0xEF | 0xFE => {}
                0xDA => return told.jpeg(segment, rest),
                _ => return None,
            }
        }
    }

    /// The colour profile, if all its parts are there.
    pub(super) fn profile(&self) -> Option<Vec<u8>> {
        let mut parts = self.profile.clone();
        parts.sort_unstable_by_key(|(number, ..)| *number);
        let is_part = |(at, (number, of, _)): (usize, &Part<'_>)| {
            usize::from(*number) == at && usize::from(*of) == parts.len()
        };
        let is_whole = (1..).zip(&parts).all(is_part);
        let parts: Vec<_> = parts.iter().map(|(.., part)| *part).collect();
        (!parts.is_empty() && is_whole).then(|| parts.concat())
    }

    /// How long it is, in bytes.
    pub(super) fn profile_bytes(&self) -> u64 {
        let parts = self.profile.iter();
        parts.map(|(.., part)| part.len() as u64).sum()
    }
}

impl<'a> Told<'a> {
    fn factors(&mut self, mut rest: &'a [u8]) -> Option<()> {
        while let [kind, values @ ..] = rest {
            let bytes = match kind >> 4 {
                0 => 64,
                1 => 128,
                _ => return None,
            };
            let (values, tail) = values.split_at_checked(bytes)?;
            *self.factors.get_mut(usize::from(kind & 15))? = Some(values);
            rest = tail;
        }
        Some(())
    }

    fn tables(&mut self, mut rest: &'a [u8]) -> Option<()> {
        while let [kind, values @ ..] = rest {
            let (counts, tail) = values.split_first_chunk()?;
            let count = counts.iter().copied().map(usize::from).sum();
            let (symbols, tail) = tail.split_at_checked(count)?;
            let tables = match kind >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return None,
            };
            *tables.get_mut(usize::from(kind & 15))? = Some((counts, symbols));
            rest = tail;
        }
        Some(())
    }

    fn jpeg(self, scan_header: &[u8], scan: &'a [u8]) -> Option<Jpeg<'a>> {
        let frame = self.frame?;
        let (height, width) = (u32::from(be16(frame, 1)?), u32::from(be16(frame, 3)?));
        let (precision, count) = (*frame.first()?, *frame.get(5)?);
        let told = frame.get(6..6 + 3 * usize::from(count))?.as_chunks::<3>().0;
        let names: Vec<u8> = told.iter().map(|[name, ..]| *name).collect();
        // Where three are not luminance and two colours, they say so, in one of two ways.
        let is_known =
            count == 1 || count == 3 && self.transform.is_none_or(|it| it == 1) && names != *b"RGB";
        if precision != 8 || width == 0 || height == 0 || !is_known {
            return None;
        }
        let (of_scan, choices) = scan_header.split_first()?;
        let (choices, band) = choices.split_at_checked(2 * usize::from(count))?;
        if *of_scan != count || *band != [0, 63, 0] {
            return None;
        }
        let mut components = Vec::new();
        for ([name, sampling, factors], [chosen, tables]) in
            told.iter().zip(choices.as_chunks::<2>().0)
        {
            // A component that is alone has one block in a unit, whatever it says.
            let blocks = if count == 1 { 0x11 } else { *sampling };
            let blocks = (u32::from(blocks >> 4), u32::from(blocks & 15));
            if name != chosen || !(1..=4).contains(&blocks.0) || !(1..=4).contains(&blocks.1) {
                return None;
            }
            // A difference has at most 15 bits.
            components.push(Component {
                blocks,
                factors: spread((*self.factors.get(usize::from(*factors))?)?),
                dc: table(self.dc, tables >> 4).filter(|table| table.is_within(15))?,
                ac: table(self.ac, tables & 15)?,
            });
        }
        let most = |of: fn(&Component) -> u32| components.iter().map(of).max();
        Some(Jpeg {
            width,
            height,
            blocks: (most(|it| it.blocks.0)?, most(|it| it.blocks.1)?),
            components,
            restart_interval: u32::from(self.restart_interval),
            exif: self.exif,
            profile: self.profile,
            scan,
        })
    }
}

/// Factors of one byte or two, each in the place of its coefficient.
fn spread(told: &[u8]) -> [f32; 64] {
    let mut factors = [0.0; 64];
    for (index, value) in (0..).zip(told.chunks_exact(told.len() / 64)) {
        let value = value
            .iter()
            .fold(0, |sum, byte| sum << 8 | u16::from(*byte));
        factors[place_of(index)] = f32::from(value);
    }
    factors
}

fn table(told: [Option<(&[u8; 16], &[u8])>; 4], chosen: u8) -> Option<Table> {
    let (counts, symbols) = (*told.get(usize::from(chosen))?)?;
    Table::new(counts, symbols)
}

/// Takes a segment off the front.
fn segment<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let fill = rest.iter().take_while(|byte| **byte == 0xFF).count();
    let marker = *rest.get(fill).filter(|_| fill > 0)?;
    let behind = &rest[fill + 1..];
    let length = usize::from(be16(behind, 0)?);
    let segment = behind.get(2..length)?;
    *rest = &behind[length..];
    Some((marker, segment))
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*field))
}
