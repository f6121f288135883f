//! Which ways to log in there are, by what is set.

use publisher::adapters::env::SettingProblems;

use super::*;

const LONG: &str = "0123456789abcdef0123456789abcdef";

fn settings(pairs: &[(&str, &str)]) -> Result<AuthSettings, SettingProblems> {
    let mut environment = Environment::from_pairs(pairs.iter().copied());
    let settings = read(&mut environment, false);
    environment.finish_with(settings)
}

fn credentials(pairs: &[(&str, &str)]) -> AdminCredentials {
    match settings(pairs).unwrap() {
        AuthSettings::Enforced(credentials) => credentials,
        AuthSettings::Disabled { .. } => panic!("it is disabled"),
    }
}

/// The variables that are bad. None of them shows its value.
fn problems(pairs: &[(&str, &str)]) -> Vec<String> {
    let problems = settings(pairs).unwrap_err();
    for (_, value) in pairs.iter().filter(|(_, value)| value.len() > 3) {
        assert!(!problems.to_string().contains(value), "{problems}");
    }
    let names = problems.as_slice().iter();
    names.map(|problem| problem.name().to_owned()).collect()
}

#[test]
fn nothing_is_configured_when_nothing_is_set() {
    let AdminCredentials {
        token,
        basic,
        password,
        sessions,
    } = credentials(&[]);
    assert!(sessions.secure_cookies && sessions.secret.is_none() && sessions.epoch.is_none());
    assert!(token.is_none() && basic.is_none() && password.is_none());
}

#[test]
fn any_combination_may_be_configured() {
    let all = credentials(&[
        (TOKEN, "t0ken"),
        (USER, "editor"),
        (PASS, "s3:cret"),
        (PASSWORD, "open"),
        (SESSION_SECRET, LONG),
        ("WEB_ADMIN_COOKIE_TTL_SECONDS", "60"),
        ("WEB_SECURE_COOKIES", "false"),
        ("WEB_ADMIN_COOKIE_EPOCH", "2"),
    ]);
    let (basic, sessions) = (all.basic.unwrap(), all.sessions);
    assert_eq!(all.token.unwrap().expose(), "t0ken");
    assert_eq!(
        (basic.user.expose(), basic.password.expose()),
        ("editor", "s3:cret")
    );
    assert_eq!(all.password.unwrap().expose(), "open");
    assert_eq!(sessions.secret.unwrap().expose(), LONG);
    assert_eq!(sessions.ttl, Duration::from_mins(1));
    assert_eq!(sessions.epoch.unwrap().expose(), "2");
    assert!(!sessions.secure_cookies);
    let sessions = credentials(&[(PASSWORD, "open")]).sessions;
    assert!(sessions.secret.is_none() && sessions.secure_cookies);
    assert_eq!(sessions.ttl, Duration::from_hours(7 * 24));
}

/// The variables that are warned of; none of them shows its value.
fn warned(pairs: &[(&str, &str)]) -> Vec<String> {
    let mut environment = Environment::from_pairs(pairs.iter().copied());
    assert!(read(&mut environment, false).is_some());
    let warnings = environment.warnings();
    for (_, value) in pairs.iter().filter(|(_, value)| value.len() > 3) {
        assert!(!format!("{warnings:?}").contains(value), "{warnings:?}");
    }
    let names = warnings.iter().map(|warning| warning.name().to_owned());
    names.collect()
}

#[test]
fn a_blank_secret_is_none() {
    for name in [TOKEN, USER, PASS, PASSWORD, SESSION_SECRET] {
        for empty in ["", " ", "\n", "\u{feff}\u{a0}"] {
            assert_eq!(warned(&[(name, empty)]), [""; 0], "{empty:?}");
            let AdminCredentials {
                token,
                basic,
                password,
                ..
            } = credentials(&[(name, empty)]);
            assert!(token.is_none() && basic.is_none() && password.is_none());
        }
    }
    for name in [TOKEN, USER, PASS, PASSWORD] {
        assert_eq!(
            problems(&[(&format!("{name}_FILE"), "/nowhere/to/be/found")]),
            [format!("{name}_FILE")]
        );
    }
}

#[test]
fn half_a_credential_is_a_problem_of_the_other_half() {
    assert_eq!(problems(&[(USER, "editor")]), [PASS]);
    assert_eq!(problems(&[(PASS, "s3cret")]), [USER]);
    assert_eq!(problems(&[(USER, " "), (PASS, "s3cret")]), [USER]);
}

#[test]
fn what_could_never_be_sent_is_a_problem() {
    for token in ["tökens", "t0\tken", "t0\u{200b}ken"] {
        assert_eq!(problems(&[(TOKEN, token)]), [TOKEN], "{token:?}");
    }
    assert_eq!(problems(&[(USER, "edi:tor"), (PASS, "s3cret")]), [USER]);
}

#[test]
fn what_cannot_be_seen_around_a_secret_is_not_a_part_of_it() {
    for token in [
        "t0ken ",
        " t0ken",
        "\u{feff}t0ken\r\n",
        "t0ken\u{200b}",
        "\u{a0}t0ken",
    ] {
        let token = credentials(&[(TOKEN, token)]).token.unwrap();
        assert_eq!(token.expose(), "t0ken");
    }
}

#[test]
fn a_session_secret_should_have_32_bytes_and_is_not_used_with_less_than_16() {
    for (length, is_used, is_warned) in [
        (32, true, false),
        (31, true, true),
        (16, true, true),
        (15, false, true),
        (1, false, true),
    ] {
        let secret = &LONG[..length];
        let pairs = [(PASSWORD, "pass-phrase"), (SESSION_SECRET, secret)];
        let used = credentials(&pairs).sessions.secret;
        let expected = is_used.then_some(secret);
        assert_eq!(used.as_ref().map(Secret::expose), expected, "{length}");
        let told = if is_warned {
            &[SESSION_SECRET][..]
        } else {
            &[]
        };
        assert_eq!(warned(&pairs), told, "{length}");
    }
}

#[test]
fn a_secret_of_each_request_with_fewer_than_16_characters_is_used_and_warned_of() {
    for (length, is_warned) in [(1, true), (15, true), (16, false), (32, false)] {
        let secret = &LONG[..length];
        let pairs = [(TOKEN, secret), (USER, "editor"), (PASS, secret)];
        let told = if is_warned { &[TOKEN, PASS][..] } else { &[] };
        assert_eq!(warned(&pairs), told, "{length}");
        let used = credentials(&pairs);
        assert_eq!(used.token.unwrap().expose(), secret);
        assert_eq!(used.basic.unwrap().password.expose(), secret);
    }
    // Characters, not bytes.
    let password = "é".repeat(15);
    assert_eq!(warned(&[(USER, "editor"), (PASS, &password)]), [PASS]);
}

#[test]
fn a_password_of_fewer_than_8_characters_is_used_and_warned_of() {
    for (length, is_warned) in [(1, true), (7, true), (8, false), (32, false)] {
        let pairs = [(PASSWORD, &LONG[..length])];
        let told = if is_warned { &[PASSWORD][..] } else { &[] };
        assert_eq!(warned(&pairs), told, "{length}");
        let password = credentials(&pairs).password.unwrap();
        assert_eq!(password.expose(), &LONG[..length]);
    }
}

#[test]
fn what_has_no_use_without_a_login_is_warned_of_and_stops_nothing() {
    let pairs = [
        (TOKEN, LONG),
        (SESSION_SECRET, LONG),
        (COOKIE_TTL, "60"),
        (COOKIE_EPOCH, "2"),
        (SECURE_COOKIES, "false"),
    ];
    let names = [SESSION_SECRET, COOKIE_TTL, COOKIE_EPOCH, SECURE_COOKIES];
    assert_eq!(warned(&pairs), names);
    assert!(credentials(&pairs).password.is_none());
    let mut environment = Environment::from_pairs(pairs);
    assert!(read(&mut environment, true).is_some());
    assert!(environment.warnings().is_empty(), "with accounts it has");
}

#[test]
fn a_secret_of_another_name_goes_by_the_name_that_is_set() {
    let told = |pairs: &[(&str, &str)]| {
        let mut environment = Environment::from_pairs(pairs.iter().copied());
        environment.take_as("SECRET_KEY", SESSION_SECRET, false);
        assert!(read(&mut environment, false).is_some());
        let told = environment.warnings().iter().map(ToString::to_string);
        told.collect::<Vec<_>>()
    };
    let short = ("SECRET_KEY", &LONG[..20]);
    assert_eq!(
        told(&[short]),
        [
            "SECRET_KEY: has no effect without WEB_ADMIN_PASSWORD or a login by OpenID Connect, but on links to images \
          of a local storage"
        ],
        "nothing else, where it has no effect"
    );
    let used = told(&[short, (PASSWORD, "pass-phrase")]);
    assert_eq!(used.len(), 2, "{used:?}");
    assert!(used.iter().all(|it| it.starts_with("SECRET_KEY: ")));
    let own = told(&[(SESSION_SECRET, &LONG[..20])]);
    assert!(own.len() == 1 && own[0].starts_with("WEB_SESSION_SECRET: has no effect without"));
}

#[test]
fn the_cookies_of_a_log_out_follow_the_setting_without_a_password_too() {
    for (value, expected) in [("false", true), ("true", false)] {
        let secure = (SECURE_COOKIES, value);
        assert_eq!(!credentials(&[secure]).sessions.secure_cookies, expected);
        let open = settings(&[secure, (DISABLED, "yes")]).unwrap();
        let AuthSettings::Disabled { plain_cookies } = open else {
            panic!("it is enforced")
        };
        assert_eq!(plain_cookies, expected);
    }
}

#[test]
fn times_and_switches_stop_the_start_only_where_there_is_a_password_to_log_in_with() {
    let password = (PASSWORD, "pass-phrase");
    for seconds in ["59", "2592001", "-1", "week", "1e3"] {
        let ttl = (COOKIE_TTL, seconds);
        assert_eq!(problems(&[password, ttl]), [COOKIE_TTL], "{seconds}");
        assert_eq!(warned(&[ttl]), [COOKIE_TTL, COOKIE_TTL], "{seconds}");
    }
    assert!(settings(&[password, (COOKIE_TTL, "2592000")]).is_ok());
    let secure = (SECURE_COOKIES, "maybe");
    assert_eq!(problems(&[password, secure]), [SECURE_COOKIES]);
    assert_eq!(warned(&[secure]), [SECURE_COOKIES, SECURE_COOKIES]);
    let file = "WEB_SESSION_SECRET_FILE";
    let nowhere = (file, "/nowhere/to/be/found");
    assert_eq!(problems(&[password, nowhere]), [file]);
    assert_eq!(warned(&[nowhere]), [file, file]);
    assert_eq!(problems(&[(DISABLED, "maybe")]), [DISABLED]);
}

#[test]
fn open_doors_and_a_credential_exclude_each_other() {
    assert!(matches!(
        settings(&[(DISABLED, "yes")]),
        Ok(AuthSettings::Disabled { .. })
    ));
    assert_eq!(problems(&[(DISABLED, "yes"), (TOKEN, "t0ken")]), [DISABLED]);
    assert_eq!(
        problems(&[(DISABLED, "yes"), (USER, "editor"), (PASS, "s3cret")]),
        [DISABLED]
    );
    assert_eq!(
        problems(&[(DISABLED, "yes"), (PASSWORD, "open")]),
        [DISABLED]
    );
    // Both problems at once, where there is only half a credential.
    assert_eq!(
        problems(&[(DISABLED, "yes"), (PASS, "s3cret")]),
        [USER, DISABLED]
    );
    let file = [(DISABLED, "yes"), ("WEB_AUTH_TOKEN_FILE", "/nowhere/to/be")];
    assert_eq!(problems(&file), ["WEB_AUTH_TOKEN_FILE", DISABLED]);
}
