//! Codes, bits and restarts, told bit by bit.

use super::*;

/// So many codes of each length.
fn counts(of: &[(usize, u8)]) -> [u8; 16] {
    let mut counts = [0; 16];
    for (length, count) in of {
        counts[length - 1] = *count;
    }
    counts
}

#[test]
fn tables_with_more_codes_than_there_are_bits_for_are_refused() {
    let symbols = [0; 256];
    assert!(Table::new(&counts(&[(1, 2)]), &symbols[..2]).is_some());
    assert!(Table::new(&counts(&[(1, 3)]), &symbols[..3]).is_none());
    assert!(Table::new(&counts(&[(1, 1), (2, 3)]), &symbols[..4]).is_none());
    assert!(Table::new(&counts(&[(8, 255), (9, 3)]), &symbols).is_none());
    assert!(
        Table::new(&counts(&[(1, 2)]), &symbols[..1]).is_none(),
        "too few symbols"
    );
}

#[test]
fn short_codes_and_long_ones_are_read_with_their_values() {
    // 0; 10; 1100 0000 0000 and the next: the values have 2, 9, 3 and 0 bits.
    let counts = counts(&[(1, 1), (2, 1), (12, 2)]);
    let table = Table::new(&counts, &[0x02, 0x09, 0x13, 0x00]).unwrap();
    let text = [
        "011",
        "000",
        "10100000000",
        "10000000000",
        "110000000000101",
        "110000000001",
        "1111111111111111",
    ];
    let text = text.concat();
    let bits = text.as_bytes().chunks(8);
    let bytes: Vec<u8> = bits
        .map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | (bit - b'0')))
        .flat_map(|byte| {
            if byte == 0xFF {
                vec![0xFF, 0]
            } else {
                vec![byte]
            }
        })
        .collect();
    let mut bits = Bits::new(&bytes);
    let read: Vec<_> = (0..6).map(|_| bits.next(&table).unwrap()).collect();
    let end = (0, END_OF_BLOCK);
    assert_eq!(read, [(3, 1), (-3, 1), (256, 1), (-511, 1), (5, 2), end]);
    assert!(!bits.is_beyond());
    assert_eq!(bits.next(&table), Err(Broken), "no code begins so");
}

#[test]
fn the_end_is_noticed_once_it_has_been_read_beyond() {
    let table = Table::new(&counts(&[(8, 1)]), &[0]).unwrap();
    for end in [&[][..], &[0xFF, 0xD9]] {
        let scan = [&[0; 3], end].concat();
        let mut bits = Bits::new(&scan);
        for _ in 0..3 {
            assert!(bits.next(&table).is_ok() && !bits.is_beyond());
        }
        assert!(bits.next(&table).is_ok() && bits.is_beyond());
    }
}

#[test]
fn a_restart_is_where_it_has_to_be() {
    let table = Table::new(&counts(&[(8, 1)]), &[0]).unwrap();
    let read = |scan: &[u8], before: usize| {
        let mut bits = Bits::new(scan);
        for _ in 0..before {
            bits.next(&table).unwrap();
        }
        bits.restart()
    };
    assert_eq!(read(&[0, 0, 0xFF, 0xD0, 0], 2), Ok(()));
    assert_eq!(read(&[0, 0, 0xFF, 0xFF, 0xD7, 0], 2), Ok(()));
    assert_eq!(read(&[0, 0, 0xFF, 0xD0, 0], 1), Err(Broken), "too early");
    assert_eq!(read(&[0, 0, 0xFF, 0xD0, 0], 3), Err(Broken), "too late");
    assert_eq!(read(&[0, 0, 0xFF, 0xD9], 2), Err(Broken), "the end");
    assert_eq!(read(&[0, 0, 0], 2), Err(Broken), "no marker");
}

#[test]
fn bytes_that_begin_a_marker_are_seen_at_any_place() {
    assert!(!has_marker(0xFE7F_0001_80FE_0102));
    for place in 0..8 {
        assert!(has_marker(0xFF << (8 * place)));
        assert!(has_marker(0xFEFE_FEFE_FEFE_FEFE | 0xFF << (8 * place)));
    }
}
