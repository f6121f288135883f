//! What Dropbox's refusals mean to people: what is wrong with one file, and what with the account or the
//! folders of the tenant's config, with what to do about it.

use std::borrow::Cow;

use super::tags::Tags;
use crate::ports::ImageStoreError;

/// What a refusal with these tags means; `None` where they say nothing that people could mend.
pub(super) fn of(tags: &Tags) -> Option<ImageStoreError> {
    tags.each()
        .find_map(|tag| of_file(tag).or_else(|| of_set_up(tag)))
}

/// What is wrong with one file.
fn of_file(tag: &str) -> Option<ImageStoreError> {
    let detail = match tag {
        "restricted_content" => {
            "Dropbox has restricted its content, for instance after a claim of copyright"
        }
        "unsupported_file" | "unsupported_content_type" => {
            "it is a kind of file that Dropbox does not hand out, such as a cloud document"
        }
        "not_file" => "there is a folder in its place",
        "encrypted_content" => "it is encrypted",
        "locked" => "somebody has locked it",
        "not_allowed" => "Dropbox does not allow a link to it",
        "malformed_path" | "disallowed_name" => "Dropbox does not allow its name",
        _ => return None,
    };
    Some(ImageStoreError::Restricted { detail })
}

/// One file that Dropbox must not hand out.
pub(super) fn for_legal_reasons() -> ImageStoreError {
    ImageStoreError::Restricted {
        detail: "it is not available for legal reasons",
    }
}

/// What is wrong with the account or with the tenant's folders.
fn of_set_up(tag: &str) -> Option<ImageStoreError> {
    let (problem, remedy) = match tag {
        "insufficient_space" | "insufficient_quota" => (
            "the Dropbox account has no space left",
            "Free some space there, or enlarge the account.",
        ),
        "no_write_permission" | "access_restricted" | "operation_suppressed" | "team_folder" => (
            "the Dropbox account may not write to a folder of the tenant",
            "Give the account the right to edit it, or name other folders in `storage.paths`.",
        ),
        "file_ancestor" => (
            "a file stands where a folder of the tenant should be",
            "Rename the file, or name another folder in `storage.paths`.",
        ),
        "cant_copy_shared_folder"
        | "cant_nest_shared_folder"
        | "cant_move_folder_into_itself"
        | "cant_move_shared_folder"
        | "cant_move_into_vault"
        | "cant_move_into_family"
        | "cant_transfer_ownership"
        | "duplicated_or_nested_paths" => (
            "Dropbox does not move files between these folders of the tenant",
            "Name other folders in `storage.paths`.",
        ),
        "no_permission" | "team_access_denied" | "invalid_account_type" | "access_denied" => (
            "the Dropbox account may not do this",
            "Connect an account that may, or have its team's admin allow it.",
        ),
        "email_not_verified" => (
            "the e-mail address of the Dropbox account is not verified",
            "Verify it in the account's settings.",
        ),
        _ => return None,
    };
    Some(set_up(problem, remedy))
}

/// A permission is missing.
pub(super) fn missing_scope(scope: &str) -> ImageStoreError {
    set_up(
        format!("the Dropbox app lacks the permission {scope}"),
        "Tick it in the app's Permissions, and connect the account anew: a connection keeps the \
         permissions that it was made with.",
    )
}

/// The app's key or its secret is wrong.
pub(super) fn bad_app() -> ImageStoreError {
    set_up(
        "Dropbox does not accept the app: DROPBOX_APP_KEY or DROPBOX_APP_SECRET is wrong",
        "Copy both from the app's settings in the Dropbox App Console, and restart the service. The \
         refresh token must be of the same app.",
    )
}

/// The root folder, which may be named to admins, does not exist.
pub(super) fn no_root(root: &str) -> ImageStoreError {
    ImageStoreError::Misconfigured {
        problem: "the root folder does not exist".into(),
        detail: format!(
            "The root folder \"{root}\" does not exist in the tenant's Dropbox. Make it, or correct \
             `storage.paths.root`; to an app that has a folder of its own, paths begin there."
        ),
    }
}

/// The root folder, which may be named to admins, is none, or is not opened.
pub(super) fn root_refused(root: &str) -> ImageStoreError {
    ImageStoreError::Misconfigured {
        problem: "the root folder cannot be listed".into(),
        detail: format!(
            "The root folder \"{root}\" cannot be listed: in the tenant's Dropbox it is no folder, or one that \
             Dropbox has restricted. Correct `storage.paths.root`."
        ),
    }
}

/// The root folder, which may be named to admins, holds more than is listed.
pub(super) fn folder_too_large(root: &str) -> ImageStoreError {
    ImageStoreError::Misconfigured {
        problem: "the root folder holds more than this service lists".into(),
        detail: format!(
            "The root folder \"{root}\" holds more than this service lists: about 120,000 images, and half a \
             million entries of any kind. Move some of them to another folder, or name another one as \
             `storage.paths.root`."
        ),
    }
}

fn set_up(problem: impl Into<Cow<'static, str>>, remedy: &str) -> ImageStoreError {
    let problem = problem.into();
    let mut detail: String = problem
        .chars()
        .take(1)
        .flat_map(char::to_uppercase)
        .collect();
    detail.extend(problem.chars().skip(1));
    detail.push_str(". ");
    detail.push_str(remedy);
    ImageStoreError::Misconfigured { problem, detail }
}

#[cfg(test)]
mod tests {
    use super::{super::tags::scope, *};

    #[test]
    fn what_is_wrong_with_a_file_is_told_from_what_is_wrong_with_the_account() {
        for (summary, is_file, words) in [
            ("path/restricted_content/..", true, "restricted"),
            ("path/unsupported_content_type/..", true, "kind of file"),
            ("unsupported_file/..", true, "kind of file"),
            ("path/not_file/..", true, "folder"),
            ("from_lookup/locked/.", true, "locked"),
            ("path/malformed_path/.", true, "name"),
            ("to/disallowed_name/.", true, "name"),
            ("not_allowed/.", true, "link"),
            ("path/insufficient_space/.", false, "no space left"),
            ("insufficient_quota/.", false, "no space left"),
            ("from_write/no_write_permission/.", false, "may not write"),
            ("to/team_folder/.", false, "may not write"),
            ("to/conflict/file_ancestor/.", false, "a file stands"),
            ("cant_move_into_vault/.", false, "between these folders"),
            ("no_permission/.", false, "may not do this"),
            ("email_not_verified/.", false, "not verified"),
        ] {
            let error = of(&Tags::new(summary)).unwrap();
            assert_eq!(error.is_about_the_image(), is_file, "{summary}");
            assert!(error.to_string().contains(words), "{summary}: {error}");
        }
        for summary in [
            "path/not_found/.",
            "to/conflict/file/.",
            "other/.",
            "",
            "Bearer x",
        ] {
            assert!(of(&Tags::new(summary)).is_none(), "{summary}");
        }
    }

    #[test]
    fn folders_are_named_to_admins_and_not_to_the_log() {
        let error = no_root("/Queue");
        assert!(!error.to_string().contains("Queue"), "{error}");
        let ImageStoreError::Misconfigured { detail, .. } = error else {
            panic!("{error}")
        };
        assert!(
            detail.starts_with("The root folder \"/Queue\" does not exist"),
            "{detail}"
        );
        let error = missing_scope(&scope("files.content.write"));
        assert!(
            error.to_string().contains("\"files.content.write\""),
            "{error}"
        );
        let error = missing_scope(&scope("Bearer secret"));
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
