//! What configs say of the end of models: logged once for each version of a config, and shown as gauges, so that nobody
//! learns of it by failing captions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use parking_lot::Mutex;

use crate::domain::{
    tenant::{ConfigVersion, TenantName},
    tenant_config::{AiSettings, LifecycleSeverity, ModelLifecycle, TenantConfig, Validated},
};

const GAUGE: &str = "publisher_model_shutdown_timestamp_seconds";
/// How many models have a gauge of their own, in the whole life of the process: their names come from configs.
const MAX_MODELS: usize = 50;
/// The label of all other models together.
const OTHER: &str = "other";
/// The longest name of a model that is a label, in bytes.
const MAX_LABEL: usize = 64;

/// What the configs in memory say of the end of models.
pub(super) struct ModelLifecycles(Mutex<State>);

struct State {
    /// The tenants of whose models something is known.
    known: HashMap<TenantName, Known>,
    max_tenants: usize,
    /// The models that have a gauge.
    models: BTreeSet<String>,
}

struct Known {
    /// The version of the config that was logged.
    version: ConfigVersion,
    /// When which model ends; nothing of a tenant that is not served any more.
    shutdowns: Vec<(String, i64)>,
}

impl ModelLifecycles {
    /// Nothing is known yet. Remembers up to so many tenants.
    pub(super) fn new(max_tenants: usize) -> Self {
        Self(Mutex::new(State {
            known: HashMap::new(),
            max_tenants,
            models: BTreeSet::new(),
        }))
    }

    /// Takes in a config that is new or has changed.
    pub(super) fn note(&self, config: &TenantConfig<Validated>) {
        let (tenant, version) = (config.tenant(), config.version());
        let ai = config.settings().ai.as_deref();
        let lifecycles: Vec<_> = ai.into_iter().flat_map(AiSettings::lifecycles).collect();
        let shutdown = |(_, model, lifecycle): &(&str, &str, &ModelLifecycle)| {
            Some((label(model), lifecycle.shutdown_timestamp()?))
        };
        let known = Known {
            version: version.clone(),
            shutdowns: lifecycles.iter().filter_map(shutdown).collect(),
        };
        let is_of_use = !lifecycles.is_empty();
        let before = self.0.lock().set(tenant, Some(known).filter(|_| is_of_use));
        if before.is_some_and(|before| before.version == *version) {
            return;
        }
        for (used_for, model, lifecycle) in lifecycles {
            log(tenant, version, used_for, model, lifecycle);
        }
    }

    /// Shows nothing any more of the tenants that are not among these.
    pub(super) fn retain(&self, served: &BTreeSet<TenantName>) {
        let mut state = self.0.lock();
        let mut has_changed = false;
        for (tenant, known) in &mut state.known {
            if !known.shutdowns.is_empty() && !served.contains(tenant) {
                known.shutdowns.clear();
                has_changed = true;
            }
        }
        if has_changed {
            state.show();
        }
    }
}

impl State {
    /// Remembers what is known of a tenant. Returns what was known before.
    fn set(&mut self, tenant: &TenantName, known: Option<Known>) -> Option<Known> {
        let before = self.known.remove(tenant);
        let shows =
            |known: &Option<Known>| known.as_ref().is_some_and(|it| !it.shutdowns.is_empty());
        let has_changed = shows(&before) || shows(&known);
        if let Some(known) = known {
            if self.known.len() >= self.max_tenants {
                // One that shows nothing is missed the least.
                let least = self.known.iter().min_by_key(|(_, it)| it.shutdowns.len());
                if let Some(least) = least.map(|(tenant, _)| tenant.clone()) {
                    self.known.remove(&least);
                }
            }
            self.known.insert(tenant.clone(), known);
        }
        if has_changed {
            self.show();
        }
        before
    }

    /// Sets the gauge of each model to the earliest of the times that are known; to 0 where none is known any more.
    fn show(&mut self) {
        let mut times: BTreeMap<&str, i64> = BTreeMap::new();
        for (model, time) in self.known.values().flat_map(|known| &known.shutdowns) {
            if self.models.len() < MAX_MODELS && !self.models.contains(model) {
                self.models.insert(model.clone());
            }
            let model = if self.models.contains(model) {
                model
            } else {
                OTHER
            };
            let earliest = times.entry(model).or_insert(*time);
            *earliest = (*earliest).min(*time);
        }
        if times.contains_key(OTHER) {
            self.models.insert(OTHER.to_owned());
        }
        for model in &self.models {
            let time = times.get(&**model).copied().unwrap_or_default();
            // Days of four-digit years are exact.
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            metrics::gauge!(GAUGE, "model" => model.clone()).set(time as f64);
        }
    }
}

/// The name of a model as a label: names of models are letters, digits and a few signs. Another name is `other`.
pub(in crate::app) fn label(model: &str) -> String {
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/".contains(&byte);
    if model.len() <= MAX_LABEL && model.bytes().all(is_usual) {
        model.to_owned()
    } else {
        OTHER.to_owned()
    }
}

fn log(
    tenant: &TenantName,
    version: &ConfigVersion,
    used_for: &str,
    model: &str,
    lifecycle: &ModelLifecycle,
) {
    let ModelLifecycle {
        severity,
        warning,
        shutdown_date,
        recommended_replacement,
    } = lifecycle;
    let model = label(model);
    let message = if shutdown_date.is_some() {
        "a model of the config is about to end"
    } else {
        "a model of the config is to end, and no date is given"
    };
    let shutdown_date = shutdown_date.map(tracing::field::display);
    macro_rules! at {
        ($level:ident) => {
            tracing::$level!(
                %tenant, config_version = %version, used_for, model, severity = severity.as_str(),
                shutdown_date, recommended_replacement, warning, "{message}"
            )
        };
    }
    match severity {
        LifecycleSeverity::Info => at!(info),
        LifecycleSeverity::Warning => at!(warn),
        LifecycleSeverity::Critical => at!(error),
    }
}

#[cfg(test)]
mod tests;
