//! Lists of what the existing service has posted.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::posted_list::{MAX_POSTED_LIST, PostedList, PostedListError};
use crate::domain::{content_hash::ContentHash, storage::HashKind};

fn read(text: &str) -> PostedList {
    PostedList::read(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refusal(bytes: &[u8]) -> String {
    PostedList::read(bytes).unwrap_err().to_string()
}

fn hash(kind: HashKind, text: &str) -> ContentHash {
    ContentHash::new(kind, text).unwrap()
}

#[test]
fn hashes_of_all_kinds_are_read_in_any_case() {
    let (sha256, dropbox, md5) = ("AB".repeat(32), "cd".repeat(32), "Ef".repeat(16));
    let list = json!({
        "hashes": [sha256, format!(" {md5} "), format!("\"{md5}-12\"")],
        "dropbox_content_hashes": [dropbox],
    });
    let mut expected = vec![
        hash(HashKind::Sha256, &sha256),
        hash(HashKind::Dropbox, &dropbox),
        hash(HashKind::Etag, &md5),
        hash(HashKind::Etag, &format!("{md5}-12")),
    ];
    let by_text = |hash: &ContentHash| hash.to_string();
    expected.sort_by_key(by_text);
    let mut found = read(&list.to_string()).hashes().to_vec();
    found.sort_by_key(by_text);
    assert_eq!(found, expected);
    let bare = read(&json!([sha256, md5]).to_string());
    assert_eq!((bare.hashes().len(), bare.bad()), (2, 0));
}

#[test]
fn a_mark_at_the_beginning_null_and_lists_without_entries_are_fine() {
    let list = format!("\u{FEFF} [\"{}\"]\r\n", "ab".repeat(32));
    assert_eq!(read(&list).hashes().len(), 1);
    for empty in ["[]", r#"{"hashes":[]}"#, r#"{"hashes":null}"#] {
        assert_eq!(read(empty), PostedList::default(), "{empty}");
    }
    let twice = json!(["ab".repeat(32), "AB".repeat(32)]).to_string();
    assert_eq!(
        (read(&twice).hashes().len(), read(&twice).repeated()),
        (1, 1)
    );
}

#[test]
fn bad_entries_are_named_by_field_and_place_and_the_others_taken() {
    let good = "ab".repeat(32);
    let list = json!({
        "version": 1,
        "hashes": [good, "s3cret", 7, null, [good], {"hash": good}, true, "ab".repeat(31), ""],
        "dropbox_content_hashes": ["ab".repeat(16), "cd".repeat(32)],
    });
    let list = read(&list.to_string());
    assert_eq!((list.hashes().len(), list.bad()), (2, 9));
    assert_eq!(list.ignored(), ["version"]);
    let named: Vec<_> = list.named().iter().map(ToString::to_string).collect();
    assert!(
        named.contains(&"hashes[2], which is not 64 hex digits (SHA-256) or 32 (MD5)".to_owned())
    );
    assert!(named.contains(&"dropbox_content_hashes[0], which is not 64 hex digits".to_owned()));
    assert!(!named.concat().contains("s3cret"));
    let many: Vec<_> = (0..50).map(Value::from).chain([json!(good)]).collect();
    let many = read(&Value::from(many).to_string());
    assert_eq!(
        (many.hashes().len(), many.bad(), many.named().len()),
        (1, 50, 20)
    );
    assert!(many.named()[3].to_string().starts_with("[3], which"));
}

#[test]
fn what_is_no_list_is_refused_with_the_place_or_the_field() {
    let deep = "[".repeat(100_000);
    for (file, told) in [
        ("", "it is empty"),
        (" \n\t", "it is empty"),
        ("\u{FEFF}", "it is empty"),
        ("{\"hashes\":\n [\"ab\",}", "line 2 column 8"),
        ("[\"ab\"", "line 1 column 5"),
        ("[] []", "line 1 column 4"),
        ("hashes: []", "line 1 column 1"),
        (&deep, "EOF while parsing a list at line 1"),
        (
            r#"{"hashes":"s3cret"}"#,
            "`hashes` must be a list of hashes at line 1",
        ),
        (
            r#"{"dropbox_content_hashes":{}}"#,
            "`dropbox_content_hashes` must be",
        ),
        (r#"{"hashes":[],"hashes":[]}"#, "`hashes` is there twice"),
        ("\"s3cret\"", "it is a text"),
        ("7", "it is a number"),
        ("null", "it is `null`"),
        ("{}", "it is an object without them"),
        (r#"{"posted":["s3cret"]}"#, "it is an object without them"),
        (
            r#"["s3cret"]"#,
            "none of its 1 entries is a hash: the first is [0], which",
        ),
    ] {
        let refused = refusal(file.as_bytes());
        assert!(refused.contains(told), "{file:.40}: {refused}");
        assert!(!refused.contains("s3cret"), "{refused}");
    }
    assert!(refusal(b"[\"\xFF\"]").starts_with("byte 2: it is not UTF-8"));
    assert!(
        refusal(
            "[]".encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<_>>()
                .as_slice()
        )
        .contains("line 1")
    );
    let large = vec![b' '; usize::try_from(MAX_POSTED_LIST).unwrap() + 1];
    assert!(matches!(
        PostedList::read(&large),
        Err(PostedListError::TooLarge)
    ));
}

/// JSON of any shape, with hashes in it more often than chance has it.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        "[0-9a-fA-F]{32}".prop_map(Value::from),
        "[0-9a-fA-F]{64}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        let name = prop_oneof![
            Just("hashes".to_owned()),
            Just("dropbox_content_hashes".to_owned()),
            ".{0,4}".prop_map(String::from),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The number of entries of a list; `None` for what is none.
fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Array(list) => Some(list.len() as u64),
        Value::Object(fields) => {
            let lists = ["hashes", "dropbox_content_hashes"].map(|name| fields.get(name));
            let lists = lists.into_iter().flatten();
            let lists: Option<Vec<_>> = lists
                .map(|list| match list {
                    Value::Null => Some(0),
                    list => list.as_array().map(|list| list.len() as u64),
                })
                .collect();
            lists
                .filter(|lists| !lists.is_empty())?
                .into_iter()
                .reduce(|one, other| one + other)
        }
        _ => None,
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = PostedList::read(&bytes);
    }

    #[test]
    fn every_entry_is_counted_once(value in any_json()) {
        match (PostedList::read(value.to_string().as_bytes()), count(&value)) {
            (Ok(list), Some(count)) => {
                let told = list.hashes().len() as u64 + list.repeated() + list.bad();
                prop_assert_eq!(told, count);
            }
            (Err(PostedListError::NoHash(bad, _)), Some(count)) => prop_assert_eq!(bad, count),
            (Err(_), None) => {}
            (read, count) => prop_assert!(false, "{:?} of {:?}", read, count),
        }
    }
}
