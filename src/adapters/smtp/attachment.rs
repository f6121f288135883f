//! An image as the body of an attachment: lines of base64, a piece at a time, so that a mail does
//! not hold the image in three more forms.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// What a line encodes, in bytes: 76 characters, the longest that MIME allows (RFC 2045, 6.8).
const BYTES_PER_LINE: usize = 57;
const CHARACTERS_PER_LINE: usize = 76;
/// How many lines are encoded at a time: a piece has just under 64 KiB.
const LINES_PER_PIECE: usize = 840;
const LINE_END: &[u8] = b"\r\n";

/// The lines of base64 of these bytes, each ended but the last.
pub(super) fn pieces(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let count = bytes.len().div_ceil(BYTES_PER_LINE * LINES_PER_PIECE);
    let chunks = bytes.chunks(BYTES_PER_LINE * LINES_PER_PIECE);
    chunks.enumerate().map(move |(index, chunk)| {
        let mut piece = lines(chunk);
        if index + 1 < count {
            piece.extend_from_slice(LINE_END);
        }
        piece
    })
}

/// How many bytes all the pieces have.
pub(super) fn length(bytes: &[u8]) -> usize {
    let line_ends = bytes.len().div_ceil(BYTES_PER_LINE).saturating_sub(1);
    bytes.len().div_ceil(3) * 4 + line_ends * LINE_END.len()
}

fn lines(bytes: &[u8]) -> Vec<u8> {
    let line_count = bytes.len().div_ceil(BYTES_PER_LINE);
    let mut encoded = Vec::with_capacity(line_count * (CHARACTERS_PER_LINE + LINE_END.len()));
    for line in bytes.chunks(BYTES_PER_LINE) {
        if !encoded.is_empty() {
            encoded.extend_from_slice(LINE_END);
        }
        encoded.extend_from_slice(STANDARD.encode(line).as_bytes());
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PIECE: usize = BYTES_PER_LINE * LINES_PER_PIECE;

    fn image(length: usize, seed: u8) -> Vec<u8> {
        let byte = |index: usize| {
            index
                .to_le_bytes()
                .iter()
                .fold(seed, |a, b| a.wrapping_mul(31) ^ b)
        };
        (0..length).map(byte).collect()
    }

    /// Reads it as a mail program does, and holds it to the rules for lines.
    fn read(body: &[u8]) -> Vec<u8> {
        let text = std::str::from_utf8(body).unwrap();
        assert!(!text.ends_with("\r\n"));
        let mut lines = text.split("\r\n").peekable();
        let mut characters = String::new();
        while let Some(line) = lines.next() {
            let is_last = lines.peek().is_none();
            assert!(line.len() == CHARACTERS_PER_LINE || is_last && line.len() < 77);
            characters.push_str(line);
        }
        STANDARD.decode(characters).unwrap()
    }

    #[test]
    fn what_is_read_is_the_image_at_every_border_of_lines_and_pieces() {
        let borders = [0, 57, 2 * 57, PIECE, 2 * PIECE, 64 * 1024, 3_000_000];
        for length in borders.iter().flat_map(|it| it.saturating_sub(2)..=it + 2) {
            let image = image(length, 7);
            let pieces: Vec<Vec<u8>> = pieces(&image).collect();
            assert!(
                pieces
                    .iter()
                    .all(|piece| (1..=64 * 1024).contains(&piece.len()))
            );
            assert_eq!(read(&pieces.concat()), image, "{length} bytes");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_the_image(length in 0_usize..3 * PIECE, seed in any::<u8>()) {
            let image = image(length, seed);
            let body = pieces(&image).collect::<Vec<_>>().concat();
            prop_assert_eq!(read(&body), image);
        }
    }
}
