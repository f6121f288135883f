//! What by-host answers: a tenant's config in its envelope. Read leniently; the config itself is
//! not looked at, its validation is the domain's.

use std::time::Duration;

use serde_json::{Map, Number, Value};

use super::failure::Failure;
use crate::{
    adapters::secret_scrub::SecretScrub,
    domain::{
        tenant::{ConfigTtl, ConfigVersion, TenantName},
        tenant_config::{SchemaVersion, TenantConfig, Unvalidated},
    },
};

/// What this service is to the orchestrator. A host of another app is none of ours.
const APP_TYPE: &str = "publisher_v2";

/// Takes the config out of its envelope. Tenant and version are logged, so they must not repeat what the
/// call was made with.
pub(super) fn read(
    document: Value,
    scrub: &SecretScrub,
) -> Result<TenantConfig<Unvalidated>, Failure> {
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
    let version = opaque(envelope.get("config_version"))
        .filter(|version| !scrub.finds_in(version))
        .ok_or(Failure::Malformed("has no usable `config_version`"))?;
    let schema = integer(&envelope, "schema_version").ok_or(Failure::Malformed(
        "has a `schema_version` that is no number",
    ))?;
    let ttl = integer(&envelope, "ttl_seconds")
        .ok_or(Failure::Malformed("has a `ttl_seconds` that is no number"))?;
    Ok(TenantConfig::new(
        tenant,
        ConfigVersion::new(&version),
        ConfigTtl::from_seconds(ttl),
        SchemaVersion::from_number(schema),
        envelope.remove("config").unwrap_or_default(),
    ))
}

/// A version: opaque, so that a number is as good as a string.
pub(super) fn opaque(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `Some(None)` when the field is absent, `None` when it is no number.
#[expect(
    clippy::option_option,
    reason = "absent and wrong are different answers, and no caller is further away than above"
)]
fn integer(envelope: &Map<String, Value>, field: &str) -> Option<Option<i64>> {
    match envelope.get(field) {
        None | Some(Value::Null) => Some(None),
        Some(Value::Number(number)) => Some(Some(whole(number))),
        Some(_) => None,
    }
}

/// The number without its fraction. What lies beyond `i64` is read as its end, and a negative
/// fraction as 0: whoever takes the number clamps it anyway.
fn whole(number: &Number) -> i64 {
    if let Some(whole) = number.as_i64() {
        return whole;
    }
    let seconds = number.as_f64().unwrap_or_default().max(0.0);
    Duration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|duration| i64::try_from(duration.as_secs()).ok())
        .unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(document: Value) -> Result<TenantConfig<Unvalidated>, Failure> {
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

    #[test]
    fn a_life_is_any_number_and_600_s_when_absent() {
        for (sent, seconds) in [
            (json!(300), 300),
            (json!(null), 600),
            (json!(0), 1),
            (json!(-7), 1),
            (json!(-7.5), 1),
            (json!(90.9), 90),
            (json!(0.2), 1),
            (json!(1e300), 86_400),
            (json!(u64::MAX), 86_400),
            (json!(i64::MIN), 1),
        ] {
            let config = read(envelope("ttl_seconds", sent.clone())).unwrap();
            assert_eq!(config.ttl().as_duration().as_secs(), seconds, "{sent}");
        }
    }

    #[test]
    fn a_version_is_opaque() {
        for (sent, version) in [(json!("v1"), "v1"), (json!(17), "17"), (json!(1.5), "1.5")] {
            let config = read(envelope("config_version", sent)).unwrap();
            assert_eq!(config.version().as_str(), version);
        }
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
            envelope("config_version", json!("v7 SERVICE-TOKEN")),
            envelope("config_version", json!("c2VydmljZS10b2tlbi0x")),
            envelope("config_version", json!(null)),
            envelope("config_version", json!([])),
            envelope("schema_version", json!("2")),
            envelope("ttl_seconds", json!("600")),
            envelope("ttl_seconds", json!({})),
        ] {
            let failure = read(document.clone()).unwrap_err();
            assert!(matches!(failure, Failure::Malformed(_)), "{document}");
        }
    }

    #[test]
    fn an_envelope_without_a_config_is_left_to_the_validation() {
        for config in [json!(null), json!("text")] {
            assert!(
                read(envelope("config", config))
                    .unwrap()
                    .validate()
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
        ] {
            let mut envelope = envelope("schema_version", sent.clone());
            envelope["config"] = document.clone();
            let config = read(envelope).unwrap().validate().unwrap();
            assert_eq!(config.settings().content.debug, is_second, "{sent}");
        }
    }
}
