//! How attempts end.

use super::*;

#[test]
fn what_passes_is_tried_again_after_one_five_and_fifteen_minutes() {
    let mut job = job();
    let mut now = at(10);
    for (attempt, wait) in [(1, 1), (2, 5), (3, 15)] {
        job = job.claim(now, now + MINUTE).unwrap();
        job = job
            .finish(without_report(JobReason::StorageUnavailable), now)
            .unwrap();
        assert_eq!(job.status, JobStatus::Scheduled);
        assert_eq!((job.attempts, job.failures), (attempt, attempt));
        assert_eq!(job.due_at, now + wait * MINUTE);
        assert!(!job.is_late(now + 600 * MINUTE, MAX_LATE), "it has begun");
        now = job.due_at;
    }
    job = job.claim(now, now + MINUTE).unwrap();
    job = job
        .finish(without_report(JobReason::StorageUnavailable), now)
        .unwrap();
    assert_eq!((job.status, job.attempts), (JobStatus::Failed, 4));
    assert_eq!(job.reason, Some(JobReason::StorageUnavailable));
    let again = job.retry(now).unwrap();
    assert_eq!(
        (again.status, again.failures, again.due_at),
        (JobStatus::Scheduled, 0, now)
    );
    assert_eq!(
        (again.reason, again.error, again.ended_at),
        (None, None, None)
    );
}

#[test]
fn what_is_final_fails_at_once() {
    for reason in JobReason::ALL {
        assert_eq!(JobReason::from_name(reason.as_str()), Some(reason));
        let ended = running().finish(without_report(reason), at(10)).unwrap();
        let expected = if reason.is_transient() {
            JobStatus::Scheduled
        } else {
            JobStatus::Failed
        };
        assert_eq!((ended.status, ended.reason), (expected, Some(reason)));
    }
}

#[test]
fn a_wait_that_an_upstream_names_is_kept_within_an_hour() {
    for (named, expected) in [(30, MINUTE), (600, 10 * MINUTE), (86_400, 60 * MINUTE)] {
        let end = AttemptEnd::Failed {
            reason: JobReason::RateLimited,
            error: String::new(),
            retry_after: Some(Duration::from_secs(named)),
        };
        let job = running().finish(end, at(10)).unwrap();
        assert_eq!(job.due_at, at(10) + expected);
    }
}

#[test]
fn only_platforms_that_failed_for_reasons_that_pass_are_tried_again_by_themselves() {
    let order = JobOrder {
        captions: Some(BTreeMap::from(
            Platform::ALL.map(|platform| (platform, platform.to_string())),
        )),
        ..JobOrder::default()
    };
    let running = new(order).claim(at(10), at(11)).unwrap();
    let job = running
        .finish(
            reported(vec![
                (Platform::Telegram, published()),
                (Platform::Email, failed(FailureReason::Unavailable)),
                (Platform::Mastodon, failed(FailureReason::Rejected)),
                (Platform::Bluesky, Outcome::Unknown("text".to_owned())),
            ]),
            at(10),
        )
        .unwrap();
    assert_eq!(job.status, JobStatus::Scheduled);
    assert_eq!(
        job.reason,
        Some(JobReason::PlatformsFailed),
        "also while one has it"
    );
    let told = job.explanation().unwrap();
    assert_eq!(told, "Email: text. Mastodon: text.");
    let caption_of = |index: usize| job.results[index].caption.clone();
    assert_eq!(
        (caption_of(0), caption_of(3)),
        ("secret".into(), "secret".into())
    );
    let request = job.request();
    assert_eq!(request.platforms, Some(vec![Platform::Email]));
    let captions = request.captions.unwrap();
    assert_eq!(captions.keys().collect::<Vec<_>>(), [&Platform::Email]);
    let Target::Image(image) = job.target() else {
        panic!("the image that was chosen");
    };
    assert_eq!(image.as_str(), "a.jpg");
    let job = job.claim(at(11), at(12)).unwrap();
    let job = job
        .finish(reported(vec![(Platform::Email, published())]), at(11))
        .unwrap();
    assert_eq!((job.status, job.ended_at), (JobStatus::Done, Some(at(11))));
    let words: Vec<_> = job.results.iter().map(|it| it.outcome.as_str()).collect();
    assert_eq!(words, ["published", "published", "failed", "unknown"]);
    let again = job.retry(at(20)).unwrap();
    assert_eq!(again.remaining, Some(vec![Platform::Mastodon]));
}

#[test]
fn a_job_is_done_if_a_platform_has_the_image_or_may_have_it() {
    let rejected = || failed(FailureReason::Rejected);
    let unknown = || Outcome::Unknown("text".to_owned());
    let failed_everywhere = Some(JobReason::PlatformsFailed);
    let dry = Outcome::Skipped(Failure::new(FailureReason::DryRun, "text"));
    for (outcome, status, reason) in [
        (published(), JobStatus::Done, None),
        (
            Outcome::AlreadyPublished(PublishedPost::new("1")),
            JobStatus::Done,
            None,
        ),
        (unknown(), JobStatus::Done, None),
        (dry, JobStatus::Done, Some(JobReason::DryRun)),
        (rejected(), JobStatus::Failed, failed_everywhere),
        (
            Outcome::Skipped(Failure::new(FailureReason::Off, "text")),
            JobStatus::Failed,
            failed_everywhere,
        ),
    ] {
        let report = reported(vec![
            (Platform::Telegram, rejected()),
            (Platform::Email, outcome),
        ]);
        let job = running().finish(report, at(10)).unwrap();
        assert_eq!(job.status, status);
        assert_eq!(job.reason, reason);
    }
    let none = AttemptEnd::Reported {
        image: None,
        results: Vec::new(),
    };
    let job = running().finish(none, at(10)).unwrap();
    assert_eq!(
        (job.status, job.reason),
        (JobStatus::Done, Some(JobReason::NothingToPublish)),
        "that is no failure"
    );
    let again = job.retry(at(20)).unwrap();
    assert_eq!(
        (again.status, again.remaining),
        (JobStatus::Scheduled, None)
    );
}

#[test]
fn what_may_have_been_sent_is_told_with_the_caption_that_was_given() {
    let order = JobOrder {
        caption: Some("Ahoy".to_owned()),
        ..JobOrder::default()
    };
    let unknown = PlatformResult {
        caption: String::new(),
        ..result(Platform::Email, Outcome::Unknown("text".to_owned()))
    };
    let report = AttemptEnd::Reported {
        image: ImageName::new("a.jpg").ok(),
        results: vec![unknown],
    };
    let running = new(order).claim(at(10), at(11)).unwrap();
    let job = running.finish(report, at(10)).unwrap();
    assert_eq!(job.results[0].caption, "Ahoy");
}

#[test]
fn what_is_unknown_is_not_tried_again_also_if_asked_for() {
    let report = reported(vec![(Platform::Email, Outcome::Unknown("text".to_owned()))]);
    let job = running().finish(report, at(10)).unwrap();
    let refused = job.retry(at(20));
    assert_eq!(refused, Err(JobRefusal::NothingFailed(JobStatus::Done)));
}

#[test]
fn nothing_is_forced_once_it_is_not_known_what_was_sent() {
    let forced = || {
        new(JobOrder {
            force: true,
            ..JobOrder::default()
        })
    };
    let first = forced().claim(at(10), at(11)).unwrap();
    assert!(first.request().force);
    let taken_over = first.clone().claim(at(12), at(13)).unwrap();
    assert!(!taken_over.request().force);
    let aborted = first
        .finish(without_report(JobReason::Interrupted), at(10))
        .unwrap();
    assert!(!aborted.request().force);
}

#[test]
fn a_tenant_that_is_away_is_waited_for_until_it_is_too_late() {
    let away = || AttemptEnd::TenantAway { retry_after: None };
    let mut job = job();
    for minute in 10..=70 {
        job = job.claim(at(minute), at(minute + 1)).unwrap();
        job = job.finish(away(), at(minute)).unwrap();
        assert_eq!(
            (job.status, job.attempts, job.failures),
            (JobStatus::Scheduled, 0, 0)
        );
        assert_eq!(job.due_at, at(minute + 1));
        assert!(!job.is_late(at(minute), MAX_LATE));
    }
    assert!(job.is_late(at(71), MAX_LATE));
    assert_eq!(
        job.miss(JobReason::TooLate, at(71)).unwrap().status,
        JobStatus::Missed
    );
    let begun = running()
        .finish(without_report(JobReason::Busy), at(10))
        .unwrap();
    let begun = begun.claim(at(11), at(12)).unwrap();
    let waits = begun.finish(away(), at(11)).unwrap();
    assert_eq!(
        (waits.failures, waits.due_at),
        (2, at(16)),
        "as what passes"
    );
    let gone = running().finish(AttemptEnd::TenantGone, at(10)).unwrap();
    assert_eq!(
        (gone.status, gone.reason),
        (JobStatus::Cancelled, Some(JobReason::TenantGone))
    );
}
