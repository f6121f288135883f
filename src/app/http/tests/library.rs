//! The library: uploading, deleting, moving.

mod listing;

use poem::{Body, Endpoint as _, Request, http::Method};
use serde_json::{Value, json};

use super::{
    Answer, Service,
    harness::{HOST, MAX_UPLOAD, SMALL_JPEG, TOKEN, file, form, get, stored},
};
use crate::{
    app::usecases::fixtures::moved,
    domain::ledger::Claim,
    ports::{ImageStoreError, MockLedger, PutMode, SidecarFile},
};

const UPLOAD: &str = "/api/library/upload";

fn as_admin(method: Method, path: &str) -> poem::RequestBuilder {
    Request::builder()
        .method(method)
        .uri_str(path)
        .header("host", HOST)
        .header("authorization", format!("Bearer {TOKEN}"))
}

fn list(query: &str) -> Request {
    as_admin(Method::GET, &format!("/api/library/objects?{query}")).finish()
}

fn upload_to(path: &str, body: Vec<u8>) -> Request {
    as_admin(Method::POST, path)
        .content_type("multipart/form-data; boundary=line")
        .body(Body::from_vec(body))
}

fn upload(name: &str, content: &[u8]) -> Request {
    upload_to(UPLOAD, form(&[file(name, content)]))
}

fn move_image(name: &str, body: &Value) -> Request {
    as_admin(Method::POST, &format!("/api/library/objects/{name}/move"))
        .content_type("application/json")
        .body(Body::from_string(body.to_string()))
}

fn delete(name: &str) -> Request {
    as_admin(Method::DELETE, &format!("/api/library/objects/{name}")).finish()
}

/// A service whose storage may only be asked for `put`s, and takes so many.
fn puts(times: usize, mode: PutMode) -> Service {
    let mut service = Service::new();
    service
        .images
        .expect_put()
        .times(times)
        .withf(move |_, _, given| *given == mode)
        .returning(|_, _, _| Ok(()));
    service
}

#[tokio::test]
async fn an_upload_is_stored_under_its_last_component() {
    let answer = puts(1, PutMode::New)
        .answer(upload(r"C:\Photos\cafe.jpg", &SMALL_JPEG))
        .await;
    let uploaded = answer.json();
    assert_eq!(
        (answer.status.as_u16(), &uploaded["key"]),
        (200, &json!("cafe.jpg"))
    );
    assert_eq!(uploaded["size"], SMALL_JPEG.len());
}

#[tokio::test]
async fn nobody_but_an_admin_gets_anywhere_and_no_body_is_read_for_others() {
    let requests = [
        list(""),
        upload("a.jpg", &SMALL_JPEG),
        delete("a.jpg"),
        move_image("a.jpg", &json!({"target_folder": "keep"})),
    ];
    for mut request in requests {
        request.headers_mut().remove("authorization");
        if request.uri().path() == UPLOAD {
            let never = futures_util::stream::pending::<std::io::Result<bytes::Bytes>>();
            request.set_body(Body::from_bytes_stream(never));
        }
        let answer = Service::new().open_to_viewers().answer(request).await;
        answer.problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn a_tenant_without_a_library_has_none_of_its_paths() {
    for request in [
        list(""),
        upload("a.jpg", &SMALL_JPEG),
        delete("a.jpg"),
        move_image("a.jpg", &json!({"target_folder": "keep"})),
    ] {
        let mut service = Service::new();
        service.document["features"]["library_enabled"] = false.into();
        service.answer(request).await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn what_is_no_image_of_its_ending_is_unsupported_and_never_stored() {
    let mut broken = SMALL_JPEG;
    broken[3] = 0xE0; // the frame's header
    let mut wide = SMALL_JPEG;
    wide[9..11].copy_from_slice(&12_001_u16.to_be_bytes());
    let mut tall = SMALL_JPEG;
    tall[7..9].copy_from_slice(&12_001_u16.to_be_bytes());
    for (name, content) in [
        ("x.txt", &SMALL_JPEG[..]),
        ("x.png", &SMALL_JPEG),
        ("x.jpg", b"# a sidecar"),
        ("x.jpg", &broken),
        ("x.jpg", &wide),
        ("x.jpg", &tall),
    ] {
        let answer = Service::new().answer(upload(name, content)).await;
        answer.problem(415, "unsupported-media-type");
    }
    let mut widest = SMALL_JPEG;
    widest[9..11].copy_from_slice(&12_000_u16.to_be_bytes());
    let answer = puts(1, PutMode::New).answer(upload("x.jpg", &widest)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn a_bad_form_or_name_is_refused_and_never_stored() {
    let whole = form(&[file("a.jpg", &SMALL_JPEG)]);
    let cut = whole[..whole.len() - 4].to_vec();
    for body in [
        cut,
        form(&[]),
        form(&[file(".a.jpg", &SMALL_JPEG)]),
        Vec::new(),
    ] {
        let answer = Service::new().answer(upload_to(UPLOAD, body)).await;
        answer.problem(400, "invalid-request");
    }
    let answer = Service::new()
        .answer(upload("a\u{202E}gpj.jpg", &SMALL_JPEG))
        .await;
    assert_eq!(answer.bad_fields(), ["file"]);
}

#[tokio::test]
async fn uploads_have_a_limit_of_their_own_and_other_bodies_keep_theirs() {
    let length = usize::try_from(MAX_UPLOAD).unwrap();
    let mut largest = SMALL_JPEG.to_vec();
    largest.resize(length - 2, 0);
    largest.extend([0xFF, 0xD9]);
    let answer = puts(1, PutMode::New)
        .answer(upload("a.jpg", &largest))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    largest.push(0);
    let answer = Service::new().answer(upload("a.jpg", &largest)).await;
    answer.problem(413, "payload-too-large");
    let mut large = move_image("a.jpg", &json!({}));
    large.set_body(vec![b' '; 64 * 1024 + 1]);
    Service::new()
        .answer(large)
        .await
        .problem(413, "payload-too-large");
}

#[tokio::test]
async fn a_taken_name_is_a_conflict_unless_it_may_be_overwritten() {
    let mut service = Service::new();
    service
        .images
        .expect_put()
        .times(1)
        .returning(|_, _, _| Err(ImageStoreError::NameTaken));
    let answer = service.answer(upload("a.jpg", &SMALL_JPEG)).await;
    answer.problem(409, "conflict");

    let mut service = puts(1, PutMode::Replace);
    service
        .images
        .expect_find()
        .returning(|name| Ok(stored(name.as_str())));
    let path = format!("{UPLOAD}?overwrite=true");
    let replace = upload_to(&path, form(&[file("a.jpg", &SMALL_JPEG)]));
    assert_eq!(service.answer(replace).await.status, 200);
}

#[tokio::test]
async fn where_storage_does_not_decide_nothing_is_said_to_be_stored() {
    let mut service = Service::new();
    service
        .images
        .expect_put()
        .times(1)
        .returning(|_, _, _| Err(ImageStoreError::Undecided("503".into())));
    let answer = service.answer(upload("a.jpg", &SMALL_JPEG)).await;
    answer.problem(503, "feature-unavailable");
}

#[tokio::test]
async fn the_eleventh_upload_of_a_minute_is_one_too_many() {
    let routes = puts(10, PutMode::New).routes();
    for _ in 0..10 {
        let answer = routes.get_response(upload("a.jpg", &SMALL_JPEG)).await;
        assert_eq!(answer.status(), 200);
    }
    let answer = Answer::of(routes.get_response(upload("a.jpg", &SMALL_JPEG)).await).await;
    answer.problem(429, "rate-limited");
    assert_eq!(answer.header("retry-after"), Some("60"));
}

#[tokio::test]
async fn an_upload_that_is_arriving_takes_no_permit_from_other_requests() {
    let routes = Service::new().routes();
    let mut arriving = upload("a.jpg", &SMALL_JPEG);
    let never = futures_util::stream::pending::<std::io::Result<bytes::Bytes>>();
    arriving.set_body(Body::from_bytes_stream(never));
    let mut arriving = Box::pin(routes.get_response(arriving));
    assert!(futures_util::poll!(&mut arriving).is_pending());
    // The service of these tests answers one request at a time.
    let answer = routes.get_response(get("/api/config/features")).await;
    assert_eq!(answer.status(), 200);
}

/// One image, with the lease on it.
fn with_image() -> Service {
    let mut service = Service::new();
    service.document["features"]["delete_enabled"] = true.into();
    service
        .images
        .expect_find()
        .returning(|name| Ok(stored(name.as_str())));
    service
        .images
        .expect_read_sidecar()
        .returning(|_, _| Ok(SidecarFile::Missing));
    service
}

#[tokio::test]
async fn an_image_is_deleted_only_where_that_is_on() {
    let mut service = with_image();
    service
        .images
        .expect_delete()
        .times(1)
        .returning(|_, _| Ok(()));
    let answer = service.answer(delete("a.jpg")).await;
    assert_eq!(
        answer.json(),
        json!({"deleted": true, "sidecar_deleted": false})
    );

    let mut service = with_image();
    service.document["features"]["delete_enabled"] = false.into();
    service
        .answer(delete("a.jpg"))
        .await
        .problem(403, "feature-disabled");
}

#[tokio::test]
async fn an_image_moves_between_folders_and_not_onto_itself() {
    let mut service = with_image();
    service
        .images
        .expect_move_to()
        .times(1)
        .returning(|_, _, _, _| Ok(moved("a.jpg")));
    let answer = service
        .answer(move_image("a.jpg", &json!({"target_folder": "keep"})))
        .await;
    let expected = json!({"moved": true, "destination": "keep", "warnings": []});
    assert_eq!(answer.json(), expected);

    for (body, field) in [
        (json!({"target_folder": "root"}), "target_folder"),
        (
            json!({"target_folder": "keep", "source_folder": "keep"}),
            "target_folder",
        ),
        (json!({"target_folder": "elsewhere"}), "target_folder"),
        (
            json!({"target_folder": "keep", "source_folder": ""}),
            "source_folder",
        ),
        (json!({}), "target_folder"),
        (json!({"target_folder": "keep", "to": "keep"}), "to"),
    ] {
        let answer = Service::new().answer(move_image("a.jpg", &body)).await;
        assert_eq!(answer.bad_fields(), [field], "{body}");
    }
}

#[tokio::test]
async fn a_taken_name_and_an_image_that_is_being_published_are_conflicts() {
    let mut taken = with_image();
    taken
        .images
        .expect_move_to()
        .times(1)
        .returning(|_, _, _, _| Err(ImageStoreError::NameTaken));
    let to_keep = || move_image("a.jpg", &json!({"target_folder": "keep"}));
    taken.answer(to_keep()).await.problem(409, "conflict");

    for request in [to_keep(), delete("a.jpg")] {
        let mut ledger = MockLedger::new();
        ledger
            .expect_claim()
            .returning(|_, _| Ok(Claim::HeldByOther));
        let mut service = with_image();
        service.ledger = Some(ledger);
        service.answer(request).await.problem(409, "conflict");
    }
}
