//! What a tenant is debited for: the events that the orchestrator's billing gets. Each has an idempotency key, by which
//! an event that is sent twice is debited once.

use std::{num::NonZeroU64, sync::Arc, time::SystemTime};

use derive_more::Display;
use uuid::Uuid;

use super::{tenant::TenantName, words::words};

words! {
    /// What is counted, by its name at the orchestrator.
    pub enum UsageMetric {
        /// Tokens of a completion that the provider billed.
        AiTokens = "ai_tokens",
        /// Calls to storage that comes with the tenancy.
        StorageRequests = "storage_ops_requests",
    }
}

impl UsageMetric {
    /// The source of the events, by its name at the orchestrator.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Self::AiTokens => "publisher",
            Self::StorageRequests => "publisher_storage_ops",
        }
    }

    /// The unit of the quantity.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::AiTokens => "tokens",
            Self::StorageRequests => "requests",
        }
    }
}

/// The idempotency key of an event. Safe to log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Display)]
pub struct UsageKey(Arc<str>);

impl UsageKey {
    /// The longest key, in bytes.
    pub const MAX_LENGTH: usize = 512;
    /// The longest id of a completion that is used as a key, in bytes; real ones have about 40.
    const MAX_COMPLETION_ID: usize = 128;

    /// A key of 1 to 512 visible ASCII characters; `None` for other texts.
    #[must_use]
    pub fn new(value: &str) -> Option<Self> {
        let acceptable = (1..=Self::MAX_LENGTH).contains(&value.len())
            && value.bytes().all(|byte| byte.is_ascii_graphic());
        acceptable.then(|| Self(value.into()))
    }

    /// The id of a completion, or a new key if it has none that can be used.
    #[must_use]
    pub fn of_completion(id: Option<&str>) -> Self {
        id.filter(|id| id.len() <= Self::MAX_COMPLETION_ID)
            .and_then(Self::new)
            .unwrap_or_else(|| Self(format!("publisher-{}", Uuid::new_v4()).into()))
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One debit of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageEvent {
    /// The tenant.
    pub tenant: TenantName,
    /// What was used.
    pub metric: UsageMetric,
    /// The key under which it is debited once.
    pub key: UsageKey,
    /// How much, in the unit of the metric.
    pub quantity: NonZeroU64,
    /// When it was used.
    pub occurred_at: SystemTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_completion_is_its_key_unless_it_cannot_be_one() {
        let key = UsageKey::of_completion(Some("chatcmpl-123"));
        assert_eq!(key.as_str(), "chatcmpl-123");
        let long = "x".repeat(129);
        for id in [
            None,
            Some(""),
            Some("a b"),
            Some("a\nb"),
            Some("ä"),
            Some(&*long),
        ] {
            let keys = [0, 1].map(|_| UsageKey::of_completion(id));
            assert!(keys[0].as_str().starts_with("publisher-"), "{id:?}");
            assert_ne!(keys[0], keys[1], "each is another debit");
        }
    }

    #[test]
    fn a_metric_is_known_by_its_name() {
        for metric in UsageMetric::ALL {
            assert_eq!(UsageMetric::from_name(metric.as_str()), Some(metric));
        }
        assert_eq!(UsageMetric::from_name("tokens"), None);
    }
}
