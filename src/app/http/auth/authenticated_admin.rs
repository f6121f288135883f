//! An admin, and how it has authenticated.

use super::{authorization::Scheme, session::Session};
use crate::{app::http::dto::admin::AdminMethod, domain::email_address::EmailAddress};

/// An admin, and how it has authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::app::http) enum AuthenticatedAdmin {
    /// By an `Authorization` header.
    Header(Scheme),
    /// By a session.
    Session(Session),
    /// Not at all: authentication is disabled.
    Anyone,
}

impl AuthenticatedAdmin {
    /// How it has authenticated.
    pub(in crate::app::http) fn method(&self) -> AdminMethod {
        match self {
            Self::Header(Scheme::Bearer) => AdminMethod::Bearer,
            Self::Header(Scheme::Basic) => AdminMethod::Basic,
            Self::Session(session) if session.person.is_some() => AdminMethod::OpenId,
            Self::Session(_) => AdminMethod::Password,
            Self::Anyone => AdminMethod::Disabled,
        }
    }

    /// The e-mail address of the person, where it is known.
    pub(in crate::app::http) fn email(&self) -> Option<&EmailAddress> {
        match self {
            Self::Session(session) => session.person.as_ref().map(|it| &it.email),
            Self::Header(_) | Self::Anyone => None,
        }
    }

    /// The session that it has authenticated by.
    pub(super) fn session(&self) -> Option<&Session> {
        match self {
            Self::Session(session) => Some(session),
            Self::Header(_) | Self::Anyone => None,
        }
    }
}
