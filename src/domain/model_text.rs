//! The texts of models as plain text: without reasoning, mark-up, labels and invisible characters.
//!
//! | file | removes |
//! | --- | --- |
//! | `reasoning.rs` | `<think>…</think>` and similar, calls of tools, echoes of the prompt, template tokens |
//! | `markup.rs` | HTML tags and entities |
//! | `markdown.rs` | emphasis, headings, links, lists, code, quotes |
//! | `labels.rs` | "Caption:" and "Option 1:" in front, "(43 characters)" at the end, quotes around the whole |
//! | `unseen.rs` | invisible characters |
//! | `refusal.rs` | a refusal in front of a text; recognizes refusals |
//! | `placeholder.rs` | nothing; recognizes placeholders |
//!
//! Text that only looks like mark-up stays: `3 < 5`, `AT&T`, `snake_case`, `2 * 3 * 4`, `#tag`, `<3`.

mod labels;
mod markdown;
mod markup;
mod pattern;
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

/// The levels of nested mark-up that are removed (an entity that is escaped twice, emphasis in a link). Of deeper
/// ones, all signs are removed.
const MAX_DEPTH: usize = 16;

/// The plain text of what a model wrote, with its lines. Idempotent.
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
