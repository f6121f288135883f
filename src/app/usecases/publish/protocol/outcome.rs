//! Recording the outcome of an intent.

use crate::{
    app::runtime::held_lease::{HeldLease, Recorded},
    domain::{
        ledger::Settlement,
        publication::{Outcome, PlatformResult},
    },
};

/// Records an outcome. Returns a warning where the ledger does not have it yet.
pub(super) async fn record_outcome(lease: &HeldLease, result: &PlatformResult) -> Option<String> {
    let settlement = match &result.outcome {
        Outcome::Published(id) | Outcome::AlreadyPublished(id) => Settlement::Published(id.clone()),
        // A platform is skipped after its intent where it refuses the credential and there is no other: nothing
        // was sent.
        Outcome::Failed(failure) | Outcome::Skipped(failure) => Settlement::Failed(failure.clone()),
        Outcome::Unknown(error) => Settlement::Unknown(error.clone()),
    };
    let platform = result.platform;
    let consequence = match lease.record_outcome(platform, settlement).await {
        Recorded::Now => return None,
        Recorded::Later => "counts it as unknown until it can be told",
        Recorded::Never => "counts it as unknown",
    };
    Some(format!(
        "the ledger could not be told the outcome of {platform}, and {consequence}"
    ))
}
