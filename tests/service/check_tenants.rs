//! `publisher check` of a tenant: what it prints of each thing that is wrong with one, and that it
//! sends and changes nothing.

use publisher::domain::platform::Platform;
use publisher_sandbox::{DemoTenant, Fault, OpenAi, Sandbox, Unsupported};
use serde_json::json;

use crate::check_states::{Changes, Settings, assert_told, check, quiet, stage};

/// Nothing was posted, mailed or moved, and nothing was paid for.
fn assert_untouched(sandbox: &Sandbox, tenant: &DemoTenant) {
    assert!(sandbox.telegram.photos().is_empty());
    assert!(sandbox.smtp.mails().is_empty());
    for paid in ["vision", "caption"] {
        let answered = sandbox.openai.switches().requests(paid);
        let is_empty =
            |request: &publisher_sandbox::RecordedRequest| request.json() == Some(json!({}));
        assert!(answered.iter().all(is_empty), "{paid}");
    }
    for writing in ["upload", "move_v2", "delete_v2", "create_folder_v2"] {
        assert_eq!(sandbox.dropbox.switches().calls(writing), 0, "{writing}");
    }
    let path = format!("{}/{}", tenant.root, tenant.images[0]);
    assert!(sandbox.dropbox.file(&tenant.name, &path).is_some());
}

#[tokio::test]
async fn a_tenant_that_is_well_is_gone_through_with_either_source() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, tenant) = stage().await;
    let others = Platform::ALL.into_iter().map(Platform::as_str);
    let others = others.filter(|name| !["telegram", "email"].contains(name));
    let others = others
        .map(|name| format!("note   {name:<13} off: no publisher of this type is on\n"))
        .collect::<Vec<_>>()
        .concat();
    let expected = format!(
        "\
ok     tenant        alice is known
ok     config        all fields are good
ok     storage       it can be listed: 1 image in the root folder
ok     captions      the key is accepted, and the models are there
ok     telegram      the bot is known, and may post to the chat
ok     email         the mail server takes the login
{others}ok     ledger        there is none yet; serve, publish and imports make it
All is well.
"
    );
    let arguments = ["--host", &tenant.host];
    let (said, code) = check(&quiet(sandbox.environment()), &arguments, folder.path()).await;
    assert!(said.ends_with(&expected), "{said}");
    assert_eq!(code, 0, "{said}");
    for arguments in [&[][..], &arguments] {
        let settings = quiet(sandbox.standalone_environment(&tenant));
        let (said, code) = check(&settings, arguments, folder.path()).await;
        assert!(said.ends_with(&expected), "{said}");
        assert_eq!(code, 0, "{said}");
    }
    assert_untouched(&sandbox, &tenant);
}

/// A state of a tenant: what is done to it, and what is told.
type Row = (&'static str, fn(&Sandbox, &DemoTenant), &'static str);

const ROWS: [Row; 20] = [
    (
        "tenant that is suspended",
        |sandbox, tenant| {
            sandbox.orchestrator.suspend(&tenant.host, true);
        },
        "WRONG tenant no tenant has this host: check the host",
    ),
    (
        "config without a root folder",
        |sandbox, tenant| {
            edit(sandbox, tenant, "/storage/paths/root", json!("sesame"));
        },
        "WRONG config storage.paths.root: ",
    ),
    (
        "config with a bad field elsewhere",
        |sandbox, tenant| {
            edit(sandbox, tenant, "/ai/vision_model", json!(7));
        },
        "WRONG config ai.vision_model: ",
    ),
    (
        "storage credential that is not there",
        |sandbox, tenant| {
            edit(sandbox, tenant, "/storage/credentials_ref", json!("sesame"));
        },
        "WRONG storage the dropbox credential that the config names does not exist",
    ),
    (
        "credentials that are not answered",
        |sandbox, _| {
            sandbox
                .orchestrator
                .switches()
                .always("resolve", Fault::status(503));
        },
        "WRONG orchestrator it is there, and cannot answer (503)",
    ),
    (
        "tenant out of credit",
        |sandbox, _| {
            let body = json!({"error": "insufficient_balance"});
            sandbox
                .orchestrator
                .switches()
                .always("resolve", Fault::json(403, &body));
        },
        "WRONG storage the dropbox credential is held back, because the tenant is out of credit",
    ),
    (
        "storage credential that is revoked",
        |sandbox, tenant| {
            sandbox.dropbox.revoke(&tenant.refresh_token);
        },
        "WRONG storage storage refused the credential: connect the account anew",
    ),
    (
        "root folder that is not there",
        |sandbox, tenant| {
            edit(sandbox, tenant, "/storage/paths/root", json!("/sesame"));
        },
        "WRONG storage The root folder does not exist in the tenant's Dropbox. Make it",
    ),
    (
        "key that is revoked",
        |sandbox, tenant| {
            sandbox.openai.revoke_key(&tenant.api_key);
        },
        "WRONG captions the caption writer refused the credential: make a new key",
    ),
    (
        "key without credit",
        |sandbox, _| {
            sandbox
                .openai
                .switches()
                .always("model", OpenAi::insufficient_quota());
        },
        "WRONG captions the caption writer's quota is used up: pay for more",
    ),
    (
        "model that there is not",
        |sandbox, _| {
            sandbox
                .openai
                .limit_model("gpt-4o-mini", Unsupported::Model);
        },
        "WRONG captions the caption writer cannot be used as it is set up: the model \"gpt-4o-mini\" \
        does not exist",
    ),
    (
        "bot that is revoked",
        |sandbox, tenant| {
            sandbox.telegram.revoke_bot(&tenant.bot_token);
        },
        "WRONG telegram the platform refused the credential: Telegram knows no bot with this token",
    ),
    (
        "chat that is not found",
        |sandbox, tenant| {
            sandbox.telegram.restrict_bot(&tenant.bot_token, &[]);
        },
        "WRONG telegram chat not found; check the channel's id or @name, and add the bot",
    ),
    (
        "bot that may not post",
        |sandbox, tenant| {
            sandbox.telegram.demote_bot(&tenant.bot_token);
        },
        "WRONG telegram make the bot an administrator of the channel who may post messages",
    ),
    (
        "chat that has moved",
        |sandbox, tenant| {
            sandbox
                .telegram
                .move_chat(tenant.channel.as_deref().unwrap(), -1_009_876);
        },
        "WRONG telegram the chat has moved: set its new id as the channel's id (-1009876)",
    ),
    (
        "no Bot API",
        |sandbox, _| {
            sandbox
                .telegram
                .switches()
                .always("getMe", Fault::text(200, "<html>"));
        },
        "WRONG telegram what answers at TELEGRAM_API_URL is no Bot API",
    ),
    (
        "mail server without STARTTLS",
        |sandbox, _| {
            sandbox
                .smtp
                .switches()
                .always("EHLO", Fault::text(250, "localhost"));
        },
        "WRONG email no STARTTLS is offered at this port; use port 587, or 465",
    ),
    (
        "mail login that is refused",
        |sandbox, tenant| {
            sandbox.smtp.remove_user(&tenant.sender);
        },
        "WRONG email 535 5.7.8 Username and password not accepted",
    ),
    (
        "mail server that is another one",
        |sandbox, tenant| {
            edit(sandbox, tenant, "/email_server/port", json!(9));
        },
        "WRONG email nothing listens at the mail server's port; check host and port",
    ),
    (
        "OpenAI that does not answer",
        |sandbox, _| {
            sandbox
                .openai
                .switches()
                .always("model", Fault::status(500));
        },
        "WRONG captions the caption writer failed: answered 500",
    ),
];

fn edit(sandbox: &Sandbox, tenant: &DemoTenant, field: &str, value: serde_json::Value) {
    let change = |config: &mut serde_json::Value| *config.pointer_mut(field).unwrap() = value;
    assert!(sandbox.orchestrator.edit_config(&tenant.host, change));
}

#[tokio::test]
async fn each_thing_that_is_wrong_with_a_tenant_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    for (state, arrange, line) in ROWS {
        let (sandbox, tenant) = stage().await;
        arrange(&sandbox, &tenant);
        let settings = quiet(sandbox.environment());
        let (said, code) = check(&settings, &["--host", &tenant.host], folder.path()).await;
        assert_told(state, &said, line, (code, 2));
        for shown in sandbox
            .secrets()
            .iter()
            .chain([&tenant.host, &tenant.sender])
        {
            assert!(
                !said.contains(shown.as_str()),
                "{state}: {shown} is in {said}"
            );
        }
        assert!(!said.contains("sesame"), "{state}: {said}");
        assert_untouched(&sandbox, &tenant);
    }
}

#[tokio::test]
async fn settings_that_are_wrong_for_a_tenant_are_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, tenant) = stage().await;
    let orchestrated = quiet(sandbox.environment());
    let standalone = quiet(sandbox.standalone_environment(&tenant));
    let wrong_path = sandbox.openai.server().url();
    let rows: [(&str, &Settings, Changes<'_>, &str, &str); 9] = [
        (
            "secret of another app",
            &orchestrated,
            &[("DROPBOX_APP_SECRET", "sesame")],
            &tenant.host,
            "WRONG storage Dropbox does not accept the app: DROPBOX_APP_KEY or DROPBOX_APP_SECRET",
        ),
        (
            "no app",
            &orchestrated,
            &[("DROPBOX_APP_KEY", ""), ("DROPBOX_APP_SECRET", "")],
            &tenant.host,
            "WRONG storage DROPBOX_APP_KEY and DROPBOX_APP_SECRET are not set",
        ),
        (
            "OpenAI at another path",
            &orchestrated,
            &[("OPENAI_BASE_URL", &wrong_path)],
            &tenant.host,
            "WRONG captions nothing that completes chats answers at OPENAI_BASE_URL",
        ),
        (
            "Telegram that is not there",
            &orchestrated,
            &[("TELEGRAM_API_URL", "http://127.0.0.1:9")],
            &tenant.host,
            "WRONG telegram the platform is not available at the moment: the connection was refused",
        ),
        (
            "mail server of an unknown authority",
            &orchestrated,
            &[("EXTRA_CA_CERTS_FILE", "")],
            &tenant.host,
            "WRONG email certificate is not trusted, because it comes from an authority",
        ),
        (
            "host that is none",
            &orchestrated,
            &[],
            "https://sesame/",
            "WRONG tenant the host of --host is none that a tenant can have",
        ),
        (
            "refresh token of nobody",
            &standalone,
            &[("DROPBOX_REFRESH_TOKEN", "sesame")],
            &tenant.host,
            "WRONG storage storage refused the credential: set a new DROPBOX_REFRESH_TOKEN",
        ),
        (
            "host of another tenant",
            &standalone,
            &[],
            "sesame.example.org",
            "WRONG tenant the host of --host is not served: STANDALONE_HOST is another one",
        ),
        (
            "bot's token of nobody",
            &standalone,
            &[("TELEGRAM_BOT_TOKEN", "1:sesame")],
            &tenant.host,
            "WRONG telegram Telegram knows no bot with this token",
        ),
    ];
    for (state, base, changes, host, line) in rows {
        let mut settings = base.clone();
        settings.extend(
            changes
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        let (said, code) = check(&settings, &["--host", host], folder.path()).await;
        assert_told(state, &said, line, (code, 2));
        assert!(
            !said.contains("sesame") && !said.contains("localhost"),
            "{said}"
        );
        assert_untouched(&sandbox, &tenant);
    }
}
