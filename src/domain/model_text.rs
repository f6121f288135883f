//! What models write, as plain text: without their reasoning, mark-up, labels and unseen characters.
//!
//! | file | takes out |
//! | --- | --- |
//! | `reasoning.rs` | `<think>…</think>` and its kin, calls of tools, echoes of the prompt, template tokens |
//! | `markup.rs` | HTML tags and entities |
//! | `markdown.rs` | emphasis, headings, links, lists, code, quotes |
//! | `labels.rs` | "Caption:" and "Option 1:" in front, "(43 characters)" at the end, quotes around the whole |
//! | `unseen.rs` | characters that nobody sees |
//! | `refusal.rs` | a refusal in front of a text; tells a refusal from an answer |
//! | `placeholder.rs` | nothing: tells what stands for a text that was not written |
//!
//! What looks like mark-up and is none stays: `3 < 5`, `AT&T`, `snake_case`, `2 * 3 * 4`, `#tag`, `<3`.

mod labels;
mod markdown;
mod markup;
mod placeholder;
mod reasoning;
mod refusal;
mod unseen;

pub(crate) use self::{
    placeholder::is_placeholder,
    reasoning::{first_mark, without_reasoning},
    refusal::{is_refusal, may_be_refusal},
    unseen::without_unseen,
};

/// Mark-up within mark-up (an entity that is escaped twice, emphasis in a link) is taken off this many times;
/// deeper than that it is no text, and its signs go.
const MAX_DEPTH: usize = 16;

/// What a model wrote as plain text: lines, with what marks them up taken off. Says the same when it is
/// given its own result.
pub(crate) fn plain(text: &str) -> String {
    let mut text = once(text);
    for _ in 0..MAX_DEPTH {
        let next = once(&text);
        if next == text {
            return text;
        }
        text = next;
    }
    let signs = |c: char| {
        matches!(
            c,
            '*' | '_' | '~' | '`' | '[' | ']' | '<' | '>' | '&' | '\\'
        )
    };
    once(&text.replace(signs, " "))
}

fn once(text: &str) -> String {
    let text = without_unseen(&markup::without_entities(text));
    let text = without_reasoning(&text);
    let text = markup::without_tags(&text);
    let text = markdown::without_markdown(&text);
    labels::without_labels(refusal::without_refusal(&text)).to_owned()
}

#[cfg(test)]
mod tests;
