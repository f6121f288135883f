//! What is asked without paying.

use super::*;

/// The result of a check, how many models were asked for, and how many empty requests were made.
async fn check(
    desk: &Desk,
    faults: &[Fault],
) -> (Result<&'static str, CaptionError>, usize, usize) {
    desk.switches().forget_calls();
    for fault in faults {
        desk.switches().inject("model", fault.clone());
    }
    let outcome = desk.writer.check().await;
    desk.switches().clear("model");
    let empty = desk.switches().requests("caption");
    assert!(empty.iter().all(|request| &request.body[..] == b"{}"));
    assert_eq!(desk.switches().calls("vision"), 0);
    (outcome, desk.switches().calls("model"), empty.len())
}

#[tokio::test]
async fn each_model_is_asked_for_once_and_nothing_is_completed() {
    let models = json!({ "vision_model": "a", "caption_model": "b/c" });
    let desk = Desk::with(&models, 1).await;
    let (outcome, models, empty) = check(&desk, &[]).await;
    assert_eq!(
        outcome.unwrap(),
        "the key is accepted, and the models are there"
    );
    assert_eq!((models, empty), (2, 0));
    let paths: Vec<_> = desk
        .switches()
        .requests("model")
        .iter()
        .map(|request| (request.method.clone(), request.path().to_owned()))
        .collect();
    let get = |path: &str| ("GET".to_owned(), path.to_owned());
    assert_eq!(paths, [get("/v1/models/a"), get("/v1/models/b%2Fc")]);
}

#[tokio::test]
async fn a_key_that_may_not_read_models_is_tried_with_an_empty_request() {
    let desk = Desk::new().await;
    let scope = json!({ "error": { "code": "missing_scope", "type": "invalid_request_error",
        "message": "You have insufficient permissions for this operation. Missing scopes: \
                    api.model.read. Check that you have the correct role." } });
    let (outcome, models, empty) = check(&desk, &[Fault::json(403, &scope)]).await;
    assert!(outcome.unwrap().contains("is not told without a paid call"));
    assert_eq!((models, empty), (1, 1));
}

#[tokio::test]
async fn what_is_no_api_is_told_from_one_that_does_not_tell_of_models() {
    let desk = Desk::new().await;
    let nothing = Fault::text(404, "<html>");
    let (outcome, _, empty) = check(&desk, std::slice::from_ref(&nothing)).await;
    assert!(outcome.is_ok() && empty == 1, "{outcome:?}");
    desk.switches().inject("caption", nothing.clone());
    desk.switches().inject("model", nothing);
    match desk.writer.check().await {
        Err(CaptionError::Misconfigured { detail }) => {
            assert!(detail.contains("OPENAI_BASE_URL"), "{detail}");
        }
        other => panic!("{other:?}"),
    }
    let page = Fault::text(200, "<html>");
    let (outcome, ..) = check(&desk, &[page.clone(), page.clone(), page]).await;
    assert!(
        matches!(outcome, Err(CaptionError::Unavailable(_))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_check_fails_as_a_caption_would() {
    let desk = Desk::new().await;
    let (outcome, models, _) = check(&desk, &[OpenAi::insufficient_quota()]).await;
    assert!(matches!(outcome, Err(CaptionError::QuotaExhausted)));
    assert_eq!(models, 1);
    let (outcome, models, _) = check(&desk, &[Fault::status(500), Fault::status(503)]).await;
    assert!(outcome.is_ok() && models > 2, "{outcome:?} {models}");
    let model = "gpt-4o-mini";
    let desk = Desk::with(&json!({ "caption_model": model }), 1).await;
    desk.sandbox.openai.limit_model(model, Unsupported::Model);
    let (outcome, ..) = check(&desk, &[]).await;
    assert!(
        matches!(outcome, Err(CaptionError::Misconfigured { detail }) if detail.contains(model))
    );
    desk.sandbox.openai.revoke_key(KEY);
    let (outcome, ..) = check(&desk, &[]).await;
    assert!(matches!(outcome, Err(CaptionError::Unauthorized(_))));
}
