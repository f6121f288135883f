//! What the credentials call answers: a secret of the provider that was asked for, or nothing.

use std::time::{Duration, SystemTime};

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    envelope::{Understood, opaque},
    failure::Failure,
};
use crate::domain::{
    credential::{Credential, CredentialVersion, Provider, Secrets},
    secret::{Secret, SecretProblem, trim_pasted},
    tenant_config::FieldProblem,
};

/// Takes the secret out of the answer.
pub(super) fn read(document: Value, provider: Provider) -> Result<Understood<Credential>, Failure> {
    let Value::Object(mut fields) = document else {
        return Err(Failure::Malformed("is no object"));
    };
    // First into custody, so that they are wiped whatever else is wrong.
    let mut problem = None;
    let secrets = Secrets::read(provider, |field| match fields.remove(field.name) {
        Some(Value::String(secret)) => {
            let secret = field.tidied(Secret::pasted(secret)?);
            if let Some(SecretProblem::Unusable(_)) = (field.check)(secret.expose()) {
                problem = Some(field.name);
            }
            Some(secret)
        }
        None | Some(Value::Null) => None,
        Some(_) => {
            problem = Some(field.name);
            None
        }
    });
    if fields.get("provider").and_then(Value::as_str) != Some(provider.as_str()) {
        return Err(Failure::Malformed("is of another provider"));
    }
    let secrets = secrets.ok_or(Failure::Malformed("has no secret"))?;
    if let Some(field) = problem {
        return Err(Failure::UnusableField(field));
    }
    let version =
        opaque(fields.get("version")).ok_or(Failure::Malformed("has no usable `version`"))?;
    let mut odd = Vec::new();
    let expires_at = expiry(fields.get("expires_at")).unwrap_or_else(|UnreadableExpiry| {
        let rule = "must be a time by RFC 3339, or seconds since 1970; it is read as none";
        odd.push(FieldProblem::new("expires_at", rule));
        None
    });
    let version = CredentialVersion::new(&version);
    let value = Credential::new(secrets, version, expires_at);
    Ok(Understood { value, odd })
}

/// Something else than a time. A credential with such an expiry lives as long as any other: it is not
/// worth an outage.
#[derive(Debug)]
struct UnreadableExpiry;

/// A time as RFC 3339 has it, or as a number since 1970, which may be in a string. Absent, `null` and blank: it does
/// not expire by itself.
fn expiry(value: Option<&Value>) -> Result<Option<SystemTime>, UnreadableExpiry> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => {
            let time = number.as_f64().and_then(since_1970);
            time.map(Some).ok_or(UnreadableExpiry)
        }
        Some(Value::String(text)) if trim_pasted(text).is_empty() => Ok(None),
        Some(Value::String(text)) => time(trim_pasted(text)).map(Some).ok_or(UnreadableExpiry),
        Some(_) => Err(UnreadableExpiry),
    }
}

/// A time without an offset is UTC: some libraries leave it away.
fn time(text: &str) -> Option<SystemTime> {
    if let Ok(number) = text.parse::<f64>() {
        return since_1970(number);
    }
    let parse = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    let time = parse(text).or_else(|| parse(&format!("{text}Z")))?;
    Some(time.into())
}

/// Seconds, unless there are so many of them that they can only be milliseconds, microseconds or
/// nanoseconds: 100 thousand million seconds are the year 5138, as many milliseconds 1973.
fn since_1970(number: f64) -> Option<SystemTime> {
    const MOST_SECONDS: f64 = 1e11;
    let mut seconds = number;
    for _ in 0..3 {
        if seconds >= MOST_SECONDS {
            seconds /= 1e3;
        }
    }
    if seconds >= MOST_SECONDS {
        return None;
    }
    let since = Duration::try_from_secs_f64(seconds).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(since)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        adapters::platforms::spec,
        domain::{
            platform::Platform,
            storage::{DropboxCredential, ManagedCredential},
        },
    };

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
            (Provider::DROPBOX, "refresh_token"),
            (Provider::OPENAI, "api_key"),
            (spec(Platform::Telegram).provider, "bot_token"),
            (spec(Platform::Email).provider, "password"),
        ] {
            let mut answer = json!({"provider": provider.as_str(), "version": 3});
            assert!(read(answer.clone(), provider).is_err());
            answer[field] = "secret-1".into();
            let credential = read(answer, provider).unwrap().value;
            assert_eq!(credential.provider(), provider);
            assert_eq!(*credential.version(), CredentialVersion::new("3"));
            assert_eq!(credential.expires_at(), None);
        }
    }

    #[test]
    fn a_secret_is_freed_of_what_was_pasted_with_it() {
        for around in [
            "\n",
            "\r\n",
            " ",
            "\t\n",
            "\u{feff}",
            "\u{a0}",
            "\u{200b}\n",
        ] {
            for sent in [
                format!("secret-1{around}"),
                format!("{around}secret-1"),
                format!("{around}secret-1{around}"),
            ] {
                let credential = read(answer("refresh_token", sent.into()), Provider::DROPBOX);
                let credential =
                    DropboxCredential::try_from(Arc::new(credential.unwrap().value)).unwrap();
                assert_eq!(
                    credential.refresh_token().expose(),
                    "secret-1",
                    "{around:?}"
                );
            }
            let blank = read(answer("refresh_token", around.into()), Provider::DROPBOX);
            assert!(
                matches!(blank, Err(Failure::Malformed("has no secret"))),
                "{around:?}"
            );
        }
    }

    #[test]
    fn a_credential_is_freed_of_words_that_do_not_belong_to_it() {
        let answer = json!({"provider": "telegram", "version": 1, "bot_token": "bot123: AAbc"});
        let read = read(answer, spec(Platform::Telegram).provider).unwrap();
        let bot_token = read.value.secrets().next().unwrap();
        assert_eq!(bot_token.expose(), "123:AAbc");
    }

    #[test]
    fn a_credential_of_many_fields_needs_those_without_a_default_and_each_must_be_usable() {
        let answer = |field: &str, value: Value| {
            let mut answer = json!({
                "provider": "managed", "version": 1, "access_key_id": "AKIA1",
                "secret_access_key": "secret-1", "endpoint_url": "https://s3.example.org",
                "bucket": "images", "region": "eu-central-1",
            });
            answer[field] = value;
            read(answer, Provider::MANAGED)
        };
        let region = |read: Result<Understood<Credential>, Failure>| {
            let credential = ManagedCredential::try_from(Arc::new(read.unwrap().value)).unwrap();
            credential.region().expose().to_owned()
        };
        assert_eq!(region(answer("unknown", json!(1))), "eu-central-1");
        for absent in [json!(null), json!(""), json!(" ")] {
            assert_eq!(region(answer("region", absent)), "auto");
        }
        for field in [
            "access_key_id",
            "secret_access_key",
            "endpoint_url",
            "bucket",
        ] {
            for absent in [json!(null), json!(""), json!(5)] {
                let failure = answer(field, absent).unwrap_err();
                assert!(matches!(failure, Failure::Malformed("has no secret")));
            }
        }
        for (field, bad) in [
            ("region", json!(5)),
            ("region", json!("a/b")),
            ("endpoint_url", json!("http://s3.example.org")),
            ("bucket", json!("a/b")),
        ] {
            let failure = answer(field, bad).unwrap_err();
            assert!(matches!(failure, Failure::UnusableField(it) if it == field));
        }
    }

    #[test]
    fn an_expiry_is_a_time_or_none() {
        for sent in [
            json!("2001-09-09T01:46:40Z"),
            json!("2001-09-09T03:46:40+02:00"),
            json!("2001-09-08T16:46:40-09:00"),
            json!(" 2001-09-09t01:46:40.000z\n"),
            json!("2001-09-09 01:46:40+00:00"),
            json!("2001-09-09T01:46:40"),
            json!(1_000_000_000),
            json!(1e9),
            json!(1_000_000_000.0),
            json!("1000000000"),
            json!(" 1000000000.0 "),
            json!(1_000_000_000_000_i64),
            json!("1000000000000"),
            json!(1_000_000_000_000_000_i64),
            json!(1_000_000_000_000_000_000_i64),
        ] {
            let credential = read(answer("expires_at", sent.clone()), Provider::DROPBOX).unwrap();
            assert!(credential.odd.is_empty(), "{sent}");
            let credential = credential.value;
            let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
            assert_eq!(credential.expires_at(), Some(expected), "{sent}");
        }
        for none in [json!(null), json!(""), json!(" ")] {
            let credential = read(answer("expires_at", none), Provider::DROPBOX).unwrap();
            assert!(credential.odd.is_empty());
            let credential = credential.value;
            assert_eq!(credential.expires_at(), None);
        }
        for bad in [
            json!("tomorrow"),
            json!("2030-01-01"),
            json!("2001-13-09T01:46:40Z"),
            json!("NaN"),
            json!("inf"),
            json!(-1),
            json!("-1"),
            json!(1e300),
            json!(true),
            json!([]),
            json!({"seconds": 1}),
        ] {
            let read = read(answer("expires_at", bad.clone()), Provider::DROPBOX).unwrap();
            assert_eq!(read.value.expires_at(), None, "{bad}");
            let [odd] = &read.odd[..] else {
                panic!("{bad}")
            };
            assert_eq!(odd.path(), "expires_at");
        }
    }

    proptest! {
        #[test]
        fn any_second_of_eight_decades_is_the_same_in_every_spelling(seconds in 300_000_000_u64..4_000_000_000) {
            let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let text = OffsetDateTime::from(expected).format(&Rfc3339).unwrap();
            for sent in [
                json!(seconds),
                json!(seconds * 1_000),
                json!(seconds.to_string()),
                json!((seconds * 1_000).to_string()),
                json!(text),
            ] {
                let credential = read(answer("expires_at", sent), Provider::DROPBOX).unwrap();
                prop_assert_eq!(credential.value.expires_at(), Some(expected));
            }
        }

        #[test]
        fn no_text_or_number_in_the_place_of_an_expiry_is_a_panic(text in any::<String>(), number in any::<f64>()) {
            let _: Result<_, UnreadableExpiry> = expiry(Some(&json!(text)));
            let _: Result<_, UnreadableExpiry> = expiry(Some(&json!(number)));
            prop_assert!(since_1970(f64::NAN).is_none());
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
            let failure = read(document.clone(), Provider::DROPBOX).unwrap_err();
            assert!(matches!(failure, Failure::Malformed(_)), "{document}");
            assert!(!format!("{failure} {failure:?}").contains("secret-1"));
        }
    }
}
