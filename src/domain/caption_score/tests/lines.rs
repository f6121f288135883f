use crate::domain::caption_score::{BadLine, CaptionLine, LineProblem, Lines};

#[test]
fn lines_are_read_with_an_analysis_of_either_form() {
    let text = "\u{feff}{\"tenant\":\"alice\",\"platform\":\"telegram\",\"caption\":\"A\",\"analysis\":\"rope\"}\r\n\n\
        {\"tenant\":\"bob\",\"platform\":\"email\",\"caption\":\"\",\"more\":1,\
        \"analysis\":{\"description\":\"a knot\",\"tags\":[\"jute\",7],\"nsfw\":true,\"camera\":null,\"x\":{\"y\":\"z\"}}}\n\
        {\"tenant\":\"bob\",\"platform\":\"email\",\"caption\":\"C\"}";
    let lines = Lines::read(text.as_bytes());
    assert_eq!(lines.bad, []);
    let read: Vec<_> = lines
        .captions
        .iter()
        .map(|it| (&*it.tenant, &*it.caption))
        .collect();
    assert_eq!(read, [("alice", "A"), ("bob", ""), ("bob", "C")]);
    let analyses: Vec<_> = lines.captions.iter().map(|it| &*it.analysis).collect();
    assert_eq!(analyses[0], "rope");
    let mut texts: Vec<_> = analyses[1].lines().collect();
    texts.sort_unstable();
    assert_eq!(texts, ["a knot", "jute", "z"]);
    assert_eq!(analyses[2], "");
}

#[test]
fn bad_lines_are_told_by_their_number_and_without_their_text() {
    let good = r#"{"tenant":"a","platform":"p","caption":"c"}"#;
    for (line, problem) in [
        (&b"secret words"[..], LineProblem::NoObject),
        (b"[1]", LineProblem::NoObject),
        (b"{\"tenant\":\"a\"", LineProblem::NoObject),
        (b"\xFF{}", LineProblem::NotUtf8),
        (
            br#"{"platform":"p","caption":"c"}"#,
            LineProblem::Name("tenant"),
        ),
        (
            br#"{"tenant":" ","platform":"p","caption":"c"}"#,
            LineProblem::Name("tenant"),
        ),
        (
            br#"{"tenant":"a","platform":"p\u0007","caption":"c"}"#,
            LineProblem::Name("platform"),
        ),
        (
            br#"{"tenant":"a","platform":7,"caption":"c"}"#,
            LineProblem::Name("platform"),
        ),
        (br#"{"tenant":"a","platform":"p"}"#, LineProblem::Caption),
        (
            br#"{"tenant":"a","platform":"p","caption":["c"]}"#,
            LineProblem::Caption,
        ),
        (
            br#"{"tenant":"a","platform":"p","caption":"c","analysis":[]}"#,
            LineProblem::Analysis,
        ),
    ] {
        let file = [good.as_bytes(), b"\n\n", line, b"\n", good.as_bytes()].concat();
        let lines = Lines::read(&file);
        assert_eq!(lines.bad, [BadLine { line: 3, problem }]);
        assert_eq!(lines.captions.len(), 2);
        assert!(!lines.bad[0].to_string().contains("secret"));
    }
}

#[test]
fn debug_has_no_text() {
    let line = r#"{"tenant":"a","platform":"p","caption":"secret","analysis":"secret"}"#;
    let line = CaptionLine::parse(line).unwrap();
    assert!(!format!("{line:?}").contains("secret"));
}
