//! `publisher check` in states that are wrong: what it prints of each, and its code. With
//! `--nocapture` the table is printed.

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use publisher_sandbox::{DemoTenant, Sample, Sandbox, TenantSpec};

use crate::harness::command;

const TOKEN: &str = "ORCHESTRATOR_SERVICE_TOKEN";
const FILE: &str = "ORCHESTRATOR_SERVICE_TOKEN_FILE";

/// Settings beside those of the sandbox.
pub(crate) type Settings = Vec<(&'static str, String)>;
/// What is changed of them.
pub(crate) type Changes<'a> = &'a [(&'static str, &'a str)];

/// What a check of these settings, with these arguments, in this folder, says, and its code. On
/// standard error it says nothing, and nowhere anything that must not be shown.
pub(crate) async fn check(settings: &Settings, arguments: &[&str], folder: &Path) -> (String, i32) {
    let mut check = command("check");
    check.args(arguments).current_dir(folder);
    let output = check.envs(settings.iter().cloned()).output().await.unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    let said = String::from_utf8(output.stdout).unwrap();
    (said, output.status.code().unwrap())
}

/// Checks that one line says it: the verdict, the thing, and the words.
#[track_caller]
#[expect(clippy::print_stdout, reason = "the table is to be seen")]
pub(crate) fn assert_told(state: &str, said: &str, line: &str, code: (i32, i32)) {
    let mut expected = line.splitn(3, ' ');
    let (verdict, thing) = (expected.next().unwrap(), expected.next().unwrap());
    let words = expected.next().unwrap();
    let told = said.lines().find(|told| {
        let mut parts = told.split_whitespace();
        let is_about = parts.next() == Some(verdict) && parts.next() == Some(thing);
        is_about && told.contains(words)
    });
    let Some(told) = told else {
        panic!("{state}: no line `{line}` in\n{said}")
    };
    assert_eq!(code.0, code.1, "{state}: {said}");
    println!("{state}\n    {told}   [{}]", code.0);
}

/// Settings with which all is well, but for these.
pub(crate) fn with(base: &Settings, changes: &[(&'static str, &str)]) -> Settings {
    let mut settings = base.clone();
    settings.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    let changes = changes
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    settings.extend(changes);
    settings
}

pub(crate) fn quiet(mut settings: Settings) -> Settings {
    settings.push(("LISTEN_ADDRESS", "127.0.0.1:0".to_owned()));
    settings.push(("METRICS_LISTEN_ADDRESS", "127.0.0.1:0".to_owned()));
    settings
}

/// A tenant with everything, and one image.
pub(crate) async fn stage() -> (Sandbox, DemoTenant) {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let image = Sample::jpeg("harbour.jpg", 32, 24, 1).unwrap();
    let tenant = sandbox.add_tenant(TenantSpec::new("alice").email(true).images([image]));
    (sandbox, tenant)
}

/// The same settings end a start as well, and with the same code.
pub(crate) async fn assert_serve_ends(state: &str, settings: &Settings, folder: &Path) {
    let mut serve = command("serve");
    serve.envs(settings.iter().cloned()).current_dir(folder);
    let output = serve.output().await.unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{state}: {complaint}");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn settings_that_are_wrong_end_a_check_and_a_start_with_2() {
    let (sandbox, tenant) = stage().await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (empty, two_lines) = (file("empty", b" \n"), file("two", b"sesame\nsesame\n"));
    let (binary, token) = (file("binary", b"\xff\xfe\x00"), file("token", b"sesame\n"));
    let gone = folder.path().join("gone");
    let (gone, folder_path) = (gone.to_str().unwrap(), folder.path().to_str().unwrap());
    let orchestrated = quiet(sandbox.environment());
    let standalone = quiet(sandbox.standalone_environment(&tenant));
    let rows: &[(&str, &Settings, Changes<'_>, &str)] = &[
        (
            "port out of range",
            &orchestrated,
            &[("PORT", "99999")],
            "WRONG PORT must be a number from 0 to 65535",
        ),
        (
            "no requests at all",
            &orchestrated,
            &[("MAX_CONCURRENT_REQUESTS", "0")],
            "WRONG MAX_CONCURRENT_REQUESTS must be a number from 1 to 100000",
        ),
        (
            "notice as long as the grace",
            &orchestrated,
            &[("SHUTDOWN_NOTICE_SECONDS", "25")],
            "WRONG SHUTDOWN_NOTICE_SECONDS must be less than SHUTDOWN_GRACE_SECONDS",
        ),
        (
            "a name as address",
            &orchestrated,
            &[("LISTEN_ADDRESS", "localhost")],
            "WRONG LISTEN_ADDRESS must be an IP address with a port",
        ),
        (
            "both listeners at one place",
            &orchestrated,
            &[
                ("LISTEN_ADDRESS", "0.0.0.0:9464"),
                ("METRICS_LISTEN_ADDRESS", "127.0.0.1:9464"),
            ],
            "WRONG METRICS_LISTEN_ADDRESS must not be where LISTEN_ADDRESS is",
        ),
        (
            "unknown source",
            &orchestrated,
            &[("CONFIG_SOURCE", "file")],
            "WRONG CONFIG_SOURCE must be `env` or `orchestrator`",
        ),
        (
            "base URL that is none",
            &orchestrated,
            &[("ORCHESTRATOR_BASE_URL", "ftp://sesame")],
            "WRONG ORCHESTRATOR_BASE_URL must be an http or https URL",
        ),
        (
            "blank base URL",
            &orchestrated,
            &[
                ("ORCHESTRATOR_BASE_URL", ""),
                ("CONFIG_SOURCE", "orchestrator"),
            ],
            "WRONG ORCHESTRATOR_BASE_URL is required when CONFIG_SOURCE=orchestrator",
        ),
        (
            "blank token",
            &orchestrated,
            &[(TOKEN, " ")],
            "WRONG ORCHESTRATOR_SERVICE_TOKEN is required",
        ),
        (
            "misspelt name of what is missing",
            &orchestrated,
            &[(TOKEN, ""), ("ORCHESTRATOR_SERVICE_TOKN", "sesame")],
            "WRONG ORCHESTRATOR_SERVICE_TOKN is no setting of this service: did you mean \
             ORCHESTRATOR_SERVICE_TOKEN?",
        ),
        (
            "domain that is none",
            &orchestrated,
            &[("ORCHESTRATOR_BASE_DOMAIN", "a b")],
            "WRONG ORCHESTRATOR_BASE_DOMAIN must be a domain name",
        ),
        (
            "neither on nor off",
            &orchestrated,
            &[("CREDENTIAL_CACHE_ENABLED", "sesame")],
            "WRONG CREDENTIAL_CACHE_ENABLED must be one of 1, true",
        ),
        (
            "half a Dropbox app",
            &orchestrated,
            &[("DROPBOX_APP_SECRET", "")],
            "WRONG DROPBOX_APP_SECRET is required",
        ),
        (
            "token file that is not there",
            &orchestrated,
            &[(TOKEN, ""), (FILE, gone)],
            "WRONG ORCHESTRATOR_SERVICE_TOKEN_FILE names a file that does not exist",
        ),
        (
            "token file that is a folder",
            &orchestrated,
            &[(TOKEN, ""), (FILE, folder_path)],
            "WRONG ORCHESTRATOR_SERVICE_TOKEN_FILE names a file that is a directory",
        ),
        (
            "token file that is empty",
            &orchestrated,
            &[(TOKEN, ""), (FILE, &empty)],
            "WRONG ORCHESTRATOR_SERVICE_TOKEN_FILE names a file that is empty",
        ),
        (
            "token file of two lines",
            &orchestrated,
            &[(TOKEN, ""), (FILE, &two_lines)],
            "WRONG ORCHESTRATOR_SERVICE_TOKEN_FILE names a file of several lines: it must be one",
        ),
        (
            "token file that is binary",
            &orchestrated,
            &[(TOKEN, ""), (FILE, &binary)],
            "WRONG ORCHESTRATOR_SERVICE_TOKEN_FILE names a file that is not UTF-8 text",
        ),
        (
            "token twice",
            &orchestrated,
            &[(FILE, &token)],
            "WRONG ORCHESTRATOR_SERVICE_TOKEN must not be set together with",
        ),
        (
            "certificates that are not there",
            &orchestrated,
            &[("EXTRA_CA_CERTS_FILE", gone)],
            "WRONG EXTRA_CA_CERTS_FILE names a file that does not exist",
        ),
        (
            "certificates that are none",
            &orchestrated,
            &[("EXTRA_CA_CERTS_FILE", &token)],
            "WRONG EXTRA_CA_CERTS_FILE must be a file with at least one PEM certificate",
        ),
        (
            "another database",
            &orchestrated,
            &[("PUBLISH_LEDGER_URL", "mysql://sesame")],
            "WRONG PUBLISH_LEDGER_URL must be sqlite://<file> or postgres://",
        ),
        (
            "collector's headers",
            &orchestrated,
            &[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
                ("OTEL_EXPORTER_OTLP_HEADERS", "sesame"),
            ],
            "WRONG OTEL_EXPORTER_OTLP_HEADERS must be of the form name=value",
        ),
        (
            "user without a password",
            &orchestrated,
            &[("WEB_AUTH_USER", "sesame")],
            "WRONG WEB_AUTH_PASS is required beside WEB_AUTH_USER",
        ),
        (
            "protected and open",
            &orchestrated,
            &[("WEB_AUTH_DISABLED", "true")],
            "WRONG WEB_AUTH_DISABLED must not be set beside WEB_AUTH_TOKEN",
        ),
        (
            "publishers that are no JSON",
            &standalone,
            &[("PUBLISHERS", "[{]")],
            "WRONG PUBLISHERS is no JSON, from line 1, column 3",
        ),
        (
            "storage without a root",
            &standalone,
            &[("STORAGE_PATHS", r#"{"keep": "k"}"#)],
            "WRONG STORAGE_PATHS.root ",
        ),
        (
            "mail without a server",
            &standalone,
            &[("EMAIL_SERVER", "")],
            "WRONG EMAIL_SERVER is required, because PUBLISHERS has an email entry",
        ),
        (
            "admin token file of two lines",
            &standalone,
            &[("WEB_AUTH_TOKEN", ""), ("WEB_AUTH_TOKEN_FILE", &two_lines)],
            "WRONG WEB_AUTH_TOKEN_FILE names a file of several lines: it must be one",
        ),
        (
            "app secret file of two lines",
            &standalone,
            &[
                ("DROPBOX_APP_SECRET", ""),
                ("DROPBOX_APP_SECRET_FILE", &two_lines),
            ],
            "WRONG DROPBOX_APP_SECRET_FILE names a file of several lines: it must be one",
        ),
        (
            "OpenAI key of two lines",
            &standalone,
            &[("OPENAI_API_KEY", "sk-sesame\nsesame")],
            "WRONG OPENAI_API_KEY must be one line",
        ),
    ];
    for (state, base, changes, line) in rows {
        let settings = with(base, changes);
        let (said, code) = check(&settings, &[], folder.path()).await;
        assert_told(state, &said, line, (code, 2));
        assert!(
            !said.contains("sesame") && !said.contains(folder_path),
            "{said}"
        );
        assert_serve_ends(state, &settings, folder.path()).await;
        if line.contains("names a file") {
            let about = said
                .lines()
                .filter(|line| line.contains("TOKEN") || line.contains("CERTS"));
            assert!(
                !about.clone().any(|line| line.contains("is required")),
                "{said}"
            );
        }
    }
    assert_eq!(sandbox.orchestrator.switches().total_calls(), 0);
}

#[tokio::test]
async fn files_of_settings_that_are_wrong_are_told_with_their_lines() {
    let (sandbox, _) = stage().await;
    let settings = quiet(sandbox.environment());
    for (state, dot_env, line) in [
        (
            "no entry in .env",
            "A=1\nsesame\n",
            "WRONG .env line 2 must be of the form NAME=value",
        ),
        (
            "bad number in .env",
            "# one\n\nAI_RATE_PER_MINUTE=sesame\n",
            "WRONG AI_RATE_PER_MINUTE must be a number from 1 to 10000 (line 3 of .env)",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".env"), dot_env).unwrap();
        let (said, code) = check(&settings, &[], folder.path()).await;
        assert_told(state, &said, line, (code, 2));
        assert_serve_ends(state, &settings, folder.path()).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "sesame").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o0)).unwrap();
    if std::fs::read(&path).is_ok() {
        println!("skipped: this user reads every file, whatever its permissions");
        return;
    }
    let changes = [
        ("ORCHESTRATOR_SERVICE_TOKEN", ""),
        ("ORCHESTRATOR_SERVICE_TOKEN_FILE", path.to_str().unwrap()),
    ];
    let (said, code) = check(&with(&settings, &changes), &[], folder.path()).await;
    let line = "WRONG ORCHESTRATOR_SERVICE_TOKEN_FILE names a file that this user may not read";
    assert_told("token file of another user", &said, line, (code, 2));
}

#[tokio::test]
async fn the_settings_alone_are_looked_at_where_that_is_asked_for() {
    let (sandbox, tenant) = stage().await;
    let folder = tempfile::tempdir().unwrap();
    for settings in [
        sandbox.environment(),
        sandbox.standalone_environment(&tenant),
    ] {
        let settings = with(
            &quiet(settings),
            &[("PUBLISH_LEDGER_URL", "sqlite://nowhere/ledger.db")],
        );
        let (said, code) = check(&settings, &["--settings-only"], folder.path()).await;
        assert_eq!(code, 0, "{said}");
    }
    let dropbox = sandbox.dropbox.switches().total_calls();
    assert_eq!(dropbox + sandbox.orchestrator.switches().total_calls(), 0);
}
