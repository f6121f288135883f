//! How freely models write, and what those get that reason.

use super::*;

#[test]
fn each_request_has_its_own_temperature() {
    let settings = settings(&json!({}), &Value::Null);
    let requests = requests_of(&settings);
    let sampling = |request: &Value| {
        ["temperature", "frequency_penalty", "presence_penalty"].map(|it| request[it].clone())
    };
    let captions = |platforms: &[Platform]| {
        let brief = brief(places(&settings, platforms, &[]));
        sampling(&requests.captions(&brief).unwrap())
    };
    assert_eq!(
        captions(&[Platform::Telegram, Platform::Email]),
        [json!(0.9), json!(0.3), json!(0.6)]
    );
    assert_eq!(
        captions(&[Platform::Email, Platform::Bluesky]),
        [json!(0.5), json!(0.3), json!(0.6)]
    );
    let vision = requests.vision(&image(VisionDetail::Low));
    assert_eq!(sampling(&vision), [json!(0.4), Value::Null, Value::Null]);
}

#[test]
fn no_model_gets_a_parameter_that_reasoning_models_refuse() {
    for (model, tokens, reasons) in [
        ("gpt-4o", MAX_TOKENS, false),
        ("o4-mini", MAX_TOKENS_WITH_REASONING, true),
        ("gpt-5-mini", MAX_TOKENS_WITH_REASONING, true),
    ] {
        let requests = requests(&json!({ "caption_model": model }));
        let request = requests.captions(&brief(both())).unwrap();
        assert_eq!(request["max_completion_tokens"], tokens);
        assert!(request.get("max_tokens").is_none());
        for parameter in ["temperature", "frequency_penalty", "presence_penalty"] {
            assert_eq!(request.get(parameter).is_none(), reasons, "{model}");
        }
    }
}
