//! The snapshots of captions, scored: the good one keeps every bar, and of each number there is one that only this number
//! rejects. The command says the same.

#![expect(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use publisher::domain::caption_score::{
    CaptionLine, Lexicon, Lines, MeasuredCorpus, Number, Verdict, measure,
};
use serde_json::Value;

/// What captions are written for by `--live`.
const CORPUS: &str = include_str!("../src/bin/publisher/captions/corpus.json");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captions")
}

fn read(name: &str) -> Vec<CaptionLine> {
    let bytes = fs::read(folder().join(format!("{name}.jsonl"))).unwrap();
    let lines = Lines::read(&bytes);
    assert_eq!(lines.bad, [], "{name}");
    lines.captions
}

fn measured(name: &str) -> MeasuredCorpus {
    measure(&read(name), Lexicon::built_in())
}

fn score(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_publisher"));
    let command = command.env_clear().args(["captions", "score"]);
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .args(arguments)
        .current_dir(folder())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[test]
fn the_good_snapshot_keeps_every_bar_on_every_platform() {
    let good = measured("good");
    assert_eq!(good.missed(), []);
    let platforms: Vec<_> = good.platforms.keys().collect();
    assert_eq!(platforms, ["email", "mastodon", "telegram"]);
    for measured in good.platforms.values().chain([&good.corpus]) {
        for number in Number::ALL {
            assert_eq!(measured.verdict(number), Verdict::Within, "{number:?}");
        }
    }
}

#[test]
fn each_number_alone_rejects_a_snapshot_that_is_like_the_good_one_otherwise() {
    let good = read("good");
    for number in Number::ALL {
        let name = format!("only_{}", number.as_str());
        let bad = measured(&name);
        assert_eq!(bad.missed(), [number], "{name}");
        assert_eq!(bad.corpus.verdict(number), Verdict::Missed, "{name}");
        let captions = read(&name);
        assert_eq!(captions.len(), good.len());
        for (bad, good) in captions.iter().zip(&good) {
            assert_eq!(
                (&bad.platform, &bad.analysis),
                (&good.platform, &good.analysis)
            );
        }
        let same = captions
            .iter()
            .zip(&good)
            .filter(|(bad, good)| bad == good)
            .count();
        // Words that are different ones can be repeated only by many captions.
        assert!(same > 0 || number == Number::Distinct1, "{name}");
    }
    let files = fs::read_dir(folder()).unwrap().count();
    assert_eq!(files, Number::ALL.len() + 1);
}

#[test]
fn the_good_snapshot_was_written_for_the_pictures_of_the_corpus() {
    let corpus: Vec<Value> = serde_json::from_str(CORPUS).unwrap();
    assert_eq!(corpus.len(), 20);
    let of_corpus: BTreeSet<String> = corpus.iter().map(|it| it["analysis"].to_string()).collect();
    let text = fs::read_to_string(folder().join("good.jsonl")).unwrap();
    let of_good: BTreeSet<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["analysis"].to_string())
        .collect();
    assert_eq!(of_good, of_corpus);
    let kinds: BTreeSet<&str> = corpus
        .iter()
        .map(|it| it["kind"].as_str().unwrap())
        .collect();
    let expected = [
        "landscape",
        "nude",
        "portrait",
        "rope",
        "still life",
        "street",
        "studio",
    ];
    assert_eq!(kinds, BTreeSet::from(expected));
}

#[test]
fn the_command_says_ok_of_the_good_snapshot_and_what_is_over_of_another() {
    let (code, out, error) = score(&["good.jsonl"]);
    assert_eq!((code, &*error), (0, ""), "{out}");
    assert!(
        out.ends_with("All numbers are within their bars.\n"),
        "{out}"
    );
    let header = out.lines().next().unwrap();
    let columns: Vec<_> = header.split_whitespace().collect();
    assert_eq!(columns, ["bar", "corpus", "email", "mastodon", "telegram"]);
    assert!(!out.contains("over") && !out.contains("under"), "{out}");

    let (code, out, error) = score(&["only_stock_phrases.jsonl"]);
    assert_eq!((code, &*error), (1, ""), "{out}");
    assert!(out.contains("≤ 0.073   0.1000  over"), "{out}");
    assert!(
        out.contains("\nstock phrases: a symphony of (1), a testament to (1),"),
        "{out}"
    );
    assert!(
        out.ends_with("Beyond the bar: with a stock phrase.\n"),
        "{out}"
    );
    let (code, out, _) = score(&["only_distinct_1.jsonl"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("≥ 0.286   0.2515  under"), "{out}");
}

#[test]
fn a_folder_is_scored_as_a_whole_and_as_json() {
    let (code, out, error) = score(&[".", "--json"]);
    assert_eq!((code, &*error), (1, ""), "{out}");
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["corpus"]["captions"], 660);
    assert_eq!(json["within"], false);
    let edges = &json["platforms"]["email"]["numbers"]["edges"];
    assert_eq!(edges["bar"]["at_most"], 0.33);
    assert_eq!(edges["verdict"], "missed");
    let (_, out, _) = score(&["."]);
    assert!(
        out.contains("note: the bars were measured on 60 captions"),
        "{out}"
    );
}

#[test]
fn another_lexicon_takes_the_place_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let lexicon = folder.path().join("phrases.txt");
    fs::write(&lexicon, "# ours\nthe tram => a bus\nhis life => hers\n").unwrap();
    let path = lexicon.to_str().unwrap();
    let (code, out, _) = score(&["only_stock_phrases.jsonl", "--lexicon", path]);
    assert_eq!(code, 0, "{out}");
    assert!(
        out.contains("\nstock phrases: his life (1), the tram (1)\n"),
        "{out}"
    );
    fs::write(&lexicon, "the tram => a bus\nthe tram\n").unwrap();
    let (code, out, error) = score(&["good.jsonl", "--lexicon", path]);
    assert_eq!((code, &*out), (2, ""));
    assert!(
        error.contains("phrases.txt is no lexicon: line 2: "),
        "{error}"
    );
}

#[test]
fn what_cannot_be_read_is_named_by_file_and_line_without_its_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let good = r#"{"tenant":"a","platform":"p","caption":"secret words"}"#;
    fs::write(path("a.jsonl"), format!("{good}\n\nsecret words\n{good}\n")).unwrap();
    fs::write(
        path("b.jsonl"),
        "{\"tenant\":\"a\",\"platform\":\"p\",\"caption\":7}\n",
    )
    .unwrap();
    fs::write(path("c.txt"), "secret words").unwrap();
    let (code, out, error) = score(&[&path("")]);
    assert_eq!((code, &*out), (2, ""));
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(lines.len(), 2, "{error}");
    assert!(
        lines[0].ends_with("a.jsonl: line 3: it is no JSON object on one line"),
        "{error}"
    );
    assert!(
        lines[1].ends_with("b.jsonl: line 1: `caption` must be a text"),
        "{error}"
    );
    assert!(!error.contains("secret"), "{error}");
    fs::write(path("empty.jsonl"), "\n").unwrap();
    fs::create_dir(path("nothing")).unwrap();
    for (name, why) in [
        ("gone.jsonl", "gone.jsonl cannot be read: "),
        ("empty.jsonl", "there is no caption in "),
        ("nothing", "ends with .jsonl or .ndjson"),
    ] {
        let (code, out, error) = score(&[&path(name)]);
        assert_eq!((code, &*out), (2, ""), "{name}");
        assert!(error.contains(why), "{error}");
    }
}
