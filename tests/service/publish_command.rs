//! `publisher publish`, as people and cron run it.

use std::{
    process::{Output, Stdio},
    time::Duration,
};

use publisher_sandbox::{DemoTenant, Fault, Sandbox};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    process::Command,
};

use crate::{
    canaries::Canaries,
    harness::{Service, command},
};

fn bob(sandbox: &Sandbox) -> &DemoTenant {
    &sandbox.tenants()[1]
}

fn publish(sandbox: &Sandbox, arguments: &[&str]) -> Command {
    let mut command = command("publish");
    command
        .envs(sandbox.environment())
        .args(["--host", &*bob(sandbox).host])
        .args(arguments);
    command
}

/// The same at a service that runs, with nothing else set.
fn publish_at(sandbox: &Sandbox, url: &str, arguments: &[&str]) -> Command {
    let mut command = command("publish");
    command
        .env("PUBLISHER_URL", url)
        .env("WEB_AUTH_TOKEN", sandbox.web_token())
        .args(["--host", &*bob(sandbox).host])
        .args(arguments);
    command
}

/// The exit code, the standard output and the standard error, in which no secret is.
fn told(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, error) = (text(output.stdout), text(output.stderr));
    let mut canaries = Canaries::default();
    canaries.add(["sandbox-", "AAsandbox"]);
    canaries.assert_not_in("what it prints", format!("{out}{error}").as_bytes());
    (output.status.code().unwrap(), out, error)
}

async fn run(mut command: Command) -> (i32, String, String) {
    told(command.output().await.unwrap())
}

#[tokio::test]
async fn one_image_is_published_at_a_time_and_none_twice() {
    let sandbox = Sandbox::start().await.unwrap();
    let (code, out, error) = run(publish(&sandbox, &["--dry-run"])).await;
    assert_eq!((code, &*error), (0, ""), "{out}");
    let image = out
        .lines()
        .next()
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned();
    assert!(
        out.contains("(dry run: nothing was written or sent)"),
        "{out}"
    );
    assert!(out.contains("  telegram  would be sent      "), "{out}");
    assert_eq!(sandbox.telegram.photos().len(), 0);

    let (code, out, error) = run(publish(&sandbox, &["--next"])).await;
    assert_eq!((code, &*error), (0, ""), "{out}");
    assert!(
        out.starts_with(&format!("{image}\n  telegram  published ")),
        "{out}"
    );
    assert!(out.contains("It is in the archive folder."), "{out}");
    let (code, out, _) = run(publish(&sandbox, &[&image, "--json"])).await;
    assert_eq!(code, 0, "{out}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        answer["results"]["telegram"]["outcome"],
        "already_published"
    );
    assert_eq!(sandbox.telegram.photos().len(), 1);

    let images = bob(&sandbox).images.len();
    for _ in 1..images {
        assert_eq!(run(publish(&sandbox, &[])).await.0, 0);
    }
    assert_eq!(sandbox.telegram.photos().len(), images);
    let (code, out, _) = run(publish(&sandbox, &["--next"])).await;
    assert_eq!((code, &*out), (0, "There is nothing to publish.\n"));
    // What AI was used is debited by the next start.
    assert_eq!(sandbox.orchestrator.debits().len(), 0);
    let service = Service::start(&sandbox).await;
    let billed = sandbox.openai.completions().len();
    let debited = async {
        while sandbox.orchestrator.debits().len() < billed {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), debited)
        .await
        .unwrap();
    drop(service);
}

#[tokio::test]
async fn what_keeps_it_from_publishing_is_said_with_its_exit_code() {
    let sandbox = Sandbox::start().await.unwrap();
    let refusal = publisher_sandbox::Telegram::refusal(400, "Bad Request: CHAT_RESTRICTED");
    sandbox.telegram.switches().inject("sendPhoto", refusal);
    let (code, out, _) = run(publish(&sandbox, &[])).await;
    assert_eq!(code, 1, "{out}");
    assert!(
        out.contains("  telegram  failed             rejected: "),
        "{out}"
    );
    for (arguments, expected, told) in [
        (vec!["no-such.jpg"], 1, "image"),
        (vec!["../x.jpg"], 2, "FILE must be a plain file name"),
        (vec!["x.gif"], 2, "FILE must end in"),
        (vec!["--platforms", "telegram,x"], 2, "must be one of: "),
        (vec!["--platforms", "mastodon"], 2, "platforms"),
        (vec!["--force"], 2, "<FILE>"),
    ] {
        let (code, _, error) = run(publish(&sandbox, &arguments)).await;
        assert_eq!(code, expected, "{error}");
        assert!(error.contains(told), "{error}");
    }
    let (code, out, _) = run(publish(&sandbox, &["no-such.jpg", "--json"])).await;
    let problem: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &problem["type"]),
        (1, &Value::from("/problems/image-not-found"))
    );

    let mut without = command("publish");
    without.envs(sandbox.environment());
    let (code, _, error) = run(without).await;
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("--host is required"), "{error}");
    let mut unknown = command("publish");
    unknown
        .envs(sandbox.environment())
        .args(["--host", "no.sandbox.localhost"]);
    let (code, _, error) = run(unknown).await;
    assert_eq!(code, 2, "{error}");
    assert!(
        error.contains("No tenant is served at the host of --host."),
        "{error}"
    );
    let (code, _, error) = run(command("publish")).await;
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("The settings are bad"), "{error}");
}

#[tokio::test]
async fn a_ledger_that_a_service_has_is_published_to_by_that_service() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let (code, out, error) = run(publish(&sandbox, &[])).await;
    assert_eq!((code, &*out), (1, ""), "{error}");
    assert!(
        error.contains("set PUBLISHER_URL to its address"),
        "{error}"
    );

    let url = format!("http://{}", service.address());
    let mut by_service = publish_at(&sandbox, &url, &["--next"]);
    // The token passes through no proxy.
    by_service.envs([
        ("http_proxy", "http://127.0.0.1:1"),
        ("HTTP_PROXY", "http://127.0.0.1:1"),
    ]);
    let (code, out, error) = run(by_service).await;
    assert_eq!((code, &*error), (0, ""), "{out}");
    assert!(out.contains("  telegram  published "), "{out}");
    assert_eq!(sandbox.telegram.photos().len(), 1);
    let (code, out, _) = run(publish_at(&sandbox, &url, &["--dry-run", "--json"])).await;
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &answer["dry_run"]), (0, &Value::Bool(true)));
    assert_eq!(sandbox.telegram.photos().len(), 1);

    for (name, value, expected, told) in [
        (
            "WEB_AUTH_TOKEN",
            "another-token-that-is-long-enough-for-all",
            2,
            "WEB_AUTH_TOKEN: it must be",
        ),
        ("WEB_AUTH_TOKEN", "", 2, "is required beside PUBLISHER_URL"),
        (
            "PUBLISHER_URL",
            "http://user:s3cret@127.0.0.1:1",
            2,
            "PUBLISHER_URL",
        ),
        (
            "PUBLISHER_URL",
            "http://127.0.0.1:1",
            1,
            "cannot be reached, so that nothing",
        ),
    ] {
        let mut refused = publish_at(&sandbox, &url, &[]);
        refused.env(name, value);
        let (code, _, error) = run(refused).await;
        assert_eq!(code, expected, "{error}");
        assert!(error.contains(told) && !error.contains("s3cret"), "{error}");
    }
    assert_eq!(sandbox.telegram.photos().len(), 1);
}

#[tokio::test]
async fn what_is_in_doubt_is_told_and_sent_by_force_to_the_platform_that_lacks_it() {
    let sandbox = Sandbox::start().await.unwrap();
    let images = bob(&sandbox).images.len();
    for _ in 1..images {
        assert_eq!(run(publish(&sandbox, &[])).await.0, 0);
    }
    let telegram = sandbox.telegram.switches();
    telegram.inject("sendPhoto", Fault::ResetAfterRequest);
    let (code, out, _) = run(publish(&sandbox, &[])).await;
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("  telegram  unknown "), "{out}");
    let image = out.lines().next().unwrap().to_owned();
    let (code, out, _) = run(publish(&sandbox, &["--next"])).await;
    let told = format!("There is nothing to publish.\nwarning: 1 image is in doubt: {image}; ");
    assert!(code == 0 && out.starts_with(&told), "{out}");

    let posted = sandbox.telegram.photos().len();
    let alone = ["--force", "--platforms", "telegram"];
    let dry = [&[&*image, "--dry-run"][..], &alone].concat();
    let (code, out, _) = run(publish(&sandbox, &dry)).await;
    assert!(code == 0 && out.contains("would be sent"), "{out}");
    let forced = [&[&*image][..], &alone].concat();
    let (code, out, _) = run(publish(&sandbox, &forced)).await;
    assert!(code == 0 && out.contains("  telegram  published "), "{out}");
    assert_eq!(sandbox.telegram.photos().len(), posted + 1);

    let service = Service::start(&sandbox).await;
    let url = format!("http://{}", service.address());
    let (code, out, _) = run(publish_at(&sandbox, &url, &forced)).await;
    assert!(code == 0 && out.contains("  telegram  published "), "{out}");
    assert_eq!(sandbox.telegram.photos().len(), posted + 2);
}

#[tokio::test]
async fn a_caption_that_is_given_is_sent_and_none_has_to_be_written() {
    let sandbox = Sandbox::start().await.unwrap();
    let captions = || {
        let photos = sandbox.telegram.photos().into_iter();
        photos.filter_map(|it| it.caption).collect::<Vec<_>>()
    };
    let (code, out, _) = run(publish(&sandbox, &["--caption", "By hand"])).await;
    assert_eq!(code, 0, "{out}");
    for blank in ["", " \n"] {
        let (code, _, error) = run(publish(&sandbox, &["--caption", blank])).await;
        assert!(code == 2 && error.contains("must not be blank"), "{error}");
    }
    let openai = sandbox.openai.switches();
    assert_eq!(openai.total_calls(), 0);

    let service = Service::start(&sandbox).await;
    let url = format!("http://{}", service.address());
    let given = ["--caption", "By hand as well"];
    let (code, out, _) = run(publish_at(&sandbox, &url, &given)).await;
    assert_eq!(code, 0, "{out}");
    assert_eq!(openai.total_calls(), 0);
    let [first, second] = &captions()[..] else {
        panic!("{:?}", captions())
    };
    assert!(first.starts_with("By hand"), "{first}");
    assert!(second.starts_with("By hand as well"), "{second}");
    service.kill().await;

    sandbox
        .openai
        .refuse_with("vision", Some("I would rather not."));
    let image = "tide-line.webp";
    let (code, out, _) = run(publish(&sandbox, &[image])).await;
    assert_eq!(code, 1, "{out}");
    let (code, out, _) = run(publish(&sandbox, &[image, "--allow-empty-caption"])).await;
    assert_eq!(code, 0, "{out}");
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_token() {
    let sandbox = Sandbox::start().await.unwrap();
    let (first, second) = (
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
    );
    let to = second.local_addr().unwrap();
    let url = format!("http://{}", first.local_addr().unwrap());
    let answer = tokio::spawn(async move {
        let (mut stream, _) = first.accept().await.unwrap();
        let mut request = [0; 4096];
        let read = stream.read(&mut request).await.unwrap();
        let head = format!(
            "HTTP/1.1 307 X\r\nlocation: http://{to}/api/publish\r\ncontent-length: 0\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    let (code, _, error) = run(publish_at(&sandbox, &url, &[])).await;
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("redirect"), "{error}");
    let request = answer.await.unwrap();
    assert!(
        request.contains(&format!("host: {}", bob(&sandbox).host)),
        "{request}"
    );
    let nobody = tokio::time::timeout(Duration::from_millis(50), second.accept()).await;
    assert!(nobody.is_err(), "the other address is asked");
}

#[tokio::test]
async fn a_signal_waits_for_what_has_begun() {
    let sandbox = Sandbox::start().await.unwrap();
    let held = sandbox.telegram.switches().hold("sendPhoto");
    let mut command = publish(&sandbox, &[]);
    command.stdin(Stdio::null());
    let child = command.spawn().unwrap();
    held.arrived(1).await;
    let id = child.id().unwrap().to_string();
    let sent = Command::new("kill").args(["-TERM", &id]).status().await;
    assert!(sent.unwrap().success());
    let ended = tokio::spawn(child.wait_with_output());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!ended.is_finished(), "it waits");
    held.release();
    let (code, out, error) = told(ended.await.unwrap().unwrap());
    assert_eq!(code, 0, "{error}");
    assert!(
        error.contains("Interrupted: what has begun is brought to its end"),
        "{error}"
    );
    let image = out.lines().next().unwrap().to_owned();
    let (code, out, _) = run(publish(&sandbox, &[&image])).await;
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("already published"), "{out}");
    assert_eq!(sandbox.telegram.photos().len(), 1);
}
