//! The service token is rotated while the service runs.

use std::{fs, path::Path};

use futures_util::future::join_all;
use publisher_sandbox::Sandbox;

use crate::harness::Service;

fn write(folder: &Path, token: &str) {
    let next = folder.join("next");
    fs::write(&next, token).unwrap();
    fs::rename(next, folder.join("token")).unwrap();
}

#[tokio::test]
async fn a_rotation_of_the_service_token_needs_no_restart_and_fails_no_request() {
    let sandbox = Sandbox::start().await.unwrap();
    let orchestrator = &sandbox.orchestrator;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &orchestrator.service_token());
    let mut environment = sandbox.environment();
    environment.retain(|(name, _)| *name != "ORCHESTRATOR_SERVICE_TOKEN");
    let file = folder.path().join("token");
    let more = [("ORCHESTRATOR_SERVICE_TOKEN_FILE", file.to_str().unwrap())];
    let service = Service::start_with(environment, &more).await;
    for round in 0..3 {
        // None of these is known: each costs a call, which is refused without a valid token.
        let hosts: Vec<_> = (0..40)
            .map(|n| format!("cold-{round}-{n}.sandbox.localhost"))
            .collect();
        let requests = hosts
            .iter()
            .map(|host| service.get(host, "/api/config/features"));
        let calls = orchestrator.switches().calls("by_host");
        let rotate = async {
            let new = orchestrator.rotate_service_token();
            orchestrator
                .switches()
                .wait_for_calls("by_host", calls + 5)
                .await;
            write(folder.path(), &new);
            orchestrator.set_service_tokens(&new, None);
        };
        let (answers, ()) = tokio::join!(join_all(requests), rotate);
        for answer in answers {
            answer.assert_problem(404, "tenant-not-found");
        }
        // Whoever was late uses the new token from here on.
        let host = format!("late-{round}.sandbox.localhost");
        let late = service.get(&host, "/api/config/features").await;
        late.assert_problem(404, "tenant-not-found");
    }
    let log = service.whole_log().await;
    assert!(log.contains("the service token has changed"), "{log}");
    for secret in sandbox.secrets() {
        assert!(!log.contains(&secret), "{secret} is in the log");
    }
}
