//! How freely the models write, as the requests say it.

use publisher_sandbox::{DemoTenant, Sandbox, TenantSpec, Unsupported};
use serde_json::{Value, json};

use super::{asked, calls, last_photo, publish, script, spec, start};

/// What a request says of how freely its model is to write.
fn sampling(request: &Value) -> [Option<f64>; 3] {
    ["temperature", "frequency_penalty", "presence_penalty"].map(|name| request[name].as_f64())
}

/// The last request of an operation.
fn last(sandbox: &Sandbox, operation: &str, tenant: &DemoTenant) -> Value {
    asked(sandbox, operation, tenant).pop().unwrap()
}

fn with_model(name: &str, field: &str, model: &str) -> TenantSpec {
    spec(name, 2).patch(&json!({ "ai": { field: model } }))
}

#[tokio::test]
async fn each_kind_of_request_has_its_temperature_and_captions_have_penalties() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let carol = sandbox.add_tenant(spec("carol", 3).email(true));
    let service = start(&sandbox).await;
    let long = "Warm. ".repeat(300);
    script(&sandbox, &json!({ "telegram": long, "email": long }));
    for (index, platforms, temperature) in [
        (0, &["telegram", "email"][..], 0.9),
        (1, &["email"], 0.5),
        (2, &["telegram"], 0.9),
    ] {
        publish(&service, &sandbox, &carol, index, platforms).await;
        let captions = last(&sandbox, "caption", &carol);
        let expected = [Some(temperature), Some(0.3), Some(0.6)];
        assert_eq!(sampling(&captions), expected, "{platforms:?}");
        for (operation, temperature) in [("vision", 0.4), ("condense", 0.3)] {
            let request = last(&sandbox, operation, &carol);
            assert_eq!(sampling(&request), [Some(temperature), None, None]);
        }
    }
    assert_eq!(calls(&sandbox), [3, 3, 3]);
}

#[tokio::test]
async fn a_model_that_takes_no_temperature_gets_none_and_that_is_remembered() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let carol = sandbox.add_tenant(with_model("carol", "caption_model", "gpt-strict"));
    let openai = &sandbox.openai;
    openai.limit_model("gpt-strict", Unsupported::Temperature);
    let service = start(&sandbox).await;
    for index in 0..2 {
        script(
            &sandbox,
            &json!({ "telegram": format!("Loop {index} holds.") }),
        );
        let outcomes = publish(&service, &sandbox, &carol, index, &["telegram"]).await;
        assert_eq!(outcomes, ["published"]);
        assert_eq!(last_photo(&sandbox, &carol), format!("Loop {index} holds."));
        let captions = last(&sandbox, "caption", &carol);
        // The rest of the request is as it was.
        assert_eq!(sampling(&captions), [None, Some(0.3), Some(0.6)]);
    }
    // Refused once.
    assert_eq!(calls(&sandbox), [2, 3, 0]);
    assert_eq!(
        service
            .lines("a model takes requests in another form")
            .await
            .len(),
        1
    );
}

#[tokio::test]
async fn models_that_reason_are_asked_without() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let carol = sandbox.add_tenant(with_model("carol", "caption_model", "o3-mini"));
    let dave = sandbox.add_tenant(with_model("dave", "vision_model", "o4-mini"));
    let service = start(&sandbox).await;
    script(&sandbox, &json!({ "telegram": "Warm. ".repeat(300) }));
    for tenant in [&carol, &dave] {
        publish(&service, &sandbox, tenant, 0, &["telegram"]).await;
    }
    let none = [None, None, None];
    for operation in ["caption", "condense"] {
        assert_eq!(sampling(&last(&sandbox, operation, &carol)), none);
        assert_ne!(sampling(&last(&sandbox, operation, &dave)), none);
    }
    assert_eq!(sampling(&last(&sandbox, "vision", &dave)), none);
    assert_ne!(sampling(&last(&sandbox, "vision", &carol)), none);
    assert_eq!(calls(&sandbox), [2, 2, 2], "nothing was refused");
}
