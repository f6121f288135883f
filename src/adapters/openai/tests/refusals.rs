//! What OpenAI refuses, and whose fault it is.

use super::*;

#[tokio::test]
async fn a_refused_request_is_not_repeated() {
    let desk = Desk::new().await;
    let body = json!({ "error": { "code": "model_not_found", "message": "sk-secret" } });
    let (outcome, calls) = desk.write_through(&[Fault::json(404, &body)]).await;
    let Err(CaptionError::Misconfigured { detail }) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        detail.contains("\"gpt-4o-mini\" does not exist") && !detail.contains("sk-"),
        "{detail}"
    );
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn a_key_without_the_permission_is_no_dead_key_and_names_it() {
    let desk = Desk::new().await;
    let message = "You have insufficient permissions for this operation. Missing scopes: \
                   model.request. Check that you have the correct role.";
    let body = json!({ "error": { "code": null, "message": message } });
    let (outcome, calls) = desk.write_through(&[Fault::json(401, &body)]).await;
    let Err(CaptionError::Misconfigured { detail }) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(detail.contains("\"model.request\""), "{detail}");
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn an_image_that_the_model_cannot_read_is_the_images_fault_and_asked_for_once() {
    let desk = Desk::new().await;
    for (status, code) in [
        (400, "invalid_image_format"),
        (400, "image_parse_error"),
        (400, "content_policy_violation"),
        (413, "request_too_large"),
    ] {
        let body =
            json!({ "error": { "code": code, "message": "", "type": "invalid_request_error" } });
        desk.switches().inject("vision", Fault::json(status, &body));
        let outcome = desk.analyze().await;
        assert!(
            matches!(&outcome, Err(error @ CaptionError::ImageRefused { .. }) if error.is_about_the_image()),
            "{code}: {outcome:?}"
        );
    }
    assert_eq!(desk.switches().calls("vision"), 4);
}

#[tokio::test]
async fn what_a_model_does_not_take_is_asked_for_otherwise_and_remembered() {
    let desk = Desk::with(&json!({ "caption_model": "legacy-mini" }), 1_000).await;
    for unsupported in [
        Unsupported::SystemRole,
        Unsupported::JsonMode,
        Unsupported::MaxCompletionTokens,
    ] {
        desk.sandbox.openai.limit_model("legacy-mini", unsupported);
    }
    let written = desk.write().await.unwrap();
    assert_eq!(written.by_platform[&Platform::Telegram], ["A knot. #rope"]);
    assert_eq!(desk.switches().calls("caption"), 4);
    let last = desk.switches().requests("caption").pop().unwrap();
    let last = last.json().unwrap();
    assert_eq!(last["messages"].as_array().unwrap().len(), 1);
    assert!(last.get("response_format").is_none() && last["max_tokens"].is_u64());

    desk.write().await.unwrap();
    assert_eq!(
        desk.switches().calls("caption"),
        5,
        "what was learnt is not paid for again"
    );
    desk.analyze().await.unwrap();
    let vision = desk.switches().requests("vision").pop().unwrap();
    assert_eq!(
        vision.json().unwrap()["messages"][0]["role"],
        "system",
        "another model"
    );
}

#[tokio::test]
async fn a_model_that_takes_no_form_is_named_and_not_asked_without_end() {
    let desk = Desk::new().await;
    let body =
        json!({ "error": { "code": "unsupported_value", "param": "messages", "message": "no" } });
    let (outcome, calls) = desk.write_through(&vec![Fault::json(400, &body); 20]).await;
    let Err(CaptionError::Misconfigured { detail }) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(detail.contains("\"gpt-4o-mini\""), "{detail}");
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn a_model_that_is_not_there_is_named_by_vision_too() {
    let desk = Desk::with(&json!({ "vision_model": "gpt-4-vision-preview" }), 1_000).await;
    desk.sandbox
        .openai
        .limit_model("gpt-4-vision-preview", Unsupported::Model);
    let outcome = desk.analyze().await;
    let Err(CaptionError::Misconfigured { detail }) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(detail.contains("\"gpt-4-vision-preview\""), "{detail}");
}

#[tokio::test]
async fn refusals_are_the_images_fault_and_unfinished_answers_unusable_and_none_is_repeated() {
    let desk = Desk::new().await;
    let openai = &desk.sandbox.openai;
    openai.refuse_with("vision", Some("I cannot help with that."));
    let refused = desk.analyze().await;
    openai.refuse_with("vision", None);
    openai.finish_with("vision", Some("length"));
    let cut = desk.analyze().await;
    openai.finish_with("vision", Some("content_filter"));
    let filtered = desk.analyze().await;
    openai.finish_with("vision", None);
    openai.answer_vision_with(Some("It shows a knot."));
    let described = desk.analyze().await.unwrap().description;
    assert_eq!(described, "It shows a knot.");
    openai.answer_vision_with(Some("[1,2]"));
    let useless = desk.analyze().await;
    openai.answer_vision_with(Some("I'm sorry, but I can't help with that."));
    let in_words = desk.analyze().await;
    for outcome in [cut, useless] {
        assert!(
            matches!(outcome, Err(CaptionError::Unusable(_))),
            "{outcome:?}"
        );
    }
    for outcome in [refused, filtered, in_words] {
        assert!(
            matches!(outcome, Err(CaptionError::ImageRefused { .. })),
            "{outcome:?}"
        );
    }
    assert_eq!(desk.switches().calls("vision"), 6);
}

/// What a gateway says of an error of this code, in an answer that counts as a success.
fn within(error: &Value) -> Fault {
    Fault::json(200, &json!({ "id": "gen-1", "error": error }))
}

#[tokio::test]
async fn an_error_in_an_answer_that_counts_as_a_success_is_the_error_of_its_code() {
    let desk = Desk::new().await;
    let of_code = |code: Value| within(&json!({ "code": code, "message": "x" }));
    for (fault, calls) in [
        (of_code(json!(429)), 3),
        (of_code(json!("429")), 3),
        (of_code(json!(502)), 3),
        (of_code(json!("rate_limit_exceeded")), 3),
        (of_code(json!(null)), 3),
        (within(&json!("upstream error")), 3),
        (
            Fault::json(
                200,
                &json!({ "choices": [{ "error": { "code": 503, "message": "x" },
                    "message": { "content": "" }, "finish_reason": "error" }] }),
            ),
            3,
        ),
        (of_code(json!(401)), 1),
        (of_code(json!(402)), 1),
        (of_code(json!("insufficient_quota")), 1),
    ] {
        let (outcome, made) = desk.write_through(&vec![fault.clone(); 3]).await;
        let Err(error) = outcome else {
            panic!("{fault:?}")
        };
        assert!(
            !matches!(error, CaptionError::Unusable(_)),
            "{fault:?}: {error}"
        );

        assert_eq!(made, calls, "{fault:?}: {error}");
    }
    // It is over after the first: the answer comes on the second attempt.
    let (outcome, made) = desk.write_through(&[of_code(json!(429))]).await;
    assert!(outcome.is_ok() && made == 2, "{outcome:?}");
    let (outcome, _) = desk.write_through(&[of_code(json!(401))]).await;
    assert!(
        matches!(outcome, Err(CaptionError::Unauthorized(_))),
        "{outcome:?}"
    );
    let (outcome, _) = desk.write_through(&vec![of_code(json!(429)); 3]).await;
    assert!(
        matches!(outcome, Err(CaptionError::RateLimited { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn what_a_moderator_flags_is_a_refusal_of_the_image() {
    let desk = Desk::new().await;
    let error = json!({ "code": 403, "message": "Your chosen model requires moderation and your input was flagged",
        "metadata": { "reasons": ["sexual"], "flagged_input": "x", "provider_name": "y" } });
    let refused = json!({ "error": error });
    let flagged = json!({ "error": { "code": null, "message": "Your input image was flagged by our safety system" } });
    for fault in [
        Fault::json(403, &refused),
        Fault::json(200, &refused),
        Fault::json(403, &flagged),
        Fault::json(400, &flagged),
    ] {
        desk.switches().inject("vision", fault.clone());
        let outcome = desk.analyze().await;
        assert!(
            matches!(outcome, Err(CaptionError::ImageRefused { .. })),
            "{fault:?}: {outcome:?}"
        );
    }
    assert_eq!(desk.switches().calls("vision"), 4);
    // A 403 of another kind is the key's or the account's.
    let error = json!({ "error": { "code": 403, "message": "Key limit reached" } });
    desk.switches().inject("vision", Fault::json(403, &error));
    let outcome = desk.analyze().await;
    assert!(
        matches!(outcome, Err(CaptionError::Unavailable(_))),
        "{outcome:?}"
    );
}
