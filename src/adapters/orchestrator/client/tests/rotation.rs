//! The service token while it is rotated.

use std::{fs, path::PathBuf};

use futures_util::future::join_all;
use tempfile::TempDir;

use super::*;
use crate::ports::MockClock;

/// Time stands still, so that the file is looked at once and then only when a token is refused.
fn still_clock() -> MockClock {
    let mut clock = MockClock::new();
    clock.expect_now().return_const(SystemClock.now());
    clock.expect_utc().return_const(SystemClock.utc());
    clock
}

/// The stand-in, a token file, and a client that was given that file.
struct Rotation {
    stage: Stage,
    folder: TempDir,
}

impl Rotation {
    async fn new() -> Self {
        let (mut stage, folder) = (Stage::new().await, tempfile::tempdir().unwrap());
        let token = Secret::new(stage.orchestrator().service_token());
        let file = ServiceToken::in_file(token, folder.path().join("token"));
        stage.client.service_token = file;
        stage.client.clock = Arc::new(still_clock());
        let rotation = Self { stage, folder };
        rotation.write(&rotation.orchestrator().service_token());
        rotation
    }

    fn orchestrator(&self) -> &Orchestrator {
        self.stage.orchestrator()
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    /// Renames a new file into place, as an operator should who changes a secret that is in use.
    fn write(&self, token: &str) {
        let next = self.folder.path().join("next");
        fs::write(&next, token).unwrap();
        fs::rename(next, self.path()).unwrap();
    }
}

#[tokio::test]
async fn while_tokens_are_rotated_the_old_one_and_the_new_one_serve() {
    let rotation = Rotation::new().await;
    let new = rotation.orchestrator().rotate_service_token();
    assert!(rotation.stage.fetch().await.is_ok());
    rotation.write(&new);
    assert!(rotation.stage.fetch().await.is_ok());
    assert_eq!(rotation.stage.switches().calls(BY_HOST), 2);
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_within_the_same_call() {
    let rotation = Rotation::new().await;
    let stage = &rotation.stage;
    let reference = stage.api_key();
    assert!(stage.fetch().await.is_ok());
    let old = stage.orchestrator().service_token();
    let new = stage.orchestrator().rotate_service_token();
    rotation.write(&new);
    stage.orchestrator().set_service_tokens(&new, None);
    let log = Log::start();
    assert!(stage.resolve(&reference, Provider::OPENAI).await.is_ok());
    assert!(stage.fetch().await.is_ok());
    let requests = stage.switches().requests(RESOLVE);
    let tokens: Vec<_> = requests.iter().map(|it| it.bearer().unwrap()).collect();
    assert_eq!(tokens, [&old, &new]);
    let succeeded = log.calls().iter().all(|call| call["level"] == "INFO");
    assert!(succeeded, "{}", log.text());
    assert!(!log.text().contains(&old) && !log.text().contains(&new));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_fails_when_the_old_token_ends_under_load() {
    let rotation = Rotation::new().await;
    let stage = &rotation.stage;
    let reference = stage.api_key();
    stage.switches().keep_requests(false);
    let load = || async {
        let configs = join_all((0..50).map(|_| stage.fetch()));
        let credentials = join_all((0..50).map(|_| stage.resolve(&reference, Provider::OPENAI)));
        let (configs, credentials) = tokio::join!(configs, credentials);
        configs.iter().filter(|it| it.is_err()).count()
            + credentials.iter().filter(|it| it.is_err()).count()
    };
    for _ in 0..10 {
        let calls = stage.switches().calls(BY_HOST);
        let rotate = async {
            let new = stage.orchestrator().rotate_service_token();
            stage.switches().wait_for_calls(BY_HOST, calls + 10).await;
            rotation.write(&new);
            stage.orchestrator().set_service_tokens(&new, None);
        };
        let (failed, ()) = tokio::join!(load(), rotate);
        assert_eq!(failed, 0);
        // Should the whole load have been served before, the token is replaced here: no client
        // is ever two rotations behind.
        assert!(stage.fetch().await.is_ok());
    }
    // More than one for each request: some were refused, and then made with the new token.
    let calls = stage.switches().total_calls();
    assert!(calls > 1_010, "{calls}");
}

#[tokio::test]
async fn a_token_that_stays_wrong_costs_one_call_each_time() {
    let rotation = Rotation::new().await;
    let stage = &rotation.stage;
    let reference = stage.api_key();
    stage.orchestrator().set_service_tokens("svc-another", None);
    let refused = join_all((0..50).map(|_| stage.fetch())).await;
    let unauthorized = |it: &Result<_, _>| matches!(it, Err(ConfigSourceError::Unauthorized(_)));
    assert!(refused.iter().all(unauthorized));
    assert_eq!(stage.switches().calls(BY_HOST), 50);
    let refused = stage.resolve(&reference, Provider::OPENAI).await;
    assert!(matches!(refused, Err(CredentialError::Unauthorized(_))));
    assert_eq!(stage.switches().calls(RESOLVE), 1);
}

#[tokio::test]
async fn a_new_token_that_is_wrong_too_is_tried_once() {
    let rotation = Rotation::new().await;
    let stage = &rotation.stage;
    assert!(stage.fetch().await.is_ok());
    stage.orchestrator().set_service_tokens("svc-another", None);
    rotation.write("svc-wrong-too");
    let refused = stage.fetch().await;
    assert!(matches!(refused, Err(ConfigSourceError::Unauthorized(_))));
    assert_eq!(stage.switches().calls(BY_HOST), 3);
}

#[tokio::test]
async fn a_tenant_that_is_out_of_credit_is_no_reason_to_look_for_a_token() {
    let rotation = Rotation::new().await;
    let stage = &rotation.stage;
    let reference = stage.api_key();
    assert!(stage.fetch().await.is_ok());
    rotation.write("svc-wrong");
    stage
        .switches()
        .always(RESOLVE, Orchestrator::insufficient_balance());
    let refused = stage.resolve(&reference, Provider::OPENAI).await;
    assert!(matches!(refused, Err(CredentialError::OutOfCredit)));
    assert_eq!(stage.switches().calls(RESOLVE), 1);
}

#[tokio::test]
async fn a_file_that_comes_to_be_of_no_use_is_warned_about_once_and_not_shown() {
    let rotation = Rotation::new().await;
    let stage = &rotation.stage;
    assert!(stage.fetch().await.is_ok());
    stage.orchestrator().set_service_tokens("svc-another", None);
    fs::write(rotation.path(), "svc-two\nsvc-lines").unwrap();
    let log = Log::start();
    assert!(stage.fetch().await.is_err());
    assert!(stage.fetch().await.is_err());
    let told = log
        .text()
        .matches("ORCHESTRATOR_SERVICE_TOKEN_FILE")
        .count();
    assert_eq!(told, 1, "{}", log.text());
    assert!(!log.text().contains("svc-two"), "{}", log.text());
}
