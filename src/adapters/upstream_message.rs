//! What an upstream states as its reason, made fit to be shown to a tenant.

use super::secret_scrub::SecretScrub;

/// How much of a text is looked at, in bytes (16 KiB): far more than is shown of it.
const MAX_BYTES: usize = 16 * 1024;
/// The longest reason that is taken over, in characters.
const MAX_CHARS: usize = 200;

/// The text on one line, printable, short, and without the secrets of the call, should the upstream
/// have repeated them in any form.
pub(super) fn sanitize_upstream_message(text: &str, scrub: &SecretScrub) -> String {
    let text = scrub.scrub(
        text.get(..text.floor_char_boundary(MAX_BYTES))
            .unwrap_or(text),
    );
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
            sanitize_upstream_message(text, &SecretScrub::default().with("12:ab")),
            "Bad Request: token *** is wrong"
        );
        let none = SecretScrub::default();
        assert_eq!(
            sanitize_upstream_message(&"ä".repeat(999), &none)
                .chars()
                .count(),
            200
        );
        assert_eq!(
            sanitize_upstream_message(&"ä".repeat(MAX_BYTES), &none)
                .chars()
                .count(),
            200
        );
        assert_eq!(sanitize_upstream_message("plain", &none), "plain");
    }

    #[test]
    fn a_secret_is_cut_out_before_the_text_is_cut_short() {
        let text = format!("{} hunter2-secret", "a".repeat(MAX_CHARS - 8));
        let shown =
            sanitize_upstream_message(&text, &SecretScrub::default().with("hunter2-secret"));
        assert_eq!(shown, format!("{} ***", "a".repeat(MAX_CHARS - 8)));
    }
}
