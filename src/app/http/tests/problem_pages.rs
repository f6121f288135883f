//! What each kind of problem means, at its URI.

use super::{
    Service,
    harness::{at, get},
};
use crate::app::http::problem::ProblemKind;
use poem::{Endpoint as _, http::HeaderValue};

#[tokio::test]
async fn the_uri_of_every_kind_tells_programs_people_and_terminals_what_it_means() {
    let routes = Service::new().routes();
    for kind in ProblemKind::ALL {
        for (accept, media_type) in [
            ("*/*", "application/json; charset=utf-8"),
            (
                "text/html,application/xml;q=0.9,*/*;q=0.8",
                "text/html; charset=utf-8",
            ),
            ("text/markdown", "text/markdown; charset=utf-8"),
        ] {
            let mut request = at("nobody", &kind.uri());
            let accept = HeaderValue::from_static(accept);
            request.headers_mut().insert("accept", accept);
            let answer = super::Answer::of(routes.get_response(request).await).await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("content-type"), Some(media_type));
            assert_eq!(answer.header("vary"), Some("Accept"));
            assert!(answer.body.contains(&kind.uri()), "{kind:?} {media_type}");
            assert!(answer.body.contains(kind.title()));
            assert!(answer.body.contains(kind.status().as_str()));
        }
    }
}

#[tokio::test]
async fn the_page_is_html_that_reaches_nothing_outside() {
    let mut request = get("/problems/caption-required");
    let html = HeaderValue::from_static("text/html");
    request.headers_mut().insert("accept", html);
    let answer = Service::new().answer(request).await;
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let remedy =
        "Send <code>caption</code>, or <code>&quot;allow_empty_caption&quot;: true</code>.";
    assert!(answer.body.contains(remedy), "{}", answer.body);
    assert!(!answer.body.contains("://"));
}

#[tokio::test]
async fn a_kind_that_there_is_not_is_not_found() {
    for name in ["teapot", "Tenant-Not-Found", "a%2Fb", "%00"] {
        let request = get(&format!("/problems/{name}"));
        let answer = Service::new().answer(request).await;
        answer.problem(404, "not-found");
    }
    let answer = Service::new().answer(get("/problems/%FF")).await;
    assert_eq!(answer.bad_fields(), ["path"]);
}
