//! Lets in as many requests at a time as there are places for, and turns the rest away at once:
//! who waits for a place would only take memory, and give up in the end.

use std::future::ready;

use futures_util::FutureExt as _;
use poem::{Endpoint, IntoResponse as _, Request, Response, Result};

use crate::{
    app::{
        http::{error::ApiError, health, problem::ProblemKind, tenant_scope},
        usecases::request_places::RequestPlaces,
    },
    domain::host::Host,
};

/// Gives each request a place, and notes its [`Host`] in the data of the request; probes need none, so that a full service is not taken for a dead
/// one.
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

    fn call(&self, mut request: Request) -> impl Future<Output = Result<Response>> + Send {
        let place = if health::PATHS.contains(&request.uri().path()) {
            None
        } else {
            let host = tenant_scope::host_of(request.headers());
            let host = host.and_then(|host| Host::normalise_any(host).ok());
            let Some(place) = self.places.take(host.as_ref()) else {
                return ready(Err(full().into())).left_future();
            };
            if let Some(host) = host {
                request.set_data(host);
            }
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
