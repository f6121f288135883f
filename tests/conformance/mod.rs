//! Does a response agree with the OpenAPI document? Stands between services and tests, in the tests
//! of `app::http` and in those of the whole service, and never in production.

mod schema;

use serde_json::Value;

/// What is served beside the document, and not described in it.
const UNDESCRIBED: [&str; 4] = ["/docs", "/openapi.json", "/openapi.yaml", "/metrics"];
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
    let response = match declared(document, observed) {
        Ok(response) => response,
        Err(_) if UNDESCRIBED.contains(&observed.path) => return Ok(()),
        Err(reason) => return check_unrouted(document, observed, &reason),
    };
    check_headers(document, &response["headers"], observed)?;
    check_body(document, &response["content"], observed)
}

/// What no operation answers: paths that lead nowhere, and methods that a path does not know.
fn check_unrouted(document: &Value, observed: &Observed, reason: &str) -> Result<(), String> {
    let has_methods = (observed.header)("allow").is_some();
    let leads_nowhere = operation(document, observed.path).is_none();
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

/// What the document declares for a response.
fn declared<'d>(document: &'d Value, observed: &Observed) -> Result<&'d Value, String> {
    let (method, operation) = operation(document, observed.path)
        .ok_or_else(|| format!("no operation is at {}", observed.path))?;
    let asked = observed.method.map(str::to_lowercase);
    let is_other = asked.is_some_and(|asked| asked != method && asked != "head");
    if is_other {
        return Err(format!("{} knows {method} only", observed.path));
    }
    operation["responses"]
        .get(observed.status.to_string())
        .ok_or_else(|| format!("{} does not declare {}", observed.path, observed.status))
}

/// The operation at a path: the one with the most of its words. Each path has one method, which is
/// checked here, too, since who knows the path of a response does not always know its method.
fn operation<'d>(document: &'d Value, path: &str) -> Option<(&'d str, &'d Value)> {
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
    let operations = operations.as_object()?;
    assert_eq!(operations.len(), 1, "{path} has several methods");
    let (method, operation) = operations.iter().next()?;
    Some((method, operation))
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
