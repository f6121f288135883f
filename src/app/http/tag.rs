//! What operations are grouped by in the document.

use poem_openapi::Tags;

/// What an operation is about.
#[derive(Tags)]
pub(super) enum Tag {
    /// For probes: any host, no tenant, no credential.
    Health,
    /// What a client has to know of the tenant's config.
    Config,
    /// Logging in and out.
    Admin,
    /// The tenant's images: looking at them, publishing them, sorting them.
    Images,
    /// What has been published, and what came of it.
    Publications,
    /// What each kind of problem means: any host, no credential.
    Problems,
}
