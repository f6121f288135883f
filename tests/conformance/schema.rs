//! Is a value what a schema of OpenAPI 3.0 says? Knows the keywords that our document uses, and
//! fails at any other, so that none goes unchecked. An object may hold no fields but those that are
//! declared: what is told and not documented is a gap in the document.

use serde_json::Value;

/// Follows a reference, if it is one.
pub(super) fn resolved<'d>(document: &'d Value, value: &'d Value) -> Result<&'d Value, String> {
    let Some(reference) = value["$ref"].as_str() else {
        return Ok(value);
    };
    reference
        .strip_prefix('#')
        .and_then(|pointer| document.pointer(pointer))
        .ok_or_else(|| format!("{reference} leads nowhere"))
}

/// Checks a value; an error says where it is and what is wrong.
pub(super) fn check(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let schema = resolved(document, schema)?;
    let schema = schema.as_object().ok_or("a schema is no object")?;
    if value.is_null() {
        let may_be = schema.is_empty() || schema.get("nullable") == Some(&true.into());
        return may_be.then_some(()).ok_or_else(|| "is null".to_owned());
    }
    for (keyword, argument) in schema {
        let holds = match keyword.as_str() {
            "title" | "description" | "example" | "default" | "nullable" | "writeOnly" => true,
            "allOf" => {
                for part in argument.as_array().into_iter().flatten() {
                    check(document, part, value)?;
                }
                true
            }
            "enum" => argument.as_array().is_some_and(|all| all.contains(value)),
            "type" => has_type(argument, value),
            "format" => has_format(argument.as_str().unwrap_or_default(), value),
            "pattern" => matches(argument, value)?,
            "minimum" => value.as_f64() >= argument.as_f64(),
            "maximum" => value.as_f64() <= argument.as_f64(),
            "minLength" => length(value) >= argument.as_u64(),
            "maxLength" => length(value) <= argument.as_u64(),
            "minItems" => count(value) >= argument.as_u64(),
            "maxItems" => count(value) <= argument.as_u64(),
            "required" => has_all(argument, value),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(document, argument, item).map_err(|error| format!("[{index}]{error}"))?;
                }
                true
            }
            "properties" | "additionalProperties" => {
                check_fields(document, schema, value)?;
                true
            }
            other => return Err(format!("the keyword {other} is not known here")),
        };
        if !holds {
            return Err(format!(" breaks {keyword} {argument}: {value}"));
        }
    }
    Ok(())
}

fn check_fields(
    document: &Value,
    schema: &serde_json::Map<String, Value>,
    value: &Value,
) -> Result<(), String> {
    let properties = schema.get("properties");
    let others = schema
        .get("additionalProperties")
        .filter(|it| it.is_object());
    for (name, field) in value.as_object().into_iter().flatten() {
        let declared = properties.and_then(|all| all.get(name)).or(others);
        let declared = declared.ok_or_else(|| format!(".{name} is not declared"))?;
        check(document, declared, field).map_err(|error| format!(".{name}{error}"))?;
    }
    Ok(())
}

fn has_type(name: &Value, value: &Value) -> bool {
    match name.as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    }
}

fn has_format(format: &str, value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    match format {
        "date-time" => {
            use time::{OffsetDateTime, format_description::well_known::Rfc3339};
            OffsetDateTime::parse(text, &Rfc3339).is_ok()
        }
        "email" => text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        }),
        "uri" => url::Url::parse(text).is_ok(),
        "uri-reference" => text.starts_with('/') || url::Url::parse(text).is_ok(),
        "int32" => value
            .as_i64()
            .is_some_and(|number| i32::try_from(number).is_ok()),
        "int64" => value.is_i64(),
        // For those who write the value, and not for those who read it.
        "password" | "binary" => true,
        _ => false,
    }
}

fn matches(pattern: &Value, value: &Value) -> Result<bool, String> {
    let pattern = pattern.as_str().unwrap_or_default();
    let pattern = regex::Regex::new(pattern).map_err(|error| error.to_string())?;
    Ok(pattern.is_match(value.as_str().unwrap_or_default()))
}

fn length(value: &Value) -> Option<u64> {
    Some(value.as_str()?.chars().count() as u64)
}

fn count(value: &Value) -> Option<u64> {
    Some(value.as_array()?.len() as u64)
}

fn has_all(names: &Value, value: &Value) -> bool {
    let mut names = names.as_array().into_iter().flatten();
    names.all(|name| name.as_str().is_some_and(|name| value.get(name).is_some()))
}
