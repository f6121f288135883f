use std::io::Write as _;

use super::*;

fn environment<const N: usize>(pairs: [(&str, &str); N]) -> Environment {
    Environment::from_pairs(pairs)
}

/// The names that were found bad.
fn problems(environment: Environment) -> Vec<String> {
    let problems = environment.finish().err().map(|problems| problems.problems);
    let names = problems.into_iter().flatten().map(|problem| problem.name);
    names.collect()
}

fn file(content: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

fn path(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}

#[test]
fn blank_text_is_the_same_as_none() {
    let mut env = environment([("A", " a b "), ("B", ""), ("C", " \t")]);
    assert_eq!(env.text("A").as_deref(), Some("a b"));
    for name in ["B", "C", "D"] {
        assert_eq!(env.text(name), None);
    }
    assert_eq!(problems(env), [""; 0]);
}

#[test]
fn booleans_are_words_in_any_case_and_nothing_else() {
    for (word, expected) in [
        ("1", true),
        ("true", true),
        ("YES", true),
        (" On ", true),
        ("0", false),
        ("False", false),
        ("no", false),
        ("OFF", false),
    ] {
        let mut env = environment([("FLAG", word)]);
        assert_eq!(env.boolean("FLAG", !expected), expected, "{word}");
        assert_eq!(problems(env), [""; 0]);
    }
    assert!(environment([]).boolean("FLAG", true));
    assert!(!environment([("FLAG", "")]).boolean("FLAG", false));
    for word in ["2", "y", "t", "enabled", "true false"] {
        let mut env = environment([("FLAG", word)]);
        env.boolean("FLAG", false);
        assert_eq!(problems(env), ["FLAG"], "{word}");
    }
}

#[test]
fn numbers_are_within_their_range() {
    let mut env = environment([("MIN", "1"), ("MAX", " 10 "), ("EMPTY", "")]);
    assert_eq!(env.number("MIN", 5, 1..=10), 1);
    assert_eq!(env.number("MAX", 5, 1..=10), 10);
    assert_eq!(env.number("EMPTY", 5, 1..=10), 5);
    assert_eq!(problems(env), [""; 0]);
    for text in ["0", "11", "-1", "1.5", "many", "99999999999999999999"] {
        let mut env = environment([("N", text)]);
        assert_eq!(env.number("N", 5_u32, 1..=10), 5);
        let problems = env.finish().unwrap_err();
        assert_eq!(problems.to_string(), "N: must be a number from 1 to 10");
    }
}

#[test]
fn base_urls_end_with_a_slash_so_that_joins_add_to_them() {
    for (text, expected) in [
        ("https://a.example", "https://a.example/"),
        ("http://a.example:81/v1", "http://a.example:81/v1/"),
        (" https://A.example/v1/ ", "https://a.example/v1/"),
    ] {
        let mut env = environment([("URL", text)]);
        assert_eq!(env.url("URL", None).unwrap().as_str(), expected);
        assert_eq!(problems(env), [""; 0]);
    }
    let mut env = environment([]);
    assert_eq!(env.url("URL", None), None);
    let default = env.url("URL", Some("https://d.example/v1")).unwrap();
    assert_eq!(
        default.join("x").unwrap().as_str(),
        "https://d.example/v1/x"
    );
    for text in [
        "a.example",
        "ftp://a.example",
        "https://",
        "https://user@a.example",
        "https://user:pass@a.example",
        "https://:pass@a.example",
        "https://a.example/?q",
        "https://a.example/#f",
        "/v1",
    ] {
        let mut env = environment([("URL", text)]);
        assert_eq!(env.url("URL", Some("https://d.example")), None, "{text}");
        assert_eq!(problems(env), ["URL"], "{text}");
    }
}

#[test]
fn socket_addresses_have_a_port_and_some_can_be_off() {
    let default = SocketAddr::from(([127, 0, 0, 1], 9464));
    let mut env = environment([("A", "0.0.0.0:80"), ("B", "[::]:80"), ("OFF", " ")]);
    assert_eq!(env.socket_address("A", default).port(), 80);
    assert!(env.socket_address("B", default).is_ipv6());
    assert_eq!(env.socket_address("OFF", default), default);
    assert_eq!(env.socket_address_or_off("OFF", default), None);
    assert_eq!(env.socket_address_or_off("UNSET", default), Some(default));
    assert_eq!(env.socket_address_or_off("A", default).unwrap().port(), 80);
    assert_eq!(problems(env), [""; 0]);
    for text in ["80", "0.0.0.0", "localhost:80", "0.0.0.0:99999"] {
        let mut env = environment([("A", text)]);
        env.socket_address("A", default);
        assert_eq!(problems(env), ["A"], "{text}");
    }
}

#[test]
fn json_is_any_value_or_an_object_and_null_is_none() {
    let mut env = environment([("O", r#"{"a":1}"#), ("L", "[1]"), ("N", "null"), ("E", "")]);
    assert_eq!(env.json_object("O").unwrap()["a"], 1);
    assert_eq!(env.json("L"), Some(serde_json::json!([1])));
    for name in ["N", "E", "UNSET"] {
        assert_eq!(env.json(name), None);
        assert_eq!(env.json_object(name), None);
    }
    assert!(!env.has_problem("L"));
    assert_eq!(env.json_object("L"), None);
    assert!(env.has_problem("L"));
    assert_eq!(problems(env), ["L"]);
}

#[test]
fn a_secret_stands_in_its_variable_or_in_a_file() {
    let secret_file = file(b"from file\r\n\n");
    let mut env = environment([
        ("INLINE", "from variable\n"),
        ("OTHER_FILE", path(&secret_file)),
        ("BLANK", ""),
        ("BLANK_FILE", path(&secret_file)),
    ]);
    assert_eq!(env.secret("INLINE").unwrap().expose(), "from variable");
    assert_eq!(env.secret("OTHER").unwrap().expose(), "from file");
    assert_eq!(env.secret("BLANK").unwrap().expose(), "from file");
    assert!(env.secret("UNSET").is_none());
    assert_eq!(problems(env), [""; 0]);
}

/// The names that are warned of.
fn warned(environment: &Environment) -> Vec<&str> {
    environment
        .warnings()
        .iter()
        .map(SettingProblem::name)
        .collect()
}

#[test]
fn what_cannot_be_seen_around_a_secret_is_not_a_part_of_it() {
    for around in [
        "\n",
        "\r\n",
        "  ",
        "\t",
        "\u{feff}",
        "\u{a0}",
        "\u{200b}",
        "\u{2060}\n",
    ] {
        for text in [
            format!("{around}s3 cret"),
            format!("s3 cret{around}"),
            format!("{around}s3 cret{around}"),
        ] {
            let secret_file = file(text.as_bytes());
            let mut env = environment([("INLINE", &*text), ("OTHER_FILE", path(&secret_file))]);
            assert_eq!(
                env.secret("INLINE").unwrap().expose(),
                "s3 cret",
                "{text:?}"
            );
            assert_eq!(env.secret("OTHER").unwrap().expose(), "s3 cret", "{text:?}");
            assert_eq!(env.text("INLINE").as_deref(), Some("s3 cret"), "{text:?}");
            assert_eq!(problems(env), [""; 0]);
        }
    }
}

#[test]
fn a_value_between_quotes_is_taken_as_it_is_and_warned_of_without_being_shown() {
    for quoted in [
        "\"sesame\"",
        "'sesame'",
        " \"sesame\"\n",
        "`sesame`",
        "“sesame”",
        "‘sesame’",
        "\"\"",
    ] {
        let secret_file = file(quoted.as_bytes());
        let mut env = environment([
            ("TEXT", quoted),
            ("SECRET", quoted),
            ("OTHER_FILE", path(&secret_file)),
            ("NOT_OURS", quoted),
        ]);
        assert_eq!(env.text("TEXT").as_deref(), Some(quoted.trim()));
        assert_eq!(env.secret("SECRET").unwrap().expose(), quoted.trim());
        env.secret("OTHER").unwrap();
        env.warn_of_pasted();
        assert_eq!(warned(&env), ["OTHER_FILE", "SECRET", "TEXT"], "{quoted}");
        assert!(!format!("{:?}", env.warnings()).contains("sesame"));
        assert_eq!(problems(env), [""; 0]);
    }
    for plain in [
        "sesame",
        "\"sesame",
        "sesame\"",
        "se\"sa\"me",
        "\"",
        "\"sesame'",
        "{\"a\":\"b\"}",
    ] {
        let mut env = environment([("TEXT", plain)]);
        env.text("TEXT");
        env.warn_of_pasted();
        assert_eq!(warned(&env), [""; 0], "{plain}");
    }
}

#[test]
fn a_dot_env_file_may_begin_with_the_mark_of_utf_8_and_have_line_ends_of_windows() {
    let dot_env = file(b"\xef\xbb\xbfA=one\r\nB='two'\r\nC=\"three\"\r\n");
    let none: [(OsString, OsString); 0] = [];
    let mut env = Environment::from_sources(none, dot_env.path());
    for (name, value) in [("A", "one"), ("B", "two"), ("C", "three")] {
        assert_eq!(env.text(name).as_deref(), Some(value));
    }
    assert_eq!(problems(env), [""; 0]);
}

#[test]
fn a_problem_of_a_value_that_was_set_by_another_name_says_so() {
    let mut env = environment([("OTHER", "maybe")]);
    env.take_as("OTHER", "FLAG", false);
    env.boolean("FLAG", true);
    assert_eq!(warned(&env), ["OTHER"]);
    let told = env.finish().unwrap_err().to_string();
    assert!(
        told.starts_with("FLAG: ") && told.ends_with("(it is set by OTHER)"),
        "{told}"
    );
}

#[test]
fn a_secret_that_is_ambiguous_empty_or_unreadable_is_a_problem() {
    let (secret_file, empty, binary) = (file(b"s"), file(b" \n"), file(b"\xff\xfe"));
    let mut env = environment([
        ("BOTH", "s"),
        ("BOTH_FILE", path(&secret_file)),
        ("EMPTY_FILE", path(&empty)),
        ("BINARY_FILE", path(&binary)),
        ("GONE_FILE", "/nonexistent/file"),
        ("FOLDER_FILE", "/"),
    ]);
    for name in ["BOTH", "EMPTY", "BINARY", "GONE", "FOLDER"] {
        assert!(env.secret(name).is_none(), "{name}");
    }
    assert_eq!(
        problems(env),
        [
            "BOTH",
            "EMPTY_FILE",
            "BINARY_FILE",
            "GONE_FILE",
            "FOLDER_FILE"
        ]
    );
}

#[test]
fn a_file_is_read_whole() {
    let content = file(b"\xffcontent\n");
    let mut env = environment([("A", path(&content)), ("GONE", "/nonexistent/file")]);
    assert_eq!(env.file("A").unwrap(), b"\xffcontent\n");
    assert!(env.file("UNSET").is_none());
    assert!(env.file("GONE").is_none());
    assert_eq!(problems(env), ["GONE"]);
}

#[test]
fn the_mark_of_utf_8_at_the_head_of_a_file_is_no_part_of_its_content() {
    let marked = file(b"\xef\xbb\xbf-----BEGIN \xef\xbb\xbf");
    let mut env = environment([("A", path(&marked))]);
    assert_eq!(env.file("A").unwrap(), b"-----BEGIN \xef\xbb\xbf");
}

#[test]
fn what_was_warned_of_goes_along_with_the_problems() {
    let mut env = environment([("URL", "\"https://sesame.example.org\"")]);
    assert!(env.url("URL", None).is_none());
    env.warn_of_pasted();
    let told = env.finish_with(None::<()>).unwrap_err();
    let names = |all: &[SettingProblem]| -> Vec<String> {
        all.iter()
            .map(|problem| problem.name().to_owned())
            .collect()
    };
    assert_eq!(names(told.as_slice()), ["URL"]);
    assert_eq!(names(told.warnings()), ["URL"]);
    assert!(told.warnings()[0].rule().contains("quotes"));
    assert!(!format!("{told} {told:?}").contains("sesame"));
}

#[test]
fn all_problems_are_told_at_once_a_line_each_and_without_values() {
    let mut env = environment([
        ("FLAG", "sesame-1"),
        ("NUMBER", "sesame-2"),
        ("URL", "sesame-3"),
        ("ADDRESS", "sesame-4"),
        ("OBJECT", "{\"sesame-5\""),
        ("CA", "/sesame-6"),
        ("KEY_FILE", "/sesame-7"),
    ]);
    env.boolean("FLAG", true);
    env.number("NUMBER", 1, 1..=2);
    env.url("URL", None);
    env.socket_address("ADDRESS", SocketAddr::from(([0; 4], 1)));
    env.json("OBJECT");
    env.file("CA");
    env.secret("KEY");
    env.reject("LIST[0].a\nb", "is no field that we know");
    assert!(!format!("{env:?}").contains("sesame"));
    let problems = env.finish().unwrap_err();
    assert_eq!(problems.as_slice().len(), 8);
    let shown = problems.to_string();
    assert!(
        !format!("{shown}{problems:?}").contains("sesame"),
        "{shown}"
    );
    assert_eq!(shown.lines().count(), 8, "{shown}");
    for (line, name) in shown.lines().zip([
        "FLAG",
        "NUMBER",
        "URL",
        "ADDRESS",
        "OBJECT",
        "CA",
        "KEY_FILE",
        "LIST[0].a\\nb",
    ]) {
        assert!(line.starts_with(&format!("{name}: ")), "{line}");
    }
}

mod dot_env;
mod files_and_blanks;
