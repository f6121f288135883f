//! The choice among what a model offers.

use publisher_sandbox::Sandbox;
use serde_json::json;

use super::{last_material, last_photo, last_subject, publish, script, spec, start};

const LAST: &str = "The rope lies over her shoulder while rain runs down the window.";
const ALIKE: &str = "The rope lies over her shoulder while rain runs down the glass.";
const STOCK: &str = "A testament to trust, bathed in golden light.";
const GOOD: &str = "Two fingers of slack under the third wrap.";

#[tokio::test]
async fn the_best_candidate_of_each_platform_is_sent() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let carol = sandbox.add_tenant(spec("carol", 3).email(true));
    let service = start(&sandbox).await;
    let both = ["telegram", "email"];
    for (index, telegram, email, expected) in [
        (0, vec![LAST], vec![LAST], [LAST, LAST]),
        // Likeness to the last captions is worse than none, and a stock phrase is worse than likeness.
        (
            1,
            vec![STOCK, ALIKE, GOOD],
            vec![ALIKE, GOOD, STOCK],
            [GOOD, GOOD],
        ),
        (2, vec![STOCK, ALIKE], vec![GOOD, ALIKE], [ALIKE, ALIKE]),
    ] {
        script(&sandbox, &json!({ "telegram": telegram, "email": email }));
        let outcomes = publish(&service, &sandbox, &carol, index, &both).await;
        assert_eq!(outcomes, ["published", "published"]);
        let sent = [last_photo(&sandbox, &carol), last_subject(&sandbox, &carol)];
        assert_eq!(sent, expected, "{index}");
        assert_eq!(last_material(&sandbox, &carol)["candidates"], 3);
    }
}
