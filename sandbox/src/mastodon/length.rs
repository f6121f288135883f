//! How Mastodon counts the characters of a status. Used by the Mastodon stand-in.

use unicode_segmentation::UnicodeSegmentation as _;

/// The graphemes of the content warning and the text, where each link counts as `per_link` and a mention of another
/// instance without its domain.
pub(super) fn count(spoiler_text: &str, text: &str, per_link: usize) -> usize {
    let placeholder = "x".repeat(per_link);
    let mut counted = spoiler_text.to_owned();
    let mut rest = text;
    let mut before = None;
    while let Some(next) = rest.chars().next() {
        let starts_word =
            before.is_none_or(|it: char| !it.is_alphanumeric() && it != '@' && it != '/');
        if let Some(length) = starts_word.then(|| link(rest)).flatten() {
            counted.push_str(&placeholder);
            before = Some('x');
            rest = rest.get(length..).unwrap_or_default();
        } else if let Some((name, length)) = starts_word.then(|| mention(rest)).flatten() {
            counted.push_str(name);
            before = Some('x');
            rest = rest.get(length..).unwrap_or_default();
        } else {
            counted.push(next);
            before = Some(next);
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
        }
    }
    counted.graphemes(true).count()
}

/// The length in bytes of the link at the start: one with a scheme and a domain, without the punctuation behind it.
fn link(text: &str) -> Option<usize> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| {
        text.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })?;
    let end =
        text.find(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"'));
    let whole = text.get(..end.unwrap_or(text.len()))?;
    let whole = whole.trim_end_matches(|c: char| ".,:;!?')]}".contains(c));
    let host = whole
        .get(scheme.len()..)?
        .split(['/', '?', '#', ':'])
        .next()?;
    let labels: Vec<_> = host.split('.').collect();
    let is_domain = labels.len() > 1 && labels.iter().all(|label| !label.is_empty());
    is_domain.then_some(whole.len())
}

/// `@name` and the length in bytes of `@name@domain` at the start.
fn mention(text: &str) -> Option<(&str, usize)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_domain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-');
    let rest = text.strip_prefix('@')?;
    let name = rest.find(|c| !is_name(c))?;
    let domain = rest.get(name..)?.strip_prefix('@')?;
    let end = domain.find(|c| !is_domain(c)).unwrap_or(domain.len());
    let domain = domain.get(..end)?.trim_end_matches(['.', '-']);
    let is_whole = name > 0 && !domain.is_empty();
    is_whole.then_some((text.get(..=name)?, name + domain.len() + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(text: &str) -> usize {
        count("", text, 23)
    }

    #[test]
    fn graphemes_count_and_not_code_points() {
        assert_eq!(counted("👩‍👩‍👧"), 1);
        assert_eq!(counted("e\u{301}!"), 2);
        assert_eq!(count("NSFW", "ab", 23), 6);
    }

    #[test]
    fn every_link_counts_as_much() {
        let long = format!("https://example.org/{}", "a".repeat(300));
        assert_eq!(counted(&long), 23);
        assert_eq!(counted("see http://a.io."), 4 + 23 + 1);
        assert_eq!(counted("(https://example.org/a?b#c)"), 25);
        assert_eq!(counted("https://ex.org https://ex.org"), 47);
    }

    #[test]
    fn what_is_no_link_counts_as_it_is() {
        for text in [
            "example.org/a",
            "https://",
            "https://localhost",
            "xhttps://a.io",
            "ftp://a.io",
        ] {
            assert_eq!(counted(text), text.len(), "{text}");
        }
        assert_eq!(count("https://a.io", "", 23), 12);
    }

    #[test]
    fn a_mention_counts_without_its_domain() {
        assert_eq!(counted("@alice@example.org, hi"), 10);
        assert_eq!(counted("@alice hi"), 9);
        assert_eq!(counted("a@b@example.org"), 15);
    }
}
