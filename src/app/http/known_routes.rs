//! Which routes there are: for the `Allow` header, and for names that logs and metrics count by.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use poem::{
    PathPattern,
    http::{HeaderValue, Method},
};
use poem_openapi::OpenApi;

use super::middleware::route_metrics::{MethodLabel, RouteMetrics};

/// What stands in the place of a route when none matched.
const UNMATCHED: &str = "unmatched";

/// The failures of the service that an operation is counted by from the start.
const FAILURES: [u16; 4] = [500, 502, 503, 504];

/// A route as the spec writes it, and the methods that it knows.
pub(super) struct Known {
    label: Arc<str>,
    allow: HeaderValue,
    metrics: RouteMetrics,
}

impl Known {
    fn new(label: &str, methods: &[Method]) -> Self {
        let label: Arc<str> = label.into();
        Self {
            allow: allow_of(methods),
            metrics: RouteMetrics::new(Arc::clone(&label).into()),
            label,
        }
    }

    /// The route as the spec writes it: one of a known few, whatever a caller asks for.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// Whether it is a route, and not what stands in the place of one.
    pub(super) fn is_matched(&self) -> bool {
        &*self.label != UNMATCHED
    }

    /// What its requests are counted by.
    pub(super) fn metrics(&self) -> &RouteMetrics {
        &self.metrics
    }
}

/// All routes, by the pattern under which the framework knows them.
pub(super) struct KnownRoutes {
    by_pattern: HashMap<String, Arc<Known>>,
    unmatched: Arc<Known>,
}

impl KnownRoutes {
    /// The routes of `T`, and others that answer to GET only.
    pub(super) fn of<T: OpenApi>(others: &[&str]) -> Self {
        let mut routes: BTreeMap<String, Vec<Method>> = BTreeMap::new();
        let mut counted: BTreeMap<String, Vec<(Method, Vec<u16>)>> = BTreeMap::new();
        for path in T::meta().into_iter().flat_map(|api| api.paths) {
            let answers = path.operations.iter().map(|operation| {
                let answers = operation.responses.responses.iter();
                let statuses = answers.filter_map(|answer| answer.status);
                let succeeds = statuses.filter(|status| *status < 400);
                (operation.method.clone(), succeeds.collect())
            });
            counted
                .entry(path.path.clone())
                .or_default()
                .extend(answers);
            let methods = path
                .operations
                .into_iter()
                .map(|operation| operation.method);
            routes.entry(path.path).or_default().extend(methods);
        }
        for path in others {
            routes.insert((*path).to_owned(), vec![Method::GET]);
        }
        let known = |(label, methods): (String, Vec<Method>)| {
            let known = Known::new(&label, &methods);
            for (method, succeeds) in counted.get(&label).into_iter().flatten() {
                let method = MethodLabel::of(method);
                known.metrics.register(method, succeeds);
                known.metrics.register(method, &FAILURES);
            }
            (pattern_of(&label), Arc::new(known))
        };
        Self {
            by_pattern: routes.into_iter().map(known).collect(),
            unmatched: Arc::new(Known::new(UNMATCHED, &[])),
        }
    }

    /// The methods of a route, as the `Allow` header lists them.
    pub(super) fn allow(&self, pattern: &PathPattern) -> Option<&HeaderValue> {
        Some(&self.by_pattern.get(&*pattern.0)?.allow)
    }

    /// The route of a path without parameters.
    pub(super) fn of_path(&self, path: &str) -> Arc<Known> {
        Arc::clone(self.by_pattern.get(path).unwrap_or(&self.unmatched))
    }

    /// The route that has matched, or what stands in the place of one.
    pub(super) fn matched(&self, pattern: Option<&PathPattern>) -> &Known {
        let known = pattern.and_then(|pattern| self.by_pattern.get(&*pattern.0));
        known.unwrap_or(&self.unmatched)
    }
}

/// The framework numbers the parameters of a path.
fn pattern_of(label: &str) -> String {
    let mut count = 0;
    let segments: Vec<String> = label
        .split('/')
        .map(|segment| {
            if !segment.starts_with('{') {
                return segment.to_owned();
            }
            count += 1;
            format!(":param{}", count - 1)
        })
        .collect();
    segments.join("/")
}

fn allow_of(methods: &[Method]) -> HeaderValue {
    let mut names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    if methods.contains(&Method::GET) {
        names.push("HEAD");
    }
    names.sort_unstable();
    HeaderValue::from_str(&names.join(", ")).unwrap_or(HeaderValue::from_static(""))
}
