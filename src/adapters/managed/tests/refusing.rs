//! A store that refuses.

use super::*;

#[tokio::test]
async fn a_key_that_is_not_accepted_is_resolved_once_more_also_where_the_answer_has_no_body() {
    for change in [
        ("secret_access_key", "another"),
        ("access_key_id", "AKIA-another"),
    ] {
        let tenant = Tenant::with(SWIFT, &[change]).await;
        tenant.put("a.jpg", "one").await;
        let a = name("a.jpg");
        let errors = [
            tenant.store.list().await.unwrap_err(),
            tenant.store.find(&a).await.unwrap_err(),
            tenant.store.fetch(&a).await.unwrap_err(),
            tenant.store.delete(&a, &[]).await.unwrap_err(),
        ];
        for error in errors {
            assert!(
                matches!(error, ImageStoreError::Unauthorized { setting: None, .. }),
                "{change:?}: {error:?}"
            );
        }
        assert_eq!(tenant.object("a.jpg").unwrap(), "one");
    }
}

#[tokio::test]
async fn a_refusal_that_people_can_mend_says_what_to_do() {
    let tenant = Tenant::with(SWIFT, &[("bucket", "another")]).await;
    let error = tenant.store.list().await.unwrap_err();
    match error {
        ImageStoreError::Misconfigured { problem, detail } => {
            assert_eq!(problem, "there is no such bucket");
            assert!(detail.contains("`bucket`"), "{detail}");
        }
        other => panic!("{other:?}"),
    }
    let tenant = Tenant::new().await;
    for operation in ["list", "head", "get"] {
        tenant
            .switches()
            .always(operation, refusal(403, "AccessDenied"));
    }
    for error in [
        tenant.store.list().await.unwrap_err(),
        tenant.store.find(&name("a.jpg")).await.unwrap_err(),
    ] {
        assert!(
            matches!(&error, ImageStoreError::Misconfigured { detail, .. } if detail.contains("right")),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn requests_that_are_limited_say_so_in_the_end() {
    let tenant = Tenant::new().await;
    tenant.switches().always("list", refusal(503, "SlowDown"));
    let error = tenant.store.list().await.unwrap_err();
    assert!(
        matches!(error, ImageStoreError::RateLimited { .. }),
        "{error:?}"
    );
    assert_eq!(tenant.calls("list"), 3);
}

#[tokio::test]
async fn a_credential_that_cannot_be_one_is_sent_nowhere() {
    for change in [
        ("endpoint_url", "http://192.0.2.1:9000"),
        ("endpoint_url", "nowhere"),
        ("bucket", "images/../other"),
        ("region", "a/b"),
        ("access_key_id", "a b"),
    ] {
        let tenant = Tenant::with(SWIFT, &[change]).await;
        let error = tenant.store.list().await.unwrap_err();
        assert!(
            matches!(error, ImageStoreError::Misconfigured { .. }),
            "{change:?}: {error:?}"
        );
        assert_eq!(tenant.switches().total_calls(), 0);
    }
}
