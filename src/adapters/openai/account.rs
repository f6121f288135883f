//! A tenant's account: what its calls are made with, and where the tokens of its completions are recorded. Used by
//! `chat.rs`.

use std::{num::NonZeroU64, sync::Arc};

use serde_json::Value;

use super::rate_limit::CallTurns;
use crate::{
    domain::{
        credential::AiCredential,
        tenant::TenantName,
        usage::{UsageEvent, UsageKey, UsageMetric},
    },
    ports::{Clock, UsageSink},
};

/// What the calls of one tenant share.
pub(super) struct Account {
    pub(super) tenant: TenantName,
    pub(super) credential: AiCredential,
    pub(super) calls: CallTurns,
    /// Where completions are recorded; `None`: nowhere.
    pub(super) usage: Option<Arc<dyn UsageSink>>,
}

impl Account {
    /// Records what a completion was billed, before anything is made of its content: also the tokens of an answer that
    /// cannot be used are paid for.
    pub(super) async fn record(&self, envelope: &Value, clock: &dyn Clock) {
        let Some(sink) = &self.usage else { return };
        let Some(quantity) = tokens(envelope) else {
            return;
        };
        let id = envelope["id"].as_str();
        let id = id.filter(|id| !id.contains(self.credential.api_key().expose()));
        sink.record(UsageEvent {
            tenant: self.tenant.clone(),
            metric: UsageMetric::AiTokens,
            key: UsageKey::of_completion(id),
            quantity,
            occurred_at: clock.utc(),
        })
        .await;
    }
}

/// The tokens that the provider billed; `None` for none.
fn tokens(envelope: &Value) -> Option<NonZeroU64> {
    NonZeroU64::new(envelope["usage"]["total_tokens"].as_u64()?)
}
