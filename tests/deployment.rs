//! The files that deploy and watch the service, held against what they name: an alert on a metric that
//! is not counted would never go off, and an image cannot be built of a folder that is kept from its build.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so by panicking"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::Value;

const GUIDE: &str = include_str!("../docs/operations.md");
const DASHBOARD: &str = include_str!("../deploy/grafana-dashboard.json");
const ALERTS: &str = include_str!("../deploy/prometheus-alerts.yaml");
/// Labels that a scrape or a histogram adds.
const ADDED_LABELS: [&str; 3] = ["instance", "job", "le"];

/// A row of the guide's table.
struct Metric {
    labels: Vec<&'static str>,
    is_histogram: bool,
    /// What the labels can be, among other words.
    words: Vec<&'static str>,
}

/// Everything that a query says about the service's metrics.
#[derive(Default)]
struct Query {
    metrics: BTreeSet<String>,
    /// Each with its label and the values that it is compared with.
    matchers: Vec<(String, String, String)>,
    /// What it groups by.
    groups: Vec<String>,
}

#[test]
fn the_build_of_the_image_gets_every_folder_of_the_workspace() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = |name| fs::read_to_string(root.join(name)).unwrap();
    let (containerfile, ignored) = (text("Containerfile"), text(".containerignore"));
    let copied: BTreeSet<_> = (containerfile.lines())
        .filter(|line| line.starts_with("COPY ") && !line.contains("--from"))
        .flat_map(|line| {
            let words: Vec<_> = line.split_whitespace().skip(1).collect();
            words[..words.len() - 1].to_vec()
        })
        .collect();
    for name in &copied {
        let is_let_in = ignored.lines().any(|line| line == format!("!{name}"));
        assert!(is_let_in, "{name} is in no line of .containerignore");
        assert!(root.join(name).exists(), "{name}");
    }
    let manifest = text("Cargo.toml");
    for member in between(&manifest, "\nmembers = [", "]")[0].split(", ") {
        let member = member.trim_matches('"');
        assert!(copied.contains(member), "{member} is not copied");
    }
}

#[test]
fn every_metric_of_the_guide_is_on_the_dashboard_and_no_other() {
    let mut shown = BTreeSet::new();
    for panel in dashboard()["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = read(target["expr"].as_str().unwrap());
            query.assert_known(panel["title"].as_str().unwrap());
            let legend = target["legendFormat"].as_str().unwrap();
            query.assert_has_labels(&between(legend, "{{", "}}"));
            shown.extend(query.metrics);
        }
    }
    let known: BTreeSet<_> = metrics().into_keys().map(str::to_owned).collect();
    assert_eq!(shown, known);
}

#[test]
fn the_dashboard_chooses_by_a_metric_that_there_is() {
    let variables = dashboard()["templating"]["list"].clone();
    let query = variables[1]["query"]["query"].as_str().unwrap().to_owned();
    assert_eq!(query, "label_values(publisher_build_info, job)");
    read(&query).assert_known("the variable");
}

#[test]
fn alerts_use_metrics_that_there_are_and_say_what_to_do() {
    let alerts: Value = serde_saphyr::from_str(ALERTS).unwrap();
    let rules = alerts["groups"][0]["rules"].as_array().unwrap();
    let mut with_metrics = 0;
    for rule in rules {
        let name = rule["alert"].as_str().unwrap();
        let query = read(rule["expr"].as_str().unwrap());
        query.assert_known(name);
        with_metrics += usize::from(!query.metrics.is_empty());
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(["page", "ticket"].contains(&severity), "{name}");
        let row = format!("`{name}`");
        assert!(GUIDE.contains(&row), "the guide has no row for {name}");
        for text in ["summary", "description"] {
            let text = rule["annotations"][text].as_str().unwrap();
            let labels = between(text, "{{", "}}").into_iter();
            let labels = labels.filter_map(|it| it.strip_prefix("$labels."));
            query.assert_has_labels(&labels.collect::<Vec<_>>());
            assert!(text.len() > 20, "{name} says too little: {text}");
        }
    }
    assert!(with_metrics >= 9, "only {with_metrics} of {}", rules.len());
}

#[test]
fn alerts_are_of_one_job_and_take_no_probe_for_a_request() {
    let alerts: Value = serde_saphyr::from_str(ALERTS).unwrap();
    for rule in alerts["groups"][0]["rules"].as_array().unwrap() {
        let (name, expression) = (&rule["alert"], rule["expr"].as_str().unwrap());
        for series in ["publisher_", "process_", "up{", "up=="] {
            for (start, _) in expression.match_indices(series) {
                let selector = expression[start..].split('}').next().unwrap();
                let (_, matchers) = selector.split_once('{').unwrap();
                assert!(
                    matchers.contains(r#"job="publisher""#),
                    "{name}: {selector}"
                );
                let is_of_requests = selector.starts_with("publisher_http_");
                assert!(
                    !is_of_requests || matchers.contains("route"),
                    "{name}: {selector}"
                );
            }
        }
    }
}

#[test]
fn only_histograms_are_read_as_such() {
    let metrics = metrics();
    let all = format!("{DASHBOARD}{ALERTS}");
    for (start, _) in all.match_indices("_bucket") {
        let name = all[..start].rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let name = name.map(str::to_owned).next().unwrap();
        assert!(metrics[name.as_str()].is_histogram, "{name}");
    }
    for metric in metrics.keys() {
        let mut endings = ["_duration_seconds", "_lateness_seconds"].iter();
        let is_histogram = endings.any(|ending| metric.ends_with(ending));
        assert_eq!(metrics[metric].is_histogram, is_histogram, "{metric}");
    }
}

#[test]
fn a_query_is_read_to_its_last_label() {
    let query = read(
        r#"sum by (le, stage) (rate(publisher_a_bucket{job="$job",x=~"a|b"}[5m])) / publisher_b"#,
    );
    let metrics: Vec<_> = query.metrics.iter().map(String::as_str).collect();
    assert_eq!(metrics, ["publisher_a", "publisher_b"]);
    assert_eq!(query.groups, ["le", "stage"]);
    let matchers: Vec<_> = query
        .matchers
        .iter()
        .map(|(_, label, value)| (&**label, &**value))
        .collect();
    assert_eq!(matchers, [("job", "$job"), ("x", "a|b")]);
}

fn dashboard() -> Value {
    serde_json::from_str(DASHBOARD).unwrap()
}

/// The guide's table of metrics.
fn metrics() -> BTreeMap<&'static str, Metric> {
    let (_, section) = GUIDE.split_once("\n## Metrics\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section
        .lines()
        .filter(|line| line.starts_with("| `publisher_"));
    let metrics = rows.map(|row| {
        let cells: Vec<_> = row.split('|').collect();
        let ["", name, labels, text, ""] = cells[..] else {
            panic!("not three cells: {row}")
        };
        let metric = Metric {
            labels: between(labels, "`", "`"),
            is_histogram: text.contains("histogram"),
            words: between(text, "`", "`"),
        };
        (name.trim().trim_matches('`'), metric)
    });
    let metrics: BTreeMap<_, _> = metrics.collect();
    assert!(metrics.len() >= 12, "the table was not found");
    metrics
}

/// What stands between each pair of marks.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(open) {
        let (inner, after) = after.split_once(close).unwrap();
        found.push(inner.trim());
        rest = after;
    }
    found
}

/// Takes the names out of a query. What it means is for `promtool` to say.
fn read(expression: &str) -> Query {
    let mut query = Query::default();
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for (start, _) in expression.match_indices("publisher_") {
        let rest = &expression[start..];
        let (name, after) = rest.split_at(rest.find(|c| !is_part(c)).unwrap_or(rest.len()));
        let parts = ["_bucket", "_sum", "_count"];
        let series = parts.into_iter().find_map(|part| name.strip_suffix(part));
        let name = series.unwrap_or(name).to_owned();
        let matchers = after.strip_prefix('{').and_then(|it| it.split_once('}'));
        for matcher in matchers.iter().flat_map(|(inner, _)| inner.split(',')) {
            let (label, value) = matcher.split_once(['=', '!']).unwrap();
            let value = value.trim_start_matches(['=', '~']).trim_matches('"');
            query
                .matchers
                .push((name.clone(), label.to_owned(), value.to_owned()));
        }
        query.metrics.insert(name);
    }
    let groups = between(expression, "by (", ")").into_iter();
    let groups = groups.flat_map(|group| group.split(", "));
    query.groups = groups.map(str::to_owned).collect();
    query
}

impl Query {
    /// Are all names in the table, and all values that labels are compared with?
    fn assert_known(&self, place: &str) {
        let metrics = metrics();
        for name in &self.metrics {
            assert!(metrics.contains_key(name.as_str()), "{place}: {name}");
        }
        for (name, label, value) in &self.matchers {
            let Metric { labels, words, .. } = &metrics[name.as_str()];
            let is_known = labels.contains(&&**label) || label == "job";
            assert!(is_known, "{place}: {name} has no {label}");
            // The job is the scrape's word.
            let values = value.split('|').filter(|_| label != "job");
            let words_of_ours = values.filter(|it| {
                it.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            });
            for word in words_of_ours {
                assert!(
                    words.contains(&word),
                    "{place}: {label} of {name} is never {word}"
                );
            }
        }
        let groups = self.groups.iter().map(String::as_str);
        self.assert_has_labels(&groups.collect::<Vec<_>>());
    }

    /// Has one of the metrics each of these labels? With none of ours there is nothing to say.
    fn assert_has_labels(&self, labels: &[&str]) {
        let metrics = metrics();
        for label in labels.iter().filter(|_| !self.metrics.is_empty()) {
            let mut own = self.metrics.iter().map(|name| &metrics[name.as_str()]);
            let is_known = ADDED_LABELS.contains(label) || own.any(|it| it.labels.contains(label));
            assert!(is_known, "{label} is no label of {:?}", self.metrics);
        }
    }
}
