//! What a model is told not to begin with again.

use publisher_sandbox::{DemoTenant, Sandbox, Telegram};
use serde_json::{Value, json};

use super::{calls, last_material, publish, script, spec, start};
use crate::harness::Service;

const BOTH: [&str; 2] = ["telegram", "email"];

/// Publishes an image with captions that begin with these words, and returns what the model was told of both platforms.
async fn told(
    service: &Service,
    sandbox: &Sandbox,
    tenant: &DemoTenant,
    index: u8,
    [telegram, email]: [&str; 2],
) -> [Value; 2] {
    let text = |opening: &str| format!("{opening} and then there is more of it.");
    script(
        sandbox,
        &json!({ "telegram": text(telegram), "email": text(email) }),
    );
    publish(service, sandbox, tenant, index, &BOTH).await;
    let material = last_material(sandbox, tenant);
    BOTH.map(|platform| material["platforms"][platform]["not_again"].clone())
}

#[tokio::test]
async fn a_model_is_told_the_last_two_openings_that_the_platform_has_published() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let [carol, dave] = ["carol", "dave"].map(|name| sandbox.add_tenant(spec(name, 6).email(true)));
    let service = start(&sandbox).await;
    let one = [
        "One knot sits above her wrist",
        "Jute over the left knee bends",
    ];
    let two = [
        "Two hands rest on the table",
        "Dust lies along the window frame",
    ];
    let three = [
        "Three strands cross at the back",
        "Wax runs down the iron stand",
    ];
    let four = [
        "Four boards creak below the stool",
        "Breath clouds the cold glass pane",
    ];
    let none = [Value::Null, Value::Null];
    assert_eq!(told(&service, &sandbox, &carol, 0, one).await, none);
    let expected = one.map(|it| json!([it]));
    assert_eq!(told(&service, &sandbox, &carol, 1, two).await, expected);
    // Nothing of carol's is told of dave, and nothing of one platform is told of the other.
    assert_eq!(told(&service, &sandbox, &dave, 0, three).await, none);

    // A platform that fails has published nothing.
    let telegram = sandbox.telegram.switches();
    telegram.always(
        "sendPhoto",
        Telegram::refusal(400, "Bad Request: chat not found"),
    );
    let expected = [json!([two[0], one[0]]), json!([two[1], one[1]])];
    assert_eq!(told(&service, &sandbox, &carol, 2, three).await, expected);
    telegram.clear("sendPhoto");
    let expected = [json!([two[0], one[0]]), json!([three[1], two[1]])];
    assert_eq!(told(&service, &sandbox, &carol, 3, four).await, expected);
    let expected = [json!([four[0], two[0]]), json!([four[1], three[1]])];
    assert_eq!(told(&service, &sandbox, &carol, 4, one).await, expected);
    let expected = three.map(|it| json!([it]));
    assert_eq!(told(&service, &sandbox, &dave, 1, one).await, expected);

    // A repeat sends what failed, which is history from then on, with its angle.
    let before = calls(&sandbox);
    let outcomes = publish(&service, &sandbox, &carol, 2, &BOTH).await;
    assert_eq!(outcomes, ["published", "already_published"]);
    assert_eq!(calls(&sandbox), before);
    let expected = [json!([three[0], one[0]]), json!([one[1], four[1]])];
    assert_eq!(told(&service, &sandbox, &carol, 5, two).await, expected);
    let material = last_material(&sandbox, &carol);
    let angles = BOTH.map(|platform| material["platforms"][platform]["angle"].clone());
    assert_eq!(angles, ["atmosphere", "direct_address"]);
}
