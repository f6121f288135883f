//! More requests than are answered at a time, and a tenant whose storage hangs.

use futures_util::future::join_all;
use publisher_sandbox::Sandbox;

use crate::harness::Service;

const FEATURES: &str = "/api/config/features";

#[tokio::test]
async fn a_tenant_whose_storage_hangs_slows_no_other_and_leaves_places_to_them() {
    let sandbox = Sandbox::start().await.unwrap();
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("two tenants")
    };
    let few = [("MAX_CONCURRENT_REQUESTS", "128")];
    let service = Service::start_with(sandbox.environment(), &few).await;
    // Those who ask for the same image share one call.
    let paths: Vec<String> = (0..126)
        .map(|number| format!("/api/images/none-{number}.jpg/thumbnail"))
        .collect();
    let held = sandbox
        .dropbox
        .switches()
        .hold_matching("get_thumbnail_v2", &alice.root);
    let get = |path| service.get_as_admin(&sandbox, &alice.host, path);
    let hanging = join_all(paths.iter().map(|path| get(path)));
    let others = async {
        held.arrived(126).await;
        let more = service.get(&alice.host, FEATURES).await;
        more.assert_problem(503, "overloaded");
        assert_eq!(more.header("retry-after"), "5");
        for _ in 0..20 {
            let list = service.get_as_admin(&sandbox, &bob.host, "/api/images/list");
            let thumbnail = format!("/api/images/{}/thumbnail", bob.images[0]);
            let thumbnail = service.get_as_admin(&sandbox, &bob.host, &thumbnail);
            let (list, thumbnail) = tokio::join!(list, thumbnail);
            assert_eq!((list.status, thumbnail.status), (200, 200), "{list:?}");
        }
        assert_eq!(held.waiting(), 126, "they hang still");
        held.release();
    };
    let (answers, ()) = tokio::join!(hanging, others);
    assert!(answers.iter().all(|answer| answer.status == 404));
    assert_eq!(service.get(&alice.host, FEATURES).await.status, 200);
}

#[tokio::test]
async fn a_full_service_turns_requests_away_and_answers_probes() {
    let sandbox = Sandbox::start().await.unwrap();
    let bob = &sandbox.tenants()[1];
    let few = [("MAX_CONCURRENT_REQUESTS", "2")];
    let service = Service::start_with(sandbox.environment(), &few).await;
    let thumbnail = format!("/api/images/{}/thumbnail", bob.images[0]);
    let held = sandbox.dropbox.switches().hold("get_thumbnail_v2");
    let small = format!("{thumbnail}?size=w256h256");
    let get = |path| service.get_as_admin(&sandbox, &bob.host, path);
    let probes = async {
        held.arrived(2).await;
        for path in [&*thumbnail, FEATURES] {
            let answer = service.get(&sandbox.tenants()[0].host, path).await;
            answer.assert_problem(503, "overloaded");
        }
        for path in ["/health", "/health/live", "/health/ready", "/openapi.json"] {
            assert_eq!(service.get("any", path).await.status, 200, "{path}");
        }
        held.release();
    };
    let (one, other, ()) = tokio::join!(get(&thumbnail), get(&small), probes);
    assert_eq!((one.status, other.status), (200, 200));
    assert_eq!(service.get("any", "/docs").await.status, 200);
}
