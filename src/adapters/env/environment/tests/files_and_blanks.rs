//! Files that cannot be read, and values that are blank.

use super::*;

#[test]
fn why_a_file_cannot_be_read_is_told_and_not_where_it_is() {
    let (empty, binary) = (file(b" \n"), file(b"\xff\xfe"));
    let below = format!("{}/below", path(&empty));
    for (named, told) in [
        (path(&empty), "names a file that is empty"),
        (path(&binary), "names a file that is not UTF-8 text"),
        ("/nonexistent/file", "names a file that does not exist"),
        ("/", "names a file that is a directory"),
        (
            below.as_str(),
            "names a file that cannot exist: a part of its path is no directory",
        ),
    ] {
        let mut env = environment([("SECRET_FILE", named)]);
        assert!(env.secret("SECRET").is_none());
        let problems = env.finish().unwrap_err().to_string();
        assert_eq!(problems, format!("SECRET_FILE: {told}"));
    }
}

#[test]
fn blank_values_count_as_unset_whatever_is_asked_for() {
    let names = [
        "SWITCH",
        "NUMBER",
        "URL",
        "JSON",
        "FILE",
        "SECRET",
        "SECRET_FILE",
        "MISPELT",
    ];
    let mut env = environment(names.map(|name| (name, " \n")));
    assert!(env.boolean("SWITCH", true));
    assert_eq!(env.boolean_or_unset("SWITCH"), None);
    assert_eq!(env.number("NUMBER", 7, 1..=9), 7);
    assert!(env.url("URL", None).is_none());
    assert!(env.json("JSON").is_none() && env.json_object("JSON").is_none());
    assert!(env.file("FILE").is_none());
    assert!(env.secret("SECRET").is_none());
    let known = AskedNames::from([("MISSPELT".to_owned(), None), ("OTHER".to_owned(), None)]);
    assert_eq!(env.unknown_names(&known), []);
    let known = AskedNames::from([("MISPELT".to_owned(), None)]);
    assert_eq!(env.unused_names(&known), [""; 0]);
    assert_eq!(warned(&env), [""; 0]);
    assert_eq!(problems(env), [""; 0]);
}
