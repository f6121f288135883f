//! The groups of operations in the spec.

use poem_openapi::Tags;

/// The group of an operation.
#[derive(Tags)]
pub(super) enum Tag {
    /// For probes: any host, no tenant, no credential.
    Health,
    /// The part of the tenant's config that clients need.
    Config,
    /// Login and logout.
    Admin,
    /// The tenant's images: showing, publishing and sorting them.
    Images,
    /// The tenant's folders: uploading, listing, moving and deleting images. Not every storage takes uploads.
    Library,
    /// The publications, and their outcomes.
    Publications,
    /// Publications that no request waits for: in the background, at a time, at the tenant's posting times, after approval.
    Jobs,
    /// The meaning of each kind of problem: any host, no credential.
    Problems,
}
