//! The settings of a service that has one tenant of the sandbox from its environment, without an
//! orchestrator. Used by tests.

use serde_json::{Value, json};

use super::{Sandbox, tenants::DemoTenant};

/// What stands in a runtime config and what standalone settings call it.
const FEATURES: [(&str, &str); 7] = [
    ("publish_enabled", "FEATURE_PUBLISH"),
    ("analyze_caption_enabled", "FEATURE_ANALYZE_CAPTION"),
    ("keep_enabled", "FEATURE_KEEP_CURATE"),
    ("remove_enabled", "FEATURE_REMOVE_CURATE"),
    ("delete_enabled", "FEATURE_DELETE"),
    ("auto_view_enabled", "AUTO_VIEW"),
    ("alt_text_enabled", "FEATURE_ALT_TEXT"),
];

/// The fields of the credential of a bucket.
const BUCKET: [(&str, &str); 5] = [
    ("access_key_id", "R2_ACCESS_KEY_ID"),
    ("secret_access_key", "R2_SECRET_ACCESS_KEY"),
    ("endpoint_url", "R2_ENDPOINT_URL"),
    ("bucket", "R2_BUCKET_NAME"),
    ("region", "R2_REGION"),
];

/// Blocks that are the same in both.
const BLOCKS: [(&str, &str); 3] = [
    ("captionfile", "CAPTIONFILE_SETTINGS"),
    ("confirmation", "CONFIRMATION_SETTINGS"),
    ("content", "CONTENT_SETTINGS"),
];

/// The tenant's config, secrets and upstreams as standalone settings.
pub(super) fn environment(sandbox: &Sandbox, tenant: &DemoTenant) -> Vec<(&'static str, String)> {
    let record = sandbox.orchestrator.tenant(&tenant.host);
    let config = record.map(|record| record.config).unwrap_or_default();
    let mut settings = sandbox.environment();
    settings.retain(|(name, _)| !name.starts_with("ORCHESTRATOR_"));
    settings.extend([
        ("CONFIG_SOURCE", "env".to_owned()),
        ("STANDALONE_HOST", tenant.host.clone()),
        ("STORAGE_PATHS", config["storage"]["paths"].to_string()),
        ("PUBLISHERS", publishers(&config).to_string()),
        ("DROPBOX_REFRESH_TOKEN", tenant.refresh_token.clone()),
        ("OPENAI_API_KEY", tenant.api_key.clone()),
        ("TELEGRAM_BOT_TOKEN", tenant.bot_token.clone()),
        ("EMAIL_PASSWORD", tenant.password.clone()),
    ]);
    if tenant.is_managed {
        settings.push(("STORAGE_PROVIDER", "managed".to_owned()));
        let fields = sandbox.s3.credential();
        let value = |name| {
            fields
                .iter()
                .find(|(it, _)| *it == name)
                .map(|it| it.1.clone())
        };
        let fields = BUCKET.map(|(name, variable)| (variable, value(name).unwrap_or_default()));
        settings.extend(fields);
    }
    let fields = tenant.accounts.iter().flat_map(|account| &account.fields);
    settings.extend(fields.map(|(_, variable, value)| (*variable, value.clone())));
    for (field, variable) in FEATURES {
        if let Some(on) = config["features"][field].as_bool() {
            settings.push((variable, on.to_string()));
        }
    }
    for (block, variable) in BLOCKS {
        if config[block].is_object() {
            settings.push((variable, config[block].to_string()));
        }
    }
    if let Some(ai) = config["ai"].as_object() {
        let mut ai = ai.clone();
        ai.remove("credentials_ref");
        settings.push(("OPENAI_SETTINGS", Value::from(ai).to_string()));
    }
    let mail = &config["email_server"];
    if mail.is_object() {
        let server = json!({
            "sender": mail["from_email"], "smtp_server": mail["host"], "smtp_port": mail["port"],
        });
        settings.push(("EMAIL_SERVER", server.to_string()));
    }
    settings
}

/// Each publisher's own settings beside its type.
fn publishers(config: &Value) -> Value {
    let publishers = config["publishers"].as_array().into_iter().flatten();
    let flat = publishers.map(|publisher| {
        let mut entry = publisher["config"].clone();
        entry["type"] = publisher["type"].clone();
        entry
    });
    flat.collect()
}
