//! Logins, refreshes and tokens.

use serde_json::{Value, json};

use super::{Alice, HANDLE, RKEY, call, log_in, photo, post, refused};
use crate::tests::client;

#[tokio::test]
async fn a_login_tells_where_the_data_is() {
    let alice = Alice::new().await;
    let answer = log_in(&alice.bluesky, "ALICE.bsky.test", &alice.password).await;
    let session: Value = answer.json().await.unwrap();
    assert_eq!(
        (&session["did"], &session["handle"]),
        (&alice.did.as_str().into(), &HANDLE.into())
    );
    let service = &session["didDoc"]["service"][0];
    assert_eq!(
        (&service["id"], &service["type"]),
        (&"#atproto_pds".into(), &"AtprotoPersonalDataServer".into())
    );
    assert_eq!(service["serviceEndpoint"], alice.bluesky.server().url());
    let data_server = alice.bluesky.start_data_server().await.unwrap();
    let answer = log_in(&alice.bluesky, &alice.did, &alice.password).await;
    let session: Value = answer.json().await.unwrap();
    assert_eq!(
        session["didDoc"]["service"][0]["serviceEndpoint"],
        data_server.url()
    );
    let url = format!("{}/xrpc/com.atproto.repo.uploadBlob", data_server.url());
    let token = session["accessJwt"].as_str().unwrap();
    let request = client()
        .post(url)
        .bearer_auth(token)
        .header("content-type", "image/jpeg");
    assert_eq!(request.body(photo()).send().await.unwrap().status(), 200);
    assert_eq!(data_server.switches().calls("uploadBlob"), 1);
    assert_eq!(alice.bluesky.switches().calls("uploadBlob"), 0);
    alice.bluesky.set_data_server(None);
    let answer = log_in(&alice.bluesky, HANDLE, &alice.password).await;
    let session: Value = answer.json().await.unwrap();
    assert_eq!(session.get("didDoc"), None);
}

#[tokio::test]
async fn wrong_logins_are_refused_and_limited() {
    let alice = Alice::new().await;
    let wrong = || log_in(&alice.bluesky, HANDLE, "wrong");
    let first = wrong().await;
    assert_eq!(first.headers()["ratelimit-limit"], "30");
    // The first of all was the one that succeeded.
    assert_eq!(first.headers()["ratelimit-remaining"], "28");
    refused(
        first,
        401,
        "AuthenticationRequired",
        "Invalid identifier or password",
    )
    .await;
    for _ in 0..28 {
        assert_eq!(wrong().await.status(), 401);
    }
    let limited = log_in(&alice.bluesky, HANDLE, &alice.password).await;
    assert_eq!(limited.headers()["ratelimit-policy"], "30;w=300");
    let reset = limited.headers()["ratelimit-reset"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(reset.parse::<u64>().unwrap() > 1_767_225_600, "{reset}");
    refused(limited, 429, "RateLimitExceeded", "Rate Limit Exceeded").await;
    // Of each identifier on its own.
    assert_eq!(
        log_in(&alice.bluesky, &alice.did, &alice.password)
            .await
            .status(),
        200
    );
    alice.bluesky.limit_logins(Some(1));
    assert_eq!(
        log_in(&alice.bluesky, HANDLE, &alice.password)
            .await
            .status(),
        200
    );
    assert_eq!(
        log_in(&alice.bluesky, HANDLE, &alice.password)
            .await
            .status(),
        429
    );
    alice.bluesky.limit_logins(None);
    assert_eq!(
        log_in(&alice.bluesky, HANDLE, &alice.password)
            .await
            .status(),
        200
    );
    let bodiless = call(&alice.bluesky, "com.atproto.server.createSession").json(&json!({}));
    let answer = bodiless.send().await.unwrap();
    refused(
        answer,
        400,
        "InvalidRequest",
        "Input/identifier must be a string",
    )
    .await;
}

#[tokio::test]
async fn a_refresh_token_is_good_for_one_refresh() {
    let alice = Alice::new().await;
    let answer = alice.renew(&alice.refresh).await;
    assert_eq!(answer.status(), 200);
    let renewed: Value = answer.json().await.unwrap();
    assert_ne!(renewed["accessJwt"], alice.access.as_str());
    assert_eq!(renewed["did"], alice.did.as_str());
    refused(alice.renew(&alice.refresh).await, 400, "ExpiredToken", "").await;
    let next = renewed["refreshJwt"].as_str().unwrap();
    // An access token is none, and there is no body.
    refused(
        alice.renew(&alice.access).await,
        400,
        "InvalidToken",
        "could not be verified",
    )
    .await;
    let request = call(&alice.bluesky, "com.atproto.server.refreshSession");
    let answer = request
        .bearer_auth(next)
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    refused(answer, 400, "InvalidRequest", "none was expected").await;
    alice.bluesky.expire_refresh_tokens();
    refused(alice.renew(next).await, 400, "ExpiredToken", "").await;
    let secrets = alice.bluesky.secrets();
    for secret in [&alice.password, &alice.access, &alice.refresh, next] {
        assert!(secrets.iter().any(|it| it == secret), "{secret}");
    }
}

#[tokio::test]
async fn a_revoked_password_ends_refreshing_and_not_the_access_token() {
    let alice = Alice::new().await;
    alice.bluesky.revoke(&alice.password);
    refused(alice.renew(&alice.refresh).await, 400, "ExpiredToken", "").await;
    let answer = log_in(&alice.bluesky, HANDLE, &alice.password).await;
    refused(answer, 401, "AuthenticationRequired", "").await;
    assert_eq!(alice.upload(photo(), "image/jpeg").await.status(), 200);
}

#[tokio::test]
async fn access_tokens_are_checked() {
    let mut alice = Alice::new().await;
    let request = call(&alice.bluesky, "com.atproto.repo.uploadBlob").body(photo());
    refused(
        request.send().await.unwrap(),
        401,
        "AuthMissing",
        "Authentication Required",
    )
    .await;
    let request = call(&alice.bluesky, "com.atproto.repo.uploadBlob").basic_auth("a", Some("b"));
    refused(request.send().await.unwrap(), 400, "InvalidToken", "Basic").await;
    alice.bluesky.expire_access_tokens();
    refused(
        alice.upload(photo(), "image/jpeg").await,
        400,
        "ExpiredToken",
        "expired",
    )
    .await;
    alice.bluesky.set_expired_status(401);
    refused(
        alice.create(RKEY, &post("Hi")).await,
        401,
        "ExpiredToken",
        "expired",
    )
    .await;
    alice.access = "wrong".to_owned();
    refused(
        alice.create(RKEY, &post("Hi")).await,
        400,
        "InvalidToken",
        "",
    )
    .await;
    assert!(alice.bluesky.posts().is_empty());
}

#[tokio::test]
async fn tokens_are_jwts_with_the_claims_of_a_server() {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    let alice = Alice::new().await;
    let parts: Vec<_> = alice.access.split('.').collect();
    assert_eq!(parts.len(), 3);
    let read = |part: &str| -> Value {
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(read(parts[0]), json!({ "typ": "at+jwt", "alg": "HS256" }));
    let claims = read(parts[1]);
    assert_eq!(claims["sub"], alice.did.as_str());
    let time = |name: &str| claims[name].as_u64().unwrap();
    assert_eq!(time("exp") - time("iat"), 7200);
}
