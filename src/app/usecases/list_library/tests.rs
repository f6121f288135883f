use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{
    app::usecases::fixtures::{TenantFixture, request_id, stored},
    ports::ImageStoreError,
};

fn image(name: &str, size: u64, minutes: Option<u64>) -> StoredImage {
    StoredImage {
        size,
        last_modified: minutes.map(|it| SystemTime::UNIX_EPOCH + Duration::from_mins(it)),
        ..stored(name, &Bytes::copy_from_slice(name.as_bytes()))
    }
}

fn folder() -> Vec<StoredImage> {
    vec![
        image("Harbour.jpg", 30, Some(3)),
        image("bridge.jpg", 10, Some(1)),
        image("caf\u{e9}.png", 20, None),
        image("STRASSE.webp", 20, Some(3)),
    ]
}

fn query() -> LibraryQuery {
    LibraryQuery {
        folder: Folder::Root,
        part_of_name: None,
        sort: SortBy::Name,
        descending: false,
        limit: 50,
        start: PageStart::Offset(0),
    }
}

fn names(page: &LibraryPage) -> Vec<&str> {
    page.images
        .iter()
        .map(|image| image.name.as_str())
        .collect()
}

#[test]
fn a_folder_is_sorted_by_each_key_in_both_orders() {
    let expected: [(SortBy, [&str; 4]); 3] = [
        (
            SortBy::Name,
            ["Harbour.jpg", "STRASSE.webp", "bridge.jpg", "caf\u{e9}.png"],
        ),
        (
            SortBy::LastModified,
            ["caf\u{e9}.png", "bridge.jpg", "Harbour.jpg", "STRASSE.webp"],
        ),
        (
            SortBy::Size,
            ["bridge.jpg", "STRASSE.webp", "caf\u{e9}.png", "Harbour.jpg"],
        ),
    ];
    for (sort, mut expected) in expected {
        for descending in [false, true] {
            let query = LibraryQuery {
                sort,
                descending,
                ..query()
            };
            let page = query.page_of(folder());
            assert_eq!(names(&page), expected, "{sort:?}");
            assert_eq!((page.total, page.next, page.is_truncated), (4, None, false));
            expected.reverse();
        }
    }
}

#[test]
fn a_part_of_a_name_is_found_in_whatever_case_and_form() {
    for (part, expected) in [
        ("HARB", vec!["Harbour.jpg"]),
        ("strasse", vec!["STRASSE.webp"]),
        ("CAFE\u{301}", vec!["caf\u{e9}.png"]),
        ("É", vec!["caf\u{e9}.png"]),
        (".j", vec!["Harbour.jpg", "bridge.jpg"]),
        ("nothing", vec![]),
    ] {
        let query = LibraryQuery {
            part_of_name: Some(part.to_owned()),
            ..query()
        };
        let page = query.page_of(folder());
        assert_eq!(names(&page), expected, "{part}");
        assert_eq!(page.total, expected.len());
    }
}

#[test]
fn the_page_of_an_image_is_found() {
    let page = |anchor: &str, offset| {
        let start = PageStart::Anchor(anchor.to_owned(), offset);
        LibraryQuery {
            limit: 2,
            start,
            ..query()
        }
        .page_of(folder())
    };
    let found = page("bridge.jpg", 0);
    assert_eq!(names(&found), ["bridge.jpg", "caf\u{e9}.png"]);
    assert_eq!(found.anchor_offset, Some(2));
    let missing = page("gone.jpg", 1);
    assert_eq!(names(&missing), ["STRASSE.webp", "bridge.jpg"]);
    assert_eq!(missing.anchor_offset, None);
}

#[test]
fn an_offset_beyond_the_end_is_an_empty_last_page() {
    let start = PageStart::Offset(usize::MAX);
    let page = LibraryQuery { start, ..query() }.page_of(folder());
    assert_eq!((names(&page).len(), page.next, page.total), (0, None, 4));
}

#[test]
fn a_cursor_stays_right_while_images_come_and_go() {
    let by_size = LibraryQuery {
        sort: SortBy::Size,
        limit: 2,
        ..query()
    };
    let next = by_size.page_of(folder()).next.unwrap();
    let mut changed = folder();
    changed.retain(|image| image.name.as_str() != "STRASSE.webp");
    changed.push(image("small.jpg", 1, None));
    let start = PageStart::After(next);
    let page = LibraryQuery { start, ..by_size }.page_of(changed);
    assert_eq!(names(&page), ["caf\u{e9}.png", "Harbour.jpg"]);
}

#[tokio::test]
async fn a_cursor_is_of_one_list_and_one_of_another_makes_no_call() {
    let first = LibraryQuery {
        limit: 1,
        ..query()
    };
    let next = first.page_of(folder()).next.unwrap();
    let other = [
        LibraryQuery {
            folder: Folder::Archive,
            ..query()
        },
        LibraryQuery {
            part_of_name: Some("a".to_owned()),
            ..query()
        },
        LibraryQuery {
            sort: SortBy::Size,
            ..query()
        },
        LibraryQuery {
            descending: true,
            ..query()
        },
    ];
    for other in other {
        let mut fixture = TenantFixture::new();
        fixture.images.expect_list().never();
        let query = LibraryQuery {
            start: PageStart::After(next.clone()),
            ..other
        };
        let refused = ListLibrary::default()
            .run(&fixture.build(), &request_id(), query)
            .await;
        assert!(matches!(refused, Err(ListLibraryError::Cursor)));
    }
}

#[tokio::test]
async fn each_folder_is_listed_once() {
    let mut fixture = TenantFixture::new();
    fixture.images.expect_list().never();
    fixture
        .archive
        .expect_list()
        .times(1)
        .returning(|| Ok(folder()));
    let query = LibraryQuery {
        folder: Folder::Archive,
        ..query()
    };
    let page = ListLibrary::default()
        .run(&fixture.build(), &request_id(), query)
        .await;
    assert_eq!(page.unwrap().total, 4);

    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_list()
        .times(1)
        .returning(|| Err(ImageStoreError::Unavailable("500".into())));
    let failed = ListLibrary::default()
        .run(&fixture.build(), &request_id(), self::query())
        .await;
    assert!(matches!(failed, Err(ListLibraryError::Listing(_))));
}

fn any_name() -> impl Strategy<Value = String> {
    "[a-cA-Cé]{1,3}\\.jpg"
}

proptest! {
    /// Page after page, each image comes once, in the order of one large page.
    #[test]
    fn pages_make_up_the_list(
        images in prop::collection::btree_map(any_name(), (0_u64..4, prop::option::of(0_u64..4)), 0..20),
        sort in prop::sample::select(&SortBy::ALL[..]),
        descending: bool,
        limit in 1_usize..7,
    ) {
        let images: Vec<_> = images.iter().map(|(name, (size, time))| image(name, *size, *time)).collect();
        let all = LibraryQuery { sort, descending, limit: 200, ..query() }.page_of(images.clone());
        let mut pages = Vec::new();
        let mut start = PageStart::Offset(0);
        loop {
            let query = LibraryQuery { sort, descending, limit, start, ..query() };
            let page = query.page_of(images.clone());
            pages.extend(page.images);
            let Some(next) = page.next else { break };
            let cursor = Cursor::decode(&next.encode());
            prop_assert_eq!(cursor.as_ref(), Some(&next));
            prop_assert!(next.encode().len() <= Cursor::MAX_LENGTH);
            start = PageStart::After(next);
        }
        prop_assert_eq!(&pages, &all.images);
        let names: BTreeSet<_> = pages.iter().map(|it| it.name.as_str()).collect();
        prop_assert_eq!(names.len(), images.len());
    }

    #[test]
    fn any_text_is_a_cursor_or_none(text in "[A-Za-z0-9_-]{0,120}") {
        if let Some(cursor) = Cursor::decode(&text) {
            prop_assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        }
    }
}
