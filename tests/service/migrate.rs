//! `publisher migrate`, as operators run it: cut off by `kill -9` and run again, nothing is missing and nothing is
//! there twice.

mod kinds;

use std::collections::BTreeMap;

use bytes::Bytes;
use publisher_sandbox::{DemoTenant, Sample, Sandbox};
use tokio::process::Command;

use crate::{canaries::Canaries, harness::command};

const OLD: &str = "/old";
const NEW: &str = "/new";
/// Files below the folder of a tenant: what is copied.
const FILES: [&str; 7] = [
    "a.jpg",
    "a.txt",
    "b c.png",
    "archive/a.jpg",
    "archive/a.jpg.txt",
    "keep/k.jpg",
    "reject/r.jpg",
];
/// What is not.
const OTHERS: [&str; 2] = ["sub/x.jpg", "notes.md"];

/// The content of a file: that of images passes for a JPEG, that of texts is not UTF-8.
fn content(path: &str) -> Bytes {
    [b"\xFF\xD8\xFF\xE0", path.as_bytes()].concat().into()
}

/// A tenant with files in a folder that its config does not name.
async fn tenant() -> (Sandbox, DemoTenant) {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let image = Sample::jpeg("sample.jpg", 60, 40, 7).unwrap();
    let spec = publisher_sandbox::TenantSpec::new("dora").root(NEW);
    let dora = sandbox.add_tenant(spec.images([image]));
    for path in FILES.iter().chain(&OTHERS) {
        let path = format!("{OLD}/{path}");
        assert!(sandbox.dropbox.put(&dora.name, &path, content(&path)));
    }
    (sandbox, dora)
}

/// All files below a folder.
fn files(sandbox: &Sandbox, dora: &DemoTenant, folder: &str) -> BTreeMap<String, Bytes> {
    let below = format!("{folder}/");
    let paths = sandbox.dropbox.paths(&dora.name);
    let inside = paths.iter().filter_map(|path| {
        let bytes = sandbox.dropbox.file(&dora.name, path)?;
        Some((path.strip_prefix(&below)?.to_owned(), bytes))
    });
    inside.collect()
}

fn expected() -> BTreeMap<String, Bytes> {
    let files = FILES.map(|path| (path.to_owned(), content(&format!("{OLD}/{path}"))));
    files.into()
}

fn without_sample(mut files: BTreeMap<String, Bytes>) -> BTreeMap<String, Bytes> {
    files.remove("sample.jpg");
    files
}

fn standalone(sandbox: &Sandbox, dora: &DemoTenant, options: &[&str]) -> Command {
    let mut command = command("migrate");
    command
        .envs(sandbox.standalone_environment(dora))
        .args(["--from", "dropbox", "--from-root", OLD])
        .args(options);
    command
}

/// The exit code, and all that it has printed, in which no secret is.
async fn run(mut command: Command) -> (i32, String) {
    let output = command.output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    let mut canaries = Canaries::default();
    canaries.add(["sandbox-", "AAsandbox"]);
    canaries.assert_not_in("what it prints", &said);
    let said = String::from_utf8(said).unwrap();
    (output.status.code().unwrap(), said)
}

#[tokio::test]
async fn everything_is_copied_once_and_the_source_stays_as_it_is() {
    let (sandbox, dora) = tenant().await;
    let before = files(&sandbox, &dora, OLD);
    let to_new = ["--to", "dropbox", "--to-root", NEW];
    let (code, said) = run(standalone(&sandbox, &dora, &to_new)).await;
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("images    5 copied, 0 there already, 0 different"),
        "{said}"
    );
    assert!(said.contains("sidecars  2 copied"), "{said}");
    assert!(said.contains("copied     archive: a.jpg"), "{said}");
    assert_eq!(without_sample(files(&sandbox, &dora, NEW)), expected());
    assert_eq!(files(&sandbox, &dora, OLD), before);
    sandbox.dropbox.switches().forget_calls();
    // The tenant's own storage, as nothing else is named.
    let (code, said) = run(standalone(&sandbox, &dora, &[])).await;
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("images    0 copied, 5 there already"),
        "{said}"
    );
    let switches = sandbox.dropbox.switches();
    assert_eq!(
        (switches.calls("upload"), switches.calls("delete_v2")),
        (0, 0)
    );
    assert_eq!(without_sample(files(&sandbox, &dora, NEW)), expected());
}

#[tokio::test]
async fn a_dry_run_says_what_it_would_copy_and_copies_nothing() {
    let (sandbox, dora) = tenant().await;
    let (code, said) = run(standalone(&sandbox, &dora, &["--dry-run"])).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("to be copied  keep: k.jpg"), "{said}");
    assert!(said.contains("images    5 to be copied"), "{said}");
    assert_eq!(sandbox.dropbox.switches().calls("upload"), 0);
    assert_eq!(without_sample(files(&sandbox, &dora, NEW)), BTreeMap::new());
}

#[tokio::test]
async fn a_run_that_was_killed_half_way_is_completed_by_the_next() {
    let (sandbox, dora) = tenant().await;
    let held = sandbox
        .dropbox
        .switches()
        .hold_matching("upload", "archive/a.jpg");
    let mut killed = standalone(&sandbox, &dora, &[]).spawn().unwrap();
    held.arrived(1).await;
    killed.kill().await.unwrap();
    held.release();
    let half = without_sample(files(&sandbox, &dora, NEW));
    assert!(
        half.contains_key("a.jpg") && half.len() < FILES.len(),
        "{:?}",
        half.keys()
    );
    let (code, said) = run(standalone(&sandbox, &dora, &[])).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(without_sample(files(&sandbox, &dora, NEW)), expected());
}

#[tokio::test]
async fn what_is_different_at_the_target_stays_and_is_reported() {
    let (sandbox, dora) = tenant().await;
    let theirs = content("somebody else's");
    for name in ["a.jpg", "archive/a.jpg.txt"] {
        let path = format!("{NEW}/{name}");
        assert!(sandbox.dropbox.put(&dora.name, &path, theirs.clone()));
    }
    let (code, said) = run(standalone(&sandbox, &dora, &[])).await;
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("DIFFERENT  root: a.jpg: another file"),
        "{said}"
    );
    assert!(said.contains("DIFFERENT  archive: a.jpg.txt"), "{said}");
    assert!(said.contains("Not everything is at the target"), "{said}");
    let mut expected = expected();
    expected.insert("archive/a.jpg.txt".to_owned(), theirs.clone());
    expected.insert("a.jpg".to_owned(), theirs);
    // The sidecar of an image that is not there would be taken for the other's.
    expected.remove("a.txt");
    assert_eq!(without_sample(files(&sandbox, &dora, NEW)), expected);
}

#[tokio::test]
async fn with_an_orchestrator_the_target_is_the_tenants_own_storage() {
    let (sandbox, dora) = tenant().await;
    let another = "sandbox-another-refresh-token";
    sandbox.dropbox.add_account("another", another);
    let bytes = content("another's");
    assert!(
        sandbox
            .dropbox
            .put("another", "/pictures/a.jpg", bytes.clone())
    );
    let migrate = |options: &[&str]| {
        let mut command = command("migrate");
        command
            .envs(sandbox.environment())
            .env("DROPBOX_REFRESH_TOKEN", another)
            .args(["--from", "dropbox", "--from-root", "/pictures"])
            .args(["--host", dora.host.as_str()])
            .args(options);
        command
    };
    let elsewhere = ["--to", "dropbox", "--to-root", "/elsewhere"];
    let (code, said) = run(migrate(&elsewhere)).await;
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("the target is the tenant's own storage"),
        "{said}"
    );
    let (code, said) = run(migrate(&["--to", "dropbox", "--to-root", NEW])).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(files(&sandbox, &dora, NEW)["a.jpg"], bytes);
    assert_eq!(sandbox.dropbox.paths("another"), ["/pictures/a.jpg"]);
}

#[tokio::test]
async fn bad_options_and_missing_credentials_end_with_2_before_anything_is_asked() {
    let (sandbox, dora) = tenant().await;
    let migrate = |arguments: &[&str]| {
        let mut command = command("migrate");
        command.envs(sandbox.environment()).args(arguments);
        command
    };
    let from = [
        "--from",
        "dropbox",
        "--from-root",
        OLD,
        "--host",
        dora.host.as_str(),
    ];
    for (arguments, expected) in [
        (
            &["--from", "floppy", "--from-root", OLD][..],
            "must be one of dropbox",
        ),
        (&["--from", "dropbox"][..], "--from-root"),
        (&from[..], "DROPBOX_REFRESH_TOKEN: is required"),
    ] {
        let (code, said) = run(migrate(arguments)).await;
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(expected), "{said}");
    }
    let mut relative = migrate(&[
        "--from",
        "dropbox",
        "--from-root",
        "old",
        "--host",
        dora.host.as_str(),
    ]);
    relative.env("DROPBOX_REFRESH_TOKEN", &dora.refresh_token);
    let (code, said) = run(relative).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("storage.paths.root"), "{said}");
    assert_eq!(sandbox.dropbox.switches().total_calls(), 0);
}
