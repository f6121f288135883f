//! The form of a request that a model takes: some know no system messages, some no JSON mode, some another
//! name for the limit of tokens, some no temperature. What a model has refused once is left out for as long as the
//! process lives.

use std::collections::{BTreeSet, HashMap};

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::refusals::Said;

/// Models that are remembered; their names come from tenants' configs.
const MAX_MODELS: usize = 1_000;
/// Names of fields that are remembered for one model.
const MAX_FIELDS: usize = 16;

/// The known forms of all models.
#[derive(Debug, Default)]
pub(super) struct Forms(Mutex<HashMap<String, Form>>);

impl Forms {
    /// The known form of a model, or the usual one.
    pub(super) fn of(&self, model: &str) -> Form {
        let forms = self.0.lock();
        forms.get(model).cloned().unwrap_or_default()
    }

    /// Remembers that a model has taken this form.
    pub(super) fn remember(&self, model: &str, form: Form) {
        let mut forms = self.0.lock();
        if forms.len() >= MAX_MODELS && !forms.contains_key(model) {
            forms.clear();
        }
        forms.insert(model.to_owned(), form);
    }
}

/// The differences of a request from the usual one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form {
    /// Instructions are in the user's message.
    without_system: bool,
    /// The limit of tokens has its old name.
    old_token_limit: bool,
    /// Fields that are left out.
    without: BTreeSet<String>,
}

impl Form {
    /// Whether a request is sent as it is.
    pub(super) fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// The form that may be taken after this one has been refused; `None` if none is left to try.
    pub(super) fn after(&self, said: &Said, request: &Value) -> Option<Self> {
        let mut next = self.clone();
        let names = |field: &str| {
            said.param == field || said.says(&format!("'{field}'")) || said.says(field)
        };
        let is_role = (said.param.starts_with("messages") && said.param.ends_with("role"))
            || said.says("'system'")
            || said.says("system role")
            || said.says("system message");
        if is_role && !self.without_system {
            next.without_system = true;
        } else if names("response_format") || said.says("json_object") || said.says("json mode") {
            next.without.insert("response_format".to_owned());
        } else if names("max_completion_tokens") || names("max_tokens") {
            if self.old_token_limit {
                next.without.insert("max_completion_tokens".to_owned());
            } else {
                next.old_token_limit = true;
            }
        } else {
            let mut fields = request.as_object()?.keys();
            let field = fields
                .find(|field| !matches!(field.as_str(), "model" | "messages") && names(field))?;
            next.without.insert(field.clone());
        }
        (next != *self && next.without.len() <= MAX_FIELDS).then_some(next)
    }

    /// A request in this form.
    pub(super) fn applied(&self, request: &Value) -> Value {
        let mut request = request.clone();
        if self.without_system {
            put_instructions_into_user(&mut request);
        }
        if let Some(fields) = request.as_object_mut() {
            for field in &self.without {
                fields.remove(field);
            }
            if self.old_token_limit
                && let Some(limit) = fields.remove("max_completion_tokens")
            {
                fields.insert("max_tokens".to_owned(), limit);
            }
        }
        request
    }
}

/// Puts the system message in front of what the user says.
fn put_instructions_into_user(request: &mut Value) {
    let Some(messages) = request["messages"].as_array_mut() else {
        return;
    };
    if messages.len() < 2 || messages[0]["role"] != "system" {
        return;
    }
    let system = messages.remove(0)["content"].take();
    let content = &mut messages[0]["content"];
    match content {
        Value::Array(parts) => parts.insert(0, json!({ "type": "text", "text": system })),
        Value::String(text) => {
            *content = format!("{}\n\n{text}", system.as_str().unwrap_or_default()).into();
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::secret_scrub::SecretScrub;

    fn said(param: &str, message: &str) -> Said {
        let body =
            json!({ "error": { "code": "unsupported_value", "param": param, "message": message } });
        Said::new(&body.to_string().into(), &SecretScrub::default())
    }

    fn request() -> Value {
        json!({
            "model": "m",
            "messages": [
                { "role": "system", "content": "Do." },
                { "role": "user", "content": "This." },
            ],
            "response_format": { "type": "json_object" },
            "max_completion_tokens": 9,
            "temperature": 0.9,
        })
    }

    #[test]
    fn each_thing_that_a_model_refuses_is_left_out_or_said_otherwise() {
        let mut form = Form::default();
        for (param, message) in [
            (
                "messages[0].role",
                "'messages[0].role' does not support 'system' with this model.",
            ),
            (
                "response_format",
                "'response_format' is not supported with this model.",
            ),
            ("max_completion_tokens", "Unsupported parameter"),
            (
                "temperature",
                "Unsupported value: 'temperature' does not support 0.9",
            ),
        ] {
            form = form.after(&said(param, message), &request()).unwrap();
        }
        let content = "Do.\n\nThis.";
        assert_eq!(
            form.applied(&request()),
            json!({ "model": "m", "messages": [{ "role": "user", "content": content }], "max_tokens": 9 })
        );
        let parts = json!([{ "type": "text", "text": "This." }]);
        let mut with_parts = request();
        with_parts["messages"][1]["content"] = parts;
        let applied = form.applied(&with_parts);
        assert_eq!(applied["messages"][0]["content"][0]["text"], "Do.");
        let limit = said("max_tokens", "");
        let form = form.after(&limit, &request()).unwrap();
        assert!(form.applied(&request()).get("max_tokens").is_none());
        assert_eq!(form.after(&limit, &request()), None);
    }

    #[test]
    fn what_names_nothing_that_can_be_left_out_has_no_other_form() {
        for (param, message) in [
            ("", ""),
            ("model", "model"),
            ("messages", "too long"),
            ("top_p", ""),
        ] {
            assert_eq!(
                Form::default().after(&said(param, message), &request()),
                None,
                "{param}"
            );
        }
    }
}
