use bytes::Bytes;

use futures_util::future::join_all;
use metrics_exporter_prometheus::PrometheusBuilder;
use std::time::Duration;
use tokio::time::advance;

use super::*;
use crate::{
    app::{
        tenancy::listing_cache::ListingCache,
        usecases::fixtures::{
            TenantFixture, clock, image_name, image_work, jpeg, moved, request_id, stored,
        },
    },
    ports::{Folder, IfTaken, ImageStoreError, MockLedger},
};

const SIZE: ThumbnailSize = ThumbnailSize::W480H320;
const MAX_BYTES: usize = 1024 * 1024;

fn thumbnail() -> Thumbnail {
    Thumbnail {
        stored: stored("a.jpg", &Bytes::from_static(b"new")),
        jpeg: jpeg(),
    }
}

fn hash(content: &[u8]) -> ContentHash {
    ContentHash::of(content)
}

/// An image that holds `new`, and so many calls of each kind.
fn with_calls(finds: usize, thumbnails: usize) -> TenantFixture {
    let mut fixture = TenantFixture::new();
    let images = &mut fixture.images;
    images
        .expect_find()
        .times(finds)
        .returning(|_| Ok(thumbnail().stored));
    images
        .expect_thumbnail()
        .withf(|_, size| *size == SIZE)
        .times(thumbnails)
        .returning(|_, _| Ok(thumbnail()));
    fixture
}

async fn fetch(
    listings: Arc<ListingCache>,
    tenant: &Arc<Tenant>,
    if_none_match: IfNoneMatch,
) -> Result<ThumbnailAnswer, StorageCallError> {
    fetch_with(&usecase(listings, MAX_BYTES), tenant, if_none_match).await
}

async fn fetch_with(
    usecase: &FetchThumbnail,
    tenant: &Arc<Tenant>,
    if_none_match: IfNoneMatch,
) -> Result<ThumbnailAnswer, StorageCallError> {
    let (name, request_id) = (image_name(), request_id());
    usecase
        .run(tenant, &request_id, &name, SIZE, &if_none_match)
        .await
}

fn usecase(listings: Arc<ListingCache>, max_bytes: usize) -> FetchThumbnail {
    let maker = ThumbnailMaker::of(&image_work(Arc::new(MockLedger::new())));
    FetchThumbnail::new(listings, maker, max_bytes, clock())
}

fn listings() -> Arc<ListingCache> {
    Arc::new(ListingCache::new(clock()))
}

#[tokio::test(start_paused = true)]
async fn who_holds_nothing_costs_one_call() {
    let tenant = with_calls(0, 1).build();
    let answer = fetch(listings(), &tenant, IfNoneMatch::Absent)
        .await
        .unwrap();
    assert_eq!(answer, ThumbnailAnswer::New(thumbnail()));
}

#[tokio::test(start_paused = true)]
async fn who_holds_what_is_there_costs_a_look_and_no_thumbnail() {
    for held in [
        IfNoneMatch::Any,
        IfNoneMatch::Hashes(vec![hash(b"old").to_string(), hash(b"new").to_string()]),
    ] {
        let tenant = with_calls(1, 0).build();
        let answer = fetch(listings(), &tenant, held).await.unwrap();
        assert_eq!(answer, ThumbnailAnswer::Unchanged(hash(b"new")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_saves_the_look() {
    let mut fixture = with_calls(0, 0);
    let listed = || Ok(vec![thumbnail().stored]);
    fixture.images.expect_list().times(1).returning(listed);
    let (listings, tenant) = (listings(), fixture.build());
    listings.get(&tenant, &request_id()).await.unwrap();
    let held = IfNoneMatch::Hashes(vec![hash(b"new").to_string()]);
    let answer = fetch(listings, &tenant, held).await.unwrap();
    assert_eq!(answer, ThumbnailAnswer::Unchanged(hash(b"new")));
}

#[tokio::test(start_paused = true)]
async fn an_image_that_the_listing_does_not_have_is_looked_for() {
    let mut fixture = with_calls(1, 0);
    fixture.images.expect_list().returning(|| Ok(Vec::new()));
    let (listings, tenant) = (listings(), fixture.build());
    listings.get(&tenant, &request_id()).await.unwrap();
    let answer = fetch(listings, &tenant, IfNoneMatch::Any).await.unwrap();
    assert_eq!(answer, ThumbnailAnswer::Unchanged(hash(b"new")));
}

#[tokio::test(start_paused = true)]
async fn who_holds_what_was_there_gets_what_is() {
    let tenant = with_calls(1, 1).build();
    let held = IfNoneMatch::Hashes(vec![hash(b"old").to_string()]);
    let answer = fetch(listings(), &tenant, held).await.unwrap();
    assert_eq!(answer, ThumbnailAnswer::New(thumbnail()));
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_gone_is_held_by_nobody() {
    let mut fixture = TenantFixture::new();
    let gone = |_: &ImageName| Err(ImageStoreError::NotFound);
    fixture.images.expect_find().times(1).returning(gone);
    fixture.images.expect_thumbnail().never();
    let error = fetch(listings(), &fixture.build(), IfNoneMatch::Any).await;
    assert!(error.is_err_and(|error| error.is_not_found()));
}

#[tokio::test(start_paused = true)]
async fn two_hundred_who_look_at_once_cost_what_one_costs() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let (usecase, tenant) = (usecase(listings(), MAX_BYTES), with_calls(0, 1).build());
    let all = join_all((0..200).map(|_| fetch_with(&usecase, &tenant, IfNoneMatch::Absent))).await;
    let expected = ThumbnailAnswer::New(thumbnail());
    assert!(
        all.iter()
            .all(|answer| *answer.as_ref().unwrap() == expected)
    );
    advance(Duration::from_millis(4_999)).await;
    let later = fetch_with(&usecase, &tenant, IfNoneMatch::Absent).await;
    assert_eq!(later.unwrap(), expected);
    let text = recorder.handle().render();
    for line in [
        r#"publisher_cache_requests_total{cache="thumbnail",outcome="hit"} 1"#,
        r#"publisher_cache_requests_total{cache="thumbnail",outcome="miss"} 200"#,
        r#"publisher_cache_entries{cache="thumbnail"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_crowd_that_holds_it_costs_one_look() {
    let (usecase, tenant) = (usecase(listings(), MAX_BYTES), with_calls(1, 0).build());
    let all = join_all((0..200).map(|_| fetch_with(&usecase, &tenant, IfNoneMatch::Any))).await;
    let unchanged = ThumbnailAnswer::Unchanged(hash(b"new"));
    assert!(
        all.iter()
            .all(|answer| *answer.as_ref().unwrap() == unchanged)
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shared_by_those_who_wait_and_not_kept() {
    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_thumbnail()
        .times(2)
        .returning(|_, _| Err(ImageStoreError::NoThumbnail));
    let (usecase, tenant) = (usecase(listings(), MAX_BYTES), fixture.build());
    for _ in 0..2 {
        let all =
            join_all((0..50).map(|_| fetch_with(&usecase, &tenant, IfNoneMatch::Absent))).await;
        assert!(all.iter().all(Result::is_err));
    }
}

#[tokio::test(start_paused = true)]
async fn a_kept_thumbnail_costs_a_look_every_five_seconds_and_is_not_made_again() {
    let (usecase, tenant) = (usecase(listings(), MAX_BYTES), with_calls(3, 1).build());
    for _ in 0..4 {
        for _ in 0..5 {
            fetch_with(&usecase, &tenant, IfNoneMatch::Absent)
                .await
                .unwrap();
        }
        advance(Duration::from_secs(5)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_replaced_image_is_shown_after_five_seconds_at_the_latest() {
    let mut fixture = TenantFixture::new();
    let images = &mut fixture.images;
    let replaced = || Thumbnail {
        stored: stored("a.jpg", &Bytes::from_static(b"newer")),
        jpeg: jpeg(),
    };
    let mut calls = mockall::Sequence::new();
    images
        .expect_thumbnail()
        .times(1)
        .in_sequence(&mut calls)
        .returning(|_, _| Ok(thumbnail()));
    images
        .expect_find()
        .times(1)
        .in_sequence(&mut calls)
        .returning(move |_| Ok(replaced().stored));
    images
        .expect_thumbnail()
        .times(1)
        .in_sequence(&mut calls)
        .returning(move |_, _| Ok(replaced()));
    let (usecase, tenant) = (usecase(listings(), MAX_BYTES), fixture.build());
    fetch_with(&usecase, &tenant, IfNoneMatch::Absent)
        .await
        .unwrap();
    advance(Duration::from_secs(5)).await;
    let held = IfNoneMatch::Hashes(vec![hash(b"new").to_string()]);
    let answer = fetch_with(&usecase, &tenant, held).await.unwrap();
    assert_eq!(answer, ThumbnailAnswer::New(replaced()));
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_believed_from_when_it_was_asked_for() {
    let mut fixture = TenantFixture::new();
    let images = &mut fixture.images;
    images
        .expect_thumbnail()
        .times(1)
        .returning(|_, _| Ok(thumbnail()));
    images
        .expect_find()
        .times(2)
        .returning(|_| Ok(thumbnail().stored));
    let (listings, tenant) = (listings(), fixture.build());
    let usecase = usecase(listings, MAX_BYTES);
    fetch_with(&usecase, &tenant, IfNoneMatch::Any)
        .await
        .unwrap();
    advance(Duration::from_secs(4)).await;
    fetch_with(&usecase, &tenant, IfNoneMatch::Absent)
        .await
        .unwrap();
    advance(Duration::from_secs(5)).await;
    fetch_with(&usecase, &tenant, IfNoneMatch::Any)
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_move_makes_storage_be_asked_again_and_the_picture_stays() {
    let mut fixture = with_calls(0, 2);
    fixture
        .images
        .expect_move_to()
        .times(1)
        .returning(|_, _, _, _| Ok(moved("b.jpg")));
    let (usecase, tenant) = (usecase(listings(), MAX_BYTES), fixture.build());
    fetch_with(&usecase, &tenant, IfNoneMatch::Absent)
        .await
        .unwrap();
    let request_id = request_id();
    let images = tenant.images(&request_id);
    images
        .move_to(&thumbnail().stored, &[], Folder::Keep, IfTaken::Rename)
        .await
        .unwrap();
    fetch_with(&usecase, &tenant, IfNoneMatch::Absent)
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn another_tenant_and_another_size_are_another_thumbnail() {
    let usecase = usecase(listings(), MAX_BYTES);
    for tenant in [with_calls(0, 1).build(), with_calls(0, 1).build_as("bob")] {
        for _ in 0..3 {
            fetch_with(&usecase, &tenant, IfNoneMatch::Absent)
                .await
                .unwrap();
        }
    }
    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_thumbnail()
        .times(5)
        .returning(|_, _| Ok(thumbnail()));
    let (tenant, request_id, name) = (fixture.build(), request_id(), image_name());
    let usecase = self::usecase(listings(), MAX_BYTES);
    for size in ThumbnailSize::ALL.into_iter().chain(ThumbnailSize::ALL) {
        let nothing = &IfNoneMatch::Absent;
        let answer = usecase.run(&tenant, &request_id, &name, size, nothing);
        answer.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn without_room_each_request_after_another_is_made_anew_and_at_once_they_share() {
    for max_bytes in [0, 100] {
        let (usecase, tenant) = (usecase(listings(), max_bytes), with_calls(0, 2).build());
        for _ in 0..2 {
            let all = join_all((0..50).map(|_| fetch_with(&usecase, &tenant, IfNoneMatch::Absent)));
            assert!(all.await.iter().all(Result::is_ok));
        }
    }
}
