//! The meaning of OpenAI's refusals: the cause, and whether the model may take the request in another form.

use bytes::Bytes;
use reqwest::StatusCode;
use serde_json::Value;

use crate::adapters::{secret_scrub::SecretScrub, upstream_message::sanitize_upstream_message};

/// The body of an error, without the secrets of the call. The message is only compared: nothing of it but the
/// name of a permission is shown.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Whether it speaks of an error in JSON at all.
    is_error: bool,
    code: String,
    kind: String,
    pub(super) param: String,
    message: String,
    /// A moderator in front of the model says what it has found.
    is_flagged: bool,
}

/// The reason of a refusal.
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
        Self::of(&document["error"], scrub)
    }

    /// The error in an answer that counts as a success, and the status that it is of: gateways begin to answer
    /// before they know. `None` where there is an answer.
    pub(super) fn within(envelope: &Value, scrub: &SecretScrub) -> Option<(Self, StatusCode)> {
        let choice = &envelope["choices"][0];
        let errors = [&envelope["error"], &choice["error"]];
        let is_error = |it: &&&Value| match it {
            Value::Object(fields) => !fields.is_empty(),
            Value::String(text) => !text.is_empty(),
            _ => false,
        };
        let error = errors.iter().find(is_error)?;
        let content = &choice["message"]["content"];
        let is_answered = content.as_str().is_some_and(|it| !it.trim().is_empty())
            && choice["finish_reason"] != "error";
        if is_answered {
            return None;
        }
        let said = Self::of(error, scrub);
        let status = said.status(error);
        Some((said, status))
    }

    /// The status of an error that came without one.
    fn status(&self, error: &Value) -> StatusCode {
        let numbers = [&error["code"], &error["status"], &error["status_code"]];
        let number = |it: &&Value| match it {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let named = numbers.iter().filter_map(number);
        let mut named = named.filter_map(|it| StatusCode::from_u16(u16::try_from(it).ok()?).ok());
        if let Some(status) = named.find(|it| it.is_client_error() || it.is_server_error()) {
            return status;
        }
        let is = |words: &str| self.code.contains(words) || self.kind.contains(words);
        if self.has_code(&NO_CREDIT) {
            StatusCode::PAYMENT_REQUIRED
        } else if is("rate_limit") || is("too_many_requests") {
            StatusCode::TOO_MANY_REQUESTS
        } else if is("authentication") || is("invalid_api_key") {
            StatusCode::UNAUTHORIZED
        } else if is("invalid_request") || self.has_code(&POLICY) || self.is_flagged {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::BAD_GATEWAY
        }
    }

    fn of(error: &Value, scrub: &SecretScrub) -> Self {
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
            is_error: !error.is_null(),
            code: text("code"),
            kind: text("type"),
            param: text("param"),
            is_flagged: is_flagged(error, &message),
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
        if self.has_code(&POLICY) || self.is_flagged || self.says("content management policy") {
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
        // Captions need no model where there is a description: they are not worth ending a publication.
        if has_image {
            self.unmapped(status, &shown(model))
        } else {
            Meaning::Other
        }
    }

    /// A refusal that nothing else is known of: what to look at all the same.
    fn unmapped(&self, status: StatusCode, model: &str) -> Meaning {
        match status {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Meaning::SetUp(format!(
                "nothing that completes chats answers at OPENAI_BASE_URL ({}): correct it; it ends with \
                 /v1 as a rule",
                status.as_u16()
            )),
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY if self.is_error => {
                Meaning::SetUp(format!(
                    "the model \"{model}\" refuses the request ({}, {}): check the model and the prompts \
                     in the tenant's AI settings, and OPENAI_BASE_URL if it is set",
                    status.as_u16(),
                    self.code()
                ))
            }
            _ => Meaning::Other,
        }
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
        // What a router of models says that has none of the name.
        let is_unrouted = self.says("no endpoints found for");
        let is_unknown = is_unrouted
            || self.has_code(&["model_not_found", "invalid_model", "model_not_available"])
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
        let is_too_long = self.has_code(&["context_length_exceeded", "string_above_max_length"])
            || self.says("maximum context length")
            || self.says("context window")
            || self.says("context length");
        if is_too_long {
            return Some(format!(
                "the request is longer than the model \"{model}\" takes: shorten the prompts and the \
                 voice profile of the tenant, or name a model with more context in the AI settings"
            ));
        }
        let takes_no_image = self.says("image")
            && (self.says("support image input")
                || self.says("only supported by certain models")
                || self.says("does not support image")
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

/// Whether an error is a moderator's, who has flagged what was sent.
fn is_flagged(error: &Value, message: &str) -> bool {
    let found = &error["metadata"];
    let has_reasons = found["reasons"].as_array().is_some_and(|it| !it.is_empty());
    let is_moderator = message.contains("moderation") || message.contains("flagged");
    let was_sent = ["input", "content", "prompt", "image", "request"];
    (has_reasons && is_moderator)
        || found["flagged_input"].is_string()
        || (message.contains("flagged") && was_sent.iter().any(|it| message.contains(it)))
}

/// A model's name as it is shown: the tenant's own, and printable.
pub(super) fn shown(model: &str) -> String {
    let name = sanitize_upstream_message(model, &SecretScrub::default());
    name.chars().take(80).collect()
}

#[cfg(test)]
mod tests;
