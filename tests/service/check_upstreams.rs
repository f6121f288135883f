//! `publisher check` of an orchestrator and of a ledger that cannot be used.

use std::path::Path;

use publisher_sandbox::Fault;

use crate::{
    check_states::{Changes, assert_serve_ends, assert_told, check, quiet, stage, with},
    harness::Service,
};

const URL: &str = "ORCHESTRATOR_BASE_URL";

#[tokio::test]
async fn each_fault_of_the_orchestrator_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let html = || Fault::text(200, "<html>").with_header("content-type", "text/html");
    for (state, fault, line) in [
        (
            "token refused by a gateway",
            Some(Fault::status(401)),
            "WRONG orchestrator it refuses ORCHESTRATOR_SERVICE_TOKEN (401)",
        ),
        (
            "redirect",
            Some(Fault::status(301)),
            "WRONG orchestrator it redirects (301), which is not followed",
        ),
        (
            "web page",
            Some(html()),
            "WRONG orchestrator it answers with a web page (200)",
        ),
        (
            "JSON of another kind",
            Some(Fault::text(200, "[1]")),
            "WRONG orchestrator its answer cannot be understood",
        ),
        (
            "overload",
            Some(Fault::status(503)),
            "WRONG orchestrator it is there, and cannot answer (503)",
        ),
        (
            "another status",
            Some(Fault::status(418)),
            "WRONG orchestrator it answers with a status that means nothing here (418)",
        ),
        (
            "silence",
            Some(Fault::Timeout),
            "WRONG orchestrator no answer in time",
        ),
        (
            "reset",
            Some(Fault::ResetBeforeRequest),
            "WRONG orchestrator the connection failed",
        ),
    ] {
        let (sandbox, _) = stage().await;
        let switches = sandbox.orchestrator.switches();
        if let Some(fault) = fault {
            switches.always("by_host", fault);
        }
        let settings = quiet(sandbox.environment());
        let (said, code) = check(&settings, &[], folder.path()).await;
        assert_told(state, &said, line, (code, 2));
    }

    let (sandbox, _) = stage().await;
    let settings = quiet(sandbox.environment());
    let url = sandbox.orchestrator.server().url();
    let https = url.replace("http:", "https:");
    let wrong_path = format!("{url}/api");
    let mail = format!("https://localhost:{}", sandbox.smtp.tls_port());
    let rows: &[(&str, Changes<'_>, &str)] = &[
        (
            "wrong token",
            &[("ORCHESTRATOR_SERVICE_TOKEN", "sesame")],
            "WRONG orchestrator it refuses ORCHESTRATOR_SERVICE_TOKEN (403)",
        ),
        (
            "wrong path: 404 for everything",
            &[(URL, &wrong_path)],
            "WRONG orchestrator no orchestrator answers under ORCHESTRATOR_BASE_URL, whatever is asked \
             for (404): check its path",
        ),
        (
            "name that DNS does not know",
            &[(URL, "http://sesame.invalid")],
            "WRONG orchestrator its host name cannot be resolved: check the name in the URL, and the DNS of this \
             machine (ORCHESTRATOR_BASE_URL)",
        ),
        (
            "certificate of an unknown authority",
            &[(URL, &mail), ("EXTRA_CA_CERTS_FILE", "")],
            "WRONG orchestrator its certificate is not trusted, because it comes from an authority",
        ),
        (
            "https where http is spoken",
            &[(URL, &https)],
            "WRONG orchestrator no TLS is spoken at this port",
        ),
    ];
    for (state, changes, line) in rows {
        let (said, code) = check(&with(&settings, changes), &[], folder.path()).await;
        assert_told(state, &said, line, (code, 2));
        assert!(
            !said.contains("sesame") && !said.contains("localhost"),
            "{said}"
        );
    }
    sandbox.orchestrator.server().stop_listening().await;
    let (said, code) = check(&settings, &[], folder.path()).await;
    let line = "WRONG orchestrator the connection was refused: check host and port";
    assert_told("nothing listens", &said, line, (code, 2));
}

#[tokio::test]
async fn a_provider_that_is_not_reached_is_told_with_the_setting_that_says_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, tenant) = stage().await;
    let settings = quiet(sandbox.standalone_environment(&tenant));
    let closed = "http://127.0.0.1:9";
    for (name, thing) in [
        ("DROPBOX_API_URL", "storage"),
        ("OPENAI_BASE_URL", "captions"),
        ("TELEGRAM_API_URL", "telegram"),
    ] {
        let changed = with(&settings, &[(name, closed)]);
        let (said, code) = check(&changed, &[], folder.path()).await;
        let words = format!("WRONG {thing} and that it is running ({name})");
        assert_told(name, &said, &words, (code, 2));
    }
    let server = r#"{"sender": "me@example.org", "smtp_server": "127.0.0.1", "smtp_port": 9}"#;
    let changed = with(&settings, &[("EMAIL_SERVER", server)]);
    let (said, code) = check(&changed, &[], folder.path()).await;
    let line = "WRONG email check host and port (EMAIL_SERVER, ";
    assert_told("EMAIL_SERVER", &said, line, (code, 2));
}

#[tokio::test]
async fn a_ledger_that_cannot_be_used_is_told_with_the_reason() {
    let (sandbox, _) = stage().await;
    let folder = tempfile::tempdir().unwrap();
    let not_one = folder.path().join("text");
    std::fs::write(&not_one, "no database ".repeat(1_000)).unwrap();
    let linked = folder.path().join("linked");
    std::fs::write(&linked, "").unwrap();
    std::fs::hard_link(&linked, folder.path().join("link")).unwrap();
    let url = |path: &Path| format!("sqlite://{}", path.display());
    let settings = quiet(sandbox.environment());
    for (state, url, line) in [
        (
            "folder that is not there",
            url(&folder.path().join("nowhere/ledger.db")),
            "WRONG ledger cannot be opened for writing (make its folder)",
        ),
        (
            "folder in its place",
            url(folder.path()),
            "WRONG ledger (it is a folder: name a file in it)",
        ),
        (
            "no database",
            url(&not_one),
            "WRONG ledger (name another file, or put a copy in its place): it is no SQLite database",
        ),
        (
            "folder that takes no files",
            "sqlite:///proc/ledger.db".to_owned(),
            "WRONG ledger (name a file on a disk of this machine that can be written)",
        ),
        (
            "file of two names",
            url(&linked),
            "WRONG ledger (remove all names but the one that it was last served under)",
        ),
        (
            "PostgreSQL that is not there",
            "postgres://user:sesame@127.0.0.1:9/ledger".to_owned(),
            "WRONG ledger the server cannot be reached (Connection refused (os error 111)): look at",
        ),
    ] {
        let settings = with(&settings, &[("PUBLISH_LEDGER_URL", &url)]);
        let (said, code) = check(&settings, &[], folder.path()).await;
        assert_told(state, &said, line, (code, 2));
        assert!(!said.contains("sesame"), "{said}");
    }
    for path in [folder.path(), &not_one, &linked] {
        let settings = with(&settings, &[("PUBLISH_LEDGER_URL", &url(path))]);
        assert_serve_ends(&path.display().to_string(), &settings, folder.path()).await;
    }

    let service = Service::start(&sandbox).await;
    let (said, code) = check(&settings, &[], folder.path()).await;
    assert_told(
        "ledger in use",
        &said,
        "note ledger a running process has it",
        (code, 0),
    );
    let taken = with(&settings, &[("LISTEN_ADDRESS", service.address())]);
    let (said, code) = check(&taken, &[], folder.path()).await;
    let line = "note listeners LISTEN_ADDRESS: a running process listens there";
    assert_told("address in use", &said, line, (code, 0));
    let other = with(&settings, &[("LISTEN_ADDRESS", "192.0.2.1:8080")]);
    let (said, code) = check(&other, &[], folder.path()).await;
    let line = "WRONG listeners LISTEN_ADDRESS: this machine does not have the address";
    assert_told("address of another machine", &said, line, (code, 2));
}
