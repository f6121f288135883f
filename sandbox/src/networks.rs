//! Accounts of tenants at social networks: how one is opened at its stand-in, and what it has posted. Used by the
//! sandbox and by tests.
//!
//! To add a network: a variant of [`Network`], and its arms in this file.

use serde_json::{Value, json};

use super::{Sandbox, secrets};

/// A social network that a tenant may post to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// The Mastodon stand-in.
    Mastodon,
    /// The Bluesky stand-in.
    Bluesky,
}

/// A tenant's account at a network.
#[derive(Clone, Debug)]
pub struct NetworkAccount {
    /// The network.
    pub network: Network,
    /// What the stand-in knows the account by: its name at Mastodon, its DID at Bluesky.
    pub name: String,
    /// The secret that it is posted with.
    pub secret: String,
    /// Ref of its credential.
    pub credentials_ref: String,
    /// The fields of the credential, and their settings in standalone mode.
    pub fields: Vec<(&'static str, &'static str, String)>,
}

impl Network {
    /// The type of its publishers, and the provider of its credentials.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Mastodon => "mastodon",
            Self::Bluesky => "bluesky",
        }
    }

    /// Opens an account; its ref is still empty.
    pub(super) fn open(self, sandbox: &Sandbox, name: &str) -> NetworkAccount {
        match self {
            Self::Mastodon => {
                let secret = secrets::mastodon_token();
                sandbox.mastodon.add_account(name, &secret);
                let url = sandbox.mastodon.server().url();
                NetworkAccount {
                    network: self,
                    name: name.to_owned(),
                    credentials_ref: String::new(),
                    fields: vec![
                        ("instance_url", "MASTODON_INSTANCE_URL", url),
                        ("access_token", "MASTODON_ACCESS_TOKEN", secret.clone()),
                    ],
                    secret,
                }
            }
            Self::Bluesky => {
                let (handle, secret) = (format!("{name}.bsky.test"), secrets::app_password());
                NetworkAccount {
                    network: self,
                    name: sandbox.bluesky.add_account(&handle, &secret),
                    credentials_ref: String::new(),
                    fields: vec![
                        ("handle", "BLUESKY_HANDLE", handle),
                        ("app_password", "BLUESKY_APP_PASSWORD", secret.clone()),
                    ],
                    secret,
                }
            }
        }
    }

    /// The `config` of its publishers.
    pub(super) fn config(self, sandbox: &Sandbox) -> Value {
        match self {
            Self::Mastodon => json!({ "visibility": "unlisted", "language": "en" }),
            Self::Bluesky => {
                let url = sandbox.bluesky.server().url();
                json!({ "service_url": url, "content_labels": ["nudity"] })
            }
        }
    }
}

impl NetworkAccount {
    /// The credential as an orchestrator answers it.
    #[must_use]
    pub fn document(&self) -> Value {
        let mut document = json!({ "provider": self.network.id() });
        for (name, _, value) in &self.fields {
            document[*name] = value.as_str().into();
        }
        document
    }

    /// What it has posted: each as a line for people, and its text.
    #[must_use]
    pub fn posts(&self, sandbox: &Sandbox) -> Vec<(String, String)> {
        match self.network {
            Network::Mastodon => {
                let statuses = sandbox.mastodon.statuses_of(&self.name);
                let told = statuses.into_iter().map(|status| {
                    let cover = match &*status.spoiler_text {
                        "" => "not covered".to_owned(),
                        warning => format!("covered by “{warning}”"),
                    };
                    let images = joined(status.images.iter().map(|it| it.image.to_string()));
                    let (id, visibility) = (status.id, status.visibility);
                    let line = format!("status {id}, {visibility}, {cover}: {images}");
                    (line, status.text)
                });
                told.collect()
            }
            Network::Bluesky => {
                let posts = sandbox.bluesky.posts_of(&self.name);
                let told = posts.into_iter().map(|post| {
                    let images = joined(post.images.iter().map(|it| it.image.to_string()));
                    let labels = post.record["labels"]["values"].as_array();
                    let labels = labels.into_iter().flatten();
                    let labels = labels.filter_map(|it| it["val"].as_str());
                    let labels = joined(labels.map(str::to_owned));
                    let line = format!("post {}, labeled {labels}: {images}", post.rkey);
                    (line, post.text)
                });
                told.collect()
            }
        }
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join("; ")
}
