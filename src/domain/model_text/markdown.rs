//! Markdown in what models write, for places that show it as it stands: emphasis, headings, links, code,
//! quotes and escapes become the text that they mark; lists keep their dashes and numbers.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The text without what marks it up. Lines stay lines.
pub(super) fn without_markdown(text: &str) -> String {
    let text = with_asterisks_in_words_escaped(text);
    let mut plain = Plain::default();
    for event in Parser::new_ext(&text, Options::ENABLE_STRIKETHROUGH) {
        plain.take(event);
    }
    plain.text.trim().to_owned()
}

/// `2*3*4` and `f*n` have nothing emphasised, though Markdown says so.
fn with_asterisks_in_words_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let (mut before, mut chars) = (None, text.chars().peekable());
    while let Some(c) = chars.next() {
        let is_within = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        if c == '*' && is_within(before) && is_within(chars.peek().copied()) {
            escaped.push('\\');
        }
        escaped.push(c);
        before = Some(c);
    }
    escaped
}

/// The text so far, and the lists that it is in: each with the number of its next item, if it has numbers.
#[derive(Default)]
struct Plain {
    text: String,
    lists: Vec<Option<u64>>,
}

impl Plain {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Text(text)
            | Event::Code(text)
            | Event::Html(text)
            | Event::InlineHtml(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text) => self.text.push_str(&text),
            Event::SoftBreak | Event::HardBreak => self.end_line(),
            Event::Start(Tag::List(number)) => {
                self.end_line();
                // Right behind what it belongs to.
                if self.text.ends_with("\n\n") {
                    self.text.pop();
                }
                self.lists.push(number);
            }
            Event::End(TagEnd::List(_)) => {
                self.lists.pop();
                if self.lists.is_empty() {
                    self.end_paragraph();
                }
            }
            Event::Start(Tag::Item) => {
                self.end_line();
                match self.lists.last_mut() {
                    Some(Some(number)) => {
                        self.text.push_str(&format!("{number}. "));
                        *number = number.saturating_add(1);
                    }
                    _ => self.text.push_str("- "),
                }
            }
            Event::End(TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::CodeBlock)
                if self.lists.is_empty() =>
            {
                self.end_paragraph();
            }
            Event::End(TagEnd::Item | TagEnd::Paragraph) => self.end_line(),
            Event::Start(_)
            | Event::End(_)
            | Event::FootnoteReference(_)
            | Event::Rule
            | Event::TaskListMarker(_) => {}
        }
    }

    fn end_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    fn end_paragraph(&mut self) {
        self.end_line();
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_up_becomes_text() {
        for (text, plain) in [
            ("A **tight** knot", "A tight knot"),
            (
                "A *soft* _low_ __warm__ ***light***",
                "A soft low warm light",
            ),
            ("~~No~~ yes", "No yes"),
            ("# Evening\nA knot.", "Evening\n\nA knot."),
            ("Evening\n---\nA knot.", "Evening\n\nA knot."),
            (
                "See [the harbour](https://x.test/a_(b)).",
                "See the harbour.",
            ),
            ("![A knot](a.jpg)", "A knot"),
            ("Tied with `jute` rope", "Tied with jute rope"),
            ("```\nA knot.\n```", "A knot."),
            (
                "> A quiet evening\n> by the sea",
                "A quiet evening\nby the sea",
            ),
            ("Rope:\n* jute\n* hemp", "Rope:\n- jute\n- hemp"),
            ("1. jute\n1. hemp", "1. jute\n2. hemp"),
            (r"5 \* 3 and \_this\_", "5 * 3 and _this_"),
            ("A knot.\n\n***\n\nA rope.", "A knot.\n\nA rope."),
            ("one\ntwo\n\nthree", "one\ntwo\n\nthree"),
        ] {
            assert_eq!(without_markdown(text), plain, "{text}");
        }
    }

    #[test]
    fn signs_that_mark_up_nothing_stay() {
        for text in [
            "snake_case and my_own_rope",
            "2 * 3 * 4 = 24, 2*3*4 too, and f*n",
            "#rope #knot",
            "3 < 5 > 2",
            "AT&T",
            "I <3 it :) ;-)",
            "a_b [sic] (c) {d} 100%",
            "~5 pm",
            "2024. A year of rope",
            "- a dash in front",
            "@channel_name",
            "5'10\" tall",
        ] {
            assert_eq!(without_markdown(text), text, "{text}");
        }
    }
}
