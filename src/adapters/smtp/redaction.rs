//! Makes a mail server's words fit to be shown: without the login, in any form in which it went
//! over the wire, and without the server's own name. Used by this folder's adapter.

use aho_corasick::{AhoCorasick, MatchKind};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};

use crate::adapters::stated_reason::stated_reason;

/// A word that is shorter is cut out where it stands alone: it may be a part of any other.
const SHORT: usize = 5;

/// What must not be shown.
pub(super) struct Redaction {
    secrets: Option<AhoCorasick>,
}

impl Redaction {
    pub(super) fn of(host: &str, user: &str, password: &str) -> Self {
        let plain = format!("\0{user}\0{password}");
        let mut secrets = vec![host.to_owned(), user.to_owned(), password.to_owned()];
        for secret in [user, password, &plain] {
            secrets.push(STANDARD.encode(secret));
            secrets.push(STANDARD_NO_PAD.encode(secret));
        }
        secrets.retain(|secret| !secret.is_empty());
        let secrets = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .build(secrets);
        Self {
            secrets: secrets.ok(),
        }
    }

    /// The text on one short line, with what must not be shown as `***`.
    pub(super) fn cleaned(&self, text: &str) -> String {
        // Without it, nothing can be shown.
        let Some(secrets) = &self.secrets else {
            return String::new();
        };
        let mut shown = String::with_capacity(text.len());
        secrets.replace_all_with(text, &mut shown, |found, word, shown| {
            let alone = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
            let before = text
                .get(..found.start())
                .and_then(|it| it.chars().next_back());
            let after = text.get(found.end()..).and_then(|it| it.chars().next());
            let is_secret = word.len() >= SHORT || (alone(before) && alone(after));
            shown.push_str(if is_secret { "***" } else { word });
            true
        });
        stated_reason(&shown, "")
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
