//! What every request and every answer has in common.

use std::io;

use bytes::Bytes;
use futures_util::stream;
use poem::{Body, Endpoint as _, Request, http::Method};

use super::{
    Answer, Service,
    harness::{HOST, get, publish},
};

fn with_method(mut request: Request, method: Method) -> Request {
    request.set_method(method);
    request
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_a_problem() {
    for path in [
        "/nowhere",
        "/assets",
        "/assets/main.js",
        "/api",
        "/api/images",
        "/health/x",
        "/api/images/a/b/publish",
    ] {
        let answer = Service::new().answer(get(path)).await;
        answer.problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_wrong_method_is_a_problem_that_names_the_right_ones() {
    for (path, method, allow) in [
        ("/health", Method::POST, "GET, HEAD"),
        ("/docs", Method::DELETE, "GET, HEAD"),
        ("/", Method::POST, "GET, HEAD"),
        ("/assets/0/main.js", Method::PUT, "GET, HEAD"),
        ("/api/config/features", Method::PUT, "GET, HEAD"),
        ("/api/images/a.jpg/publish", Method::GET, "POST"),
        ("/api/images/a.jpg/publish", Method::HEAD, "POST"),
        ("/api/images/a.jpg/publish", Method::OPTIONS, "POST"),
    ] {
        let answer = Service::new().answer(with_method(get(path), method)).await;
        answer.problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), Some(allow), "{path}");
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let head = with_method(get("/api/config/features"), Method::HEAD);
    let answer = Service::new().answer(head).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
}

#[tokio::test]
async fn a_sane_request_id_is_taken_over_and_another_is_replaced() {
    for (sent, is_taken) in [("abc-1", true), ("a b", false), ("", false), ("\"", false)] {
        let mut request = get("/health");
        request
            .headers_mut()
            .insert("x-request-id", sent.parse().unwrap());
        let answer = Service::new().answer(request).await;
        let id = answer.header("x-request-id").unwrap();
        assert_eq!(id == sent, is_taken, "{sent:?} became {id:?}");
        assert!(is_taken || id.parse::<uuid::Uuid>().is_ok(), "{id}");
    }
    let first = Service::new().answer(get("/health")).await;
    let second = Service::new().answer(get("/health")).await;
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

#[tokio::test]
async fn of_two_request_ids_neither_is_taken_over() {
    let mut request = get("/health");
    for id in ["one", "two"] {
        request
            .headers_mut()
            .append("x-request-id", id.parse().unwrap());
    }
    let answer = Service::new().answer(request).await;
    let id = answer.header("x-request-id").unwrap();
    assert!(id.parse::<uuid::Uuid>().is_ok(), "{id}");
}

#[tokio::test]
async fn every_answer_forbids_guessing_its_type_and_those_of_the_api_forbid_keeping_it() {
    for path in [
        "/health",
        "/docs",
        "/nowhere",
        "/api/config/features",
        "/api/x",
    ] {
        let answer = Service::new().answer(get(path)).await;
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        let is_kept = path == "/docs";
        assert_eq!(
            answer.header("cache-control") == Some("no-store"),
            !is_kept,
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_docs_page_may_reach_no_other_host() {
    let answer = Service::new().answer(get("/docs")).await;
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("connect-src 'self'"));
    for fetching in ["src=\"http", "href=\"http", "url(http", "@import"] {
        assert!(!answer.body.contains(fetching), "{fetching}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_a_problem() {
    for body in [
        "{",
        "nonsense",
        "[]",
        "1",
        "null",
        "\"a\"",
        "{\"caption\": \"\u{1}\"}",
    ] {
        let answer = Service::new().answer(publish("a.jpg", body)).await;
        answer.problem(400, "invalid-request");
    }
    let invalid_utf8 = Bytes::from_static(b"{\"caption\": \"\xFF\"}");
    let mut request = publish("a.jpg", "{}");
    request.set_body(invalid_utf8);
    let answer = Service::new().answer(request).await;
    answer.problem(400, "invalid-request");
}

#[tokio::test]
async fn a_body_that_is_not_declared_as_json_is_a_problem() {
    for content_type in [None, Some("text/plain"), Some("nonsense")] {
        let mut request = publish("a.jpg", "{}");
        request.headers_mut().remove("content-type");
        if let Some(content_type) = content_type {
            let value = content_type.parse().unwrap();
            request.headers_mut().insert("content-type", value);
        }
        let answer = Service::new().answer(request).await;
        answer.problem(415, "unsupported-media-type");
    }
}

/// A body of unannounced length.
fn chunked(chunks: usize, chunk: &'static [u8]) -> Body {
    let chunks = (0..chunks).map(move |_| Ok::<_, io::Error>(Bytes::from_static(chunk)));
    Body::from_bytes_stream(stream::iter(chunks))
}

#[tokio::test]
async fn a_body_is_too_large_as_soon_as_too_much_of_it_has_come() {
    // Spaces, which JSON allows for: only their number is wrong.
    let kib = &[b' '; 1024];
    let mut endless = publish("a.jpg", "{}");
    endless.set_body(chunked(usize::MAX, kib));
    let answer = Service::new().answer(endless).await;
    answer.problem(413, "payload-too-large");

    let mut announced = publish("a.jpg", "{}");
    announced.set_body(vec![b' '; 64 * 1024 + 1]);
    let answer = Service::new().answer(announced).await;
    answer.problem(413, "payload-too-large");

    let mut largest = publish("a.jpg", "{}");
    largest.set_body(chunked(64, kib));
    let answer = Service::new().answer(largest).await;
    answer.problem(400, "invalid-request");
}

#[tokio::test]
async fn headers_that_are_too_large_in_all_are_a_problem_before_anything_else() {
    const LARGEST: usize = 16 * 1024 - "host".len() - HOST.len() - "x-filler".len();
    for (length, status) in [(LARGEST, 200), (LARGEST + 1, 431)] {
        for path in ["/health", "/api/config/features"] {
            let mut request = get(path);
            let filler = "x".repeat(length).parse().unwrap();
            request.headers_mut().insert("x-filler", filler);
            let answer = Service::new().answer(request).await;
            assert_eq!(answer.status, status, "{path} {length}");
            if status == 431 {
                answer.problem(431, "headers-too-large");
            }
        }
    }
}

#[tokio::test]
async fn a_panic_is_a_problem_of_ours() {
    let mut service = Service::new().open_to_viewers();
    service.images.expect_list().returning(|| panic!("hunter2"));
    let routes = service.routes();
    let answer = Answer::of(routes.get_response(get("/api/images/list")).await).await;
    answer.problem(500, "internal");
    assert!(!answer.body.contains("hunter2"));
    let next = Answer::of(routes.get_response(get("/health")).await).await;
    assert_eq!(next.status, 200, "the service lives on");
}
