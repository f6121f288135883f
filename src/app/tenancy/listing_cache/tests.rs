mod paged;

use std::sync::OnceLock;

use futures_util::future::join_all;
use tokio::time::advance;

use super::*;
use crate::{
    app::usecases::fixtures::{
        TenantFixture, clock, image_name, moved, request_id, rotating_store, stored,
    },
    ports::{Folder, IfTaken, ImageStoreError},
};

const NOTHING: bytes::Bytes = bytes::Bytes::new();

fn listings() -> ListingCache {
    ListingCache::new(clock())
}

/// A tenant whose folder is listed as often as the test says, and no oftener.
fn listed(times: usize) -> TenantFixture {
    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_list()
        .times(times)
        .returning(|| Ok(vec![stored("a.jpg", &NOTHING), stored("b.jpg", &NOTHING)]));
    fixture
}

#[tokio::test(start_paused = true)]
async fn a_hundred_who_ask_at_once_cost_one_call() {
    let (listings, tenant) = (listings(), listed(1).build());
    let request_id = request_id();
    let all = join_all((0..100).map(|_| listings.get(&tenant, &request_id))).await;
    assert!(
        all.iter()
            .all(|listing| listing.as_ref().unwrap().len() == 2)
    );
}

#[tokio::test(start_paused = true)]
async fn a_listing_is_shown_for_five_seconds_and_no_longer() {
    let (listings, tenant) = (listings(), listed(2).build());
    listings.get(&tenant, &request_id()).await.unwrap();
    advance(Duration::from_millis(4_999)).await;
    listings.get(&tenant, &request_id()).await.unwrap();
    assert!(listings.get_cached(&tenant).is_some());
    advance(Duration::from_millis(1)).await;
    assert!(listings.get_cached(&tenant).is_none());
    listings.get(&tenant, &request_id()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shared_by_those_who_wait_and_not_kept() {
    let mut fixture = TenantFixture::new();
    let mut calls = mockall::Sequence::new();
    let failure = || Err(ImageStoreError::Unavailable("500".into()));
    let images = &mut fixture.images;
    images
        .expect_list()
        .times(1)
        .in_sequence(&mut calls)
        .returning(failure);
    images
        .expect_list()
        .times(1)
        .in_sequence(&mut calls)
        .returning(|| Ok(Vec::new()));
    let (listings, tenant, request_id) = (listings(), fixture.build(), request_id());
    let all = join_all((0..10).map(|_| listings.get(&tenant, &request_id))).await;
    assert!(
        all.iter()
            .all(|listing| matches!(listing, Err(StorageCallError::Storage(_))))
    );
    assert!(listings.get(&tenant, &request_id).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_move_leaves_the_listing_at_once_and_one_in_doubt_is_looked_at() {
    // Where the answer is lost, storage is asked again.
    for (outcome, calls) in [(Ok(()), 1), (Err(()), 2)] {
        let mut fixture = listed(calls);
        fixture
            .images
            .expect_move_to()
            .times(1)
            .returning(move |_, _, _, _| {
                let timeout = |()| ImageStoreError::Timeout("no answer".into());
                outcome.map(|()| moved("a.jpg")).map_err(timeout)
            });
        let (listings, tenant, request_id) = (listings(), fixture.build(), request_id());
        let before = listings.get(&tenant, &request_id).await.unwrap();
        let images = tenant.images(&request_id);
        let image = stored("a.jpg", &NOTHING);
        let moved = images.move_to(&image, &[], Folder::Archive, IfTaken::Rename);
        assert_eq!(moved.await.is_ok(), outcome.is_ok());
        assert_eq!(listings.get_cached(&tenant).is_some(), outcome.is_ok());
        let listing = listings.get(&tenant, &request_id).await.unwrap();
        let names: Vec<_> = listing.names().collect();
        assert_eq!(names == ["b.jpg"], outcome.is_ok());
        assert_eq!(before.len(), 2, "what was handed out stays as it is");
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_a_write_has_overtaken_is_read_again_before_it_is_shown() {
    let mut fixture = TenantFixture::new();
    let tenant: Arc<OnceLock<Arc<Tenant>>> = Arc::default();
    let (writing, mut calls) = (Arc::clone(&tenant), mockall::Sequence::new());
    let images = &mut fixture.images;
    // The image is written after storage has looked and before it has answered.
    let first = images.expect_list().times(1).in_sequence(&mut calls);
    first.returning(move || {
        let tenant = writing.get().unwrap();
        tenant.images(&request_id()).record_changed(&image_name());
        Ok(Vec::new())
    });
    let second = images.expect_list().times(1).in_sequence(&mut calls);
    second.returning(|| Ok(vec![stored("a.jpg", &NOTHING)]));
    let tenant = tenant.get_or_init(|| fixture.build());
    let (listings, request_id) = (listings(), request_id());
    for _ in 0..2 {
        let listing = listings.get(tenant, &request_id).await.unwrap();
        assert_eq!(listing.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_was_opened_afresh_does_not_see_the_listing_of_before() {
    let (listings, request_id) = (listings(), request_id());
    let before = listed(1).build();
    let mut fixture = TenantFixture::new();
    fixture.document["storage"]["paths"]["root"] = "/elsewhere".into();
    fixture
        .images
        .expect_list()
        .times(1)
        .returning(|| Ok(Vec::new()));
    let after = fixture.build();
    assert_eq!(before.name(), after.name());
    assert_eq!(listings.get(&before, &request_id).await.unwrap().len(), 2);
    assert_eq!(listings.get(&after, &request_id).await.unwrap().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_dead_credential_ends_the_listing_that_was_made_with_it() {
    let mut fixture = listed(2);
    fixture.store = rotating_store();
    let mut refusals = mockall::Sequence::new();
    fixture
        .images
        .expect_find()
        .times(1)
        .in_sequence(&mut refusals)
        .returning(|_| {
            Err(ImageStoreError::Unauthorized {
                setting: None,
                cause: "401".into(),
            })
        });
    fixture
        .images
        .expect_find()
        .times(1)
        .in_sequence(&mut refusals)
        .returning(|name| Ok(stored(name.as_str(), &NOTHING)));
    let (listings, tenant, request_id) = (listings(), fixture.build(), request_id());
    listings.get(&tenant, &request_id).await.unwrap();
    let found = tenant.images(&request_id).find(&image_name()).await;
    assert!(found.is_ok());
    listings.get(&tenant, &request_id).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_nobody_looks_at_is_swept_away() {
    let (listings, tenant) = (listings(), listed(1).build());
    let listing = listings.get(&tenant, &request_id()).await.unwrap();
    listings.sweep();
    assert_eq!(Arc::strong_count(&listing), 2);
    advance(KEPT_FOR).await;
    listings.sweep();
    assert_eq!(Arc::strong_count(&listing), 1);
}

#[tokio::test(start_paused = true)]
async fn all_listings_together_take_no_more_than_their_bound() {
    let listings = ListingCache::of_bytes(150_000, clock());
    let tenants: Vec<_> = (0..5)
        .map(|_| {
            let mut fixture = TenantFixture::new();
            let images = || (0..500).map(|it| stored(&format!("{it}.jpg"), &NOTHING));
            let list = move || Ok(images().collect());
            fixture.images.expect_list().times(1).returning(list);
            fixture.build()
        })
        .collect();
    for tenant in &tenants {
        let listing = listings.get(tenant, &request_id()).await.unwrap();
        assert!(
            (40_000..48_000).contains(&listing.bytes()),
            "{}",
            listing.bytes()
        );
        assert!(listings.entries.weight() <= 150_000);
    }
    let kept = tenants
        .iter()
        .map(|tenant| listings.get_cached(tenant).is_some());
    assert_eq!(kept.collect::<Vec<_>>(), [false, false, true, true, true]);
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_is_larger_than_the_bound_is_answered_and_not_kept() {
    let listings = ListingCache::of_bytes(OVERHEAD, clock());
    let tenant = listed(2).build();
    for _ in 0..2 {
        let listing = listings.get(&tenant, &request_id()).await.unwrap();
        assert_eq!(listing.len(), 2);
    }
}
