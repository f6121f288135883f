//! How the C library's allocator keeps memory. It takes that from the environment alone, and reads it
//! before `main` runs: the process starts itself once more with it. docs/performance.md has the figures.

use std::{env, os::unix::process::CommandExt as _, process::Command};

/// What is set unless the environment says otherwise. Two arenas: each has free memory of its own. A fixed
/// threshold: what is larger, as the file of an image is, goes back to the system when it is freed; left
/// alone, the threshold grows with what is freed.
const SETTINGS: [(&str, &str); 2] = [
    ("MALLOC_ARENA_MAX", "2"),
    ("MALLOC_MMAP_THRESHOLD_", "131072"),
];

/// Makes sure that the allocator is set up. To be called before anything else: the process that returns
/// from this may be another image of the same one, with the same id. Where it cannot be started once more,
/// it goes on with more memory.
pub(crate) fn set_up() {
    #[expect(
        clippy::disallowed_methods,
        reason = "these are the C library's settings"
    )]
    let is_missing = |(name, _): &&(&str, &str)| env::var_os(name).is_none();
    let missing: Vec<_> = SETTINGS.iter().filter(is_missing).copied().collect();
    if missing.is_empty() || cfg!(not(target_env = "gnu")) {
        return;
    }
    let mut arguments = env::args_os();
    let mut again = Command::new("/proc/self/exe");
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    // Returns only if it fails.
    drop(again.args(arguments).envs(missing).exec());
}
