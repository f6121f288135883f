//! `publisher check`: a line for each thing, no secret in any of them, and a code.

use publisher_sandbox::Sandbox;
use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};

use crate::{
    check_states,
    harness::{Service, command},
};

/// What a check says, and its code.
async fn check(environment: &[(&'static str, String)], more: &[(&str, &str)]) -> (String, i32) {
    let mut check = command("check");
    check.envs(environment.iter().cloned());
    check.envs([
        ("LISTEN_ADDRESS", "127.0.0.1:0"),
        ("METRICS_LISTEN_ADDRESS", "127.0.0.1:0"),
    ]);
    let output = check.envs(more.iter().copied()).output().await.unwrap();
    let (said, complaints) = (output.stdout, output.stderr);
    assert_eq!(String::from_utf8(complaints).unwrap(), "");
    (
        String::from_utf8(said).unwrap(),
        output.status.code().unwrap(),
    )
}

#[tokio::test]
async fn a_configuration_that_is_good_is_told_to_be() {
    let sandbox = Sandbox::start().await.unwrap();
    let environment = sandbox.environment();
    let (said, code) = check(&environment, &[]).await;
    let expected = "\
ok     settings      all are good
ok     source        an orchestrator, because ORCHESTRATOR_BASE_URL is set
ok     certificates  the system's, and those of EXTRA_CA_CERTS_FILE
ok     listeners     the addresses are free
ok     orchestrator  it answers, and takes the service token
ok     ledger        there is none yet; serve, publish and imports make it
All is well.
";
    assert_eq!((said.as_str(), code), (expected, 0));
    let (_, file) = environment
        .iter()
        .find_map(|(_, value)| value.split_once("sqlite://"))
        .unwrap();
    assert!(!std::path::Path::new(file).exists(), "it was made");
    assert_eq!(sandbox.dropbox.switches().total_calls(), 0);

    let service = Service::start(&sandbox).await;
    let (said, code) = check(&environment, &[]).await;
    assert!(
        said.contains("note   ledger        a running process has it"),
        "{said}"
    );
    assert_eq!(code, 0, "{said}");
    assert_eq!(service.get("any", "/health/ready").await.status, 200);
}

#[tokio::test]
async fn a_ledger_is_made_and_brought_up_to_date_only_when_that_is_asked_for() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut check = command("check");
    check.arg("--migrate").envs(sandbox.environment());
    let output = check.output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let ready = "ok     ledger        it can be written, and its tables are up to date";
    assert!(said.contains(ready) && output.status.success(), "{said}");
    let (said, code) = self::check(&sandbox.environment(), &[]).await;
    assert!(said.contains(ready), "{said}");
    assert_eq!(code, 0);
}

#[tokio::test]
async fn a_ledger_is_migrated_with_its_own_settings_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let url = format!("sqlite://{}", file.display());
    let check = async |arguments: &[&str]| {
        let mut check = command("check");
        check.args(arguments).current_dir(folder.path());
        let output = check.env("PUBLISH_LEDGER_URL", &url).output().await;
        let output = output.unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (said, output.status.code().unwrap())
    };
    let (said, code) = check(&["--ledger-only"]).await;
    let absent =
        "ok     ledger  there is none yet; serve, publish and imports make it\nAll is well.\n";
    assert_eq!((said.as_str(), code), (absent, 0));
    assert!(!file.exists());
    let (said, code) = check(&["--migrate", "--ledger-only"]).await;
    let ready = "ok     ledger  it can be written, and its tables are up to date\nAll is well.\n";
    assert_eq!((said.as_str(), code), (ready, 0));
    assert!(file.exists());
    let (_, code) = check(&["--ledger-only", "--settings-only"]).await;
    assert_eq!(code, 2);
}

/// Jobs that wait for a process that carries them out, and for a yes.
const JOBS: &str = "INSERT INTO ledger_jobs (tenant, status, what, publish_at, due_at, created_at)
    VALUES ('alice', 'scheduled', '{}', 0, 0, 0), ('alice', 'awaiting_approval', '{}', 0, 0, 0),
        ('bob', 'done', '{}', 0, 0, 0)";

#[tokio::test]
async fn jobs_that_nobody_carries_out_are_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let url = format!("sqlite://{}", file.display());
    let check = async |arguments: &[&str]| {
        let mut check = command("check");
        check.args(arguments).current_dir(folder.path());
        let output = check.env("PUBLISH_LEDGER_URL", &url).output().await;
        let output = output.unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    check(&["--migrate", "--ledger-only"]).await;
    let options = SqliteConnectOptions::new().filename(&file);
    let mut connection = options.connect().await.unwrap();
    sqlx::query(JOBS).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let said = check(&["--ledger-only"]).await;
    let mut lines = said.lines();
    let ledger = "ok     ledger  it can be written, and its tables are up to date";
    assert_eq!(lines.next(), Some(ledger));
    let jobs = lines.next().unwrap();
    assert!(
        jobs.starts_with("note   jobs    0 to come, 1 due (the first for "),
        "{said}"
    );
    let rest = " s), 1 waiting for approval, 0 running; those that are due begin once a process runs that \
                carries jobs out";
    assert!(jobs.ends_with(rest), "{said}");
    assert_eq!(lines.next(), Some("All is well."));
}

#[tokio::test]
async fn the_source_of_tenants_is_told_with_the_setting_that_chooses_it() {
    let sandbox = Sandbox::start().await.unwrap();
    let both = || {
        let standalone = sandbox.standalone_environment(&sandbox.tenants()[0]);
        let mut both = sandbox.environment();
        both.retain(|(name, _)| !standalone.iter().any(|(it, _)| it == name));
        both.extend(standalone);
        both
    };
    for (choice, line) in [
        (
            "",
            "ok     source        an orchestrator, because ORCHESTRATOR_BASE_URL is set\n",
        ),
        (
            "env",
            "ok     source        one tenant from the environment, because CONFIG_SOURCE=env\n",
        ),
    ] {
        let (said, code) = check(&both(), &[("CONFIG_SOURCE", choice)]).await;
        assert!(said.contains(line), "{said}");
        assert_eq!(code, 0, "{said}");
    }
    // Also where something is missing, which may be why.
    let (said, code) = check(&[], &[]).await;
    let line = "one tenant from the environment, because ORCHESTRATOR_BASE_URL is not set\n";
    assert!(
        said.contains(line) && said.contains("note   source"),
        "{said}"
    );
    assert_eq!(code, 2, "{said}");
}

#[tokio::test]
async fn a_single_tenant_needs_no_orchestrator() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.orchestrator.server().stop_listening().await;
    let environment = sandbox.standalone_environment(&sandbox.tenants()[0]);
    let (said, code) = check(&environment, &[]).await;
    assert!(
        said.contains("ok     tenant        alice is known"),
        "{said}"
    );
    assert_eq!(code, 0, "{said}");
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_without_a_secret() {
    let sandbox = Sandbox::start().await.unwrap();
    let environment = sandbox.environment();
    let bad = [
        ("PORT", "s3cret"),
        ("LOG_FORMAT", "s3cret"),
        ("MAX_CONCURRENT_REQUESTS", "s3cret"),
        ("EXTRA_CA_CERTS_FILE", "/nowhere/s3cret"),
    ];
    let (said, code) = check(&environment, &bad).await;
    for (name, _) in bad {
        assert!(said.contains(&format!("WRONG  {name} ")), "{said}");
    }
    assert!(!said.contains("s3cret"), "{said}");
    assert_eq!(code, 2, "{said}");

    let unusable = [
        ("ORCHESTRATOR_SERVICE_TOKEN", "s3cret"),
        (
            "PUBLISH_LEDGER_URL",
            "postgres://user:s3cret@127.0.0.1:9/ledger",
        ),
    ];
    let (said, code) = check(&environment, &unusable).await;
    assert!(
        said.contains("it refuses ORCHESTRATOR_SERVICE_TOKEN"),
        "{said}"
    );
    assert!(
        said.contains("WRONG  ledger        PUBLISH_LEDGER_URL: "),
        "{said}"
    );
    let told: Vec<_> = environment
        .iter()
        .filter(|(name, value)| {
            let is_secret = ["TOKEN", "SECRET", "KEY"]
                .iter()
                .any(|part| name.contains(part));
            is_secret && said.contains(value.as_str())
        })
        .collect();
    assert!(told.is_empty() && !said.contains("s3cret"), "{said}");
    assert_eq!(code, 2, "{said}");

    sandbox.orchestrator.server().stop_listening().await;
    let (said, code) = check(&environment, &[]).await;
    assert!(
        said.contains("WRONG  orchestrator  the connection was refused"),
        "{said}"
    );
    assert_eq!(code, 2, "{said}");
}

#[tokio::test]
async fn every_command_explains_itself() {
    for name in [
        "serve", "check", "sandbox", "backup", "import", "openapi", "--help",
    ] {
        let mut help = command(name);
        if name != "--help" {
            help.arg("--help");
        }
        let output = help.output().await.unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && said.contains("Usage: publisher"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn what_a_start_would_warn_of_is_told_in_the_same_words() {
    let (sandbox, _) = check_states::stage().await;
    let folder = tempfile::tempdir().unwrap();
    let settings = check_states::with(
        &check_states::quiet(sandbox.environment()),
        &[
            ("ORCHESTRATOR_TIMEOUT", "sesame"),
            ("STANDALONE_HOST", "sesame.example.org"),
            ("STORAGE_PATHS", ""),
            ("WEB_ADMIN_PASSWORD", "short"),
            ("DROPBOX_APP_KEY", ""),
            ("DROPBOX_APP_SECRET", ""),
        ],
    );
    let (said, code) = check_states::check(&settings, &[], folder.path()).await;
    assert_eq!(code, 0, "{said}");
    let service = Service::start_with(settings, &[]).await;
    let log = service.whole_log().await;
    let mut warned = 0;
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        if line["level"] == "WARN" && line["target"] == "publisher" {
            let message = line["message"].as_str().unwrap();
            assert!(said.contains(message), "{message} is not in {said}");
            warned += 1;
        }
    }
    assert!(warned >= 4, "{log}");
    assert!(
        said.contains("STANDALONE_HOST: of the CONFIG_SOURCE"),
        "blank ones are not told: {said}"
    );
}
