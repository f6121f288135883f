//! Which build this is.

/// The version of this build.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit of this build, or `unknown`; `build.rs` finds it out.
pub(crate) const COMMIT: &str = env!("PUBLISHER_COMMIT");
/// Both, for `--version`.
pub(crate) const BUILD: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (commit ",
    env!("PUBLISHER_COMMIT"),
    ")"
);
