//! Limits of how much a tenant may do, over all processes that share a ledger, and of this process alone where that
//! count cannot be had. `docs/decisions/0015` gives the reasons.
//!
//! | file | holds |
//! | --- | --- |
//! | `own.rs` | the count of turns of this process |
//! | `of_all.rs` | the count of all processes, or where it cannot be had, this process's own |
//! | `slots.rs` | the same for publications at a time |
//! | `outage.rs` | whether the count of all is asked at the moment, and what the log says of that |
//! | `fallbacks.rs` | the metric of decisions that this process's own count has made |

mod fallbacks;
mod of_all;
mod outage;
mod own;
mod slots;
#[cfg(test)]
mod tests;

pub use self::{
    fallbacks::count_fallbacks,
    of_all::RatesOfAll,
    own::OwnRates,
    slots::{PUBLISHES, SlotsOfAll},
};
