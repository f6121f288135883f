//! A job that is to be made.

use std::time::SystemTime;

use super::{entity::Job, id::JobId, order::JobOrder, status::JobStatus};
use crate::domain::tenant::TenantName;

/// A job that is not in the store yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewJob {
    /// What is to be published.
    pub order: JobOrder,
    /// When; `None`: now.
    pub publish_at: Option<SystemTime>,
    /// The posting time that it is made for.
    pub posting_time: Option<SystemTime>,
}

impl NewJob {
    /// The job that it is, made now under this number.
    #[must_use]
    pub fn into_job(self, id: JobId, tenant: TenantName, now: SystemTime) -> Job {
        let publish_at = self.publish_at.unwrap_or(now);
        Job {
            id,
            tenant,
            status: if self.order.needs_approval {
                JobStatus::AwaitingApproval
            } else {
                JobStatus::Scheduled
            },
            order: self.order,
            hashes: None,
            publish_at,
            posting_time: self.posting_time,
            due_at: publish_at,
            created_at: now,
            approved_at: None,
            begun_at: None,
            ended_at: None,
            attempts: 0,
            failures: 0,
            interrupted: false,
            remaining: None,
            results: Vec::new(),
            stage: None,
            reason: None,
            error: None,
        }
    }
}
