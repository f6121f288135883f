//! Login and logout.

use poem_openapi::Object;
use serde_json::Value;

use crate::{app::http::json_body::Fields, domain::secret::Secret};

/// Whether the caller is an admin.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct AdminStatus {
    /// The caller may use the operations of admins.
    pub admin: bool,
}

/// A login.
#[derive(Object)]
pub struct LoginRequest {
    /// The admin's password.
    #[oai(write_only)]
    pub password: String,
}

impl LoginRequest {
    /// Reads the password out of a body's fields.
    pub fn read(fields: &mut Fields) -> Option<Secret> {
        let text = |value: &Value| value.as_str().map(|text| Secret::new(text.to_owned()));
        fields.require("password", "must be a string", text)
    }
}
