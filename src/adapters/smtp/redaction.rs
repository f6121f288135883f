//! The secrets of a login, as they are cut out of a mail server's words. Used by this folder's adapter.

use crate::adapters::secret_scrub::SecretScrub;

/// A user name that is shorter is cut out as a whole only, and only where it stands alone.
const SHORT_USER: usize = 5;

/// Cuts out the login, in any form, and the server's own name.
pub(super) fn scrub(host: &str, user: &str, password: &str) -> SecretScrub {
    // As the login by `AUTH PLAIN` sends it, so that no bit of it is left at its ends.
    let login = format!("\0{user}\0{password}");
    let scrub = SecretScrub::default()
        .with(password)
        .with_encoded(&login)
        .with_name(host);
    if user.chars().count() < SHORT_USER {
        scrub.with_name(user)
    } else {
        scrub.with(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::upstream_message::sanitize_upstream_message;

    #[test]
    fn nothing_of_the_login_is_shown_in_any_form() {
        let scrub = scrub("mx.host.test", "Alice@mail.test", "hunter2-secret");
        for secret in [
            "hunter2-secret",
            "alice@mail.test",
            "MX.Host.test",
            "aHVudGVyMi1zZWNyZXQ=",
            "aHVudGVyMi1zZWNyZXQ",
            "QWxpY2VAbWFpbC50ZXN0",
            "AEFsaWNlQG1haWwudGVzdABodW50ZXIyLXNlY3JldA==",
            "AEFsaWNlQG1haWwudGVzdABodW50ZXIyLXNlY3JldA",
            "AEFsaWNl QG1haWwu dGVzdABo dW50ZXIy LXNlY3Jl dA==",
            "YWxpY2VAbWFpbC50ZXN0",
            "aHVudGVyMi",
            "hunter2-",
            "h u n t e r 2 - s e c r e t",
            "68756e746572322d736563726574",
            "hunter2%2Dsecret",
            "=68=75=6e=74=65=72=32=2d",
        ] {
            let text = format!("5.7.8 no\r\n{secret}, sorry");
            let shown = sanitize_upstream_message(&text, &scrub);
            assert!(shown.starts_with("5.7.8 no ***"), "{shown}");
            assert!(shown.ends_with(", sorry"), "{shown}");
        }
    }

    #[test]
    fn a_short_name_is_cut_out_where_it_stands_alone() {
        let scrub = scrub("mx", "me", "pw");
        assert_eq!(
            sanitize_upstream_message("5.1.1 some mxlookup for me at mx: pw.", &scrub),
            "5.1.1 some mxlookup for *** at ***: ***."
        );
    }

    #[test]
    fn an_empty_login_cuts_nothing() {
        assert_eq!(
            sanitize_upstream_message("5.1.1 no such user", &scrub("", "", "")),
            "5.1.1 no such user"
        );
    }
}
