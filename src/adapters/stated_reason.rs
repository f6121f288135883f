//! What an upstream states as its reason, made fit to be shown to a tenant.

/// The longest reason that is taken over, in characters.
const MAX_CHARS: usize = 200;

/// The text on one line, printable, short, and without the secret, should the upstream have
/// echoed it.
pub(super) fn stated_reason(text: &str, secret: &str) -> String {
    let text = if secret.is_empty() {
        text.to_owned()
    } else {
        text.replace(secret, "***")
    };
    let words = text.split(|c: char| c.is_whitespace() || is_unprintable(c));
    let line = words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    line.chars().take(MAX_CHARS).collect()
}

/// Control characters, and those that turn or hide the text around them.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_short_printable_line_without_the_secret() {
        let text = "Bad\r\nRequest:\u{202e} token 12:ab\u{7} is wrong";
        assert_eq!(
            stated_reason(text, "12:ab"),
            "Bad Request: token *** is wrong"
        );
        assert_eq!(stated_reason(&"ä".repeat(999), "").chars().count(), 200);
        assert_eq!(stated_reason("plain", ""), "plain");
    }
}
