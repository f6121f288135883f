//! Lets in as many requests at a time as there are places for, and turns the rest away at once:
//! who waits for a place would only take memory, and give up in the end.

use std::future::ready;

use futures_util::FutureExt as _;
use poem::{Endpoint, IntoResponse as _, Request, Response, Result};

use crate::app::{
    http::{error::ApiError, health, problem::ProblemKind, request_facts::RequestFacts},
    usecases::request_places::RequestPlaces,
};

/// Gives each request a place; probes need none, so that a full service is not taken for a dead one.
pub(in crate::app::http) struct Admission<E> {
    inner: E,
    places: RequestPlaces,
}

impl<E> Admission<E> {
    /// Wraps an endpoint that has `places`.
    pub(in crate::app::http) fn new(inner: E, places: RequestPlaces) -> Self {
        Self { inner, places }
    }
}

impl<E: Endpoint> Endpoint for Admission<E> {
    type Output = Response;

    fn call(&self, request: Request) -> impl Future<Output = Result<Response>> + Send {
        let place = if health::PATHS.contains(&request.uri().path()) {
            None
        } else {
            let facts = request.data::<RequestFacts>();
            let host = facts.and_then(|facts| facts.host.as_ref());
            let Some(place) = self.places.take(host) else {
                return ready(Err(full().into())).left_future();
            };
            Some(place)
        };
        let answered = self.inner.call(request).map(|answer| {
            drop(place);
            Ok(answer?.into_response())
        });
        answered.right_future()
    }
}

fn full() -> ApiError {
    let detail = "As many requests are being answered as may be at a time.";
    ApiError::new(ProblemKind::Overloaded, detail)
}
