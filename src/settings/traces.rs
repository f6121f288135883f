//! Where traces are sent, as the environment says: by the names that OpenTelemetry has for it.

use super::base_url;
use publisher::adapters::{
    env::Environment,
    otlp::{self, OtlpSettings},
};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const HEADERS_FILE: &str = "OTEL_EXPORTER_OTLP_HEADERS_FILE";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const RATIO: &str = "OTEL_TRACES_SAMPLER_ARG";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";

/// Reads all of it. `None`: nowhere, or something is bad; the environment knows what.
pub(super) fn read(environment: &mut Environment) -> Option<OtlpSettings> {
    let endpoint = environment.url(ENDPOINT, None);
    let is_off = !environment.is_set(ENDPOINT);
    let problems_before = environment.problem_count();
    let only = "http/protobuf";
    if (environment.text(PROTOCOL)).is_some_and(|protocol| protocol != only) {
        environment.reject(PROTOCOL, format!("must be `{only}`: there is no other"));
    }
    let secret = environment.secret(HEADERS);
    // Spans without headers hold no secret, and collectors stand beside the service as a rule.
    if let Some(endpoint) = endpoint.as_ref().filter(|_| secret.is_some()) {
        base_url::warn_of_plain_http(environment, ENDPOINT, endpoint);
    }
    let headers = match secret {
        None => Some(otlp::no_headers()),
        Some(secret) => otlp::headers(&secret),
    };
    if headers.is_none() {
        environment.reject(HEADERS, "must be of the form name=value,name=value");
    }
    let ratio = environment.number(RATIO, 1.0, 0.0..=1.0);
    let sampler = environment.text(SAMPLER);
    let sampler = otlp::sampler(sampler.as_deref().unwrap_or("parentbased_always_on"), ratio);
    if sampler.is_none() {
        let rule =
            "must be always_on, always_off or traceidratio, or parentbased_ and one of these";
        environment.reject(SAMPLER, rule);
    }
    let service_name = environment.text(SERVICE_NAME);
    if (service_name.as_deref()).is_some_and(|name| name.contains(char::is_control)) {
        environment.reject(SERVICE_NAME, "must not have control characters");
    }
    if is_off {
        let names = [
            PROTOCOL,
            HEADERS,
            HEADERS_FILE,
            SAMPLER,
            RATIO,
            SERVICE_NAME,
        ];
        environment.excuse_problems(problems_before, &names);
    }
    Some(OtlpSettings {
        endpoint: endpoint?,
        headers: headers?,
        service_name: service_name.unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned()),
        sampler: sampler?,
    })
}
