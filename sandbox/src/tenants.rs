//! Tenants of the sandbox: what they are made of, and those of the demo. Used by the sandbox
//! and by tests.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    Sandbox, SandboxError,
    networks::{Network, NetworkAccount},
    orchestrator_answers::{Credential, TenantRecord},
    samples::{Sample, sample_images},
    secrets,
};

/// The base domain of every tenant here. Names below `localhost` lead to this machine (RFC 6761),
/// so that browsers and curl find the tenants without any set-up.
pub const BASE_DOMAIN: &str = "sandbox.localhost";

/// What a new tenant is to have. Publishing, AI, archive and Telegram are on, e-mail is off.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, set by name through the builder"
)]
pub struct TenantSpec {
    name: String,
    root: String,
    telegram: bool,
    email: bool,
    ai: bool,
    archive: bool,
    managed: bool,
    networks: Vec<Network>,
    ttl_seconds: Option<i64>,
    images: Vec<Sample>,
    patch: Value,
    raw_config: Option<Value>,
}

impl TenantSpec {
    /// A tenant `<name>.sandbox.localhost` with the root folder `/<name>` and no image.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            root: format!("/{name}"),
            telegram: true,
            email: false,
            ai: true,
            archive: true,
            managed: false,
            networks: Vec::new(),
            ttl_seconds: Some(600),
            images: Vec::new(),
            patch: json!({}),
            raw_config: None,
        }
    }

    /// The storage root, such as `/Photos/queue`.
    #[must_use]
    pub fn root(mut self, root: &str) -> Self {
        root.clone_into(&mut self.root);
        self
    }

    /// Whether there is a Telegram publisher.
    #[must_use]
    pub fn telegram(mut self, on: bool) -> Self {
        self.telegram = on;
        self
    }

    /// Whether there are a FetLife publisher and a mail server.
    #[must_use]
    pub fn email(mut self, on: bool) -> Self {
        self.email = on;
        self
    }

    /// Adds a publisher for an account at this network.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.networks.push(network);
        self
    }

    /// Whether there is an `ai` block and the analysis flag is on.
    #[must_use]
    pub fn ai(mut self, on: bool) -> Self {
        self.ai = on;
        self
    }

    /// `content.archive`.
    #[must_use]
    pub fn archive(mut self, on: bool) -> Self {
        self.archive = on;
        self
    }

    /// Has the images in the bucket instead of Dropbox. The root is a prefix of keys then, without a slash
    /// before it, and what [`TenantSpec::images`] has is put there with [`S3::put`](super::S3::put).
    #[must_use]
    pub fn managed(mut self, prefix: &str) -> Self {
        self.managed = true;
        self.root(prefix)
    }

    /// The objects of a tenant that has them in the bucket, by their keys.
    #[must_use]
    pub fn objects(&self) -> Vec<(String, Bytes)> {
        let images = self.images.iter().filter(|_| self.managed);
        let object = |it: &Sample| (format!("{}/{}", self.root, it.name), it.bytes.clone());
        images.map(object).collect()
    }

    /// The life of the config in seconds; `None` leaves the field out.
    #[must_use]
    pub fn ttl_seconds(mut self, seconds: Option<i64>) -> Self {
        self.ttl_seconds = seconds;
        self
    }

    /// Adds files to the root folder.
    #[must_use]
    pub fn images(mut self, images: impl IntoIterator<Item = Sample>) -> Self {
        self.images.extend(images);
        self
    }

    /// Changes the config that the other settings give, as a JSON merge patch (RFC 7396): `null`
    /// removes a field, arrays are replaced.
    #[must_use]
    pub fn patch(mut self, patch: &Value) -> Self {
        merge(&mut self.patch, patch, false);
        self
    }

    /// Sends this config instead. Refs in it have to be known to the orchestrator.
    #[must_use]
    pub fn raw_config(mut self, config: Value) -> Self {
        self.raw_config = Some(config);
        self
    }
}

/// A tenant as it was added, with what its stand-ins expect of it.
#[derive(Clone, Debug)]
pub struct DemoTenant {
    /// Its name, which is also its account at the Dropbox stand-in.
    pub name: String,
    /// Its host.
    pub host: String,
    /// Its storage root.
    pub root: String,
    /// Whether its images are in the bucket instead of Dropbox.
    pub is_managed: bool,
    /// The names of the images in the root.
    pub images: Vec<String>,
    /// The Telegram channel, if Telegram is on.
    pub channel: Option<String>,
    /// Where e-mail goes, if e-mail is on.
    pub recipient: Option<String>,
    /// The sender, and the login name at the mail server.
    pub sender: String,
    /// Ref of the credential of its storage.
    pub storage_ref: String,
    /// Ref of the OpenAI credential.
    pub ai_ref: String,
    /// Ref of the Telegram credential.
    pub telegram_ref: String,
    /// Ref of the mail password.
    pub password_ref: String,
    /// The Dropbox refresh token.
    pub refresh_token: String,
    /// The OpenAI key.
    pub api_key: String,
    /// The Telegram bot token.
    pub bot_token: String,
    /// The mail password.
    pub password: String,
    /// Its accounts at social networks.
    pub accounts: Vec<NetworkAccount>,
}

impl DemoTenant {
    /// The platforms that it posts to, as the API names them.
    #[must_use]
    pub fn platforms(&self) -> Vec<&'static str> {
        let telegram = self.channel.is_some().then_some("telegram");
        let email = self.recipient.is_some().then_some("email");
        let networks = self.accounts.iter().map(|it| it.network.id());
        telegram.into_iter().chain(email).chain(networks).collect()
    }

    /// Its account at a network.
    #[must_use]
    pub fn account(&self, network: Network) -> Option<&NetworkAccount> {
        self.accounts.iter().find(|it| it.network == network)
    }
}

/// Alice, Bob, Dana and Erin.
pub(super) fn demo_tenants() -> Result<[TenantSpec; 4], SandboxError> {
    let [alice, bob] = sample_images()?;
    Ok([
        TenantSpec::new("alice")
            .root("/Photos/queue")
            .email(true)
            .images(alice)
            .patch(&json!({"content": {"hashtag_string": "#ropeart #sandbox"}})),
        TenantSpec::new("bob").root("/bob").images(bob.clone()),
        TenantSpec::new("dana")
            .managed("dana/queue")
            .images(bob.clone()),
        TenantSpec::new("erin")
            .telegram(false)
            .network(Network::Mastodon)
            .network(Network::Bluesky)
            .images(bob)
            .patch(&json!({"features": {"alt_text_enabled": true}})),
    ])
}

/// Makes the tenant known to every stand-in.
pub(super) fn add(sandbox: &Sandbox, spec: TenantSpec) -> DemoTenant {
    let name = spec.name.clone();
    let refresh_token = secrets::random("refresh-");
    let api_key = secrets::random("sk-");
    let bot_token = secrets::bot_token();
    let password = secrets::random("mail-");
    let store = |credential| sandbox.orchestrator.add_credential(&name, credential);
    let networks = spec.networks.iter();
    let accounts = networks.map(|network| {
        let account = network.open(sandbox, &name);
        NetworkAccount {
            credentials_ref: store(Credential::Raw(account.document())),
            ..account
        }
    });
    let tenant = DemoTenant {
        host: format!("{name}.{BASE_DOMAIN}"),
        root: spec.root.clone(),
        images: spec.images.iter().map(|it| it.name.clone()).collect(),
        channel: spec.telegram.then(|| format!("@{name}_channel")),
        recipient: spec.email.then(|| format!("{name}@fetlife.test")),
        sender: format!("{name}@mail.test"),
        is_managed: spec.managed,
        storage_ref: store(if spec.managed {
            let mut fields = json!({ "provider": "managed" });
            for (name, value) in sandbox.s3.credential() {
                fields[name] = value.into();
            }
            Credential::Raw(fields)
        } else {
            Credential::Dropbox {
                refresh_token: refresh_token.clone(),
                expires_at: None,
            }
        }),
        ai_ref: store(Credential::OpenAi {
            api_key: api_key.clone(),
        }),
        telegram_ref: store(Credential::Telegram {
            bot_token: bot_token.clone(),
        }),
        password_ref: store(Credential::Smtp {
            password: password.clone(),
        }),
        accounts: accounts.collect(),
        name: name.clone(),
        refresh_token,
        api_key,
        bot_token,
        password,
    };

    sandbox.dropbox.add_account(&name, &tenant.refresh_token);
    let folder = tenant.root.trim_end_matches('/');
    sandbox.dropbox.make_folder(&name, folder);
    sandbox.openai.add_key(&tenant.api_key);
    sandbox.telegram.add_bot(&tenant.bot_token);
    sandbox.smtp.set_user(&tenant.sender, &tenant.password);

    let config = spec.raw_config.clone().unwrap_or_else(|| {
        let mut config = config(sandbox, &spec, &tenant);
        merge(&mut config, &spec.patch, true);
        config
    });
    let mut record = TenantRecord::new(&name, config);
    record.ttl_seconds = spec.ttl_seconds;
    sandbox.orchestrator.put_tenant(&tenant.host, record);
    for image in spec.images.into_iter().filter(|_| !spec.managed) {
        let path = format!("{folder}/{}", image.name);
        sandbox.dropbox.put(&name, &path, image.bytes);
    }
    tenant
}

fn config(sandbox: &Sandbox, spec: &TenantSpec, tenant: &DemoTenant) -> Value {
    let mut config = json!({
        "features": {
            "publish_enabled": true,
            "analyze_caption_enabled": spec.ai,
            "keep_enabled": true,
            "remove_enabled": true,
            "delete_enabled": true,
            "auto_view_enabled": false,
        },
        "storage": {
            "provider": if spec.managed { "managed" } else { "dropbox" },
            "credentials_ref": tenant.storage_ref,
            "paths": {
                "root": spec.root, "archive": "archive", "keep": "keep", "remove": "reject"
            },
        },
        "publishers": [],
        "content": { "archive": spec.archive },
    });
    let mut publishers = Vec::new();
    if let Some(channel) = &tenant.channel {
        publishers.push(json!({
            "id": "telegram-1", "type": "telegram", "enabled": true,
            "credentials_ref": tenant.telegram_ref,
            "config": { "channel_id": channel },
        }));
    }
    if let Some(recipient) = &tenant.recipient {
        publishers.push(json!({
            "id": "fetlife-1", "type": "fetlife", "enabled": true, "credentials_ref": null,
            "config": {
                "recipient": recipient, "caption_target": "subject", "subject_mode": "normal"
            },
        }));
        config["email_server"] = json!({
            "host": "localhost", "port": sandbox.smtp.port(), "use_tls": true,
            "from_email": tenant.sender, "password_ref": tenant.password_ref,
        });
    }
    publishers.extend(tenant.accounts.iter().map(|account| {
        let id = account.network.id();
        json!({
            "id": format!("{id}-1"), "type": id, "enabled": true,
            "credentials_ref": account.credentials_ref, "config": account.network.config(sandbox),
        })
    }));
    config["publishers"] = publishers.into();
    if spec.ai {
        config["ai"] = json!({
            "credentials_ref": tenant.ai_ref,
            "vision_model": "gpt-4o",
            "caption_model": "gpt-4o-mini",
        });
    }
    config
}

/// A JSON merge patch. A patch that is itself put together from several keeps its `null`s.
fn merge(target: &mut Value, patch: &Value, remove_nulls: bool) {
    let Some(fields) = patch.as_object() else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Some(object) = target.as_object_mut() else {
        return;
    };
    for (name, value) in fields {
        if value.is_null() && remove_nulls {
            object.remove(name);
        } else {
            let place = object.entry(name.as_str()).or_insert(Value::Null);
            merge(place, value, remove_nulls);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_removes_replaces_and_descends() {
        let mut document = json!({"a": {"b": 1, "c": 2}, "d": [1, 2]});
        let spec = TenantSpec::new("x")
            .patch(&json!({"a": {"b": null}}))
            .patch(&json!({"d": [3], "e": {"f": 4}}));
        merge(&mut document, &spec.patch, true);
        assert_eq!(document, json!({"a": {"c": 2}, "d": [3], "e": {"f": 4}}));
    }
}
