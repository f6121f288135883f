//! Names of the existing service that nothing here takes the place of, or that are put otherwise here. Each is warned
//! of, and stops nothing. `docs/migrating.md` has the same table for people.

/// Each name with what there is instead.
pub(super) const GONE: [(&str, &str); 26] = [
    (
        "web_admin_pw",
        "is not taken: to log in with a password set WEB_ADMIN_PASSWORD",
    ),
    (
        "ADMIN_USERNAME",
        "has no effect: for user and password in each request set WEB_AUTH_USER",
    ),
    (
        "ADMIN_PASSWORD",
        "has no effect: for user and password in each request set WEB_AUTH_PASS, for a login WEB_ADMIN_PASSWORD",
    ),
    (
        "AUTH0_AUDIENCE",
        "has no effect: no API of the issuer is called",
    ),
    (
        "AUTH0_CALLBACK_URL",
        "has no effect: it is /auth/callback on each tenant's own host",
    ),
    ("INSTA_PASSWORD", "has no effect: Instagram is not served"),
    (
        "TELEGRAM_CHANNEL_ID",
        "has no effect: set `channel_id` of the entry in PUBLISHERS",
    ),
    ("folder_keep", "has no effect: set `keep` in STORAGE_PATHS"),
    (
        "folder_remove",
        "has no effect: set `remove` in STORAGE_PATHS",
    ),
    (
        "CONFIG_PATH",
        "has no effect: there is no INI file, the variables are all settings",
    ),
    (
        "FETLIFE_INI",
        "has no effect: there is no INI file, the variables are all settings",
    ),
    (
        "ENV_PATH",
        "has no effect: the file is `.env` in the working directory",
    ),
    (
        "PV2_STATIC_CONFIG_DIR",
        "has no effect: a tenant's prompts are in OPENAI_SETTINGS, or in `ai` of its config",
    ),
    (
        "PV2_CAPTION_HISTORY_RETENTION_DAYS",
        "has no effect: set CAPTION_HISTORY_DAYS",
    ),
    ("WEB_DEBUG", "has no effect: set RUST_LOG=debug"),
    (
        "WEB_DEV_INSECURE_SECRET",
        "has no effect: without WEB_SESSION_SECRET a random one is used",
    ),
    (
        "WEB_ALLOW_UNAUTHENTICATED",
        "has no effect: what is for admins needs a credential",
    ),
    (
        "WEB_REQUIRE_HEADER_AUTH_WITH_COOKIE",
        "has no effect: a session, or a header, is enough each",
    ),
    (
        "WEB_LOGIN_BACKOFF_CAP_SECONDS",
        "has no effect: five wrong passwords a minute are the limit",
    ),
    (
        "WEB_IMAGE_CACHE_TTL_SECONDS",
        "has no effect: a list of images is at most five seconds old, in a bucket a minute or two",
    ),
    (
        "WEB_THUMBNAIL_CACHE_TTL_SECONDS",
        "has no effect: a thumbnail is that of the image as it is; THUMBNAIL_CACHE_MB limits the memory for them",
    ),
    (
        "PUBLISH_TIMEOUT_SECONDS",
        "has no effect: each platform has time limits of its own",
    ),
    (
        "PUBLISH_LEASE_TTL_SECONDS",
        "has no effect: a lease is renewed for as long as the publication runs",
    ),
    (
        "AI_STAGE_TIMEOUT_SECONDS",
        "has no effect: each call of a model has a time limit of its own",
    ),
    (
        "LIBRARY_SCAN_BUDGET",
        "has no effect: listing the library has no such limit",
    ),
    (
        "FORWARDED_ALLOW_IPS",
        "has no effect: name the proxies in TRUSTED_PROXIES",
    ),
];

/// What is said of a name that belongs to a family of them.
pub(super) fn rule_of(name: &str) -> Option<&'static str> {
    let listed = GONE.iter().find(|(gone, _)| *gone == name);
    let of_family = || {
        let platform = name.strip_prefix("PUBLISH_TIMEOUT_")?;
        let is_it = platform.ends_with("_SECONDS");
        is_it.then_some("has no effect: each platform has time limits of its own")
    };
    listed.map(|(_, rule)| *rule).or_else(of_family)
}
