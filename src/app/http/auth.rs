//! Authentication of admins. A credential is checked after the tenant is resolved, and before anything else of the
//! request is read.
//!
//! | file | holds |
//! | --- | --- |
//! | `settings` | the credentials that the operator has configured |
//! | `admin_auth` | the decision whether a request comes from an admin |
//! | `authorization` | the `Authorization` header: bearer token and Basic |
//! | `login`, `cookie` | the admin password, and the session that it opens |
//! | `throttle`, `caller` | the limit on wrong credentials, and the client that they count against |
//! | `origin` | whether a page of another site has sent the request |
//! | `extractors` | the parameters that handlers declare |
//!
//! `docs/decisions/0007` gives the reasons for the rules of sessions and throttling.

mod admin_auth;
mod authorization;
mod caller;
pub mod cookie;
mod extractors;
mod login;
mod origin;
mod request_parts;
mod secret_digest;
mod settings;
mod throttle;

pub(super) use self::throttle::{AUTHORIZATION, LOGINS};
pub use self::{
    admin_auth::AdminAuth,
    authorization::STRONG_SECRET,
    caller::{Caller, Person},
    extractors::{Admin, AdminCaller, AdminPerson, LoginAttempt, Viewer},
    login::LoginCookies,
    settings::{AdminCredentials, AuthSettings, BasicCredential, LoginSettings},
};
