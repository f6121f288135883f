//! Prompts in files, which people edit. The reason for a rule stands beside it as a comment, `<!-- … -->`, and is not
//! sent: it would cost tokens with every request.

/// A prompt without its comments, the blank lines that they leave, and blanks around it.
#[must_use]
pub fn without_comments(file: &str) -> String {
    let mut text = String::with_capacity(file.len());
    let mut rest = file;
    while let Some(start) = rest.find("<!--") {
        text.push_str(rest[..start].trim_end_matches(' '));
        rest = match rest[start..].find("-->") {
            Some(length) => &rest[start + length + "-->".len()..],
            None => "",
        };
    }
    text.push_str(rest);
    let mut prompt = String::with_capacity(text.len());
    let mut was_blank = true;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() && was_blank {
            continue;
        }
        was_blank = line.is_empty();
        prompt.push_str(line);
        prompt.push('\n');
    }
    prompt.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_with_the_lines_that_they_leave_blank() {
        let file = "<!-- The head,\nof two lines. -->\n\n# Rules\n\n- One. <!-- why -->\n<!-- why not -->\n\n\n- Two.\n";
        assert_eq!(without_comments(file), "# Rules\n\n- One.\n\n- Two.");
        assert_eq!(without_comments("a <!-- open"), "a");
        assert_eq!(without_comments(""), "");
    }
}
