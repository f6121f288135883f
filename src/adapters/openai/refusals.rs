//! What it means when OpenAI does not take a request: whose fault it is, and whether the model takes it in
//! another form.

use bytes::Bytes;
use reqwest::StatusCode;
use serde_json::Value;

use crate::adapters::{secret_scrub::SecretScrub, stated_reason::stated_reason};

/// What an error's body says, without the secrets of the call. The message is for comparison alone: of it
/// goes nowhere more than the name of a permission.
#[derive(Debug, Default)]
pub(super) struct Said {
    code: String,
    kind: String,
    pub(super) param: String,
    message: String,
}

/// What is the matter with a request that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The key is no good.
    DeadKey,
    /// The account has no credit left.
    NoCredit,
    /// The image is at fault; how, as a clause.
    Image(&'static str),
    /// The provider's rules forbid an answer.
    Policy,
    /// The model or the key cannot be used for this; why, as a clause.
    SetUp(String),
    /// The model does not take the request in this form.
    Form,
    /// Anything else.
    Other,
}

/// The codes of an account that has to be paid first.
const NO_CREDIT: [&str; 5] = [
    "insufficient_quota",
    "billing_not_active",
    "billing_hard_limit_reached",
    "billing_limit_reached",
    "quota_exceeded",
];
/// The codes of what the provider's rules forbid.
const POLICY: [&str; 6] = [
    "content_policy_violation",
    "content_filter",
    "moderation_blocked",
    "image_content_policy_violation",
    "invalid_prompt",
    "responsibleaipolicyviolation",
];

impl Said {
    pub(super) fn new(body: &Bytes, scrub: &SecretScrub) -> Self {
        let document: Value = serde_json::from_slice(body).unwrap_or_default();
        let error = &document["error"];
        let clean = |text: &str| {
            let start: String = text.chars().take(2_000).collect();
            scrub.scrub(&start).to_lowercase()
        };
        let text = |key: &str| match &error[key] {
            Value::String(text) => clean(text),
            Value::Number(number) => clean(&number.to_string()),
            _ => String::new(),
        };
        let mut message = text("message");
        if let Value::String(only) = error {
            message = clean(only);
        }
        Self {
            code: text("code"),
            kind: text("type"),
            param: text("param"),
            message,
        }
    }

    /// The code, cut down to what a code can look like: it goes into the log.
    pub(super) fn code(&self) -> String {
        let code = match (self.code.as_str(), self.kind.as_str()) {
            ("", "") => "no code",
            ("", kind) => kind,
            (code, _) => code,
        };
        let plain = |c: &char| c.is_ascii_lowercase() || matches!(c, '_' | ' ');
        code.chars().filter(plain).take(64).collect()
    }

    fn has_code(&self, codes: &[&str]) -> bool {
        codes.contains(&self.code.as_str()) || codes.contains(&self.kind.as_str())
    }

    pub(super) fn says(&self, words: &str) -> bool {
        self.message.contains(words)
    }

    /// What a refusal with this status means for a request to this model, which held an image or did not.
    pub(super) fn meaning(&self, status: StatusCode, model: &str, has_image: bool) -> Meaning {
        if status == StatusCode::PAYMENT_REQUIRED || self.has_code(&NO_CREDIT) {
            return Meaning::NoCredit;
        }
        if self.says("insufficient permissions") || self.says("missing scopes") {
            return Meaning::SetUp(self.missing_scope());
        }
        match status {
            StatusCode::UNAUTHORIZED => return Meaning::DeadKey,
            StatusCode::PAYLOAD_TOO_LARGE if has_image => {
                return Meaning::Image("the image is too large for the model");
            }
            StatusCode::TOO_MANY_REQUESTS => return Meaning::Other,
            _ => {}
        }
        if let Some(problem) = self.problem_of_model(status, &shown(model)) {
            return Meaning::SetUp(problem);
        }
        if self.has_code(&POLICY) || self.says("content management policy") {
            return Meaning::Policy;
        }
        if has_image && let Some(problem) = self.problem_of_image() {
            return Meaning::Image(problem);
        }
        let is_form = self.has_code(&[
            "unsupported_parameter",
            "unsupported_value",
            "unknown_parameter",
            "invalid_value",
            "invalid_parameter",
        ]) || self.says("unrecognized request argument")
            || self.says("unsupported parameter")
            || self.says("unsupported value")
            || self.says("not supported")
            || self.says("does not support");
        if status.is_client_error() && is_form {
            return Meaning::Form;
        }
        Meaning::Other
    }

    fn missing_scope(&self) -> String {
        let named = self.message.split("missing scopes:").nth(1);
        let scope: String = named
            .unwrap_or_default()
            .trim_start()
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ',' | ' '))
            .take(80)
            .collect();
        let scope = scope
            .split(". ")
            .next()
            .unwrap_or_default()
            .trim_end_matches(['.', ' ']);
        let scope = if scope.is_empty() {
            "model.request"
        } else {
            scope
        };
        format!(
            "the tenant's OpenAI key lacks the permission \"{scope}\": give it to the key, or use one \
             without restrictions"
        )
    }

    fn problem_of_model(&self, status: StatusCode, model: &str) -> Option<String> {
        let is_retired = self.has_code(&["model_deprecated", "model_retired"])
            || status == StatusCode::GONE
            || [
                "has been deprecated",
                "has been retired",
                "has been shut down",
                "decommissioned",
            ]
            .iter()
            .any(|words| self.says(words));
        if is_retired {
            return Some(format!(
                "the model \"{model}\" has been retired: name another in the tenant's AI settings"
            ));
        }
        let is_unknown =
            self.has_code(&["model_not_found", "invalid_model", "model_not_available"])
                || (self.param == "model" && !self.has_code(&["unsupported_parameter"]))
                || self.says("invalid model id")
                || (self.says("model")
                    && (self.says("does not exist") || self.says("not have access to")));
        if is_unknown {
            return Some(format!(
                "the model \"{model}\" does not exist, or the tenant's OpenAI key has no access to it: \
                 name another in the tenant's AI settings, or have access given to the key"
            ));
        }
        let takes_no_image = self.says("image")
            && (self.says("only supported by certain models")
                || self.says("does not support image")
                || self.says("not support image input")
                || self.says("image input is not supported"));
        if takes_no_image {
            return Some(format!(
                "the model \"{model}\" cannot look at images: name one that can in the tenant's AI \
                 settings"
            ));
        }
        self.has_code(&["unsupported_country_region_territory"])
            .then(|| "OpenAI does not serve the country that this service calls from".to_owned())
    }

    fn problem_of_image(&self) -> Option<&'static str> {
        let is_about_image = self.code.contains("image")
            || self.says("unsupported image")
            || self.says("invalid image")
            || self.says("image data")
            || self.says("parse image")
            || self.says("process image");
        if !is_about_image {
            return None;
        }
        let says = |word: &str| self.code.contains(word) || self.says(word);
        Some(if says("too_large") || says("too large") {
            "the image is too large for the model"
        } else if says("too_small") || says("too small") {
            "the image is too small for the model"
        } else {
            "the model cannot read the image"
        })
    }
}

/// A model's name as it is shown: the tenant's own, and printable.
pub(super) fn shown(model: &str) -> String {
    let name = stated_reason(model, &SecretScrub::default());
    name.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
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
    fn neither_the_code_nor_a_permission_repeats_the_key() {
        let scrub = SecretScrub::default().with("sk-proj-AbCdEfGhIjKlMnOpQrStUv");
        for echo in ["abcdefghijklmnopqrstuv", "a b c d e f g h i j k l m n o p"] {
            let message =
                format!("You have insufficient permissions. Missing scopes: {echo}. Check.");
            let body = json!({ "error": { "message": message, "code": format!("bad_{echo}") } });
            let said = Said::new(&body.to_string().into(), &scrub);
            assert_eq!(said.code(), "bad_", "{echo}");
            let Meaning::SetUp(problem) = said.meaning(StatusCode::FORBIDDEN, "gpt-x", true) else {
                panic!("{echo}")
            };
            assert!(problem.contains("\"model.request\""), "{problem}");
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
        let unsupported =
            "You uploaded an unsupported image. Please make sure your image is valid.";
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
        assert_eq!(meaning(400, None, ""), Meaning::Other);
        assert_eq!(meaning(404, None, ""), Meaning::Other);
    }
}
