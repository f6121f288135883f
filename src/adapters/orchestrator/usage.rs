//! The call that debits a tenant. One attempt: the outbox is the only retry.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tracing::Instrument as _;

use super::{
    client::OrchestratorClient,
    failure::{self, Failure},
    spans,
};
use crate::{
    adapters::upstream::Answer,
    domain::{request_id::RequestId, secret::Secret, usage::UsageEvent},
    ports::{UsageReportError, UsageReporter},
};

/// The time for an answer: the orchestrator has been seen to take 7 s.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(15);
/// The time for the whole call, that with another token after the first was refused included. Shorter than a claim of
/// the outbox lasts.
const WHOLE_LIMIT: Duration = Duration::from_secs(35);

/// The status that refuses an event for good.
const REFUSED: u16 = 422;

/// What billing says of an event. That it is refused is an answer too, and is not logged as a failure of the call: the
/// sender says what it drops.
enum Verdict {
    Taken,
    Refused,
}

impl OrchestratorClient {
    async fn post_usage(
        &self,
        event: &UsageEvent,
        request_id: &RequestId,
        token: Arc<Secret>,
    ) -> Result<Answer<Verdict>, Failure> {
        let post = self.http.post(self.usage_url.clone()).json(&body(event)?);
        let response = self
            .send_within(ANSWER_LIMIT, post, request_id, &token)
            .await?;
        let status = response.status().as_u16();
        let value = if status == REFUSED {
            Verdict::Refused
        } else {
            failure::of_usage(&response, self.clock())?;
            Verdict::Taken
        };
        Ok(Answer { status, value })
    }
}

/// The event as it travels.
fn body(event: &UsageEvent) -> Result<Value, Failure> {
    let UsageEvent {
        tenant,
        metric,
        key,
        quantity,
        occurred_at,
    } = event;
    let occurred_at = OffsetDateTime::from(*occurred_at).format(&Rfc3339);
    let occurred_at = occurred_at.map_err(|_| Failure::Malformed("would have no time"))?;
    Ok(json!({
        "tenant_id": tenant.as_str(),
        "source": metric.source(),
        "idempotency_key": key.as_str(),
        "metric": metric.as_str(),
        "quantity": quantity,
        "unit": metric.unit(),
        "occurred_at": occurred_at,
    }))
}

#[async_trait]
impl UsageReporter for OrchestratorClient {
    async fn report(
        &self,
        event: &UsageEvent,
        request_id: &RequestId,
    ) -> Result<(), UsageReportError> {
        let span = spans::of_usage(&event.tenant, request_id);
        let call = self.run_for(WHOLE_LIMIT, "usage", self.once(), || {
            self.with_token(|token| self.post_usage(event, request_id, token))
        });
        match call.instrument(span).await? {
            Verdict::Taken => Ok(()),
            Verdict::Refused => Err(UsageReportError::Refused),
        }
    }
}

impl From<Failure> for UsageReportError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotFound { .. } => Self::UnknownTenant,
            Failure::Unauthorized => Self::Unauthorized(failure.into()),
            Failure::NotAccepted(_) => Self::NotAccepted,
            Failure::Busy { retry_after, .. } => Self::Unavailable {
                retry_after,
                cause: failure.into(),
            },
            Failure::OutOfCredit
            | Failure::Transport { .. }
            | Failure::OutOfTime
            | Failure::Status(_)
            | Failure::Malformed(_)
            | Failure::UnusableField(_) => Self::Unavailable {
                retry_after: None,
                cause: failure.into(),
            },
        }
    }
}
