use mockall::Sequence;

use super::*;
use crate::{
    app::runtime::{
        background_tasks::BackgroundTasks,
        held_lease::{HeldLease, Leases, Recorded},
    },
    domain::{
        content_hash::ContentHash,
        idempotency::{Fingerprint, IdempotencyKey},
        ledger::{Claim, Prior},
        publication::{FailureReason, PublicationRequest, PublishedPost, Target},
    },
    ports::{MockIdempotencyStore, MockLedger},
};

fn tenant() -> TenantName {
    TenantName::new("alice").unwrap()
}

fn image() -> ContentHash {
    ContentHash::of(b"image")
}

fn leases(ledger: MockLedger, tasks: &BackgroundTasks) -> Leases {
    Leases {
        ledger: Arc::new(ledger),
        tasks: tasks.clone(),
    }
}

fn held(ledger: MockLedger, tasks: &BackgroundTasks) -> HeldLease {
    let lease = Lease::for_new_holder(tenant(), image());
    HeldLease::new(&leases(ledger, tasks), lease)
}

fn published(id: &str) -> Settlement {
    Settlement::Published(PublishedPost::new(id))
}

async fn record(lease: &HeldLease, platform: Platform, id: &str) -> Recorded {
    lease.record_outcome(platform, published(id)).await
}

fn away<T>() -> Result<T, LedgerError> {
    Err(LedgerError::Unavailable("away".into()))
}

/// Lets background work go on for so long; the clock of these tests is paused.
async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// A ledger that does not take an outcome so many times, and then does.
fn back_after(failures: usize, order: &mut Sequence) -> MockLedger {
    let mut ledger = MockLedger::new();
    ledger
        .expect_record_outcome()
        .times(failures)
        .in_sequence(order)
        .returning(|_, _, _| away());
    ledger
        .expect_record_outcome()
        .times(1)
        .in_sequence(order)
        .withf(|lease, platform, settlement| {
            *lease.hashes().listed() == image()
                && *platform == Platform::Telegram
                && *settlement == published("1")
        })
        .returning(|_, _, _| Ok(()));
    ledger
}

#[tokio::test(start_paused = true)]
async fn an_outcome_is_tried_until_it_is_written_and_then_the_lease_is_given_back() {
    let mut order = Sequence::new();
    let mut ledger = back_after(100, &mut order);
    ledger
        .expect_release()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_| Ok(()));
    // The last attempts come at intervals of 5 s: minutes, in which the lease is kept.
    ledger.expect_renew().times(25..).returning(|_| Ok(()));
    let tasks = BackgroundTasks::default();
    let lease = held(ledger, &tasks);
    let recorded = record(&lease, Platform::Telegram, "1").await;
    assert_eq!(recorded, Recorded::Later);
    lease.release().await;
    assert!(tasks.deferred().has_outcome_of(&tenant(), &image().into()));
    pass(600).await;
    assert!(!tasks.deferred().has_outcome_of(&tenant(), &image().into()));
    assert_eq!(tasks.count(), 0, "nothing runs without anything to write");
}

#[tokio::test(start_paused = true)]
async fn an_image_whose_outcome_waits_is_held_whatever_the_ledger_says() {
    let mut ledger = MockLedger::new();
    ledger.expect_record_outcome().returning(|_, _, _| away());
    ledger
        .expect_renew()
        .returning(|_| Err(LedgerError::LeaseLost));
    let tasks = BackgroundTasks::default();
    let lease = held(ledger, &tasks);
    let recorded = record(&lease, Platform::Telegram, "1").await;
    assert_eq!(recorded, Recorded::Later);

    let mut generous = MockLedger::new();
    generous
        .expect_claim()
        .times(1)
        .withf(|lease, _| *lease.hashes().listed() != image())
        .returning(|_, _| Ok(Claim::Held(Prior::default())));
    let generous = leases(generous, &tasks);
    let claim = async |content_hash| generous.claim(tenant(), content_hash, &[]).await.unwrap();
    assert!(claim(image()).await.is_none());
    assert!(claim(ContentHash::of(b"another")).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_outcome_after_which_another_attempt_has_begun_is_given_up() {
    let mut ledger = MockLedger::new();
    ledger
        .expect_record_outcome()
        .times(4)
        .returning(|_, _, _| away());
    ledger
        .expect_record_outcome()
        .times(1)
        .returning(|_, _, _| Err(LedgerError::LeaseLost));
    ledger.expect_renew().returning(|_| Ok(()));
    ledger.expect_release().times(1).returning(|_| Ok(()));
    let tasks = BackgroundTasks::default();
    let lease = held(ledger, &tasks);
    let recorded = record(&lease, Platform::Telegram, "1").await;
    assert_eq!(recorded, Recorded::Later);
    lease.release().await;
    pass(60).await;
    assert!(!tasks.deferred().has_outcome_of(&tenant(), &image().into()));

    let mut ledger = MockLedger::new();
    ledger
        .expect_record_outcome()
        .times(1)
        .returning(|_, _, _| Err(LedgerError::LeaseLost));
    let lease = held(ledger, &tasks);
    let recorded = record(&lease, Platform::Telegram, "1").await;
    assert_eq!(recorded, Recorded::Never);
    assert!(!tasks.deferred().has_outcome_of(&tenant(), &image().into()));
}

#[tokio::test(start_paused = true)]
async fn one_write_that_never_succeeds_keeps_no_other_back() {
    let mut ledger = MockLedger::new();
    ledger
        .expect_record_outcome()
        .withf(|_, platform, _| *platform == Platform::Telegram)
        .returning(|_, _, _| away());
    let mut email = Sequence::new();
    ledger
        .expect_record_outcome()
        .times(4)
        .in_sequence(&mut email)
        .withf(|_, platform, _| *platform == Platform::Email)
        .returning(|_, _, _| away());
    ledger
        .expect_record_outcome()
        .times(1)
        .in_sequence(&mut email)
        .withf(|_, platform, _| *platform == Platform::Email)
        .returning(|_, _, _| Ok(()));
    ledger.expect_renew().returning(|_| Ok(()));
    ledger.expect_release().never();
    let tasks = BackgroundTasks::default();
    let lease = held(ledger, &tasks);
    for platform in [Platform::Telegram, Platform::Email] {
        let recorded = record(&lease, platform, "1").await;
        assert_eq!(recorded, Recorded::Later);
    }
    lease.release().await;
    pass(60).await;
    assert!(tasks.deferred().has_outcome_of(&tenant(), &image().into()));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_given_back_or_may_have_been_taken_is_given_back_later() {
    let tasks = BackgroundTasks::default();
    let mut ledger = MockLedger::new();
    ledger.expect_renew().never();
    ledger.expect_release().times(3).returning(|_| away());
    ledger.expect_release().times(1).returning(|_| Ok(()));
    held(ledger, &tasks).release().await;
    pass(60).await;
    assert_eq!(tasks.count(), 0);

    let mut ledger = MockLedger::new();
    ledger.expect_claim().times(1).returning(|_, _| away());
    ledger.expect_release().times(1).returning(|_| Ok(()));
    let refused = leases(ledger, &tasks).claim(tenant(), image(), &[]).await;
    assert!(matches!(refused, Err(LedgerError::Unavailable(_))));
    pass(60).await;
    assert_eq!(tasks.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_was_not_confirmed_ends_as_failed_before_the_lease_does() {
    let mut order = Sequence::new();
    let mut ledger = MockLedger::new();
    ledger
        .expect_record_intent()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _, _, _, _| away());
    let unsent = |settlement: &Settlement| match settlement {
        Settlement::Failed(failure) => failure.reason == FailureReason::Unavailable,
        _ => false,
    };
    // One intent was written, the other one was not.
    for (platform, written) in [(Platform::Telegram, true), (Platform::Email, false)] {
        ledger
            .expect_record_outcome()
            .times(1)
            .in_sequence(&mut order)
            .withf(move |_, for_platform, settlement| {
                *for_platform == platform && unsent(settlement)
            })
            .returning(move |_, _, _| {
                if written {
                    Ok(())
                } else {
                    Err(LedgerError::LeaseLost)
                }
            });
    }
    ledger
        .expect_release()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_| Ok(()));
    ledger.expect_renew().returning(|_| Ok(()));
    let tasks = BackgroundTasks::default();
    let lease = held(ledger, &tasks);
    let name = ImageName::new("a.jpg").unwrap();
    let refused = lease
        .record_intent(&name, &Platform::ALL, &[].into(), &[].into())
        .await;
    assert!(matches!(refused, Err(LedgerError::Unavailable(_))));
    lease.release().await;
    assert!(!tasks.deferred().has_outcome_of(&tenant(), &image().into()));
    pass(60).await;
    assert_eq!(tasks.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn only_so_many_outcomes_wait_and_other_writes_take_none_of_their_room() {
    let mut ledger = MockLedger::new();
    ledger.expect_record_outcome().returning(|_, _, _| away());
    ledger.expect_release().returning(|_| away());
    ledger.expect_renew().returning(|_| Ok(()));
    let tasks = BackgroundTasks::default();
    let leases = leases(ledger, &tasks);
    let release = || DeferredWrite::Release {
        ledger: Arc::clone(&leases.ledger),
        lease: Lease::for_new_holder(tenant(), image()),
    };
    for _ in 0..MAX_WAITING {
        assert!(tasks.defer(release()));
    }
    assert!(!tasks.defer(release()));

    let lease = Lease::for_new_holder(tenant(), image());
    let lease = HeldLease::new(&leases, lease);
    for _ in 0..MAX_WAITING {
        assert!(tasks.defer(lease.outcome(Platform::Telegram, published("1"))));
    }
    let recorded = record(&lease, Platform::Email, "2").await;
    assert_eq!(recorded, Recorded::Never);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_ends_waits_for_outcomes_and_answers_and_for_nothing_else() {
    let mut order = Sequence::new();
    let mut ledger = back_after(6, &mut order);
    ledger.expect_renew().returning(|_| Ok(()));
    // It ends with the process.
    ledger.expect_release().never();
    let mut store = MockIdempotencyStore::new();
    store.expect_abandon().never();
    store
        .expect_finish()
        .times(1)
        .withf(|_, answer| answer == "done")
        .returning(|_, _| Ok(()));
    let store: Arc<dyn IdempotencyStore> = Arc::new(store);
    let tasks = BackgroundTasks::default();
    let lease = held(ledger, &tasks);
    let recorded = record(&lease, Platform::Telegram, "1").await;
    assert_eq!(recorded, Recorded::Later);
    lease.release().await;
    let request = KeyedRequest::new(
        tenant(),
        &IdempotencyKey::new("key").unwrap(),
        Fingerprint::of(&Target::Next, &PublicationRequest::default()),
    );
    tasks.defer(DeferredWrite::Answer {
        store: Arc::clone(&store),
        request: request.clone(),
        answer: "done".to_owned(),
    });
    tasks.defer(DeferredWrite::Abandon {
        store,
        request,
        may_have_sent: true,
    });
    tasks.ended().await;
    assert!(!tasks.deferred().has_outcome_of(&tenant(), &image().into()));
}

#[test]
fn the_log_has_no_host_of_a_post_id() {
    for (id, logged) in [("4711", "4711"), ("<1b-2c@mail.example.org>", "1b-2c")] {
        assert_eq!(without_host(&PostId::new(id)), logged);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_dropped_is_released_after_what_was_deferred_under_it() {
    let mut order = Sequence::new();
    let mut ledger = back_after(6, &mut order);
    ledger.expect_renew().returning(|_| Ok(()));
    ledger
        .expect_release()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_| Ok(()));
    let tasks = BackgroundTasks::default();
    let lease = held(ledger, &tasks);
    let recorded = record(&lease, Platform::Telegram, "1").await;
    assert_eq!(recorded, Recorded::Later);
    drop(lease);
    pass(60).await;
    assert_eq!(tasks.count(), 0);

    let mut ledger = MockLedger::new();
    ledger.expect_release().times(1).returning(|_| Ok(()));
    drop(held(ledger, &tasks));
    pass(60).await;
    assert_eq!(tasks.count(), 0);
}
