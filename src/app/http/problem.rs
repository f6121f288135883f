//! The kinds of problems that this API answers with, each with a stable URI.

use poem::http::StatusCode;

/// The properties of a kind.
struct Facts {
    slug: &'static str,
    status: StatusCode,
    title: &'static str,
    meaning: &'static str,
    remedy: &'static str,
}

/// Declares the kinds: name, status, slug, title; meaning; remedy.
macro_rules! problem_kinds {
    ($($name:ident, $status:ident, $slug:literal, $title:literal; $meaning:literal; $remedy:literal;)*) => {
        /// What went wrong, for programs: each kind keeps its `type` URI and its status.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ProblemKind {
            $(#[doc = $meaning] $name,)*
        }

        impl ProblemKind {
            /// All kinds, in the order of their statuses.
            pub const ALL: [Self; [$($slug),*].len()] = [$(Self::$name),*];

            const fn facts(self) -> Facts {
                match self {
                    $(Self::$name => Facts {
                        slug: $slug,
                        status: StatusCode::$status,
                        title: $title,
                        meaning: $meaning,
                        remedy: $remedy,
                    },)*
                }
            }
        }
    };
}

problem_kinds! {
    InvalidRequest, BAD_REQUEST, "invalid-request", "Invalid request";
        "The request is malformed, or fields of it are bad; `errors` names each.";
        "Correct every field that `errors` names; the same request fails again.";
    Unauthorized, UNAUTHORIZED, "unauthorized", "Unauthorized";
        "The request lacks an admin's credential, or has a wrong one.";
        "Send a credential of a scheme that `WWW-Authenticate` names.";
    InsufficientBalance, PAYMENT_REQUIRED, "insufficient-balance", "Insufficient balance";
        "The tenant is out of credit, and the request needs what is paid for.";
        "Add credit to the tenant's balance; it counts within 30 seconds. To publish without a caption, send \
         `\"allow_empty_caption\": true`.";
    Forbidden, FORBIDDEN, "forbidden", "Forbidden";
        "A page of another site has sent the request; or it writes with a session and does not name the page that \
         has sent it.";
        "Send the request from a page of the tenant's host, or with the bearer token.";
    FeatureDisabled, FORBIDDEN, "feature-disabled", "Feature disabled";
        "The tenant's config does not allow it.";
        "Ask `getFeatures` and `getPublishers` what is on; only the tenant's config changes it.";
    TenantNotFound, NOT_FOUND, "tenant-not-found", "Tenant not found";
        "The `Host` of the request belongs to no tenant.";
        "Check the host. A new tenant is served within a minute.";
    ImageNotFound, NOT_FOUND, "image-not-found", "Image not found";
        "The tenant has no image of that name, or none at all.";
        "List the images again: it may have been moved, renamed or deleted.";
    NotFound, NOT_FOUND, "not-found", "Not found";
        "The path does not exist, the tenant has no library, or no publication or job has the id.";
        "Check the path against the document at `/openapi.json`.";
    MethodNotAllowed, METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed";
        "The path has other methods, which `Allow` names.";
        "Use one of the methods that `Allow` names.";
    RequestTimeout, REQUEST_TIMEOUT, "request-timeout", "Request timed out";
        "The body did not arrive within 30 seconds; or an upload paused for so long, or was too slow. The connection is \
         closed.";
        "Send the request again, on a new connection. Nothing was done for this one.";
    Conflict, CONFLICT, "conflict", "Conflict";
        "Another request is working on the same image, or under the same key; or the image has been replaced \
         meanwhile; or another file has the name.";
        "Try again after `Retry-After`; under an `Idempotency-Key`, with the same one. Where the name is taken, choose \
         another.";
    CannotBeAsked, CONFLICT, "cannot-be-asked", "Platform cannot be asked";
        "It cannot be found out whether the platform has the post: the platform has no way to look it up, or is off, or \
         nothing was sent.";
        "Look at the platform. If the post is not there, publish the image with `\"force\": true` and \
         this platform alone in `platforms`: without `platforms`, all that are on get it once more.";
    JobState, CONFLICT, "job-state", "Job in another state";
        "The job's state does not allow it: it has begun or ended, does not wait for approval, or has nothing to try again.";
        "Read the job again: `detail` says which state it is in. Add another job to publish something else.";
    PayloadTooLarge, PAYLOAD_TOO_LARGE, "payload-too-large", "Payload too large";
        "The body has more than 64 KiB, an upload more than is allowed, or the image in storage more than 50 MB.";
        "Send less, or replace the image by a smaller one.";
    UnsupportedMediaType, UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type";
        "The body is not declared to be JSON, or an upload to be a form; or the file of an upload is no JPEG, PNG or WebP \
         image under a name with that ending, or has too many pixels.";
        "Send the body as `Content-Type: application/json`, an upload as `multipart/form-data`; convert the image.";
    IdempotencyMismatch, UNPROCESSABLE_ENTITY, "idempotency-mismatch", "Idempotency key used before";
        "The `Idempotency-Key` belongs to a request that asked for something else.";
        "Use a new key for each thing to do, and the same one only to repeat it.";
    CaptionRequired, UNPROCESSABLE_ENTITY, "caption-required", "Caption required";
        "No caption can be written for this tenant, or the model refuses this image: give a caption, or allow an \
         empty one.";
        "Send `caption`, or `\"allow_empty_caption\": true`.";
    UnusableImage, UNPROCESSABLE_ENTITY, "unusable-image", "Unusable image";
        "The file is not an image that can be published, or no thumbnail can be made of it; or \
         storage does not hand it out, or the model refuses it: `detail` says which.";
        "Replace the file by a JPEG, PNG or WebP image that storage and model accept.";
    RateLimited, TOO_MANY_REQUESTS, "rate-limited", "Too many requests";
        "More requests of this kind are running, or were tried, than are allowed at a time.";
        "Wait for as long as `Retry-After` says.";
    HeadersTooLarge, REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large", "Headers too large";
        "The names and values of the request's headers have more than 16 KiB in all.";
        "Send fewer headers, or shorter ones; old cookies are the usual cause.";
    Internal, INTERNAL_SERVER_ERROR, "internal", "Internal error";
        "A fault of this service. Its log has the cause under the `request_id`.";
        "Report the `request_id` to the operator of the service.";
    UpstreamFailed, BAD_GATEWAY, "upstream-failed", "Upstream failed";
        "A service that this one depends on failed.";
        "Try again later; if it keeps failing, the tenant's credentials may be the cause.";
    TenantUnavailable, SERVICE_UNAVAILABLE, "tenant-unavailable", "Tenant unavailable";
        "The tenant's config or storage credential is not available at the moment.";
        "Wait for as long as `Retry-After` says, then try again.";
    FeatureUnavailable, SERVICE_UNAVAILABLE, "feature-unavailable", "Feature unavailable";
        "The feature is on for the tenant but does not work at the moment: its credential is not available.";
        "Wait for as long as `Retry-After` says, then try again. If it keeps failing, check the \
         credential that the tenant's config names.";
    LedgerUnavailable, SERVICE_UNAVAILABLE, "ledger-unavailable", "Ledger unavailable";
        "The record of publications cannot be read or written at the moment; nothing is published without it.";
        "Wait for as long as `Retry-After` says, then try again. Nothing was published.";
    Overloaded, SERVICE_UNAVAILABLE, "overloaded", "Overloaded";
        "This service is working on as many requests as it can.";
        "Wait for as long as `Retry-After` says, then try again.";
    AdminNotConfigured, SERVICE_UNAVAILABLE, "admin-not-configured", "Admin access not configured";
        "No credential of admins is configured for this service.";
        "The operator of the service has to configure one.";
    UpstreamLimited, SERVICE_UNAVAILABLE, "upstream-limited", "Upstream is limiting requests";
        "A service that this one depends on accepts no requests for a while.";
        "Wait for as long as `Retry-After` says, then try again.";
    UpstreamTimeout, GATEWAY_TIMEOUT, "upstream-timeout", "Upstream timed out";
        "A service that this one depends on did not answer in time.";
        "Try again later. The ledger has what was published before.";
}

impl ProblemKind {
    /// The name in URIs, logs and the spec.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        self.facts().slug
    }

    /// The URI by which programs distinguish the kinds.
    #[must_use]
    pub fn uri(self) -> String {
        format!("/problems/{}", self.slug())
    }

    /// The status of answers.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.facts().status
    }

    /// The title of every problem of the kind.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.facts().title
    }

    /// When a request is answered with it.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        self.facts().meaning
    }

    /// What a caller can do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        self.facts().remedy
    }

    /// The kind of a slug.
    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.slug() == slug)
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
