//! Keeps what is in memory, secrets among it, from everyone else on this machine. For `main`.

use std::io;

use rlimit::Resource;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// What is logged where that fails.
pub(crate) const CAN_BE_DUMPED: &str =
    "memory can be dumped: the system does not let it be protected";

/// From now on no core is dumped, and no other process of the same user reads this one's memory,
/// its environment or its open files.
///
/// # Errors
/// The system does not let us.
pub(crate) fn protect() -> io::Result<()> {
    Resource::CORE.set(0, 0)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}
