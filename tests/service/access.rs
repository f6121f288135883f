//! Who may do what: every operation of the API document with every kind of credential.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use publisher::{
    app::http::{
        auth::cookie::{CookieKind, CookieSigner},
        spec::openapi_document,
    },
    domain::{host::Host, secret::Secret},
};
use publisher_sandbox::{DemoTenant, Sandbox, TenantSpec};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{Answer, Service},
    sessions::{PASSWORD, SESSION_SECRET, USER, USER_PASSWORD, log_in, settings},
};

/// An operation of the document, and whom it is for.
struct Operation {
    method: Method,
    path: String,
    access: Access,
    /// Does it say that it refuses what pages of other sites send?
    minds_other_sites: bool,
}

/// What the security of an operation says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Access {
    Anyone,
    Viewers,
    Admins,
}

/// Somebody who calls, and what their credential is worth.
struct Caller {
    name: &'static str,
    headers: Vec<(&'static str, String)>,
    is_admin: bool,
    is_other_site: bool,
}

/// What comes of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    LetThrough,
    Unauthorized,
    Forbidden,
    Shut,
}

#[tokio::test]
async fn every_operation_lets_in_whom_its_security_names_and_nobody_else() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let view = json!({"features": {"auto_view_enabled": true}});
    let open = sandbox.add_tenant(TenantSpec::new("open").patch(&view));
    let closed = sandbox.add_tenant(TenantSpec::new("closed"));
    let service = Service::start_with(sandbox.environment(), &settings()).await;
    let operations = operations();
    let mut matrix = String::new();
    let mut wrong = Vec::new();
    for (tenant, other, auto_view) in [(&open, &closed, true), (&closed, &open, false)] {
        let callers = callers(&service, &sandbox, tenant, other).await;
        if matrix.is_empty() {
            let names: Vec<_> = callers.iter().map(|caller| caller.name).collect();
            writeln!(matrix, "columns: {}", names.join(", ")).unwrap();
        }
        writeln!(matrix, "\nauto_view_enabled = {auto_view}").unwrap();
        for operation in &operations {
            let mut row = String::new();
            for caller in &callers {
                let answer = call(&service, tenant, operation, caller).await;
                // A log-out looks at the header, too, and at the sixth wrong one within a minute at none.
                let actual = match outcome(&answer) {
                    Outcome::Unauthorized
                        if answer.status == 429 && operation.access == Access::Anyone =>
                    {
                        Outcome::LetThrough
                    }
                    outcome => outcome,
                };
                let expected = operation.expected(caller, auto_view);
                write!(row, " {}", answer.status).unwrap();
                if actual != expected {
                    let Operation { method, path, .. } = operation;
                    let name = caller.name;
                    wrong.push(format!(
                        "{method} {path}, auto_view {auto_view}, {name}: {actual:?} instead of \
                         {expected:?}: {answer:?}"
                    ));
                }
            }
            let Operation {
                method,
                path,
                access,
                ..
            } = operation;
            writeln!(matrix, "{row}  {access:?}: {method} {path}").unwrap();
        }
    }
    println!("{matrix}");
    assert!(wrong.is_empty(), "{matrix}\n{}", wrong.join("\n"));
}

#[test]
fn the_matrix_has_operations_of_every_kind_and_no_write_takes_sessions_from_other_sites() {
    let operations = operations();
    let mut kinds = BTreeMap::<Access, usize>::new();
    for operation in &operations {
        *kinds.entry(operation.access).or_default() += 1;
        let is_protected_write =
            operation.method != Method::GET && operation.access == Access::Admins;
        assert!(
            operation.minds_other_sites || !is_protected_write,
            "{} {}",
            operation.method,
            operation.path
        );
    }
    assert_eq!(kinds.len(), 3, "{kinds:?}");
}

impl Operation {
    fn expected(&self, caller: &Caller, auto_view: bool) -> Outcome {
        let is_open = match self.access {
            Access::Anyone => true,
            Access::Viewers => auto_view,
            Access::Admins => false,
        };
        if !is_open && !caller.is_admin {
            Outcome::Unauthorized
        } else if caller.is_other_site && self.minds_other_sites {
            Outcome::Forbidden
        } else {
            Outcome::LetThrough
        }
    }
}

fn operations() -> Vec<Operation> {
    let document = openapi_document();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let security = operation["security"].as_array().unwrap();
            let access = if security.is_empty() {
                Access::Anyone
            } else if security.contains(&json!({})) {
                Access::Viewers
            } else {
                Access::Admins
            };
            let examples = "/responses/403/content/application~1problem+json/examples/forbidden";
            operations.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                // There is no such image, so that nothing is done to any.
                path: path.replace("{filename}", "no-such-image.jpg"),
                access,
                minds_other_sites: operation.pointer(examples).is_some(),
            });
        }
    }
    operations
}

async fn callers(
    service: &Service,
    sandbox: &Sandbox,
    tenant: &DemoTenant,
    other: &DemoTenant,
) -> Vec<Caller> {
    let same_origin = format!("http://{}", tenant.host);
    let caller = |name, headers, is_admin| Caller {
        name,
        headers,
        is_admin,
        is_other_site: false,
    };
    let header = |value: String| vec![("authorization", value)];
    let cookie = |value: &str, origin: &str| {
        vec![("cookie", value.to_owned()), ("origin", origin.to_owned())]
    };
    let right = log_in(service, &tenant.host).await.session;
    let others = log_in(service, &other.host).await.session;
    let forged = right.replacen('.', "0.", 1);
    let expired = expired(&tenant.host);
    let basic_elsewhere = Caller {
        is_other_site: true,
        ..caller(
            "right Basic from another site",
            vec![
                ("authorization", basic(USER, USER_PASSWORD)),
                ("origin", "https://evil.example".to_owned()),
            ],
            true,
        )
    };
    let cookie_elsewhere = Caller {
        is_other_site: true,
        ..caller(
            "right cookie from another site",
            cookie(&right, "https://evil.example"),
            true,
        )
    };
    vec![
        caller("nothing", vec![], false),
        caller("wrong bearer", header("Bearer wrong".to_owned()), false),
        caller(
            "right bearer",
            header(format!("Bearer {}", sandbox.web_token())),
            true,
        ),
        caller("wrong Basic", header(basic(USER, "wrong")), false),
        caller("right Basic", header(basic(USER, USER_PASSWORD)), true),
        caller(
            "other tenant's cookie",
            cookie(&others, &same_origin),
            false,
        ),
        caller("forged cookie", cookie(&forged, &same_origin), false),
        caller("expired cookie", cookie(&expired, &same_origin), false),
        caller("right cookie", cookie(&right, &same_origin), true),
        basic_elsewhere,
        cookie_elsewhere,
    ]
}

/// Right in everything but its time: of the key, the password and the host of the service.
fn expired(host: &str) -> String {
    let [secret, password] = [SESSION_SECRET, PASSWORD].map(|text| Secret::new(text.to_owned()));
    let signer = CookieSigner::new(&secret, None).bound_to(&password);
    let host = Host::normalize(host).unwrap();
    let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let value = signer.sign(CookieKind::Session, &host, past);
    format!("__Host-pv2_admin={value}")
}

fn basic(user: &str, password: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

async fn call(
    service: &Service,
    tenant: &DemoTenant,
    operation: &Operation,
    caller: &Caller,
) -> Answer {
    let Operation { method, path, .. } = operation;
    let mut request = service.request(method.clone(), &tenant.host, path);
    for (name, value) in &caller.headers {
        request = request.header(*name, value);
    }
    if *method != Method::GET {
        request = request.json(&json!({}));
    }
    let response = request.send().await.unwrap();
    if path == "/api/jobs/events" && response.status() == 200 {
        // A stream has no end to wait for.
        return Answer {
            status: 200,
            headers: response.headers().clone(),
            bytes: bytes::Bytes::new(),
            text: String::new(),
        };
    }
    Answer::of(response).await
}

fn outcome(answer: &Answer) -> Outcome {
    let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    let kind = body["type"].as_str().unwrap_or_default();
    assert_ne!(kind, "/problems/tenant-not-found", "{answer:?}");
    match (answer.status, kind) {
        // 429: the sixth wrong header within a minute, and those after it.
        (401, _) | (429, "/problems/rate-limited") => Outcome::Unauthorized,
        (403, "/problems/forbidden") => Outcome::Forbidden,
        (503, "/problems/admin-not-configured") => Outcome::Shut,
        _ => Outcome::LetThrough,
    }
}
