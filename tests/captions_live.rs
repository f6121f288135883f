//! `publisher captions score --live`, on a stand-in of OpenAI: what is asked and paid for, what is stored, and what keeps it
//! from being paid for.

#![expect(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

use std::{fs, process::Stdio};

use publisher::domain::caption_score::Lines;
use publisher_sandbox::{Fault, OpenAi, Sandbox};
use serde_json::Value;
use tokio::process::Command;

const KEY: &str = "sk-a-key-of-an-operator";
const PICTURES: u64 = 20;

async fn sandbox() -> Sandbox {
    let sandbox = Sandbox::start_empty().await.unwrap();
    sandbox.openai.add_key(KEY);
    sandbox
}

/// The command, with nothing set but what it needs.
fn score(sandbox: &Sandbox, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_publisher"));
    command
        .env_clear()
        .env("OPENAI_API_KEY", KEY)
        .env(
            "OPENAI_BASE_URL",
            format!("{}/v1", sandbox.openai.server().url()),
        )
        .env("AI_RATE_PER_MINUTE", "10000")
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .args(["captions", "score", "--live"])
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// The exit code, the standard output and the standard error, in which the key is not.
async fn run(mut command: Command) -> (i32, String, String) {
    let output = command.output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, error) = (text(output.stdout), text(output.stderr));
    assert!(!out.contains(KEY) && !error.contains(KEY));
    (output.status.code().unwrap(), out, error)
}

/// The number behind a word of the estimate.
fn told(error: &str, before: &str) -> u64 {
    let (rest, _) = error.split_once(before).unwrap();
    rest.split_whitespace()
        .next_back()
        .unwrap()
        .parse()
        .unwrap()
}

fn calls(sandbox: &Sandbox) -> u64 {
    sandbox.openai.completions().len().try_into().unwrap()
}

#[tokio::test]
async fn each_run_is_printed_with_the_worst_and_stored_to_be_scored_again() {
    let sandbox = sandbox().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("live.jsonl");
    let arguments = ["--yes", "--runs", "2", "--out", file.to_str().unwrap()];
    let (code, out, error) = run(score(&sandbox, &arguments)).await;
    // What the stand-in writes is alike: bars are missed.
    assert_eq!(code, 1, "{out}{error}");
    assert_eq!(calls(&sandbox), 2 * PICTURES);
    for part in [
        "Run 1 of 2\n",
        "Run 2 of 2\n",
        "Worst of 2 runs\n",
        "Beyond the bar: ",
    ] {
        assert!(out.contains(part), "{part} is not in {out}");
    }
    for run in 1..=2 {
        let bytes = fs::read(folder.path().join(format!("live-{run}.jsonl"))).unwrap();
        let lines = Lines::read(&bytes);
        assert_eq!(lines.bad, []);
        assert_eq!(lines.captions.len(), 60);
        assert!(
            lines
                .captions
                .iter()
                .all(|it| it.tenant == "live" && !it.caption.is_empty())
        );
    }
    // The captions are there: they are not overwritten, nor paid for again.
    let (code, out, error) = run(score(&sandbox, &arguments)).await;
    assert_eq!((code, &*out), (2, ""), "{error}");
    assert!(
        error.contains("live-1.jsonl cannot be made, and nothing was written"),
        "{error}"
    );
    assert_eq!(calls(&sandbox), 2 * PICTURES);
}

#[tokio::test]
async fn the_cost_is_told_first_and_is_no_less_than_what_is_sent() {
    let sandbox = sandbox().await;
    let prices = [
        "--price-per-million-input",
        "0.15",
        "--price-per-million-output",
        "0.6",
    ];
    let (code, out, error) = run(score(&sandbox, &prices)).await;
    assert_eq!((code, &*out), (2, ""), "{error}");
    assert!(
        error.contains("--yes is required where nobody can be asked"),
        "{error}"
    );
    // Each call may be followed by one that shortens what it wrote.
    assert_eq!(told(&error, " calls,"), 2 * 5 * PICTURES);
    assert!(error.contains(" at these prices.\n"), "{error}");
    assert_eq!(calls(&sandbox), 0);

    let (_, _, error) = run(score(&sandbox, &["--yes", "--runs", "1"])).await;
    assert!(!error.contains("prices"), "{error}");
    let requests = sandbox.openai.switches().requests("caption");
    let sent = requests
        .iter()
        .map(|it| u64::try_from(it.body.len() / 4 + 1).unwrap());
    let sent: Vec<u64> = sent.collect();
    assert_eq!(u64::try_from(sent.len()).unwrap(), PICTURES);
    let sent: u64 = sent.into_iter().sum();
    let estimated = told(&error, " tokens sent");
    assert!(
        (sent..8 * sent).contains(&estimated),
        "{estimated} for {sent}"
    );
}

#[tokio::test]
async fn programs_get_each_run_and_the_worst_as_json() {
    let sandbox = sandbox().await;
    let (code, out, error) = run(score(&sandbox, &["--yes", "--runs", "2", "--json"])).await;
    assert_eq!(code, 1, "{error}");
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["runs"].as_array().unwrap().len(), 2);
    assert_eq!(json["worst"]["corpus"]["captions"], 60);
    let platforms = json["worst"]["platforms"].as_object().unwrap();
    assert!(platforms.keys().eq(["email", "mastodon", "telegram"]));
}

#[tokio::test]
async fn captions_that_the_model_leaves_out_are_counted_and_the_rest_is_scored() {
    let sandbox = sandbox().await;
    sandbox
        .openai
        .answer_captions_with(Some(r#"{"captions": {"telegram": "One."}}"#));
    let (code, out, error) = run(score(&sandbox, &["--yes", "--runs", "1"])).await;
    assert_eq!(code, 1, "{error}");
    assert!(
        error.contains("The model has left out 40 captions."),
        "{error}"
    );
    assert!(
        out.contains("\ncaptions ") && !out.contains("mastodon"),
        "{out}"
    );
}

#[tokio::test]
async fn what_keeps_it_from_writing_is_said_with_its_exit_code() {
    let sandbox = sandbox().await;
    let mut without_key = score(&sandbox, &["--yes"]);
    without_key.env_remove("OPENAI_API_KEY");
    let (code, _, error) = run(without_key).await;
    assert_eq!(code, 2);
    assert!(error.contains("OPENAI_API_KEY: is required"), "{error}");

    let mut bad_model = score(&sandbox, &["--yes"]);
    bad_model.env("OPENAI_SETTINGS", r#"{"caption_model": 7}"#);
    let (code, _, error) = run(bad_model).await;
    assert_eq!(code, 2);
    assert!(error.contains("OPENAI_SETTINGS.caption_model"), "{error}");
    assert_eq!(calls(&sandbox), 0);

    let quota: Fault = OpenAi::insufficient_quota();
    sandbox.openai.switches().always("caption", quota);
    let (code, out, error) = run(score(&sandbox, &["--yes"])).await;
    assert_eq!((code, &*out), (2, ""), "{error}");
    assert!(
        error.contains("the caption writer's quota is used up"),
        "{error}"
    );

    sandbox.openai.switches().clear("caption");

    // An answer that is cut short is asked for once more; where the first three pictures get nothing, the run ends.
    let before = sandbox.openai.switches().calls("caption");
    sandbox.openai.finish_with("caption", Some("length"));
    let (code, out, error) = run(score(&sandbox, &["--yes"])).await;
    assert_eq!((code, &*out), (2, ""), "{error}");
    assert!(
        error.contains("the model has written no caption"),
        "{error}"
    );
    let made = sandbox.openai.switches().calls("caption") - before;
    assert_eq!(made, 2 * 3);

    for arguments in [
        &["--runs", "0", "--yes"][..],
        &["--yes", "good.jsonl"],
        &["--yes", "--price-per-million-input", "1"],
    ] {
        let (code, out, error) = run(score(&sandbox, arguments)).await;
        assert_eq!((code, &*out), (2, ""), "{error}");
    }
}
