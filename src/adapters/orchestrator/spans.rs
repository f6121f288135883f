//! The spans that carry what the log line of a call needs beyond the call itself. They are of the level
//! of its loudest line, so that no filter lets that line through without them.

use std::fmt::Display;

use tracing::{Span, field};

use crate::{adapters::upstream::UNTRACED, domain::request_id::RequestId};

/// The name of the upstream in spans, logs and metrics.
pub(super) const UPSTREAM: &str = "orchestrator";

/// Of a lookup of a host; the answer says what is empty.
pub(super) fn of_host(request_id: &RequestId) -> Span {
    tracing::warn_span!(
        "orchestrator",
        tenant = field::Empty,
        config_version = field::Empty,
        %request_id,
    )
}

/// The same for readiness, which is in no trace.
pub(super) fn of_probe(request_id: &RequestId) -> Span {
    tracing::warn_span!(
        target: UNTRACED,
        "orchestrator",
        tenant = field::Empty,
        config_version = field::Empty,
        %request_id,
    )
}

/// Of a credential that is asked for.
pub(super) fn of_credential(
    tenant: impl Display,
    config_version: impl Display,
    request_id: &RequestId,
) -> Span {
    tracing::warn_span!("orchestrator", %tenant, %config_version, %request_id)
}

/// Of a usage event that is sent.
pub(super) fn of_usage(tenant: impl Display, request_id: &RequestId) -> Span {
    tracing::warn_span!("orchestrator", %tenant, %request_id)
}
