//! WebP: chunks in a RIFF file. A plain file has one, with the picture; in an extended one, the first has flags that say
//! which others there are. Animations are not edited: a copy of the first frame is sent of them.

/// The flag of a color profile.
const PROFILE: u8 = 0x20;
/// The flag of transparency.
const ALPHA: u8 = 0x10;
/// What is before the first chunk, in bytes.
const HEAD: usize = 12;
/// Where the flags of an extended file are.
const FLAGS: usize = HEAD + 8;
/// The length of the chunk with the flags and the size, in bytes.
const EXTENDED: usize = 10;

pub(super) fn strip(file: &[u8]) -> Option<Vec<u8>> {
    let length = file.get(4..)?.first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let mut rest = file.get(HEAD..length.checked_add(8)?)?;
    let mut kept = Vec::with_capacity(file.len());
    kept.extend_from_slice(file.get(..HEAD)?);
    match chunk(&mut rest)? {
        (kind @ (b"VP8 " | b"VP8L"), data) => put(&mut kept, *kind, data),
        (b"VP8X", data) => {
            let mut head = *data.first_chunk::<EXTENDED>()?;
            // Other flags are of what goes, or reserved.
            head[0] &= PROFILE | ALPHA;
            head[1..4].fill(0);
            put(&mut kept, *b"VP8X", &head);
            parts(rest, &mut kept)?;
        }
        _ => return None,
    }
    let length = u32::try_from(kept.len() - 8).ok()?;
    kept[4..8].copy_from_slice(&length.to_le_bytes());
    Some(kept)
}

/// Copies the parts of an extended file: of each kind the first, which is the one that is read.
fn parts(mut rest: &[u8], kept: &mut Vec<u8>) -> Option<()> {
    let (mut profile, mut alpha, mut picture) = (false, false, false);
    while !rest.is_empty() {
        let (kind, data) = chunk(&mut rest)?;
        let there = match kind {
            b"ICCP" if kept[FLAGS] & PROFILE != 0 => &mut profile,
            b"ALPH" => &mut alpha,
            b"VP8 " | b"VP8L" => &mut picture,
            _ => continue,
        };
        if !std::mem::replace(there, true) {
            put(kept, *kind, data);
        }
    }
    if !profile {
        kept[FLAGS] &= !PROFILE;
    }
    picture.then_some(())
}

/// Takes a chunk off the front, with the byte that makes its length even; some writers leave that out at the end.
fn chunk<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8; 4], &'a [u8])> {
    let (kind, tail) = rest.split_first_chunk()?;
    let (length, tail) = tail.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (data, tail) = tail.split_at_checked(length)?;
    *rest = tail.get(length & 1..).unwrap_or_default();
    Some((kind, data))
}

fn put(kept: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    kept.extend_from_slice(&kind);
    // As long as it was, or shorter.
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    kept.extend_from_slice(&length.to_le_bytes());
    kept.extend_from_slice(data);
    if data.len() % 2 == 1 {
        kept.push(0);
    }
}
