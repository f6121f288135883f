//! The billing of the orchestrator stand-in: wallets, and the debits that empty them.

use std::collections::HashMap;

use serde_json::Value;

/// What tenants are debited for: metric, unit and source of each kind of event.
const KINDS: [(&str, &str, &str); 2] = [
    ("ai_tokens", "tokens", "publisher"),
    ("storage_ops_requests", "requests", "publisher_storage_ops"),
];

/// One debit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Debit {
    /// The tenant.
    pub tenant: String,
    /// The metric.
    pub metric: String,
    /// The idempotency key.
    pub key: String,
    /// The quantity, in the unit of the metric.
    pub quantity: u64,
}

/// Wallets and debits.
#[derive(Default)]
pub(super) struct Billing {
    wallets: HashMap<String, u64>,
    debits: Vec<Debit>,
}

impl Billing {
    pub(super) fn set_balance(&mut self, tenant: &str, tokens: u64) {
        self.wallets.insert(tenant.to_owned(), tokens);
    }

    pub(super) fn balance(&self, tenant: &str) -> Option<u64> {
        self.wallets.get(tenant).copied()
    }

    pub(super) fn is_out_of_credit(&self, tenant: &str) -> bool {
        self.balance(tenant) == Some(0)
    }

    pub(super) fn debits(&self) -> &[Debit] {
        &self.debits
    }

    /// Takes an event, which debits once under its key. Returns the balance after it, or the field that is bad.
    pub(super) fn take(&mut self, body: &Value) -> Result<Option<u64>, &'static str> {
        let text = |field: &'static str| {
            let text = body.get(field).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).ok_or(field)
        };
        let tenant = text("tenant_id")?.to_owned();
        let (metric, unit, source) = (text("metric")?, text("unit")?, text("source")?);
        let of_metric = KINDS.into_iter().find(|kind| kind.0 == metric);
        let kind = of_metric.ok_or("metric")?;
        if kind.1 != unit {
            return Err("unit");
        }
        if kind.2 != source {
            return Err("source");
        }
        let quantity = body.get("quantity").and_then(Value::as_u64);
        let debit = Debit {
            quantity: quantity.filter(|it| *it > 0).ok_or("quantity")?,
            key: text("idempotency_key")?.to_owned(),
            metric: metric.to_owned(),
            tenant,
        };
        if !is_rfc_3339(text("occurred_at")?) {
            return Err("occurred_at");
        }
        let is_known = self.debits.iter().any(|it| it.key == debit.key);
        if !is_known {
            if debit.metric == "ai_tokens"
                && let Some(balance) = self.wallets.get_mut(&debit.tenant)
            {
                *balance = balance.saturating_sub(debit.quantity);
            }
            self.debits.push(debit.clone());
        }
        Ok(self.balance(&debit.tenant))
    }
}

/// As far as the shape goes: `2026-01-01T00:00:00Z`, with or without a fraction.
fn is_rfc_3339(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|it| if it.is_ascii_digit() { '0' } else { it })
        .collect();
    let Some(rest) = shape.strip_prefix("0000-00-00T00:00:00") else {
        return false;
    };
    let fraction = rest.strip_suffix('Z').unwrap_or("?");
    fraction.is_empty()
        || fraction
            .strip_prefix('.')
            .is_some_and(|digits| !digits.is_empty() && digits.chars().all(|it| it == '0'))
}
