//! Where traces are sent, as the environment says: by the names that OpenTelemetry has for it. What is
//! said of traces alone goes before what is said of all signals.

use publisher::adapters::{
    env::Environment,
    otlp::{self, CollectorHeaders, OtlpSettings},
};
use url::Url;

use super::base_url;

const DISABLED: &str = "OTEL_SDK_DISABLED";
const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];
const HEADERS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_HEADERS",
];
const PROTOCOLS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
];
const COMPRESSIONS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
    "OTEL_EXPORTER_OTLP_COMPRESSION",
];
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const RATIO: &str = "OTEL_TRACES_SAMPLER_ARG";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
/// The attribute that names the service.
const NAME_ATTRIBUTE: &str = "service.name";

/// Reads all of it. `None`: nowhere, or something is bad; the environment knows what. Where traces are
/// sent nowhere, what is bad has no effect, and is warned of.
pub(super) fn read(environment: &mut Environment) -> Option<OtlpSettings> {
    let problems_before = environment.problem_count();
    let is_disabled = is_disabled(environment);
    let is_exported = is_exported(environment);
    let endpoint = endpoint(environment);
    for name in PROTOCOLS {
        must_be(environment, name, "http/protobuf");
    }
    for name in COMPRESSIONS {
        must_be(environment, name, "none");
    }
    let headers = headers(environment, endpoint.as_ref());
    let ratio = environment.number(RATIO, 1.0, 0.0..=1.0);
    let sampler = environment.text(SAMPLER);
    let sampler = otlp::sampler(sampler.as_deref().unwrap_or("parentbased_always_on"), ratio);
    if sampler.is_none() {
        let rule =
            "must be always_on, always_off or traceidratio, or parentbased_ and one of these";
        environment.reject(SAMPLER, rule);
    }
    let attributes = attributes(environment);
    let service_name = service_name(environment, attributes.as_deref());
    let has_endpoint = ENDPOINTS.iter().any(|name| environment.is_set(name));
    if is_disabled || !is_exported || !has_endpoint {
        environment.excuse_problems(problems_before, &names());
        return None;
    }
    let (_, endpoint) = endpoint?;
    Some(OtlpSettings {
        endpoint,
        headers: headers?,
        service_name,
        attributes: attributes?,
        sampler: sampler?,
    })
}

/// Everything that is asked for here.
fn names() -> Vec<&'static str> {
    let alone = [DISABLED, EXPORTER, SAMPLER, RATIO, SERVICE_NAME, ATTRIBUTES];
    let files = [
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS_FILE",
        "OTEL_EXPORTER_OTLP_HEADERS_FILE",
    ];
    let pairs = [ENDPOINTS, HEADERS, files, PROTOCOLS, COMPRESSIONS];
    pairs.into_iter().flatten().chain(alone).collect()
}

/// Nothing but `true` disables anything, as the specification says: what may have been meant so is refused.
fn is_disabled(environment: &mut Environment) -> bool {
    let word = environment.text(DISABLED).unwrap_or_default();
    let is_disabled = word.eq_ignore_ascii_case("true");
    if !(is_disabled || word.is_empty() || word.eq_ignore_ascii_case("false")) {
        environment.reject(DISABLED, "must be `true` or `false`");
    }
    is_disabled
}

fn is_exported(environment: &mut Environment) -> bool {
    match environment.text(EXPORTER).as_deref() {
        None | Some("otlp") => true,
        Some("none") => false,
        Some(_) => {
            environment.reject(EXPORTER, "must be `otlp` or `none`");
            true
        }
    }
}

fn must_be(environment: &mut Environment, name: &str, only: &str) {
    if environment.text(name).is_some_and(|it| it != only) {
        environment.reject(name, format!("must be `{only}`: there is no other"));
    }
}

/// Where spans are sent, with the name of the setting that says so: the one for traces has the whole
/// path, below the one for all signals it is added.
fn endpoint(environment: &mut Environment) -> Option<(&'static str, Url)> {
    let [of_traces, of_all] = ENDPOINTS;
    let written = environment.text(of_traces);
    let whole = environment.url(of_traces, None).map(|mut url| {
        if !written.as_deref().is_some_and(|it| it.ends_with('/')) {
            let path = url.path().trim_end_matches('/').to_owned();
            url.set_path(&path);
        }
        (of_traces, url)
    });
    let problems_before = environment.problem_count();
    let base = environment.url(of_all, None);
    if written.is_some() {
        environment.excuse_problems(problems_before, &[of_all]);
        return whole;
    }
    Some((of_all, base?.join("v1/traces").ok()?))
}

fn headers(
    environment: &mut Environment,
    endpoint: Option<&(&'static str, Url)>,
) -> Option<CollectorHeaders> {
    let written = HEADERS.map(|name| environment.secret(name).map(|secret| (name, secret)));
    let Some((name, secret)) = written.into_iter().flatten().next() else {
        return Some(CollectorHeaders::default());
    };
    // Spans without headers hold no secret, and collectors stand beside the service as a rule.
    if let Some((setting, url)) = endpoint {
        base_url::warn_of_plain_http(environment, setting, url);
    }
    let headers = otlp::headers(&secret);
    if headers.is_none() {
        environment.reject(name, "must be of the form name=value,name=value");
    }
    headers
}

fn attributes(environment: &mut Environment) -> Option<Vec<(String, String)>> {
    let written = environment.text(ATTRIBUTES).unwrap_or_default();
    let attributes = otlp::pairs(&written);
    if attributes.is_none() {
        environment.reject(ATTRIBUTES, "must be of the form name=value,name=value");
    }
    attributes
}

/// `OTEL_SERVICE_NAME` goes before the attribute.
fn service_name(environment: &mut Environment, attributes: Option<&[(String, String)]>) -> String {
    let name = environment.text(SERVICE_NAME);
    if (name.as_deref()).is_some_and(|name| name.contains(char::is_control)) {
        environment.reject(SERVICE_NAME, "must not have control characters");
    }
    let mut attributes = attributes.into_iter().flatten();
    let attribute = attributes.find(|(name, _)| name == NAME_ATTRIBUTE);
    let attribute = attribute.map(|(_, value)| value.clone());
    let name = name.or_else(|| attribute.filter(|value| !value.is_empty()));
    name.unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_from(pairs: &[(&str, &str)]) -> (Option<OtlpSettings>, Vec<String>, Vec<String>) {
        let mut environment = Environment::from_pairs(pairs.iter().copied());
        let settings = read(&mut environment);
        let told = |problems: &[publisher::adapters::env::SettingProblem]| {
            problems.iter().map(ToString::to_string).collect()
        };
        let warnings = told(environment.warnings());
        let problems = environment.finish().err();
        let problems = told(problems.as_ref().map_or(&[], |it| it.as_slice()));
        (settings, problems, warnings)
    }

    const BASE: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318/base");

    #[test]
    fn the_endpoint_of_traces_is_taken_as_it_is_and_goes_before_the_one_of_all_signals() {
        let endpoint = |pairs: &[(&str, &str)]| {
            let (settings, problems, _) = read_from(pairs);
            assert_eq!(problems, [""; 0], "{pairs:?}");
            settings.unwrap().endpoint.to_string()
        };
        assert_eq!(endpoint(&[BASE]), "http://localhost:4318/base/v1/traces");
        for (written, expected) in [
            ("http://localhost:4318", "http://localhost:4318/"),
            ("http://localhost:4318/", "http://localhost:4318/"),
            ("http://localhost:4318/any", "http://localhost:4318/any"),
            ("http://localhost:4318/any/", "http://localhost:4318/any/"),
        ] {
            let of_traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", written);
            assert_eq!(endpoint(&[of_traces]), expected);
            assert_eq!(endpoint(&[BASE, of_traces]), expected);
            let bad = ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost");
            assert_eq!(endpoint(&[bad, of_traces]), expected);
        }
    }

    #[test]
    fn nothing_is_sent_and_what_is_bad_is_only_warned_of_where_traces_are_off() {
        let bad = [
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "sesame"),
            ("OTEL_TRACES_SAMPLER", "sesame"),
            ("OTEL_RESOURCE_ATTRIBUTES", "sesame"),
        ];
        for off in [
            &[][..],
            &[BASE, ("OTEL_SDK_DISABLED", "TRUE")],
            &[BASE, ("OTEL_TRACES_EXPORTER", "none")],
            &[
                ("OTEL_SDK_DISABLED", "true"),
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "sesame"),
            ],
        ] {
            let (settings, problems, warnings) = read_from(&[off, &bad].concat());
            assert!(settings.is_none(), "{off:?}");
            assert_eq!(problems, [""; 0], "{off:?}");
            for (name, _) in bad {
                let mut lines = warnings.iter();
                assert!(lines.any(|it| it.starts_with(name)), "{name}: {warnings:?}");
            }
            assert!(!warnings.concat().contains("sesame"), "{warnings:?}");
        }
        let (_, problems, _) = read_from(&[&[BASE], &bad[..]].concat());
        assert_eq!(problems.len(), bad.len(), "{problems:?}");
        let (_, problems, _) = read_from(&[BASE, ("OTEL_SDK_DISABLED", "1")]);
        assert_eq!(problems, ["OTEL_SDK_DISABLED: must be `true` or `false`"]);
    }

    #[test]
    fn the_name_of_the_service_goes_before_the_attribute() {
        let name = ("OTEL_SERVICE_NAME", "by-name");
        let attributes = (
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=a%2Cb, service.name=by-attribute",
        );
        let settings = |more: &[(&str, &str)]| read_from(&[&[BASE], more].concat()).0.unwrap();
        assert_eq!(settings(&[]).service_name, "publisher");
        assert_eq!(settings(&[attributes]).service_name, "by-attribute");
        assert_eq!(settings(&[attributes, name]).service_name, "by-name");
        let environment = settings(&[attributes]).attributes[0].clone();
        assert_eq!(environment.1, "a,b");
    }
}
