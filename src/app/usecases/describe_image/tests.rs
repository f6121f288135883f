use super::*;
use crate::{
    app::usecases::fixtures::{self, TenantFixture, clock, image_name, request_id, stored},
    domain::{secret::Secret, sidecar::SidecarName},
    ports::{ImageStoreError, LinkedImage},
};
use futures_util::future::join_all;
use tokio::time::advance;

fn with_link() -> TenantFixture {
    with_links(1)
}

fn with_links(times: usize) -> TenantFixture {
    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_temporary_link()
        .times(times)
        .returning(|name| {
            Ok(LinkedImage {
                stored: stored(name.as_str(), &bytes::Bytes::new()),
                link: Secret::new("https://storage.example/x".to_owned()),
            })
        });
    fixture
}

fn usecase() -> (Arc<ListingCache>, DescribeImage) {
    let listings = Arc::new(ListingCache::new(clock()));
    let describe = DescribeImage::new(Arc::clone(&listings), clock());
    (listings, describe)
}

async fn describe(fixture: TenantFixture) -> Result<Arc<ImageDetails>, StorageCallError> {
    let (tenant, request_id, name) = (fixture.build(), request_id(), image_name());
    usecase().1.run(&tenant, &request_id, &name).await
}

#[tokio::test]
async fn an_image_comes_with_its_sidecar_and_is_not_downloaded() {
    let text = b"words\n\n# ---\n# image_file: a.jpg\n# caption: c\n";
    let of_another = b"\n\n# ---\n# image_file: a.png\n# caption: c\n";
    for (file, found) in [
        (
            Some(&text[..]),
            FoundSidecar::There(Sidecar::parse(text).unwrap()),
        ),
        (Some(&of_another[..]), FoundSidecar::NotThere),
        (Some(&b"By hand"[..]), FoundSidecar::NotThere),
        (Some(&b"\xff\xfe"[..]), FoundSidecar::NotThere),
        (None, FoundSidecar::NotThere),
    ] {
        let mut fixture = with_link();
        let file = file.map(bytes::Bytes::from_static);
        let images = &mut fixture.images;
        images
            .expect_read_sidecar()
            .times(2)
            .returning(move |_, name| {
                let there = file.clone().filter(|_| name == SidecarName::Stem);
                Ok(there.map_or(SidecarFile::Missing, fixtures::found))
            });
        images.expect_fetch().never();
        let details = describe(fixture).await.unwrap();
        assert_eq!(details.sidecar, found);
    }
}

#[tokio::test]
async fn a_sidecar_that_cannot_be_had_does_not_hide_the_image() {
    let mut fixture = with_link();
    let failure = || Err(ImageStoreError::Unavailable("500".into()));
    fixture
        .images
        .expect_read_sidecar()
        .returning(move |_, _| failure());
    let details = describe(fixture).await.unwrap();
    assert_eq!(details.sidecar, FoundSidecar::Unknown);
}

#[tokio::test]
async fn an_image_that_is_gone_is_not_found_whatever_its_sidecar_says() {
    let mut fixture = TenantFixture::new();
    let gone = |_: &ImageName| Err(ImageStoreError::NotFound);
    fixture
        .images
        .expect_temporary_link()
        .times(1)
        .returning(gone);
    fixture
        .images
        .expect_read_sidecar()
        .returning(|_, _| Ok(SidecarFile::Missing));
    let error = describe(fixture).await;
    assert!(error.is_err_and(|error| error.is_not_found()));
}

/// An image without a sidecar whose storage is asked so many times.
fn asked(times: usize) -> TenantFixture {
    let mut fixture = with_links(times);
    let missing = |_: &ImageName, _| Ok(SidecarFile::Missing);
    let images = &mut fixture.images;
    images
        .expect_read_sidecar()
        .times(2 * times)
        .returning(missing);
    fixture
}

#[tokio::test(start_paused = true)]
async fn two_hundred_who_look_at_once_cost_what_one_costs() {
    let ((_, describe), tenant) = (usecase(), asked(1).build());
    let (request_id, name) = (request_id(), image_name());
    let all = join_all((0..200).map(|_| describe.run(&tenant, &request_id, &name))).await;
    assert!(all.iter().all(Result::is_ok));
    advance(Duration::from_millis(4_999)).await;
    assert!(describe.run(&tenant, &request_id, &name).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn without_a_listing_an_image_is_described_anew_after_five_seconds() {
    let ((_, describe), tenant) = (usecase(), asked(2).build());
    for _ in 0..2 {
        let (request_id, name) = (request_id(), image_name());
        describe.run(&tenant, &request_id, &name).await.unwrap();
        advance(FRESH).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_names_the_same_revision_keeps_a_description_and_another_one_ends_it() {
    for (revision, times) in [("rev1", 1), ("rev2", 2)] {
        let mut fixture = asked(times);
        fixture.images.expect_list().times(1).returning(move || {
            let mut image = stored("a.jpg", &bytes::Bytes::new());
            image.revision = revision.to_owned();
            Ok(vec![image])
        });
        let ((listings, describe), tenant) = (usecase(), fixture.build());
        let (request_id, name) = (request_id(), image_name());
        describe.run(&tenant, &request_id, &name).await.unwrap();
        advance(2 * FRESH).await;
        listings.get(&tenant, &request_id).await.unwrap();
        describe.run(&tenant, &request_id, &name).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_link_is_kept_for_a_minute_at_most() {
    let mut fixture = asked(2);
    let listed = || Ok(vec![stored("a.jpg", &bytes::Bytes::new())]);
    fixture.images.expect_list().returning(listed);
    let ((listings, describe), tenant) = (usecase(), fixture.build());
    let (request_id, name) = (request_id(), image_name());
    for _ in 0..20 {
        listings.get(&tenant, &request_id).await.unwrap();
        describe.run(&tenant, &request_id, &name).await.unwrap();
        advance(Duration::from_secs(4)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_this_service_changes_is_seen_at_once() {
    let mut fixture = asked(3);
    let images = &mut fixture.images;
    images
        .expect_write_sidecar()
        .times(1)
        .returning(|_, _, _, _| Ok(()));
    images.expect_delete().times(1).returning(|_, _| Ok(()));
    let ((_, describe), tenant) = (usecase(), fixture.build());
    let (request_id, name) = (request_id(), image_name());
    describe.run(&tenant, &request_id, &name).await.unwrap();
    let images = tenant.images(&request_id);
    let nothing = crate::ports::FoundFile::Nothing;
    let written = images.write_sidecar(&name, SidecarName::Full, b"x", &nothing);
    written.await.unwrap();
    describe.run(&tenant, &request_id, &name).await.unwrap();
    images.delete(&name, &[]).await.unwrap();
    describe.run(&tenant, &request_id, &name).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_that_could_not_be_had_is_asked_for_again() {
    let mut fixture = with_links(2);
    fixture
        .images
        .expect_read_sidecar()
        .times(2..=4)
        .returning(|_, _| Err(ImageStoreError::Unavailable("500".into())));
    let ((_, describe), tenant) = (usecase(), fixture.build());
    for _ in 0..2 {
        let (request_id, name) = (request_id(), image_name());
        let details = describe.run(&tenant, &request_id, &name).await.unwrap();
        assert_eq!(details.sidecar, FoundSidecar::Unknown);
    }
}

#[tokio::test(start_paused = true)]
async fn another_tenant_is_another_image() {
    let (_, describe) = usecase();
    for tenant in [asked(1).build(), asked(1).build()] {
        let (request_id, name) = (request_id(), image_name());
        describe.run(&tenant, &request_id, &name).await.unwrap();
    }
}
