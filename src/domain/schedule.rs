//! The schedule of a tenant: its posting times, and what is published at each.
//!
//! The next posting time always has a job, so that it can be seen, approved or cancelled. That job stands for its posting time
//! until it begins, ends, or is moved to another time; then [`Schedule::following`] says which posting time is the next. Of
//! posting times that passed while no process ran, only the last can still be carried out.

use std::{collections::BTreeSet, time::SystemTime};

use super::{
    job::{JobOrder, NewJob},
    platform::Platform,
    posting_times::PostingTimes,
};

/// The schedule of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    times: PostingTimes,
    platforms: Option<Vec<Platform>>,
    enabled: bool,
    needs_approval: bool,
}

impl Schedule {
    /// A schedule. `platforms` are those of each publication; `None`: all that are on by then.
    ///
    /// # Errors
    /// [`NoTimes`].
    pub fn new(
        times: PostingTimes,
        platforms: Option<Vec<Platform>>,
        enabled: bool,
        needs_approval: bool,
    ) -> Result<Self, NoTimes> {
        if enabled && times.entries().is_empty() {
            return Err(NoTimes);
        }
        Ok(Self {
            times,
            platforms,
            enabled,
            needs_approval,
        })
    }

    /// The posting times.
    #[must_use]
    pub fn times(&self) -> &PostingTimes {
        &self.times
    }

    /// The platforms of each publication; `None`: all that are on by then.
    #[must_use]
    pub fn platforms(&self) -> Option<&[Platform]> {
        self.platforms.as_deref()
    }

    /// Whether it is followed.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Whether each publication waits for somebody to say yes.
    #[must_use]
    pub fn needs_approval(&self) -> bool {
        self.needs_approval
    }

    /// The same schedule, not followed.
    #[must_use]
    pub fn disabled(self) -> Self {
        Self {
            enabled: false,
            ..self
        }
    }

    /// Whether another schedule says the same: entries and platforms in another order make no difference.
    #[must_use]
    pub fn is_equivalent_to(&self, other: &Self) -> bool {
        let Self {
            times,
            platforms,
            enabled,
            needs_approval,
        } = self;
        let set = |platforms: &Option<Vec<Platform>>| {
            let all = platforms.as_deref();
            all.map(|all| all.iter().copied().collect::<BTreeSet<_>>())
        };
        times.is_equivalent_to(&other.times)
            && set(platforms) == set(&other.platforms)
            && *enabled == other.enabled
            && *needs_approval == other.needs_approval
    }

    /// The first posting time of a schedule that begins now, without those that have had their job; `None` if it is not
    /// followed.
    #[must_use]
    pub fn first(&self, now: SystemTime, taken: &BTreeSet<SystemTime>) -> Option<SystemTime> {
        self.coming(now).find(|time| !taken.contains(time))
    }

    /// All posting times after an instant; none if the schedule is not followed.
    pub fn coming(&self, now: SystemTime) -> impl Iterator<Item = SystemTime> {
        let first = self.times.next_after(now).filter(|_| self.enabled);
        std::iter::successors(first, |time| self.times.next_after(*time))
    }

    /// Whether a later posting time than this has come, too: then this one is not caught up with.
    #[must_use]
    pub fn is_superseded(&self, posting_time: SystemTime, now: SystemTime) -> bool {
        let last = self.times.last_until(now);
        self.enabled && last.is_some_and(|last| last > posting_time)
    }

    /// The posting time that gets a job once that of `posting_time` has begun, ended or moved: the last that has come since, or
    /// else the next, without those that have had their job; `None` if the schedule is not followed.
    #[must_use]
    pub fn following(
        &self,
        posting_time: SystemTime,
        now: SystemTime,
        taken: &BTreeSet<SystemTime>,
    ) -> Option<SystemTime> {
        let last = self.times.last_until(now).filter(|it| *it > posting_time);
        let last = last.filter(|it| self.enabled && !taken.contains(it));
        last.or_else(|| self.first(posting_time.max(now), taken))
    }

    /// The job of a posting time.
    #[must_use]
    pub fn job_at(&self, posting_time: SystemTime) -> NewJob {
        NewJob {
            order: JobOrder {
                platforms: self.platforms.clone(),
                needs_approval: self.needs_approval,
                ..JobOrder::default()
            },
            publish_at: Some(posting_time),
            posting_time: Some(posting_time),
        }
    }
}

/// A schedule that is followed has posting times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must not be empty while the schedule is enabled")]
pub struct NoTimes;

#[cfg(test)]
mod tests;
