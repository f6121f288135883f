//! The stand-in for OpenAI's chat completions. Used by the sandbox and by tests.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    fault::Fault,
    openai_answers,
    record::RecordedRequest,
    reply::Reply,
    secrets::Issued,
    server::{HttpServer, StandIn},
    switches::Switches,
};

/// OpenAI. Operations: `vision` (a request with an image), `condense` (one whose texts are to be
/// shortened), `caption` (any other), and `model` (what is known of one). A
/// [`Fault::ResetBeforeRequest`] for any but the last can also be set on `chat_completions`, which
/// resets before the body is read.
pub struct OpenAi {
    server: HttpServer,
    state: Arc<Mutex<State>>,
}

impl OpenAi {
    /// Starts without keys.
    pub(super) async fn start() -> io::Result<Self> {
        let state = Arc::new(Mutex::new(State::default()));
        let server = HttpServer::start(Arc::new(Door(Arc::clone(&state)))).await?;
        Ok(Self { server, state })
    }

    /// Its address (without the `/v1` that belongs to the base URL), and how to stop it.
    #[must_use]
    pub fn server(&self) -> &HttpServer {
        &self.server
    }

    /// Faults, latency, holds and call counts.
    #[must_use]
    pub fn switches(&self) -> &Switches {
        self.server.switches()
    }

    /// Accepts this key.
    pub fn add_key(&self, key: &str) {
        let mut state = self.state.lock();
        state.issued.note(key);
        state.keys.insert(key.to_owned());
    }

    /// From now on this key is answered with 401.
    pub fn revoke_key(&self, key: &str) {
        self.state.lock().keys.remove(key);
    }

    /// The content of every answer to a vision request; `None` goes back to the one that is made
    /// from the image.
    pub fn answer_vision_with(&self, content: Option<&str>) {
        self.state.lock().vision.content = content.map(str::to_owned);
    }

    /// The content of every answer to a caption request; `None` goes back to the one that is made
    /// from the request.
    pub fn answer_captions_with(&self, content: Option<&str>) {
        self.state.lock().caption.content = content.map(str::to_owned);
    }

    /// The content of every answer to a request to shorten; `None` goes back to the one that is made
    /// from the request.
    pub fn answer_condense_with(&self, content: Option<&str>) {
        self.state.lock().condense.content = content.map(str::to_owned);
    }

    /// The `finish_reason` of every answer of this operation (`vision`, `caption`, `condense`);
    /// `None` is `stop`.
    pub fn finish_with(&self, operation: &str, reason: Option<&str>) {
        self.state.lock().script(operation).finish_reason = reason.map(str::to_owned);
    }

    /// Answers this operation (`vision`, `caption`, `condense`) with a refusal and no content;
    /// `None` answers again.
    pub fn refuse_with(&self, operation: &str, refusal: Option<&str>) {
        self.state.lock().script(operation).refusal = refusal.map(str::to_owned);
    }

    /// From now on a model does not take this.
    pub fn limit_model(&self, model: &str, unsupported: Unsupported) {
        let mut state = self.state.lock();
        let limits = state.limits.entry(model.to_owned()).or_default();
        limits.push(unsupported);
    }

    /// The completions so far, each with its id and the tokens that it was billed: also those whose answer was lost.
    #[must_use]
    pub fn completions(&self) -> Vec<(String, u64)> {
        self.state.lock().completions.clone()
    }

    /// Keys handed out so far.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.state.lock().issued.list()
    }

    /// The answer to too many requests, with `Retry-After`.
    #[must_use]
    pub fn rate_limited(retry_after_seconds: u64) -> Fault {
        let message = "Rate limit reached for requests";
        let body = error_body(message, "requests", "rate_limit_exceeded");
        Fault::json(429, &body).with_header("retry-after", &retry_after_seconds.to_string())
    }

    /// The answer to an account that has used up its money.
    #[must_use]
    pub fn insufficient_quota() -> Fault {
        let message = "You exceeded your current quota, please check your plan.";
        let body = error_body(message, "insufficient_quota", "insufficient_quota");
        Fault::json(429, &body)
    }
}

/// What a model of the stand-in does not take, as some of OpenAI's do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsupported {
    /// Messages of the role `system`.
    SystemRole,
    /// A `response_format` of JSON.
    JsonMode,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
    /// A `temperature`.
    Temperature,
    /// Anything: there is no such model, or none any more.
    Model,
}

impl Unsupported {
    /// The refusal of a request that has it: status, message, parameter and code.
    fn refusal(self, document: &Value) -> Option<(u16, String, Value, &'static str)> {
        let model = document["model"].as_str().unwrap_or_default();
        let unsupported = |what: &str, param: &str, code| {
            let message = format!("{what} is not supported with this model.");
            Some((400, message, param.into(), code))
        };
        match self {
            Self::SystemRole if document["messages"][0]["role"] == "system" => Some((
                400,
                "Unsupported value: 'messages[0].role' does not support 'system' with this model."
                    .to_owned(),
                "messages[0].role".into(),
                "unsupported_value",
            )),
            Self::JsonMode if !document["response_format"].is_null() => {
                let what = "Invalid parameter: 'response_format' of type 'json_object'";
                unsupported(what, "response_format", "unsupported_parameter")
            }
            Self::MaxCompletionTokens if !document["max_completion_tokens"].is_null() => {
                let what = "Unsupported parameter: 'max_completion_tokens'";
                unsupported(what, "max_completion_tokens", "unsupported_parameter")
            }
            Self::Temperature if !document["temperature"].is_null() => {
                let message = format!(
                    "Unsupported value: 'temperature' does not support {} with this model. Only the default \
                     (1) value is supported.",
                    document["temperature"]
                );
                Some((400, message, "temperature".into(), "unsupported_value"))
            }
            Self::Model => {
                let message =
                    format!("The model `{model}` does not exist or you do not have access to it.");
                Some((404, message, Value::Null, "model_not_found"))
            }
            _ => None,
        }
    }
}

#[derive(Default)]
struct State {
    keys: HashSet<String>,
    /// By model.
    limits: HashMap<String, Vec<Unsupported>>,
    vision: Script,
    caption: Script,
    condense: Script,
    completions: Vec<(String, u64)>,
    issued: Issued,
}

/// What a test wants to be answered.
#[derive(Clone, Default)]
struct Script {
    content: Option<String>,
    finish_reason: Option<String>,
    refusal: Option<String>,
}

impl State {
    fn script(&mut self, operation: &str) -> &mut Script {
        match operation {
            "vision" => &mut self.vision,
            "condense" => &mut self.condense,
            _ => &mut self.caption,
        }
    }
}

struct Door(Arc<Mutex<State>>);

impl StandIn for Door {
    fn operation(&self, head: &RecordedRequest) -> String {
        let name = match head.path() {
            "/v1/chat/completions" => "chat_completions",
            path if path.starts_with("/v1/models/") => "model",
            _ => "unknown",
        };
        name.to_owned()
    }

    fn refine(&self, request: &RecordedRequest) -> Option<String> {
        if request.operation != "chat_completions" {
            return None;
        }
        let document = request.json().unwrap_or_default();
        let has_image = openai_answers::parts(&document)
            .any(|part| part["type"] == "image_url" || part["type"] == "input_image");
        let name = if has_image {
            "vision"
        } else if openai_answers::overlong(&document).is_some() {
            "condense"
        } else {
            "caption"
        };
        Some(name.to_owned())
    }

    fn is_heavy(&self, operation: &str) -> bool {
        operation == "vision"
    }

    fn answer(&self, request: &RecordedRequest) -> Reply {
        let mut document = request.json().unwrap_or_default();
        if let Some(model) = request.path().strip_prefix("/v1/models/") {
            document = json!({ "model": model });
        }
        let (script, limits) = {
            let mut state = self.0.lock();
            if !state.keys.contains(request.bearer().unwrap_or_default()) {
                let message = "Incorrect API key provided.";
                let body = error_body(message, "invalid_request_error", "invalid_api_key");
                return Reply::json(401, &body);
            }
            let model = document["model"].as_str().unwrap_or_default();
            let limits = state.limits.get(model).cloned().unwrap_or_default();
            (state.script(&request.operation).clone(), limits)
        };
        let method = if request.operation == "model" {
            "GET"
        } else {
            "POST"
        };
        if request.operation == "unknown" || request.method != method {
            let body = error_body("Invalid URL", "invalid_request_error", "unknown_url");
            return Reply::json(404, &body);
        }
        let refusal = limits.iter().find_map(|limit| limit.refusal(&document));
        if let Some((status, message, param, code)) = refusal {
            let mut body = error_body(&message, "invalid_request_error", code);
            body["error"]["param"] = param;
            return Reply::json(status, &body);
        }
        if request.operation == "model" {
            let model = &document["model"];
            return Reply::json(200, &json!({ "id": model, "object": "model" }));
        }
        match complete(&document, &request.operation, script) {
            Ok(completion) => {
                let id = completion["id"].as_str().unwrap_or_default().to_owned();
                let tokens = completion["usage"]["total_tokens"].as_u64();
                let billed = (id, tokens.unwrap_or_default());
                self.0.lock().completions.push(billed);
                Reply::json(200, &completion)
            }
            Err((message, code)) => {
                Reply::json(400, &error_body(&message, "invalid_request_error", code))
            }
        }
    }
}

/// Message and code of a 400.
pub(super) type Refusal = (String, &'static str);

fn complete(document: &Value, operation: &str, script: Script) -> Result<Value, Refusal> {
    let images = openai_answers::validate(document)?;
    let content = match (script.content, operation) {
        (Some(content), _) => content,
        (None, "vision") => openai_answers::vision(images.first(), document)?,
        (None, "condense") => openai_answers::condensed(document),
        (None, _) => openai_answers::captions(document),
    };
    let reason = script.finish_reason.as_deref().unwrap_or("stop");
    let message = match script.refusal {
        Some(refusal) => json!({ "role": "assistant", "content": null, "refusal": refusal }),
        None => json!({ "role": "assistant", "content": content, "refusal": null }),
    };
    let prompt_tokens = document.to_string().len().min(4000) / 4;
    let completion_tokens = content.len() / 4;
    Ok(json!({
        "id": format!("chatcmpl-{}", Uuid::new_v4().simple()),
        "object": "chat.completion",
        "created": 1_767_225_600,
        "model": document["model"],
        "choices": [{
            "index": 0, "message": message, "logprobs": null, "finish_reason": reason
        }],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
    }))
}

fn error_body(message: &str, kind: &str, code: &str) -> Value {
    json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
}
