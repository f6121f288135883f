//! The metrics of each route. The handle of a series is looked up once, for the first request that it counts, and
//! kept: a lookup by labels costs more than counting.

use std::{sync::OnceLock, time::Duration};

use metrics::{Counter, Histogram, SharedString};
use poem::http::{Method, StatusCode};

const REQUESTS: &str = "publisher_http_requests_total";
const DURATION: &str = "publisher_http_request_duration_seconds";

/// The labels of methods; callers can make up others, which share the last one.
const METHODS: [&str; 8] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other",
];
/// The statuses that this service answers with; the series of another one is looked up each time.
const STATUSES: [u16; 23] = [
    200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 408, 409, 411, 413, 415, 422, 429, 431, 500,
    501, 502, 503, 504,
];

#[derive(Debug, Clone, Copy)]
pub(in crate::app::http) struct MethodLabel(usize);

impl MethodLabel {
    pub(in crate::app::http) fn of(method: &Method) -> Self {
        let known = METHODS.iter().position(|name| *name == method.as_str());
        Self(known.unwrap_or(METHODS.len() - 1))
    }

    /// The method, unless it is not one of HTTP's.
    pub(super) fn known(self) -> Option<&'static str> {
        (self.0 + 1 < METHODS.len()).then(|| self.as_str())
    }

    pub(super) fn as_str(self) -> &'static str {
        METHODS.get(self.0).copied().unwrap_or("other")
    }
}

pub(in crate::app::http) struct RouteMetrics {
    route: SharedString,
    methods: [OnceLock<MethodMetrics>; METHODS.len()],
}

struct MethodMetrics {
    duration: Histogram,
    answers: [OnceLock<Counter>; STATUSES.len()],
}

impl RouteMetrics {
    /// The metrics of the route with this label; no series is registered yet.
    pub(in crate::app::http) fn new(route: SharedString) -> Self {
        Self {
            route,
            methods: [const { OnceLock::new() }; METHODS.len()],
        }
    }

    /// Registers the counters of these answers, so that the first one increases a series that exists.
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
