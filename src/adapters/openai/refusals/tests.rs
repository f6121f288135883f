//! What each refusal means.

use serde_json::json;

use super::*;

fn meaning(status: u16, code: Option<&str>, message: &str) -> Meaning {
    let body = json!({ "error": { "message": message, "type": "invalid_request_error",
        "param": null, "code": code } });
    let said = Said::new(&body.to_string().into(), &SecretScrub::default());
    said.meaning(StatusCode::from_u16(status).unwrap(), "gpt-x", true)
}

#[test]
fn a_model_that_cannot_be_used_is_named_with_what_to_do() {
    for (status, code, message, words) in [
        (
            404,
            Some("model_not_found"),
            "The model `gpt-x` does not exist",
            "does not exist",
        ),
        (400, Some("model_not_found"), "", "does not exist"),
        (
            403,
            Some("model_not_found"),
            "Project `p` does not have access to model `gpt-x`",
            "no access",
        ),
        (
            404,
            None,
            "The model `gpt-x` does not exist or you do not have access to it.",
            "does not exist",
        ),
        (400, None, "invalid model ID", "does not exist"),
        (
            404,
            Some("model_not_found"),
            "The model `gpt-x` has been deprecated, learn more",
            "retired",
        ),
        (410, None, "", "retired"),
        (
            400,
            None,
            "Invalid content type. image_url is only supported by certain models.",
            "look at images",
        ),
        (
            404,
            None,
            "No endpoints found that support image input",
            "look at images",
        ),
        (404, None, "No endpoints found for gpt-x.", "does not exist"),
        (
            400,
            Some("context_length_exceeded"),
            "",
            "shorten the prompts",
        ),
        (
            400,
            None,
            "This model's maximum context length is 8192 tokens.",
            "shorten the prompts",
        ),
        (400, Some("whatever"), "", "check the model and the prompts"),
        (422, None, "", "check the model and the prompts"),
    ] {
        let Meaning::SetUp(problem) = meaning(status, code, message) else {
            panic!("{status} {code:?} {message}")
        };
        assert!(
            problem.contains("\"gpt-x\"") && problem.contains(words),
            "{problem}"
        );
    }
}

#[test]
fn an_image_that_is_at_fault_is_told_from_the_rest() {
    for code in [
        "invalid_image_format",
        "image_parse_error",
        "invalid_image",
        "invalid_base64_image",
    ] {
        assert_eq!(
            meaning(400, Some(code), ""),
            Meaning::Image("the model cannot read the image")
        );
    }
    let unsupported = "You uploaded an unsupported image. Please make sure your image is valid.";
    for (status, code, message, what) in [
        (
            400,
            Some("sanitizer_server_error"),
            unsupported,
            "the model cannot read the image",
        ),
        (400, None, unsupported, "the model cannot read the image"),
        (
            400,
            Some("image_too_large"),
            "",
            "the image is too large for the model",
        ),
        (413, None, "", "the image is too large for the model"),
        (
            400,
            Some("image_too_small"),
            "",
            "the image is too small for the model",
        ),
    ] {
        assert_eq!(
            meaning(status, code, message),
            Meaning::Image(what),
            "{code:?}"
        );
    }
    for code in POLICY {
        assert_eq!(meaning(400, Some(code), ""), Meaning::Policy, "{code}");
    }
}

#[test]
fn keys_and_accounts_are_told_apart() {
    for (status, code) in [
        (429, "insufficient_quota"),
        (403, "billing_not_active"),
        (400, "billing_hard_limit_reached"),
        (402, "whatever"),
    ] {
        assert_eq!(meaning(status, Some(code), ""), Meaning::NoCredit, "{code}");
    }
    assert_eq!(
        meaning(401, Some("invalid_api_key"), "Incorrect API key"),
        Meaning::DeadKey
    );
    for status in [401, 403] {
        let message = "You have insufficient permissions for this operation. Missing scopes: \
                       model.request. Check that you have the correct role.";
        let Meaning::SetUp(problem) = meaning(status, None, message) else {
            panic!("{status}")
        };
        assert!(problem.contains("\"model.request\""), "{problem}");
    }
    assert_eq!(
        meaning(429, Some("rate_limit_exceeded"), ""),
        Meaning::Other
    );
    assert_eq!(meaning(409, None, ""), Meaning::Other);
}

#[test]
fn what_is_no_api_of_chats_is_told_by_the_setting_of_its_address() {
    for body in [
        "<html>not found</html>",
        "",
        r#"{"detail": "Not Found"}"#,
        r#"{"error": {}}"#,
    ] {
        for status in [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED] {
            let said = Said::new(&Bytes::from(body), &SecretScrub::default());
            let Meaning::SetUp(problem) = said.meaning(status, "gpt-x", true) else {
                panic!("{body}")
            };
            assert!(problem.contains("OPENAI_BASE_URL"), "{problem}");
        }
    }
    let captions = Said::new(&Bytes::from("<html>"), &SecretScrub::default());
    assert_eq!(
        captions.meaning(StatusCode::NOT_FOUND, "gpt-x", false),
        Meaning::Other
    );
    // A page from an intermediary says nothing about the request.
    let page = Said::new(
        &Bytes::from("<html>bad request</html>"),
        &SecretScrub::default(),
    );
    assert_eq!(
        page.meaning(StatusCode::BAD_REQUEST, "gpt-x", true),
        Meaning::Other
    );
}

#[test]
fn neither_the_code_nor_a_permission_repeats_the_key() {
    let scrub = SecretScrub::default().with("sk-proj-AbCdEfGhIjKlMnOpQrStUv");
    for echo in ["abcdefghijklmnopqrstuv", "a b c d e f g h i j k l m n o p"] {
        let message = format!("You have insufficient permissions. Missing scopes: {echo}. Check.");
        let body = json!({ "error": { "message": message, "code": format!("bad_{echo}") } });
        let said = Said::new(&body.to_string().into(), &scrub);
        assert_eq!(said.code(), "bad_", "{echo}");
        let Meaning::SetUp(problem) = said.meaning(StatusCode::FORBIDDEN, "gpt-x", true) else {
            panic!("{echo}")
        };
        assert!(problem.contains("\"model.request\""), "{problem}");
    }
}
