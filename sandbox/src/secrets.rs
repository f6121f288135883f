//! Made-up secrets in the shapes of the real ones, each with `sandbox` in it. Used by the
//! stand-ins of this folder.

use std::collections::BTreeSet;

use uuid::Uuid;

/// A random secret with this prefix.
pub(super) fn random(prefix: &str) -> String {
    format!("{prefix}sandbox-{}", Uuid::new_v4().simple())
}

/// A Telegram bot token: nine digits, a colon, 35 characters.
pub(super) fn bot_token() -> String {
    let id = 100_000_000 + Uuid::new_v4().as_u128() % 900_000_000;
    let tail = Uuid::new_v4().simple().to_string();
    let tail = tail.get(..26).unwrap_or_default();
    format!("{id}:AAsandbox{tail}")
}

/// A Mastodon access token: 43 characters of base 64 for URLs.
#[must_use]
pub fn mastodon_token() -> String {
    let tail = Uuid::new_v4().simple().to_string();
    format!("sandbox-_{tail}Qq")
}

/// A Bluesky app password: four times four letters and digits.
#[must_use]
pub fn app_password() -> String {
    let tail = Uuid::new_v4().simple().to_string();
    // Base 32 has no 0, 1, 8 and 9.
    let tail = tail
        .replace('0', "w")
        .replace('1', "x")
        .replace('8', "y")
        .replace('9', "z");
    let part = |from: usize, to: usize| tail.get(from..to).unwrap_or_default();
    format!("sand-box{}-{}-{}", part(0, 1), part(1, 5), part(5, 9))
}

/// Everything secret that was ever handed out: what is revoked must not be logged either.
#[derive(Debug, Default)]
pub(super) struct Issued(BTreeSet<String>);

impl Issued {
    pub(super) fn note(&mut self, secret: &str) {
        if !secret.is_empty() {
            self.0.insert(secret.to_owned());
        }
    }

    pub(super) fn list(&self) -> Vec<String> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bot_tokens_have_telegrams_shape() {
        let token = bot_token();
        let (id, tail) = token.split_once(':').unwrap();
        assert_eq!(id.len(), 9);
        assert!(id.bytes().all(|byte| byte.is_ascii_digit()));
        assert_eq!(tail.len(), 35);
        assert!(tail.starts_with("AAsandbox"));
    }

    #[test]
    fn tokens_of_mastodon_have_its_shape() {
        let token = mastodon_token();
        assert_eq!(token.len(), 43);
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        assert!(token.chars().all(is_allowed), "{token}");
        assert_ne!(token, mastodon_token());
    }

    #[test]
    fn app_passwords_have_the_shape_of_bluesky() {
        let password = app_password();
        let parts: Vec<_> = password.split('-').collect();
        let is_allowed = |c: char| matches!(c, 'a'..='z' | '2'..='7');
        assert_eq!(parts.len(), 4);
        for part in parts {
            assert!(
                part.len() == 4 && part.chars().all(is_allowed),
                "{password}"
            );
        }
        assert_ne!(password, app_password());
    }
}
