//! What models do not take: a part of the request that one refuses is left out or put otherwise, at once
//! and in all later requests to that model.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use serde_json::{Value, json};

/// Models are named by tenants: no more of them than this are remembered.
const MAX_MODELS: usize = 1_000;

/// How a request is changed for a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Adaptation {
    /// Instructions stand in front of the user's message.
    NoSystemRole,
    /// Nothing asks for JSON but the instructions.
    NoJsonMode,
    /// The limit of tokens has its former name.
    OldTokenLimit,
    /// There is no limit of tokens.
    NoTokenLimit,
    /// Images are sent without how closely to look at them.
    NoDetail,
}

impl Adaptation {
    /// How many there are, and so how often a request can be adapted.
    pub(super) const COUNT: usize = 5;

    /// What helps against an error that names this parameter, or says so in its message.
    pub(super) fn of(param: &str, message: &str) -> Option<Self> {
        let about = |name: &str| param.contains(name) || message.contains(name);
        let refuses = [
            "not support",
            "unsupported",
            "unrecognized",
            "unknown",
            "not permitted",
            "extra inputs",
            "not allowed",
        ];
        if !refuses.into_iter().any(|words| message.contains(words)) {
            return None;
        }
        if param.ends_with(".role") || (about("role") && message.contains("'system'")) {
            Some(Self::NoSystemRole)
        } else if about("response_format") || about("json_object") {
            Some(Self::NoJsonMode)
        } else if about("max_completion_tokens") {
            // It may be named as what to use instead.
            let wants_new_name = message.contains("use 'max_completion_tokens'");
            Some(if wants_new_name {
                Self::NoTokenLimit
            } else {
                Self::OldTokenLimit
            })
        } else if about("max_tokens") {
            Some(Self::NoTokenLimit)
        } else if about("detail") {
            Some(Self::NoDetail)
        } else {
            None
        }
    }

    fn apply(self, request: &mut Value) {
        match self {
            Self::NoSystemRole => without_system_role(request),
            Self::NoJsonMode => {
                remove(request, "response_format");
            }
            Self::OldTokenLimit => {
                if let Some(limit) = remove(request, "max_completion_tokens") {
                    request["max_tokens"] = limit;
                }
            }
            Self::NoTokenLimit => {
                remove(request, "max_tokens");
                remove(request, "max_completion_tokens");
            }
            Self::NoDetail => {
                let parts = request["messages"].as_array_mut().into_iter().flatten();
                let parts = parts.filter_map(|message| message["content"].as_array_mut());
                for part in parts.flatten() {
                    if let Some(image) = part.get_mut("image_url") {
                        remove(image, "detail");
                    }
                }
            }
        }
    }
}

fn remove(object: &mut Value, key: &str) -> Option<Value> {
    object.as_object_mut()?.remove(key)
}

/// Puts the instructions in front of the first message of the user.
fn without_system_role(request: &mut Value) {
    let Some(messages) = request["messages"].as_array_mut() else {
        return;
    };
    let Some(at) = messages.iter().position(|it| it["role"] == "system") else {
        return;
    };
    let instructions = messages.remove(at)["content"].take();
    let instructions = json!({ "type": "text", "text": instructions });
    let Some(user) = messages.iter_mut().find(|it| it["role"] == "user") else {
        return;
    };
    let parts = match user["content"].take() {
        Value::Array(parts) => parts,
        text => vec![json!({ "type": "text", "text": text })],
    };
    user["content"] = std::iter::once(instructions).chain(parts).collect();
}

/// What is known of the models that were asked.
#[derive(Debug, Default)]
pub(super) struct ModelSupport(Mutex<HashMap<String, Vec<Adaptation>>>);

impl ModelSupport {
    /// Changes a request to what its model takes, as far as that is known.
    pub(super) fn adapt(&self, request: &mut Value) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let model = request["model"].as_str().unwrap_or_default();
        let adaptations = known.get(model).cloned().unwrap_or_default();
        drop(known);
        for adaptation in adaptations {
            adaptation.apply(request);
        }
    }

    /// Remembers what a model has refused; `false` if that was known, and so does not help.
    pub(super) fn learn(&self, model: &str, adaptation: Adaptation) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_MODELS && !known.contains_key(model) {
            known.clear();
        }
        let adaptations = known.entry(model.to_owned()).or_default();
        let is_new = !adaptations.contains(&adaptation);
        if is_new {
            adaptations.push(adaptation);
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Value {
        json!({
            "model": "o1-mini",
            "messages": [
                {"role": "system", "content": "Answer in JSON."},
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u", "detail": "low"}}]},
            ],
            "response_format": {"type": "json_object"},
            "max_completion_tokens": 7,
        })
    }

    #[test]
    fn a_request_is_changed_to_what_its_model_takes() {
        let support = ModelSupport::default();
        let mut adapted = request();
        support.adapt(&mut adapted);
        assert_eq!(adapted, request());
        for adaptation in [
            Adaptation::NoSystemRole,
            Adaptation::NoJsonMode,
            Adaptation::OldTokenLimit,
            Adaptation::NoDetail,
        ] {
            assert!(support.learn("o1-mini", adaptation));
            assert!(!support.learn("o1-mini", adaptation), "it was known");
        }
        support.adapt(&mut adapted);
        let expected = json!({
            "model": "o1-mini",
            "messages": [{"role": "user", "content": [
                {"type": "text", "text": "Answer in JSON."},
                {"type": "image_url", "image_url": {"url": "u"}},
            ]}],
            "max_tokens": 7,
        });
        assert_eq!(adapted, expected);
        let mut other = json!({ "model": "gpt-4o", "response_format": 1 });
        support.adapt(&mut other);
        assert_eq!(other["response_format"], 1);
    }

    #[test]
    fn errors_say_what_helps() {
        use Adaptation::{NoDetail, NoJsonMode, NoSystemRole, NoTokenLimit, OldTokenLimit};
        for (param, message, expected) in [
            (
                "messages[0].role",
                "unsupported value: does not support 'system' with this model",
                Some(NoSystemRole),
            ),
            ("response_format", "unsupported parameter", Some(NoJsonMode)),
            (
                "",
                "'response_format' of type 'json_object' is not supported with this model.",
                Some(NoJsonMode),
            ),
            (
                "max_completion_tokens",
                "unrecognized request argument supplied",
                Some(OldTokenLimit),
            ),
            (
                "max_tokens",
                "unsupported parameter: 'max_tokens'. use 'max_completion_tokens' instead.",
                Some(NoTokenLimit),
            ),
            (
                "",
                "extra inputs are not permitted: image_url.detail",
                Some(NoDetail),
            ),
            ("messages", "is too long", None),
            ("temperature", "unsupported", None),
        ] {
            assert_eq!(
                Adaptation::of(param, message),
                expected,
                "{param} {message}"
            );
        }
    }

    #[test]
    fn no_more_models_are_remembered_than_there_is_room_for() {
        let support = ModelSupport::default();
        for number in 0..3 * MAX_MODELS {
            support.learn(&number.to_string(), Adaptation::NoDetail);
        }
        assert!(support.0.lock().unwrap().len() <= MAX_MODELS);
    }
}
