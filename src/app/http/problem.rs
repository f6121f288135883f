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
    /// 431.
    HeadersTooLarge,
    /// 500.
    Internal,
    /// 502.
    UpstreamFailed,
    /// 503.
    TenantUnavailable,
    /// 503.
    FeatureUnavailable,
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
    remedy: &'static str,
}

impl ProblemKind {
    /// Every kind there is, in the order of their statuses.
    pub const ALL: [Self; 26] = [
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
        Self::HeadersTooLarge,
        Self::Internal,
        Self::UpstreamFailed,
        Self::TenantUnavailable,
        Self::FeatureUnavailable,
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

    /// What a caller can do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        self.facts().remedy
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.slug() == slug)
    }

    #[expect(clippy::too_many_lines, reason = "a table with a row for each kind")]
    const fn facts(self) -> Facts {
        let (slug, status, title, meaning, remedy) = match self {
            Self::InvalidRequest => (
                "invalid-request",
                StatusCode::BAD_REQUEST,
                "Invalid request",
                "The request is malformed, or fields of it are bad; `errors` names each.",
                "Mend every field that `errors` names; the same request fails again.",
            ),
            Self::Unauthorized => (
                "unauthorized",
                StatusCode::UNAUTHORIZED,
                "Unauthorized",
                "The request lacks an admin's credential, or has a wrong one.",
                "Send a credential of a scheme that `WWW-Authenticate` names.",
            ),
            Self::Forbidden => (
                "forbidden",
                StatusCode::FORBIDDEN,
                "Forbidden",
                "A page of another site has sent the request; or it writes with a session, and \
                 nobody says which page has sent it.",
                "Send the request from a page of the tenant's host, or with the bearer token.",
            ),
            Self::FeatureDisabled => (
                "feature-disabled",
                StatusCode::FORBIDDEN,
                "Feature disabled",
                "The tenant's config does not allow it.",
                "Ask `getFeatures` and `getPublishers` what is on; only the tenant's config changes it.",
            ),
            Self::TenantNotFound => (
                "tenant-not-found",
                StatusCode::NOT_FOUND,
                "Tenant not found",
                "The `Host` of the request is no tenant's.",
                "Check the host. What becomes a tenant is served within a minute.",
            ),
            Self::ImageNotFound => (
                "image-not-found",
                StatusCode::NOT_FOUND,
                "Image not found",
                "The tenant has no image of that name, or none at all.",
                "List the images anew: it may have been moved, renamed or deleted.",
            ),
            Self::NotFound => (
                "not-found",
                StatusCode::NOT_FOUND,
                "Not found",
                "The path leads nowhere.",
                "Check the path against the document at `/openapi.json`.",
            ),
            Self::MethodNotAllowed => (
                "method-not-allowed",
                StatusCode::METHOD_NOT_ALLOWED,
                "Method not allowed",
                "The path knows other methods, which `Allow` names.",
                "Use one of the methods that `Allow` names.",
            ),
            Self::RequestTimeout => (
                "request-timeout",
                StatusCode::REQUEST_TIMEOUT,
                "Request timed out",
                "The body did not arrive within 30 seconds. The connection is closed.",
                "Send the request again, on a new connection. Nothing was done for this one.",
            ),
            Self::Conflict => (
                "conflict",
                StatusCode::CONFLICT,
                "Conflict",
                "Another request is working on the same image, or under the same key; or the image \
                 has been replaced meanwhile.",
                "Try again after `Retry-After`; under an `Idempotency-Key`, with the same one.",
            ),
            Self::PayloadTooLarge => (
                "payload-too-large",
                StatusCode::PAYLOAD_TOO_LARGE,
                "Payload too large",
                "The body has more than 64 KiB, or the image in storage more than 50 MB.",
                "Send less, or replace the image by a smaller one.",
            ),
            Self::UnsupportedMediaType => (
                "unsupported-media-type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Unsupported media type",
                "The body is not declared to be JSON.",
                "Send the body as `Content-Type: application/json`.",
            ),
            Self::IdempotencyMismatch => (
                "idempotency-mismatch",
                StatusCode::UNPROCESSABLE_ENTITY,
                "Idempotency key used before",
                "The `Idempotency-Key` belongs to a request that asked for something else.",
                "Use a new key for each thing to do, and the same one only to repeat it.",
            ),
            Self::CaptionRequired => (
                "caption-required",
                StatusCode::UNPROCESSABLE_ENTITY,
                "Caption required",
                "No caption can be written for this tenant, or the model refuses this image: give a \
                 caption, or allow an empty one.",
                "Send `caption`, or `\"allow_empty_caption\": true`.",
            ),
            Self::UnusableImage => (
                "unusable-image",
                StatusCode::UNPROCESSABLE_ENTITY,
                "Unusable image",
                "The file is no image that can be published, or none that a thumbnail can be made of; or \
                 storage does not hand it out, or the model refuses it: `detail` says which.",
                "Replace the file by a JPEG, PNG or WebP image that storage and model accept.",
            ),
            Self::RateLimited => (
                "rate-limited",
                StatusCode::TOO_MANY_REQUESTS,
                "Too many requests",
                "More of this is under way, or was tried, than is let through at a time.",
                "Wait for as long as `Retry-After` says.",
            ),
            Self::HeadersTooLarge => (
                "headers-too-large",
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "Headers too large",
                "The names and values of the request's headers have more than 16 KiB in all.",
                "Send fewer headers, or shorter ones; old cookies are the usual cause.",
            ),
            Self::Internal => (
                "internal",
                StatusCode::INTERNAL_SERVER_ERROR,
                "Internal error",
                "A fault of this service. Its log has the cause under the `request_id`.",
                "Report the `request_id` to whoever runs the service.",
            ),
            Self::UpstreamFailed => (
                "upstream-failed",
                StatusCode::BAD_GATEWAY,
                "Upstream failed",
                "A service that this one depends on failed.",
                "Try again later; if it stays, the tenant's credentials may be to blame.",
            ),
            Self::TenantUnavailable => (
                "tenant-unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
                "Tenant unavailable",
                "The tenant's config or storage credential cannot be had at the moment.",
                "Wait for as long as `Retry-After` says, then try again.",
            ),
            Self::FeatureUnavailable => (
                "feature-unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
                "Feature unavailable",
                "The feature is on for the tenant but cannot work at the moment: its credential cannot \
                 be had.",
                "Wait for as long as `Retry-After` says, then try again. If it stays, check the \
                 credential that the tenant's config names.",
            ),
            Self::LedgerUnavailable => (
                "ledger-unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
                "Ledger unavailable",
                "The record of what has been published cannot be read or written at the moment; \
                 nothing is published without it.",
                "Wait for as long as `Retry-After` says, then try again. Nothing was published.",
            ),
            Self::Overloaded => (
                "overloaded",
                StatusCode::SERVICE_UNAVAILABLE,
                "Overloaded",
                "This service has as much to do as it can take on.",
                "Wait for as long as `Retry-After` says, then try again.",
            ),
            Self::AdminNotConfigured => (
                "admin-not-configured",
                StatusCode::SERVICE_UNAVAILABLE,
                "Admin access not configured",
                "This service has been given no credential to check admins by.",
                "Whoever runs the service has to give it a credential.",
            ),
            Self::UpstreamLimited => (
                "upstream-limited",
                StatusCode::SERVICE_UNAVAILABLE,
                "Upstream is limiting requests",
                "A service that this one depends on asks to be left alone for a while.",
                "Wait for as long as `Retry-After` says, then try again.",
            ),
            Self::UpstreamTimeout => (
                "upstream-timeout",
                StatusCode::GATEWAY_TIMEOUT,
                "Upstream timed out",
                "A service that this one depends on did not answer in time.",
                "Try again later. What was published before the end stands in the ledger.",
            ),
        };
        Facts {
            slug,
            status,
            title,
            meaning,
            remedy,
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
