//! Login and logout.

use poem_openapi::{Enum, Object};
use serde_json::Value;

use crate::{
    app::http::{auth::AuthenticatedAdmin, json_body::Fields},
    domain::secret::Secret,
};

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
    /// The status of a caller, who may be no admin.
    #[must_use]
    pub(in crate::app::http) fn of(admin: Option<&AuthenticatedAdmin>) -> Self {
        Self {
            admin: admin.is_some(),
            email: admin
                .and_then(AuthenticatedAdmin::email)
                .map(|it| it.expose().to_owned()),
            method: admin.map(AuthenticatedAdmin::method),
        }
    }

    /// The status after a login with the password.
    #[must_use]
    pub fn by_password() -> Self {
        Self {
            admin: true,
            email: None,
            method: Some(AdminMethod::Password),
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
