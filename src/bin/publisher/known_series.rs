//! The counters that are there from the start, at 0, in one place: a series that begins with its
//! first event has not increased by it, so that an alert on the increase would miss that event.
//! Used by `metrics_listener.rs`.
//!
//! Some begin elsewhere because their labels are only known there: those of caches in
//! `app::usecases::cache_counts`, those of routes in `app::http::route_table`. No label has a value
//! that comes from outside.

use metrics::{counter, gauge};
use publisher::{
    adapters::{
        ledger,
        openai::AI_CALLS,
        platforms,
        rate_limits::{self, PUBLISHES},
        registration::HTTP_STATUSES,
        storages,
    },
    app::{
        http::RATE_LIMITS,
        runtime::{event_hub::LostStages, usage_recorder::UsageOutcome},
        usecases::{publish::Refusal, upload_image::UploadOutcome},
    },
    domain::{
        credential::Provider, platform::Platform, publication::FailureReason, storage::StorageKind,
    },
};

/// What publishing an image to a platform comes to, as [`Outcome`](publisher::domain::publication::Outcome)
/// writes it.
const OUTCOMES: [&str; 5] = [
    "published",
    "already_published",
    "failed",
    "unknown",
    "skipped",
];
/// Why an image is passed over when the next one is to be published.
const PASSED_OVER: [FailureReason; 2] =
    [FailureReason::ImageUnsuitable, FailureReason::Unavailable];
/// What asking for a credential comes to.
const RESOLUTIONS: [&str; 6] = [
    "resolved",
    "not_found",
    "unauthorized",
    "out_of_credit",
    "unavailable",
    "malformed",
];
/// The calls to each upstream, beside those of platforms and storages.
const CALLS: [(&str, &[&str]); 2] = [
    (
        "orchestrator",
        &["runtime_by_host", "resolve_credential", "probe", "usage"],
    ),
    ("openai", &["vision", "captions", "condense", "sd_caption"]),
];
/// Has every series of which the labels are known.
pub(crate) fn register() {
    counter!("publisher_log_lines_lost_total").increment(0);
    gauge!("publisher_event_streams").set(0.0);
    for reason in PASSED_OVER.map(FailureReason::as_str) {
        counter!("publisher_images_passed_over_total", "reason" => reason).increment(0);
    }
    Refusal::register();
    UploadOutcome::register();
    UsageOutcome::register();
    LostStages::register();
    for limit in RATE_LIMITS.into_iter().chain([AI_CALLS, PUBLISHES]) {
        rate_limits::count_fallbacks(limit, 0);
    }
    for platform in Platform::ALL.map(Platform::as_str) {
        for outcome in OUTCOMES {
            counter!(
                "publisher_publications_total", "platform" => platform, "outcome" => outcome
            )
            .increment(0);
        }
        let reasons = FailureReason::ALL.into_iter();
        // A dry run is not counted.
        for reason in reasons.filter(|it| *it != FailureReason::DryRun) {
            counter!(
                "publisher_publication_failures_total",
                "platform" => platform, "reason" => reason.as_str()
            )
            .increment(0);
        }
    }
    let providers = Platform::ALL.map(|platform| platforms::spec(platform).provider);
    let of_storages = StorageKind::ALL.iter().filter_map(|kind| kind.provider());
    for provider in of_storages.chain([Provider::OPENAI]).chain(providers) {
        let provider = provider.as_str();
        for outcome in RESOLUTIONS {
            counter!(
                "publisher_credential_resolutions_total",
                "provider" => provider, "outcome" => outcome
            )
            .increment(0);
        }
    }
    for operation in ledger::OPERATIONS {
        counter!("publisher_ledger_errors_total", "operation" => operation).increment(0);
    }
    let of_storages = StorageKind::ALL.iter();
    let of_storages = of_storages.filter_map(|kind| storages::registration(*kind).upstream);
    for (upstream, operations) in CALLS.into_iter().chain(of_storages) {
        register_calls(upstream, operations, HTTP_STATUSES);
    }
    for registration in Platform::ALL.map(platforms::registration) {
        let (upstream, operations) = registration.upstream;
        register_calls(upstream, operations, registration.statuses);
    }
}

fn register_calls(upstream: &'static str, operations: &[&'static str], statuses: &[&'static str]) {
    for operation in operations.iter().copied() {
        counter!(
            "publisher_upstream_retries_total", "upstream" => upstream, "operation" => operation
        )
        .increment(0);
        for status in statuses.iter().copied() {
            counter!(
                "publisher_upstream_requests_total",
                "upstream" => upstream, "operation" => operation, "status" => status
            )
            .increment(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;
    use publisher::domain::publication::{Failure, Outcome, PublishedPost};

    use super::*;

    #[test]
    fn every_outcome_of_a_platform_is_there_at_zero() {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, register);
        let text = recorder.handle().render();
        let failure = || Failure::new(FailureReason::Rejected, "no");
        let outcomes = [
            Outcome::Published(PublishedPost::new("1")),
            Outcome::AlreadyPublished(PublishedPost::new("1")),
            Outcome::Failed(failure()),
            Outcome::Unknown(String::new()),
            Outcome::Skipped(failure()),
        ];
        for (platform, outcome) in Platform::ALL
            .into_iter()
            .flat_map(|platform| outcomes.iter().map(move |outcome| (platform, outcome)))
        {
            let outcome = outcome.as_str();
            let line = format!(
                r#"publisher_publications_total{{platform="{platform}",outcome="{outcome}"}} 0"#
            );
            assert!(text.contains(&line), "{line} is not in\n{text}");
        }
        let counted: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(
            counted
                .iter()
                .all(|line| line.is_empty() || line.ends_with(" 0"))
        );
        assert!(counted.len() < 600, "{} series", counted.len());
    }
}
