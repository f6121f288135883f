//! Does a response agree with the OpenAPI document? Stands between services and tests, in the tests
//! of `app::http` and in those of the whole service, and never in production.

mod schema;

use serde_json::{Map, Value};

/// What is served beside the document, and not described in it.
const UNDESCRIBED: [&str; 5] = ["/", "/docs", "/openapi.json", "/openapi.yaml", "/metrics"];
/// The folder of the page's files, which are not described either.
const ASSETS: &str = "/assets/";
const PROBLEM: &str = "#/components/schemas/Problem";

/// A response, and what it is a response to.
pub(crate) struct Observed<'a> {
    /// The method, if it is known.
    pub(crate) method: Option<&'a str>,
    /// The path, without the query.
    pub(crate) path: &'a str,
    /// The status.
    pub(crate) status: u16,
    /// Looks a header up.
    pub(crate) header: &'a dyn Fn(&str) -> Option<String>,
    /// The body, all of it.
    pub(crate) body: &'a [u8],
}

/// Compares a response with what the document declares.
///
/// # Errors
/// Says what does not agree.
pub(crate) fn check(document: &Value, observed: &Observed) -> Result<(), String> {
    let responses = match declared(document, observed) {
        Ok(responses) => responses,
        Err(_) if is_undescribed(observed.path) => return Ok(()),
        Err(reason) => return check_unrouted(document, observed, &reason),
    };
    let judged = responses.into_iter().map(|response| {
        check_headers(document, &response["headers"], observed)?;
        check_body(document, &response["content"], observed)
    });
    // Where the method is not known, it may be any of them.
    judged.reduce(Result::or).unwrap_or(Ok(()))
}

fn is_undescribed(path: &str) -> bool {
    UNDESCRIBED.contains(&path) || path.starts_with(ASSETS)
}

/// What no operation answers: paths that lead nowhere, and methods that a path does not know.
fn check_unrouted(document: &Value, observed: &Observed, reason: &str) -> Result<(), String> {
    let has_methods = (observed.header)("allow").is_some();
    let leads_nowhere = operations(document, observed.path).is_none();
    match observed.status {
        405 if has_methods => {}
        400 | 404 | 413 | 431 | 503 if leads_nowhere => {}
        _ => return Err(reason.to_owned()),
    }
    let problem = serde_json::json!({
        "application/problem+json": {"schema": {"$ref": PROBLEM}},
    });
    check_body(document, &problem, observed)
}

/// What the document declares for a response: one, where its method is known.
fn declared<'d>(document: &'d Value, observed: &Observed) -> Result<Vec<&'d Value>, String> {
    let operations = operations(document, observed.path)
        .ok_or_else(|| format!("no operation is at {}", observed.path))?;
    let asked = observed.method.map(str::to_lowercase);
    let is_asked = |method: &str| {
        let is_it = |asked: &str| asked == method || asked == "head" && method == "get";
        asked.as_deref().is_none_or(is_it)
    };
    let asked: Vec<_> = operations
        .iter()
        .filter(|(method, _)| is_asked(method))
        .collect();
    if asked.is_empty() {
        let known: Vec<_> = operations.keys().map(String::as_str).collect();
        return Err(format!("{} knows {} only", observed.path, known.join(", ")));
    }
    let status = observed.status.to_string();
    let declared = asked.into_iter();
    let declared = declared.filter_map(|(_, operation)| operation["responses"].get(&status));
    let declared: Vec<_> = declared.collect();
    if declared.is_empty() {
        return Err(format!("{} does not declare {status}", observed.path));
    }
    Ok(declared)
}

/// The operations at a path: of the one with the most of its words.
fn operations<'d>(document: &'d Value, path: &str) -> Option<&'d Map<String, Value>> {
    let segments: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let words: Vec<&str> = template.split('/').collect();
        let is_variable = |word: &str| word.starts_with('{');
        let pairs = || words.iter().zip(&segments);
        let all = words.len() == segments.len()
            && pairs()
                .all(|(word, segment)| word == segment || is_variable(word) && !segment.is_empty());
        all.then(|| pairs().filter(|(word, segment)| word == segment).count())
    };
    let paths = document["paths"].as_object()?;
    let (_, operations) = paths
        .iter()
        .filter_map(|(template, operations)| Some((fits(template)?, operations)))
        .max_by_key(|(words, _)| *words)?;
    operations.as_object()
}

fn check_headers(document: &Value, declared: &Value, observed: &Observed) -> Result<(), String> {
    for (name, header) in declared.as_object().into_iter().flatten() {
        let header = schema::resolved(document, header)?;
        let Some(value) = (observed.header)(name) else {
            if header["required"] == true {
                return Err(format!("the header {name} is missing"));
            }
            continue;
        };
        let value = match header["schema"]["type"].as_str() {
            Some("integer" | "boolean") => serde_json::from_str(&value).unwrap_or_default(),
            _ => Value::from(value),
        };
        schema::check(document, &header["schema"], &value)
            .map_err(|error| format!("the header {name}: {error}"))?;
    }
    Ok(())
}

fn check_body(document: &Value, content: &Value, observed: &Observed) -> Result<(), String> {
    let content_type = (observed.header)("content-type").unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default();
    if content.is_null() {
        return if observed.body.is_empty() {
            Ok(())
        } else {
            Err("there is a body, and none is declared".to_owned())
        };
    }
    let range = media_type.split('/').next().unwrap_or_default();
    let media = content
        .get(media_type)
        .or_else(|| content.get(format!("{range}/*")))
        .ok_or_else(|| format!("the media type {media_type:?} is not declared"))?;
    let is_head = match observed.method {
        Some(method) => method == "HEAD",
        None => observed.body.is_empty(),
    };
    if is_head || !media_type.ends_with("json") {
        return Ok(());
    }
    let body: Value = serde_json::from_slice(observed.body).map_err(|error| error.to_string())?;
    schema::check(document, &media["schema"], &body)
}

#[cfg(test)]
mod tests;
