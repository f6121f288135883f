//! How Dropbox is reached, as the environment says.

use publisher::{
    adapters::{dropbox::DropboxSettings, env::Environment},
    domain::{secret::Secret, storage::StorageKind},
};

use super::{base_url, source::Chosen};

/// Only tenants that have their images there need the app. Without one its parts are blank, and not used: the second is
/// whether there is one.
pub(super) fn read(
    environment: &mut Environment,
    chosen: Option<Chosen>,
) -> (Option<DropboxSettings>, bool) {
    const KEY: &str = "DROPBOX_APP_KEY";
    const SECRET: &str = "DROPBOX_APP_SECRET";
    let is_standalone = chosen == Some(Chosen::Standalone);
    let kind = is_standalone.then(|| environment.text_or("STORAGE_PROVIDER", "dropbox"));
    let kind = kind.and_then(|name| StorageKind::from_name(&name));
    let may_be_needed = chosen.is_some() && kind.is_none_or(|kind| kind == StorageKind::Dropbox);
    let api_url = base_url::read(
        environment,
        "DROPBOX_API_URL",
        Some("https://api.dropboxapi.com"),
    );
    let content_url = base_url::read(
        environment,
        "DROPBOX_CONTENT_URL",
        Some("https://content.dropboxapi.com"),
    );
    let problems_before = environment.problem_count();
    let (app_key, app_secret) = (environment.text(KEY), environment.secret(SECRET));
    let is_bad = environment.problem_count() > problems_before;
    for (is_missing, name, other) in [
        (app_key.is_none(), KEY, app_secret.is_some()),
        (app_secret.is_none() && !is_bad, SECRET, app_key.is_some()),
    ] {
        if is_missing && other {
            environment.reject(name, "is required");
        }
    }
    let has_app = app_key.is_some() && app_secret.is_some();
    if may_be_needed && !is_bad && app_key.is_none() && app_secret.is_none() {
        let names = format!("{KEY} and {SECRET} are not set");
        environment.warn(names, "no Dropbox tenant can be served");
    }
    let settings = api_url
        .zip(content_url)
        .map(|(api_url, content_url)| DropboxSettings {
            api_url,
            content_url,
            refresh_token_setting: is_standalone.then_some("DROPBOX_REFRESH_TOKEN"),
            app_key: app_key.unwrap_or_default(),
            app_secret: app_secret.unwrap_or_else(|| Secret::new(String::new())),
        });
    (settings, has_app)
}
