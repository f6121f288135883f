//! Identifiers of the AT Protocol: CIDs, TIDs and DIDs. Used by the Bluesky stand-in.

use std::sync::LazyLock;

use data_encoding::{BitOrder, Encoding, Specification};
use sha2::{Digest as _, Sha256};

/// A file as it is.
pub(super) const RAW: u8 = 0x55;
/// A record.
pub(super) const DAG_CBOR: u8 = 0x71;

/// The alphabet of TIDs, which sorts as the numbers do.
const SORTABLE: &str = "234567abcdefghijklmnopqrstuvwxyz";

/// Base 32 in lower case without padding (RFC 4648), as CIDs and DIDs are written.
static BASE32: LazyLock<Option<Encoding>> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification
        .symbols
        .push_str("abcdefghijklmnopqrstuvwxyz234567");
    specification.bit_order = BitOrder::MostSignificantFirst;
    specification.encoding().ok()
});

/// A CID of version 1 with the SHA-256 of the content.
///
/// That of a record is of its JSON: it has the form of the real one, which is of CBOR and which no caller
/// computes.
pub(super) fn cid(codec: u8, content: &[u8]) -> String {
    let mut bytes = vec![1, codec, 0x12, 0x20];
    bytes.extend_from_slice(&Sha256::digest(content));
    format!("b{}", base32(&bytes))
}

/// A `did:plc` that follows from the handle.
pub(super) fn did(handle: &str) -> String {
    let digest = base32(&Sha256::digest(handle));
    format!("did:plc:{}", digest.get(..24).unwrap_or_default())
}

/// The TID of this number of microseconds, of the clock 0.
pub(super) fn tid(microseconds: u64) -> String {
    let value = microseconds << 10;
    let symbol = |place: u32| {
        let index = usize::try_from((value >> (5 * place)) & 31).unwrap_or_default();
        char::from(SORTABLE.as_bytes().get(index).copied().unwrap_or(b'2'))
    };
    (0..13).rev().map(symbol).collect()
}

/// 13 symbols, of which the first keeps the top bit at 0.
pub(super) fn is_tid(text: &str) -> bool {
    let is_small = |c: char| SORTABLE.get(..16).is_some_and(|half| half.contains(c));
    text.len() == 13 && text.starts_with(is_small) && text.chars().all(|c| SORTABLE.contains(c))
}

/// What may be the key of any record.
pub(super) fn is_record_key(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_~.:-".contains(c);
    (1..=512).contains(&text.len()) && text.chars().all(is_allowed) && !matches!(text, "." | "..")
}

fn base32(bytes: &[u8]) -> String {
    // The alphabet is right, as the tests see.
    BASE32
        .as_ref()
        .map(|base32| base32.encode(bytes))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cids_begin_as_those_of_files_and_records_do() {
        // The CID of an empty file, as every IPFS node knows it.
        let empty = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";
        assert_eq!(cid(RAW, b""), empty);
        assert!(cid(DAG_CBOR, b"{}").starts_with("bafyrei"));
    }

    #[test]
    fn dids_have_24_symbols() {
        assert_eq!(did("alice.test").len(), "did:plc:".len() + 24);
        assert_ne!(did("alice.test"), did("bob.test"));
    }

    #[test]
    fn tids_sort_by_time() {
        let (early, late) = (tid(1_767_225_600_000_000), tid(1_767_225_600_000_001));
        assert!(early < late, "{early} {late}");
        assert!(is_tid(&early) && is_tid(&late));
        assert_eq!(tid(0), "2222222222222");
    }

    #[test]
    fn what_is_no_tid_is_told() {
        // Valid and invalid ones of the specification.
        for valid in [
            "3jzfcijpj2z2a",
            "7777777777777",
            "3zzzzzzzzzzzz",
            "2222222222222",
        ] {
            assert!(is_tid(valid), "{valid}");
        }
        for invalid in [
            "3jzfcijpj2z21",
            "0000000000000",
            "3jzfcijpj2z2aa",
            "3jzfcijpj2z2",
            "3jzf-cij-pj2z-2a",
            "zzzzzzzzzzzzz",
            "kjzfcijpj2z2a",
        ] {
            assert!(!is_tid(invalid), "{invalid}");
        }
    }
}
