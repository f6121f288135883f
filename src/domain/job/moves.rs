//! What people do to a job, and what its time does: each method checks the move, and returns the job as it is then.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, SystemTime},
};

use super::{
    entity::Job, reason::JobReason, refusal::JobRefusal, results::not_sent, status::JobStatus,
};
use crate::domain::platform::Platform;

/// A new value of a field, or the one that it has.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Edit<T> {
    /// The field stays as it is.
    #[default]
    Keep,
    /// The field gets this value.
    Set(T),
}

impl<T> Edit<T> {
    fn apply(self, field: &mut T) {
        if let Self::Set(value) = self {
            *field = value;
        }
    }
}

/// A change of a job that has not begun.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct JobChange {
    /// When it is to be published.
    pub publish_at: Edit<SystemTime>,
    /// The platforms; `None`: all that are on by then.
    pub platforms: Edit<Option<Vec<Platform>>>,
    /// The caption on all platforms.
    pub caption: Edit<Option<String>>,
    /// The caption on each platform.
    pub captions: Edit<Option<BTreeMap<Platform, String>>>,
}

impl fmt::Debug for JobChange {
    /// Without the values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_set = [
            self.publish_at != Edit::Keep,
            self.platforms != Edit::Keep,
            self.caption != Edit::Keep,
            self.captions != Edit::Keep,
        ];
        f.debug_tuple("JobChange").field(&is_set).finish()
    }
}

impl Job {
    /// Changes what it publishes, and when.
    ///
    /// # Errors
    /// [`JobRefusal::NotChangeable`].
    pub fn change(mut self, change: JobChange) -> Result<Self, JobRefusal> {
        if self.has_begun() || self.status.is_ended() {
            return Err(JobRefusal::NotChangeable(self.status));
        }
        let JobChange {
            publish_at,
            platforms,
            caption,
            captions,
        } = change;
        publish_at.apply(&mut self.publish_at);
        self.due_at = self.publish_at;
        platforms.apply(&mut self.order.platforms);
        caption.apply(&mut self.order.caption);
        captions.apply(&mut self.order.captions);
        Ok(self)
    }

    /// Says yes. It is carried out at its time, or now if that has passed.
    ///
    /// # Errors
    /// [`JobRefusal::IllegalMove`] if it does not wait for that; [`JobRefusal::TooLate`] if it is later than `max_late`: then
    /// it is to be missed.
    pub fn approve(self, now: SystemTime, max_late: Duration) -> Result<Self, JobRefusal> {
        if self.status != JobStatus::AwaitingApproval {
            return Err(self.refusal(JobStatus::Scheduled));
        }
        if self.is_late(now, max_late) {
            return Err(JobRefusal::TooLate);
        }
        let mut job = self.moved(JobStatus::Scheduled)?;
        job.approved_at = Some(now);
        Ok(job)
    }

    /// Ends it before its next attempt.
    ///
    /// # Errors
    /// [`JobRefusal::IllegalMove`] while it runs, and after its end.
    pub fn cancel(self, reason: JobReason, now: SystemTime) -> Result<Self, JobRefusal> {
        if self.status == JobStatus::Running && reason != JobReason::TenantGone {
            return Err(self.refusal(JobStatus::Cancelled));
        }
        self.without_error()
            .ended(JobStatus::Cancelled, Some(reason), now)
    }

    /// Ends it, since it has not begun in time.
    ///
    /// # Errors
    /// [`JobRefusal::IllegalMove`] if it has begun, or has ended.
    pub fn miss(self, reason: JobReason, now: SystemTime) -> Result<Self, JobRefusal> {
        if self.has_begun() {
            return Err(self.refusal(JobStatus::Missed));
        }
        self.without_error()
            .ended(JobStatus::Missed, Some(reason), now)
    }

    /// Has it tried again now: to the platforms that failed, or to all if it came to none. What a platform may have taken
    /// is not sent again.
    ///
    /// # Errors
    /// [`JobRefusal::IllegalMove`] unless it is done or failed; [`JobRefusal::NothingFailed`].
    pub fn retry(self, now: SystemTime) -> Result<Self, JobRefusal> {
        if !matches!(self.status, JobStatus::Done | JobStatus::Failed) {
            return Err(self.refusal(JobStatus::Scheduled));
        }
        let failed = self.results.iter().filter(|it| not_sent(it).is_some());
        let failed: Vec<_> = failed.map(|it| it.platform).collect();
        let remaining = match (failed.is_empty(), self.results.is_empty()) {
            (false, _) => Some(failed),
            // It came to no result: there was nothing to publish, or it could not begin to send.
            (true, true) => self.remaining.clone(),
            (true, _) => return Err(JobRefusal::NothingFailed(self.status)),
        };
        let mut job = self.moved(JobStatus::Scheduled)?;
        job.remaining = remaining;
        job.due_at = now;
        job.failures = 0;
        job.ended_at = None;
        job.reason = None;
        job.error = None;
        Ok(job)
    }

    /// The job without what an earlier attempt failed for.
    fn without_error(mut self) -> Self {
        self.error = None;
        self
    }

    /// The job in another state.
    pub(super) fn moved(mut self, to: JobStatus) -> Result<Self, JobRefusal> {
        if !self.status.may_become(to) {
            return Err(self.refusal(to));
        }
        self.status = to;
        self.stage = None;
        Ok(self)
    }

    /// The job at its end.
    pub(super) fn ended(
        self,
        to: JobStatus,
        reason: Option<JobReason>,
        now: SystemTime,
    ) -> Result<Self, JobRefusal> {
        let mut job = self.moved(to)?;
        job.reason = reason;
        job.ended_at = Some(now);
        Ok(job)
    }

    fn refusal(&self, to: JobStatus) -> JobRefusal {
        JobRefusal::IllegalMove {
            from: self.status,
            to,
        }
    }
}
