//! Uploads on mocked ports, with every call counted.

use bytes::Bytes;
use mockall::Sequence;

use super::*;
use crate::{
    app::{
        runtime::spool::Spool,
        usecases::fixtures::{TenantFixture, image_name, image_work, request_id, stored},
    },
    domain::{
        content_hash::ContentHash,
        ledger::{Claim, Prior},
    },
    ports::{MockImageProcessor, MockLedger},
};

const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0 a picture";
const OLD: Bytes = Bytes::from_static(b"the picture before");

/// A processor that finds this size, if it is asked.
fn measures(sides: Result<(u32, u32), ImageProcessingError>) -> MockImageProcessor {
    let mut processor = MockImageProcessor::new();
    processor.expect_sides().times(..=1).return_const(sides);
    processor
}

async fn upload_of(
    content: &[u8],
    overwrite: bool,
    ledger: MockLedger,
    processor: MockImageProcessor,
    fixture: TenantFixture,
) -> Result<StoredUpload, UploadImageError> {
    let spool = Spool::create().await.unwrap();
    let spool = spool.append(content).await.unwrap();
    let upload = Upload {
        name: image_name(),
        file: spool.finish().await.unwrap(),
        overwrite,
    };
    let work = ImageWork {
        scaler: Arc::new(processor),
        ..image_work(Arc::new(ledger))
    };
    UploadImage::new(&work)
        .run(fixture.build(), upload, request_id())
        .await
}

async fn upload(
    overwrite: bool,
    ledger: MockLedger,
    fixture: TenantFixture,
) -> Result<StoredUpload, UploadImageError> {
    upload_of(JPEG, overwrite, ledger, measures(Ok((640, 480))), fixture).await
}

#[tokio::test]
async fn an_upload_is_put_once_and_only_where_its_name_is_free() {
    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_put()
        .times(1)
        .withf(|name, image, mode| {
            name.as_str() == "a.jpg" && image.bytes() == JPEG && *mode == PutMode::New
        })
        .returning(|_, _, _| Ok(()));
    let stored = upload(false, MockLedger::new(), fixture).await.unwrap();
    let sha256 = EncodedImage::new(Bytes::from_static(JPEG))
        .unwrap()
        .sha256();
    let expected = StoredUpload {
        name: image_name(),
        size: JPEG.len() as u64,
        sha256,
    };
    assert_eq!(stored, expected);
}

#[tokio::test]
async fn a_file_that_is_no_image_or_too_large_a_one_never_reaches_storage() {
    for (content, sides) in [
        (&b"# a sidecar"[..], Ok((640, 480))),
        (JPEG, Err(ImageProcessingError::Undecodable)),
        (JPEG, Ok((12_001, 1))),
        (JPEG, Ok((1, 12_001))),
    ] {
        let mut fixture = TenantFixture::new();
        fixture.images.expect_put().never();
        let refused = upload_of(content, false, MockLedger::new(), measures(sides), fixture).await;
        assert!(
            matches!(
                refused,
                Err(UploadImageError::Image(_) | UploadImageError::TooManyPixels { .. })
            ),
            "{sides:?}"
        );
    }
    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_put()
        .times(1)
        .returning(|_, _, _| Ok(()));
    let largest = measures(Ok((MAX_SIDE, MAX_SIDE)));
    assert!(
        upload_of(JPEG, false, MockLedger::new(), largest, fixture)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_taken_name_and_an_undecided_one_are_reported_after_one_call() {
    for (failure, is_expected) in [
        (
            ImageStoreError::NameTaken,
            (|it| matches!(it, ImageStoreError::NameTaken)) as fn(&ImageStoreError) -> bool,
        ),
        (ImageStoreError::Undecided("503".into()), |it| {
            matches!(it, ImageStoreError::Undecided(_))
        }),
    ] {
        let mut fixture = TenantFixture::new();
        let mut failure = Some(failure);
        fixture
            .images
            .expect_put()
            .times(1)
            .returning(move |_, _, _| Err(failure.take().unwrap()));
        match upload(false, MockLedger::new(), fixture).await {
            Err(UploadImageError::Storage(error)) => assert!(is_expected(&error), "{error}"),
            other => unreachable!("{other:?}"),
        }
    }
}

/// One image of the name, which is looked up once.
fn with_image() -> TenantFixture {
    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_find()
        .times(1)
        .returning(|name| Ok(stored(name.as_str(), &OLD)));
    fixture
}

#[tokio::test]
async fn an_image_is_replaced_under_its_lease() {
    for put in [Ok(()), Err(ImageStoreError::Unavailable("500".into()))] {
        let is_ok = put.is_ok();
        let (mut order, mut put) = (Sequence::new(), Some(put));
        let (mut ledger, mut fixture) = (MockLedger::new(), with_image());
        ledger
            .expect_claim()
            .times(1)
            .in_sequence(&mut order)
            .withf(|lease, _| *lease.hashes().listed() == ContentHash::of(&OLD))
            .returning(|_, _| Ok(Claim::Held(Prior::default())));
        fixture
            .images
            .expect_put()
            .times(1)
            .in_sequence(&mut order)
            .withf(|_, _, mode| *mode == PutMode::Replace)
            .returning(move |_, _, _| put.take().unwrap());
        ledger
            .expect_release()
            .times(1)
            .in_sequence(&mut order)
            .returning(|_| Ok(()));
        assert_eq!(upload(true, ledger, fixture).await.is_ok(), is_ok);
    }
}

#[tokio::test]
async fn an_image_that_is_being_published_is_not_replaced() {
    let mut ledger = MockLedger::new();
    ledger
        .expect_claim()
        .times(1)
        .returning(|_, _| Ok(Claim::HeldByOther));
    let mut fixture = with_image();
    fixture.images.expect_put().never();
    let refused = upload(true, ledger, fixture).await;
    assert!(matches!(refused, Err(UploadImageError::InProgress)));
}

#[tokio::test]
async fn where_there_is_nothing_to_replace_nothing_that_comes_meanwhile_is() {
    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_find()
        .times(1)
        .returning(|_| Err(ImageStoreError::NotFound));
    fixture
        .images
        .expect_put()
        .times(1)
        .withf(|_, _, mode| *mode == PutMode::New)
        .returning(|_, _, _| Ok(()));
    assert!(upload(true, MockLedger::new(), fixture).await.is_ok());
}
