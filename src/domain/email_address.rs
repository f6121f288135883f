//! E-mail addresses as people paste them: bare, or with the name of a person around them.

use std::fmt;

use super::secret::trim_pasted;

/// An e-mail address, `local@domain`. It belongs to a person, and nothing prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// The address in a text, as [`plain_address`] finds it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        plain_address(text).map(|address| Self(address.to_owned()))
    }

    /// The address. Must not be logged.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether both are addresses of one mailbox, as mail servers have it: in any case.
    #[must_use]
    pub fn is_same_mailbox(&self, other: &Self) -> bool {
        let folded = |address: &Self| address.0.to_lowercase();
        folded(self) == folded(other)
    }

    /// Whether both name one person, who is let in by it: in any case of ASCII letters. Others are not folded, since some of
    /// them only look like another one's.
    #[must_use]
    pub fn names_same_person(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(***)")
    }
}

/// The plain `local@domain` of what may be written as `jane@example.org`, `<jane@example.org>`,
/// `Jane Doe <jane@example.org>`, `"Doe, Jane" <jane@example.org>` or with `mailto:` before it.
/// `None` for anything else, a list of several addresses above all: a mail must go to one place.
#[must_use]
pub fn plain_address(text: &str) -> Option<&str> {
    let text = trim_pasted(text);
    let address = match text.strip_suffix('>') {
        None => text,
        Some(rest) => {
            let (name, address) = rest.rsplit_once('<')?;
            is_display_name(name.trim()).then_some(address)?
        }
    };
    let address = without_scheme(trim_pasted(address));
    is_email_address(address).then_some(address)
}

/// `mailto:` is what a browser copies together with an address.
fn without_scheme(address: &str) -> &str {
    const SCHEME: &str = "mailto:";
    match address.get(..SCHEME.len()) {
        Some(head) if head.eq_ignore_ascii_case(SCHEME) => &address[SCHEME.len()..],
        _ => address,
    }
}

/// Nothing that could be a second address, or end a header line. Between double quotes there may be
/// commas; an `@` is let through, because mail programs write `jane@example.org <jane@example.org>`.
fn is_display_name(name: &str) -> bool {
    if name.chars().any(char::is_control) {
        return false;
    }
    let quoted = name
        .strip_prefix('"')
        .map(|rest| rest.strip_suffix('"').filter(|inner| ends_open(inner)));
    match quoted {
        Some(inner) => inner.is_some_and(|inner| !has_bare_quote(inner)),
        None => !name.contains(['<', '>', '"', '\\', ',', ';', ':']),
    }
}

/// Is the quote after this text a closing one, and not an escaped one?
fn ends_open(inner: &str) -> bool {
    let backslashes = inner.chars().rev().take_while(|it| *it == '\\').count();
    backslashes % 2 == 0
}

fn has_bare_quote(inner: &str) -> bool {
    let mut escaped = false;
    inner.chars().any(|it| {
        let is_bare = it == '"' && !escaped;
        escaped = it == '\\' && !escaped;
        is_bare
    })
}

/// A plain `local@domain`: no display name, no quoting, nothing that could end a header line.
fn is_email_address(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return false;
    };
    let fits = |part: &str, most: usize| !part.is_empty() && part.len() <= most;
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>()[],;:\\\"@".contains(c);
    fits(local, 64)
        && fits(domain, 253)
        && local.chars().all(is_plain)
        && domain.chars().all(is_plain)
        && domain.split('.').all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_not_shown_and_is_the_same_in_any_case() {
        let address = |text| EmailAddress::parse(text).unwrap();
        let jane = address("Jane <Jane@Example.org>");
        assert_eq!(jane.expose(), "Jane@Example.org");
        assert!(!format!("{jane:?}").contains("xample"));
        assert!(jane.is_same_mailbox(&address("jane@example.ORG")));
        assert!(address("Žofie@example.org").is_same_mailbox(&address("žOFIE@example.org")));
        assert!(!jane.is_same_mailbox(&address("joe@example.org")));
        assert!(!jane.is_same_mailbox(&address("jane@example.com")));
        assert_eq!(EmailAddress::parse("jane"), None);
    }

    #[test]
    fn an_address_is_taken_with_and_without_the_name_of_a_person() {
        for text in [
            "jane@example.org",
            " jane@example.org\r\n",
            "\u{feff}jane@example.org\u{200b}",
            "\u{a0}jane@example.org\u{a0}",
            "<jane@example.org>",
            "< jane@example.org >",
            "Jane <jane@example.org>",
            "Jane<jane@example.org>",
            "Jane D. Doe <jane@example.org> ",
            "Jane (work) <jane@example.org>",
            "'Jane' <jane@example.org>",
            "\"Jane Doe\" <jane@example.org>",
            "\"Doe, Jane\" <jane@example.org>",
            r#""Jane \"JD\" Doe" <jane@example.org>"#,
            "\"<Jane>\" <jane@example.org>",
            "\"\" <jane@example.org>",
            "Žofie Nováková <jane@example.org>",
            "jane@example.org <jane@example.org>",
            "mailto:jane@example.org",
            "MAILTO:jane@example.org",
            "Jane <mailto:jane@example.org>",
        ] {
            assert_eq!(plain_address(text), Some("jane@example.org"), "{text:?}");
        }
    }

    #[test]
    fn several_addresses_and_what_is_none_are_refused() {
        for text in [
            "",
            " ",
            "jane",
            "Jane Doe",
            "<>",
            "Jane <>",
            "Jane <jane>",
            "Jane <jane@>",
            "Jane <@example.org>",
            "jane@example.org, joe@example.org",
            "jane@example.org; joe@example.org",
            "joe@example.org, Jane <jane@example.org>",
            "Joe <joe@example.org>, Jane <jane@example.org>",
            "Joe <joe@example.org> <jane@example.org>",
            "friends: Jane <jane@example.org>;",
            "\"Jane\" Doe\" <jane@example.org>",
            "\"Jane <jane@example.org>",
            r#""Jane\" <jane@example.org>"#,
            "Jane <jane@example.org> x",
            "jane@example.org>",
            "\"jane@example.org\"",
            "Jane\r\nBcc: joe@example.org <jane@example.org>",
            "\"Jane\r\nBcc: joe\" <jane@example.org>",
            "jane@example.org\r\nBcc: joe@example.org",
            "jane @example.org",
            "jane@example..org",
            "mailto:",
            "mailto:mailto:jane@example.org",
        ] {
            assert_eq!(plain_address(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_of_any_text_is_a_plain_part_of_it(text in any::<String>()) {
            if let Some(address) = plain_address(&text) {
                prop_assert!(text.contains(address));
                prop_assert_eq!(plain_address(address), Some(address));
                prop_assert!(!address.contains(['<', '>', ',', '"', '\r', '\n', ' ']));
            }
        }

        #[test]
        fn any_quoted_name_leaves_the_address(name in "[^\\\\\"\\p{Cc}]{0,40}") {
            let text = format!("\"{name}\" <jane@example.org>");
            prop_assert_eq!(plain_address(&text), Some("jane@example.org"));
        }

        #[test]
        fn an_address_beside_another_is_none_whatever_joins_them(glue in "[,;\r\n]") {
            let text = format!("joe@example.org{glue} Jane <jane@example.org>");
            prop_assert_eq!(plain_address(&text), None);
        }
    }
}
