use bytes::Bytes;

use super::*;
use crate::app::usecases::fixtures::{TenantFixture, clock, image_name, jpeg, request_id, stored};

const SIZE: ThumbnailSize = ThumbnailSize::W480H320;

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
    listings: Listings,
    tenant: &Tenant,
    held: Held,
) -> Result<ThumbnailAnswer, ImageStoreError> {
    let usecase = FetchThumbnail::new(Arc::new(listings));
    let (name, request_id) = (image_name(), request_id());
    usecase.run(tenant, &request_id, &name, SIZE, &held).await
}

fn listings() -> Listings {
    Listings::new(clock()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_holds_nothing_costs_one_call() {
    let tenant = with_calls(0, 1).build();
    let answer = fetch(listings(), &tenant, Held::Nothing).await.unwrap();
    assert_eq!(answer, ThumbnailAnswer::New(thumbnail()));
}

#[tokio::test(start_paused = true)]
async fn who_holds_what_is_there_costs_a_look_and_no_thumbnail() {
    for held in [
        Held::Anything,
        Held::These(vec![hash(b"old"), hash(b"new")]),
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
    listings.of(&tenant, &request_id()).await.unwrap();
    let held = Held::These(vec![hash(b"new")]);
    let answer = fetch(listings, &tenant, held).await.unwrap();
    assert_eq!(answer, ThumbnailAnswer::Unchanged(hash(b"new")));
}

#[tokio::test(start_paused = true)]
async fn an_image_that_the_listing_does_not_have_is_looked_for() {
    let mut fixture = with_calls(1, 0);
    fixture.images.expect_list().returning(|| Ok(Vec::new()));
    let (listings, tenant) = (listings(), fixture.build());
    listings.of(&tenant, &request_id()).await.unwrap();
    let answer = fetch(listings, &tenant, Held::Anything).await.unwrap();
    assert_eq!(answer, ThumbnailAnswer::Unchanged(hash(b"new")));
}

#[tokio::test(start_paused = true)]
async fn who_holds_what_was_there_gets_what_is() {
    let tenant = with_calls(1, 1).build();
    let held = Held::These(vec![hash(b"old")]);
    let answer = fetch(listings(), &tenant, held).await.unwrap();
    assert_eq!(answer, ThumbnailAnswer::New(thumbnail()));
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_gone_is_held_by_nobody() {
    let mut fixture = TenantFixture::new();
    let gone = |_: &ImageName| Err(ImageStoreError::NotFound);
    fixture.images.expect_find().times(1).returning(gone);
    fixture.images.expect_thumbnail().never();
    let error = fetch(listings(), &fixture.build(), Held::Anything).await;
    assert!(matches!(error, Err(ImageStoreError::NotFound)));
}
