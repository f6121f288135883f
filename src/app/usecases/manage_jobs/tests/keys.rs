use super::*;
use crate::{
    domain::{
        idempotency::{Begun, IdempotencyKey},
        job::JobId,
    },
    ports::MockIdempotencyStore,
};

fn write_down(job: &Job) -> String {
    format!("job {}", job.id)
}

async fn add(ports: Ports) -> Result<JobAnswer, AddJobOnceError> {
    let usecase = ports.build();
    let key = IdempotencyKey::new("k").ok();
    let added = usecase.add_once(alice(), host(), to_email(), None, key, write_down);
    added.await
}

fn beginning(requests: &mut MockIdempotencyStore, begun: Begun) {
    requests
        .expect_begin()
        .times(1)
        .return_once(move |_| Ok(begun));
}

fn adding(requests: &mut MockIdempotencyStore, times: usize) {
    requests
        .expect_add_keyed_job()
        .times(times)
        .returning(|_, _, new| Ok(job(new.order.clone())));
}

fn abandoning(requests: &mut MockIdempotencyStore) {
    requests.expect_abandon().times(1).returning(|_, _| Ok(()));
}

#[tokio::test]
async fn the_first_request_adds_the_job_under_its_key_and_records_the_answer() {
    let mut order = mockall::Sequence::new();
    let mut ports = Ports::new();
    ports
        .requests
        .expect_begin()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_| Ok(Begun::First));
    ports
        .requests
        .expect_add_keyed_job()
        .times(1)
        .in_sequence(&mut order)
        .withf(|_, at, new| *at == host() && new.order == to_email())
        .returning(|_, _, new| Ok(job(new.order.clone())));
    ports
        .requests
        .expect_finish()
        .times(1)
        .in_sequence(&mut order)
        .withf(|_, answer| answer == "job 7")
        .returning(|_, _| Ok(()));
    ports.jobs.expect_add_job().never();
    let expected = JobAnswer::First(Box::new(job(to_email())));
    assert_eq!(add(ports).await.unwrap(), expected);
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_adds_nothing() {
    let mut ports = Ports::new();
    beginning(&mut ports.requests, Begun::Answered("job 7".to_owned()));
    adding(&mut ports.requests, 0);
    let expected = JobAnswer::Replayed("job 7".to_owned());
    assert_eq!(add(ports).await.unwrap(), expected);
}

#[tokio::test]
async fn a_key_in_use_or_of_another_request_is_refused() {
    let mut ports = Ports::new();
    beginning(&mut ports.requests, Begun::Running);
    adding(&mut ports.requests, 0);
    assert!(matches!(add(ports).await, Err(AddJobOnceError::Running)));
    let mut ports = Ports::new();
    beginning(&mut ports.requests, Begun::Mismatch);
    adding(&mut ports.requests, 0);
    assert!(matches!(add(ports).await, Err(AddJobOnceError::Mismatch)));
}

#[tokio::test]
async fn a_request_whose_job_was_added_before_gets_that_job() {
    let mut ports = Ports::new();
    beginning(&mut ports.requests, Begun::HasJob(JobId(7)));
    adding(&mut ports.requests, 0);
    ports
        .jobs
        .expect_find_job()
        .times(1)
        .withf(|_, id| *id == JobId(7))
        .returning(|_, _| Ok(Some(job(to_email()))));
    ports
        .requests
        .expect_finish()
        .times(1)
        .withf(|_, answer| answer == "job 7")
        .returning(|_, _| Ok(()));
    let expected = JobAnswer::First(Box::new(job(to_email())));
    assert_eq!(add(ports).await.unwrap(), expected);
}

#[tokio::test]
async fn a_key_whose_job_was_not_added_is_free() {
    let mut ports = Ports::new();
    beginning(&mut ports.requests, Begun::First);
    ports
        .requests
        .expect_add_keyed_job()
        .times(1)
        .returning(|_, _, _| Err(away()));
    abandoning(&mut ports.requests);
    let refused = add(ports).await;
    assert!(matches!(
        refused,
        Err(AddJobOnceError::Add(ManageJobsError::Ledger(_)))
    ));

    let mut ports = Ports::new();
    beginning(&mut ports.requests, Begun::First);
    abandoning(&mut ports.requests);
    adding(&mut ports.requests, 0);
    let usecase = ports.build();
    let key = IdempotencyKey::new("k").ok();
    let late = Some(ago(61));
    let added = usecase.add_once(alice(), host(), to_email(), late, key, write_down);
    assert!(matches!(
        added.await,
        Err(AddJobOnceError::Add(ManageJobsError::TooLongAgo(_)))
    ));
}

#[tokio::test]
async fn a_key_that_another_request_has_taken_adds_nothing() {
    let mut ports = Ports::new();
    beginning(&mut ports.requests, Begun::First);
    ports
        .requests
        .expect_add_keyed_job()
        .times(1)
        .returning(|_, _, _| Err(LedgerError::LeaseLost));
    ports.requests.expect_abandon().never();
    assert!(matches!(add(ports).await, Err(AddJobOnceError::Running)));
}
