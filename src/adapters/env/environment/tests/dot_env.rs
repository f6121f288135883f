//! What a `.env` file and the process give together.

use super::*;

#[test]
fn the_dot_env_file_fills_in_what_the_process_does_not_set() {
    let dot_env = file(b"# comment\nA=file\nB='from file'\nEMPTY=file\nexport C=\"c d\"\n");
    let process = [("A", "process"), ("EMPTY", "")].map(|(k, v)| (k.into(), v.into()));
    let mut env = Environment::from_sources(process, dot_env.path());
    assert_eq!(env.text("A").as_deref(), Some("process"));
    assert_eq!(env.text("B").as_deref(), Some("from file"));
    assert_eq!(env.text("C").as_deref(), Some("c d"));
    assert_eq!(env.text("EMPTY"), None);
    assert_eq!(problems(env), [""; 0]);
}

#[test]
fn a_dot_env_file_may_be_absent_but_not_broken() {
    let none: [(OsString, OsString); 0] = [];
    let absent = Environment::from_sources(none.clone(), Path::new("/nonexistent/.env"));
    assert_eq!(problems(absent), [""; 0]);
    let folder = Environment::from_sources(none.clone(), Path::new("/"));
    assert_eq!(problems(folder), [".env"]);
    let broken = file(b"A=1\nsesame without equals sign\nB=2\n");
    let mut env = Environment::from_sources(none, broken.path());
    assert_eq!(env.text("B").as_deref(), Some("2"));
    let problems = env.finish().unwrap_err().to_string();
    assert_eq!(problems, ".env: line 2 must be of the form NAME=value");
    for (content, told) in [
        (
            &b"A='1\n2'\nsesame\n B=2\nsesame"[..],
            "lines 3, 5 must be of the form NAME=value",
        ),
        (b"A=1\nB=\xff\n", "line 2 must be UTF-8"),
    ] {
        let broken = file(content);
        let env = Environment::from_sources([], broken.path());
        assert_eq!(
            env.finish().unwrap_err().to_string(),
            format!(".env: {told}")
        );
    }
}

#[test]
fn a_problem_with_an_entry_names_the_line_that_it_begins_on() {
    let content = file(b"# one\nA='1\n2'\n\nNUMBER=sesame\nJSON='{\"a\": 1,\n\n!}'\nOLD=sesame\n");
    let mut env = Environment::from_sources([("OWN".into(), "sesame".into())], content.path());
    env.take_as("OLD", "SWITCH", true);
    env.number("NUMBER", 1, 1..=9);
    env.number("OWN", 1, 1..=9);
    env.json("JSON");
    env.boolean("SWITCH", true);
    env.reject("NUMBER.field[0]", "is odd");
    let problems = env.finish().unwrap_err().to_string();
    let expected = "\
NUMBER: must be a number from 1 to 9 (line 5 of .env)
OWN: must be a number from 1 to 9
JSON: is no JSON, from line 3, column 1 of the value on (line 6 of .env)
SWITCH: must be one of 1, true, yes, on, 0, false, no, off (it is set by OLD) (line 9 of .env)
NUMBER.field[0]: is odd (line 5 of .env)";
    assert_eq!(problems, expected);
}

#[test]
fn json_and_secrets_need_no_quotes_in_a_dot_env_file() {
    let lines = [
        ("PUBLISHERS", r#"[{"type":"telegram","channel_id":"@c"}]"#),
        ("STORAGE_PATHS", r#"{"root": "/P"}"#),
        ("DROPBOX_REFRESH_TOKEN", "pa$word1"),
        ("EMAIL_PASSWORD", "abcd efgh ijkl mnop"),
        ("OPENAI_API_KEY", r#"a"b'c\d"#),
    ];
    let content = lines.map(|(name, value)| [name, "=", value, "\n"].concat());
    let content = content.concat();
    let content = file(content.as_bytes());
    let mut env = Environment::from_sources([], content.path());
    for (name, value) in lines {
        assert_eq!(env.text(name).as_deref(), Some(value));
    }
    assert!(env.json("PUBLISHERS").unwrap().is_array());
    assert_eq!(env.warnings(), []);
    assert_eq!(problems(env), [""; 0]);
}

#[test]
fn the_last_entry_of_a_name_wins_and_a_reference_in_it_is_warned_of() {
    let content = file(b"A=${B}1\nA=2\nC=3\nC='sesame${B}'\nD=${B}\n");
    let mut env = Environment::from_sources([("D".into(), "process".into())], content.path());
    for (name, value) in [("A", "2"), ("C", "sesame${B}"), ("D", "process")] {
        assert_eq!(env.text(name).as_deref(), Some(value));
    }
    let [warning] = env.warnings() else {
        panic!("{:?}", env.warnings())
    };
    assert!(warning.name() == "C" && warning.rule().contains("is not expanded"));
    assert!(!warning.to_string().contains("sesame"));
}

#[cfg(unix)]
#[test]
fn a_value_that_is_not_utf_8_is_a_problem_only_for_who_asks_for_it() {
    use std::os::unix::ffi::OsStringExt as _;
    let bad = || OsString::from_vec(vec![0xff]);
    let process = [
        ("A".into(), bad()),
        ("B".into(), bad()),
        (bad(), "x".into()),
    ];
    let mut env = Environment::from_sources(process, Path::new("/nonexistent/.env"));
    assert_eq!(env.text("A"), None);
    assert_eq!(env.text("A"), None);
    assert_eq!(problems(env), ["A"]);
}
