//! Access tokens over the wire.

use futures_util::future::join_all;
use serde_json::json;

use super::{ACCOUNT, REFRESH_TOKEN, Tenant, name, text};
use publisher_sandbox::{Dropbox, Fault};

use crate::ports::ImageStoreError;

#[tokio::test]
async fn twenty_calls_at_once_share_one_refresh() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "a");
    let all = join_all((0..20).map(|_| tenant.store.list())).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(tenant.calls("token"), 1);
    assert_eq!(tenant.calls("list_folder"), 20);
}

#[tokio::test]
async fn twenty_calls_at_once_share_one_failed_refresh() {
    let tenant = Tenant::new().await;
    tenant.dropbox().revoke(REFRESH_TOKEN);
    let all = join_all((0..20).map(|_| tenant.store.list())).await;
    for result in all {
        assert!(matches!(result, Err(ImageStoreError::Unauthorized { .. })));
    }
    assert_eq!(tenant.calls("token"), 1);
    assert_eq!(tenant.calls("list_folder"), 0);
}

#[tokio::test]
async fn a_token_that_expires_on_the_way_is_refreshed_once_and_the_call_repeated() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "a");
    tenant.names().await;
    tenant.dropbox().expire_access_tokens();
    let all = join_all((0..20).map(|_| tenant.store.list())).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(tenant.calls("token"), 2);
    tenant.dropbox().expire_access_tokens();
    let fetched = tenant.store.fetch(&name("a.jpg")).await.unwrap();
    assert_eq!(fetched.bytes, "a");
    assert_eq!((tenant.calls("token"), tenant.calls("download")), (3, 2));
}

#[tokio::test]
async fn a_token_that_is_refused_twice_means_that_the_credential_is_dead() {
    let tenant = Tenant::new().await;
    let body = json!({ "error_summary": "invalid_access_token/..." });
    tenant
        .switches()
        .always("list_folder", Fault::json(401, &body));
    let error = tenant.store.list().await.unwrap_err();
    assert!(
        matches!(error, ImageStoreError::Unauthorized { .. }),
        "{error:?}"
    );
    assert_eq!((tenant.calls("token"), tenant.calls("list_folder")), (2, 2));
}

#[tokio::test]
async fn a_missing_permission_is_not_mended_by_a_refresh() {
    let tenant = Tenant::new().await;
    tenant
        .switches()
        .always("list_folder", Dropbox::missing_scope("files.metadata.read"));
    let error = tenant.store.list().await.unwrap_err();
    assert!(
        matches!(error, ImageStoreError::Misconfigured { .. }),
        "{error:?}"
    );
    assert!(text(&error).contains("\"files.metadata.read\""), "{error}");
    assert_eq!((tenant.calls("token"), tenant.calls("list_folder")), (1, 1));
}

#[tokio::test]
async fn a_revoked_refresh_token_is_a_dead_credential() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "a");
    tenant.names().await;
    tenant.dropbox().revoke(REFRESH_TOKEN);
    let error = tenant.store.list().await.unwrap_err();
    assert!(
        matches!(error, ImageStoreError::Unauthorized { .. }),
        "{error:?}"
    );
    assert_eq!((tenant.calls("token"), tenant.calls("list_folder")), (2, 2));
}

#[tokio::test]
async fn an_app_that_dropbox_does_not_know_is_told_by_its_settings_and_kills_no_credential() {
    let tenant = Tenant::new().await;
    let json = |error: &str, description: &str| json!({ "error": error, "error_description": description });
    for refusal in [
        Fault::json(400, &json!({ "error": "invalid_client" })),
        Fault::json(401, &json!({ "error": "invalid_client" })),
        Fault::json(
            400,
            &json(
                "invalid_client: Invalid client_id or client_secret",
                "canary",
            ),
        ),
        Fault::json(
            400,
            &json("invalid_request", "Invalid client_id or client_secret"),
        ),
        Fault::json(400, &json("unauthorized_client", "canary")),
        Fault::text(400, "Invalid client_id: \"canary\""),
    ] {
        tenant.switches().inject("token", refusal.clone());
        let error = tenant.store.list().await.unwrap_err();
        let shown = format!("{} {error:?}", text(&error));
        assert!(!shown.contains("canary"), "{shown}");
        let ImageStoreError::Misconfigured { problem, detail } = error else {
            panic!("{refusal:?}: {error:?}")
        };
        for told in [problem.as_ref(), &detail] {
            for name in ["DROPBOX_APP_KEY", "DROPBOX_APP_SECRET"] {
                assert!(told.contains(name), "{told}");
            }
        }
    }
}

#[tokio::test]
async fn another_refusal_of_a_token_is_a_failure_of_storage() {
    let tenant = Tenant::new().await;
    let refusal = Fault::json(400, &json!({ "error": "unsupported_grant_type" }));
    tenant.switches().inject("token", refusal);
    let error = tenant.store.list().await.unwrap_err();
    assert!(
        matches!(error, ImageStoreError::Unavailable(_)),
        "{error:?}"
    );
    assert!(text(&error).contains("unsupported_grant_type"));
}

#[tokio::test]
async fn a_dead_credential_of_the_settings_is_told_by_its_name() {
    let tenant = Tenant::standalone().await;
    for refusal in [
        Fault::json(400, &json!({ "error": "invalid_grant" })),
        Fault::json(400, &json!({ "error": "user_suspended" })),
        Fault::json(
            400,
            &json!({ "error": "invalid_request", "error_description": "user_suspended" }),
        ),
    ] {
        tenant.switches().inject("token", refusal.clone());
        let error = tenant.store.list().await.unwrap_err();
        assert!(
            text(&error).contains("set a new DROPBOX_REFRESH_TOKEN"),
            "{refusal:?}: {error:?}"
        );
        assert!(
            matches!(error, ImageStoreError::Unauthorized { setting, .. }
                if setting == Some("DROPBOX_REFRESH_TOKEN")),
            "{error:?}"
        );
    }
    let suspended = json!({ "error_summary": "user_suspended/." });
    let suspended = Fault::json(401, &suspended);
    tenant.switches().inject("list_folder", suspended);
    let error = tenant.store.list().await.unwrap_err();
    assert!(
        matches!(error, ImageStoreError::Unauthorized { setting, .. } if setting.is_some()),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_failing_token_endpoint_is_tried_three_times_in_all() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "a");
    tenant
        .switches()
        .inject_times("token", 2, Fault::status(500));
    assert_eq!(tenant.names().await, ["a.jpg"]);
    assert_eq!(tenant.calls("token"), 3);

    tenant.dropbox().expire_access_tokens();
    tenant.switches().always("token", Fault::status(500));
    let error = tenant.store.list().await.unwrap_err();
    assert!(
        matches!(error, ImageStoreError::Unavailable(_)),
        "{error:?}"
    );
    assert_eq!(tenant.calls("token"), 6);
}

#[tokio::test]
async fn a_limit_on_tokens_is_handed_on_as_a_limit() {
    let tenant = Tenant::new().await;
    tenant.switches().inject("token", Dropbox::rate_limited(60));
    let error = tenant.store.list().await.unwrap_err();
    assert!(
        matches!(
            error,
            ImageStoreError::RateLimited {
                retry_after: Some(_)
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_token_without_a_life_is_used_once() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "a");
    tenant.dropbox().set_expires_in(0);
    tenant.names().await;
    tenant.names().await;
    assert_eq!(tenant.calls("token"), 2);
}

#[tokio::test]
async fn no_error_shows_a_secret_or_what_dropbox_wrote() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "a");
    tenant.names().await;
    let secrets = tenant.dropbox().secrets();
    let body = json!({ "error_summary": format!("{secrets:?}"), "error": secrets });
    for status in [400, 401, 403, 404, 409, 418, 429, 500] {
        let fault = Fault::json(status, &body);
        tenant.switches().always("list_folder", fault.clone());
        tenant.switches().always("token", fault);
        let error = tenant.store.list().await.unwrap_err();
        let text = format!("{} {error:?}", text(&error));
        for secret in tenant.dropbox().secrets() {
            assert!(!text.contains(&secret), "{status}: {text}");
        }
        assert!(!text.contains("http") && !text.contains(ACCOUNT), "{text}");
        tenant.switches().clear("list_folder");
        tenant.switches().clear("token");
    }
}
