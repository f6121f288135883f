//! The description of a kind of problem.

use poem_openapi::Object;

use crate::app::http::problem::ProblemKind;

/// A kind of problem: what it means, and what a caller can do about it.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct ProblemDescription {
    /// The kind, as `type` names it in each problem.
    #[oai(rename = "type")]
    pub kind: String,
    /// The title of the kind.
    pub title: String,
    /// Its HTTP status.
    #[oai(validator(minimum(value = "400"), maximum(value = "599")))]
    pub status: u16,
    /// When a request is answered with it.
    pub meaning: String,
    /// What a caller can do about it.
    pub remedy: String,
}

impl From<ProblemKind> for ProblemDescription {
    fn from(kind: ProblemKind) -> Self {
        Self {
            kind: kind.uri(),
            title: kind.title().to_owned(),
            status: kind.status().as_u16(),
            meaning: kind.meaning().to_owned(),
            remedy: kind.remedy().to_owned(),
        }
    }
}
