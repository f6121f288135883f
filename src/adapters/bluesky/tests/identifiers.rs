//! TIDs, DIDs and keys.

use proptest::prelude::*;

use super::*;

#[test]
fn tids_are_those_of_the_specification() {
    for valid in [
        "3jzfcijpj2z2a",
        "7777777777777",
        "3zzzzzzzzzzzz",
        "2222222222222",
    ] {
        assert!(is_tid(valid), "{valid}");
    }
    for invalid in [
        "",
        "3jzfcijpj2z21",
        "0000000000000",
        "3jzfcijpj2z2aa",
        "3jzfcijpj2z2",
        "3jzf-cij-pj2z-2a",
        "zzzzzzzzzzzzz",
        "kjzfcijpj2z2a",
        "3jzfcijpj2é",
    ] {
        assert!(!is_tid(invalid), "{invalid}");
    }
    assert_eq!(tid(0), "2222222222222");
    assert_eq!(tid((1 << 63) - 1), "bzzzzzzzzzzzz");
}

#[test]
fn dids_are_those_that_a_uri_can_carry() {
    for valid in [
        "did:plc:44ybard66vv44zksje25o7dz",
        "did:web:a.example",
        "did:web:localhost:8080",
    ] {
        assert!(Did::parse(valid).is_some(), "{valid}");
    }
    for invalid in [
        "",
        "did:",
        "did:plc:",
        "did:PLC:a",
        "did::a",
        "plc:a",
        "did:web:a/b",
        "did:web:a?b",
        "did:web:a b",
        "did:web:é",
    ] {
        assert!(Did::parse(invalid).is_none(), "{invalid}");
    }
}

proptest! {
    /// Whatever the clock says, each is valid, and greater than the one before it.
    #[test]
    fn tids_are_valid_and_increase(times in prop::collection::vec(0..1_u64 << 50, 1..50)) {
        let tids = Tids::default();
        let made: Vec<_> = times
            .into_iter()
            .map(|micros| tids.next(UNIX_EPOCH + Duration::from_micros(micros)))
            .collect();
        prop_assert!(made.iter().all(|tid| is_tid(tid)), "{made:?}");
        prop_assert!(made.windows(2).all(|pair| pair[0] < pair[1]), "{made:?}");
    }

    #[test]
    fn tids_sort_as_their_numbers_do(one in 0..1_u64 << 63, other in 0..1_u64 << 63) {
        prop_assert_eq!(one.cmp(&other), tid(one).cmp(&tid(other)));
    }

    #[test]
    fn a_key_is_read_as_it_was_written(number in 0..1_u64 << 63, id in "[a-z2-7]{24}") {
        let key = RecordKey { did: Did(format!("did:plc:{id}")), rkey: tid(number) };
        prop_assert_eq!(RecordKey::parse(&key.to_string()), Some(key));
    }

    #[test]
    fn no_text_is_taken_for_a_key_that_it_is_not(text in "(at://did:plc:[a-z]{0,3}/app.bsky.feed.post/)?.{0,20}") {
        if let Some(key) = RecordKey::parse(&text) {
            prop_assert_eq!(key.to_string(), text);
        }
    }
}
