//! The rules as they are shipped, and as they are here: for one job among several, and sixty times
//! as fast.

use serde_json::Value;

const RULES: &str = include_str!("../../deploy/prometheus-alerts.yaml");
/// How much faster the rules are here.
const FASTER: u64 = 60;

/// The rules of the service.
pub(crate) struct Rules(Vec<Value>);

impl Rules {
    /// As they are shipped.
    pub(crate) fn real() -> Self {
        let file: Value = serde_saphyr::from_str(RULES).unwrap();
        Self(file["groups"][0]["rules"].as_array().unwrap().clone())
    }

    /// What the alerts are called.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|rule| rule["alert"].as_str().unwrap())
    }

    /// What to do when it fires.
    pub(crate) fn description(&self, alert: &str) -> &str {
        let rule = self.0.iter().find(|rule| rule["alert"] == alert).unwrap();
        rule["annotations"]["description"].as_str().unwrap()
    }

    /// A group with some of the alerts, for another job, every duration divided.
    pub(crate) fn group(&self, job: &str, alerts: &[&str]) -> Value {
        let named = |rule: &&Value| alerts.contains(&rule["alert"].as_str().unwrap());
        let rules = self.0.iter().filter(named).map(|rule| {
            let mut rule = rule.clone();
            let expression = divided(rule["expr"].as_str().unwrap());
            rule["expr"] = expression
                .replace(r#"job="publisher""#, &format!("job=\"{job}\""))
                .into();
            if let Some(pending) = rule.get("for").and_then(Value::as_str) {
                rule["for"] = shorter(pending).into();
            }
            // Most alerts are sums, which have no job.
            rule["labels"]["stage"] = job.into();
            rule
        });
        serde_json::json!({ "name": job, "rules": rules.collect::<Vec<_>>() })
    }
}

/// The expression with every range divided.
fn divided(expression: &str) -> String {
    let mut out = String::new();
    let mut rest = expression;
    while let Some((before, after)) = rest.split_once('[') {
        let (range, after) = after.split_once(']').unwrap();
        let parts: Vec<String> = range.split(':').map(shorter).collect();
        out += before;
        out += &["[", &parts.join(":"), "]"].concat();
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The duration, divided.
fn shorter(duration: &str) -> String {
    let (number, unit) = duration.split_at(duration.len() - 1);
    let seconds = match unit {
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        other => panic!("{other} of {duration}"),
    };
    let millis = number.parse::<u64>().unwrap() * seconds * 1000 / FASTER;
    format!("{millis}ms")
}

#[test]
fn durations_are_divided_and_nothing_else() {
    let expression = r#"a{job="publisher",status=~"[5].."}"#;
    let ranges = "rate(a[5m]) + min_over_time(max(b)[1d:1m]) > 0.05";
    assert_eq!(
        divided(ranges),
        "rate(a[5000ms]) + min_over_time(max(b)[1440000ms:1000ms]) > 0.05"
    );
    assert!(std::panic::catch_unwind(|| divided(expression)).is_err());
    let group = Rules::real().group("other", &["PublisherDown"]);
    let rule = &group["rules"][0];
    assert_eq!(
        rule["expr"],
        r#"up{job="other"} == 0 or absent(up{job="other"})"#
    );
    assert_eq!(rule["for"], "2000ms");
    assert_eq!(group["rules"].as_array().unwrap().len(), 1);
}
