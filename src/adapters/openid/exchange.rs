//! The library's requests, sent as all others of this service are.

use futures_util::{FutureExt as _, future::BoxFuture};
use openidconnect::{HttpRequest, HttpResponse, http};
use reqwest::{Client, RequestBuilder};
use serde_json::{Map, Value};
use url::Url;

use super::failure::Failure;
use crate::{adapters::upstream, domain::host::is_loopback};

/// The largest answer that is read, in bytes (1 MiB): some providers have dozens of keys, each with its certificates.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Sends the library's requests.
#[derive(Clone)]
pub(super) struct Exchange {
    pub(super) http: Client,
    /// Whether addresses on this machine are asked.
    pub(super) may_be_local: bool,
    /// The fields of the answers that count; `None`: all.
    pub(super) fields: Option<&'static [&'static str]>,
}

impl Exchange {
    /// The same for answers of which only these fields count.
    pub(super) fn of(&self, fields: &'static [&'static str]) -> Self {
        Self {
            fields: Some(fields),
            ..self.clone()
        }
    }

    /// As the library has it. Boxed, since what the library makes of a future that borrows cannot be sent to other threads.
    pub(super) fn fetch(
        &self,
    ) -> impl Fn(HttpRequest) -> BoxFuture<'static, Result<HttpResponse, Failure>> + Send + Sync + 'static
    {
        let exchange = self.clone();
        move |request| exchange.clone().run(request).boxed()
    }

    /// Sends a request, and reads the whole answer. Redirects are not followed.
    ///
    /// # Errors
    /// [`Failure::NotSent`], [`Failure::Lost`] and [`Failure::Provider`]; [`Failure::Status`] where the provider is not at work,
    /// and the library would look for words of its protocol.
    async fn run(self, request: HttpRequest) -> Result<HttpResponse, Failure> {
        let request = reqwest::Request::try_from(request).map_err(|_| Failure::Unsendable)?;
        check(request.url(), self.may_be_local)?;
        let request = RequestBuilder::from_parts(self.http, request);
        let response = upstream::send(request).await.map_err(|error| {
            let why = upstream::cause(&error, SETTING).to_string();
            if upstream::failed_before_sending(&error) {
                Failure::NotSent(why)
            } else {
                Failure::Lost(why)
            }
        })?;
        let status = response.status();
        if status.is_server_error() || status.as_u16() == 429 {
            return Err(Failure::Status(status.as_u16()));
        }
        let mut answer = http::Response::builder().status(status);
        if let Some(headers) = answer.headers_mut() {
            headers.clone_from(response.headers());
        }
        let body = upstream::bounded_body(response, MAX_ANSWER_BYTES).await;
        let body =
            body.map_err(|error| Failure::Lost(upstream::cause(&error, SETTING).to_string()))?;
        let body = body.ok_or(Failure::Provider("its answer is too long"))?;
        let body = match self.fields {
            Some(fields) => only(fields, &body),
            None => body.into(),
        };
        answer.body(body).map_err(|_| Failure::Unsendable)
    }
}

/// An answer with these fields alone: the library refuses it for any other that is not as the standard has it, such as an
/// `expires_in` that is a text. What is no object is left as it is.
fn only(fields: &[&str], body: &[u8]) -> Vec<u8> {
    let answer = serde_json::from_slice::<Map<String, Value>>(body);
    let kept = answer.map(|mut answer| {
        answer.retain(|name, _| fields.contains(&name.as_str()));
        serde_json::to_vec(&answer).unwrap_or_default()
    });
    kept.unwrap_or_else(|_| body.to_vec())
}

/// The setting that says where requests go, for advice.
const SETTING: &str = "OIDC_ISSUER_URL, or AUTH0_DOMAIN";

/// Whether an address that the provider names may be called: by https, or on this machine if the provider is there.
///
/// # Errors
/// [`Failure::Provider`].
pub(super) fn check(address: &Url, may_be_local: bool) -> Result<(), Failure> {
    let is_local = || address.host_str().is_some_and(is_loopback);
    match address.scheme() {
        "https" if may_be_local || !is_local() => Ok(()),
        "http" if may_be_local && is_local() => Ok(()),
        _ => Err(Failure::Provider("it names an address that is not https")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_elsewhere_names_no_address_here_and_none_without_tls() {
        for (address, by_one_elsewhere, by_a_local_one) in [
            ("https://issuer.example/token", true, true),
            ("http://issuer.example/token", false, false),
            ("http://127.0.0.1:1/token", false, true),
            ("https://127.0.0.1:1/token", false, true),
            ("http://localhost/token", false, true),
            ("ftp://127.0.0.1/token", false, false),
            ("javascript:alert(1)", false, false),
        ] {
            let url = Url::parse(address).unwrap();
            assert_eq!(check(&url, false).is_ok(), by_one_elsewhere, "{address}");
            assert_eq!(check(&url, true).is_ok(), by_a_local_one, "{address}");
        }
    }
}
