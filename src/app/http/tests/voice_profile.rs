//! Showing and storing the voice profile.

use poem::{Body, Endpoint as _, Request, http::Method};
use serde_json::{Value, json};

use super::{
    Answer, Service,
    harness::{HOST, TOKEN, get},
};
use crate::{
    domain::voice::VoiceProfile,
    ports::{LedgerError, MockVoiceProfileStore},
};

const PATH: &str = "/api/config/voice-profile";

fn request(method: Method, body: &Value) -> Request {
    Request::builder()
        .method(method)
        .uri_str(PATH)
        .header("host", HOST)
        .header("authorization", format!("Bearer {TOKEN}"))
        .content_type("application/json")
        .body(Body::from_string(body.to_string()))
}

fn shown() -> Request {
    let mut request = get(PATH);
    let token = format!("Bearer {TOKEN}").parse().unwrap();
    request.headers_mut().insert("authorization", token);
    request
}

/// A service in which this is stored, and in whose config that is.
fn with_stored(stored: Option<&[&str]>, configured: Value) -> Service {
    let stored = stored.map(|texts| VoiceProfile::new(texts).unwrap());
    let mut store = MockVoiceProfileStore::new();
    store
        .expect_load()
        .withf(|tenant| tenant.as_str() == "alice")
        .returning(move |_| Ok(stored.clone()));
    let mut service = Service::new();
    service.voices = Some(store);
    service.document["content"]["voice_profile"] = configured;
    service
}

#[tokio::test]
async fn the_stored_profile_is_shown_over_that_of_the_config() {
    let of_config = json!(["of the config"]);
    let long = "x".repeat(1_999);
    for (stored, configured, expected) in [
        (None, json!(null), (json!(null), false, 0)),
        (None, of_config.clone(), (of_config.clone(), true, 1)),
        (
            Some(&["a", "b"][..]),
            of_config.clone(),
            (json!(["a", "b"]), true, 2),
        ),
        (Some(&[]), of_config.clone(), (json!([]), false, 0)),
        (
            Some(&["a", &long]),
            json!(null),
            (json!(["a", long]), true, 1),
        ),
    ] {
        let answer = with_stored(stored, configured).answer(shown()).await;
        let (voice_profile, enabled, examples_used) = expected;
        let expected = json!({
            "voice_profile": voice_profile,
            "enabled": enabled,
            "examples_used": examples_used,
        });
        assert_eq!(answer.json(), expected);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let mut service = with_stored(Some(&["a"]), json!(null));
    service.document["features"]["voice_matching_enabled"] = false.into();
    assert_eq!(service.answer(shown()).await.json()["enabled"], false);
}

#[tokio::test]
async fn twenty_long_examples_of_three_bytes_a_letter_are_too_large() {
    let service = with_stored(None, json!(null));
    let long = vec!["海".repeat(1_999); 20];
    let request = request(Method::PUT, &json!({"voice_profile": long}));
    let answer = service.answer(request).await;
    answer.problem(413, "payload-too-large");
}

#[tokio::test]
async fn the_spec_has_no_default_for_what_has_no_effect() {
    let spec = Service::new().answer(get("/openapi.json")).await.json();
    let enabled = &spec["components"]["schemas"]["VoiceProfileChange"]["properties"]["enabled"];
    assert_eq!(enabled["type"], "boolean");
    assert!(enabled.get("default").is_none(), "{enabled}");
}

#[tokio::test]
async fn what_is_put_is_stored_without_blanks_and_in_effect_for_the_next_request() {
    for method in [Method::PUT, Method::POST] {
        let mut service = with_stored(None, json!(["of the config"]));
        service.document["features"]["analyze_caption_enabled"] = true.into();
        let store = service.voices.as_mut().unwrap();
        store
            .expect_store()
            .times(1)
            .withf(|_, profile| profile.as_slice() == ["a", "b\nc"])
            .returning(|_, _| Ok(()));
        store
            .expect_store()
            .times(1)
            .withf(|_, profile| profile.as_slice().is_empty())
            .returning(|_, _| Ok(()));
        store.expect_forget().times(1).returning(|_| Ok(()));
        let routes = service.routes();
        let answer = async |request| Answer::of(routes.get_response(request).await).await;
        for (sent, expected, is_on) in [
            (
                json!({"voice_profile": [" a", "b\nc\n"]}),
                json!(["a", "b\nc"]),
                true,
            ),
            (
                json!({"voice_profile": [], "enabled": true}),
                json!([]),
                false,
            ),
            (
                json!({"voice_profile": null, "enabled": false}),
                json!(["of the config"]),
                true,
            ),
        ] {
            let stored = answer(request(method.clone(), &sent)).await;
            assert_eq!(stored.status, 200, "{}", stored.body);
            assert_eq!(stored.json()["voice_profile"], expected, "{sent}");
            assert_eq!(stored.json()["enabled"], is_on, "{sent}");
            let features = answer(get("/api/config/features")).await.json();
            assert_eq!(features["voice_matching_enabled"], is_on, "{sent}");
        }
    }
}

#[tokio::test]
async fn what_is_answered_can_be_sent_back() {
    for stored in [Some(&["a", "b"][..]), Some(&[]), None] {
        let answer = with_stored(stored, Value::Null).answer(shown()).await;
        let mut service = with_stored(stored, Value::Null);
        let store = service.voices.as_mut().unwrap();
        store.expect_store().returning(|_, _| Ok(()));
        store.expect_forget().returning(|_| Ok(()));
        let again = service.answer(request(Method::PUT, &answer.json())).await;
        assert_eq!(again.status, 200, "{}: {}", answer.body, again.body);
        assert_eq!(again.json(), answer.json());
    }
}

#[tokio::test]
async fn every_bad_example_is_named_and_nothing_is_stored() {
    let many = vec!["x"; 21];
    let longest = "ä".repeat(1_999);
    for (sent, fields) in [
        (json!({}), vec!["voice_profile"]),
        (json!({"voice_profile": "a"}), vec!["voice_profile"]),
        (json!({"voice_profile": many}), vec!["voice_profile"]),
        (
            json!({"voice_profile": ["a", "", " \n", 1, null, format!("{longest}x"), longest]}),
            vec![
                "voice_profile[3]",
                "voice_profile[4]",
                "voice_profile[5]",
                "voice_profile[1]",
                "voice_profile[2]",
            ],
        ),
        (
            json!({"voice_profile": [], "enabled": "yes"}),
            vec!["enabled"],
        ),
        (
            json!({"voice_profile": [], "examples_used": 21}),
            vec!["examples_used"],
        ),
        (json!({"voice_profile": [], "tags": {}}), vec!["tags"]),
    ] {
        let mut store = MockVoiceProfileStore::new();
        store.expect_store().never();
        store.expect_forget().never();
        let mut service = Service::new();
        service.voices = Some(store);
        let answer = service.answer(request(Method::PUT, &sent)).await;
        assert_eq!(answer.bad_fields(), fields, "{sent}");
    }
}

#[tokio::test]
async fn a_ledger_that_is_away_is_said_and_hurts_nobody_else() {
    let down = || LedgerError::Unavailable("down".into());
    let mut service = Service::new();
    let mut store = MockVoiceProfileStore::new();
    store.expect_load().returning(move |_| Err(down()));
    store
        .expect_store()
        .times(1)
        .returning(move |_, _| Err(down()));
    service.voices = Some(store);
    service.document["content"]["voice_profile"] = json!(["of the config"]);
    let routes = service.routes();
    let answer = async |request| Answer::of(routes.get_response(request).await).await;
    answer(shown()).await.problem(503, "ledger-unavailable");
    let stored = answer(request(Method::PUT, &json!({"voice_profile": ["a"]}))).await;
    stored.problem(503, "ledger-unavailable");
    let features = answer(get("/api/config/features")).await.json();
    assert_eq!(features["voice_matching_enabled"], true);
}

#[tokio::test]
async fn only_admins_see_and_store_it() {
    for method in [Method::GET, Method::PUT, Method::POST] {
        let mut service = Service::new().open_to_viewers();
        service.voices = Some(MockVoiceProfileStore::new());
        let mut request = request(method, &json!({"voice_profile": ["a"]}));
        request.headers_mut().remove("authorization");
        service.answer(request).await.problem(401, "unauthorized");
    }
}
