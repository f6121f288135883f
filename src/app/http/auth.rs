//! Authentication of admins. A credential is checked after the tenant is resolved, and before anything else of the
//! request is read.
//!
//! | file | holds |
//! | --- | --- |
//! | `settings` | the credentials that the operator has configured |
//! | `admin_auth`, `authenticated_admin` | the decision whether a request comes from an admin, and from which |
//! | `authorization` | the `Authorization` header: bearer token and Basic |
//! | `password` | the login with the admin's password |
//! | `account`, `account_request`, `login_state`, `return_to` | the login of people with accounts of their own, by OpenID Connect |
//! | `session`, `cookie` | the sessions that logins open |
//! | `throttle`, `caller` | the limit on wrong credentials, and the client that they count against |
//! | `origin` | whether a page of another site has sent the request |
//! | `extractors` | the parameters that handlers declare |
//!
//! `docs/decisions/0007` gives the reasons for the rules of sessions and throttling.

mod account;
mod account_request;
mod admin_auth;
mod authenticated_admin;
mod authorization;
mod caller;
pub mod cookie;
mod extractors;
mod login_state;
mod origin;
mod password;
mod request_parts;
mod return_to;
mod secret_digest;
mod session;
mod settings;
mod throttle;

pub(super) use self::{
    account::{Leads, Returned},
    authenticated_admin::AuthenticatedAdmin,
    throttle::{ACCOUNT_LOGINS, AUTHORIZATION, LOGINS},
};
pub use self::{
    admin_auth::AdminAuth,
    authorization::STRONG_SECRET,
    caller::{Caller, Person},
    extractors::{Access, Admin, AdminCaller, AdminPerson, LoginAttempt, Viewer},
    password::LoginCookies,
    settings::{AdminCredentials, AuthSettings, BasicCredential, SessionSettings},
};
