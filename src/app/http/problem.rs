//! The kinds of problems that this API answers with, each under a stable URI.

use poem::http::StatusCode;

/// What went wrong, for a program: each kind has one `type` URI and one status for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemKind {
    /// 400.
    InvalidRequest,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 403.
    FeatureDisabled,
    /// 404.
    TenantNotFound,
    /// 404.
    ImageNotFound,
    /// 404.
    NotFound,
    /// 405.
    MethodNotAllowed,
    /// 408.
    RequestTimeout,
    /// 409.
    Conflict,
    /// 413.
    PayloadTooLarge,
    /// 415.
    UnsupportedMediaType,
    /// 422.
    IdempotencyMismatch,
    /// 422.
    CaptionRequired,
    /// 422.
    UnusableImage,
    /// 429.
    RateLimited,
    /// 500.
    Internal,
    /// 502.
    UpstreamFailed,
    /// 503.
    TenantUnavailable,
    /// 503.
    LedgerUnavailable,
    /// 503.
    Overloaded,
    /// 503.
    AdminNotConfigured,
    /// 503.
    UpstreamLimited,
    /// 504.
    UpstreamTimeout,
}

/// What is fixed for a kind.
struct Facts {
    slug: &'static str,
    status: StatusCode,
    title: &'static str,
    meaning: &'static str,
}

impl ProblemKind {
    /// Every kind there is, in the order of their statuses.
    pub const ALL: [Self; 24] = [
        Self::InvalidRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::FeatureDisabled,
        Self::TenantNotFound,
        Self::ImageNotFound,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::Conflict,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::IdempotencyMismatch,
        Self::CaptionRequired,
        Self::UnusableImage,
        Self::RateLimited,
        Self::Internal,
        Self::UpstreamFailed,
        Self::TenantUnavailable,
        Self::LedgerUnavailable,
        Self::Overloaded,
        Self::AdminNotConfigured,
        Self::UpstreamLimited,
        Self::UpstreamTimeout,
    ];

    /// The name by which URIs, logs and the spec call it.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        self.facts().slug
    }

    /// The URI by which programs tell the kinds apart.
    #[must_use]
    pub fn uri(self) -> String {
        format!("/problems/{}", self.slug())
    }

    /// The status that it is answered with.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.facts().status
    }

    /// The same few words for every problem of the kind.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.facts().title
    }

    /// When it is answered, for the spec.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        self.facts().meaning
    }

    #[expect(clippy::too_many_lines, reason = "a table with a row for each kind")]
    const fn facts(self) -> Facts {
        let (slug, status, title, meaning) = match self {
            Self::InvalidRequest => (
                "invalid-request",
                StatusCode::BAD_REQUEST,
                "Invalid request",
                "The request is malformed, or fields of it are bad; `errors` names each.",
            ),
            Self::Unauthorized => (
                "unauthorized",
                StatusCode::UNAUTHORIZED,
                "Unauthorized",
                "The request lacks an admin's credential, or has a wrong one.",
            ),
            Self::Forbidden => (
                "forbidden",
                StatusCode::FORBIDDEN,
                "Forbidden",
                "A page of another site has sent the request; or it writes with a session, and \
                 nobody says which page has sent it.",
            ),
            Self::FeatureDisabled => (
                "feature-disabled",
                StatusCode::FORBIDDEN,
                "Feature disabled",
                "The tenant's config does not allow it.",
            ),
            Self::TenantNotFound => (
                "tenant-not-found",
                StatusCode::NOT_FOUND,
                "Tenant not found",
                "The `Host` of the request is no tenant's.",
            ),
            Self::ImageNotFound => (
                "image-not-found",
                StatusCode::NOT_FOUND,
                "Image not found",
                "The tenant has no image of that name, or none at all.",
            ),
            Self::NotFound => (
                "not-found",
                StatusCode::NOT_FOUND,
                "Not found",
                "The path leads nowhere.",
            ),
            Self::MethodNotAllowed => (
                "method-not-allowed",
                StatusCode::METHOD_NOT_ALLOWED,
                "Method not allowed",
                "The path knows other methods, which `Allow` names.",
            ),
            Self::RequestTimeout => (
                "request-timeout",
                StatusCode::REQUEST_TIMEOUT,
                "Request timed out",
                "The body did not arrive within 30 seconds. The connection is closed.",
            ),
            Self::Conflict => (
                "conflict",
                StatusCode::CONFLICT,
                "Conflict",
                "Another request is working on the same image, or under the same key; or the image \
                 has been replaced meanwhile.",
            ),
            Self::PayloadTooLarge => (
                "payload-too-large",
                StatusCode::PAYLOAD_TOO_LARGE,
                "Payload too large",
                "The body has more than 64 KiB, or the image in storage more than 50 MB.",
            ),
            Self::UnsupportedMediaType => (
                "unsupported-media-type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Unsupported media type",
                "The body is not declared to be JSON.",
            ),
            Self::IdempotencyMismatch => (
                "idempotency-mismatch",
                StatusCode::UNPROCESSABLE_ENTITY,
                "Idempotency key used before",
                "The `Idempotency-Key` belongs to a request that asked for something else.",
            ),
            Self::CaptionRequired => (
                "caption-required",
                StatusCode::UNPROCESSABLE_ENTITY,
                "Caption required",
                "No caption can be written for this tenant: give one, or allow an empty one.",
            ),
            Self::UnusableImage => (
                "unusable-image",
                StatusCode::UNPROCESSABLE_ENTITY,
                "Unusable image",
                "The file is no image that can be published, or none that a thumbnail can be made of.",
            ),
            Self::RateLimited => (
                "rate-limited",
                StatusCode::TOO_MANY_REQUESTS,
                "Too many requests",
                "More of this is under way, or was tried, than is let through at a time.",
            ),
            Self::Internal => (
                "internal",
                StatusCode::INTERNAL_SERVER_ERROR,
                "Internal error",
                "A fault of this service. Its log has the cause under the `request_id`.",
            ),
            Self::UpstreamFailed => (
                "upstream-failed",
                StatusCode::BAD_GATEWAY,
                "Upstream failed",
                "A service that this one depends on failed.",
            ),
            Self::TenantUnavailable => (
                "tenant-unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
                "Tenant unavailable",
                "The tenant's config or storage credential cannot be had at the moment.",
            ),
            Self::LedgerUnavailable => (
                "ledger-unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
                "Ledger unavailable",
                "The record of what has been published cannot be read or written at the moment; \
                 nothing is published without it.",
            ),
            Self::Overloaded => (
                "overloaded",
                StatusCode::SERVICE_UNAVAILABLE,
                "Overloaded",
                "This service has as much to do as it can take on.",
            ),
            Self::AdminNotConfigured => (
                "admin-not-configured",
                StatusCode::SERVICE_UNAVAILABLE,
                "Admin access not configured",
                "This service has been given no credential to check admins by.",
            ),
            Self::UpstreamLimited => (
                "upstream-limited",
                StatusCode::SERVICE_UNAVAILABLE,
                "Upstream is limiting requests",
                "A service that this one depends on asks to be left alone for a while.",
            ),
            Self::UpstreamTimeout => (
                "upstream-timeout",
                StatusCode::GATEWAY_TIMEOUT,
                "Upstream timed out",
                "A service that this one depends on did not answer in time.",
            ),
        };
        Facts {
            slug,
            status,
            title,
            meaning,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_has_a_uri_of_its_own() {
        let uris: BTreeSet<_> = ProblemKind::ALL.map(ProblemKind::uri).into();
        assert_eq!(uris.len(), ProblemKind::ALL.len());
        assert!(uris.contains("/problems/tenant-not-found"));
    }

    #[test]
    fn kinds_stand_in_the_order_of_their_statuses() {
        assert!(ProblemKind::ALL.is_sorted());
        assert!(ProblemKind::ALL.is_sorted_by_key(|kind| kind.status()));
    }
}
