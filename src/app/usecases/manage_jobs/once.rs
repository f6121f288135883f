//! Adding one job for all requests under an idempotency key.
//!
//! The job is added and noted under its key in one transaction. Where the process ends before the answer is recorded, the
//! next request under the key gets the job that was added, if one was; else it adds it.

use std::{sync::Arc, time::SystemTime};

use super::{error::AddJobOnceError, usecase::ManageJobs};
use crate::{
    app::{
        runtime::{deferred_writes::DeferredWrite, error_chain::ErrorChain},
        tenancy::tenant::Tenant,
    },
    domain::{
        host::Host,
        idempotency::{Begun, Fingerprint, IdempotencyKey, KeyedRequest},
        job::{Job, JobId, JobOrder},
    },
    ports::LedgerError,
};

/// How a request begins that has taken its key.
enum Beginning {
    /// No request under the key has added a job.
    Nothing,
    /// An earlier one has added this job, and recorded no answer.
    Added(JobId),
    /// The recorded answer.
    Answered(String),
}

/// The answer to a request for a job.
#[derive(Debug, PartialEq, Eq)]
pub enum JobAnswer {
    /// The job of this request.
    First(Box<Job>),
    /// The recorded answer to the first request under this key.
    Replayed(String),
}

impl ManageJobs {
    /// Adds a job as [`add`](Self::add) does; under one key, once. `write_down` makes the text that the next request under
    /// the key gets.
    ///
    /// # Errors
    /// [`AddJobOnceError`].
    pub async fn add_once(
        &self,
        tenant: Arc<Tenant>,
        host: Host,
        order: JobOrder,
        publish_at: Option<SystemTime>,
        key: Option<IdempotencyKey>,
        write_down: fn(&Job) -> String,
    ) -> Result<JobAnswer, AddJobOnceError> {
        let Some(key) = key else {
            let job = self.add(&tenant, &host, order, publish_at).await?;
            return Ok(JobAnswer::First(Box::new(job)));
        };
        let fingerprint = Fingerprint::of_job(&order, publish_at);
        let keyed = KeyedRequest::new(tenant.name().clone(), &key, fingerprint);
        let usecase = self.clone();
        // The task records the answer also when the caller goes away.
        let task = async move {
            let added = match usecase.begin(&keyed).await? {
                Beginning::Answered(answer) => return Ok(JobAnswer::Replayed(answer)),
                Beginning::Added(id) => usecase.find(&tenant, id).await.map_err(Into::into),
                Beginning::Nothing => {
                    let added = usecase.add_under(&keyed, &tenant, &host, order, publish_at);
                    added.await
                }
            };
            usecase.end(keyed, &added, write_down).await;
            added.map(|job| JobAnswer::First(Box::new(job)))
        };
        self.tasks.run_to_completion(task).await?
    }

    /// Takes the key.
    async fn begin(&self, keyed: &KeyedRequest) -> Result<Beginning, AddJobOnceError> {
        let begun = self.requests.begin(keyed).await;
        if begun.is_err() {
            // The key may be taken all the same: only the answer may be lost.
            self.tasks.defer(self.abandon(keyed.clone()));
        }
        match begun? {
            Begun::First => Ok(Beginning::Nothing),
            Begun::HasJob(id) => Ok(Beginning::Added(id)),
            Begun::Answered(answer) => Ok(Beginning::Answered(answer)),
            Begun::Running => Err(AddJobOnceError::Running),
            // Requests that publish have other fingerprints.
            Begun::Mismatch | Begun::Resumed(_) => Err(AddJobOnceError::Mismatch),
        }
    }

    /// Adds the job, and notes it under the key.
    async fn add_under(
        &self,
        keyed: &KeyedRequest,
        tenant: &Tenant,
        host: &Host,
        order: JobOrder,
        publish_at: Option<SystemTime>,
    ) -> Result<Job, AddJobOnceError> {
        let new = self.check(tenant, order, publish_at).await?;
        let job = match self.requests.add_keyed_job(keyed, host, &new).await {
            Err(LedgerError::LeaseLost) => return Err(AddJobOnceError::Running),
            added => added?,
        };
        self.hub.wake();
        Ok(job)
    }

    /// Records the answer, or releases the key; in the background, where the ledger is unavailable.
    async fn end(
        &self,
        keyed: KeyedRequest,
        added: &Result<Job, AddJobOnceError>,
        write_down: fn(&Job) -> String,
    ) {
        match added {
            Ok(job) => {
                let answer = DeferredWrite::Answer {
                    store: Arc::clone(&self.requests),
                    request: keyed,
                    answer: write_down(job),
                };
                self.write(answer).await;
            }
            Err(AddJobOnceError::Running) => {}
            Err(_) => self.write(self.abandon(keyed)).await,
        }
    }

    /// Releases the key. A job that was added all the same stays noted under it.
    fn abandon(&self, request: KeyedRequest) -> DeferredWrite {
        DeferredWrite::Abandon {
            store: Arc::clone(&self.requests),
            request,
            may_have_sent: false,
        }
    }

    async fn write(&self, write: DeferredWrite) {
        if let Err(error) = self.tasks.write(write).await {
            tracing::warn!(
                error = %ErrorChain(&error),
                "the idempotency key of a job could not be given its answer; retrying in the background"
            );
        }
    }
}
