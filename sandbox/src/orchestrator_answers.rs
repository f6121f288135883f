//! What the orchestrator knows and what it answers. Used by the orchestrator stand-in and, for the
//! records, by tests.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{billing::Billing, record::RecordedRequest, reply::Reply, secrets::Issued};

/// What the orchestrator knows of one host.
#[derive(Clone, Debug)]
pub struct TenantRecord {
    /// The tenant's name.
    pub tenant: String,
    /// `publisher_v2`, unless a test says otherwise.
    pub app_type: String,
    /// Sent as it is; `None` leaves the field out.
    pub schema_version: Option<i64>,
    /// Sent in seconds as it is; `None` leaves the field out.
    pub ttl_seconds: Option<i64>,
    /// Counts up with each change; sent as `v<n>`.
    pub config_version: u64,
    /// A suspended host answers 404.
    pub suspended: bool,
    /// The runtime config.
    pub config: Value,
}

impl TenantRecord {
    /// A tenant of schema version 2 with a life of 600 s.
    #[must_use]
    pub fn new(tenant: &str, config: Value) -> Self {
        Self {
            tenant: tenant.to_owned(),
            app_type: "publisher_v2".to_owned(),
            schema_version: Some(2),
            ttl_seconds: Some(600),
            config_version: 1,
            suspended: false,
            config,
        }
    }
}

/// A secret as the orchestrator hands it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A Dropbox refresh token.
    Dropbox {
        /// The refresh token.
        refresh_token: String,
        /// Sent as it is (RFC 3339); `None` is `null`.
        expires_at: Option<String>,
    },
    /// An OpenAI key.
    OpenAi {
        /// The key.
        api_key: String,
    },
    /// A Telegram bot.
    Telegram {
        /// The bot's token.
        bot_token: String,
    },
    /// A mail account.
    Smtp {
        /// Its password.
        password: String,
    },
    /// Anything else: the document as it is sent (`version` is added unless it is there).
    Raw(Value),
}

/// Everything that the stand-in knows.
pub(super) struct State {
    pub(super) primary: String,
    pub(super) secondary: Option<String>,
    pub(super) refuses_post: bool,
    pub(super) tenants: HashMap<String, TenantRecord>,
    pub(super) credentials: HashMap<String, Stored>,
    pub(super) billing: Billing,
    pub(super) issued: Issued,
}

pub(super) struct Stored {
    pub(super) tenant: String,
    pub(super) version: u64,
    pub(super) credential: Credential,
}

impl State {
    pub(super) fn note(&mut self, credential: &Credential) {
        match credential {
            Credential::Dropbox { refresh_token, .. } => self.issued.note(refresh_token),
            Credential::OpenAi { api_key } => self.issued.note(api_key),
            Credential::Telegram { bot_token } => self.issued.note(bot_token),
            Credential::Smtp { password } => self.issued.note(password),
            Credential::Raw(document) => {
                for field in [
                    "refresh_token",
                    "api_key",
                    "bot_token",
                    "password",
                    "access_token",
                    "app_password",
                ] {
                    self.issued.note(
                        document
                            .get(field)
                            .and_then(Value::as_str)
                            .unwrap_or_default(),
                    );
                }
            }
        }
    }

    /// A debit of a tenant that any host has.
    fn debit(&mut self, body: &Value) -> Reply {
        let tenant = body.get("tenant_id").and_then(Value::as_str);
        let is_known = |tenant: &str| self.tenants.values().any(|it| it.tenant == tenant);
        if tenant.is_some_and(|tenant| !is_known(tenant)) {
            return error(404, "tenant_not_found");
        }
        match self.billing.take(body) {
            Ok(balance) => Reply::json(200, &json!({ "balance_after": balance })),
            Err(field) => Reply::json(422, &json!({ "error": "invalid", "field": field })),
        }
    }

    fn by_host(&self, host: &str) -> Reply {
        let Some(tenant) = self.tenants.get(host).filter(|tenant| !tenant.suspended) else {
            return error(404, "not_found");
        };
        let mut document = json!({
            "tenant": tenant.tenant,
            "app_type": tenant.app_type,
            "config_version": format!("v{}", tenant.config_version),
            "config": tenant.config,
        });
        if let Some(version) = tenant.schema_version {
            document["schema_version"] = version.into();
        }
        if let Some(seconds) = tenant.ttl_seconds {
            document["ttl_seconds"] = seconds.into();
        }
        Reply::json(200, &document)
    }

    fn resolve(&self, tenant: &str, reference: &str) -> Reply {
        let stored = self.credentials.get(reference);
        let Some(stored) = stored.filter(|stored| stored.tenant == tenant) else {
            return error(404, "not_found");
        };
        if self.billing.is_out_of_credit(tenant) {
            return error(403, "insufficient_balance");
        }
        let version = format!("c{}", stored.version);
        let document = match &stored.credential {
            Credential::Dropbox {
                refresh_token,
                expires_at,
            } => json!({"provider": "dropbox", "version": version,
                "refresh_token": refresh_token, "expires_at": expires_at}),
            Credential::OpenAi { api_key } => {
                json!({"provider": "openai", "version": version, "api_key": api_key})
            }
            Credential::Telegram { bot_token } => {
                json!({"provider": "telegram", "version": version, "bot_token": bot_token})
            }
            Credential::Smtp { password } => {
                json!({"provider": "smtp", "version": version, "password": password})
            }
            Credential::Raw(document) => {
                let mut document = document.clone();
                if let Some(fields) = document.as_object_mut() {
                    fields.entry("version").or_insert_with(|| version.into());
                }
                document
            }
        };
        Reply::json(200, &document)
    }
}

pub(super) fn answer(state: &mut State, request: &RecordedRequest) -> Reply {
    let known = [Some(&state.primary), state.secondary.as_ref()];
    let token = request.bearer().unwrap_or_default();
    if !known.iter().flatten().any(|known| known.as_str() == token) {
        return error(403, "forbidden");
    }
    let body = request.json().unwrap_or_default();
    let text = |field: &str| body.get(field).and_then(Value::as_str).unwrap_or_default();
    match (request.operation.as_str(), request.method.as_str()) {
        ("by_host", "POST") if state.refuses_post => {
            error(405, "method_not_allowed").with_header("allow", "GET")
        }
        ("by_host", "POST") if text("host").is_empty() => error(400, "host_missing"),
        ("by_host", "POST") => state.by_host(text("host")),
        ("by_host", "GET") => {
            let query = request.path_and_query.split_once('?').map_or("", |it| it.1);
            let host = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "host");
            host.map_or_else(
                || error(400, "host_missing"),
                |(_, host)| state.by_host(&host),
            )
        }
        ("resolve", "POST") => match request.header("x-tenant") {
            Some(tenant) if !tenant.is_empty() && !text("credentials_ref").is_empty() => {
                state.resolve(tenant, text("credentials_ref"))
            }
            _ => error(400, "tenant_or_ref_missing"),
        },
        ("usage", "POST") => state.debit(&body),
        ("by_host" | "resolve" | "usage", _) => error(405, "method_not_allowed"),
        _ => error(404, "not_found"),
    }
}

fn error(status: u16, code: &str) -> Reply {
    Reply::json(status, &json!({ "error": code }))
}
