//! What refusals mean to people: what is wrong with the bucket, with the key or with the folders of the tenant's
//! config, and what to do about it.

use std::borrow::Cow;

use crate::ports::ImageStoreError;

/// What a code says of the bucket or of the key, and its remedy; `None` where it says nothing that people
/// could mend.
pub(super) fn set_up(code: &str) -> Option<ImageStoreError> {
    let (problem, remedy) = match code {
        "NoSuchBucket" => (
            "there is no such bucket",
            "Create it, or correct `bucket` in the storage credential.",
        ),
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => (
            "the access key may not do this",
            "Give the key the right to list the bucket, and to read, write and delete objects in it.",
        ),
        "RequestTimeTooSkewed" => (
            "the clock of this machine is wrong",
            "Requests are signed with the time. Set the clock, best by NTP.",
        ),
        "AuthorizationHeaderMalformed"
        | "PermanentRedirect"
        | "TemporaryRedirect"
        | "IllegalLocationConstraintException" => (
            "the bucket is in another region",
            "Correct `region` and `endpoint_url` in the storage credential.",
        ),
        "InvalidBucketName" => (
            "the store takes no bucket of this name",
            "Correct `bucket` in the storage credential.",
        ),
        "QuotaExceeded" | "XMinioStorageFull" | "EntityTooLarge" => (
            "the store takes no more",
            "Free some space there, or raise its quota.",
        ),
        _ => return None,
    };
    Some(misconfigured(problem, remedy))
}

/// The credential cannot be one of a bucket.
pub(super) fn unusable_credential() -> ImageStoreError {
    misconfigured(
        "the storage credential cannot be used",
        "Look at `endpoint_url`, `bucket`, `region` and `access_key_id` in it: docs/storage.md says what \
         each can be.",
    )
}

/// More objects, or longer names, than are listed.
pub(super) fn folder_too_large() -> ImageStoreError {
    misconfigured(
        "the root folder has more objects than are listed",
        "Move what is published already to another folder, or set another one in `storage.paths`.",
    )
}

fn misconfigured(problem: &'static str, remedy: &str) -> ImageStoreError {
    let mut sentence = problem.to_owned();
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    ImageStoreError::Misconfigured {
        problem: Cow::Borrowed(problem),
        detail: format!("{sentence}. {remedy}"),
    }
}
