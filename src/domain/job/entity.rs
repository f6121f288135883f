//! A job, and what can be asked of it.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use super::{id::JobId, order::JobOrder, reason::JobReason, status::JobStatus};
use crate::domain::{
    content_hashes::ContentHashes,
    idempotency::ChosenImage,
    platform::Platform,
    publication::{PlatformResult, PublicationRequest, PublishStage, Target},
    tenant::TenantName,
};

/// A job.
#[derive(Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// The tenant.
    pub tenant: TenantName,
    /// Its state.
    pub status: JobStatus,
    /// What is to be published. Its image is the one that was chosen, once one has been.
    pub order: JobOrder,
    /// The hashes of the image that was chosen, once an attempt was about to send it.
    pub hashes: Option<ContentHashes>,
    /// When it is to be published.
    pub publish_at: SystemTime,
    /// The posting time that it was made for; `None` for a job of a request.
    pub posting_time: Option<SystemTime>,
    /// When it is due: at `publish_at`, or at its next attempt; while it runs, when its claim ends.
    pub due_at: SystemTime,
    /// When it was made.
    pub created_at: SystemTime,
    /// When somebody approved it; `None` if nobody has.
    pub approved_at: Option<SystemTime>,
    /// When its first attempt began; `None` if none has.
    pub begun_at: Option<SystemTime>,
    /// When it came to its end.
    pub ended_at: Option<SystemTime>,
    /// How many attempts have begun.
    pub attempts: u32,
    /// How many of them failed for reasons that pass, in a row.
    pub failures: u32,
    /// Whether an attempt ended without anybody knowing what it has sent: then nothing is forced any more.
    pub interrupted: bool,
    /// The platforms that the next attempt sends to; `None`: those of the order.
    pub remaining: Option<Vec<Platform>>,
    /// The last result on each platform.
    pub results: Vec<PlatformResult>,
    /// How far the attempt under way has come.
    pub stage: Option<PublishStage>,
    /// Why the last attempt did not succeed, or why there will be none; for programs.
    pub reason: Option<JobReason>,
    /// The same for people.
    pub error: Option<String>,
}

impl Job {
    /// Whether an attempt has begun. Until then it can be changed.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun_at.is_some()
    }

    /// Whether it has missed its time by more than `max_late` without having begun.
    #[must_use]
    pub fn is_late(&self, now: SystemTime, max_late: Duration) -> bool {
        let lateness = now.duration_since(self.publish_at).unwrap_or_default();
        !self.has_begun() && self.status.may_become(JobStatus::Missed) && lateness > max_late
    }

    /// How late it has begun: behind its time, or behind its approval if that came later. `None` if it has not begun.
    #[must_use]
    pub fn lateness(&self) -> Option<Duration> {
        let expected = self
            .approved_at
            .map_or(self.publish_at, |at| at.max(self.publish_at));
        let begun_at = self.begun_at?;
        Some(begun_at.duration_since(expected).unwrap_or_default())
    }

    /// When its next attempt is, if it waits for one: after an attempt, or after it found something busy or away.
    #[must_use]
    pub fn next_attempt_at(&self) -> Option<SystemTime> {
        let has_waited = self.has_begun() || self.reason.is_some();
        (self.status == JobStatus::Scheduled && has_waited).then_some(self.due_at)
    }

    /// The image that the next attempt publishes.
    #[must_use]
    pub fn target(&self) -> Target {
        match &self.order.image {
            Some(image) => Target::Image(image.clone()),
            None => Target::Next,
        }
    }

    /// The image that an earlier attempt may have sent: the next one sends no other.
    #[must_use]
    pub fn chosen(&self) -> Option<ChosenImage> {
        Some(ChosenImage {
            name: self.order.image.clone()?,
            hashes: self.hashes.clone()?,
        })
    }

    /// The request that the next attempt carries out: only to the platforms that remain, and without force once it is not
    /// known what an attempt has sent.
    #[must_use]
    pub fn request(&self) -> PublicationRequest {
        let JobOrder {
            image: _,
            platforms,
            caption,
            captions,
            force,
            allow_empty_caption,
            needs_approval: _,
        } = self.order.clone();
        let remaining = self.remaining.clone();
        let captions = captions.map(|mut captions| {
            if let Some(remaining) = &remaining {
                captions.retain(|platform, _| remaining.contains(platform));
            }
            captions
        });
        PublicationRequest {
            platforms: remaining.or(platforms),
            caption,
            captions,
            dry_run: false,
            allow_empty_caption,
            force: force && !self.interrupted,
        }
    }
}

impl fmt::Debug for Job {
    /// Without the tenant's texts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("id", &self.id)
            .field("tenant", &self.tenant)
            .field("status", &self.status)
            .field("publish_at", &self.publish_at)
            .field("due_at", &self.due_at)
            .field("attempts", &self.attempts)
            .field("failures", &self.failures)
            .field("remaining", &self.remaining)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}
