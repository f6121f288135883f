//! Removing the signs of Markdown from a text.
//!
//! Parsers of Markdown do not fit: they read `2*3*4` as emphasis and a year at the beginning of a line as a list, and
//! drop definitions. Here, a sign is removed only where a writer of plain text would not have written it.

use std::borrow::Cow;

use regex::Captures;

use super::pattern::Pattern;

/// A line that opens or closes a block of code.
static FENCE: Pattern = Pattern::new(r"(?m)^[ \t]*(?:`{3,}|~{3,})[^`~\n]*(?:\n|\z)");
/// A fence within a line, or at its end.
static LOOSE_FENCE: Pattern = Pattern::new(r"`{3,}(?:json|text|txt|markdown|md)?");
/// A line that is a rule, or underlines a heading.
static RULE: Pattern =
    Pattern::new(r"(?m)^[ \t]*(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,}|={3,}[ \t]*)$");
static HEADING: Pattern =
    Pattern::new(r"(?m)^[ \t]*#{1,6}[ \t]+(?P<words>\S.*?)(?:[ \t]+#+)?[ \t]*$");
static QUOTE: Pattern = Pattern::new(r"(?m)^[ \t]*(?:>[ \t]*)*>[ \t]+(?P<words>\S)");
static BULLET: Pattern = Pattern::new(r"(?m)^(?P<indent>[ \t]*)[*+][ \t]+(?P<words>\S)");
/// A link or an image, with an address that may hold one pair of brackets.
static LINK: Pattern = Pattern::new(concat!(
    r"!?\[(?P<words>[^\[\]\n]*)\]",
    r#"\(\s*<?(?:[^()\s<>]|\([^()\s]*\))*>?(?:\s+(?:"[^"\n]*"|'[^'\n]*'))?\s*\)"#,
));
static ADDRESS: Pattern = Pattern::new(r"<(?P<words>(?:https?://|mailto:)[^<>\s]+)>");
static CODE: Pattern =
    Pattern::new(r"``(?P<double>[^`\n](?:[^\n]*?[^`\n])?)``|`(?P<single>[^`\n]+)`");
/// An escaped sign of Markdown.
static ESCAPE: Pattern =
    Pattern::new(r#"(?P<before>.|\A|\n)\\(?P<sign>[*_`#+\-.!\[\](){}>|~"'\\&<])"#);
/// A line end that was escaped twice. A path or a word does not follow.
static LINE_END: Pattern = Pattern::new(r"(?:\\r)?\\n(?P<next>\\n|\\r|[^a-z]|\z)");

/// The text without signs of Markdown.
pub(super) fn without_markdown(text: &str) -> String {
    let is_marked_up = |c: char| {
        matches!(
            c,
            '*' | '_' | '`' | '~' | '#' | '>' | '[' | '\\' | '=' | '+' | '-'
        )
    };
    if !text.contains(is_marked_up) {
        return text.to_owned();
    }
    let text = without_escaped_line_ends(text);
    let text = FENCE.replace_all(&text, "");
    let text = LOOSE_FENCE.replace_all(&text, "");
    let text = RULE.replace_all(&text, "");
    let text = HEADING.replace_all(&text, "$words");
    let text = QUOTE.replace_all(&text, "$words");
    let text = LINK.replace_all(&text, "$words");
    let text = ADDRESS.replace_all(&text, "$words");
    let text = CODE.replace_all(&text, "$double$single");
    let text = with_plain_bullets(&text);
    let lines: Vec<String> = text.split('\n').map(without_emphasis).collect();
    without_escapes(&lines.join("\n")).into_owned()
}

fn without_escaped_line_ends(text: &str) -> Cow<'_, str> {
    if !text.contains("\\n") {
        return Cow::Borrowed(text);
    }
    let line_end = |found: &Captures<'_>| match &found["next"] {
        "\\n" => "\n\n".to_owned(),
        "\\r" => "\n".to_owned(),
        next => format!("\n{next}"),
    };
    LINE_END.replace_all(text, line_end)
}

/// The text with dashes as bullets; a single line is no list.
fn with_plain_bullets(text: &str) -> Cow<'_, str> {
    let bullet = if text.trim().contains('\n') { "- " } else { "" };
    BULLET.replace_all(text, |found: &Captures<'_>| {
        format!("{}{bullet}{}", &found["indent"], &found["words"])
    })
}

/// The text with escaped signs as signs. A shrug keeps its arm.
fn without_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    ESCAPE.replace_all(text, |found: &Captures<'_>| match &found["before"] {
        "¯" => found[0].to_owned(),
        before => format!("{before}{}", &found["sign"]),
    })
}

/// A run of one sign that may mark emphasis.
struct Run {
    sign: char,
    /// Its start in the line, its length, and the number of signs that are left.
    start: usize,
    length: usize,
    left: usize,
    opens: bool,
    closes: bool,
}

impl Run {
    fn end(&self) -> usize {
        self.start + self.length
    }
}

/// A line without the signs of emphasis.
fn without_emphasis(line: &str) -> String {
    let mut runs = runs(line);
    let mut open: Vec<usize> = Vec::new();
    for at in 0..runs.len() {
        while runs[at].closes && runs[at].left > 0 {
            let is_opener = |&&opener: &&usize| {
                let (opener, closer) = (&runs[opener], &runs[at]);
                opener.sign == closer.sign
                    && (opener.sign != '~' || opener.left == closer.left)
                    && has_words(&line[opener.end()..closer.start])
            };
            let Some(place) = open.iter().rev().position(|opener| is_opener(&opener)) else {
                break;
            };
            open.truncate(open.len() - place);
            let Some(&opener) = open.last() else { break };
            let taken = runs[opener].left.min(runs[at].left);
            runs[opener].left -= taken;
            runs[at].left -= taken;
            if runs[opener].left == 0 {
                open.pop();
            }
        }
        if runs[at].opens && runs[at].left > 0 {
            open.push(at);
        }
    }
    let mut plain = String::with_capacity(line.len());
    let mut copied = 0;
    for run in runs {
        plain.push_str(&line[copied..run.start]);
        // Strong emphasis without an end.
        let is_torn = run.sign == '*' && run.left >= 2 && run.opens && !run.closes;
        let left = if is_torn { 0 } else { run.left };
        plain.extend(std::iter::repeat_n(run.sign, left));
        copied = run.end();
    }
    plain.push_str(&line[copied..]);
    plain
}

/// The most runs of a line: each closing one may compare all that are open.
const MAX_RUNS: usize = 400;

fn runs(line: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut before: Option<char> = None;
    let mut rest = line.char_indices().peekable();
    while let Some((start, sign)) = rest.next() {
        if !matches!(sign, '*' | '_' | '~') || before == Some('\\') {
            before = Some(sign);
            continue;
        }
        let mut length = 1;
        while rest.next_if(|&(_, next)| next == sign).is_some() {
            length += 1;
        }
        let after = rest.peek().map(|&(_, next)| next);
        if runs.len() < MAX_RUNS && (sign != '~' || length == 2) {
            runs.push(Run {
                sign,
                start,
                length,
                left: length,
                opens: after
                    .is_some_and(|after| !after.is_whitespace() && !",.;:!?)".contains(after))
                    && may_stand_before(sign, before),
                closes: before.is_some_and(|before| !before.is_whitespace())
                    && may_stand_behind(sign, length, after),
            });
        }
        before = Some(sign);
    }
    runs
}

/// Whether emphasis may begin behind a character.
fn may_stand_before(sign: char, before: Option<char>) -> bool {
    match before {
        None => true,
        // In a script without spaces between words, emphasis begins anywhere.
        Some(before) if before.is_alphanumeric() => sign != '_' && !before.is_ascii(),
        Some(before) => !matches!(before, '¯' | '\\' | '^'),
    }
}

/// Whether emphasis may end in front of a character.
fn may_stand_behind(sign: char, length: usize, after: Option<char>) -> bool {
    match after {
        Some(after) if after.is_alphanumeric() => {
            (sign != '_' && !after.is_ascii()) || (sign == '*' && length >= 2)
        }
        _ => true,
    }
}

/// Whether there is a word to emphasize, and not the middle of an emoticon.
fn has_words(text: &str) -> bool {
    text.chars().any(|c| c.is_alphanumeric() || !c.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_and_the_signs_around_them_go() {
        for (text, plain) in [
            ("A **knot** of *red* rope", "A knot of red rope"),
            (
                "__A__ _knot_, ***tied***, **so *tight***",
                "A knot, tied, so tight",
            ),
            ("~~old~~ new ~5 m", "old new ~5 m"),
            ("# A knot\n## Tied ##\ntext", "A knot\nTied\ntext"),
            (
                "A knot\n====\ntext\n---\nmore\n* * *",
                "A knot\n\ntext\n\nmore\n",
            ),
            (
                "[here](https://x.test/a_(b)) and ![alt](a.png \"t\")",
                "here and alt",
            ),
            ("<https://x.test/a>", "https://x.test/a"),
            ("a `knot` and ``two``", "a knot and two"),
            ("* A\n* B\n+ C\n- D", "- A\n- B\n- C\n- D"),
            ("* A knot", "A knot"),
            ("> A\n>> B\n> > C", "A\nB\nC"),
            ("3 \\* 4 \\#1 \\\"so\\\" it\\'s", "3 * 4 #1 \"so\" it's"),
            ("```\nA knot\n```", "A knot\n"),
            ("~~~text\nA knot", "A knot"),
            ("```A knot```", "A knot"),
            ("这是**重点**和*光*。", "这是重点和光。"),
            ("**Bold**text and **never ended", "Boldtext and never ended"),
            ("(**a**), \"*b*\"—*c*!", "(a), \"b\"—c!"),
            ("A knot.\\n\\n#rope\\nB", "A knot.\n\n#rope\nB"),
        ] {
            assert_eq!(without_markdown(text), plain, "{text}");
        }
    }

    #[test]
    fn signs_that_mark_nothing_up_stay() {
        for text in [
            "2 * 3 * 4, 2*3*4, 2**3**4",
            "snake_case_name, _, __, a_, _b",
            "alone * here, a * b",
            "*",
            "#tag #1 C# # x".trim_end_matches(" # x"),
            ":) :* <3 o_o T_T",
            "¯\\_(ツ)_/¯",
            "f**k, 5* hotel, 4** stars",
            "rock 'n` roll",
            "[sic] (note), a[1]",
            "2024. A good year\n1. one",
            "a > b, x -> y, >:(",
            "- A\n- B",
            "C:\\new\\folder",
            "+1 for this, - 5 °C",
            "a ~ b, ~5 m, 3~4",
        ] {
            assert_eq!(without_markdown(text), text, "{text}");
        }
    }

    #[test]
    fn a_long_line_of_signs_takes_no_time() {
        for unit in [
            "*a ", "**", "*_", "`", "[", "[a](", "> ", "\\", "<http://", "~~a", "_a_",
        ] {
            let text = unit.repeat(16_000 / unit.len());
            assert!(without_markdown(&text).len() <= text.len(), "{unit}");
        }
    }
}
