//! What happens to a tenant's jobs and publications.

use derive_more::Display;

use super::{entity::Job, id::JobId};
use crate::domain::{image::ImageName, platform::Platform, publication::PublishStage};

/// The number of an event among those of its tenant, from 1 on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Display)]
pub struct JobEventNumber(pub i64);

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEvent {
    /// Its number.
    pub number: JobEventNumber,
    /// What has happened.
    pub kind: JobEventKind,
}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEventKind {
    /// A job was made, or has changed; as it is now.
    Job(Box<Job>),
    /// A publication has reached a stage.
    Stage(StageEvent),
}

/// A publication has reached a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageEvent {
    /// The job that is carried out; `None`: a request is.
    pub job: Option<JobId>,
    /// The image.
    pub image: ImageName,
    /// The platform, at stages that each platform has for itself.
    pub platform: Option<Platform>,
    /// The stage.
    pub stage: PublishStage,
}
