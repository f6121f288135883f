//! Whether `SQLite`'s write-ahead log has been damaged or cut off. `SQLite` itself treats such a log as one that ends
//! there, and reports nothing. Used wherever a file is opened that no process has open.
//!
//! The format is <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>, that of the index beside
//! it <https://www.sqlite.org/walformat.html>.

use std::{
    fs::{self, File},
    io::{self, BufReader},
    path::Path,
};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// The magic number of a log whose checksums are of little-endian words. The number plus one: of
/// big-endian words.
const MAGIC: u32 = 0x377f_0682;
/// The two numbers that each round of the log has anew: in its header, in those of its frames, and in the
/// index.
const SALTS: std::ops::Range<usize> = 16..24;
const FRAME_SALTS: std::ops::Range<usize> = 8..16;
/// Not 0 in the last frame of a transaction.
const FRAME_COMMIT: std::ops::Range<usize> = 4..8;
const INDEX_SALTS: std::ops::Range<usize> = 32..40;
/// In the index: how many frames the log has.
const INDEX_FRAMES: std::ops::Range<usize> = 16..20;

/// What can be seen of a log without `SQLite`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogState {
    /// All that was committed can be read, or there is no log.
    Whole,
    /// It ends early: in the middle of a write, or before what its index knows. A process that was
    /// killed while it wrote leaves the first, and has lost nothing that it had committed.
    CutOff,
    /// Writes that were committed cannot be read any more.
    Damaged,
}

/// Looks at a log. `index` is the `-shm` beside it, if that is there.
///
/// # Errors
/// A file cannot be read.
pub(super) fn state(log: &Path, index: &Path) -> io::Result<LogState> {
    let mut log = match File::open(log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(LogState::Whole),
        log => BufReader::new(log?),
    };
    let mut header = [0; HEADER];
    match fill(&mut log, &mut header)? {
        0 => return Ok(LogState::Whole),
        HEADER => {}
        _ => return Ok(LogState::CutOff),
    }
    let Some(mut sum) = Checksum::of_header(&header) else {
        return Ok(LogState::Damaged);
    };
    let page = match be32(&header[8..12]) {
        page @ 512..=65_536 if page.is_power_of_two() => page as usize,
        _ => return Ok(LogState::Damaged),
    };
    let salts = &header[SALTS];
    let mut frame = vec![0; FRAME_HEADER + page];
    let (mut frames, mut is_broken) = (0_u32, false);
    loop {
        match fill(&mut log, &mut frame)? {
            0 => break,
            length if length < frame.len() => return Ok(LogState::CutOff),
            _ => {}
        }
        // The rest of the round before is at least as long as what was written since.
        let is_of_round = frame[FRAME_SALTS] == *salts;
        if is_broken {
            if is_of_round && be32(&frame[FRAME_COMMIT]) > 0 {
                return Ok(LogState::Damaged);
            }
        } else if is_of_round && sum.takes(&frame) {
            frames += 1;
        } else {
            is_broken = true;
            if is_of_round && be32(&frame[FRAME_COMMIT]) > 0 {
                return Ok(LogState::Damaged);
            }
        }
    }
    Ok(if frames < indexed_frames(index, salts)? {
        LogState::CutOff
    } else {
        LogState::Whole
    })
}

/// How many frames the index knows of this round.
fn indexed_frames(index: &Path, salts: &[u8]) -> io::Result<u32> {
    let index = match fs::read(index) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        index => index?,
    };
    let is_of_round = index.get(INDEX_SALTS) == Some(salts);
    let frames = index.get(INDEX_FRAMES).filter(|_| is_of_round);
    let frames = frames.and_then(|it| it.try_into().ok());
    Ok(frames.map_or(0, u32::from_ne_bytes))
}

/// The checksum of a log, which each frame continues.
struct Checksum {
    is_big_endian: bool,
    sums: (u32, u32),
}

impl Checksum {
    /// `None` if this is no header, or it is damaged.
    fn of_header(header: &[u8; HEADER]) -> Option<Self> {
        let magic = be32(&header[..4]);
        let mut sum = Self {
            is_big_endian: magic & 1 == 1,
            sums: (0, 0),
        };
        sum.add(&header[..24]);
        (magic & !1 == MAGIC && sum.is(&header[24..])).then_some(sum)
    }

    /// Goes on to a frame; false if that is damaged.
    fn takes(&mut self, frame: &[u8]) -> bool {
        self.add(&frame[..8]);
        self.add(&frame[FRAME_HEADER..]);
        self.is(&frame[16..FRAME_HEADER])
    }

    fn add(&mut self, bytes: &[u8]) {
        let word = |bytes: &[u8]| {
            let word = be32(bytes);
            if self.is_big_endian {
                word
            } else {
                word.swap_bytes()
            }
        };
        let (mut first, mut second) = self.sums;
        for words in bytes.chunks_exact(8) {
            first = first.wrapping_add(word(&words[..4])).wrapping_add(second);
            second = second.wrapping_add(word(&words[4..])).wrapping_add(first);
        }
        self.sums = (first, second);
    }

    fn is(&self, stored: &[u8]) -> bool {
        self.sums == (be32(&stored[..4]), be32(&stored[4..8]))
    }
}

fn be32(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |word, byte| word << 8 | u32::from(*byte))
}

/// Reads until the buffer is full or the file ends; how much there was.
fn fill(file: &mut impl io::Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    loop {
        match file.read(&mut buffer[length..]) {
            Ok(0) => return Ok(length),
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    /// A log of so many frames of 512 bytes, and what is left of the round before.
    fn log(frames: u8, left: u8, magic: u32) -> Vec<u8> {
        let is_big_endian = magic & 1 == 1;
        let mut sum = Checksum {
            is_big_endian,
            sums: (0, 0),
        };
        let words = [magic, 3_007_000, 512, 1, 7, 9];
        let mut log: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        sum.add(&log);
        let stored = |sum: &Checksum| [sum.sums.0.to_be_bytes(), sum.sums.1.to_be_bytes()].concat();
        log.extend(stored(&sum));
        for number in 0..frames + left {
            let salts: [u32; 2] = if number < frames { [7, 9] } else { [6, 8] };
            let head = [u32::from(number) + 1, 1].map(u32::to_be_bytes).concat();
            let page = vec![number; 512];
            sum.add(&head);
            sum.add(&page);
            log.extend(head);
            log.extend(salts.map(u32::to_be_bytes).concat());
            log.extend(stored(&sum));
            log.extend(page);
        }
        log
    }

    fn found(log: &[u8]) -> LogState {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(log).unwrap();
        state(file.path(), Path::new("/nowhere")).unwrap()
    }

    #[test]
    fn a_log_without_frames_is_whole() {
        assert_eq!(found(&[]), LogState::Whole);
        assert_eq!(found(&log(0, 0, MAGIC)), LogState::Whole);
        let nowhere = Path::new("/nowhere");
        assert_eq!(state(nowhere, nowhere).unwrap(), LogState::Whole);
    }

    proptest! {
        #[test]
        fn a_log_is_damaged_where_a_byte_of_a_committed_write_is_another(
            frames in 1_u8..5, left in 0_u8..3, magic in MAGIC..=MAGIC + 1,
            place: prop::sample::Index, bit in 0_u32..8,
        ) {
            let whole = log(frames, left, magic);
            prop_assert_eq!(found(&whole), LogState::Whole);
            let of_round = HEADER + usize::from(frames) * (FRAME_HEADER + 512);
            let place = place.index(of_round);
            let mut damaged = whole.clone();
            damaged[place] ^= 1 << bit;
            // A last frame whose salts are damaged may be one of the round before; and one may not look
            // committed any more.
            let behind = (FRAME_HEADER + 512) * usize::from(frames - 1) + HEADER;
            let is_head_of_last = (behind..behind + FRAME_HEADER).contains(&place);
            if !is_head_of_last {
                prop_assert_eq!(found(&damaged), LogState::Damaged);
            }
            let in_frame = place.checked_sub(HEADER).map(|it| it % (FRAME_HEADER + 512));
            if in_frame.is_none_or(|it| it > 0) && place > 0 {
                prop_assert_eq!(found(&whole[..place]), LogState::CutOff);
            }
        }

        #[test]
        fn any_bytes_are_looked_at_without_a_fault(bytes: Vec<u8>, head: bool) {
            let mut log = if head { log(1, 0, MAGIC) } else { Vec::new() };
            log.extend(bytes);
            found(&log);
        }
    }

    #[test]
    fn a_write_that_was_not_committed_may_be_broken() {
        let mut log = log(2, 0, MAGIC);
        let last = log.len() - (FRAME_HEADER + 512);
        log[last + FRAME_COMMIT.start..last + FRAME_COMMIT.end].fill(0);
        assert_eq!(found(&log), LogState::Whole);
    }
}
