//! The metrics of this process as Prometheus text, on a listener of their own: who may scrape is
//! decided by address, and no route of the service's can shadow them.
//!
//! What is counted is counted where it happens, through the `metrics` facade; without this
//! listener that costs next to nothing and goes nowhere. Here stand the names' descriptions and
//! the buckets.

use std::{future::pending, io, net::SocketAddr, time::Duration};

use metrics::Unit;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use poem::{IntoResponse as _, Response, Route, endpoint::make_sync, get};

use crate::{
    build_info::{COMMIT, VERSION},
    known_series, logging,
    server::{ConnectionLimits, Listening},
};

/// Upper bounds in seconds: from an answer out of memory to the longest that any call may take.
const BUCKETS: [f64; 13] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];
/// How often timings are moved into their buckets when there are no scrapes, so that they do not
/// pile up.
const UPKEEP: Duration = Duration::from_secs(5);
/// Connections at a time: Prometheus has one, and people look now and then.
const MAX_SCRAPERS: usize = 32;
/// The format's own media type.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Why there are no metrics.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetricsError {
    /// The address is taken, or not ours.
    #[error("METRICS_LISTEN_ADDRESS is of no use")]
    Listen(#[source] io::Error),
    /// A recorder is already installed.
    #[error("the metrics could not be set up")]
    Recorder(#[from] BuildError),
}

/// Starts to count, and answers `GET /metrics` until the process ends. To be called before
/// anything that counts is built. Returns where it listens.
///
/// # Errors
/// [`MetricsError`]; metrics that were asked for and cannot be served stop the start.
pub(crate) async fn start(address: SocketAddr) -> Result<SocketAddr, MetricsError> {
    let listening = Listening::on(address).await.map_err(MetricsError::Listen)?;
    let address = listening.address();
    let handle = recorder()?.install_recorder()?;
    describe();
    let process = Collector::default();
    process.describe();
    metrics::gauge!("publisher_build_info", "version" => VERSION, "commit" => COMMIT).set(1.0);
    known_series::register();

    let scraped = handle.clone();
    let routes = Route::new().at(
        "/metrics",
        get(make_sync(move |_| {
            process.collect();
            logging::count_lost_lines();
            page(&scraped)
        })),
    );
    tokio::spawn(async move {
        let scrapers = ConnectionLimits::of(MAX_SCRAPERS);
        listening
            .serve(routes, scrapers, pending(), Duration::ZERO)
            .await;
    });
    tokio::spawn(async move {
        let mut times = tokio::time::interval(UPKEEP);
        loop {
            times.tick().await;
            handle.run_upkeep();
        }
    });
    tracing::info!(%address, "metrics listening");
    Ok(address)
}

fn recorder() -> Result<PrometheusBuilder, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for (name, _) in TIMINGS {
        builder = builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), &BUCKETS)?;
    }
    Ok(builder)
}

fn page(handle: &PrometheusHandle) -> Response {
    handle
        .render()
        .with_content_type(TEXT_FORMAT)
        .into_response()
}

fn describe() {
    for (name, help) in COUNTERS {
        metrics::describe_counter!(name, help);
    }
    for (name, help) in GAUGES {
        metrics::describe_gauge!(name, help);
    }
    for (name, help) in TIMINGS {
        metrics::describe_histogram!(name, Unit::Seconds, help);
    }
}

const COUNTERS: [(&str, &str); 13] = [
    (
        "publisher_http_requests_total",
        "Requests that were answered, by route, method and status",
    ),
    (
        "publisher_publications_total",
        "Outcomes of publishing an image to a platform",
    ),
    (
        "publisher_publish_refusals_total",
        "Publications that were refused before a platform was called, by reason",
    ),
    (
        "publisher_publication_failures_total",
        "Deliveries to a platform that failed or may have failed, by reason",
    ),
    (
        "publisher_images_passed_over_total",
        "Images that were passed over when the next one was to be published, by reason",
    ),
    (
        "publisher_shared_limits_fallbacks_total",
        "Decisions on a tenant's limits by this process's own count, since that of all replicas could not be had",
    ),
    (
        "publisher_log_lines_lost_total",
        "Log lines that were dropped because the log was not read in time",
    ),
    (
        "publisher_upstream_requests_total",
        "Attempts at calls to upstreams, by HTTP status, or `error` without one",
    ),
    (
        "publisher_upstream_retries_total",
        "Attempts at calls to upstreams after the first",
    ),
    (
        "publisher_cache_requests_total",
        "Cache lookups: `hit`, `miss`, or `stale` for an expired entry that was served",
    ),
    (
        "publisher_cache_evictions_total",
        "Cache entries that were dropped, because the cache was full or they had expired",
    ),
    (
        "publisher_credential_resolutions_total",
        "Credentials requested from the orchestrator, by outcome",
    ),
    (
        "publisher_ledger_errors_total",
        "Operations of the ledger that its database failed",
    ),
];
const GAUGES: [(&str, &str); 7] = [
    ("publisher_build_info", "The build that runs; always 1"),
    ("publisher_cache_entries", "Entries in a cache"),
    (
        "publisher_ledger_pool_connections",
        "Connections to the ledger that are `idle` or `in_use`, and how many there may be: `max`",
    ),
    (
        "publisher_ledger_entries",
        "Entries of the whole ledger whose state is unknown: the platform may have the image",
    ),
    ("publisher_jobs", "Jobs of all tenants, by state"),
    (
        "publisher_jobs_overdue_seconds",
        "How long a tenant with due jobs has waited for its turn",
    ),
    (
        "publisher_model_shutdown_timestamp_seconds",
        "When a model of a tenant's config ends, in Unix seconds; 0 where nothing is known any more",
    ),
];
const TIMINGS: [(&str, &str); 5] = [
    (
        "publisher_http_request_duration_seconds",
        "How long answering took",
    ),
    (
        "publisher_publish_duration_seconds",
        "How long a stage of publishing an image took; `whole` is all of them",
    ),
    (
        "publisher_upstream_request_duration_seconds",
        "How long an attempt took, body included",
    ),
    (
        "publisher_job_lateness_seconds",
        "How long after its time a job began",
    ),
    (
        "publisher_ledger_operation_duration_seconds",
        "How long an operation of the ledger took, waiting for a connection included",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timings_are_sorted_into_buckets() {
        let recorder = recorder().unwrap().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            for (name, _) in TIMINGS {
                metrics::histogram!(name).record(0.3);
            }
        });
        let text = recorder.handle().render();
        for (name, _) in TIMINGS {
            for (bucket, count) in [("0.25", 0), ("0.5", 1), ("60", 1)] {
                let line = format!("{name}_bucket{{le=\"{bucket}\"}} {count}");
                assert!(text.contains(&line), "{line} is not in\n{text}");
            }
        }
    }
}
