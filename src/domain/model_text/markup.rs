//! Removing HTML from a text: entities become characters, and tags are removed or become line ends.

use std::{borrow::Cow, collections::HashSet};

use html_escape::decode_html_entities;
use regex::Captures;

use super::pattern::Pattern;

/// An ampersand that was escaped any number of times.
static AMPERSAND: Pattern = Pattern::new(r"&(?i:(?:amp|#0*38|#x0*26);)+");

/// Comments, and elements whose content is not text.
static HIDDEN: Pattern = Pattern::new(
    r"(?is)<!--.*?-->|<script\b[^>]*>.*?</script\s*>|<style\b[^>]*>.*?</style\s*>|<!doctype[^>]*>|<!\[CDATA\[|\]\]>",
);

/// The shape of a tag: a name without a blank before it, and attributes with values.
static TAG: Pattern = Pattern::new(concat!(
    r"<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9]*(?:-[a-z]+)?)",
    r#"(?P<attributes>(?:\s+[A-Za-z_:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+))*)"#,
    r"\s*(?P<alone>/?)>",
));

/// Elements that begin and end a line.
const BLOCKS: &str = "address article blockquote body center dd details div dl dt figcaption figure footer h1 h2 \
    h3 h4 h5 h6 head header hr html ol p pre section table tbody tr ul";

/// Elements within a line, and those that models invent around an answer.
const INLINE: &str = "a abbr answer b big bold button caption cite code del dfn em final font i img ins italic kbd \
    label link main mark meta output q response result s samp small span strike strong sub \
    summary sup td text th tg-spoiler title tt u var";

/// The text without tags.
pub(super) fn without_tags(text: &str) -> Cow<'_, str> {
    if !text.contains('<') {
        return Cow::Borrowed(text);
    }
    let text = HIDDEN.replace_all(text, "");
    let ends = TAG.captures_iter(&text).filter(|tag| &tag["end"] == "/");
    let ended: HashSet<String> = ends.map(|tag| tag["name"].to_ascii_lowercase()).collect();
    let plain = |tag: &Captures<'_>| replacement(tag, &ended).to_owned();
    Cow::Owned(TAG.replace_all(&text, plain).into_owned())
}

/// The text with entities as characters.
pub(super) fn without_entities(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let text = AMPERSAND.replace_all(text, "&");
    Cow::Owned(decode_html_entities(&text).into_owned())
}

fn is_among(words: &str, name: &str) -> bool {
    words.split(' ').any(|word| word == name)
}

/// The replacement of a tag: the tag itself where it is unknown and not among those that `ended`.
fn replacement<'a>(tag: &'a Captures<'_>, ended: &HashSet<String>) -> &'a str {
    let name = tag["name"].to_ascii_lowercase();
    if name == "br" || is_among(BLOCKS, &name) {
        return "\n";
    }
    if name == "li" {
        return if tag["end"].is_empty() { "\n- " } else { "\n" };
    }
    let is_known = is_among(INLINE, &name) || ended.contains(&name);
    if is_known || !tag["attributes"].is_empty() {
        return "";
    }
    tag.get(0).map_or("", |it| it.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_markup(text: &str) -> String {
        without_tags(&without_entities(text)).into_owned()
    }

    #[test]
    fn entities_are_what_they_stand_for() {
        for (text, plain) in [
            ("Rope &amp; light", "Rope & light"),
            (
                "it&#39;s &quot;fine&quot; &#x2014; so",
                "it's \"fine\" \u{2014} so",
            ),
            ("Rope &amp;amp;amp; light", "Rope & light"),
            ("it&amp;#39;s", "it's"),
            ("&lt;3 &hellip;&nbsp;&eacute;", "<3 …\u{a0}é"),
            ("&amp;lt;b&amp;gt;A&amp;lt;/b&amp;gt;", "A"),
        ] {
            assert_eq!(without_markup(text), plain, "{text}");
        }
    }

    #[test]
    fn tags_go_and_end_lines_where_they_do() {
        for (text, plain) in [
            ("A <b>knot</b>, <i class='x'>tied</i>", "A knot, tied"),
            ("A<br>B<br/>C<BR />D", "A\nB\nC\nD"),
            ("<p>A</p><p>B</p>", "\nA\n\nB\n"),
            ("<ul><li>A</li><li>B</li></ul>", "\n\n- A\n\n- B\n\n"),
            ("<a href=\"https://x.test/?a=1&amp;b=2\">here</a>", "here"),
            ("<span style=\"color:red\">A</span><img src=x>", "A"),
            ("A<!-- no --><script>alert(1)</script>B", "AB"),
            ("<caption>A knot.</caption>", "A knot."),
            ("<emotion>calm</emotion>", "calm"),
        ] {
            assert_eq!(without_markup(text), plain, "{text}");
        }
    }

    #[test]
    fn signs_that_are_no_markup_stay() {
        for text in [
            "3 < 5 and 7 > 5",
            "AT&T, R&B, Q&A; fish & chips",
            "I <3 rope </3",
            "x<b and c>d",
            "a<y>c",
            "-> here <-",
            "&c; &; &#; &unknownentity; 5 &lt 7",
            "<rope>",
        ] {
            assert_eq!(without_markup(text), text, "{text}");
        }
    }
}
