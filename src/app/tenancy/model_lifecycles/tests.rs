use std::{
    io::{self, Write},
    sync::{Arc, LazyLock},
};

use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};
use tracing::{Dispatch, subscriber::NoSubscriber};

use super::*;
use crate::{
    adapters::platforms,
    domain::{tenant::ConfigTtl, tenant_config::SchemaVersion},
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// The lines since the last time.
    fn take(&self) -> Vec<Value> {
        let bytes = std::mem::take(&mut *self.0.lock());
        let text = String::from_utf8(bytes).unwrap();
        let lines = text.lines();
        lines.map(|it| serde_json::from_str(it).unwrap()).collect()
    }
}

/// Runs a test with its log, and a function that reads the gauges.
fn observed(test: impl FnOnce(&Log, &dyn Fn() -> Vec<(String, i64)>)) {
    // With one subscriber only, what another thread without any meets first would be switched off for this one too.
    static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));
    LazyLock::force(&SECOND);
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_writer(move || writer.clone())
        .finish();
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let gauges = move || {
        let page = handle.render();
        let lines = page.lines().filter_map(|line| line.strip_prefix(GAUGE));
        let gauge = |line: &str| {
            let (model, time) = line.split_once("\"} ").unwrap();
            let model = model.strip_prefix("{model=\"").unwrap();
            (model.to_owned(), time.parse().unwrap())
        };
        let mut gauges: Vec<_> = lines.map(gauge).collect();
        gauges.sort();
        gauges
    };
    tracing::subscriber::with_default(subscriber, || {
        metrics::with_local_recorder(&recorder, || test(&log, &gauges));
    });
}

fn config(tenant: &str, version: &str, ai: &Value) -> TenantConfig<Validated> {
    let mut document = json!({
        "features": {"analyze_caption_enabled": true},
        "storage": {"provider": "dropbox", "credentials_ref": "d", "paths": {"root": "/a"}},
        "ai": ai,
    });
    document["ai"]["credentials_ref"] = "ref".into();
    let config = TenantConfig::new(
        TenantName::new(tenant).unwrap(),
        ConfigVersion::new(version),
        ConfigTtl::from_seconds(None),
        SchemaVersion::V2,
        document,
    );
    config.validate(platforms::spec).unwrap()
}

/// The AI block in which the vision model ends on a day.
fn ending(model: &str, day: &str) -> Value {
    json!({"vision_model": model, "vision_model_lifecycle": {"shutdown_date": day}})
}

const FIRST_OF_FEBRUARY: i64 = 1_801_440_000;
const DAY: i64 = 86_400;

#[test]
fn each_severity_has_its_level_and_each_version_its_line() {
    observed(|log, _| {
        let lifecycles = ModelLifecycles::new(10);
        let of = |version: &str, severity: &str| {
            let lifecycle = json!({
                "severity": severity,
                "warning": "It ends.",
                "shutdown_date": "2027-02-01",
                "recommended_replacement": "gpt-5",
            });
            let ai = json!({"caption_model_lifecycle": lifecycle});
            config("alice", version, &ai)
        };
        for (version, severity, level) in [
            ("1", "info", "INFO"),
            ("2", "warning", "WARN"),
            ("3", "critical", "ERROR"),
        ] {
            lifecycles.note(&of(version, severity));
            let lines = log.take();
            assert_eq!(lines.len(), 1, "{severity}");
            assert_eq!(lines[0]["level"], level);
            let fields = &lines[0]["fields"];
            let expected = json!({
                "message": "a model of the config is about to end",
                "tenant": "alice",
                "config_version": version,
                "used_for": "caption",
                "model": "gpt-4o-mini",
                "severity": severity,
                "shutdown_date": "2027-02-01",
                "recommended_replacement": "gpt-5",
                "warning": "It ends.",
            });
            assert_eq!(*fields, expected);
            // Under another host, or once more after it was dropped from memory.
            lifecycles.note(&of(version, severity));
            lifecycles.retain(&BTreeSet::new());
            lifecycles.note(&of(version, severity));
            assert_eq!(log.take(), [Value::Null; 0]);
        }
        lifecycles.note(&config(
            "bob",
            "3",
            &json!({"vision_model_lifecycle": {"severity": "info"}}),
        ));
        let lines = log.take();
        assert_eq!(lines.len(), 1, "another tenant");
        let fields = &lines[0]["fields"];
        let message = "a model of the config is to end, and no date is given";
        assert_eq!(fields["message"], message);
        assert_eq!(fields["used_for"], "vision");
        assert!(fields.get("shutdown_date").is_none(), "{fields}");
        lifecycles.note(&config("carol", "3", &json!({})));
        assert_eq!(log.take().len(), 0);
    });
}

#[test]
fn a_gauge_is_the_earliest_time_that_a_served_config_says() {
    observed(|_, gauges| {
        let lifecycles = ModelLifecycles::new(10);
        let note =
            |tenant: &str, version: &str, ai: &Value| lifecycles.note(&config(tenant, version, ai));
        note("alice", "1", &ending("gpt-4o", "2027-02-02"));
        let gauge = |model: &str, time| (model.to_owned(), time);
        assert_eq!(gauges(), [gauge("gpt-4o", FIRST_OF_FEBRUARY + DAY)]);
        note("bob", "1", &ending("gpt-4o", "2027-02-01"));
        assert_eq!(gauges(), [gauge("gpt-4o", FIRST_OF_FEBRUARY)]);
        note("bob", "2", &ending("gpt-4o", "2027-02-03"));
        assert_eq!(gauges(), [gauge("gpt-4o", FIRST_OF_FEBRUARY + DAY)]);
        // Another model.
        note("alice", "2", &json!({"vision_model": "gpt-5"}));
        assert_eq!(gauges(), [gauge("gpt-4o", FIRST_OF_FEBRUARY + 2 * DAY)]);
        note("alice", "3", &ending("gpt-5", "2027-02-01"));
        let alice = TenantName::new("alice").unwrap();
        lifecycles.retain(&[alice].into());
        assert_eq!(
            gauges(),
            [gauge("gpt-4o", 0), gauge("gpt-5", FIRST_OF_FEBRUARY)]
        );
    });
}

#[test]
fn names_of_models_make_a_bounded_number_of_series() {
    observed(|_, gauges| {
        let lifecycles = ModelLifecycles::new(200);
        for number in 0..120 {
            let ai = ending(&format!("gpt-{number:03}"), "2027-02-02");
            lifecycles.note(&config(&format!("tenant{number}"), "1", &ai));
        }
        let shown = gauges();
        assert_eq!(shown.len(), MAX_MODELS + 1);
        assert!(shown.contains(&(OTHER.to_owned(), FIRST_OF_FEBRUARY + DAY)));
    });
    observed(|log, gauges| {
        let lifecycles = ModelLifecycles::new(2);
        for (number, name) in ["a\nb", &"x".repeat(65), "夜", "a \"b\""]
            .into_iter()
            .enumerate()
        {
            let ai = ending(name, "2027-02-01");
            lifecycles.note(&config(&format!("tenant{number}"), "1", &ai));
            assert_eq!(log.take()[0]["fields"]["model"], OTHER);
        }
        assert_eq!(gauges(), [(OTHER.to_owned(), FIRST_OF_FEBRUARY)]);
        assert_eq!(lifecycles.0.lock().known.len(), 2, "the bound of tenants");
    });
}
