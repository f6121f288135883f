//! The error type of the API. `usecases`, `jobs`, `library`, `publications` and `storage` convert the errors of use cases and of storage.

mod jobs;
mod library;
mod publications;
mod storage;
mod usecases;

use std::{borrow::Cow, error::Error, time::Duration};

use poem::{
    Body, Response,
    error::{MethodNotAllowedError, NotFoundError, ResponseError},
    http::{HeaderValue, StatusCode, header},
};
use poem_openapi::{
    ApiResponse,
    error::{ParseParamError, ParsePathError},
    registry::{MetaResponses, Registry},
    types::ToJSON as _,
};

use super::{
    dto::problem::{FieldError, Problem},
    problem::ProblemKind,
};
use crate::{app::runtime::error_chain::ErrorChain, domain::request_id::RequestId};

/// The default of `Retry-After`.
pub(super) const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(5);

/// A problem for the caller, with its cause for the log.
#[derive(Debug, thiserror::Error)]
#[error("{}: {detail}", .kind.slug())]
pub struct ApiError {
    kind: ProblemKind,
    detail: Cow<'static, str>,
    fields: Vec<FieldError>,
    retry_after: Option<Duration>,
    challenges: Vec<&'static str>,
    #[source]
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// The detail of the answer to a path that does not exist.
    pub(in crate::app::http) const NO_PATH: &str = "There is nothing at this path.";

    /// A problem. The detail is sent to the caller: it must hold no secret, no reference, and no text of an
    /// upstream.
    pub fn new(kind: ProblemKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            fields: Vec::new(),
            retry_after: None,
            challenges: Vec::new(),
            cause: None,
        }
    }

    /// The problem of an id that no publication of the tenant has.
    pub(super) fn no_publication() -> Self {
        Self::new(
            ProblemKind::NotFound,
            "There is no publication with this id.",
        )
    }

    /// The problem of an id that no job of the tenant has.
    pub(super) fn no_job() -> Self {
        Self::new(ProblemKind::NotFound, "There is no job with this id.")
    }

    /// A request with bad fields.
    #[must_use]
    pub fn bad_fields(fields: Vec<FieldError>) -> Self {
        let names: Vec<&str> = fields.iter().map(|error| error.field.as_str()).collect();
        let detail = format!("Bad fields: {}.", names.join(", "));
        Self {
            fields,
            ..Self::new(ProblemKind::InvalidRequest, detail)
        }
    }

    /// A fault of this service.
    #[must_use]
    pub fn internal() -> Self {
        let detail = "Something went wrong here. The log has it under the request id.";
        Self::new(ProblemKind::Internal, detail)
    }

    /// Adds the time after which to try again.
    #[must_use]
    pub fn retry_after(self, retry_after: Option<Duration>) -> Self {
        Self {
            retry_after,
            ..self
        }
    }

    /// Adds the ways to authenticate.
    #[must_use]
    pub(super) fn challenge(self, challenges: Vec<&'static str>) -> Self {
        Self { challenges, ..self }
    }

    /// Adds a field that the problem is about.
    #[must_use]
    pub(super) fn naming(mut self, field: FieldError) -> Self {
        self.fields.push(field);
        self
    }

    /// Adds the cause, which is only logged.
    #[must_use]
    pub fn caused_by(self, cause: impl Error + Send + Sync + 'static) -> Self {
        Self {
            cause: Some(Box::new(cause)),
            ..self
        }
    }

    /// The problem of an error that has passed through the framework.
    pub(super) fn from_framework(error: poem::Error) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(own) => return own,
            Err(foreign) => foreign,
        };
        if let Some(ParseParamError { name, reason }) = error.downcast_ref() {
            return Self::bad_parameter(name, reason);
        }
        if error.is::<ParsePathError>() {
            // The framework numbers the parameters of a path, and does not name them.
            let rule = "must be percent-encoded UTF-8";
            return Self::bad_fields(vec![FieldError::new("path", rule)]);
        }
        if error.is::<NotFoundError>() || error.status() == StatusCode::NOT_FOUND {
            return Self::new(ProblemKind::NotFound, Self::NO_PATH);
        }
        if error.is::<MethodNotAllowedError>() {
            let detail = "This path does not have the method.";
            return Self::new(ProblemKind::MethodNotAllowed, detail);
        }
        if error.status().is_client_error() {
            return Self::new(ProblemKind::InvalidRequest, "The request is malformed.");
        }
        Self::internal().caused_by(error)
    }

    /// A parameter that the framework cannot read, or that breaks a limit of the spec.
    fn bad_parameter(name: &str, reason: &str) -> Self {
        let words = reason.trim_start_matches("verification failed. ");
        // The middle of: failed to parse "integer": invalid digit (occurred while parsing "…")
        let words = words.split(" (occurred").next().unwrap_or(words);
        let words = words.rsplit_once("\": ").map_or(words, |(_, rest)| rest);
        let rule = rule_of(words.trim_end_matches('.'));
        Self::bad_fields(vec![FieldError::new(name, rule)])
    }

    /// The problem's kind.
    pub(super) fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// Logs the cause of a failure. Called once, where the error becomes an answer.
    pub(super) fn log(&self) {
        let Some(cause) = &self.cause else { return };
        let (problem, error) = (self.kind.slug(), ErrorChain(&**cause));
        if self.kind == ProblemKind::Internal {
            tracing::error!(problem, %error, "request failed");
        } else if self.kind.status().is_server_error() {
            tracing::warn!(problem, %error, "request failed");
        }
    }

    /// The body of the answer, as JSON. Logs the cause as [`log`](Self::log) does: for the command line.
    #[must_use]
    pub fn into_json(self, request_id: &RequestId) -> String {
        self.log();
        self.problem(request_id).to_json_string()
    }

    fn problem(&self, request_id: &RequestId) -> Problem {
        Problem {
            kind: self.kind.uri(),
            title: self.kind.title().to_owned(),
            status: self.kind.status().as_u16(),
            detail: self.detail.clone().into_owned(),
            request_id: request_id.as_str().to_owned(),
            errors: (!self.fields.is_empty()).then(|| self.fields.clone()),
        }
    }

    /// The answer.
    pub(super) fn into_response(self, request_id: &RequestId) -> Response {
        let status = self.kind.status();
        let body = self.problem(request_id).to_json_string();
        let mut response = Response::builder()
            .status(status)
            .content_type("application/problem+json")
            .body(Body::from_string(body));
        let headers = response.headers_mut();
        if needs_retry_after(status) {
            let wait = self.retry_after.unwrap_or(DEFAULT_RETRY_AFTER);
            headers.insert(header::RETRY_AFTER, whole_seconds(wait).into());
        }
        if status == StatusCode::REQUEST_TIMEOUT {
            // The service does not wait for the rest of the body.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        for challenge in self.challenges {
            // A header for each: some clients cannot read a list of challenges.
            let challenge = HeaderValue::from_static(challenge);
            headers.append(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// Whether answers with this status have `Retry-After`.
pub(super) fn needs_retry_after(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    )
}

/// The seconds of a wait, rounded up and never 0, which would invite the next request at once.
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    let started = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(started).max(1)
}

/// The rule that a parameter breaks, for the words that the framework and the standard library have for it; these words where
/// they are none of those.
fn rule_of(words: &str) -> String {
    let limit = |name: &str| {
        let numbers = words.strip_prefix(name)?.strip_prefix('(')?;
        numbers.split([',', ')']).next()
    };
    if let Some(least) = limit("minimum") {
        return format!("must be at least {least}");
    }
    if let Some(most) = limit("maximum") {
        return format!("must be at most {most}");
    }
    if let Some(most) = limit("maxLength") {
        return format!("must have at most {most} characters");
    }
    let rule = match words {
        "Expect a valid enumeration value" => "must be one of the values that the document names",
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            "must be a whole number"
        }
        "number too large to fit in target type" => "is too large",
        "provided string was not `true` or `false`" => "must be true or false",
        _ => return format!("is not acceptable: {words}"),
    };
    rule.to_owned()
}

/// Lets the error pass through the framework: `Problems` makes the answer.
impl ResponseError for ApiError {
    fn status(&self) -> StatusCode {
        self.kind.status()
    }
}

/// Declares nothing: `spec` adds the problems of each operation.
impl ApiResponse for ApiError {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: Vec::new(),
        }
    }

    fn register(_registry: &mut Registry) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::ImageStoreError;

    #[test]
    fn waits_are_rounded_up_to_whole_seconds() {
        for (millis, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (60_000, 60)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
        }
    }

    #[tokio::test]
    async fn causes_never_reach_the_caller() {
        let error = ApiError::from(ImageStoreError::Unavailable("ref-7 at db.internal".into()));
        let chain = ErrorChain(&error).to_string();
        assert!(chain.contains("ref-7"), "the log has the cause: {chain}");
        let id = RequestId::from_caller("id").unwrap();
        let body = error.into_response(&id).into_body().into_string().await;
        assert!(!body.unwrap().contains("ref-7"));
    }
}
