//! A job: a publication that somebody has asked for, and nobody waits for. It is carried out now, at a time, or at a posting
//! time of the tenant's [schedule](super::schedule), if need be after approval.
//!
//! `status.rs` has the table of the moves between the states, and [`Job`]'s methods in `moves.rs` and `attempts.rs` make them.
//! Nothing here claims or carries out a job. The store of jobs (`ports::JobStore`) writes what these methods return;
//! `app::usecases::carry_out_jobs` claims jobs and publishes.

mod attempts;
mod entity;
mod event;
mod explanation;
mod id;
mod list;
mod moves;
mod new_job;
mod order;
mod reason;
mod refusal;
mod results;
mod status;

pub use self::{
    attempts::{AttemptEnd, BACK_OFF, BUSY_WAIT, LONGEST_RETRY_AFTER, TENANT_AWAY_WAIT},
    entity::Job,
    event::{JobEvent, JobEventKind, JobEventNumber, StageEvent},
    id::JobId,
    list::{JobPosition, JobQuery},
    moves::{Edit, JobChange},
    new_job::NewJob,
    order::JobOrder,
    reason::JobReason,
    refusal::JobRefusal,
    status::JobStatus,
};

#[cfg(test)]
mod tests;
