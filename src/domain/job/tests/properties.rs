//! Whatever happens to a job, in whatever order, these hold.

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Change,
    Approve,
    Cancel,
    Miss,
    Claim,
    Retry,
    Finish(AttemptEnd),
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(published()),
        Just(Outcome::AlreadyPublished(PublishedPost::new("1"))),
        Just(Outcome::Unknown("text".to_owned())),
        select(&FailureReason::ALL[..]).prop_map(failed),
        select(&FailureReason::ALL[..])
            .prop_map(|reason| Outcome::Skipped(Failure::new(reason, "text"))),
    ]
}

fn end() -> impl Strategy<Value = AttemptEnd> {
    prop_oneof![
        4 => vec(outcome(), Platform::COUNT).prop_map(|outcomes| {
            reported(Platform::ALL.into_iter().zip(outcomes).collect())
        }),
        3 => select(&JobReason::ALL[..]).prop_map(without_report),
        1 => Just(AttemptEnd::TenantAway { retry_after: None }),
        1 => Just(AttemptEnd::TenantGone),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Change),
        2 => Just(Step::Approve),
        1 => Just(Step::Cancel),
        1 => Just(Step::Miss),
        6 => Just(Step::Claim),
        2 => Just(Step::Retry),
        6 => end().prop_map(Step::Finish),
    ]
}

/// Only the results on the platforms that were asked for.
fn narrowed(end: AttemptEnd, request: &PublicationRequest) -> AttemptEnd {
    match (end, &request.platforms) {
        (AttemptEnd::Reported { image, mut results }, Some(asked)) => {
            results.retain(|it| asked.contains(&it.platform));
            AttemptEnd::Reported { image, results }
        }
        (end, _) => end,
    }
}

fn take(job: Job, step: Step, now: SystemTime) -> Result<Job, JobRefusal> {
    match step {
        Step::Change => job.change(JobChange {
            publish_at: Edit::Set(now + MINUTE),
            ..JobChange::default()
        }),
        Step::Approve => job.approve(now, MAX_LATE),
        Step::Cancel => job.cancel(JobReason::ByRequest, now),
        Step::Miss => job.miss(JobReason::TooLate, now),
        Step::Claim => job.claim(now, now + MINUTE),
        Step::Retry => job.retry(now),
        Step::Finish(end) => {
            let request = job.request();
            job.finish(narrowed(end, &request), now)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_history_keeps_to_the_table_and_sends_nothing_twice(
        needs_approval in any::<bool>(),
        force in any::<bool>(),
        steps in vec(step(), 1..40),
    ) {
        let mut job = new(JobOrder { force, needs_approval, ..JobOrder::default() });
        let mut settled: Vec<Platform> = Vec::new();
        let mut retried_by_itself = 0;
        for (minute, step) in steps.into_iter().enumerate() {
            let now = at(20 + minute as u64);
            let before = job.clone();
            let is_changed_only = matches!(step, Step::Change);
            let is_asked_for = matches!(step, Step::Retry);
            let is_claimed = matches!(step, Step::Claim);
            let after = match take(job, step, now) {
                Ok(after) => after,
                Err(refusal) => {
                    if let JobRefusal::IllegalMove { from, .. } = refusal {
                        prop_assert_eq!(from, before.status);
                    }
                    job = before;
                    continue;
                }
            };
            let is_move = before.status.may_become(after.status);
            prop_assert!(is_move || is_changed_only, "{:?} {:?}", before, after);
            prop_assert_eq!(after.status.is_ended(), after.ended_at.is_some());
            prop_assert!(after.status != JobStatus::Running || after.has_begun());
            prop_assert!(before.attempts <= after.attempts || after.attempts == 0);
            if is_claimed {
                // What a platform has, or may have, is not sent again.
                let asked = after.request().platforms;
                let again = settled.iter().any(|it| {
                    asked.as_ref().map_or(!after.interrupted && after.results.is_empty(), |asked| asked.contains(it))
                });
                prop_assert!(!again, "{:?} is asked for again: {:?}", settled, after);
                prop_assert!(!after.interrupted || !after.request().force);
            }
            if before.status == JobStatus::Running && after.status == JobStatus::Scheduled {
                retried_by_itself += u32::from(after.failures > before.failures);
                prop_assert!(after.due_at >= now + MINUTE);
            }
            if is_asked_for {
                retried_by_itself = 0;
            }
            prop_assert!(retried_by_itself <= 3);
            for result in &after.results {
                if results::not_sent(result).is_none() && !settled.contains(&result.platform) {
                    settled.push(result.platform);
                }
            }
            job = after;
        }
    }
}
