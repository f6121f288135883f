use super::*;
use serde_json::json;

fn envelope(content: &Value, refusal: &Value, finish: &str) -> Value {
    let message = json!({ "content": content, "refusal": refusal });
    json!({ "choices": [{ "message": message, "finish_reason": finish }] })
}

#[test]
fn a_finished_answer_is_its_content() {
    let answer = envelope(&json!("{}"), &Value::Null, "stop");
    assert_eq!(content(&answer), Ok("{}".to_owned()));
}

#[test]
fn refused_cut_held_back_and_empty_answers_are_unusable() {
    for (answer, why) in [
        (
            envelope(&Value::Null, &json!("I cannot"), "stop"),
            NoContent::Refused,
        ),
        (
            envelope(&json!("{"), &Value::Null, "length"),
            NoContent::Unusable("it was cut short"),
        ),
        (
            envelope(&json!("x"), &Value::Null, "content_filter"),
            NoContent::HeldBack,
        ),
        (
            envelope(&json!(" "), &Value::Null, "stop"),
            NoContent::Unusable("it is empty"),
        ),
        (json!({ "choices": [] }), NoContent::Unusable("it is empty")),
        (json!([]), NoContent::Unusable("it is empty")),
    ] {
        assert_eq!(content(&answer), Err(why), "{answer}");
    }
    let parts = json!([{ "type": "text", "text": "{" }, { "type": "text", "text": "}" }]);
    let answer = envelope(&parts, &Value::Null, "stop");
    assert_eq!(content(&answer), Ok("{}".to_owned()));
}

#[test]
fn the_key_is_marked_as_a_secret() {
    let credential: AiCredential = crate::adapters::sample_tenant::credential("sk-secret");
    let header = bearer(&credential).unwrap();
    assert!(header.is_sensitive());
    assert_eq!(header.as_bytes(), b"Bearer sk-secret");
}
