//! Jobs, as they are answered.

use std::{collections::BTreeMap, time::SystemTime};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use poem_openapi::{Enum, Object};

use super::publish::{PlatformName, PlatformResult, by_name};
use crate::{
    app::usecases::manage_jobs::JobPage,
    domain::{
        job::{self, JobId, JobOrder, JobPosition},
        platform::Platform,
        publication, rfc3339,
    },
};

/// One page of jobs: the one to be published last comes first.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct JobList {
    /// The jobs on this page.
    pub jobs: Vec<Job>,
    /// `cursor` for the next page; `null` if this is the last one.
    #[oai(nullable)]
    pub next_cursor: Option<String>,
}

/// A publication that somebody has asked for, and that no request waits for.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of the answer"
)]
pub struct Job {
    /// The job's id.
    pub id: String,
    /// Its state.
    pub status: JobStatus,
    /// The image; `null`: one that the tenant has not published by then. Once an attempt has chosen one, it is named here.
    #[oai(nullable)]
    pub filename: Option<String>,
    /// When it is to be published (RFC 3339, UTC).
    pub publish_at: String,
    /// When it was made (RFC 3339, UTC).
    pub created_at: String,
    /// When the next attempt is (RFC 3339, UTC), for a job that waits for one; `null` of one that has not begun, and of one that
    /// has ended.
    #[oai(nullable)]
    pub next_attempt_at: Option<String>,
    /// How many attempts have begun.
    #[oai(validator(minimum(value = "0")))]
    pub attempts: u32,
    /// The last result on each platform, by the platform's name. A job that is `done` may have failed on some. `retry_after_seconds`
    /// counts from the end of the attempt.
    pub results: BTreeMap<String, PlatformResult>,
    /// How far the attempt under way has come; `null` if none is, or it has only begun.
    #[oai(nullable)]
    pub stage: Option<PublishStage>,
    /// Why the last attempt did not succeed, or why there will be none, for people; there whenever `reason` is.
    #[oai(nullable)]
    pub error: Option<String>,
    /// The same for programs. Also there for a job that waits for its next attempt.
    #[oai(nullable)]
    pub reason: Option<JobReason>,
    /// The platforms that it is for; `null`: all that are on by then.
    #[oai(nullable)]
    pub platforms: Option<Vec<PlatformName>>,
    /// The caption that was given for all platforms; `null`: captions are written.
    #[oai(nullable)]
    pub caption: Option<String>,
    /// The captions that were given, by the names of the platforms; they take precedence over `caption`.
    #[oai(nullable)]
    pub captions: Option<BTreeMap<String, String>>,
    /// It is also sent to platforms that have it, or may have it.
    pub force: bool,
    /// It is published without a caption when none can be written.
    pub allow_empty_caption: bool,
    /// It waits, or has waited, for somebody to approve it.
    pub needs_approval: bool,
    /// It was made for a posting time of the tenant's schedule, and not by a request.
    pub schedule: bool,
}

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum JobStatus {
    /// Somebody has to approve it.
    AwaitingApproval,
    /// It waits for its time, or for its next attempt.
    Scheduled,
    /// It is being carried out.
    Running,
    /// It was carried out: a platform has the image, or may have it, and others may have failed (see `results`); or there was nothing
    /// to publish, or only something to try out (see `reason`).
    Done,
    /// No platform has the image.
    Failed,
    /// Its time passed before it had begun.
    Missed,
    /// It is not carried out any more.
    Cancelled,
}

/// Why an attempt did not succeed, or a job will not be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum JobReason {
    /// Storage is unavailable at the moment.
    StorageUnavailable,
    /// The provider of captions is unavailable at the moment.
    AiUnavailable,
    /// An upstream, or a limit of the tenant, limits requests.
    RateLimited,
    /// The tenant's config, or one of its credentials, cannot be had at the moment.
    TenantUnavailable,
    /// The ledger is unavailable.
    LedgerUnavailable,
    /// Another request works on the image, or too many of the tenant or of the process are under way.
    Busy,
    /// The image was replaced while it was being fetched.
    ImageReplaced,
    /// The attempt ended without a report. It may have sent something.
    Interrupted,
    /// Publishing is off for the tenant.
    PublishingOff,
    /// No platform of the job is on for the tenant.
    NoPlatform,
    /// The captions do not go with the platforms, or nothing is left of one.
    CaptionsUnusable,
    /// No caption could be written, and an empty one is not allowed.
    NoCaption,
    /// There is no image that the tenant has not published.
    NothingToPublish,
    /// The image is not there any more.
    ImageMissing,
    /// The file cannot be published as an image.
    ImageUnsuitable,
    /// Storage refused the tenant's credential.
    StorageRefused,
    /// The tenant is out of credit.
    OutOfCredit,
    /// Platforms have not taken the image: the results say why.
    PlatformsFailed,
    /// The tenant's config is for trying things out (`content.debug`): nothing was sent.
    DryRun,
    /// It was not carried out in time.
    TooLate,
    /// A later posting time had come before it could begin.
    Superseded,
    /// Somebody cancelled it.
    ByRequest,
    /// The posting times were changed.
    ScheduleChanged,
    /// The tenant is gone.
    TenantGone,
}

/// A stage of a publication, in the order in which they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum PublishStage {
    /// Finding the image in storage.
    Find,
    /// Taking the lease on the image.
    Claim,
    /// Waiting for memory.
    WaitForRoom,
    /// Fetching the image.
    Fetch,
    /// Making the copies that platforms need.
    Prepare,
    /// Having a model look at the image.
    Vision,
    /// Having captions written.
    Captions,
    /// Giving the platforms the post up to the step that makes it visible.
    #[oai(rename = "stage")]
    Staging,
    /// Sending the image to the platforms.
    Send,
    /// Writing the sidecar.
    Sidecar,
    /// Moving the image to the archive.
    Archive,
}

/// The job of an id, as answers write it; `None` if no job could have it.
#[must_use]
pub fn id_of(text: &str) -> Option<JobId> {
    let id = JobId(text.parse().ok()?);
    // One job has one id: not `+7`, and not `007`.
    (id.to_string() == text).then_some(id)
}

/// The cursor of a position: opaque to clients.
#[must_use]
pub fn cursor_of(position: JobPosition) -> String {
    let JobPosition { publish_at_ms, id } = position;
    let bytes = [publish_at_ms.to_be_bytes(), id.0.to_be_bytes()].concat();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The position of a cursor; `None` if it is not valid.
#[must_use]
pub fn position_of(cursor: &str) -> Option<JobPosition> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (publish_at_ms, id) = bytes.split_first_chunk::<8>()?;
    Some(JobPosition {
        publish_at_ms: i64::from_be_bytes(*publish_at_ms),
        id: JobId(i64::from_be_bytes(id.try_into().ok()?)),
    })
}

impl From<JobPage> for JobList {
    fn from(page: JobPage) -> Self {
        let JobPage { jobs, next } = page;
        Self {
            jobs: jobs.into_iter().map(Job::from).collect(),
            next_cursor: next.map(cursor_of),
        }
    }
}

impl From<job::Job> for Job {
    fn from(job: job::Job) -> Self {
        let (error, next_attempt_at) = (job.explanation(), job.next_attempt_at());
        let job::Job {
            id,
            tenant: _, // the one that was asked
            status,
            order,
            publish_at,
            posting_time,
            due_at: _, // told while it is that of the next attempt
            created_at,
            approved_at: _,
            begun_at: _,
            ended_at: _,
            attempts,
            failures: _,
            hashes: _,
            interrupted: _,
            remaining: _,
            results,
            stage,
            reason,
            error: _, // part of the explanation
        } = job;
        let JobOrder {
            image,
            platforms,
            caption,
            captions,
            force,
            allow_empty_caption,
            needs_approval,
        } = order;
        let named = |(platform, text): (Platform, String)| (platform.as_str().to_owned(), text);
        Self {
            id: id.to_string(),
            status: status.into(),
            filename: image.map(|name| name.as_str().to_owned()),
            publish_at: time(publish_at),
            created_at: time(created_at),
            next_attempt_at: next_attempt_at.map(time),
            attempts,
            results: by_name(results),
            stage: stage.map(PublishStage::from),
            error,
            reason: reason.map(JobReason::from),
            platforms: platforms.map(|all| all.into_iter().map(PlatformName::from).collect()),
            caption,
            captions: captions.map(|all| all.into_iter().map(named).collect()),
            force,
            allow_empty_caption,
            needs_approval,
            schedule: posting_time.is_some(),
        }
    }
}

fn time(time: SystemTime) -> String {
    rfc3339::format(time)
}

same_variants!(job::JobStatus => JobStatus:
    AwaitingApproval,
    Scheduled,
    Running,
    Done,
    Failed,
    Missed,
    Cancelled,
);
same_variants!(JobStatus => job::JobStatus:
    AwaitingApproval,
    Scheduled,
    Running,
    Done,
    Failed,
    Missed,
    Cancelled,
);
same_variants!(job::JobReason => JobReason:
    StorageUnavailable,
    AiUnavailable,
    RateLimited,
    TenantUnavailable,
    LedgerUnavailable,
    Busy,
    ImageReplaced,
    Interrupted,
    PublishingOff,
    NoPlatform,
    CaptionsUnusable,
    NoCaption,
    NothingToPublish,
    ImageMissing,
    ImageUnsuitable,
    StorageRefused,
    OutOfCredit,
    PlatformsFailed,
    DryRun,
    TooLate,
    Superseded,
    ByRequest,
    ScheduleChanged,
    TenantGone,
);
same_variants!(publication::PublishStage => PublishStage:
    Find,
    Claim,
    WaitForRoom,
    Fetch,
    Prepare,
    Vision,
    Captions,
    Staging,
    Send,
    Sidecar,
    Archive,
);

#[cfg(test)]
mod tests {
    use poem_openapi::types::ToJSON as _;

    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_position_and_nothing_else_is_one() {
        let position = JobPosition {
            publish_at_ms: -1,
            id: JobId(i64::MAX),
        };
        let cursor = cursor_of(position);
        assert_eq!(position_of(&cursor), Some(position));
        for cursor in ["", "AAAA", "!", &format!("{cursor}AA"), &cursor[1..]] {
            assert_eq!(position_of(cursor), None, "{cursor}");
        }
    }

    #[test]
    fn a_job_has_one_id() {
        assert_eq!(id_of("7"), Some(JobId(7)));
        for text in ["", "+7", "07", " 7", "7.0", "x", "99999999999999999999"] {
            assert_eq!(id_of(text), None, "{text}");
        }
    }

    #[test]
    fn states_reasons_and_stages_are_named_as_everywhere() {
        let word = |value: Option<serde_json::Value>| value.unwrap().as_str().unwrap().to_owned();
        for status in job::JobStatus::ALL {
            assert_eq!(word(JobStatus::from(status).to_json()), status.as_str());
        }
        for reason in job::JobReason::ALL {
            assert_eq!(word(JobReason::from(reason).to_json()), reason.as_str());
        }
        for stage in publication::PublishStage::ALL {
            assert_eq!(word(PublishStage::from(stage).to_json()), stage.as_str());
        }
    }
}
