//! How Dropbox passes arguments and results: checks of paths, JSON in headers, and error
//! documents. Used by the Dropbox stand-in.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{dropbox_files::TreeError, reply::Reply};

/// The arguments of one call.
pub(super) struct Arguments {
    /// The operation's name on the wire, such as `files/list_folder`.
    pub(super) function: String,
    /// The JSON document.
    pub(super) document: Value,
}

impl Arguments {
    /// A flag; false when absent.
    pub(super) fn flag(&self, field: &str) -> bool {
        self.document[field].as_bool().unwrap_or(false)
    }

    /// A field that must be a string.
    pub(super) fn text(&self, field: &str) -> Result<&str, Reply> {
        self.document[field]
            .as_str()
            .ok_or_else(|| self.malformed(&format!("{field}: expected string")))
    }

    /// A path that must name something: `/…` or `id:…`.
    pub(super) fn path(&self, field: &str) -> Result<&str, Reply> {
        let path = self.text(field)?;
        if path.starts_with("id:") || path.starts_with("rev:") {
            return Ok(path);
        }
        if !path.starts_with('/') {
            return Err(self.malformed(&format!(
                "{field}: '{path}' did not match pattern '(/(.|[\\r\\n])*)|(ns:[0-9]+(/.*)?)|(id:.*)'"
            )));
        }
        if path.ends_with('/') || path.contains("//") {
            let role = match field {
                "from_path" => "from_lookup",
                "to_path" => "to",
                _ => "path",
            };
            return Err(tagged_error(&[role, "malformed_path"]));
        }
        Ok(path)
    }

    /// A folder's path, where the root is `""` and must not be `/`.
    pub(super) fn folder(&self, field: &str) -> Result<&str, Reply> {
        match self.text(field)? {
            "" => Ok(""),
            "/" => Err(self.malformed(&format!(
                "{field}: Specify the root folder as an empty string rather than as \"/\"."
            ))),
            _ => self.path(field),
        }
    }

    /// 400 in plain text.
    pub(super) fn malformed(&self, detail: &str) -> Reply {
        let function = &self.function;
        Reply::text(
            400,
            format!("Error in call to API function \"{function}\": request body: {detail}"),
        )
    }
}

/// A 409 with this path of tags, such as `path`, `not_found`.
pub(super) fn tagged_error(tags: &[&str]) -> Reply {
    let mut error = Value::Null;
    for tag in tags.iter().rev() {
        let mut outer = json!({ ".tag": tag });
        if !error.is_null() {
            outer[tag] = error;
        }
        error = outer;
    }
    Reply::json(
        409,
        &json!({ "error_summary": format!("{}/..", tags.join("/")), "error": error }),
    )
}

/// The 409 for what the tree refused; `lookup` is the tag of the path that was read, `write` that
/// of the path that was to be written.
pub(super) fn tree_error(error: TreeError, lookup: &str, write: &str) -> Reply {
    match error {
        TreeError::NotFound => tagged_error(&[lookup, "not_found"]),
        TreeError::NotFile => tagged_error(&[lookup, "not_file"]),
        TreeError::NotFolder => tagged_error(&[lookup, "not_folder"]),
        TreeError::ConflictFile => tagged_error(&[write, "conflict", "file"]),
        TreeError::ConflictFolder => tagged_error(&[write, "conflict", "folder"]),
        TreeError::Nested => tagged_error(&["duplicated_or_nested_paths"]),
    }
}

/// A 401 with this tag.
pub(super) fn auth_error(tag: &str) -> Reply {
    Reply::json(
        401,
        &json!({ "error_summary": format!("{tag}/..."), "error": { ".tag": tag } }),
    )
}

/// JSON for a header: everything outside printable ASCII as `\uXXXX`.
pub(super) fn header_json(document: &Value) -> String {
    let mut escaped = String::new();
    for character in document.to_string().chars() {
        if (' '..='~').contains(&character) {
            escaped.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing into a String cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_json_is_printable_ascii_and_reads_back() {
        let document = json!({ "path": "/café-夜🌙.jpg" });
        let escaped = header_json(&document);
        assert!(escaped.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        assert_eq!(serde_json::from_str::<Value>(&escaped).unwrap(), document);
    }

    #[test]
    fn errors_nest_their_tags() {
        let body: Value =
            serde_json::from_slice(&tagged_error(&["to", "conflict", "file"]).body).unwrap();
        assert_eq!(body["error_summary"], "to/conflict/file/..");
        assert_eq!(body["error"]["to"]["conflict"][".tag"], "file");
    }
}
