//! The routes that exist: for the `Allow` header, and for the labels of logs and metrics.

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

/// The label of requests that match no route.
const UNMATCHED: &str = "unmatched";

/// The failures of the service that are counted from the start, for every operation.
const FAILURES: [u16; 4] = [500, 502, 503, 504];

/// A method of a route, with the statuses that are counted from the start.
type Operation = (Method, Vec<u16>);

/// A route and its methods.
pub(super) struct Route {
    label: Arc<str>,
    allow: HeaderValue,
    metrics: RouteMetrics,
}

impl Route {
    fn new(label: &str, operations: &[Operation]) -> Self {
        let label: Arc<str> = label.into();
        let metrics = RouteMetrics::new(Arc::clone(&label).into());
        for (method, statuses) in operations {
            metrics.register(MethodLabel::of(method), statuses);
        }
        let allow = allow_of(operations);
        Self {
            label,
            allow,
            metrics,
        }
    }

    /// The route as the spec writes it, never the path that a caller has sent.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// The value of `Allow`.
    pub(super) fn allow(&self) -> &HeaderValue {
        &self.allow
    }

    /// Whether this is a route, and not [`UNMATCHED`].
    pub(super) fn is_matched(&self) -> bool {
        &*self.label != UNMATCHED
    }

    /// The metrics of its requests.
    pub(super) fn metrics(&self) -> &RouteMetrics {
        &self.metrics
    }
}

/// All routes, by the framework's patterns.
pub(super) struct RouteTable {
    by_pattern: HashMap<String, Route>,
    unmatched: Route,
}

impl RouteTable {
    /// The routes of `T`, and others that answer to GET only.
    pub(super) fn of<T: OpenApi>(others: &[&str]) -> Self {
        let mut routes: BTreeMap<String, Vec<Operation>> = BTreeMap::new();
        for path in T::meta().into_iter().flat_map(|api| api.paths) {
            let operations = path.operations.into_iter().map(|operation| {
                let statuses = operation.responses.responses.iter();
                let statuses = statuses.filter_map(|response| response.status);
                let successes = statuses.filter(|status| *status < 400);
                (operation.method, successes.chain(FAILURES).collect())
            });
            routes.entry(path.path).or_default().extend(operations);
        }
        for path in others {
            routes.insert((*path).to_owned(), vec![(Method::GET, Vec::new())]);
        }
        let route = |(label, operations): (String, Vec<Operation>)| {
            (pattern_of(&label), Route::new(&label, &operations))
        };
        Self {
            by_pattern: routes.into_iter().map(route).collect(),
            unmatched: Route::new(UNMATCHED, &[]),
        }
    }

    /// The route of a pattern; [`UNMATCHED`] without one.
    pub(super) fn matched(&self, pattern: Option<&PathPattern>) -> &Route {
        let route = pattern.and_then(|pattern| self.by_pattern.get(&*pattern.0));
        route.unwrap_or(&self.unmatched)
    }
}

/// The framework's pattern of a route: it numbers the parameters.
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

fn allow_of(operations: &[Operation]) -> HeaderValue {
    let mut names: Vec<&str> = operations.iter().map(|(it, _)| it.as_str()).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.sort_unstable();
    HeaderValue::from_str(&names.join(", ")).unwrap_or(HeaderValue::from_static(""))
}
