//! How errors look on the wire (RFC 9457).

use poem_openapi::{Object, types::Example};

use crate::app::http::problem::ProblemKind;

/// What went wrong (RFC 9457). Tell problems apart by their `type`: each kind keeps its URI and
/// its status. `detail` is for people and may change.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub struct Problem {
    /// The kind of problem, a URI reference that never changes. See the overview for all kinds.
    #[oai(rename = "type")]
    pub kind: String,
    /// The same few words for every problem of this kind.
    pub title: String,
    /// The HTTP status once more.
    #[oai(validator(minimum(value = "400"), maximum(value = "599")))]
    pub status: u16,
    /// What happened this time, for people.
    pub detail: String,
    /// The id under which the log has more.
    pub request_id: String,
    /// Every bad field of the request.
    #[oai(skip_serializing_if_is_none)]
    pub errors: Option<Vec<FieldError>>,
}

/// A bad field of the request.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub struct FieldError {
    /// The field: a name in the path, in the query or in the body.
    pub field: String,
    /// The rule that it breaks.
    pub message: String,
}

impl FieldError {
    /// A field and the rule that it breaks.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

impl Example for Problem {
    fn example() -> Self {
        let kind = ProblemKind::InvalidRequest;
        Self {
            kind: kind.uri(),
            title: kind.title().to_owned(),
            status: kind.status().as_u16(),
            detail: "Bad fields: platforms[0].".to_owned(),
            request_id: "7f9c24e8-3b1a-4a57-9d0e-2f6c1b8a5d43".to_owned(),
            errors: Some(vec![FieldError::example()]),
        }
    }
}

impl Example for FieldError {
    fn example() -> Self {
        Self::new("platforms[0]", "must be one of: telegram, email")
    }
}
