//! Logging in and out, sessions, and what each credential opens.

mod access;
mod guessing;
mod login;

use std::time::{Duration, SystemTime};

use poem::{
    Body, Endpoint as _, Request, Response,
    endpoint::BoxEndpoint,
    http::{Method, header},
};
use serde_json::json;

use super::{
    Answer, Service,
    harness::{HOST, TOKEN, at, get, publish},
};
use crate::{
    app::http::auth::{
        AdminCredentials, AuthSettings, BasicCredential, SessionSettings,
        cookie::{CookieKind, CookieSigner},
    },
    domain::{host::Host, secret::Secret},
};

const PASSWORD: &str = "0pen sesame";
const SESSION_SECRET: &str = "0123456789abcdef0123456789abcdef";
const LIST: &str = "/api/images/list";

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn sessions() -> SessionSettings {
    SessionSettings {
        secret: Some(secret(SESSION_SECRET)),
        ttl: Duration::from_mins(1),
        secure_cookies: true,
        epoch: None,
    }
}

fn basic() -> BasicCredential {
    BasicCredential {
        user: secret("editor"),
        password: secret("s3cret"),
    }
}

/// A service with these credentials, and no images.
fn service(credentials: AdminCredentials) -> Service {
    let mut service = Service {
        auth: AuthSettings::Enforced(credentials),
        ..Service::new()
    };
    service.images.expect_list().returning(|| Ok(Vec::new()));
    service
}

fn with_everything() -> Service {
    service(AdminCredentials {
        token: Some(secret(TOKEN)),
        basic: Some(basic()),
        password: Some(secret(PASSWORD)),
        sessions: sessions(),
    })
}

fn with_login() -> Service {
    service(AdminCredentials {
        password: Some(secret(PASSWORD)),
        sessions: sessions(),
        ..AdminCredentials::default()
    })
}

async fn ask(routes: &BoxEndpoint<'static, Response>, request: Request) -> Answer {
    Answer::of(routes.get_response(request).await).await
}

fn post(path: &str, body: &str) -> Request {
    Request::builder()
        .method(Method::POST)
        .uri_str(path)
        .header("host", HOST)
        .content_type("application/json")
        .body(Body::from_string(body.to_owned()))
}

fn login(password: &str) -> Request {
    post(
        "/api/admin/login",
        &json!({"password": password}).to_string(),
    )
}

fn with(mut request: Request, headers: &[(&'static str, &str)]) -> Request {
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    request
}

fn without_authorization(mut request: Request) -> Request {
    request.headers_mut().remove(header::AUTHORIZATION);
    request
}

/// `name=value` of every cookie that the answer sets.
fn cookies(answer: &Answer) -> Vec<String> {
    let cookies = answer.headers.get_all(header::SET_COOKIE).iter();
    let pair = |cookie: &str| cookie.split(';').next().unwrap().to_owned();
    cookies
        .map(|cookie| pair(cookie.to_str().unwrap()))
        .collect()
}

/// A session that was signed by this service, with this password, to last until then.
fn session(password: &str, host: &str, expires: SystemTime) -> String {
    let signer = CookieSigner::new(&secret(SESSION_SECRET), None).bound_to(&secret(password));
    let host = Host::normalize(host).unwrap();
    let value = signer.sign(CookieKind::Session, &host, expires);
    format!("__Host-pv2_admin={value}")
}

fn in_an_hour() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "as the clock of the service")]
    let now = SystemTime::now();
    now + Duration::from_hours(1)
}
