//! Logging in and out.

use poem_openapi::{Object, types::Example};
use serde_json::Value;

use crate::{app::http::json_body::Fields, domain::secret::Secret};

/// Whether the caller is an admin.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub struct AdminStatus {
    /// The caller may do what only admins may.
    pub admin: bool,
}

/// A login.
#[derive(Object)]
#[oai(example)]
pub struct LoginRequest {
    /// The admin's password.
    #[oai(write_only)]
    pub password: String,
}

impl LoginRequest {
    /// Reads the password.
    pub fn read(fields: &mut Fields) -> Option<Secret> {
        let text = |value: &Value| value.as_str().map(|text| Secret::new(text.to_owned()));
        fields.require("password", "must be a string", text)
    }
}

impl Example for AdminStatus {
    fn example() -> Self {
        Self { admin: true }
    }
}

impl Example for LoginRequest {
    fn example() -> Self {
        Self {
            password: "correct horse battery staple".to_owned(),
        }
    }
}
