//! Adding one job for all requests under an idempotency key.
//!
//! Before a job is added, the key is marked as one whose request may have had an effect; with the answer, the job is
//! recorded under it. Where the process ends in between, nobody knows whether there is a job: later requests under the key
//! are refused then, and never add a second one.

use std::{sync::Arc, time::SystemTime};

use super::{
    error::{AddJobOnceError, ManageJobsError},
    usecase::ManageJobs,
};
use crate::{
    app::{
        runtime::{deferred_writes::DeferredWrite, error_chain::ErrorChain},
        tenancy::tenant::Tenant,
    },
    domain::{
        content_hash::ContentHash,
        host::Host,
        idempotency::{Begun, ChosenImage, Fingerprint, IdempotencyKey, KeyedRequest},
        image::ImageName,
        job::{Job, JobOrder},
        storage::HashKind,
    },
    ports::LedgerError,
};

/// The name in the mark of a key whose job chooses its image later.
const UNCHOSEN: &str = "unchosen.jpg";

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
            if let Some(answer) = usecase.begin(&keyed).await? {
                return Ok(JobAnswer::Replayed(answer));
            }
            let added = usecase
                .add_marked(&keyed, &tenant, &host, order, publish_at)
                .await;
            usecase.end(keyed, &added, write_down).await;
            added.map(|job| JobAnswer::First(Box::new(job)))
        };
        self.tasks.run_to_completion(task).await?
    }

    /// Takes the key, or returns the recorded answer.
    async fn begin(&self, keyed: &KeyedRequest) -> Result<Option<String>, AddJobOnceError> {
        let begun = self.requests.begin(keyed).await;
        if begun.is_err() {
            // The key may be taken all the same: only the answer may be lost.
            self.tasks.defer(DeferredWrite::Abandon {
                store: Arc::clone(&self.requests),
                request: keyed.clone(),
                may_have_sent: true,
            });
        }
        match begun? {
            Begun::First => Ok(None),
            Begun::Answered(answer) => Ok(Some(answer)),
            Begun::Running => Err(AddJobOnceError::Running),
            Begun::Mismatch => Err(AddJobOnceError::Mismatch),
            Begun::Resumed(_) => {
                self.abandon(keyed.clone(), true).await;
                Err(AddJobOnceError::InDoubt)
            }
        }
    }

    /// Marks the key, and adds the job.
    async fn add_marked(
        &self,
        keyed: &KeyedRequest,
        tenant: &Tenant,
        host: &Host,
        order: JobOrder,
        publish_at: Option<SystemTime>,
    ) -> Result<Job, AddJobOnceError> {
        // What is refused leaves the key to the next request.
        if let Some(mark) = mark(&order) {
            match self.requests.choose(keyed, &mark).await {
                Err(LedgerError::LeaseLost) => return Err(AddJobOnceError::Running),
                chosen => chosen?,
            }
        }
        Ok(self.add(tenant, host, order, publish_at).await?)
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
            Err(error) => self.abandon(keyed, may_have_added(error)).await,
        }
    }

    async fn abandon(&self, request: KeyedRequest, may_have_sent: bool) {
        let store = Arc::clone(&self.requests);
        let abandon = DeferredWrite::Abandon {
            store,
            request,
            may_have_sent,
        };
        self.write(abandon).await;
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

/// What the key is marked with: the store records images, and this request has none that was read.
fn mark(order: &JobOrder) -> Option<ChosenImage> {
    let unchosen = || ImageName::new(UNCHOSEN).ok();
    Some(ChosenImage {
        name: order.image.clone().or_else(unchosen)?,
        hashes: ContentHash::from_digest(HashKind::Sha256, [0; 32]).into(),
    })
}

/// Whether there may be a job although there was an error.
fn may_have_added(error: &AddJobOnceError) -> bool {
    use ManageJobsError::{Ledger, NotFound, Plan, Refused, TooLongAgo};
    match error {
        AddJobOnceError::Add(Ledger(_)) | AddJobOnceError::Aborted(_) => true,
        AddJobOnceError::Add(Plan(_) | TooLongAgo(_) | NotFound | Refused(_))
        | AddJobOnceError::Running
        | AddJobOnceError::Mismatch
        | AddJobOnceError::InDoubt => false,
    }
}
