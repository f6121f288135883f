//! The requests of a login with an account, and what they are answered.

use poem::{FromRequest as _, Request, RequestBody};
use url::Url;

use super::{
    account::{Attempt, Leads, Returned},
    admin_auth::AdminAuth,
    cookie::CookieKind,
    request_parts::{host_of, tenant_of},
    return_to::ReturnTo,
};
use crate::{
    app::http::{error::ApiError, request_facts::CallerOrigin},
    domain::{host::is_loopback, identity::LoginRefusal},
};

impl AdminAuth {
    /// Begins a login with an account: leads to the identity provider, and afterwards to `return_to`.
    pub(in crate::app::http) async fn begin_login(
        &self,
        request: &Request,
        return_to: Option<&str>,
    ) -> Result<Leads, ApiError> {
        let attempt = self.attempt(request).await?;
        let Some((login, sessions)) = self.accounts() else {
            return Ok(attempt.refused(LoginRefusal::NotConfigured));
        };
        let return_to = ReturnTo::of(return_to.unwrap_or_default());
        let begun = login.begin(&attempt, return_to, sessions).await;
        Ok(begun.unwrap_or_else(|refusal| attempt.refused(refusal)))
    }

    /// Finishes a login with an account: opens a session, or leads to the page with the reason why not.
    pub(in crate::app::http) async fn finish_login(
        &self,
        request: &Request,
        returned: Returned,
    ) -> Result<Leads, ApiError> {
        let attempt = self.attempt(request).await?;
        let Some((login, sessions)) = self.accounts() else {
            return Ok(attempt.refused(LoginRefusal::NotConfigured));
        };
        if !login.is_on(attempt.tenant) {
            return Ok(attempt.refused(LoginRefusal::NotConfigured));
        }
        let Some(state) = login.answered(&attempt, &returned, sessions) else {
            // The cookie stays: another login may be under way in this browser, in another tab.
            return Ok(attempt.refused(LoginRefusal::CallbackFailed));
        };
        let mut leads = match login.finish(&attempt, &state, returned).await {
            Ok(person) => {
                let client_address = attempt.address.map(tracing::field::display);
                tracing::info!(client_address, "admin logged in with an account");
                Leads {
                    to: state.return_to.as_str().to_owned(),
                    cookies: vec![sessions.open_for(&person, attempt.host, attempt.now)],
                }
            }
            Err(refusal) => attempt.refused(refusal),
        };
        // Whatever it came to: a login is answered once.
        leads
            .cookies
            .push(CookieKind::Login.end(sessions.secure_cookies()));
        Ok(leads)
    }

    async fn attempt<'a>(&self, request: &'a Request) -> Result<Attempt<'a>, ApiError> {
        let mut no_body = RequestBody::default();
        let origin = CallerOrigin::from_request(request, &mut no_body).await;
        let origin = origin.map_err(|_| ApiError::internal())?;
        let host = host_of(request)?;
        let (caller, address) = self.caller(request, host)?;
        Ok(Attempt {
            tenant: tenant_of(request)?,
            host,
            redirect: redirect_uri(&origin)?.into(),
            headers: request.headers(),
            now: self.clock().utc(),
            caller,
            address,
        })
    }
}

/// The address that the provider sends browsers to: https and the host. On this machine, where nobody has a certificate, http and
/// the port that the browser has called.
fn redirect_uri(origin: &CallerOrigin) -> Result<Url, ApiError> {
    let name = origin.host.as_str();
    let is_local = is_loopback(name) || name.ends_with(".localhost");
    let mut url = origin.url.clone();
    let is_set = if is_local {
        url.set_scheme("http")
    } else {
        let url_ports = url.set_port(None);
        url_ports.and_then(|()| url.set_scheme("https"))
    };
    is_set.map_err(|()| ApiError::internal())?;
    url.set_path("/auth/callback");
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::host::Host;

    fn of(url: &str) -> String {
        let url = Url::parse(url).unwrap();
        let host = Host::normalize_any(url.host_str().unwrap()).unwrap();
        redirect_uri(&CallerOrigin { host, url }).unwrap().into()
    }

    #[test]
    fn a_login_comes_back_by_https_or_on_this_machine_by_the_port_that_was_called() {
        for (called, redirect) in [
            (
                "http://alice.example.org/",
                "https://alice.example.org/auth/callback",
            ),
            (
                "http://alice.example.org:8080/",
                "https://alice.example.org/auth/callback",
            ),
            (
                "https://alice.example.org:8443/",
                "https://alice.example.org/auth/callback",
            ),
            (
                "http://localhost:8080/",
                "http://localhost:8080/auth/callback",
            ),
            (
                "https://alice.sandbox.localhost:1/",
                "http://alice.sandbox.localhost:1/auth/callback",
            ),
            (
                "http://127.0.0.1:8080/",
                "http://127.0.0.1:8080/auth/callback",
            ),
            ("http://192.0.2.1:8080/", "https://192.0.2.1/auth/callback"),
            (
                "http://localhost.example.org:1/",
                "https://localhost.example.org/auth/callback",
            ),
        ] {
            assert_eq!(of(called), redirect);
        }
    }
}
