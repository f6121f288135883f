//! Export of traces by OTLP over HTTP. Used by the binary.
//!
//! The SDK batches spans and sends them from a thread of its own: a collector that is slow or away
//! costs spans, and nothing else. Requests go through the client that all upstreams are called
//! with, so that no second one comes with the exporter.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    ExporterBuildError, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::{
    Resource,
    resource::TelemetryResourceDetector,
    trace::{Sampler, SdkTracer, SdkTracerProvider},
};
use reqwest::{
    Client,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use tokio::runtime::Handle;
use url::{Url, form_urlencoded};

pub use super::upstream::UNTRACED;
use super::{
    http_client::{self, ExtraRoots, HttpSetupError},
    upstream::bounded_body,
};
use crate::domain::secret::Secret;

/// How long one export may take, and the last one at the end of the process.
const EXPORT_LIMIT: Duration = Duration::from_secs(10);
const FLUSH_LIMIT: Duration = Duration::from_secs(3);
/// The longest answer that is read, in bytes: it says which spans were refused.
const MAX_ANSWER: usize = 64 * 1024;

/// The settings of the export.
pub struct OtlpSettings {
    /// The URL of the collector.
    pub endpoint: Url,
    /// Headers for the collector; secrets, as a rule.
    pub headers: CollectorHeaders,
    /// The name of the service in traces.
    pub service_name: String,
    /// Further attributes of the service.
    pub attributes: Vec<(String, String)>,
    /// The sampler of traces.
    pub sampler: Sampler,
}

/// Headers for the collector; by default none.
#[derive(Default)]
pub struct CollectorHeaders(HeaderMap);

/// Headers as `OTEL_EXPORTER_OTLP_HEADERS` has them: `name=value,name=value`, URL-encoded. `None`
/// if they are not.
#[must_use]
pub fn headers(written: &Secret) -> Option<CollectorHeaders> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs(written.expose())? {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Some(CollectorHeaders(headers))
}

/// What is written as `name=value,name=value`, URL-encoded. `None` if it is not.
#[must_use]
pub fn pairs(written: &str) -> Option<Vec<(String, String)>> {
    let written = written.split(',').map(str::trim);
    let written = written.filter(|pair| !pair.is_empty());
    let read = written.map(|pair| {
        let (name, _) = pair.split_once('=')?;
        if name.trim().is_empty() {
            return None;
        }
        // Only forms write a space as a plus.
        let pair = pair.replace('+', "%2B");
        let (name, value) = form_urlencoded::parse(pair.as_bytes()).next()?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    });
    read.collect()
}

/// The export could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum OtlpSetupError {
    /// The HTTP client could not be built.
    #[error("the HTTP client for traces could not be built")]
    Client(#[source] HttpSetupError),
    /// The exporter could not be built.
    #[error("the exporter of traces could not be built")]
    Exporter(#[source] ExporterBuildError),
}

/// The sampler of a name that `OTEL_TRACES_SAMPLER` may have, with the share of traces that those
/// by ratio record.
#[must_use]
pub fn sampler(name: &str, ratio: f64) -> Option<Sampler> {
    let by_parent = |root| Sampler::ParentBased(Box::new(root));
    Some(match name {
        "always_on" => Sampler::AlwaysOn,
        "always_off" => Sampler::AlwaysOff,
        "traceidratio" => Sampler::TraceIdRatioBased(ratio),
        "parentbased_always_on" => by_parent(Sampler::AlwaysOn),
        "parentbased_always_off" => by_parent(Sampler::AlwaysOff),
        "parentbased_traceidratio" => by_parent(Sampler::TraceIdRatioBased(ratio)),
        _ => return None,
    })
}

/// The traces of this process. Without a collector none are recorded; a caller's goes on through
/// this service all the same.
#[derive(Debug, Clone)]
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Records no traces.
    #[must_use]
    pub fn off() -> Self {
        Self(None)
    }

    /// Sends spans to a collector, from the current runtime. Sends no request yet.
    ///
    /// # Errors
    /// [`OtlpSetupError`].
    pub fn to(settings: &OtlpSettings, roots: &ExtraRoots) -> Result<Self, OtlpSetupError> {
        let OtlpSettings {
            endpoint,
            headers,
            service_name,
            attributes,
            sampler,
        } = settings;
        let http = http_client::build(EXPORT_LIMIT, roots).map_err(OtlpSetupError::Client)?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector {
                http,
                headers: headers.0.clone(),
                runtime: Handle::current(),
                is_away: AtomicBool::new(false),
            })
            .with_endpoint(endpoint.as_str())
            .with_timeout(EXPORT_LIMIT)
            .build()
            .map_err(OtlpSetupError::Exporter)?;
        let attributes = attributes.iter().cloned();
        // The last one that says something counts.
        let resource = Resource::builder_empty()
            .with_detector(Box::new(TelemetryResourceDetector))
            .with_attributes(attributes.map(|(name, value)| KeyValue::new(name, value)))
            .with_service_name(service_name.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(sampler.clone())
            .with_resource(resource)
            .build();
        Ok(Self(Some(provider)))
    }

    /// The source of spans; `None` if none are recorded.
    #[must_use]
    pub fn tracer(&self) -> Option<SdkTracer> {
        let provider = self.0.as_ref()?;
        Some(provider.tracer(env!("CARGO_PKG_NAME")))
    }

    /// Sends the remaining spans, for three seconds at most. Called last in the process.
    pub async fn end(self) {
        let Some(provider) = self.0 else { return };
        // It waits for the exporter's thread, which waits for this runtime.
        let ended =
            tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_LIMIT));
        if !matches!(ended.await, Ok(Ok(()))) {
            tracing::warn!("the last spans could not be sent");
        }
    }
}

/// Sends the exporter's requests.
struct Collector {
    http: Client,
    headers: HeaderMap,
    /// The exporter calls from a thread without one.
    runtime: Handle,
    /// It has been said that spans cannot be sent.
    is_away: AtomicBool,
}

/// The headers are secret.
impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut request = reqwest::Request::try_from(request.map(reqwest::Body::from))?;
        request.headers_mut().extend(self.headers.clone());
        let sending = send(self.http.clone(), request);
        let answer = self.runtime.spawn(sending).await?;
        self.note(answer.as_ref().map(|answer| answer.status().as_u16()));
        Ok(answer?)
    }
}

impl Collector {
    /// Says once that spans cannot be sent, and once that they can be again.
    fn note(&self, status: Result<u16, &SendError>) {
        let error = status.err();
        let is_away = !matches!(status, Ok(200..=299));
        if is_away == self.is_away.swap(is_away, Ordering::Relaxed) {
            return;
        }
        if is_away {
            let http_status = status.ok();
            let error = error.map(tracing::field::display);
            tracing::warn!(http_status, error, "traces cannot be sent; spans are lost");
        } else {
            tracing::info!("traces can be sent again");
        }
    }
}

/// Why a request for the collector had no answer. Does not say where that is.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error("the collector could not be connected to")]
    Connect,
    #[error("the collector gave no answer in time")]
    Timeout,
    #[error("the connection to the collector broke off")]
    Broken,
    #[error("the collector's answer is too long")]
    TooLong,
}

impl From<reqwest::Error> for SendError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_connect() {
            Self::Connect
        } else if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Broken
        }
    }
}

async fn send(http: Client, request: reqwest::Request) -> Result<Response<Bytes>, SendError> {
    let response = http.execute(request).await?;
    let status = response.status();
    let body = bounded_body(response, MAX_ANSWER).await?;
    let mut answer = Response::new(body.ok_or(SendError::TooLong)?);
    *answer.status_mut() = status;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_pairs_and_may_be_url_encoded() {
        let read = |text: &str| headers(&Secret::new(text.to_owned()));
        let CollectorHeaders(map) = read("authorization=Basic%20a+b%3D, x-tenant = a=b,").unwrap();
        assert_eq!(map["authorization"], "Basic a+b=");
        assert_eq!(map["x-tenant"], "a=b");
        assert!(map.values().all(HeaderValue::is_sensitive));
        assert!(read("no header=1").is_none());
        assert!(read("authorization").is_none());
        assert!(read("=value").is_none());
        assert!(read("a=b%0Ac").is_none());
    }

    #[test]
    fn samplers_are_known_by_their_standard_names() {
        for name in ["always_on", "always_off", "traceidratio"] {
            assert!(sampler(name, 0.5).is_some());
            assert_eq!(
                sampler(name, 0.5).is_some(),
                sampler(&format!("parentbased_{name}"), 0.5).is_some()
            );
        }
        assert!(sampler("jaeger_remote", 0.5).is_none());
    }
}
