//! A `.env` file: line numbers are those of the file, and each entry, written between quotes, reads
//! back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use publisher::adapters::env::dot_env::DotEnv;

fuzz_target!(|text: &str| {
    let file = DotEnv::parse(text);
    let count = text.replace("\r\n", "\n").matches(['\n', '\r']).count() + 1;
    let lines = file.entries.iter().map(|entry| entry.line);
    assert!(lines.clone().is_sorted() && file.bad_lines.is_sorted());
    assert!(
        lines
            .chain(file.bad_lines)
            .all(|line| (1..=count).contains(&line))
    );
    for entry in &file.entries {
        assert!(!entry.name.is_empty() && !entry.name.contains(char::is_whitespace));
        let escaped = entry.value.replace('\\', "\\\\");
        let single = format!("{}='{}'", entry.name, escaped.replace('\'', "\\'"));
        let escaped = escaped
            .replace('"', "\\\"")
            .replace('\n', "\\n")
            .replace('\r', "\\r");
        let double = format!("export {}=\"{escaped}\"", entry.name);
        // Only an escape puts a bare `\r` into a value: written as it is, it is a line end.
        let single = Some(single).filter(|_| !entry.value.contains('\r'));
        for written in [Some(double), single].into_iter().flatten() {
            let read = DotEnv::parse(&written);
            let [read] = &read.entries[..] else {
                panic!("{written:?} has one entry")
            };
            assert_eq!((&read.name, &read.value), (&entry.name, &entry.value));
        }
    }
});
