use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use super::{NAMES, may_contain_secret, redact, scan::Scan, units};

fn redacted(line: &str) -> String {
    String::from_utf8(redact(line.as_bytes()).into_owned()).unwrap()
}

#[test]
fn secrets_are_masked_and_what_stands_around_them_is_not() {
    for (line, expected) in [
        ("sent Bearer abc.DEF-1 twice", "sent Bearer *** twice"),
        (
            "authorization: Basic YTpi, and",
            "authorization: Basic ***, and",
        ),
        (
            "authorization: bearer swordfish",
            "authorization: bearer ***",
        ),
        ("refused sk-proj-0123456789ab here", "refused sk-*** here"),
        (
            "POST /bot123456789:AAabcdefgh/sendPhoto",
            "POST /bot***/sendPhoto",
        ),
        ("sl.u.ABCDEFGHIJKLMNOP.", "***"),
        ("password=a,b%26c&user=bob", "password=***&user=bob"),
        (
            "{password: \"a \\\" b\", user: \"bob\"}",
            "{password: \"***\", user: \"bob\"}",
        ),
        (
            "GET https://bob:p%2Fw@example.org/a/b?c=d#e failed",
            "GET https://***@example.org/a/b?*** failed",
        ),
        ("GET /v1/hosts?host=example.org", "GET /v1/hosts?***"),
        (
            "Cookie: a=b; __Host-pv2_admin=c.d; x",
            "Cookie: ***; __Host-pv2_admin=***; x",
        ),
        (
            "Cookie: a=b; pv2_admin=c.d; x",
            "Cookie: ***; pv2_admin=***; x",
        ),
        (
            r#"{"client_secret":"x","n":1}"#,
            r#"{"client_secret":"***","n":1}"#,
        ),
        (r#"{"token":12,"n":1}"#, r#"{"token":0,"n":1}"#),
        (r#" {"token":12,"n":1}"#, r#" {"token":0,"n":1}"#),
        (
            r#"{"a://b?c.cookie":"x","d://e?f.token":1}"#,
            r#"{"a://b?***":"***","d://e?***":0}"#,
        ),
        (
            r#"{"m":"the token: ","n":"1"}"#,
            r#"{"m":"the token: ","n":"1"}"#,
        ),
        (
            r#"{"m":"{\"api_key\":\"a\\\"b\"} of","n":"1"}"#,
            r#"{"m":"{\"api_key\":\"***\"} of","n":"1"}"#,
        ),
        (
            "refresh_token%3Dabc%26user%3Dbob",
            "refresh_token%3D***%26user%3Dbob",
        ),
    ] {
        let expected = expected.replace("sk-***", "***");
        assert_eq!(redacted(line), expected, "{line}");
    }
}

#[test]
fn time_grows_with_the_length_of_the_line_and_no_faster() {
    // Each of these would take minutes if a look ahead were made again and again.
    for part in [
        "token: ",
        "://",
        "?a",
        "Bearer ",
        "\\",
        "%25",
        "sl.",
        "1:",
        "password='",
        "@",
    ] {
        let line = part.repeat(1_000_000 / part.len());
        assert!(redact(line.as_bytes()).len() <= 4 * line.len());
    }
}

/// A text with a secret in it.
fn shape() -> impl Strategy<Value = (String, String)> {
    let odd = "[A-Z0-9][A-Za-z0-9._~+/-]{6,40}[A-Za-z0-9]";
    let printable = "[!-~]{6,40}";
    let name = || {
        let names = NAMES.map(|name| String::from_utf8(name.to_vec()).unwrap());
        let name = select(names.to_vec());
        (
            prop_oneof![Just(""), Just("web_"), Just("X-")],
            name,
            any::<bool>(),
        )
            .prop_map(|(before, name, loud)| {
                let name = format!("{before}{name}");
                if loud {
                    name.to_uppercase().replace('_', "-")
                } else {
                    name
                }
            })
    };
    prop_oneof![
        odd.prop_map(|it| (format!("Bearer {it}"), it)),
        ("[a-z]{1,9}", printable).prop_map(|(user, password)| {
            let login = STANDARD.encode(format!("{user}:{password}"));
            (format!("basic {login}"), login)
        }),
        "sk-[A-Za-z0-9_-]{12,60}".prop_map(|it| (it.clone(), it)),
        "sl[.][A-Za-z0-9_-]{13,60}".prop_map(|it| (it.clone(), it)),
        "[0-9]{6,10}:[A-Za-z0-9_-]{35}".prop_map(|it| (it.clone(), it)),
        "[0-9]{1,10}:[A-Za-z0-9_-]{8,35}".prop_map(|it| (format!("/bot{it}/getMe"), it)),
        (name(), odd).prop_map(|(name, it)| (format!("{name}={it}"), it)),
        (name(), odd).prop_map(|(name, it)| (format!("{name} => {it}, more"), it)),
        (name(), printable).prop_map(|(name, it)| {
            let quoted = format!("{it:?}");
            let inner = quoted[1..quoted.len() - 1].to_owned();
            (format!("Login {{ {name}: {quoted}, x: 1 }}"), inner)
        }),
        (name(), printable).prop_map(|(name, it)| {
            let quoted = Value::from(it).to_string();
            let inner = quoted[1..quoted.len() - 1].to_owned();
            (format!("{{\"a\":1,\"{name}\":{quoted},\"b\":2}}"), inner)
        }),
        odd.prop_map(|it| {
            let it = it.replace('/', "-");
            (format!("postgres://user:{it}@db.example/name"), it)
        }),
        odd.prop_map(|it| (format!("https://example.org/a?{it}"), it)),
    ]
}

/// How a text is written into another one.
#[derive(Debug, Clone, Copy)]
enum Escape {
    Json,
    Debug,
    Url,
}

impl Escape {
    fn of(self, text: &str) -> String {
        let quoted = match self {
            Self::Json => Value::from(text).to_string(),
            Self::Debug => format!("{text:?}"),
            Self::Url => {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
                return text
                    .bytes()
                    .map(|byte| match byte {
                        byte if plain(byte) => char::from(byte).to_string(),
                        byte => format!("%{byte:02X}"),
                    })
                    .collect();
            }
        };
        quoted[1..quoted.len() - 1].to_owned()
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let text = || {
        prop_oneof![
            ".{0,20}",
            shape().prop_map(|(text, _)| text),
            "[\"\\\\/:=?&%@ {}]{0,12}",
            select(NAMES.to_vec()).prop_map(|it| String::from_utf8(it.to_vec()).unwrap()),
        ]
    };
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    let nested = leaf.prop_recursive(3, 24, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((text(), inner), 0..4).prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    });
    vec(nested, 1..4).prop_map(|it| json!({"message": it[0], "token": it.last(), "all": it}))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_secret_of_a_known_shape_is_left_however_it_is_escaped(
        (text, secret) in shape(),
        escapes in vec(select(vec![Escape::Json, Escape::Debug, Escape::Url]), 0..4),
        before in "([a-z]{1,8} ){0,3}",
        after in "( [a-z]{1,8}){0,3}",
        as_json in any::<bool>(),
    ) {
        let apply = |text: &str| escapes.iter().fold(text.to_owned(), |it, by| by.of(&it));
        let text = format!("{before}{}{after}", apply(&text));
        let (line, secret) = if as_json {
            let line = json!({"message": text, "request_id": "r"}).to_string();
            (line, Escape::Json.of(&apply(&secret)))
        } else {
            (text, apply(&secret))
        };
        prop_assert!(line.contains(&secret));
        let left = redacted(&line);
        prop_assert!(!left.contains(&secret), "{left} of {line}");
        if as_json {
            let left: Value = serde_json::from_str(&left).unwrap();
            prop_assert_eq!(&left["request_id"], "r");
        }
    }

    #[test]
    fn no_secret_is_found_where_the_prefilter_finds_no_marker(
        parts in vec(prop_oneof![
            shape().prop_map(|(text, _)| text),
            "[ -~]{0,12}",
            "[0-9]{1,8}:[A-Za-z0-9_-]{0,40}",
        ], 0..6),
    ) {
        let line = parts.concat();
        if !may_contain_secret(line.as_bytes()) {
            let units = units::read(line.as_bytes());
            let masks = Scan::new(&units, line.starts_with('{')).run();
            prop_assert!(masks.is_empty(), "{line}");
        }
    }

    #[test]
    fn a_json_object_stays_one(line in any_json()) {
        let line = line.to_string();
        let left = redacted(&line);
        let left: Result<Value, _> = serde_json::from_str(&left);
        prop_assert!(left.is_ok_and(|left| left.is_object()), "{line}");
    }

    #[test]
    fn innocent_lines_stay_as_they_are(words in vec(select(vec![
        "the service token has changed; the new one is used from now on",
        "a bearer token was refused", "with basic settings", "password", "secrets:", "a=b",
        "2026-01-02T03:04:05.678901Z", "127.0.0.1:8080", "[::1]:9464", "publisher::app::http",
        "0190d9f2-7d3c-7b1a-9c55-1f2e3d4c5b6a", "risk-free", "ask-me-anything-today", "sl. 5",
        "https://example.org/a/b:c", "why/what?", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b8",
        "user@example.org", "100%", "\\", "'", "storage.credentials_ref: must be a text",
        "ORCHESTRATOR_SERVICE_TOKEN_FILE", "café", "token_count=5", "Tokens=5", "12:34:56",
    ]), 0..12), as_json in any::<bool>()) {
        let line = words.join(" ");
        let line = if as_json {
            json!({"message": line, "latency_ms": 12, "tokens": 3}).to_string()
        } else {
            line
        };
        prop_assert_eq!(redacted(&line), line);
    }
}
