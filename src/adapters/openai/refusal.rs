//! What an answer other than a success means: by its status, and by the code, parameter and words of the
//! error in its body, of which no word leaves this file.

use reqwest::StatusCode;
use serde_json::Value;

use super::model_support::Adaptation;

/// The error in the body of an answer.
pub(super) struct ErrorBody {
    /// Cut down to what a code can look like: it goes into the log.
    pub(super) code: String,
    param: String,
    /// In lower case; for comparisons only.
    message: String,
}

/// What it means for whoever asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The key is not known.
    DeadKey,
    /// The account has no credit left.
    OutOfCredit,
    /// This one image is refused, or cannot be read.
    Image(&'static str),
    /// The model does not exist, or is not for this key.
    Model,
    /// The key or its account may not do this.
    Forbidden(&'static str),
    /// The model does not take a part of the request that can be left out or put otherwise.
    Unsupported(Adaptation),
    /// Asked to wait.
    TooMany,
    /// Anything else that the server refuses.
    Other,
}

const NO_CREDIT: [&str; 4] = [
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "account_deactivated",
];
const NO_MODEL: [&str; 6] = [
    "model_not_found",
    "model_not_available",
    "model_deprecated",
    "invalid_model",
    "unsupported_model",
    "deploymentnotfound",
];
const UNREADABLE: [&str; 9] = [
    "invalid_image_format",
    "invalid_image",
    "image_parse_error",
    "unsupported_image",
    "unsupported_image_media_type",
    "invalid_base64_image",
    "empty_image_file",
    "image_too_large",
    "image_too_small",
];
const AGAINST_POLICY: [&str; 6] = [
    "content_policy_violation",
    "image_content_policy_violation",
    "content_filter",
    "moderation_blocked",
    "responsibleaipolicyviolation",
    "invalid_prompt",
];

impl ErrorBody {
    pub(super) fn read(body: &[u8]) -> Self {
        let document: Value = serde_json::from_slice(body).unwrap_or_default();
        let error = &document["error"];
        let text = |name: &str| error[name].as_str().unwrap_or_default();
        let code = error["code"].as_str().or_else(|| error["type"].as_str());
        let code = code.unwrap_or("no code").to_ascii_lowercase();
        let is_code = |c: &char| c.is_ascii_lowercase() || matches!(c, '_' | ' ');
        Self {
            code: code.chars().filter(is_code).take(64).collect(),
            param: text("param").to_owned(),
            message: text("message").to_lowercase(),
        }
    }

    pub(super) fn meaning(&self, status: StatusCode) -> Meaning {
        let is_one_of = |codes: &[&str]| codes.contains(&self.code.as_str());
        let says = |words: &str| self.message.contains(words);
        if is_one_of(&NO_CREDIT) || status == StatusCode::PAYMENT_REQUIRED {
            return Meaning::OutOfCredit;
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Meaning::TooMany;
        }
        if says("missing scope") || says("insufficient permissions") {
            return Meaning::Forbidden(
                "the API key is restricted: allow it to write model requests, or use another",
            );
        }
        if status == StatusCode::UNAUTHORIZED {
            return Meaning::DeadKey;
        }
        if !status.is_client_error() {
            return Meaning::Other;
        }
        let names_model = says("the model") || self.param == "model";
        let is_gone = || {
            says("does not exist")
                || says("deprecated")
                || says("not have access")
                || says("not found")
        };
        if is_one_of(&NO_MODEL) || (names_model && is_gone()) {
            return Meaning::Model;
        }
        if self.code == "unsupported_country_region_territory" {
            return Meaning::Forbidden("it is not offered in the country of this service");
        }
        if is_one_of(&AGAINST_POLICY) || says("content management policy") || says("safety system")
        {
            return Meaning::Image("it refuses to describe it, by its rules for content");
        }
        if is_one_of(&UNREADABLE) || self.is_about_an_image() {
            return Meaning::Image("it cannot read it as an image");
        }
        if let Some(adaptation) = Adaptation::of(&self.param, &self.message) {
            return Meaning::Unsupported(adaptation);
        }
        if status == StatusCode::FORBIDDEN {
            return Meaning::Forbidden("the API key, or its project, may not do this");
        }
        Meaning::Other
    }

    /// Images are refused under a general code as well.
    fn is_about_an_image(&self) -> bool {
        let says = |words: &str| self.message.contains(words);
        let image = says("image") && !says("does not support image") && !says("image input");
        image
            && [
                "unsupported",
                "invalid",
                "could not",
                "unable",
                "failed",
                "too large",
                "too small",
                "corrupt",
                "not a valid",
            ]
            .into_iter()
            .any(says)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(status: u16, code: Option<&str>, param: Option<&str>, message: &str) -> Meaning {
        let body = serde_json::json!({
            "error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}
        });
        let status = StatusCode::from_u16(status).unwrap();
        ErrorBody::read(body.to_string().as_bytes()).meaning(status)
    }

    #[test]
    fn what_is_wrong_with_the_image_is_told_from_what_is_wrong_with_model_key_and_account() {
        let unreadable = || Meaning::Image("it cannot read it as an image");
        let refused = || Meaning::Image("it refuses to describe it, by its rules for content");
        for (status, code, param, message, expected) in [
            (
                400,
                Some("invalid_image_format"),
                None,
                "You uploaded an unsupported image.",
                unreadable(),
            ),
            (400, Some("image_parse_error"), None, "x", unreadable()),
            (
                400,
                None,
                None,
                "You uploaded an unsupported image. Please make sure your image is valid.",
                unreadable(),
            ),
            (
                400,
                Some("invalid_base64"),
                None,
                "Failed to decode image",
                unreadable(),
            ),
            (400, Some("content_policy_violation"), None, "x", refused()),
            (
                400,
                Some("content_filter"),
                None,
                "triggering Azure OpenAI's content management policy",
                refused(),
            ),
            (
                400,
                None,
                None,
                "Your request was rejected by the safety system.",
                refused(),
            ),
            (
                404,
                Some("model_not_found"),
                None,
                "The model `gpt-0` does not exist or you do not have access to it.",
                Meaning::Model,
            ),
            (
                403,
                Some("model_not_found"),
                None,
                "Project does not have access to model",
                Meaning::Model,
            ),
            (
                400,
                None,
                Some("model"),
                "The model gpt-4-vision-preview has been deprecated",
                Meaning::Model,
            ),
            (
                429,
                Some("insufficient_quota"),
                None,
                "x",
                Meaning::OutOfCredit,
            ),
            (
                400,
                Some("billing_hard_limit_reached"),
                None,
                "x",
                Meaning::OutOfCredit,
            ),
            (402, None, None, "x", Meaning::OutOfCredit),
            (
                429,
                Some("rate_limit_exceeded"),
                None,
                "x",
                Meaning::TooMany,
            ),
            (401, Some("invalid_api_key"), None, "x", Meaning::DeadKey),
            (
                400,
                Some("unsupported_value"),
                Some("messages[0].role"),
                "'messages[0].role' does not support 'system' with this model.",
                Meaning::Unsupported(Adaptation::NoSystemRole),
            ),
            (
                400,
                Some("unsupported_parameter"),
                Some("response_format"),
                "x is not supported",
                Meaning::Unsupported(Adaptation::NoJsonMode),
            ),
            (
                400,
                None,
                None,
                "Unrecognized request argument supplied: max_completion_tokens",
                Meaning::Unsupported(Adaptation::OldTokenLimit),
            ),
            (
                400,
                Some("context_length_exceeded"),
                Some("messages"),
                "too long",
                Meaning::Other,
            ),
            (500, None, None, "The image is invalid", Meaning::Other),
            (302, None, None, "", Meaning::Other),
        ] {
            assert_eq!(
                meaning(status, code, param, message),
                expected,
                "{status} {code:?} {message}"
            );
        }
        for (status, message) in [
            (
                401,
                "You have insufficient permissions for this operation. Missing scopes: model.request",
            ),
            (403, "no"),
        ] {
            let told = meaning(status, None, None, message);
            assert!(matches!(told, Meaning::Forbidden(_)), "{message}: {told:?}");
        }
    }

    #[test]
    fn a_body_that_is_no_error_has_no_code_and_what_stands_there_is_cut_down() {
        for body in ["", "<html>", "[]", "{\"error\":7}"] {
            assert_eq!(ErrorBody::read(body.as_bytes()).code, "no code");
        }
        let hostile = format!(r#"{{"error":{{"code":"sk-ABC123{}"}}}}"#, "x".repeat(200));
        let code = ErrorBody::read(hostile.as_bytes()).code;
        assert!(code.len() == 64 && code.starts_with("skabcxx"), "{code}");
    }
}
