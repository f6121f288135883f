//! Makes a mail server's words fit to be shown: without the login, in any form, and without the
//! server's own name. Used by this folder's adapter.

use crate::adapters::{secret_scrub::SecretScrub, upstream_message::sanitize_upstream_message};

/// A user name that is shorter is cut out as a whole only, and only where it stands alone.
const SHORT_USER: usize = 5;

/// What must not be shown.
pub(super) struct Redaction {
    secrets: SecretScrub,
}

impl Redaction {
    pub(super) fn of(host: &str, user: &str, password: &str) -> Self {
        // As the login by `AUTH PLAIN` sends it, so that no bit of it is left at its ends.
        let login = format!("\0{user}\0{password}");
        let secrets = SecretScrub::default()
            .with(password)
            .with_encoded(&login)
            .with_name(host);
        let secrets = if user.chars().count() < SHORT_USER {
            secrets.with_name(user)
        } else {
            secrets.with(user)
        };
        Self { secrets }
    }

    /// The text on one short line, with what must not be shown as `***`.
    pub(super) fn cleaned(&self, text: &str) -> String {
        sanitize_upstream_message(text, &self.secrets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_login_is_shown_in_any_form() {
        let redaction = Redaction::of("mx.host.test", "Alice@mail.test", "hunter2-secret");
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
            let shown = redaction.cleaned(&text);
            assert!(shown.starts_with("5.7.8 no ***"), "{shown}");
            assert!(shown.ends_with(", sorry"), "{shown}");
        }
    }

    #[test]
    fn a_short_name_is_cut_out_where_it_stands_alone() {
        let redaction = Redaction::of("mx", "me", "pw");
        assert_eq!(
            redaction.cleaned("5.1.1 some mxlookup for me at mx: pw."),
            "5.1.1 some mxlookup for *** at ***: ***."
        );
    }

    #[test]
    fn an_empty_login_cuts_nothing() {
        assert_eq!(
            Redaction::of("", "", "").cleaned("5.1.1 no such user"),
            "5.1.1 no such user"
        );
    }
}
