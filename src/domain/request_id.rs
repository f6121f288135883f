//! The id under which a request can be found again, here and upstream.

use std::{fmt, sync::Arc};

/// The longest id that is taken over from a caller, in bytes.
const MAX_LENGTH: usize = 128;

/// A request's id: the caller's if it is sane, else a new UUID. Safe to log and to send on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Takes over a caller's id: 1 to 128 letters, digits, `.`, `_`, `:` or `-`. `None` for
    /// anything else, so that an id can break neither a log line nor a header.
    #[must_use]
    pub fn from_caller(value: &str) -> Option<Self> {
        let sane = !value.is_empty()
            && value.len() <= MAX_LENGTH
            && value
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b));
        sane.then(|| Self(value.into()))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<uuid::Uuid> for RequestId {
    fn from(id: uuid::Uuid) -> Self {
        Self(
            (&*id
                .hyphenated()
                .encode_lower(&mut uuid::Uuid::encode_buffer()))
                .into(),
        )
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sane_id_is_taken_over_and_others_are_not() {
        assert_eq!(
            RequestId::from_caller("a-1_b.2:c").unwrap().as_str(),
            "a-1_b.2:c"
        );
        for id in ["", "a b", "a\nb", "ä", "a\"b", &"a".repeat(129)] {
            assert!(RequestId::from_caller(id).is_none(), "{id:?}");
        }
    }
}
