//! Kinds of storage that list page by page, tell what has changed, or take long to list.

use std::sync::atomic::{AtomicUsize, Ordering};

use mockall::predicate::eq;

use super::*;
use crate::{
    adapters::platforms,
    app::{
        tenancy::credentials::{CredentialCacheSettings, Credentials},
        usecases::fixtures::{
            credential, full_document, generous_store, jpeg, providers, unvalidated,
        },
    },
    domain::{
        credential::Provider,
        image::{EncodedImage, ImageName, StoredImage},
        listing::LetterCase,
        sidecar::SidecarName,
    },
    ports::{
        FetchedImage, FoundFile, ImageStore, ListingCursor, ListingPage, ListingRules,
        MockCredentialStore, MockImageStoreFactory, Moved, NextPage, OpenedStorage, PageResult,
        PutMode, SidecarFile,
    },
};

mockall::mock! {
    Paged {}

    #[async_trait::async_trait]
    impl ImageStore for Paged {
        async fn list(&self) -> Result<Vec<StoredImage>, ImageStoreError>;
        async fn list_page(&self, cursor: Option<ListingCursor>) -> PageResult;
        fn listing_rules(&self) -> ListingRules;
        async fn find(&self, name: &ImageName) -> Result<StoredImage, ImageStoreError>;
        async fn fetch(&self, name: &ImageName) -> Result<FetchedImage, ImageStoreError>;
        async fn read_sidecar(&self, image: &ImageName, which: SidecarName)
            -> Result<SidecarFile, ImageStoreError>;
        async fn write_sidecar(&self, image: &ImageName, which: SidecarName, text: &[u8], found: &FoundFile)
            -> Result<(), ImageStoreError>;
        async fn put(&self, name: &ImageName, image: &EncodedImage, mode: PutMode)
            -> Result<(), ImageStoreError>;
        async fn move_to(&self, image: &StoredImage, sidecars: &[SidecarName], folder: Folder, if_taken: IfTaken)
            -> Result<Moved, ImageStoreError>;
        fn in_folder(&self, folder: Folder) -> Arc<dyn ImageStore>;
        async fn delete(&self, name: &ImageName, sidecars: &[SidecarName]) -> Result<(), ImageStoreError>;
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn store(refresh: RefreshCost) -> MockPaged {
    let mut store = MockPaged::new();
    let rules = ListingRules {
        letter_case: LetterCase::Counts,
        refresh,
    };
    store.expect_listing_rules().return_const(rules);
    store
}

/// A tenant with this storage, which is opened as often as its credential is renewed.
fn tenant_of(stores: Vec<MockPaged>, credentials: MockCredentialStore) -> Arc<Tenant> {
    let mut factory = MockImageStoreFactory::new();
    let mut calls = mockall::Sequence::new();
    for store in stores {
        let opened = OpenedStorage::without_previews(Arc::new(store));
        let open = factory.expect_open().times(1).in_sequence(&mut calls);
        open.return_once(move |_| opened);
    }
    let mut factories = providers();
    factories.images = Arc::new(factory);
    let config = unvalidated(full_document());
    let config = Arc::new(config.validate(platforms::spec).unwrap());
    let settings = CredentialCacheSettings::default();
    let credentials = Arc::new(Credentials::new(Arc::new(credentials), clock(), settings));
    let storage = Some(Arc::new(credential(Provider::DROPBOX)));
    Arc::new(Tenant::open(config, storage, &factories, credentials).unwrap())
}

fn tenant(store: MockPaged) -> Arc<Tenant> {
    tenant_of(vec![store], generous_store())
}

fn found(name: &str) -> ListingChange {
    ListingChange::Found(stored(name, &NOTHING))
}

#[expect(clippy::unnecessary_wraps, reason = "it is what a store answers")]
fn page(changes: Vec<ListingChange>, next: NextPage) -> PageResult {
    Ok(Some(ListingPage {
        next,
        ..ListingPage::only(changes)
    }))
}

fn cursor(name: &str) -> ListingCursor {
    ListingCursor(name.into())
}

/// Expects one call with this cursor, and answers it.
fn expect_page(
    store: &mut MockPaged,
    at: Option<&'static str>,
    answer: impl FnOnce() -> PageResult + Send + 'static,
) {
    let expected = at.map(cursor);
    store
        .expect_list_page()
        .withf(move |cursor| *cursor == expected)
        .times(1)
        .return_once(move |_| answer());
}

async fn names(listings: &ListingCache, tenant: &Arc<Tenant>) -> Vec<String> {
    let listing = listings.get(tenant, &request_id()).await.unwrap();
    listing.names().map(str::to_owned).collect()
}

async fn settle() {
    for _ in 0..30 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_asks_for_what_has_changed_and_a_reset_for_everything() {
    let mut store = store(RefreshCost::Low);
    expect_page(&mut store, None, || {
        page(vec![found("b.jpg")], NextPage::More(cursor("1")))
    });
    expect_page(&mut store, Some("1"), || {
        page(vec![found("a.jpg")], NextPage::Changes(cursor("2")))
    });
    let (listings, tenant) = (listings(), tenant(store_with_changes(store)));
    assert_eq!(names(&listings, &tenant).await, ["a.jpg", "b.jpg"]);
    advance(5 * SECOND).await;
    assert_eq!(names(&listings, &tenant).await, ["b.jpg", "c.jpg"]);
    advance(5 * SECOND).await;
    assert_eq!(names(&listings, &tenant).await, ["d.jpg"]);
}

fn store_with_changes(mut store: MockPaged) -> MockPaged {
    expect_page(&mut store, Some("2"), || {
        let gone = ListingChange::Gone("a.jpg".to_owned());
        page(vec![gone, found("c.jpg")], NextPage::Changes(cursor("3")))
    });
    expect_page(&mut store, Some("3"), || Ok(None));
    expect_page(&mut store, None, || {
        page(vec![found("d.jpg")], NextPage::Changes(cursor("4")))
    });
    store
}

#[tokio::test(start_paused = true)]
async fn the_listing_that_is_published_from_is_of_now_where_that_costs_little() {
    let mut store = store(RefreshCost::Low);
    expect_page(&mut store, None, || {
        page(vec![], NextPage::Changes(cursor("1")))
    });
    expect_page(&mut store, Some("1"), || {
        page(vec![found("a.jpg")], NextPage::Changes(cursor("2")))
    });
    let (listings, tenant, request_id) = (listings(), tenant(store), request_id());
    assert!(names(&listings, &tenant).await.is_empty());
    let current = listings.get_current(&tenant, &request_id).await.unwrap();
    assert_eq!(current.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_goes_with_the_credential_that_it_was_got_with() {
    let refused = || ImageStoreError::Unauthorized {
        setting: None,
        cause: "401".into(),
    };
    let (mut first, mut second) = (store(RefreshCost::Low), store(RefreshCost::Low));
    expect_page(&mut first, None, || {
        page(vec![found("a.jpg")], NextPage::Changes(cursor("1")))
    });
    expect_page(&mut first, Some("1"), move || Err(refused()));
    // Never with the cursor "1".
    expect_page(&mut second, None, || {
        page(vec![found("b.jpg")], NextPage::Changes(cursor("2")))
    });
    expect_page(&mut second, Some("2"), || {
        page(vec![], NextPage::Changes(cursor("3")))
    });
    let tenant = tenant_of(vec![first, second], rotating_store());
    let listings = listings();
    assert_eq!(names(&listings, &tenant).await, ["a.jpg"]);
    for _ in 0..2 {
        advance(5 * SECOND).await;
        assert_eq!(names(&listings, &tenant).await, ["b.jpg"]);
    }
}

#[tokio::test(start_paused = true)]
async fn storage_that_asks_for_a_fresh_start_again_and_again_has_failed() {
    let mut store = store(RefreshCost::Low);
    store.expect_list_page().times(2).returning(|_| Ok(None));
    let (listings, tenant) = (listings(), tenant(store));
    let error = listings.get(&tenant, &request_id()).await.unwrap_err();
    assert!(matches!(error, StorageCallError::Storage(error)
        if matches!(*error, ImageStoreError::Unavailable(_))));
}

#[tokio::test(start_paused = true)]
async fn a_folder_without_an_end_is_truncated_and_listed_to_those_who_take_that() {
    for is_of_images in [true, false] {
        let (mut store, mut pages) = (store(RefreshCost::Low), 0_u32);
        store.expect_list_page().returning(move |_| {
            pages += 1;
            let image = |number: u32| found(&format!("{:0200}.jpg", pages * 5_000 + number));
            let images = if is_of_images {
                (0..5_000).map(image).collect()
            } else {
                Vec::new()
            };
            Ok(Some(ListingPage {
                changes: images,
                entries: 5_000,
                next: NextPage::More(cursor("more")),
            }))
        });
        let (listings, tenant, request_id) = (listings(), tenant(store), request_id());
        let error = listings.get(&tenant, &request_id).await.unwrap_err();
        assert!(matches!(&error, StorageCallError::Storage(error)
            if matches!(**error, ImageStoreError::Misconfigured { .. })));
        assert!(!error.to_string().contains("/photos"), "{error}");
        // It is kept, and not read again for each who asks.
        let listing = listings
            .get_in(&tenant, Folder::Root, &request_id)
            .await
            .unwrap();
        assert!(listing.is_truncated());
        assert_eq!(listing.is_empty(), !is_of_images);
        assert!(listing.bytes() < 50 << 20, "{}", listing.bytes());
        let again = listings
            .get_in(&tenant, Folder::Root, &request_id)
            .await
            .unwrap();
        assert!(Arc::ptr_eq(&listing, &again));
    }
}

/// A store that takes long to list, and has one image at first and two from the second listing on.
fn slow_to_list(times: usize) -> MockPaged {
    let (mut store, mut listed) = (store(RefreshCost::High), 0);
    store.expect_list_page().times(times).returning(move |_| {
        listed += 1;
        let names = if listed == 1 {
            &["a.jpg"][..]
        } else {
            &["a.jpg", "b.jpg"]
        };
        page(
            names.iter().map(|name| found(name)).collect(),
            NextPage::None,
        )
    });
    store
}

#[tokio::test(start_paused = true)]
async fn where_listing_takes_long_it_is_done_behind_what_is_shown_at_most_once_a_minute() {
    let (listings, tenant) = (listings(), tenant(slow_to_list(3)));
    assert_eq!(names(&listings, &tenant).await.len(), 1);
    advance(59 * SECOND).await;
    assert_eq!(names(&listings, &tenant).await.len(), 1);
    settle().await;
    assert_eq!(names(&listings, &tenant).await.len(), 1);
    advance(SECOND).await;
    for _ in 0..10 {
        assert_eq!(names(&listings, &tenant).await.len(), 1, "nobody waits");
    }
    settle().await;
    assert_eq!(names(&listings, &tenant).await.len(), 2);
    // Nobody has asked for so long that what there was is not shown.
    advance(Duration::from_mins(3)).await;
    assert_eq!(names(&listings, &tenant).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_fails_behind_what_is_shown_is_tried_again_after_a_minute() {
    let mut store = store(RefreshCost::High);
    let failure = || Err(ImageStoreError::Unavailable("503".into()));
    let mut calls = mockall::Sequence::new();
    for answer in [true, false, true] {
        let expected = store.expect_list_page().times(1).in_sequence(&mut calls);
        expected.returning(move |_| {
            if answer {
                page(vec![found("a.jpg")], NextPage::None)
            } else {
                failure()
            }
        });
    }
    let (listings, tenant) = (listings(), tenant(store));
    for _ in 0..12 {
        assert_eq!(names(&listings, &tenant).await, ["a.jpg"]);
        settle().await;
        advance(10 * SECOND).await;
    }
    assert_eq!(names(&listings, &tenant).await, ["a.jpg"]);
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn what_we_write_is_looked_up_once_where_listing_takes_long() {
    let mut store = slow_to_list(1);
    store.expect_put().times(1).returning(|_, _, _| Ok(()));
    store.expect_delete().times(1).returning(|_, _| Ok(()));
    let new = ImageName::new("new.jpg").unwrap();
    store
        .expect_find()
        .with(eq(new.clone()))
        .times(1)
        .returning(|name| Ok(stored(name.as_str(), &NOTHING)));
    let (listings, tenant, request_id) = (listings(), tenant(store), request_id());
    assert_eq!(names(&listings, &tenant).await, ["a.jpg"]);
    let images = tenant.images(&request_id);
    let image = EncodedImage::new(jpeg()).unwrap();
    images.put(&new, &image, PutMode::New).await.unwrap();
    for _ in 0..3 {
        assert_eq!(names(&listings, &tenant).await, ["a.jpg", "new.jpg"]);
    }
    images.delete(&image_name(), &[]).await.unwrap();
    assert_eq!(names(&listings, &tenant).await, ["new.jpg"]);
}

#[tokio::test(start_paused = true)]
async fn a_few_folders_are_read_in_the_background_at_a_time_and_none_once_the_process_ends() {
    let (listings, started) = (listings(), Arc::new(AtomicUsize::new(0)));
    let tenants: Vec<_> = (0..5)
        .map(|_| {
            let (mut store, started) = (store(RefreshCost::High), Arc::clone(&started));
            let mut is_first = true;
            store.expect_list_page().returning(move |_| {
                if std::mem::replace(&mut is_first, false) {
                    return page(vec![found("a.jpg")], NextPage::None);
                }
                started.fetch_add(1, Ordering::SeqCst);
                Err(ImageStoreError::Unavailable("503".into()))
            });
            tenant(store)
        })
        .collect();
    for tenant in &tenants {
        assert_eq!(names(&listings, tenant).await, ["a.jpg"]);
    }
    advance(SETTLED).await;
    for tenant in &tenants {
        assert_eq!(names(&listings, tenant).await, ["a.jpg"]);
    }
    // Each call runs on a task of its own, which has not had its turn before.
    settle().await;
    let count = || started.load(Ordering::SeqCst);
    assert_eq!(count(), MAX_IN_BACKGROUND);
    listings.close();
    advance(SETTLED).await;
    for tenant in &tenants {
        assert_eq!(names(&listings, tenant).await, ["a.jpg"]);
    }
    settle().await;
    assert_eq!(count(), MAX_IN_BACKGROUND);
}
