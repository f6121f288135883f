//! Problems: errors on the wire (RFC 9457).

use poem_openapi::Object;

/// What went wrong (RFC 9457). Distinguish problems by their `type`: each kind keeps its URI and
/// its status. `detail` is for people and may change.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct Problem {
    /// The kind of problem, a URI reference that never changes. See the overview for all kinds.
    #[oai(rename = "type")]
    pub kind: String,
    /// The title of the kind.
    pub title: String,
    /// The HTTP status.
    #[oai(validator(minimum(value = "400"), maximum(value = "599")))]
    pub status: u16,
    /// What happened this time, for people.
    pub detail: String,
    /// The id of the request, by which the log can be searched.
    pub request_id: String,
    /// All bad fields of the request.
    #[oai(skip_serializing_if_is_none)]
    pub errors: Option<Vec<FieldError>>,
}

/// A bad field of the request.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct FieldError {
    /// The field: a name in the path, in the query or in the body.
    pub field: String,
    /// The rule that it breaks.
    pub message: String,
}

impl FieldError {
    /// A bad field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}
