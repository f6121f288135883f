use std::{sync::OnceLock, time::Duration};

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
            .all(|listing| listing.as_ref().unwrap().0.len() == 2)
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
async fn a_move_ends_the_listing_whatever_comes_of_it() {
    for outcome in [Ok(()), Err(())] {
        let mut fixture = listed(2);
        fixture
            .images
            .expect_move_to()
            .times(1)
            .returning(move |_, _, _, _| {
                let timeout = |()| ImageStoreError::Timeout("no answer".into());
                outcome.map(|()| moved("a.jpg")).map_err(timeout)
            });
        let (listings, tenant, request_id) = (listings(), fixture.build(), request_id());
        listings.get(&tenant, &request_id).await.unwrap();
        let images = tenant.images(&request_id);
        let moved = images
            .move_to(
                &stored("a.jpg", &NOTHING),
                &[],
                Folder::Archive,
                IfTaken::Rename,
            )
            .await;
        assert_eq!(moved.is_ok(), outcome.is_ok());
        listings.get(&tenant, &request_id).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_a_move_has_overtaken_is_not_kept() {
    let mut fixture = TenantFixture::new();
    let tenant: Arc<OnceLock<Arc<Tenant>>> = Arc::default();
    let moving = Arc::clone(&tenant);
    // The image is moved after storage has looked and before it has answered.
    fixture.images.expect_list().times(2).returning(move || {
        moving.get().unwrap().storage().bump_generation();
        Ok(vec![stored("a.jpg", &NOTHING)])
    });
    let tenant = tenant.get_or_init(|| fixture.build());
    let (listings, request_id) = (listings(), request_id());
    for _ in 0..2 {
        let listing = listings.get(tenant, &request_id).await.unwrap();
        assert_eq!(listing.0.len(), 1);
        assert!(listings.get_cached(tenant).is_none());
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
    assert_eq!(listings.get(&before, &request_id).await.unwrap().0.len(), 2);
    assert_eq!(listings.get(&after, &request_id).await.unwrap().0.len(), 0);
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
    advance(FRESH).await;
    listings.sweep();
    assert_eq!(Arc::strong_count(&listing), 1);
}

#[tokio::test(start_paused = true)]
async fn all_listings_together_take_no_more_than_their_bound() {
    let listings = ListingCache::of_bytes(200_000, clock());
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
            (50_000..65_000).contains(&listing.bytes()),
            "{}",
            listing.bytes()
        );
        assert!(listings.0.entries().weight() <= 300_000);
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
        assert_eq!(listing.0.len(), 2);
    }
}

#[test]
fn a_hundred_thousand_images_take_less_than_30_mb() {
    let image = |number: usize| {
        let mut image = stored(&format!("IMG_2026-05-04_{number:010}.jpg"), &NOTHING);
        image.revision = format!("{number:031}");
        image
    };
    let listing = Listing::new((0..100_000).map(image).collect());
    assert!(listing.bytes() < 30_000_000, "{}", listing.bytes());
}

#[test]
fn an_image_is_found_under_its_own_name_only() {
    let images = ["B.jpg", "a.jpg", "夜.jpg"].map(|name| stored(name, &NOTHING));
    let listing = Listing::new(images.into());
    let find = |name: &str| listing.find(&ImageName::new(name).unwrap());
    assert_eq!(find("夜.jpg").unwrap().name.as_str(), "夜.jpg");
    assert!(find("b.jpg").is_none() && find("c.jpg").is_none());
}
