//! A feature that is on and whose credential cannot be had: 503 with `Retry-After`, unless the tenant is out of credit,
//! which is 402.

use publisher_sandbox::{DemoTenant, Fault, Orchestrator, Sandbox};
use serde_json::json;

use crate::harness::{Answer, Service};

const IMAGE: &str = "harbour-dawn.jpg";

/// Which credentials cannot be had.
type Refs = fn(&DemoTenant) -> Vec<&str>;

async fn answer_to(
    operation: &str,
    service: &Service,
    sandbox: &Sandbox,
    tenant: &DemoTenant,
) -> Answer {
    match operation {
        "analyze" => service.post(sandbox, tenant, IMAGE, "analyze").await,
        "publish" => service.publish(sandbox, tenant, IMAGE, json!({})).await,
        "publish with a caption" => {
            let body = json!({"caption": "Ahoy"});
            service.publish(sandbox, tenant, IMAGE, body).await
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn each_path_says_so_in_its_way() {
    let ai: Refs = |tenant| vec![&tenant.ai_ref];
    let platforms: Refs = |tenant| vec![&tenant.telegram_ref, &tenant.password_ref];
    let all: Refs = |tenant| vec![&tenant.ai_ref, &tenant.telegram_ref, &tenant.password_ref];
    let missing: fn() -> Fault = || Fault::status(404);
    let down: fn() -> Fault = || Fault::status(503);
    let broke: fn() -> Fault = Orchestrator::insufficient_balance;
    let (unavailable, out_of_credit) =
        ((503, "feature-unavailable"), (402, "insufficient-balance"));
    for (row, refs, fault, operation, (status, kind)) in [
        ("no key", ai, missing, "analyze", unavailable),
        ("key not to be had", ai, down, "analyze", unavailable),
        ("no credit for it", ai, broke, "analyze", out_of_credit),
        ("no key", ai, missing, "publish", unavailable),
        ("key not to be had", ai, down, "publish", unavailable),
        ("no credit for it", ai, broke, "publish", out_of_credit),
        (
            "no platform left",
            platforms,
            missing,
            "publish with a caption",
            unavailable,
        ),
        (
            "no platform left for now",
            platforms,
            down,
            "publish with a caption",
            unavailable,
        ),
        (
            "no credit for any",
            platforms,
            broke,
            "publish with a caption",
            out_of_credit,
        ),
        (
            "no credit for anything",
            all,
            broke,
            "publish",
            out_of_credit,
        ),
    ] {
        let sandbox = Sandbox::start().await.unwrap();
        let tenant = &sandbox.tenants()[0];
        let switches = sandbox.orchestrator.switches();
        for reference in refs(tenant) {
            switches.always_matching("resolve", reference, fault());
        }
        let service = Service::start(&sandbox).await;
        let answer = answer_to(operation, &service, &sandbox, tenant).await;
        println!("{operation}, {row}");
        answer.assert_problem(status, kind);
        if status == 503 {
            let seconds: u64 = answer.header("retry-after").parse().unwrap();
            assert!(seconds >= 1, "{operation}, {row}");
        }
        assert!(sandbox.telegram.photos().is_empty() && sandbox.smtp.mails().is_empty());
        service.kill().await;
    }
}

#[tokio::test]
async fn a_platform_alone_is_skipped_and_the_others_get_the_image() {
    let sandbox = Sandbox::start().await.unwrap();
    let tenant = &sandbox.tenants()[0];
    let switches = sandbox.orchestrator.switches();
    switches.always_matching("resolve", &tenant.telegram_ref, Fault::status(404));
    let service = Service::start(&sandbox).await;
    let answer = answer_to("publish with a caption", &service, &sandbox, tenant).await;
    let results = &answer.json()["results"];
    let telegram = &results["telegram"];
    let said = (&telegram["outcome"], &telegram["reason"]);
    assert_eq!(
        said,
        (&json!("skipped"), &json!("unavailable")),
        "{answer:?}"
    );
    assert_eq!(results["email"]["outcome"], "published", "{answer:?}");
}
