//! The id of a request, here and at upstreams.

use std::sync::Arc;

use derive_more::Display;

/// The longest id of a caller that is used, in bytes.
const MAX_LENGTH: usize = 128;

/// The id of a request: the caller's if it is valid, otherwise a new UUID. Safe to log and to forward.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Display)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// A caller's id of 1 to 128 letters, digits, `.`, `_`, `:` or `-`, which is safe in headers and log lines; `None`
    /// for other texts.
    #[must_use]
    pub fn from_caller(value: &str) -> Option<Self> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        let is_valid = (1..=MAX_LENGTH).contains(&value.len()) && value.bytes().all(is_allowed);
        is_valid.then(|| Self(value.into()))
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
