use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
};

use futures_util::future::join_all;

use super::*;
use crate::{
    app::usecases::fixtures::{TenantFixture, clock, request_id, stored},
    domain::{image::ImageName, secret::Secret},
    ports::{ImageStoreError, LinkedImage, MockImageStore},
};

const NOTHING: bytes::Bytes = bytes::Bytes::new();

fn draws() -> RandomImage {
    let listings = Arc::new(ListingCache::new(clock()));
    let next = AtomicU64::new(0);
    let rng = Arc::new(move || next.fetch_add(7, Ordering::SeqCst));
    draw_of(listings, rng)
}

fn draw_of(listings: Arc<ListingCache>, rng: Rng) -> RandomImage {
    let describe = DescribeImage::new(Arc::clone(&listings), clock());
    RandomImage::new(listings, describe, clock(), rng)
}

fn linked(name: &ImageName) -> LinkedImage {
    LinkedImage {
        stored: stored(name.as_str(), &NOTHING),
        link: Secret::new(format!("https://storage.example/{name}")),
    }
}

fn listing(images: &mut MockImageStore, names: &'static [&str]) {
    let all = move || Ok(names.iter().map(|name| stored(name, &NOTHING)).collect());
    images.expect_list().returning(all);
    images
        .expect_read_sidecar()
        .returning(|_, _| Ok(crate::ports::SidecarFile::Missing));
}

fn name(drawn: Result<Arc<ImageDetails>, RandomImageError>) -> String {
    drawn.unwrap().image.stored.name.to_string()
}

#[tokio::test(start_paused = true)]
async fn all_images_come_once_before_one_comes_again_also_when_many_ask_at_once() {
    let mut fixture = TenantFixture::new();
    listing(&mut fixture.images, &["a.jpg", "b.jpg", "c.jpg", "d.jpg"]);
    fixture
        .images
        .expect_temporary_link()
        .times(4)
        .returning(|name| Ok(linked(name)));
    let (draws, tenant, request_id) = (draws(), fixture.build(), request_id());
    for _ in 0..3 {
        let round = join_all((0..4).map(|_| draws.run(&tenant, &request_id))).await;
        let names: BTreeSet<_> = round.into_iter().map(name).collect();
        assert_eq!(names.len(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_has_vanished_is_passed_over_without_another_listing() {
    let mut fixture = TenantFixture::new();
    let images = &mut fixture.images;
    let all = || Ok(["a.jpg", "b.jpg"].map(|name| stored(name, &NOTHING)).into());
    images.expect_list().times(1).returning(all);
    images
        .expect_read_sidecar()
        .returning(|_, _| Ok(crate::ports::SidecarFile::Missing));
    images
        .expect_temporary_link()
        .times(2)
        .returning(|name| match name.as_str() {
            "a.jpg" => Err(ImageStoreError::NotFound),
            _ => Ok(linked(name)),
        });
    let drawn = draws().run(&fixture.build(), &request_id()).await;
    assert_eq!(name(drawn), "b.jpg");
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_is_not_what_it_says_is_not_asked_for_ever() {
    let mut fixture = TenantFixture::new();
    let names = &["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg", "f.jpg"];
    listing(&mut fixture.images, names);
    let gone = |_: &ImageName| Err(ImageStoreError::NotFound);
    fixture
        .images
        .expect_temporary_link()
        .times(5)
        .returning(gone);
    let drawn = draws().run(&fixture.build(), &request_id()).await;
    assert!(matches!(drawn, Err(RandomImageError::NoImage)));
}

#[tokio::test(start_paused = true)]
async fn an_image_that_could_not_be_shown_comes_again() {
    let mut fixture = TenantFixture::new();
    listing(&mut fixture.images, &["a.jpg", "b.jpg"]);
    let images = &mut fixture.images;
    let mut calls = mockall::Sequence::new();
    let failure = |_: &ImageName| Err(ImageStoreError::Timeout("no answer".into()));
    images
        .expect_temporary_link()
        .times(1)
        .in_sequence(&mut calls)
        .returning(failure);
    images
        .expect_temporary_link()
        .times(2)
        .in_sequence(&mut calls)
        .returning(|name| Ok(linked(name)));
    let (draws, tenant, request_id) = (draws(), fixture.build(), request_id());
    let failed = draws.run(&tenant, &request_id).await;
    assert!(matches!(failed, Err(RandomImageError::Storage(_))));
    let mut names = BTreeSet::new();
    for _ in 0..2 {
        names.insert(name(draws.run(&tenant, &request_id).await));
    }
    assert_eq!(names.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn where_no_image_is_none_is_drawn_and_storage_is_not_asked_for_one() {
    let mut fixture = TenantFixture::new();
    listing(&mut fixture.images, &[]);
    fixture.images.expect_temporary_link().never();
    let drawn = draws().run(&fixture.build(), &request_id()).await;
    assert!(matches!(drawn, Err(RandomImageError::NoImage)));
}

#[tokio::test(start_paused = true)]
async fn two_folders_of_one_tenant_are_drawn_from_each_for_itself() {
    const NAMES: &[&str] = &["a.jpg", "b.jpg", "c.jpg", "d.jpg"];
    let tenant = |pointer: &str, value: &str| {
        let mut fixture = TenantFixture::new();
        *fixture.document.pointer_mut(pointer).unwrap() = value.into();
        listing(&mut fixture.images, NAMES);
        fixture
            .images
            .expect_temporary_link()
            .times(4)
            .returning(|name| Ok(linked(name)));
        fixture.build()
    };
    for (pointer, value) in [
        ("/storage/paths/root", "/other"),
        ("/storage/credentials_ref", "ref-other"),
    ] {
        let draws = draw_of(Arc::new(ListingCache::new(clock())), Arc::new(|| 0));
        let tenants = [
            tenant("/storage/paths/root", "/photos"),
            tenant(pointer, value),
        ];
        assert_eq!(tenants[0].name(), tenants[1].name());
        let mut seen = [BTreeSet::new(), BTreeSet::new()];
        for _ in NAMES {
            for (tenant, seen) in tenants.iter().zip(&mut seen) {
                seen.insert(name(draws.run(tenant, &request_id()).await));
            }
        }
        for names in seen {
            assert_eq!(names.len(), NAMES.len(), "{pointer}: {names:?}");
        }
    }
}
