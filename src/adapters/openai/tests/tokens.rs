//! What is recorded of completions: each that the provider has billed, once.

use parking_lot::Mutex;

use super::*;
use crate::domain::usage::{UsageEvent, UsageMetric};

#[derive(Default)]
pub(super) struct Recorded(Mutex<Vec<UsageEvent>>);

#[async_trait]
impl UsageSink for Recorded {
    async fn record(&self, event: UsageEvent) {
        self.0.lock().push(event);
    }
}

impl Desk {
    /// The key and the tokens of each event.
    fn recorded(&self) -> Vec<(String, u64)> {
        let events = self.recorded.0.lock();
        let events = events.iter().map(|event| {
            assert_eq!(event.metric, UsageMetric::AiTokens);
            (event.key.to_string(), event.quantity.get())
        });
        events.collect()
    }
}

#[tokio::test]
async fn each_completion_is_recorded_with_its_id_and_its_tokens() {
    let desk = Desk::new().await;
    desk.analyze().await.unwrap();
    desk.write().await.unwrap();
    let billed = desk.sandbox.openai.completions();
    assert!(billed.len() >= 2);
    assert!(billed.iter().all(|(_, tokens)| *tokens > 0));
    assert_eq!(desk.recorded(), billed);
}

#[tokio::test]
async fn a_second_call_for_the_sd_caption_is_recorded_beside_the_first() {
    let desk = Desk::with(&json!({"sd_caption_single_call_enabled": false}), 1_000).await;
    desk.write().await.unwrap();
    assert_eq!(desk.recorded().len(), 2);
    assert_eq!(desk.recorded(), desk.sandbox.openai.completions());
}

#[tokio::test]
async fn answers_that_cannot_be_used_are_recorded_too() {
    let desk = Desk::new().await;
    desk.sandbox.openai.answer_vision_with(Some("no analysis"));
    desk.analyze().await.unwrap_err();
    desk.sandbox.openai.finish_with("vision", Some("length"));
    desk.analyze().await.unwrap_err();
    desk.sandbox.openai.finish_with("vision", None);
    desk.sandbox.openai.refuse_with("vision", Some("I cannot"));
    desk.analyze().await.unwrap_err();
    assert_eq!(desk.recorded().len(), 3);
    assert_eq!(desk.recorded(), desk.sandbox.openai.completions());
}

#[tokio::test]
async fn attempts_that_were_not_billed_are_not_recorded_and_the_one_after_them_is() {
    let desk = Desk::new().await;
    let faults = [Fault::json(500, &json!({})), OpenAi::rate_limited(0)];
    let (written, calls) = desk.write_through(&faults).await;
    written.unwrap();
    assert_eq!((calls, desk.recorded().len()), (3, 1));
    desk.switches()
        .always("caption", OpenAi::insufficient_quota());
    desk.write().await.unwrap_err();
    assert_eq!(desk.recorded().len(), 1);
}

#[tokio::test]
async fn what_a_server_says_of_usage_is_taken_as_far_as_it_can_be() {
    let desk = Desk::new().await;
    let answer = |id: Value, usage: Value| {
        let message = json!({"content": "{}"});
        let choices = json!([{"message": message, "finish_reason": "stop"}]);
        Fault::json(200, &json!({"id": id, "choices": choices, "usage": usage}))
    };
    for (id, usage, expected) in [
        (json!("a"), json!({"total_tokens": 5}), Some(("a", 5))),
        (json!("a"), json!({"total_tokens": 0}), None),
        (json!("a"), json!({"total_tokens": -1}), None),
        (json!("a"), json!({"total_tokens": "5"}), None),
        (json!("a"), json!({}), None),
        (json!("a"), json!(null), None),
        (
            json!(null),
            json!({"total_tokens": 5}),
            Some(("publisher-", 5)),
        ),
        (
            json!(7),
            json!({"total_tokens": 5}),
            Some(("publisher-", 5)),
        ),
        (
            json!(KEY),
            json!({"total_tokens": 5}),
            Some(("publisher-", 5)),
        ),
    ] {
        desk.recorded.0.lock().clear();
        let (written, _) = desk
            .write_through(&[answer(id.clone(), usage.clone())])
            .await;
        written.unwrap();
        let recorded = desk.recorded();
        let recorded = recorded.first().map(|(key, tokens)| (&**key, *tokens));
        match (recorded, expected) {
            (Some((key, tokens)), Some((start, expected))) => {
                assert!(key.starts_with(start), "{id} {usage}");
                assert_eq!(tokens, expected);
            }
            (recorded, expected) => assert_eq!(recorded, expected, "{id} {usage}"),
        }
    }
}
