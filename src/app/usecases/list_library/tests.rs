use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{
    app::usecases::fixtures::{TenantFixture, clock, jpeg, moved, request_id, stored},
    domain::{
        image::{EncodedImage, ImageName, StoredImage},
        listing::{LetterCase, ListingChange},
    },
    ports::{IfTaken, ImageStoreError, PutMode},
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

fn listing_of(images: Vec<StoredImage>) -> Listing {
    let found = images.into_iter().map(ListingChange::Found);
    Listing::new(LetterCase::Counts).with(found.collect())
}

fn listing() -> Listing {
    listing_of(folder())
}

fn library() -> ListLibrary {
    ListLibrary::new(Arc::new(ListingCache::new(clock())))
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
            let page = query.page_of(&listing());
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
        let page = query.page_of(&listing());
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
        .page_of(&listing())
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
    let page = LibraryQuery { start, ..query() }.page_of(&listing());
    assert_eq!((names(&page).len(), page.next, page.total), (0, None, 4));
}

#[test]
fn a_cursor_stays_right_while_images_come_and_go() {
    let by_size = LibraryQuery {
        sort: SortBy::Size,
        limit: 2,
        ..query()
    };
    let next = by_size.page_of(&listing()).next.unwrap();
    let mut changed = folder();
    changed.retain(|image| image.name.as_str() != "STRASSE.webp");
    changed.push(image("small.jpg", 1, None));
    let start = PageStart::After(next);
    let page = LibraryQuery { start, ..by_size }.page_of(&listing_of(changed));
    assert_eq!(names(&page), ["caf\u{e9}.png", "Harbour.jpg"]);
}

#[tokio::test]
async fn a_cursor_is_of_one_list_and_one_of_another_makes_no_call() {
    let first = LibraryQuery {
        limit: 1,
        ..query()
    };
    let next = first.page_of(&listing()).next.unwrap();
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
        let refused = library().run(&fixture.build(), &request_id(), query).await;
        assert!(matches!(refused, Err(ListLibraryError::Cursor)));
    }
}

#[test]
fn a_folder_that_was_not_read_to_its_end_is_truncated() {
    let page = query().page_of(&listing().truncated());
    assert_eq!((page.total, page.is_truncated), (4, true));
}

#[tokio::test(start_paused = true)]
async fn a_folder_is_listed_once_for_all_its_pages() {
    let mut fixture = TenantFixture::new();
    fixture.images.expect_list().never();
    fixture
        .archive
        .expect_list()
        .times(1)
        .returning(|| Ok(folder()));
    let (library, tenant, request_id) = (library(), fixture.build(), request_id());
    for offset in 0..4 {
        let query = LibraryQuery {
            folder: Folder::Archive,
            limit: 1,
            start: PageStart::Offset(offset),
            ..query()
        };
        let page = library.run(&tenant, &request_id, query).await.unwrap();
        assert_eq!((page.images.len(), page.total), (1, 4));
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_listed_is_a_failure() {
    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_list()
        .times(1)
        .returning(|| Err(ImageStoreError::Unavailable("500".into())));
    let failed = library()
        .run(&fixture.build(), &request_id(), query())
        .await;
    assert!(matches!(failed, Err(ListLibraryError::Listing(_))));
}

/// Within the five seconds for which a listing is shown. Where one call lists a folder, one that was uploaded is
/// listed with the next call; what has gone is taken out without any.
#[tokio::test(start_paused = true)]
async fn what_is_uploaded_moved_and_deleted_shows_at_once() {
    let mut fixture = TenantFixture::new();
    let mut calls = mockall::Sequence::new();
    let images = &mut fixture.images;
    for with_new in [false, true] {
        let listed = images.expect_list().times(1).in_sequence(&mut calls);
        listed.returning(move || {
            let new = with_new.then(|| image("new.jpg", 1, None));
            Ok(folder().into_iter().chain(new).collect())
        });
    }
    images.expect_put().times(1).returning(|_, _, _| Ok(()));
    images.expect_delete().times(1).returning(|_, _| Ok(()));
    let moves = images.expect_move_to().times(1);
    moves.returning(|image, _, _, _| Ok(moved(image.name.as_str())));
    let archived = fixture.archive.expect_list().times(2);
    let mut archive = vec![Vec::new(), vec![image("bridge.jpg", 10, None)]].into_iter();
    archived.returning(move || Ok(archive.next().unwrap()));

    let (library, tenant, request_id) = (library(), fixture.build(), request_id());
    let names_in = async |folder| {
        let query = LibraryQuery { folder, ..query() };
        let page = library.run(&tenant, &request_id, query).await.unwrap();
        let names = page.images.iter().map(|image| image.name.to_string());
        names.collect::<Vec<_>>()
    };
    let has = async |folder, name: &str| names_in(folder).await.iter().any(|it| it == name);
    let images = tenant.images(&request_id);
    let name = |name| ImageName::new(name).unwrap();

    assert!(!has(Folder::Root, "new.jpg").await);
    let upload = EncodedImage::new(jpeg()).unwrap();
    let new = name("new.jpg");
    images.put(&new, &upload, PutMode::New).await.unwrap();
    for _ in 0..3 {
        assert!(has(Folder::Root, "new.jpg").await);
    }

    assert!(!has(Folder::Archive, "bridge.jpg").await);
    let bridge = image("bridge.jpg", 10, Some(1));
    let move_to = images.move_to(&bridge, &[], Folder::Archive, IfTaken::Rename);
    move_to.await.unwrap();
    for _ in 0..3 {
        assert!(!has(Folder::Root, "bridge.jpg").await);
        assert!(has(Folder::Archive, "bridge.jpg").await);
    }

    images.delete(&name("Harbour.jpg"), &[]).await.unwrap();
    for _ in 0..3 {
        assert!(!has(Folder::Root, "Harbour.jpg").await);
    }
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
        let listing = listing_of(images);
        let all = LibraryQuery { sort, descending, limit: 200, ..query() }.page_of(&listing);
        let mut pages = Vec::new();
        let mut start = PageStart::Offset(0);
        loop {
            let query = LibraryQuery { sort, descending, limit, start, ..query() };
            let page = query.page_of(&listing);
            pages.extend(page.images);
            let Some(next) = page.next else { break };
            let cursor = Cursor::decode(&next.encode());
            prop_assert_eq!(cursor.as_ref(), Some(&next));
            prop_assert!(next.encode().len() <= Cursor::MAX_LENGTH);
            start = PageStart::After(next);
        }
        prop_assert_eq!(&pages, &all.images);
        let names: BTreeSet<_> = pages.iter().map(|it| it.name.as_str()).collect();
        prop_assert_eq!(names.len(), listing.len());
    }

    #[test]
    fn any_text_is_a_cursor_or_none(text in "[A-Za-z0-9_-]{0,120}") {
        if let Some(cursor) = Cursor::decode(&text) {
            prop_assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        }
    }
}
