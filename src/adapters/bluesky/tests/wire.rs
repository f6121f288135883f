//! Reading of answers, whatever they hold.

use proptest::prelude::*;

use super::*;

const METHODS: [&str; 5] = [
    CREATE_SESSION,
    REFRESH_SESSION,
    UPLOAD_BLOB,
    CREATE_RECORD,
    GET_RECORD,
];

fn answer(status: u16, body: Vec<u8>) -> PlatformAnswer {
    PlatformAnswer {
        status,
        wait: None,
        body: body.into(),
    }
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let errors = [
        "ExpiredToken",
        "InvalidToken",
        "BlobTooLarge",
        "InvalidRequest",
        "RecordNotFound",
        "AccountTakedown",
        "InternalServerError",
        "",
    ];
    let refusal = (prop::sample::select(errors.to_vec()), any::<String>());
    let refusal = refusal.prop_map(|(error, message)| {
        let body = json!({ "error": error, "message": message });
        body.to_string().into_bytes()
    });
    prop_oneof![any::<Vec<u8>>(), refusal]
}

proptest! {
    /// Nothing but a whole answer says that a post was not taken.
    #[test]
    fn no_body_of_a_server_error_makes_it_a_no(
        status in prop_oneof![Just(408_u16), 500..600_u16, 300..400_u16, 201..300_u16],
        body in any_body(),
    ) {
        for method in [UPLOAD_BLOB, CREATE_RECORD, GET_RECORD] {
            let read = read(method, &answer(status, body.clone()), str::to_owned);
            let is_lost = matches!(read, Err(CallFailure::Lost { .. }));
            prop_assert!(is_lost, "{method} {read:?}");
        }
    }

    /// Only a record that is not there is told so, and only to the one call that asks for it.
    #[test]
    fn only_the_question_for_a_record_is_answered_by_a_refusal(
        status in 400..500_u16,
        body in any_body(),
    ) {
        for method in METHODS {
            if read(method, &answer(status, body.clone()), str::to_owned).is_ok() {
                prop_assert_eq!((method, status), (GET_RECORD, 400));
            }
        }
    }

    #[test]
    fn a_session_is_read_from_anything_without_harm(
        did in any::<String>(), access in any::<String>(), refresh in any::<String>(),
        endpoint in "(https?://)?.{0,20}",
    ) {
        for did in [did, "did:plc:abc".to_owned()] {
            let document = json!({
                "did": did, "accessJwt": access, "refreshJwt": refresh, "didDoc": { "service": [
                    { "type": "AtprotoPersonalDataServer", "serviceEndpoint": endpoint },
                ] },
            });
            let asked = ServiceUrl::parse("https://bsky.social").unwrap();
            if let Ok(session) = Session::read(&document, &asked) {
                prop_assert_eq!(session.server.expose().scheme(), "https");
                prop_assert!(!session.server.is_loopback());
                prop_assert!(Did::parse(&session.did.0).is_some());
            }
        }
    }
}

#[test]
fn words_of_a_server_are_shown_without_secrets_and_addresses() {
    let tenant = config(&entry(&json!({ "service_url": "https://pds.example.org" })));
    let target: BlueskyTarget = target(&tenant);
    let account = Account {
        shared: factory().shared,
        service: target.service.clone(),
        credential: credential(HANDLE, "abcd-efgh-2345-wxyz"),
        session: Renewed::default(),
        log_in_after: Mutex::default(),
        older_until: Mutex::default(),
    };
    let document = json!({
        "did": "did:plc:abc", "accessJwt": "access-t0ken", "refreshJwt": "refresh-t0ken",
        "didDoc": { "service": [
            { "type": "AtprotoPersonalDataServer", "serviceEndpoint": "https://data.example.org" },
        ] },
    });
    let session = Session::read(&document, &target.service).unwrap();
    let echo = "no to alice.bsky.test abcd-efgh-2345-wxyz access-t0ken refresh-t0ken at \
                pds.example.org and data.example.org";
    let shown = sanitize_upstream_message(echo, &account.scrub(Some(&session)));
    for secret in ["alice", "abcd-efgh", "t0ken", "example.org"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.starts_with("no to"), "{shown}");
}

#[test]
fn the_calls_that_metrics_count_are_those_that_are_made() {
    let names = METHODS.map(|method| method.rsplit('.').next().unwrap());
    assert_eq!(REGISTRATION.upstream.1, names);
}
