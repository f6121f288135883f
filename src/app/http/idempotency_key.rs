//! The `Idempotency-Key` of a request.

use super::{dto::problem::FieldError, json_body::Fields, raw_header::FromHeader};
use crate::domain::idempotency::IdempotencyKey;

/// The values of the header, unchecked.
pub(super) struct SentKey(Vec<Vec<u8>>);

impl SentKey {
    /// The key, if there is one. Any other value is recorded as a problem.
    pub(super) fn read(&self, fields: &mut Fields) -> Option<IdempotencyKey> {
        let rule = match &*self.0 {
            [] => return None,
            [value] => match IdempotencyKey::new(&String::from_utf8_lossy(value)) {
                Ok(key) => return Some(key),
                Err(rule) => rule.to_string(),
            },
            _ => "must be there once".to_owned(),
        };
        fields.reject(FieldError::new(Self::NAME, rule));
        None
    }
}

impl FromHeader for SentKey {
    const NAME: &'static str = "Idempotency-Key";

    fn from_values<'a>(values: impl Iterator<Item = &'a [u8]>) -> Self {
        Self(values.map(<[u8]>::to_vec).collect())
    }
}
