//! Login and logout.

use poem_openapi::{Enum, Object};
use serde_json::Value;

use crate::{app::http::json_body::Fields, domain::secret::Secret};

/// Whether the caller is an admin.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct AdminStatus {
    /// The caller may use the operations of admins.
    pub admin: bool,
    /// The e-mail address of the admin, of a login with an account; `null` where the credential is no person's, and for
    /// others.
    #[oai(nullable)]
    pub email: Option<String>,
    /// How the admin has authenticated; `null` for others.
    #[oai(nullable)]
    pub method: Option<AdminMethod>,
}

/// How an admin has authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Enum)]
#[oai(rename_all = "snake_case")]
pub enum AdminMethod {
    /// By a session that a login with an account has opened (OpenID Connect).
    #[oai(rename = "openid")]
    OpenId,
    /// By a session that a login with the password has opened.
    Password,
    /// By the bearer token.
    Bearer,
    /// By user and password in the request.
    Basic,
    /// Not at all: authentication is disabled, and every caller is an admin.
    Disabled,
}

impl AdminStatus {
    /// The status of an admin who has authenticated so, a person with this address perhaps; or of a caller who is none.
    #[must_use]
    pub fn of(method: Option<AdminMethod>, email: Option<String>) -> Self {
        Self {
            admin: method.is_some(),
            email,
            method,
        }
    }
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
