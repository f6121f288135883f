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
    assert_eq!(problems, ".env: entry 2 must be of the form NAME=value");
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
