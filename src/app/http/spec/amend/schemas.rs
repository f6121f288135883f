//! Schemas in the form that generators of clients read well: whole numbers, formats of
//! the specification, no empty parts of an `allOf`, nullable fields that are required.

use serde_json::Value;

use super::entries;

/// The beginning of references to schemas.
pub(super) const REFERENCE: &str = "#/components/schemas/";

/// Amends all named schemas; `bodies` are the schemas of requests' bodies.
pub(super) fn amend(schemas: &mut Value, bodies: &[String]) {
    for (name, schema) in entries(schemas) {
        tidy(schema);
        if bodies.contains(name) {
            close_body(schema);
        } else {
            require_nullable_fields(schema);
        }
    }
}

/// Forbids unknown fields in a body, and allows `null` for its optional fields. A field for which `null` has a meaning
/// of its own is required.
fn close_body(schema: &mut Value) {
    schema["additionalProperties"] = false.into();
    require_nullable_fields(schema);
    let required = schema.get("required").and_then(Value::as_array);
    let required = required.cloned().unwrap_or_default();
    for (name, property) in entries(&mut schema["properties"]) {
        if !required.iter().any(|required| required == name) {
            property["nullable"] = true.into();
        }
    }
}

/// Writes the values of an enum into fields that may be `null`: a reference to the enum would
/// forbid the `null`. Returns the names of the enums.
pub(super) fn inline_nullable_enums(schemas: &mut Value) -> Vec<String> {
    let named = schemas.clone();
    let mut inlined = Vec::new();
    let properties = entries(schemas).filter_map(|(_, schema)| schema.get_mut("properties"));
    for (_, property) in properties.flat_map(entries) {
        let reference = property.pointer("/allOf/0/$ref").and_then(Value::as_str);
        let name = reference.and_then(|reference| reference.strip_prefix(REFERENCE));
        let Some(name) = name
            .filter(|_| property["nullable"] == true)
            .map(str::to_owned)
        else {
            continue;
        };
        let Some(mut values) = named[&name]["enum"].as_array().cloned() else {
            continue;
        };
        values.push(Value::Null);
        property["type"] = named[&name]["type"].clone();
        property["enum"] = values.into();
        if let Some(property) = property.as_object_mut() {
            property.remove("allOf");
        }
        inlined.push(name);
    }
    inlined
}

/// Amends every schema within a value.
pub(super) fn tidy(value: &mut Value) {
    for (key, value) in entries(value) {
        match key.as_str() {
            "minimum" | "maximum" => whole_number(value),
            "format" => signed_format(value),
            "allOf" => drop_bare_descriptions(value),
            "example" | "examples" => {}
            _ => tidy(value),
        }
    }
    for item in value.as_array_mut().into_iter().flatten() {
        tidy(item);
    }
}

/// The generator writes every limit as a float.
fn whole_number(limit: &mut Value) {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "limits are small numbers, and one with a fraction stays as it is"
    )]
    if let Some(float) = limit.as_f64()
        && float.fract() == 0.0
    {
        *limit = (float as i64).into();
    }
}

/// Replaces an unsigned format, which the specification does not have, by the next larger signed one.
fn signed_format(format: &mut Value) {
    match format.as_str() {
        Some("uint16") => *format = "int32".into(),
        Some("uint32" | "uint64") => *format = "int64".into(),
        _ => {}
    }
}

/// Removes a field's description from its `allOf`: the generator writes it beside it as well.
fn drop_bare_descriptions(parts: &mut Value) {
    if let Some(parts) = parts.as_array_mut() {
        parts.retain(|part| part.get("$ref").is_some());
    }
}

/// Makes nullable fields required: where a field can be left out, `null` says nothing.
fn require_nullable_fields(schema: &mut Value) {
    let Some(properties) = schema.get_mut("properties") else {
        return;
    };
    let nullable: Vec<Value> = entries(properties)
        .filter(|(_, property)| property.get("nullable").is_some())
        .map(|(name, _)| name.as_str().into())
        .collect();
    match schema.get_mut("required").and_then(Value::as_array_mut) {
        Some(required) => required.extend(nullable),
        None if nullable.is_empty() => {}
        None => schema["required"] = nullable.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn limits_formats_and_references_are_tidied_and_examples_left_alone() {
        let mut schema = json!({
            "properties": {
                "a": {"format": "uint32", "minimum": 1.0, "maximum": 1.5},
                "b": {"allOf": [{"$ref": "#/x"}, {"description": "d"}], "description": "d"},
            },
            "example": {"format": "uint32", "minimum": 1.0},
        });
        tidy(&mut schema);
        let expected = json!({
            "properties": {
                "a": {"format": "int64", "minimum": 1, "maximum": 1.5},
                "b": {"allOf": [{"$ref": "#/x"}], "description": "d"},
            },
            "example": {"format": "uint32", "minimum": 1.0},
        });
        assert_eq!(schema, expected);
    }

    #[test]
    fn a_field_that_is_null_or_of_an_enum_says_both() {
        let kind = json!({"type": "string", "enum": ["x", "y"]});
        let mut schemas = json!({
            "Kind": kind,
            "Part": {"type": "object"},
            "S": {"properties": {
                "a": {"allOf": [{"$ref": "#/components/schemas/Kind"}], "nullable": true},
                "b": {"allOf": [{"$ref": "#/components/schemas/Kind"}]},
                "c": {"allOf": [{"$ref": "#/components/schemas/Part"}], "nullable": true},
            }},
        });
        assert_eq!(inline_nullable_enums(&mut schemas), ["Kind"]);
        let expected = json!({
            "a": {"type": "string", "enum": ["x", "y", null], "nullable": true},
            "b": {"allOf": [{"$ref": "#/components/schemas/Kind"}]},
            "c": {"allOf": [{"$ref": "#/components/schemas/Part"}], "nullable": true},
        });
        assert_eq!(schemas["S"]["properties"], expected);
    }

    #[test]
    fn nullable_fields_are_required() {
        let mut schemas = json!({"S": {
            "properties": {"a": {}, "b": {"nullable": true}},
            "required": ["a"],
        }});
        amend(&mut schemas, &[]);
        assert_eq!(schemas["S"]["required"], json!(["a", "b"]));
    }

    #[test]
    fn bodies_take_no_other_fields_and_null_for_what_may_be_left_out() {
        let mut schemas = json!({
            "S": {"properties": {"a": {}, "b": {}}, "required": ["a"]},
            "T": {"properties": {"c": {}}},
        });
        amend(&mut schemas, &["S".to_owned(), "T".to_owned()]);
        let expected = json!({
            "S": {
                "properties": {"a": {}, "b": {"nullable": true}},
                "required": ["a"],
                "additionalProperties": false,
            },
            "T": {"properties": {"c": {"nullable": true}}, "additionalProperties": false},
        });
        assert_eq!(schemas, expected);
    }
}
