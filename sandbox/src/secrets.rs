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
}
