//! Credentials as people paste them: with a word before them, or a blank in them. What is meant is
//! taken where it is certain; the rest is left as it is.

use super::{
    credential::Provider,
    secret::{Secret, trim_pasted},
};

/// A credential without what does not belong to it.
///
/// ```
/// use publisher::domain::{credential::Provider, pasted::tidy, secret::Secret};
/// let pasted = Secret::new("bot123456: AAbc-D_e".to_owned());
/// assert_eq!(tidy(Provider::Telegram, pasted).expose(), "123456:AAbc-D_e");
/// let pasted = Secret::new("Bearer sk-abc".to_owned());
/// assert_eq!(tidy(Provider::OpenAi, pasted).expose(), "sk-abc");
/// ```
#[must_use]
pub fn tidy(provider: Provider, secret: Secret) -> Secret {
    let meant = match provider {
        Provider::Telegram => bot_token(secret.expose()),
        Provider::OpenAi => api_key(secret.expose()),
        Provider::Dropbox | Provider::Smtp => None,
    };
    meant.unwrap_or(secret)
}

/// What looks wrong with a credential, as a rule that it breaks; never its value.
#[must_use]
pub fn doubt(provider: Provider, secret: &Secret) -> Option<&'static str> {
    let text = secret.expose();
    match provider {
        Provider::Telegram if !is_bot_token(text) => Some(
            "does not look like a bot's token, which is a number, a colon, and letters: copy it from \
             @BotFather",
        ),
        Provider::OpenAi if text.contains(char::is_whitespace) => {
            Some("has a blank within, which no key has: copy it again")
        }
        _ => None,
    }
}

/// Without the `bot` that stands before it in addresses, and without blanks.
fn bot_token(text: &str) -> Option<Secret> {
    let compact = text
        .chars()
        .filter(|it| !trim_pasted(it.encode_utf8(&mut [0; 4])).is_empty());
    let compact = Secret::new(compact.collect());
    let whole = compact.expose();
    let is_named = whole
        .get(..3)
        .is_some_and(|it| it.eq_ignore_ascii_case("bot"));
    let token = whole.get(3..).filter(|_| is_named).unwrap_or(whole);
    (token != text && is_bot_token(token)).then(|| Secret::new(token.to_owned()))
}

/// Without the scheme that stands before it in headers.
fn api_key(text: &str) -> Option<Secret> {
    let (scheme, key) = text.split_once(char::is_whitespace)?;
    let scheme = scheme.trim_end_matches(':');
    let key = key.trim();
    let is_certain = scheme.eq_ignore_ascii_case("bearer")
        && !key.is_empty()
        && !key.contains(char::is_whitespace);
    is_certain.then(|| Secret::new(key.to_owned()))
}

fn is_bot_token(text: &str) -> bool {
    text.split_once(':').is_some_and(|(id, rest)| {
        let is_id = !id.is_empty() && id.bytes().all(|it| it.is_ascii_digit());
        let is_letter = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_');
        is_id && !rest.is_empty() && rest.bytes().all(is_letter)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tidied(provider: Provider, text: &str) -> String {
        tidy(provider, Secret::new(text.to_owned()))
            .expose()
            .to_owned()
    }

    #[test]
    fn what_is_certain_is_taken() {
        for pasted in [
            "123:AAb-c_d",
            "bot123:AAb-c_d",
            "Bot123:AAb-c_d",
            "123: AAb-c_d",
            "123:AAb -c_d",
            "bot 123:AAb-\u{200b}c_d",
            "123:AAb-\nc_d",
        ] {
            assert_eq!(
                tidied(Provider::Telegram, pasted),
                "123:AAb-c_d",
                "{pasted:?}"
            );
        }
        for pasted in [
            "sk-a",
            "Bearer sk-a",
            "bearer  sk-a",
            "BEARER\tsk-a",
            "Bearer: sk-a",
        ] {
            assert_eq!(tidied(Provider::OpenAi, pasted), "sk-a", "{pasted:?}");
        }
    }

    #[test]
    fn what_is_not_certain_stays_and_is_doubted() {
        for pasted in [
            "robot123", "bot", "a token", "123:", "12x:abc", "1:a/b", "é",
        ] {
            assert_eq!(tidied(Provider::Telegram, pasted), pasted);
            let doubted = doubt(Provider::Telegram, &Secret::new(pasted.to_owned()));
            assert!(doubted.is_some(), "{pasted}");
        }
        for pasted in ["Basic sk-a", "Bearer", "Bearer sk a", "sk -a"] {
            assert_eq!(tidied(Provider::OpenAi, pasted), pasted);
        }
        let doubt = |provider, text: &str| doubt(provider, &Secret::new(text.to_owned()));
        assert!(doubt(Provider::OpenAi, "sk -a").is_some());
        assert_eq!(doubt(Provider::OpenAi, "sk-a"), None);
        assert_eq!(doubt(Provider::Telegram, "123:abc"), None);
    }

    #[test]
    fn passwords_and_refresh_tokens_are_as_they_are() {
        for provider in [Provider::Smtp, Provider::Dropbox] {
            for text in ["abcd efgh ijkl mnop", "Bearer a", "bot1:a"] {
                assert_eq!(tidied(provider, text), text);
                assert_eq!(doubt(provider, &Secret::new(text.to_owned())), None);
            }
        }
    }
}
