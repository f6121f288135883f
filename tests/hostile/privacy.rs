//! What others on the machine get to see of the service.

use std::{fs, os::unix::fs::PermissionsExt as _};

use publisher_sandbox::Sandbox;

use crate::harness::Service;

#[tokio::test]
async fn files_are_their_owners_and_memory_is_not_dumped() {
    let sandbox = Sandbox::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ledger = format!("sqlite://{}/ledger.db", folder.path().display());
    let more = [("PUBLISH_LEDGER_URL", &*ledger)];
    let service = Service::start_with(sandbox.environment(), &more).await;
    let alice = &sandbox.tenants()[0];
    let list = service.get_as_admin(&sandbox, &alice.host, "/api/publications");
    assert_eq!(list.await.status, 200);
    let mut files = 0;
    for file in fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        let permissions = file.metadata().unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600, "{:?}", file.path());
        files += 1;
    }
    assert_eq!(files, 4, "the ledger, its log, its index, and the lock");
    let limits = service.proc_file("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core"));
    let core: Vec<_> = core.unwrap().split_whitespace().collect();
    assert_eq!(core[4..6], ["0", "0"], "{core:?}");
}
