//! The options of `publisher migrate`.

use clap::Args;
use publisher::domain::storage::StorageKind;

/// What is copied, and to where.
#[derive(Args)]
pub(crate) struct Options {
    /// The kind of storage that is copied from
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub(super) from: StorageKind,
    /// Its root folder, as `storage.paths.root` in a config
    #[arg(long, value_name = "FOLDER")]
    pub(super) from_root: String,
    /// Its archive folder, where that is not below the root in the default place; so are the next two
    #[arg(long, value_name = "FOLDER")]
    pub(super) from_archive: Option<String>,
    /// Its folder for what is kept
    #[arg(long, value_name = "FOLDER")]
    pub(super) from_keep: Option<String>,
    /// Its folder for what was sorted out
    #[arg(long, value_name = "FOLDER")]
    pub(super) from_remove: Option<String>,
    /// The kind of storage that is copied to; the tenant's own where it is left out
    #[arg(long, value_name = "KIND", value_parser = kind, requires = "to_root")]
    pub(super) to: Option<StorageKind>,
    /// Its root folder
    #[arg(long, value_name = "FOLDER", requires = "to")]
    pub(super) to_root: Option<String>,
    /// The tenant, by its host; not needed without an orchestrator
    #[arg(long, value_name = "HOST")]
    pub(super) host: Option<String>,
    /// Only say what would be copied; compares what is there by name and size
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Copy so many images at most
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
}

fn kind(name: &str) -> Result<StorageKind, String> {
    StorageKind::from_name(name).ok_or_else(|| {
        let kinds = StorageKind::ALL.iter().map(|kind| kind.as_str());
        format!("must be one of {}", kinds.collect::<Vec<_>>().join(", "))
    })
}
