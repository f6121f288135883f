mod backups;
mod caption_plans;
mod caption_suite;
mod entry_plans;
mod event_plans;
mod event_suite;
mod foreign_files;
mod hash_suite;
mod imports;
mod inspections;
mod job_attempt_suite;
mod job_plans;
mod job_sharing_suite;
mod job_suite;
mod locks;
mod look_up_suite;
mod merge_suite;
mod outcome_suite;
mod pool;
mod posted_lists;
mod postgres;
mod rates;
mod reason_suite;
mod request_suite;
mod retention_suite;
mod schedule_suite;
mod slot_suite;
mod sqlite;
mod suite;
mod takeover_suite;
mod upgrades;
mod usage_plans;
mod usage_suite;
mod voice_suite;

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use futures_util::FutureExt as _;

use super::{
    merge::Merge, open::*, postgres::PostgresLedger, settings::LedgerSettings,
    sqlite::SqliteLedger, statements::Durability, takeover::Takeover, *,
};
use crate::{
    domain::{
        content_hash::ContentHash,
        host::Host,
        ledger::{EntryQuery, Lease},
        secret::Secret,
        tenant::TenantName,
    },
    ports::{
        CaptionHistory, Clock, IdempotencyStore, JobEvents, JobQueue, JobStore, KeptFor, Ledger,
        LedgerError, LedgerReader, LedgerRetention, PublishSlots, ScheduleStore, UsageOutbox,
        VoiceProfileStore,
    },
};

/// Runs every test of the suite against a stage; `$stage` is a function that sets one up, or says
/// that it cannot.
macro_rules! run_suite {
    ($suite:ident on $stage:path: $($test:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $test() {
            if let Some(stage) = $stage().await {
                let ended = super::run_to_the_end(super::$suite::$test(&stage.ledger)).await;
                // Also after a failure: nothing is left behind on a server.
                stage.end().await;
                if let Err(panic) = ended {
                    std::panic::resume_unwind(panic);
                }
            }
        }
    )+};
}

macro_rules! suite_on {
    ($stage:path) => {
        super::run_suite!(
            suite on $stage:
            one_of_fifty_concurrent_claims_gets_the_lease,
            a_lease_is_held_for_one_tenant_and_one_image,
            what_is_known_is_told_with_the_lease,
            a_lease_that_is_not_given_back_can_be_taken_once_it_has_expired,
            a_renewed_lease_does_not_expire,
            a_holder_who_lost_the_lease_begins_nothing,
            an_intent_that_nobody_works_on_is_unknown,
            a_failed_repetition_changes_nothing_of_what_was_known,
            the_same_settlement_can_be_written_twice,
            an_intent_is_written_for_all_platforms_or_for_none,
            tenants_never_see_each_others_entries,
            entries_are_listed_newest_first_page_by_page,
            entries_are_filtered_by_image_platform_and_state,
            entries_are_found_by_their_contents,
            texts_from_outside_are_kept_as_far_as_the_database_can,
        );
        super::run_suite!(
            outcome_suite on $stage:
            an_outcome_is_written_after_the_lease_has_ended,
            an_outcome_is_written_while_another_holder_has_the_lease,
            an_outcome_never_overwrites_what_a_later_attempt_has_begun,
            an_outcome_renews_the_lease_that_is_still_held,
        );
        super::run_suite!(
            reason_suite on $stage:
            an_attempt_is_listed_with_its_reason_as_long_as_the_platform_does_not_have_the_image,
            an_image_that_was_passed_over_is_listed_among_the_others_until_it_is_taken_up,
            what_nobody_can_tell_is_counted,
            a_probe_writes_and_leaves_nothing,
        );
        super::run_suite!(
            request_suite on $stage:
            one_of_fifty_concurrent_requests_gets_the_key,
            an_answer_is_given_again_and_to_the_same_request_only,
            keys_are_one_tenant_s,
            a_key_that_is_given_back_is_free_for_the_same_request,
            a_request_whose_holder_is_gone_is_resumed_with_its_image,
            who_lost_the_key_writes_nothing,
            a_key_is_kept_for_a_day,
            a_job_is_added_with_its_key_and_found_by_the_next_request,
            who_lost_the_key_adds_no_job,
            one_of_many_requests_for_a_job_adds_it,
        );
        super::run_suite!(
            retention_suite on $stage:
            texts_go_and_what_says_that_an_image_was_posted_stays,
            leases_of_the_dead_and_old_keys_go_and_no_others,
            more_rows_than_one_statement_is_about_are_swept,
        );
        super::run_suite!(
            hash_suite on $stage:
            an_image_is_found_by_each_of_its_hashes,
            what_the_version_before_wrote_is_found_and_learnt,
            what_is_written_can_be_read_by_the_version_before,
            leases_on_one_content_exclude_each_other_whichever_hash_they_began_with,
            one_of_thirty_requests_for_one_content_under_different_hashes_gets_it,
            who_lost_the_lease_on_one_hash_begins_nothing,
            an_image_that_was_passed_over_unread_is_known_by_its_etag_until_it_is_sent,
            an_entry_keeps_its_key_and_its_certainty,
            hashes_are_merged_and_stay_for_good,
        );
        super::run_suite!(
            merge_suite on $stage:
            what_is_certain_wins_whichever_side_says_it,
            an_attempt_under_way_is_left_to_its_holder,
            answers_of_keys_are_taken_over_where_they_are_missing,
            images_that_were_passed_over_are_taken_over_unless_they_were_sent,
            entries_of_later_versions_are_taken_over_and_not_listed,
            the_service_goes_on_with_the_tables_of_a_later_version,
        );
        super::run_suite!(
            look_up_suite on $stage:
            a_post_is_known_with_its_address,
            the_key_of_an_attempt_is_known_until_the_platform_has_the_image,
            a_lost_answer_is_replaced_by_what_the_platform_says,
            what_was_known_before_an_attempt_holds_if_it_was_not_posted,
            an_answer_about_another_attempt_changes_nothing,
            an_attempt_under_way_under_another_hash_is_left_to_its_holder,
            an_entry_is_found_by_its_number_and_tenant,
            addresses_and_keys_are_merged,
            a_doubt_of_another_ledger_stays_when_ours_is_settled,
            a_doubt_of_another_ledger_is_the_prior_state_of_an_attempt_under_way,
            the_version_before_starts_and_writes_on_these_tables,
        );
        super::run_suite!(
            takeover_suite on $stage:
            what_was_posted_elsewhere_is_on_every_platform_by_whichever_hash,
            a_post_that_is_known_wins_over_one_elsewhere_and_a_doubt_does_not,
            a_forced_attempt_at_what_was_posted_elsewhere_changes_nothing_if_it_fails,
            captions_are_remembered_once,
        );
        super::run_suite!(
            usage_suite on $stage:
            an_event_is_added_once_and_claimed_by_one,
            an_event_that_is_done_is_gone_and_one_that_stays_is_due_later,
            a_claim_that_nobody_ended_is_over_by_itself,
            who_lost_the_claim_settles_nothing,
            the_time_since_a_tenant_is_unknown_is_kept,
            the_oldest_beyond_the_limit_are_dropped,
            two_claimants_get_five_hundred_events_once_each,
        );
        super::run_suite!(
            voice_suite on $stage:
            a_profile_is_kept_for_its_tenant_until_it_is_replaced_or_forgotten,
            every_text_comes_back_as_it_was_stored,
            a_row_that_makes_no_sense_is_no_profile_until_one_is_stored,
            the_later_profile_wins_whichever_ledger_has_it,
        );
        super::run_suite!(
            caption_suite on $stage:
            captions_are_kept_with_their_intent_and_history_once_they_are_published,
            a_post_that_is_found_later_makes_its_own_caption_history,
            an_outcome_that_comes_after_another_attempt_has_begun_makes_history_all_the_same,
            a_forced_second_publication_is_a_second_one_in_the_history,
            the_last_thirty_of_each_platform_are_recent_newest_first,
            a_kept_caption_is_found_by_every_hash_of_its_image,
            an_intent_that_is_not_written_keeps_no_caption,
            texts_of_captions_come_back_as_they_were_kept,
            captions_of_another_ledger_are_taken_over_once_and_published_wins,
            what_the_version_before_takes_over_is_history,
            captions_go_when_they_are_old_published_or_not,
        );
        super::run_suite!(
            job_suite on $stage:
            a_job_comes_back_as_it_was_added_to_its_tenant_alone,
            jobs_are_listed_by_their_time_page_by_page,
            a_job_is_claimed_at_its_time_and_by_one,
            a_job_that_has_begun_is_neither_changed_nor_cancelled,
        );
        super::run_suite!(
            job_attempt_suite on $stage:
            a_claim_that_is_not_renewed_is_over_within_a_minute,
            what_failed_is_tried_again_when_it_is_due,
            what_has_not_begun_in_time_is_missed,
            jobs_of_a_tenant_that_is_gone_are_cancelled,
            jobs_are_counted_and_swept_by_their_end,
            a_job_that_makes_no_sense_is_left_alone_and_no_other_waits_for_it,
        );
        super::run_suite!(
            job_sharing_suite on $stage:
            no_tenant_waits_for_the_backlog_of_another,
            the_jobs_of_a_process_that_is_gone_wait_for_no_backlog,
            four_claimants_do_each_job_once_and_keep_the_limit,
            two_people_do_not_undo_each_other,
        );
        super::run_suite!(
            schedule_suite on $stage:
            a_schedule_comes_back_as_it_was_put_to_its_tenant_alone,
            a_change_of_the_schedule_replaces_what_has_not_begun,
            the_next_posting_time_has_a_job_whatever_becomes_of_the_one_before,
            a_posting_time_that_has_had_its_job_does_not_come_back_with_another_schedule,
            of_posting_times_that_passed_the_last_is_caught_up_with,
            a_posting_time_that_nobody_approved_does_not_keep_the_next_away,
            the_schedule_of_a_tenant_that_is_gone_is_disabled,
        );
        super::run_suite!(
            event_suite on $stage:
            each_write_of_a_job_is_one_event,
            stages_are_told_among_the_jobs_in_their_order,
            tenants_without_news_are_left_out,
            the_last_thousand_events_are_kept,
            who_has_seen_an_event_has_seen_all_before,
            jobs_that_end_together_are_told_of_each,
            nothing_is_kept_of_a_tenant_that_has_nothing_left,
        );
        super::run_suite!(
            slot_suite on $stage:
            three_of_twenty_concurrent_publications_get_a_slot,
            a_slot_that_is_not_renewed_ends,
            slots_and_jobs_are_counted_together,
            a_slot_that_ends_by_itself_is_the_next_turn,
        );
    };
}
use {run_suite, suite_on};

async fn run_to_the_end(test: impl Future<Output = ()>) -> std::thread::Result<()> {
    AssertUnwindSafe(test).catch_unwind().await
}

/// A ledger, and what a test does to it behind its back.
trait Backstage:
    Ledger
    + LedgerReader
    + IdempotencyStore
    + LedgerRetention
    + UsageOutbox
    + VoiceProfileStore
    + CaptionHistory
    + JobStore
    + JobQueue
    + ScheduleStore
    + JobEvents
    + PublishSlots
    + Merge
    + Takeover
{
    /// Runs statements.
    async fn run(&self, statements: &str);
    /// A number.
    async fn number(&self, query: &str) -> i64;
    /// Makes all leases expire, and the holders of all keys.
    async fn expire_leases(&self);
    /// Makes all keys older than they may be.
    async fn age_keys(&self);
    /// Refuses entries of e-mail.
    async fn refuse_email(&self);
    /// How many leases are in the ledger.
    async fn leases(&self) -> i64;
}

fn tenant(name: &str) -> TenantName {
    TenantName::new(name).unwrap()
}

/// A host under which jobs are asked for.
fn host() -> Host {
    Host::normalize_any("alice.example.com").unwrap()
}

fn lease_of(name: &str, image: &str) -> Lease {
    Lease::for_new_holder(tenant(name), ContentHash::of(image.as_bytes()))
}

fn everything() -> EntryQuery {
    EntryQuery {
        image: None,
        platform: None,
        state: None,
        after: None,
        limit: 100,
    }
}

/// Captions for 90 days.
fn kept_for(texts: Option<Duration>) -> KeptFor {
    KeptFor {
        texts,
        captions: Duration::from_hours(90 * 24),
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(Hands::new())
}

/// A clock that moves when a test says so.
struct Hands(Mutex<SystemTime>);

impl Hands {
    fn new() -> Self {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        Self(Mutex::new(start))
    }
}

impl Clock for Hands {
    fn now(&self) -> Instant {
        // What is measured goes to metrics alone.
        crate::adapters::clock::SystemClock.now()
    }

    /// Every look at the clock takes a millisecond.
    fn utc(&self) -> SystemTime {
        let mut now = self.0.lock().unwrap();
        *now += Duration::from_millis(1);
        *now
    }
}

#[test]
fn urls_that_cannot_be_a_ledger_are_refused_and_not_repeated() {
    for url in [
        "",
        "mysql://user:s3cret@host/db",
        "sqlite::memory:",
        "sqlite://",
        "sqlite://ledger.db?mode=ro",
        "postgres://user:s3cret@host:port/db",
        "ledger.db",
    ] {
        let refused = LedgerSettings::from_url(&Secret::new(url.to_owned())).err();
        assert!(
            refused.is_some_and(|rule| !rule.contains("s3cret")),
            "{url}"
        );
    }
    for url in [
        "sqlite://publisher-ledger.db",
        "sqlite:///var/lib/publisher/ledger.db",
        "postgres://user:s3cret@host/db",
        "postgresql://host/db?sslmode=require",
    ] {
        assert!(
            LedgerSettings::from_url(&Secret::new(url.to_owned())).is_ok(),
            "{url}"
        );
    }
}
