//! Removing what is not the answer: reasoning, calls of tools, echoes of the prompt, and special tokens of the model's
//! template.
//!
//! A part without an end reaches to the end of the text. A draft inside of it is not an answer.

use std::borrow::Cow;

use regex::Captures;

use super::pattern::Pattern;

/// The beginning or end of reasoning, of a tool call or of the prompt.
static MARKS: Pattern = Pattern::new(concat!(
    r"(?i)<\s*(?P<end>/?)\s*(?:[a-z]+:)?",
    r"(?:think|thinking|thought|thoughts|reasoning|reflection|reflect|scratchpad|inner_monologue",
    r"|(?P<tool>tool_(?:calls?|response|result|code|use)|function_calls?|function(?:=[a-z0-9_.-]{1,60})?))",
    r#"(?:\s+[a-z_-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*\s*>"#,
    r"|\[(?P<bracketed_end>/?)(?:THINK|(?P<bracketed_tool>TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS)",
    r"|(?P<prompt>INST|SYSTEM_PROMPT))\]",
    r"|<<(?P<system_end>/?)(?P<system>SYS)>>",
    r"|◁(?P<kimi_end>/?)think▷",
    r"|<\|(?:(?P<token_end>end_of_|/)|begin_of_)?(?:thought|thinking|think|reasoning)\|>",
));

/// The kind of a marked part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Reasoning,
    Tool,
    Prompt,
    System,
}

impl Part {
    fn of(mark: &Captures<'_>) -> Self {
        let has = |name: &str| mark.name(name).is_some();
        if has("tool") || has("bracketed_tool") {
            Self::Tool
        } else if has("prompt") {
            Self::Prompt
        } else if has("system") {
            Self::System
        } else {
            Self::Reasoning
        }
    }
}

/// The final channel of an answer in OpenAI's open format, which is for the user.
static FINAL_CHANNEL: Pattern = Pattern::new(
    r"(?i)(?:<\|channel\|>\s*final\s*(?:<\|constrain\|>\s*\w*\s*)?<\|message\|>)|\A\s*analysis[^{}]*assistantfinal",
);

/// A channel that is not for the user, with its message.
static OTHER_CHANNEL: Pattern = Pattern::new(
    r"(?is)<\|channel\|>\s*(?:analysis|commentary)\b.*?(?:<\|end\|>|<\|return\|>|<\|call\|>|<\|start\|>|\z)",
);

/// A turn of the template that is not the model's.
static OTHER_TURN: Pattern = Pattern::new(concat!(
    r"(?is)(?:<\|(?:im_start|start|start_header_id)\|>\s*(?:user|system|tool|developer|ipython)\b",
    r"|<\|(?:user|system|observation|tool|developer)\|>|<start_of_turn>\s*(?:user|system)\b)",
    r".*?(?:<\|(?:im_end|end|eot_id|eom_id)\|>|<end_of_turn>",
    r"|(?P<next><\|(?:im_start|start|start_header_id)\|>\s*assistant\b|<\|assistant\|>|<start_of_turn>\s*model\b)|\z)",
));

/// A token of a model's template, with its role.
static TOKEN: Pattern = Pattern::new(concat!(
    r"(?i)<\|(?:im_)?start(?:_header_id)?\|>\s*assistant\b(?:\s*<\|end_header_id\|>)?",
    r"|<start_of_turn>\s*model\b|</?(?:unk|pad|eos|bos|(?:start|end)_of_turn)>",
    r"|<[|｜][^<>|｜\n]{1,60}[|｜]>",
));

/// The text without reasoning, tool calls, prompts and special tokens.
pub(crate) fn without_reasoning(text: &str) -> Cow<'_, str> {
    let has_mark = |sign: char| text.contains(sign);
    if !(has_mark('<') || has_mark('[') || has_mark('◁') || text.contains("assistantfinal")) {
        return Cow::Borrowed(text);
    }
    let text = match FINAL_CHANNEL.find_iter(text).last() {
        Some(found) => Cow::Borrowed(&text[found.end()..]),
        None => OTHER_CHANNEL.replace_all(text, " "),
    };
    let text = OTHER_TURN.replace_all(&text, "$next");
    let text = without_marked(&text);
    Cow::Owned(TOKEN.replace_all(&text, "").into_owned())
}

/// The place of the first mark.
pub(crate) fn first_mark(text: &str) -> Option<usize> {
    let marks = [&MARKS, &OTHER_CHANNEL, &OTHER_TURN];
    let starts = marks
        .iter()
        .filter_map(|marks| Some(marks.find(text)?.start()));
    starts.min()
}

/// The text outside of all marks.
fn without_marked(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let (mut open, mut at): (Vec<Part>, usize) = (Vec::new(), 0);
    for mark in MARKS.captures_iter(text) {
        let Some(whole) = mark.get(0) else { continue };
        let part = Part::of(&mark);
        let ends = [
            "end",
            "bracketed_end",
            "system_end",
            "kimi_end",
            "token_end",
        ]
        .into_iter()
        .any(|name| mark.name(name).is_some_and(|it| !it.is_empty()));
        if ends {
            if let Some(opened) = open.iter().rposition(|it| *it == part) {
                open.truncate(opened);
            } else if open.is_empty() {
                // The text before was reasoning, which began in the template.
                kept.clear();
            }
        } else {
            if open.is_empty() {
                kept.push_str(&text[at..whole.start()]);
            }
            // A deeper mark has no part.
            if open.len() < MAX_OPEN {
                open.push(part);
            }
        }
        at = whole.end();
    }
    if open.is_empty() {
        kept.push_str(&text[at..]);
    }
    kept
}

/// The most open marks: each end searches them for its beginning.
const MAX_OPEN: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn left(text: &str) -> String {
        without_reasoning(text).trim().to_owned()
    }

    #[test]
    fn reasoning_before_and_after_an_answer_is_taken_out() {
        for text in [
            "<think>So {\"a\":1} it is.</think>A knot.",
            "<THINK>\nhm\n</Think>\n\nA knot.",
            "< thinking >hm</ thinking >A knot.",
            "<thinking depth=\"2\">hm</thinking>A knot.",
            "<reasoning>hm</reasoning>A knot.<reflection>good</reflection>",
            "A knot.<think>done</think>",
            "<think>a<think>b</think>c</think>A knot.",
            "<think>like [INST] there</think>A knot.",
            "<seed:think>hm</seed:think>A knot.",
            "[THINK]hm[/THINK]A knot.",
            "◁think▷hm◁/think▷A knot.",
            "<|begin_of_thought|>hm<|end_of_thought|>A knot.<|im_end|>",
            "<|channel|>analysis<|message|>hm {\"a\":1}<|end|><|start|>assistant<|channel|>final<|message|>A knot.<|return|>",
            "<|channel|>final <|constrain|>json<|message|>A knot.",
            "analysisThe user wants a caption.assistantfinalA knot.",
            "<|start|>assistant A knot.<｜end▁of▁sentence｜>",
            "<|begin_of_box|>A knot.<|end_of_box|>",
        ] {
            assert_eq!(left(text), "A knot.", "{text}");
        }
    }

    #[test]
    fn tool_calls_prompts_and_template_tokens_are_taken_out() {
        for text in [
            "<tool_call>{\"name\":\"publish\"}</tool_call>A knot.",
            "A knot.<tool_call>\n{\"name\":\"x\"}",
            "A knot.<function=publish>{\"a\":1}</function>",
            "A knot. [TOOL_CALLS] [{\"name\":\"x\"}]",
            "<function_calls><invoke/></function_calls>A knot.",
            "[INST]Write a caption.[/INST] A knot.",
            "[INST] <<SYS>>Be brief.<</SYS>> Write.[/INST] A knot.",
            "Write a caption. [/INST] A knot.",
            "<|im_start|>assistant\nA knot.<|im_end|>\n<|im_start|>user\nAnother one?",
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>assistant\nA knot.",
            "<|start_header_id|>assistant<|end_header_id|>\n\nA knot.<|eot_id|>",
            "<|user|>Write.<|assistant|>A knot.<|endoftext|>",
            "<start_of_turn>model\nA knot.<end_of_turn>",
            "<|fim-prefix/1|>A knot.<eos>",
        ] {
            assert_eq!(left(text), "A knot.", "{text}");
        }
        for text in [
            "[INST]A knot.[/INST]",
            "<tool_call>A knot.</tool_call>",
            "<|im_start|>user\nA knot.",
        ] {
            assert_eq!(left(text), "", "{text}");
        }
    }

    #[test]
    fn reasoning_that_is_torn_is_taken_out_with_all_that_it_may_be() {
        for (text, answer) in [
            ("hm</think>A knot.", "A knot."),
            ("A knot.<think>hm", "A knot."),
            ("<think>hm", ""),
            ("<think>a<think>b</think>A knot.", ""),
            ("<|channel|>analysis<|message|>hm", ""),
        ] {
            assert_eq!(left(text), answer, "{text}");
        }
        let many = "<think>".repeat(50_000) + &"</think>".repeat(50_000);
        assert_eq!(left(&many), "");
    }

    #[test]
    fn words_and_signs_that_are_no_marks_stay() {
        for text in [
            "I think <3 of rope",
            "a <thin> line, [thinking] aloud",
            "3 < 5 |> x",
            "analysis of a knot",
            "<|>",
        ] {
            assert_eq!(left(text), text, "{text}");
        }
    }
}
