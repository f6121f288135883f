//! What a client of one document would stumble over at a service of another.
//!
//! Schemas are compared one way only: does the second take all that the first does? For what
//! clients send, the first is the old one; for what they get, the first is the new one, because
//! then it is the client who has to take it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Each kind of problem that a response may be has an example under its name.
const PROBLEM: &str = "application/problem+json";

/// Who sends what a schema describes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sender {
    Client,
    Service,
}

/// An old document and a new one.
struct Comparison<'d> {
    old: &'d Value,
    new: &'d Value,
    breaks: BTreeSet<String>,
}

/// Everything in `new` that breaks clients of `old`.
pub(crate) fn breaking_changes(old: &Value, new: &Value) -> BTreeSet<String> {
    let mut comparison = Comparison {
        old,
        new,
        breaks: BTreeSet::new(),
    };
    for (path, operations) in entries(&old["paths"]) {
        for (method, operation) in entries(operations) {
            let place = format!("{method} {path}");
            match new["paths"][path].get(method) {
                Some(changed) => comparison.operation(&place, operation, changed),
                None => comparison.breaks(&place, "is gone"),
            }
        }
    }
    comparison.breaks
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Follows a reference, if it is one.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let pointer = value["$ref"].as_str().and_then(|it| it.strip_prefix('#'));
    pointer
        .and_then(|pointer| document.pointer(pointer))
        .unwrap_or(value)
}

/// A schema with its references followed and its parts put together.
fn flat(document: &Value, schema: &Value) -> Map<String, Value> {
    let mut all = resolved(document, schema)
        .as_object()
        .cloned()
        .unwrap_or_default();
    for part in items(&all.remove("allOf").unwrap_or_default()) {
        for (key, value) in flat(document, part) {
            all.entry(key).or_insert(value);
        }
    }
    all
}

impl Comparison<'_> {
    fn breaks(&mut self, place: &str, what: &str) {
        self.breaks.insert(format!("{place}: {what}"));
    }

    fn operation(&mut self, place: &str, old: &Value, new: &Value) {
        if old["operationId"] != new["operationId"] {
            self.breaks(place, "has another id");
        }
        let lost =
            items(&old["security"]).any(|it| !items(&new["security"]).any(|kept| kept == it));
        let was_open = old["security"].as_array().is_some_and(Vec::is_empty);
        let is_open = items(&new["security"]).all(|it| it == &Value::Object(Map::new()));
        if (lost || was_open) && !is_open {
            self.breaks(place, "takes fewer credentials");
        }
        self.parameters(place, old, new);
        self.body(place, old.get("requestBody"), new.get("requestBody"));
        self.responses(place, &old["responses"], &new["responses"]);
    }

    fn parameters(&mut self, place: &str, old: &Value, new: &Value) {
        let key = |it: &Value| (it["name"].clone(), it["in"].clone());
        let of_new: Vec<&Value> = items(&new["parameters"])
            .map(|it| resolved(self.new, it))
            .collect();
        let of_old: Vec<&Value> = items(&old["parameters"])
            .map(|it| resolved(self.old, it))
            .collect();
        for parameter in &of_old {
            let place = format!("{place} {}", parameter["name"]);
            match of_new.iter().find(|it| key(it) == key(parameter)) {
                Some(kept) => {
                    self.content(
                        &place,
                        Sender::Client,
                        &parameter["schema"],
                        &kept["schema"],
                    );
                }
                None => self.breaks(&place, "is gone"),
            }
        }
        for parameter in of_new.iter().filter(|it| it["required"] == true) {
            let known = of_old.iter().find(|it| key(it) == key(parameter));
            if known.is_none_or(|it| it["required"] != true) {
                let place = format!("{place} {}", parameter["name"]);
                self.breaks(&place, "must be there now");
            }
        }
    }

    fn body(&mut self, place: &str, old: Option<&Value>, new: Option<&Value>) {
        let place = format!("{place} body");
        let is_required = |body: Option<&Value>| body.is_some_and(|it| it["required"] == true);
        if is_required(new) && !is_required(old) {
            self.breaks(&place, "must be there now");
        }
        let Some(old) = old else { return };
        let none = Value::Null;
        let new = new.unwrap_or(&none);
        self.media(&place, Sender::Client, &old["content"], &new["content"]);
    }

    fn responses(&mut self, place: &str, old: &Value, new: &Value) {
        for (status, response) in entries(old) {
            let place = format!("{place} {status}");
            let Some(kept) = new.get(status) else {
                self.breaks(&place, "is gone");
                continue;
            };
            for (name, header) in entries(&response["headers"]) {
                let header = resolved(self.old, header);
                let kept = resolved(self.new, &kept["headers"][name]);
                let place = format!("{place} {name}");
                if header["required"] == true && kept["required"] != true {
                    self.breaks(&place, "need not be there now");
                }
                if kept.is_object() {
                    self.content(&place, Sender::Service, &header["schema"], &kept["schema"]);
                }
            }
            let (content, kept) = (&response["content"], &kept["content"]);
            for (kind, _) in entries(&content[PROBLEM]["examples"]) {
                if kept[PROBLEM]["examples"].get(kind).is_none() {
                    self.breaks(&format!("{place} {kind}"), "is gone");
                }
            }
            self.media(&place, Sender::Service, content, kept);
        }
        // Clients have to expect errors that they do not know, and nothing else.
        for (status, _) in entries(new).filter(|(status, _)| status.starts_with(['2', '3'])) {
            if old.get(status).is_none() {
                self.breaks(&format!("{place} {status}"), "is new");
            }
        }
    }

    fn media(&mut self, place: &str, sender: Sender, old: &Value, new: &Value) {
        for (media_type, media) in entries(old) {
            let place = format!("{place} {media_type}");
            match new.get(media_type) {
                Some(kept) => self.content(&place, sender, &media["schema"], &kept["schema"]),
                None => self.breaks(&place, "is gone"),
            }
        }
    }

    fn content(&mut self, place: &str, sender: Sender, old: &Value, new: &Value) {
        let (old, new) = (flat(self.old, old), flat(self.new, new));
        let (sent, taken) = match sender {
            Sender::Client => (&old, &new),
            Sender::Service => (&new, &old),
        };
        for what in differences(sent, taken) {
            let whose = match sender {
                Sender::Client => "takes less",
                Sender::Service => "may be more",
            };
            self.breaks(place, &format!("{whose} ({what})"));
        }
        self.fields(place, sender, &old, &new);
        for key in ["items", "additionalProperties"] {
            if let (Some(old), Some(new)) = (old.get(key), new.get(key)) {
                self.content(&format!("{place}[]"), sender, old, new);
            }
        }
    }

    fn fields(
        &mut self,
        place: &str,
        sender: Sender,
        old: &Map<String, Value>,
        new: &Map<String, Value>,
    ) {
        let none = Value::Null;
        let old = old.get("properties").unwrap_or(&none);
        let new = new.get("properties").unwrap_or(&none);
        for (name, field) in entries(old) {
            let place = format!("{place}.{name}");
            match new.get(name) {
                Some(kept) => self.content(&place, sender, field, kept),
                None => self.breaks(&place, "is gone"),
            }
        }
    }
}

/// By which keywords `taken` refuses something that `sent` allows.
fn differences(sent: &Map<String, Value>, taken: &Map<String, Value>) -> Vec<String> {
    let mut differences = Vec::new();
    for keyword in ["type", "format", "pattern"] {
        if taken.contains_key(keyword) && sent.get(keyword) != taken.get(keyword) {
            differences.push(keyword.to_owned());
        }
    }
    if is(sent, "nullable") && !is(taken, "nullable") {
        differences.push("nullable".to_owned());
    }
    if is(taken, "uniqueItems") && !is(sent, "uniqueItems") {
        differences.push("uniqueItems".to_owned());
    }
    for (keyword, is_least) in [
        ("minimum", true),
        ("minLength", true),
        ("minItems", true),
        ("maximum", false),
        ("maxLength", false),
        ("maxItems", false),
    ] {
        let number = |schema: &Map<String, Value>| schema.get(keyword).and_then(Value::as_f64);
        let is_less = match (number(sent), number(taken)) {
            (_, None) => false,
            (None, Some(limit)) => !(is_least && limit <= 0.0),
            (Some(sent), Some(taken)) => {
                if is_least {
                    sent < taken
                } else {
                    sent > taken
                }
            }
        };
        if is_less {
            differences.push(keyword.to_owned());
        }
    }
    for value in taken.get("required").map(items).into_iter().flatten() {
        if !sent
            .get("required")
            .map(items)
            .into_iter()
            .flatten()
            .any(|it| it == value)
        {
            differences.push(format!("required {value}"));
        }
    }
    if let Some(values) = taken.get("enum") {
        let sent = sent.get("enum");
        let all_known =
            sent.is_some_and(|sent| items(sent).all(|it| items(values).any(|known| known == it)));
        if !all_known {
            differences.push("enum".to_owned());
        }
    }
    let is_closed = |schema: &Map<String, Value>| {
        schema.get("additionalProperties") == Some(&Value::Bool(false))
    };
    if is_closed(taken) && !is_closed(sent) {
        differences.push("additionalProperties".to_owned());
    }
    differences
}

fn is(schema: &Map<String, Value>, keyword: &str) -> bool {
    schema.get(keyword) == Some(&Value::Bool(true))
}
