//! Analyses, captions and refusals.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Response;
use serde_json::{Value, json};

use super::client;
use crate::{Fault, OpenAi, Sample, Unsupported};

async fn openai() -> OpenAi {
    let openai = OpenAi::start().await.unwrap();
    openai.add_key("sk-sandbox-1");
    openai
}

async fn complete(openai: &OpenAi, key: &str, content: Value) -> Response {
    let url = format!("{}/v1/chat/completions", openai.server().url());
    let body = json!({
        "model": "gpt-4o-mini",
        "messages": [{ "role": "user", "content": content }],
    });
    client()
        .post(url)
        .bearer_auth(key)
        .json(&body)
        .send()
        .await
        .unwrap()
}

fn image() -> Value {
    let sample = Sample::jpeg("a.jpg", 40, 30, 1).unwrap();
    let url = format!("data:image/jpeg;base64,{}", STANDARD.encode(&sample.bytes));
    json!([
        { "type": "text", "text": "What is it? Answer in JSON." },
        { "type": "image_url", "image_url": { "url": url, "detail": "low" } },
    ])
}

async fn content(answer: Response) -> Value {
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["model"], "gpt-4o-mini");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    let content = answer["choices"][0]["message"]["content"].as_str().unwrap();
    serde_json::from_str(content).unwrap()
}

#[tokio::test]
async fn vision_and_caption_calls_are_told_apart() {
    let openai = openai().await;
    let analysis = content(complete(&openai, "sk-sandbox-1", image()).await).await;
    assert!(
        analysis["description"]
            .as_str()
            .unwrap()
            .contains("40 by 30")
    );
    let keys = "description mood tags nsfw safety_labels subject style lighting camera \
                clothing_or_accessories aesthetic_terms pose composition background \
                color_palette alt_text";
    for key in keys.split_whitespace() {
        assert!(analysis.get(key).is_some(), "{key}");
    }
    let wish = json!({ "platforms": { "email": {} }, "analysis": analysis, "sd_caption": false });
    let captions = content(complete(&openai, "sk-sandbox-1", wish.to_string().into()).await).await;
    assert_eq!(captions["captions"]["email"], analysis["description"]);
    assert_eq!(captions.get("sd_caption"), None);
    assert_eq!(openai.switches().calls("vision"), 1);
    assert_eq!(openai.switches().calls("caption"), 1);
}

#[tokio::test]
async fn a_request_to_shorten_is_an_operation_of_its_own() {
    let openai = openai().await;
    let wish = json!({ "email": { "text": "One two three, four five.", "words": "at most 3" } });
    let ask = || complete(&openai, "sk-sandbox-1", wish.to_string().into());
    let answer = content(ask().await).await;
    assert_eq!(answer, json!({ "captions": { "email": "One two three." } }));
    openai.answer_captions_with(Some("{}"));
    openai.answer_condense_with(Some(r#"{"captions": {}}"#));
    assert_eq!(content(ask().await).await, json!({ "captions": {} }));
    assert_eq!(openai.switches().calls("condense"), 2);
    assert_eq!(openai.switches().calls("caption"), 0);
}

#[tokio::test]
async fn a_model_that_takes_no_temperature_says_so() {
    let openai = openai().await;
    openai.limit_model("gpt-4o-mini", Unsupported::Temperature);
    let answer = complete(&openai, "sk-sandbox-1", "hello".into()).await;
    assert_eq!(answer.status(), 200);
    let url = format!("{}/v1/chat/completions", openai.server().url());
    let message = json!({ "role": "user", "content": "hello" });
    let body = json!({ "model": "gpt-4o-mini", "messages": [message], "temperature": 0.9 });
    let request = client().post(url).bearer_auth("sk-sandbox-1").json(&body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 400);
    let error: Value = answer.json().await.unwrap();
    assert_eq!(error["error"]["param"], "temperature");
    assert_eq!(error["error"]["code"], "unsupported_value");
}

#[tokio::test]
async fn an_unknown_key_is_refused() {
    let openai = openai().await;
    let answer = complete(&openai, "sk-wrong", "hello".into()).await;
    assert_eq!(answer.status(), 401);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["error"]["code"], "invalid_api_key");
    openai.revoke_key("sk-sandbox-1");
    assert_eq!(
        complete(&openai, "sk-sandbox-1", "hello".into())
            .await
            .status(),
        401
    );
}

#[tokio::test]
async fn a_test_chooses_content_finish_reason_and_refusal() {
    let openai = openai().await;
    openai.answer_captions_with(Some("no JSON at all"));
    openai.finish_with("caption", Some("length"));
    openai.refuse_with("vision", Some("I cannot help with that."));
    let answer: Value = complete(&openai, "sk-sandbox-1", "hello".into())
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "no JSON at all");
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    let answer: Value = complete(&openai, "sk-sandbox-1", image())
        .await
        .json()
        .await
        .unwrap();
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["content"], Value::Null);
    assert_eq!(message["refusal"], "I cannot help with that.");
}

#[tokio::test]
async fn limits_and_quota_have_their_own_codes() {
    let openai = openai().await;
    openai
        .switches()
        .inject("caption", OpenAi::insufficient_quota());
    openai.switches().inject("caption", OpenAi::rate_limited(2));
    let answer = complete(&openai, "sk-sandbox-1", "hello".into()).await;
    assert_eq!(answer.status(), 429);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["error"]["code"], "insufficient_quota");
    let answer = complete(&openai, "sk-sandbox-1", "hello".into()).await;
    assert_eq!(answer.headers()["retry-after"], "2");
}

#[tokio::test]
async fn a_reset_of_vision_spares_captions() {
    let openai = openai().await;
    openai
        .switches()
        .inject("vision", Fault::ResetBeforeRequest);
    assert_eq!(
        complete(&openai, "sk-sandbox-1", "hello".into())
            .await
            .status(),
        200
    );
    let url = format!("{}/v1/chat/completions", openai.server().url());
    let body = json!({ "messages": [{ "role": "user", "content": image() }] });
    assert!(client().post(url).json(&body).send().await.is_err());
}
