//! How a file ends otherwise than copied: by itself, or with the whole migration.

use super::{Outcome, Stopped};
use crate::{app::runtime::error_chain::ErrorChain, ports::ImageStoreError};

/// The two ways in which an image ends otherwise than copied.
pub(super) enum Ended {
    /// With this outcome.
    With(Outcome),
    /// With the whole migration.
    All(Stopped),
}

/// Sorts a failure of the storage that is read.
pub(super) fn at_source(error: ImageStoreError) -> Ended {
    if error.is_about_the_image() {
        let why = format!("it cannot be read: {}", ErrorChain(&error));
        Ended::With(Outcome::Failed(why))
    } else {
        Ended::All(Stopped::Source(error))
    }
}

/// Sorts a failure of the storage that is written.
pub(super) fn at_target(error: ImageStoreError) -> Ended {
    if error.is_about_the_image() {
        let why = format!("it cannot be written: {}", ErrorChain(&error));
        Ended::With(Outcome::Failed(why))
    } else {
        Ended::All(Stopped::Target(error))
    }
}
