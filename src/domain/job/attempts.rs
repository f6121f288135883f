//! The attempts of a job: how one begins, and what its end means.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use super::{
    entity::Job,
    reason::JobReason,
    refusal::JobRefusal,
    results::{is_dry_run, is_transient, not_sent, retry_after},
    status::JobStatus,
};
use crate::domain::{
    image::ImageName,
    publication::{Outcome, PlatformResult},
};

/// How long a job waits after each attempt that failed for a reason that passes. After the last, it has failed.
pub const BACK_OFF: [Duration; 3] = [
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(15),
];
/// How long a job that has not begun waits for a tenant that cannot be had.
pub const TENANT_AWAY_WAIT: Duration = Duration::from_mins(1);
/// How long a job waits for another request that works on its image, or for room in its process.
pub const BUSY_WAIT: Duration = Duration::from_secs(5);
/// The longest wait that an upstream can ask for.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);

/// What an attempt came to.
#[derive(Clone, PartialEq, Eq)]
pub enum AttemptEnd {
    /// The publication ended with a report.
    Reported {
        /// The image; `None` if there was none to publish.
        image: Option<ImageName>,
        /// One result for each platform.
        results: Vec<PlatformResult>,
    },
    /// The publication ended without a report.
    Failed {
        /// Why, for programs.
        reason: JobReason,
        /// Why, for people. Holds no secret.
        error: String,
        /// The wait before the next attempt, if an upstream named one.
        retry_after: Option<Duration>,
    },
    /// Another request works on the image, or its process has no room: nothing was tried.
    Busy,
    /// The tenant cannot be had at present: nothing was tried.
    TenantAway {
        /// The wait before the next attempt, if the orchestrator named one.
        retry_after: Option<Duration>,
    },
    /// The tenant is gone.
    TenantGone,
}

impl fmt::Debug for AttemptEnd {
    /// Without the tenant's texts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reported { results, .. } => {
                let words = results.iter().map(|it| (it.platform, it.outcome.as_str()));
                f.debug_tuple("Reported")
                    .field(&words.collect::<Vec<_>>())
                    .finish()
            }
            Self::Failed { reason, .. } => f.debug_tuple("Failed").field(reason).finish(),
            Self::Busy => f.write_str("Busy"),
            Self::TenantAway { .. } => f.write_str("TenantAway"),
            Self::TenantGone => f.write_str("TenantGone"),
        }
    }
}

impl Job {
    /// Begins an attempt under a claim that ends at `until`. A job that is running is taken over from a process that is
    /// gone: what that one has sent is not known.
    ///
    /// # Errors
    /// [`JobRefusal::IllegalMove`] unless it is scheduled or running.
    pub fn claim(self, now: SystemTime, until: SystemTime) -> Result<Self, JobRefusal> {
        let is_taken_over = self.status == JobStatus::Running;
        let mut job = self.moved(JobStatus::Running)?;
        job.interrupted |= is_taken_over;
        job.begun_at = job.begun_at.or(Some(now));
        job.attempts = job.attempts.saturating_add(1);
        job.due_at = until;
        job.reason = None;
        job.error = None;
        Ok(job)
    }

    /// Ends the attempt under way.
    ///
    /// - What fails for reasons that pass is tried again after [`BACK_OFF`], or after what an upstream named if that is
    ///   longer; only on the platforms that failed so.
    /// - What is final is failed at once, or done if a platform has the image, or may have it.
    /// - A result that is unknown is never tried again.
    /// - Where there is nothing to publish, it is done: that is no failure.
    /// - What is busy is no attempt: the job waits for [`BUSY_WAIT`].
    /// - A tenant that cannot be had is no attempt: a job that has not begun before waits for it, and can be missed.
    ///
    /// # Errors
    /// [`JobRefusal::IllegalMove`] unless it runs.
    pub fn finish(self, end: AttemptEnd, now: SystemTime) -> Result<Self, JobRefusal> {
        match end {
            AttemptEnd::Reported { image, results } => self.reported(image, results, now),
            AttemptEnd::Failed {
                reason,
                error,
                retry_after,
            } => {
                let mut job = self;
                job.interrupted |= reason == JobReason::Interrupted;
                job.failed(reason, Some(error), retry_after, now)
            }
            AttemptEnd::Busy => self.untried(JobReason::Busy, None, BUSY_WAIT, now),
            AttemptEnd::TenantAway { retry_after } => self.tenant_away(retry_after, now),
            AttemptEnd::TenantGone => {
                // Checked here: a job that waits is cancelled otherwise.
                let job = self.running(JobStatus::Cancelled)?;
                job.cancel(JobReason::TenantGone, now)
            }
        }
    }

    fn reported(
        mut self,
        image: Option<ImageName>,
        results: Vec<PlatformResult>,
        now: SystemTime,
    ) -> Result<Self, JobRefusal> {
        self.order.image = image.or(self.order.image);
        if results.is_empty() {
            let to = self.ended_by_results(JobStatus::Done);
            return self
                .running(to)?
                .ended(to, Some(JobReason::NothingToPublish), now);
        }
        let again = results.iter().filter(|it| is_transient(it));
        let wait = again.clone().filter_map(retry_after).max();
        let remaining: Vec<_> = again.map(|it| it.platform).collect();
        for mut result in results {
            if matches!(result.outcome, Outcome::Unknown(_)) && result.caption.is_empty() {
                // The attempt that may have sent it is gone. What it was given is known.
                let given = self.order.caption_for(result.platform).unwrap_or_default();
                given.clone_into(&mut result.caption);
            }
            self.results.retain(|it| it.platform != result.platform);
            self.results.push(result);
        }
        self.results.sort_by_key(|it| it.platform);
        let mut sent = self.results.iter().filter(|it| not_sent(it).is_none());
        let reason = if self.ended_by_results(JobStatus::Failed) == JobStatus::Failed {
            Some(JobReason::PlatformsFailed)
        } else {
            sent.all(is_dry_run).then_some(JobReason::DryRun)
        };
        if let Some(back_off) = self.back_off().filter(|_| !remaining.is_empty()) {
            self.remaining = Some(remaining);
            self.reason = Some(JobReason::PlatformsFailed);
            return self.again(wait, back_off, now);
        }
        let to = self.ended_by_results(JobStatus::Failed);
        self.running(to)?.ended(to, reason, now)
    }

    fn failed(
        mut self,
        reason: JobReason,
        error: Option<String>,
        retry_after: Option<Duration>,
        now: SystemTime,
    ) -> Result<Self, JobRefusal> {
        self.error = error;
        self.reason = Some(reason);
        if let Some(back_off) = self.back_off().filter(|_| reason.is_transient()) {
            return self.again(retry_after, back_off, now);
        }
        let to = self.ended_by_results(JobStatus::Failed);
        self.running(to)?.ended(to, Some(reason), now)
    }

    /// How it ends: done if a platform has the image, or may have it, also from an earlier attempt; failed if all failed;
    /// `without` if it has no results.
    fn ended_by_results(&self, without: JobStatus) -> JobStatus {
        let mut results = self.results.iter();
        if self.results.is_empty() {
            without
        } else if results.any(|it| not_sent(it).is_none()) {
            JobStatus::Done
        } else {
            JobStatus::Failed
        }
    }

    fn tenant_away(
        self,
        retry_after: Option<Duration>,
        now: SystemTime,
    ) -> Result<Self, JobRefusal> {
        if self.attempts > 1 {
            return self.failed(JobReason::TenantUnavailable, None, retry_after, now);
        }
        let wait = TENANT_AWAY_WAIT;
        self.untried(JobReason::TenantUnavailable, retry_after, wait, now)
    }

    /// The job, waiting as if this attempt had not begun.
    fn untried(
        mut self,
        reason: JobReason,
        retry_after: Option<Duration>,
        wait: Duration,
        now: SystemTime,
    ) -> Result<Self, JobRefusal> {
        self.attempts = self.attempts.saturating_sub(1);
        if self.attempts == 0 {
            self.begun_at = None;
        }
        self.reason = Some(reason);
        let failures = self.failures;
        let mut job = self.again(retry_after, wait, now)?;
        job.failures = failures;
        Ok(job)
    }

    /// The job, waiting for its next attempt.
    fn again(
        self,
        retry_after: Option<Duration>,
        back_off: Duration,
        now: SystemTime,
    ) -> Result<Self, JobRefusal> {
        let mut job = self
            .running(JobStatus::Scheduled)?
            .moved(JobStatus::Scheduled)?;
        let wait = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
        job.due_at = now + wait.max(back_off);
        job.failures = job.failures.saturating_add(1);
        Ok(job)
    }

    /// The wait before the next attempt; `None` if there is none.
    fn back_off(&self) -> Option<Duration> {
        let failures = usize::try_from(self.failures).ok()?;
        BACK_OFF.get(failures).copied()
    }

    /// Only the end of an attempt makes these moves.
    fn running(self, to: JobStatus) -> Result<Self, JobRefusal> {
        if self.status == JobStatus::Running {
            return Ok(self);
        }
        let from = self.status;
        Err(JobRefusal::IllegalMove { from, to })
    }
}
