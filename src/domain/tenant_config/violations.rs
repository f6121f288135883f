//! Why a config does not validate.

use std::fmt;

use super::settings::{StorageSettings, TenantSettings};
use crate::domain::config_block::FieldProblem;

/// Everything that is wrong with a config, by field. Never empty, never holds a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violations {
    pub(super) fields: Vec<FieldProblem>,
    /// The storage block, where nothing is wrong with it.
    pub(super) storage: Option<Box<StorageSettings>>,
}

impl Violations {
    /// One entry for each rule broken.
    #[must_use]
    pub fn fields(&self) -> &[FieldProblem] {
        &self.fields
    }

    /// Whether the storage that a config is served with is still the one that this document names:
    /// of the same provider, credentials ref and root. It is not where the document's storage
    /// block cannot be used.
    #[must_use]
    pub fn leave_storage_as_in(&self, served: &TenantSettings) -> bool {
        let before = &served.storage;
        self.storage.as_ref().is_some_and(|now| {
            now.kind == before.kind
                && now.credentials_ref == before.credentials_ref
                && now.paths.root.is_same_folder_as(&before.paths.root)
        })
    }
}

impl std::error::Error for Violations {}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.fields.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}
