//! Upstreams that ask for pauses without an end.

use publisher_sandbox::{Fault, Sandbox};

use crate::harness::Service;

#[tokio::test]
async fn no_upstream_makes_callers_wait_for_more_than_an_hour() {
    for pause in [
        "18446744073709551615",
        "999999999",
        "Fri, 31 Dec 9999 23:59:59 GMT",
    ] {
        let sandbox = Sandbox::start().await.unwrap();
        let service = Service::start(&sandbox).await;
        let [alice, bob, ..] = sandbox.tenants() else {
            panic!("two tenants")
        };
        let busy = |status| Fault::status(status).with_header("retry-after", pause);
        sandbox.dropbox.switches().always("list_folder", busy(429));
        let list = "/api/images/list";
        let storage = service.get_as_admin(&sandbox, &alice.host, list).await;
        storage.assert_problem(503, "upstream-limited");
        sandbox.orchestrator.switches().always("by_host", busy(503));
        let orchestrator = service.get_as_admin(&sandbox, &bob.host, list).await;
        orchestrator.assert_problem(503, "tenant-unavailable");
        for answer in [storage, orchestrator] {
            let seconds: u64 = answer.header("retry-after").parse().unwrap();
            assert!((1..=3_600).contains(&seconds), "{pause}: {seconds}");
        }
    }
}
