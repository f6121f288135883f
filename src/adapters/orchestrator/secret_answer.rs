//! What the credentials call answers: a secret of the provider that was asked for, or nothing.

use std::time::SystemTime;

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{envelope::opaque, failure::Failure};
use crate::domain::{
    credential::{Credential, CredentialVersion, Provider},
    secret::Secret,
};

/// Takes the secret out of the answer.
pub(super) fn read(document: Value, provider: Provider) -> Result<Credential, Failure> {
    let Value::Object(mut fields) = document else {
        return Err(Failure::Malformed("is no object"));
    };
    // First into custody, so that it is wiped whatever else is wrong.
    let secret = match fields.remove(secret_field(provider)) {
        Some(Value::String(secret)) => Some(Secret::new(secret)),
        _ => None,
    };
    if fields.get("provider").and_then(Value::as_str) != Some(provider.as_str()) {
        return Err(Failure::Malformed("is of another provider"));
    }
    let secret = secret
        .filter(|secret| !secret.expose().trim().is_empty())
        .ok_or(Failure::Malformed("has no secret"))?;
    let version =
        opaque(fields.get("version")).ok_or(Failure::Malformed("has no usable `version`"))?;
    let expires_at = expiry(fields.get("expires_at"))?;
    let version = CredentialVersion::new(&version);
    Ok(Credential::new(provider, secret, version, expires_at))
}

const fn secret_field(provider: Provider) -> &'static str {
    match provider {
        Provider::Dropbox => "refresh_token",
        Provider::OpenAi => "api_key",
        Provider::Telegram => "bot_token",
        Provider::Smtp => "password",
    }
}

fn expiry(value: Option<&Value>) -> Result<Option<SystemTime>, Failure> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_str()
            .and_then(|text| OffsetDateTime::parse(text.trim(), &Rfc3339).ok())
            .map(|time| Some(time.into()))
            .ok_or(Failure::Malformed("has an `expires_at` that is no time")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn answer(field: &str, value: Value) -> Value {
        let mut answer = json!({
            "provider": "dropbox", "version": "c1", "refresh_token": "secret-1",
            "expires_at": null, "unknown": {},
        });
        answer[field] = value;
        answer
    }

    #[test]
    fn each_provider_has_its_own_field() {
        for (provider, field) in [
            (Provider::Dropbox, "refresh_token"),
            (Provider::OpenAi, "api_key"),
            (Provider::Telegram, "bot_token"),
            (Provider::Smtp, "password"),
        ] {
            let mut answer = json!({"provider": provider.as_str(), "version": 3});
            assert!(read(answer.clone(), provider).is_err());
            answer[field] = "secret-1".into();
            let credential = read(answer, provider).unwrap();
            assert_eq!(credential.provider(), provider);
            assert_eq!(*credential.version(), CredentialVersion::new("3"));
            assert_eq!(credential.expires_at(), None);
        }
    }

    #[test]
    fn an_expiry_is_a_time_or_null() {
        for text in ["2001-09-09T01:46:40Z", "2001-09-09T03:46:40+02:00"] {
            let credential = read(answer("expires_at", text.into()), Provider::Dropbox).unwrap();
            let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
            assert_eq!(credential.expires_at(), Some(expected));
        }
        for bad in [
            json!("tomorrow"),
            json!(1_000_000_000),
            json!(""),
            json!([]),
        ] {
            let failure = read(answer("expires_at", bad), Provider::Dropbox).unwrap_err();
            assert!(matches!(failure, Failure::Malformed(_)));
        }
    }

    #[test]
    fn an_answer_that_is_no_such_credential_is_malformed_and_its_secret_is_not_shown() {
        for document in [
            json!(null),
            json!(["secret-1"]),
            answer("provider", json!("openai")),
            answer("provider", json!("Dropbox")),
            answer("provider", json!(null)),
            answer("refresh_token", json!("")),
            answer("refresh_token", json!(" ")),
            answer("refresh_token", json!(null)),
            answer("refresh_token", json!({"value": "secret-1"})),
            answer("version", json!(null)),
            answer("version", json!(true)),
        ] {
            let failure = read(document.clone(), Provider::Dropbox).unwrap_err();
            assert!(matches!(failure, Failure::Malformed(_)), "{document}");
            assert!(!format!("{failure} {failure:?}").contains("secret-1"));
        }
    }
}
