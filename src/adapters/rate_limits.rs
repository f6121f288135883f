//! Limits of how much a tenant may do, over all processes that share a ledger, and of this process alone where that
//! count cannot be had. `docs/decisions/0015` gives the reasons.
//!
//! | file | holds |
//! | --- | --- |
//! | `own.rs` | the count of turns of this process |
//! | `of_all.rs` | the count of all processes, or where it cannot be had, this process's own |
//! | `slots.rs` | the same for publications at a time |
//! | `outage.rs` | whether the count of all is asked at the moment, and what the log says of that |

mod of_all;
mod outage;
mod own;
mod slots;
#[cfg(test)]
mod tests;

pub use self::{
    of_all::RatesOfAll,
    own::OwnRates,
    slots::{PUBLISHES, SlotsOfAll},
};

/// Counts a decision that this process's own count has made, or, with 0, has the series of a limit.
pub fn count_fallbacks(limit: &'static str, number: u64) {
    metrics::counter!("publisher_shared_limits_fallbacks_total", "limit" => limit)
        .increment(number);
}
