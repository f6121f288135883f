//! The metrics of each route. What a request is counted by is looked up once, when the first one of
//! its kind comes, and kept: a lookup by labels costs more than all else that is counted.

use std::{sync::OnceLock, time::Duration};

use metrics::{Counter, Histogram, SharedString};
use poem::http::{Method, StatusCode};

const REQUESTS: &str = "publisher_http_requests_total";
const DURATION: &str = "publisher_http_request_duration_seconds";

/// Every method that is told apart; callers can make up others, which are one.
const METHODS: [&str; 8] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other",
];
/// The statuses that this service answers with; another one is looked up each time.
const STATUSES: [u16; 21] = [
    200, 204, 304, 400, 401, 403, 404, 405, 408, 409, 411, 413, 415, 422, 429, 431, 500, 501, 502,
    503, 504,
];

/// What the metrics call a method.
#[derive(Debug, Clone, Copy)]
pub(in crate::app::http) struct MethodLabel(usize);

impl MethodLabel {
    /// Of this method.
    pub(in crate::app::http) fn of(method: &Method) -> Self {
        let known = METHODS.iter().position(|name| *name == method.as_str());
        Self(known.unwrap_or(METHODS.len() - 1))
    }

    /// Its name, unless somebody made it up.
    pub(super) fn known(self) -> Option<&'static str> {
        (self.0 + 1 < METHODS.len()).then(|| self.as_str())
    }

    /// As it is written.
    pub(super) fn as_str(self) -> &'static str {
        METHODS.get(self.0).copied().unwrap_or("other")
    }
}

/// The metrics of one route.
pub(in crate::app::http) struct RouteMetrics {
    route: SharedString,
    methods: [OnceLock<MethodMetrics>; METHODS.len()],
}

struct MethodMetrics {
    duration: Histogram,
    answers: [OnceLock<Counter>; STATUSES.len()],
}

impl RouteMetrics {
    /// None yet, of the route that has this label.
    pub(in crate::app::http) fn new(route: SharedString) -> Self {
        Self {
            route,
            methods: [const { OnceLock::new() }; METHODS.len()],
        }
    }

    /// Has the counters of these answers, so that the first one increases what is there.
    pub(in crate::app::http) fn register(&self, method: MethodLabel, statuses: &[u16]) {
        for status in statuses {
            self.counter(method, &status.to_string()).increment(0);
        }
    }

    fn counter(&self, method: MethodLabel, status: &str) -> Counter {
        metrics::counter!(
            REQUESTS,
            "route" => self.route.clone(),
            "method" => method.as_str(),
            "status" => status.to_owned()
        )
    }

    /// Counts an answer.
    pub(super) fn count(&self, method: MethodLabel, status: StatusCode, latency: Duration) {
        let Some(metrics) = self.methods.get(method.0) else {
            return;
        };
        let metrics = metrics.get_or_init(|| MethodMetrics {
            duration: metrics::histogram!(
                DURATION, "route" => self.route.clone(), "method" => method.as_str()
            ),
            answers: [const { OnceLock::new() }; STATUSES.len()],
        });
        metrics.duration.record(latency);
        let counter = || self.counter(method, status.as_str());
        let known = STATUSES.iter().position(|it| *it == status.as_u16());
        match known.and_then(|at| metrics.answers.get(at)) {
            Some(answers) => answers.get_or_init(counter).increment(1),
            None => counter().increment(1),
        }
    }
}
