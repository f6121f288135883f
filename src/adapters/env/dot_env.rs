//! Reads the text of a `.env` file as python-dotenv does, so that a file written for it works as it
//! is. Nothing is expanded: a `$` is a character like any other.
//!
//! Pure: takes a text and gives entries. Used by the environment, and by a fuzz target.

/// One entry of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The number of the line that it begins on, from 1.
    pub line: usize,
    /// The name of the variable.
    pub name: String,
    /// The value, without the quotes around it.
    pub value: String,
}

/// What a `.env` file holds. Later entries of the same name win.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DotEnv {
    /// The entries, in the order of the file.
    pub entries: Vec<Entry>,
    /// The numbers of the lines that are neither an entry nor a comment nor blank, from 1.
    pub bad_lines: Vec<usize>,
}

impl DotEnv {
    /// Reads the text of a file.
    ///
    /// An entry is `NAME=value`, with `export` before it or not. A value that begins with a quote and
    /// ends with the same one is what stands between, over several lines perhaps; between single
    /// quotes only `\'` and `\\` are escapes, between double quotes `\"`, `\\`, `\n`, `\r` and `\t`.
    /// Any other value is the rest of the line, up to a blank followed by `#`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let mut file = Self::default();
        let (mut rest, mut line) = (text.as_str(), 1);
        while !rest.is_empty() {
            let taken = file.take_entry(rest, line);
            let (done, behind) = rest.split_at_checked(taken).unwrap_or((rest, ""));
            line += done.matches('\n').count();
            rest = behind;
        }
        file
    }

    /// Takes the entry, comment, blank or bad line at the beginning of the text, and gives how many
    /// bytes that was, its line end included.
    fn take_entry(&mut self, text: &str, line: usize) -> usize {
        let (first, _) = text.split_once('\n').unwrap_or((text, ""));
        let whole_line = first.len() + 1;
        let content = first.trim_start();
        if content.is_empty() || content.starts_with('#') {
            return whole_line;
        }
        let Some((name, raw)) = name_and_value(content) else {
            self.bad_lines.push(line);
            return whole_line;
        };
        let start = first.len() - raw.len();
        let quoted = text.get(start..).and_then(quoted);
        let (value, taken) = match quoted {
            Some((value, taken)) => (value, start + taken),
            None => (without_comment(raw).trim().to_owned(), whole_line),
        };
        let name = name.to_owned();
        self.entries.push(Entry { line, name, value });
        taken
    }
}

impl Entry {
    /// Whether the value has a reference to another variable, which some readers of such files would
    /// put in its place.
    #[must_use]
    pub fn has_reference(&self) -> bool {
        self.value.split("${").skip(1).any(|behind| {
            let end = behind.find(|it: char| !it.is_ascii_alphanumeric() && it != '_');
            let (name, rest) = behind.split_at(end.unwrap_or(behind.len()));
            !name.is_empty() && (rest.starts_with('}') || rest.starts_with(":-"))
        })
    }
}

/// The name, and what stands behind the `=` without the blanks before it.
fn name_and_value(content: &str) -> Option<(&str, &str)> {
    let behind = content.strip_prefix("export");
    let behind = behind.filter(|behind| behind.starts_with(char::is_whitespace));
    let (name, value) = behind.unwrap_or(content).split_once('=')?;
    let name = name.trim();
    let mut bytes = name.bytes();
    let begins_well = bytes
        .next()
        .is_some_and(|it| it.is_ascii_alphabetic() || it == b'_');
    let goes_on_well = bytes.all(|it| it.is_ascii_alphanumeric() || b"_.-".contains(&it));
    // The blanks stay where they separate a comment from a value that is empty.
    let trimmed = value.trim_start();
    let value = if trimmed.starts_with('#') {
        value
    } else {
        trimmed
    };
    (begins_well && goes_on_well).then_some((name, value))
}

/// A value between quotes at the beginning of the text, and how many bytes it takes up to the end of
/// its line; `None` where there is none, or something else than a comment stands behind it.
fn quoted(text: &str) -> Option<(String, usize)> {
    let mut characters = text.char_indices();
    let (_, quote) = characters
        .next()
        .filter(|(_, it)| matches!(it, '\'' | '"'))?;
    let mut value = String::new();
    while let Some((at, character)) = characters.next() {
        if character == quote {
            let behind = text.get(at + 1..)?;
            let (rest, _) = behind.split_once('\n').unwrap_or((behind, ""));
            let is_end = rest.trim_start().is_empty() || rest.trim_start().starts_with('#');
            return is_end.then_some((value, at + 1 + rest.len() + 1));
        }
        if character != '\\' {
            value.push(character);
            continue;
        }
        let (_, escaped) = characters.next()?;
        match (quote, escaped) {
            (_, '\\') => value.push('\\'),
            (_, it) if it == quote => value.push(quote),
            ('"', 'n') => value.push('\n'),
            ('"', 'r') => value.push('\r'),
            ('"', 't') => value.push('\t'),
            (_, other) => value.extend(['\\', other]),
        }
    }
    None
}

/// What stands before a blank followed by `#`.
fn without_comment(value: &str) -> &str {
    let mut is_behind_blank = false;
    for (at, character) in value.char_indices() {
        if character == '#' && is_behind_blank {
            return value.get(..at).unwrap_or(value);
        }
        is_behind_blank = character.is_whitespace();
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let file = DotEnv::parse(text);
        assert_eq!(file.bad_lines, [0; 0], "{text}");
        let entries = file.entries.into_iter();
        entries.map(|entry| (entry.name, entry.value)).collect()
    }

    /// The value of the only entry.
    fn value(text: &str) -> String {
        let [(name, value)] = &pairs(text)[..] else {
            panic!("{text} has one entry")
        };
        assert_eq!(name, "NAME", "{text}");
        value.clone()
    }

    #[test]
    fn a_value_without_quotes_around_it_is_the_rest_of_the_line() {
        for plain in [
            r#"[{"type":"telegram","channel_id":"@c"}]"#,
            r#"{"root":"/P"}"#,
            "pa$word1",
            "${OTHER}",
            "abcd efgh ijkl mnop",
            r#"a"b"#,
            "a'b",
            r"a\b",
            r"C:\new\table",
            "a#b",
            "a=b=c",
            "pässwörd",
            "\"",
            "\"a",
            "'a",
            r#"a""#,
            r#""a"b"#,
            r#""a"b""#,
            "'a'b'",
            r#""a'"#,
            "",
        ] {
            assert_eq!(value(&format!("NAME={plain}")), plain);
            assert_eq!(value(&format!("  export NAME = {plain} \r\n")), plain);
            assert_eq!(value(&format!("NAME={plain} # it's a \"comment\"")), plain);
            assert_eq!(value(&format!("NAME={plain}\t#")), plain);
        }
        assert_eq!(value("NAME=#fff"), "#fff");
    }

    #[test]
    fn quotes_around_a_value_are_taken_away() {
        for (quoted, expected) in [
            ("'a b'", "a b"),
            (r#"'{"a": "b"}'"#, r#"{"a": "b"}"#),
            (r"'it\'s'", "it's"),
            (r"'a\\b\n\t'", r"a\b\n\t"),
            ("'a # b'", "a # b"),
            ("' a '", " a "),
            ("'$a ${b}'", "$a ${b}"),
            (r#""a b""#, "a b"),
            (r#""it's""#, "it's"),
            (r#""a\"b\\c\nd\re\tf""#, "a\"b\\c\nd\re\tf"),
            (r#""a\"""#, "a\""),
            (r#""\x \$ \'""#, r"\x \$ \'"),
            ("\"one\ntwo\r\n three\rfour\"", "one\ntwo\n three\nfour"),
            ("'one\ntwo'", "one\ntwo"),
            ("\"\"", ""),
            ("''", ""),
        ] {
            for end in ["", "\n", " \r\n", " # a 'comment\"", "# comment\n"] {
                assert_eq!(value(&format!("NAME={quoted}{end}")), expected, "{end:?}");
            }
        }
    }

    #[test]
    fn a_value_over_several_lines_counts_them_all() {
        let text = "# comment\n\nA=\"1\n2\n3\"\nno entry\nB='1\n2'\nC=c\n=x\n";
        let file = DotEnv::parse(text);
        let lines: Vec<_> = file
            .entries
            .iter()
            .map(|it| (it.line, &it.name[..]))
            .collect();
        assert_eq!(lines, [(3, "A"), (7, "B"), (9, "C")]);
        assert_eq!(file.bad_lines, [6, 10]);
    }

    #[test]
    fn what_is_no_entry_is_told_by_its_line() {
        for line in [
            "NAME",
            "export NAME",
            "=value",
            "two words=value",
            "1NAME=value",
            r#"{"a": "b=c"}"#,
            "NÄME=value",
        ] {
            let file = DotEnv::parse(&format!("A=1\n{line}\nB=2"));
            assert_eq!(file.bad_lines, [2], "{line}");
            assert_eq!(file.entries.len(), 2, "{line}");
        }
    }

    #[test]
    fn a_mark_of_utf_8_comments_and_blank_lines_are_no_entries() {
        let text = "\u{feff}# one\r\n  # two = 2\r\n\r\n \t\nA=1\rB=2";
        assert_eq!(pairs(text), [("A", "1"), ("B", "2")].map(owned));
        assert_eq!(pairs("\u{feff}A=1"), [owned(("A", "1"))]);
        assert_eq!(pairs(""), []);
    }

    fn owned((name, value): (&str, &str)) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn references_to_other_variables_are_noticed() {
        for (value, has_reference) in [
            ("${HOME}/images", true),
            ("a${B_1:-c}", true),
            ("$a ${b}", true),
            ("$HOME", false),
            ("${", false),
            ("${}", false),
            ("${a b}", false),
            ("pa$word{1}", false),
        ] {
            let entry = Entry {
                line: 1,
                name: "NAME".to_owned(),
                value: value.to_owned(),
            };
            assert_eq!(entry.has_reference(), has_reference, "{value}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_between_quotes_reads_back(values in prop::collection::vec("\\PC*|[ -~\n\t]*", 0..5)) {
            let (mut single, mut double) = (String::new(), String::new());
            for value in &values {
                let value = value.replace('\\', "\\\\");
                let escaped = value.replace('\'', "\\'");
                single.extend(["NAME='", &escaped, "'\n"]);
                let value = value.replace('"', "\\\"").replace('\n', "\\n");
                double.extend(["export NAME=\"", &value, "\" # comment\n"]);
            }
            for text in [single, double] {
                let read = pairs(&text);
                prop_assert_eq!(read.len(), values.len());
                for ((name, read), value) in read.iter().zip(&values) {
                    prop_assert_eq!((&name[..], read), ("NAME", value));
                }
            }
        }

        #[test]
        fn any_text_is_read_the_same_with_line_ends_of_windows(text in "([A-C'\"#=\\\\ \n]|export |\\PC)*") {
            let file = DotEnv::parse(&text);
            prop_assert_eq!(&DotEnv::parse(&text.replace('\n', "\r\n")), &file);
            prop_assert_eq!(&DotEnv::parse(&format!("\u{feff}{text}")), &file);
            let lines = file.entries.iter().map(|entry| entry.line);
            prop_assert!(lines.clone().is_sorted() && file.bad_lines.is_sorted());
            let count = text.matches('\n').count() + 1;
            prop_assert!(lines.chain(file.bad_lines).all(|line| (1..=count).contains(&line)));
        }
    }
}
