//! What by-host answers: a tenant's config in its envelope. Read leniently; the config itself is
//! not looked at, its validation is the domain's.

use std::time::Duration;

use serde_json::{Map, Number, Value};

use super::failure::Failure;
use crate::{
    adapters::secret_scrub::SecretScrub,
    domain::{
        tenant::{ConfigTtl, ConfigVersion, TenantName},
        tenant_config::{FieldProblem, SchemaVersion, TenantConfig, Unvalidated},
    },
};

type Fields = Map<String, Value>;

/// What this service is to the orchestrator. A host of another app is none of ours.
const APP_TYPE: &str = "publisher_v2";

/// The longest version, in bytes: it is kept with each tenant, and written to the log.
const MAX_VERSION: usize = 256;

/// An answer as it was understood.
#[derive(Debug)]
pub(super) struct Understood<T> {
    pub(super) value: T,
    /// Fields that are not as they should be, and how each was read. None of them justifies an
    /// outage, or overlooking a change elsewhere in the answer.
    pub(super) odd: Vec<FieldProblem>,
}

/// Takes the config out of its envelope. Tenant and version are logged, so they must not repeat what the
/// call was made with.
pub(super) fn read(
    document: Value,
    scrub: &SecretScrub,
) -> Result<Understood<TenantConfig<Unvalidated>>, Failure> {
    let Value::Object(mut envelope) = document else {
        return Err(Failure::Malformed("is no object"));
    };
    if envelope.get("app_type").and_then(Value::as_str) != Some(APP_TYPE) {
        return Err(Failure::NotFound { status: 200 });
    }
    let tenant = envelope
        .get("tenant")
        .and_then(Value::as_str)
        .and_then(TenantName::new)
        .filter(|tenant| !scrub.finds_in(tenant.as_str()))
        .ok_or(Failure::Malformed("has no usable `tenant`"))?;
    let mut odd = Vec::new();
    let version = opaque(envelope.get("config_version"));
    let is_good = |version: &String| version.len() <= MAX_VERSION && !scrub.finds_in(version);
    let version = version.filter(is_good).unwrap_or_else(|| {
        let rule = "must be a text of at most 256 bytes, or a number; it is read as an empty text";
        odd.push(FieldProblem::new("config_version", rule));
        String::new()
    });
    let schema = schema(&envelope, &mut odd);
    let ttl = ttl(&envelope, &mut odd);
    let value = TenantConfig::new(
        tenant,
        ConfigVersion::new(&version),
        ttl,
        schema,
        envelope.remove("config").unwrap_or_default(),
    );
    Ok(Understood { value, odd })
}

/// A version: opaque, so that a number is as good as a string.
pub(super) fn opaque(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Absent is the first version. What is no number is read as the last one, which has all blocks.
fn schema(envelope: &Fields, odd: &mut Vec<FieldProblem>) -> SchemaVersion {
    match number(envelope.get("schema_version")) {
        Sent::Nothing => SchemaVersion::from_number(None),
        Sent::Number(number) => SchemaVersion::from_number(Some(number)),
        Sent::Inexact(number) => {
            let rule = "must be a whole number; it is read as one";
            odd.push(FieldProblem::new("schema_version", rule));
            SchemaVersion::from_number(Some(number))
        }
        Sent::Wrong => {
            let rule = "must be a whole number; it is read as 2";
            odd.push(FieldProblem::new("schema_version", rule));
            SchemaVersion::V2
        }
    }
}

fn ttl(envelope: &Fields, odd: &mut Vec<FieldProblem>) -> ConfigTtl {
    const FIELD: &str = "ttl_seconds";
    match number(envelope.get(FIELD)) {
        Sent::Nothing => ConfigTtl::from_seconds(None),
        Sent::Number(seconds) => {
            if seconds < 0 {
                let rule = "must not be negative; it is read as 1";
                odd.push(FieldProblem::new(FIELD, rule));
            }
            ConfigTtl::from_seconds(Some(seconds))
        }
        Sent::Inexact(seconds) => {
            let rule = "must be a whole number of seconds; it is read as the one below it, and at \
                        least as 1";
            odd.push(FieldProblem::new(FIELD, rule));
            ConfigTtl::from_seconds(Some(seconds))
        }
        Sent::Wrong => {
            let rule = "must be a whole number of seconds; it is read as 600";
            odd.push(FieldProblem::new(FIELD, rule));
            ConfigTtl::from_seconds(None)
        }
    }
}

/// What stands where a whole number should be.
enum Sent {
    /// Nothing, or `null`.
    Nothing,
    /// A whole number.
    Number(i64),
    /// One with a fraction, or between quotes.
    Inexact(i64),
    /// Something else.
    Wrong,
}

fn number(value: Option<&Value>) -> Sent {
    match value {
        None | Some(Value::Null) => Sent::Nothing,
        Some(Value::Number(number)) => {
            let is_whole = number.as_f64().is_none_or(|number| number.fract() == 0.0);
            let whole = whole(number);
            if is_whole {
                Sent::Number(whole)
            } else {
                Sent::Inexact(whole)
            }
        }
        Some(Value::String(text)) => match text.trim().parse::<Number>() {
            Ok(number) => Sent::Inexact(whole(&number)),
            Err(_) => Sent::Wrong,
        },
        Some(_) => Sent::Wrong,
    }
}

/// The number without its fraction. A number beyond the range of `i64` is read as the nearest
/// limit, and a negative fraction as -1: the caller clamps the number anyway.
fn whole(number: &Number) -> i64 {
    if let Some(whole) = number.as_i64() {
        return whole;
    }
    let seconds = number.as_f64().unwrap_or_default();
    if seconds < 0.0 {
        return -1;
    }
    Duration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|duration| i64::try_from(duration.as_secs()).ok())
        .unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::adapters::platforms;

    fn read(document: Value) -> Result<Understood<TenantConfig<Unvalidated>>, Failure> {
        super::read(document, &SecretScrub::default().with("service-token-1"))
    }

    fn envelope(field: &str, value: Value) -> Value {
        let mut envelope = json!({
            "schema_version": 2, "tenant": "alice", "app_type": "publisher_v2",
            "config_version": "v1", "ttl_seconds": 600, "config": {}, "unknown": [1],
        });
        envelope[field] = value;
        envelope
    }

    /// The config, and the fields that were warned of.
    fn understood(document: Value) -> (TenantConfig<Unvalidated>, Vec<String>) {
        let Understood { value, odd } = read(document).unwrap();
        (value, odd.iter().map(|it| it.path().to_owned()).collect())
    }

    #[test]
    fn a_life_is_any_number_and_600_s_when_absent_or_wrong() {
        for (sent, seconds, is_odd) in [
            (json!(300), 300, false),
            (json!(300.0), 300, false),
            (json!(null), 600, false),
            (json!(0), 1, false),
            (json!(-7), 1, true),
            (json!(-7.0), 1, true),
            (json!(-7.5), 1, true),
            (json!(90.9), 90, true),
            (json!(0.2), 1, true),
            (json!(1e300), 86_400, false),
            (json!(u64::MAX), 86_400, false),
            (json!(i64::MIN), 1, true),
            (json!("300"), 300, true),
            (json!(" 90.5 "), 90, true),
            (json!("-1"), 1, true),
            (json!("x"), 600, true),
            (json!(""), 600, true),
            (json!(true), 600, true),
            (json!({}), 600, true),
            (json!([300]), 600, true),
        ] {
            let (config, odd) = understood(envelope("ttl_seconds", sent.clone()));
            assert_eq!(config.ttl().as_duration().as_secs(), seconds, "{sent}");
            let expected: &[&str] = if is_odd { &["ttl_seconds"] } else { &[] };
            assert_eq!(odd, expected, "{sent}");
        }
    }

    #[test]
    fn a_version_is_opaque_and_empty_where_there_is_none() {
        for (sent, version, is_odd) in [
            (json!("v1"), "v1", false),
            (json!(17), "17", false),
            (json!(1.5), "1.5", false),
            (json!(""), "", false),
            (json!(null), "", true),
            (json!([]), "", true),
            (json!(true), "", true),
            (json!({"v": 1}), "", true),
            (json!("v7 SERVICE-TOKEN"), "", true),
            (json!("v".repeat(257)), "", true),
            (json!("c2VydmljZS10b2tlbi0x"), "", true),
        ] {
            let (config, odd) = understood(envelope("config_version", sent.clone()));
            assert_eq!(config.version().as_str(), version, "{sent}");
            let expected: &[&str] = if is_odd { &["config_version"] } else { &[] };
            assert_eq!(odd, expected, "{sent}");
        }
        let mut without = envelope("config_version", json!(null));
        without.as_object_mut().unwrap().remove("config_version");
        assert_eq!(understood(without).0.version().as_str(), "");
    }

    #[test]
    fn another_app_is_nobody() {
        for app in [
            json!("publisher"),
            json!("PUBLISHER_V2"),
            json!(null),
            json!(2),
        ] {
            let failure = read(envelope("app_type", app)).unwrap_err();
            assert!(matches!(failure, Failure::NotFound { status: 200 }));
        }
    }

    #[test]
    fn an_envelope_that_cannot_be_understood_is_malformed() {
        for document in [
            json!(null),
            json!([]),
            json!("text"),
            envelope("tenant", json!(null)),
            envelope("tenant", json!("")),
            envelope("tenant", json!("a\r\nb")),
            envelope("tenant", json!(1)),
            envelope("tenant", json!("service-token-1")),
        ] {
            let failure = read(document.clone()).unwrap_err();
            assert!(matches!(failure, Failure::Malformed(_)), "{document}");
        }
    }

    #[test]
    fn an_envelope_without_a_config_is_left_to_the_validation() {
        for config in [json!(null), json!("text")] {
            assert!(
                understood(envelope("config", config))
                    .0
                    .validate(platforms::spec)
                    .is_err()
            );
        }
    }

    #[test]
    fn versions_of_the_schema_are_read_as_the_nearest_that_we_know() {
        let document = json!({
            "features": {"publish_enabled": true},
            "storage": {"provider": "dropbox", "credentials_ref": "r", "paths": {"root": "/a"}},
            "content": {"debug": true},
        });
        for (sent, is_second) in [
            (json!(null), false),
            (json!(1), false),
            (json!(2), true),
            (json!(2.0), true),
            (json!(9), true),
            (json!(u64::MAX), true),
            (json!("1"), false),
            (json!("2"), true),
            (json!("two"), true),
            (json!([]), true),
        ] {
            let mut envelope = envelope("schema_version", sent.clone());
            envelope["config"] = document.clone();
            let (config, _) = understood(envelope);
            let config = config.validate(platforms::spec).unwrap();
            assert_eq!(config.settings().content.debug, is_second, "{sent}");
        }
    }
}
