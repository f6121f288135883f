//! What a write outlives.

/// What has become of a write when it is done.
#[derive(Clone, Copy)]
pub(super) enum Durability {
    /// It survives the end of the machine.
    Synced,
    /// It is of a lease alone, which need not outlive the process that holds it.
    Volatile,
}
