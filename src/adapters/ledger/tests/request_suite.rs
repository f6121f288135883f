//! What every ledger does with requests under a key, whatever database is behind it.

use futures_util::future::join_all;

use super::{Backstage, host, tenant};
use crate::{
    domain::{
        content_hash::ContentHash,
        idempotency::{Begun, ChosenImage, Fingerprint, IdempotencyKey, KeyedRequest},
        image::ImageName,
        job::{Job, JobOrder, NewJob},
        publication::{PublicationRequest, Target},
    },
    ports::LedgerError,
};

/// A request of alice's to publish this image, under the one key of these tests.
pub(super) fn request(image: &str) -> KeyedRequest {
    request_of("alice", image)
}

pub(super) fn request_of(who: &str, image: &str) -> KeyedRequest {
    let target = Target::Image(ImageName::new(image).unwrap());
    let fingerprint = Fingerprint::of(&target, &PublicationRequest::default());
    let key = IdempotencyKey::new("key").unwrap();
    KeyedRequest::new(tenant(who), &key, fingerprint)
}

pub(super) fn chosen() -> ChosenImage {
    ChosenImage {
        name: ImageName::new("a.jpg").unwrap(),
        hashes: ContentHash::of(b"a").into(),
    }
}

async fn begin(ledger: &impl Backstage, request: &KeyedRequest) -> Begun {
    ledger.begin(request).await.unwrap()
}

pub(super) async fn one_of_fifty_concurrent_requests_gets_the_key(ledger: &impl Backstage) {
    let begun = join_all((0..50).map(|_| async { begin(ledger, &request("a.jpg")).await })).await;
    let first = begun.iter().filter(|begun| **begun == Begun::First).count();
    let running = begun.iter().filter(|begun| **begun == Begun::Running);
    assert_eq!((first, running.count()), (1, 49));
}

pub(super) async fn an_answer_is_given_again_and_to_the_same_request_only(ledger: &impl Backstage) {
    let first = request("a.jpg");
    begin(ledger, &first).await;
    assert_eq!(begin(ledger, &request("b.jpg")).await, Begun::Mismatch);
    ledger.choose(&first, &chosen()).await.unwrap();
    ledger.finish(&first, "{\"é\": 1}").await.unwrap();
    for _ in 0..2 {
        let again = begin(ledger, &request("a.jpg")).await;
        assert_eq!(again, Begun::Answered("{\"é\": 1}".to_owned()));
    }
    assert_eq!(begin(ledger, &request("b.jpg")).await, Begun::Mismatch);
}

pub(super) async fn keys_are_one_tenant_s(ledger: &impl Backstage) {
    begin(ledger, &request_of("alice", "a.jpg")).await;
    let bob = request_of("bob", "b.jpg");
    assert_eq!(begin(ledger, &bob).await, Begun::First);
}

pub(super) async fn a_key_that_is_given_back_is_free_for_the_same_request(ledger: &impl Backstage) {
    let first = request("a.jpg");
    begin(ledger, &first).await;
    ledger.choose(&first, &chosen()).await.unwrap();
    ledger.abandon(&first, false).await.unwrap();
    assert_eq!(begin(ledger, &request("b.jpg")).await, Begun::Mismatch);
    let second = request("a.jpg");
    let begun = begin(ledger, &second).await;
    assert_eq!(begun, Begun::First, "nothing was sent");
    ledger.choose(&second, &chosen()).await.unwrap();
    ledger.abandon(&second, true).await.unwrap();
    let begun = begin(ledger, &request("a.jpg")).await;
    assert_eq!(begun, Begun::Resumed(chosen()));
}

pub(super) async fn a_request_whose_holder_is_gone_is_resumed_with_its_image(
    ledger: &impl Backstage,
) {
    let first = request("a.jpg");
    begin(ledger, &first).await;
    ledger.expire_leases().await;
    let second = request("a.jpg");
    let begun = begin(ledger, &second).await;
    assert_eq!(begun, Begun::First, "it had chosen no image");
    ledger.choose(&second, &chosen()).await.unwrap();
    assert_eq!(begin(ledger, &request("a.jpg")).await, Begun::Running);
    ledger.expire_leases().await;
    let third = request("a.jpg");
    assert_eq!(begin(ledger, &third).await, Begun::Resumed(chosen()));
    ledger.finish(&third, "done").await.unwrap();
    ledger.expire_leases().await;
    let begun = begin(ledger, &request("a.jpg")).await;
    assert_eq!(begun, Begun::Answered("done".to_owned()));
}

pub(super) async fn who_lost_the_key_writes_nothing(ledger: &impl Backstage) {
    let lost = request("a.jpg");
    begin(ledger, &lost).await;
    ledger.expire_leases().await;
    let holder = request("a.jpg");
    begin(ledger, &holder).await;
    let refused = ledger.choose(&lost, &chosen()).await;
    assert!(
        matches!(refused, Err(LedgerError::LeaseLost)),
        "{refused:?}"
    );
    ledger.finish(&lost, "late").await.unwrap();
    ledger.abandon(&lost, true).await.unwrap();
    assert_eq!(begin(ledger, &request("a.jpg")).await, Begun::Running);
}

pub(super) async fn a_key_is_kept_for_a_day(ledger: &impl Backstage) {
    let first = request("a.jpg");
    begin(ledger, &first).await;
    ledger.finish(&first, "done").await.unwrap();
    ledger.age_keys().await;
    let begun = begin(ledger, &request("b.jpg")).await;
    assert_eq!(begun, Begun::First, "it is another request's key now");
}

fn for_a_job() -> KeyedRequest {
    let key = IdempotencyKey::new("key").unwrap();
    let fingerprint = Fingerprint::of_job(&JobOrder::default(), None);
    KeyedRequest::new(tenant("alice"), &key, fingerprint)
}

async fn add_job(ledger: &impl Backstage, request: &KeyedRequest) -> Result<Job, LedgerError> {
    let new = NewJob {
        order: JobOrder::default(),
        publish_at: None,
        posting_time: None,
    };
    ledger.add_keyed_job(request, &host(), &new).await
}

async fn jobs(ledger: &impl Backstage) -> i64 {
    ledger.number("SELECT count(*) FROM ledger_jobs").await
}

pub(super) async fn a_job_is_added_with_its_key_and_found_by_the_next_request(
    ledger: &impl Backstage,
) {
    let first = for_a_job();
    begin(ledger, &first).await;
    let job = add_job(ledger, &first).await.unwrap();
    assert_eq!(begin(ledger, &for_a_job()).await, Begun::Running);
    // Its process ends before it has answered.
    ledger.expire_leases().await;
    let second = for_a_job();
    assert_eq!(begin(ledger, &second).await, Begun::HasJob(job.id));
    // This one does not know that the job was found, and tries again.
    let refused = add_job(ledger, &second).await;
    assert!(
        matches!(refused, Err(LedgerError::LeaseLost)),
        "{refused:?}"
    );
    ledger.abandon(&second, false).await.unwrap();
    let third = for_a_job();
    assert_eq!(begin(ledger, &third).await, Begun::HasJob(job.id));
    ledger.finish(&third, "done").await.unwrap();
    let begun = begin(ledger, &for_a_job()).await;
    assert_eq!(begun, Begun::Answered("done".to_owned()));
    assert_eq!(jobs(ledger).await, 1);
    ledger.age_keys().await;
    let later = for_a_job();
    assert_eq!(begin(ledger, &later).await, Begun::First, "a new request");
    assert_ne!(add_job(ledger, &later).await.unwrap().id, job.id);
}

pub(super) async fn who_lost_the_key_adds_no_job(ledger: &impl Backstage) {
    let lost = for_a_job();
    begin(ledger, &lost).await;
    ledger.expire_leases().await;
    let holder = for_a_job();
    assert_eq!(begin(ledger, &holder).await, Begun::First, "none was added");
    let refused = add_job(ledger, &lost).await;
    assert!(
        matches!(refused, Err(LedgerError::LeaseLost)),
        "{refused:?}"
    );
    assert_eq!(jobs(ledger).await, 0);
    let events = "SELECT count(*) FROM ledger_job_events";
    assert_eq!(ledger.number(events).await, 0, "nor is one told of");
    add_job(ledger, &holder).await.unwrap();
    assert_eq!(jobs(ledger).await, 1);
}

pub(super) async fn one_of_many_requests_for_a_job_adds_it(ledger: &impl Backstage) {
    let added = join_all((0..20).map(|_| async {
        let request = for_a_job();
        // Also those that do not have the key try it.
        begin(ledger, &request).await;
        add_job(ledger, &request).await.is_ok()
    }));
    let added = added.await.into_iter().filter(|is_added| *is_added).count();
    assert_eq!((added, jobs(ledger).await), (1, 1));
}
