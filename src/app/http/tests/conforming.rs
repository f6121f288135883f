//! Compares every response of the tests with the spec, on its way out.

use std::sync::LazyLock;

use poem::{Endpoint, IntoResponse as _, Request, Response, Result};
use serde_json::Value;

use super::conformance::{Observed, check};
use crate::app::http::spec;

static DOCUMENT: LazyLock<Value> = LazyLock::new(spec::openapi_document);

/// Fails the test where a response does not agree with the spec.
pub(super) struct Conforming<E>(pub(super) E);

impl<E: Endpoint> Endpoint for Conforming<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let mut response = self.0.call(request).await?.into_response();
        // A stream has no end that could be waited for.
        let is_stream = response.content_type() == Some("text/event-stream");
        let stream = is_stream.then(|| response.take_body());
        let body = response.take_body().into_bytes().await.unwrap();
        let headers = response.headers();
        let header = |name: &str| Some(headers.get(name)?.to_str().unwrap().to_owned());
        let observed = Observed {
            method: Some(method.as_str()),
            path: &path,
            status: response.status().as_u16(),
            header: &header,
            body: &body,
        };
        if let Err(error) = check(&DOCUMENT, &observed) {
            let body = String::from_utf8_lossy(&body);
            panic!("{method} {path} does not agree with the spec: {error}\n{body}");
        }
        match stream {
            Some(stream) => response.set_body(stream),
            None => response.set_body(body),
        }
        Ok(response)
    }
}
