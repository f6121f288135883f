//! A ledger that is restored from a copy, by the commands that `docs/operations.md` gives: nothing that
//! was posted is posted again.

use std::{path::Path, time::Duration};

use publisher_sandbox::{DemoTenant, Sample, Sandbox, TenantSpec};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use crate::harness::{Answer, Service, command};

/// Where the ledger is by default, in the working directory.
const LEDGER: &str = "sqlite://publisher-ledger.db";

/// A tenant whose images stay where they are, so that they could be posted again.
fn carol(sandbox: &Sandbox) -> DemoTenant {
    let names = ["copied.jpg", "lost.jpg", "cut-off.jpg", "new.jpg"];
    let images = names.iter().zip(31..);
    let images = images.map(|(name, seed)| Sample::jpeg(name, 60, 40, seed).unwrap());
    let carol = TenantSpec::new("carol").root("/carol").archive(false);
    sandbox.add_tenant(carol.images(images))
}

async fn start(sandbox: &Sandbox, folder: &Path) -> Service {
    Service::spawn(|command| {
        command
            .envs(sandbox.environment())
            .env("PUBLISH_LEDGER_URL", LEDGER)
            .current_dir(folder);
    })
    .await
}

/// Runs a script in the folder, as an operator would: with `publisher` at hand.
async fn shell(folder: &Path, script: &str) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_publisher"));
    let path = format!("{}:/usr/bin:/bin", binary.parent().unwrap().display());
    let output = Command::new("sh")
        .args(["-e", "-c", script])
        .env_clear()
        .env("PATH", path)
        .current_dir(folder)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complaints = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{script}:\n{said}{complaints}");
    said
}

/// The commands of the block that follows `heading` in the guide, with the lines that continue them.
fn commands_under(heading: &str) -> String {
    let guide = include_str!("../../docs/operations.md");
    let (_, rest) = guide.split_once(heading).unwrap();
    let (_, block) = rest.split_once("```console\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let commands = block
        .lines()
        .map(|line| line.strip_prefix("$ ").unwrap_or(line));
    commands.collect::<Vec<_>>().join("\n")
}

/// The folders that ledgers were moved to, the oldest first.
fn asides(folder: &Path) -> Vec<String> {
    let found = std::fs::read_dir(folder).unwrap();
    let names = found.map(|it| it.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with("aside-")).collect();
    names.sort();
    names
}

async fn publish(service: &Service, sandbox: &Sandbox, who: &DemoTenant, image: &str) -> Answer {
    service.publish(sandbox, who, image, json!({})).await
}

#[tokio::test]
async fn nothing_that_was_posted_is_posted_again_after_a_restore() {
    let sandbox = Sandbox::start().await.unwrap();
    let carol = carol(&sandbox);
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let service = start(&sandbox, folder).await;
    publish(&service, &sandbox, &carol, "copied.jpg").await;
    shell(folder, &commands_under("**To copy an SQLite ledger**")).await;
    publish(&service, &sandbox, &carol, "lost.jpg").await;
    // Telegram takes it, and the process ends before it hears of that.
    let held = sandbox.telegram.switches().hold("sendPhoto");
    {
        let publish = publish(&service, &sandbox, &carol, "cut-off.jpg");
        tokio::pin!(publish);
        tokio::select! {
            answer = &mut publish => panic!("it was held: {answer:?}"),
            () = held.arrived(1) => {}
        }
    }
    service.kill().await;
    held.release();
    assert_eq!(sandbox.telegram.photos().len(), 3);

    let restore = commands_under("**To restore the copy**");
    let said = shell(folder, &restore).await;
    // What the copy has, too; and what was posted since, and what may have been.
    assert_eq!(
        said.lines().take(2).collect::<Vec<_>>(),
        [
            "The ledger that takes over is the SQLite file publisher-ledger.db",
            "publications     2 new, 0 corrected, 1 with nothing new"
        ],
    );
    // Pasted a second time: into a folder of its own, and nothing is lost.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let said = shell(folder, &restore).await;
    assert!(
        said.contains("publications     2 new, 0 corrected, 1 with nothing new"),
        "{said}"
    );
    let aside = asides(folder);
    let [aside, again] = &aside[..] else {
        panic!("{aside:?}");
    };
    assert!(again > aside);
    // Without a copy nothing is moved.
    shell(
        folder,
        &format!("mv backups away; ! {{ {restore}\n}}; mv away backups"),
    )
    .await;
    assert_eq!(asides(folder).len(), 2);
    assert!(folder.join("publisher-ledger.db").exists());
    let service = start(&sandbox, folder).await;
    for (image, outcome) in [
        ("copied.jpg", "already_published"),
        ("lost.jpg", "already_published"),
        ("cut-off.jpg", "unknown"),
    ] {
        let answer = publish(&service, &sandbox, &carol, image).await;
        let told = &answer.json()["results"]["telegram"]["outcome"];
        assert_eq!(told, outcome, "{image}: {answer:?}");
    }
    assert_eq!(sandbox.telegram.photos().len(), 3, "nothing was sent again");

    // Again, beside the running service: nothing changes.
    let import = format!("publisher import ledger {aside}/publisher-ledger.db");
    let said = shell(folder, &import).await;
    assert!(
        said.contains("publications     0 new, 0 corrected, 3"),
        "{said}"
    );
    publish(&service, &sandbox, &carol, "new.jpg").await;
    assert_eq!(sandbox.telegram.photos().len(), 4);
    service.kill().await;
}

/// What happens without the last step: the reason why it is there.
#[tokio::test]
async fn a_copy_alone_knows_nothing_of_what_was_posted_since() {
    let sandbox = Sandbox::start().await.unwrap();
    let carol = carol(&sandbox);
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let service = start(&sandbox, folder).await;
    publish(&service, &sandbox, &carol, "copied.jpg").await;
    shell(folder, "publisher backup copy.db").await;
    publish(&service, &sandbox, &carol, "lost.jpg").await;
    service.kill().await;
    shell(
        folder,
        "rm publisher-ledger.db*; cp copy.db publisher-ledger.db",
    )
    .await;
    let service = start(&sandbox, folder).await;
    publish(&service, &sandbox, &carol, "lost.jpg").await;
    assert_eq!(sandbox.telegram.photos().len(), 3);
    service.kill().await;
}

#[tokio::test]
async fn commands_of_the_ledger_end_with_the_code_that_the_guide_gives() {
    let folder = TempDir::new().unwrap();
    let run = async |arguments: &[&str], url: &str| {
        let mut command = command(arguments[0]);
        command.args(&arguments[1..]).current_dir(folder.path());
        let output = command.env("PUBLISH_LEDGER_URL", url).output().await;
        let output = output.unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), complaint)
    };
    let postgres = "postgres://user:s3cret@127.0.0.1:9/ledger";
    let (code, said) = run(&["backup", "copy.db"], postgres).await;
    assert_eq!(code, 2);
    assert!(
        said.contains("pg_dump") && !said.contains("s3cret"),
        "{said}"
    );
    let (code, said) = run(&["backup", "copy.db"], "mysql://s3cret").await;
    assert_eq!(code, 2);
    assert!(said.contains("PUBLISH_LEDGER_URL") && !said.contains("s3cret"));
    let (code, said) = run(&["backup", "copy.db"], LEDGER).await;
    assert_eq!((code, said.lines().count()), (1, 1), "{said}");
    let (code, said) = run(&["import", "ledger", "missing.db"], LEDGER).await;
    assert_eq!((code, said.lines().count()), (1, 1), "{said}");
    assert!(said.contains("missing.db"), "{said}");
    // In a folder without the service's ledger, none is made.
    std::fs::write(folder.path().join("aside.db"), "").unwrap();
    let (code, said) = run(&["import", "ledger", "aside.db"], LEDGER).await;
    assert_eq!((code, said.lines().count()), (1, 1), "{said}");
    assert!(
        said.contains("there is no ledger publisher-ledger.db"),
        "{said}"
    );
    std::fs::remove_file(folder.path().join("aside.db")).unwrap();
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
}
