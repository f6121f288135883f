//! One page of a folder, or of its changes, read entry by entry: what is no image is never kept, however much of it
//! there is, and one odd entry does not hide the others.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::wire::Metadata;
use crate::{
    domain::listing::ListingChange,
    ports::{ListingCursor, ListingPage, NextPage},
};

/// The longest cursor that is sent back, in bytes (16 KiB); real ones have a few hundred.
const MAX_CURSOR: usize = 16 * 1024;

/// One page of a folder, or of its changes.
#[derive(Debug)]
pub(super) struct Page(pub(super) ListingPage);

impl<'de> Deserialize<'de> for Page {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            entries: Entries,
            cursor: String,
            has_more: bool,
        }
        let Written {
            entries,
            cursor,
            has_more,
        } = Written::deserialize(deserializer)?;
        let is_sound = !cursor.is_empty() && cursor.len() <= MAX_CURSOR;
        let next = match (has_more, is_sound) {
            (true, false) => return Err(D::Error::custom("the cursor is too long")),
            (true, true) => NextPage::More(ListingCursor(cursor.into())),
            (false, true) => NextPage::Changes(ListingCursor(cursor.into())),
            (false, false) => NextPage::None,
        };
        Ok(Self(ListingPage {
            changes: entries.changes,
            entries: entries.count,
            next,
        }))
    }
}

#[derive(Default)]
struct Entries {
    changes: Vec<ListingChange>,
    count: usize,
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of entries")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entries, A::Error> {
                let mut entries = Entries::default();
                while let Some(entry) = list.next_element::<&RawValue>()? {
                    entries.count += 1;
                    let metadata: Option<Metadata> = serde_json::from_str(entry.get()).ok();
                    let change = metadata.and_then(Metadata::into_change);
                    entries.changes.extend(change);
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_seq(Each)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn page(entries: &Value) -> ListingPage {
        let page = json!({ "entries": entries, "cursor": "c", "has_more": false, "extra": 1 });
        serde_json::from_str::<Page>(&page.to_string()).unwrap().0
    }

    fn file(name: &str) -> Value {
        json!({ ".tag": "file", "name": name, "id": "id:1", "rev": "1", "size": 3,
            "content_hash": HASH, "server_modified": "2026-01-01T00:00:00Z" })
    }

    #[test]
    fn an_odd_entry_does_not_hide_the_others() {
        let with = |field: &str, value: Value| {
            let mut file = file("odd.jpg");
            file[field] = value;
            file
        };
        let entries = json!([
            file("a.jpg"),
            with(".tag", json!("folder")),
            with("content_hash", json!("abc")),
            with("size", json!("three")),
            with("size", json!(-3)),
            with("size", json!(null)),
            with("name", json!(["odd.jpg"])),
            with("name", json!({ "odd": "odd.jpg" })),
            with("rev", json!("r".repeat(256))),
            with("id", json!("i".repeat(256))),
            null_entry(),
            7,
            -7.5,
            true,
            "text",
            [[1, 2], {}],
            file("notes.txt"),
            file("夜.webp"),
        ]);
        let page = page(&entries);
        let found = page.changes.iter().filter_map(|change| match change {
            ListingChange::Found(image) => Some(image.name.as_str()),
            // Nothing else has this name.
            ListingChange::Gone(name) => {
                assert_eq!(name, "odd.jpg");
                None
            }
        });
        assert_eq!(found.collect::<Vec<_>>(), ["a.jpg", "夜.webp"]);
        assert_eq!(page.entries, 18);
        assert!(matches!(page.next, NextPage::Changes(cursor) if &*cursor.0 == "c"));
    }

    #[test]
    fn what_is_deleted_or_has_become_a_folder_is_no_image_any_more() {
        let entries = json!([
            { ".tag": "deleted", "name": "A.jpg", "path_lower": "/q/a.jpg", "path_display": "/Q/A.jpg" },
            { ".tag": "folder", "name": "b.jpg", "id": "id:2" },
            { ".tag": "deleted", "name": "notes.txt" },
            { ".tag": "deleted" },
        ]);
        let gone = ["A.jpg", "b.jpg"].map(|name| ListingChange::Gone(name.to_owned()));
        assert_eq!(page(&entries).changes, gone);
    }

    fn null_entry() -> Value {
        Value::Null
    }

    #[test]
    fn a_cursor_that_is_too_long_is_no_cursor() {
        for (length, is_good) in [(0, false), (MAX_CURSOR, true), (MAX_CURSOR + 1, false)] {
            for has_more in [true, false] {
                let cursor = "c".repeat(length);
                let page = json!({ "entries": [], "cursor": cursor, "has_more": has_more });
                let page = serde_json::from_str::<Page>(&page.to_string());
                assert_eq!(page.is_ok(), is_good || !has_more);
                let is_whole = page.is_ok_and(|page| matches!(page.0.next, NextPage::None));
                assert_eq!(is_whole, !is_good && !has_more);
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_that_comes_breaks_the_reader(text in "[\\[\\]{}\":,a-z0-9.-]{0,80}") {
            let text = format!(r#"{{"entries":[{text}],"cursor":"c","has_more":true}}"#);
            let _ = serde_json::from_str::<Page>(&text);
        }
    }
}
