//! Cookies, and what is no cookie.

use super::*;
use poem::http::HeaderValue;
use proptest::prelude::*;

const NOW: SystemTime = SystemTime::UNIX_EPOCH;
const MINUTE: Duration = Duration::from_mins(1);

fn signer_of(secret: &str, password: &str) -> CookieSigner {
    let [secret, password] = [secret, password].map(|text| Secret::new(text.to_owned()));
    CookieSigner::new(&secret, None).bound_to(&password)
}

fn signer() -> CookieSigner {
    signer_of("session-secret", "password")
}

fn host(name: &str) -> Host {
    Host::normalize_any(name).unwrap()
}

fn cookie() -> String {
    signer().sign(
        CookieKind::Session,
        &host("alice.example.org"),
        NOW + MINUTE,
    )
}

fn is_taken(cookie: &str) -> bool {
    let host = host("alice.example.org");
    signer()
        .verify(CookieKind::Session, &host, cookie, NOW)
        .is_some()
}

#[test]
fn a_cookie_is_good_until_it_expires() {
    let (cookie, host) = (cookie(), host("alice.example.org"));
    let at = |time| signer().verify(CookieKind::Session, &host, &cookie, time);
    assert_eq!(at(NOW).unwrap().ends, NOW + MINUTE);
    assert!(at(NOW).is_some());
    assert_eq!(at(NOW), at(NOW + MINUTE - Duration::from_nanos(1)));
    assert_eq!(at(NOW + MINUTE), None);
}

#[test]
fn another_host_kind_secret_or_password_makes_it_worthless() {
    let (cookie, alice) = (cookie(), host("alice.example.org"));
    let check =
        |signer: CookieSigner, kind, host: &Host| signer.verify(kind, host, &cookie, NOW).is_some();
    assert!(check(signer(), CookieKind::Session, &alice));
    assert!(!check(
        signer(),
        CookieKind::Session,
        &host("bob.example.org")
    ));
    assert!(!check(signer(), CookieKind::Device, &alice));
    let other = signer_of("another-secret", "password");
    assert!(!check(other, CookieKind::Session, &alice));
    let other = signer_of("session-secret", "another");
    assert!(!check(other, CookieKind::Session, &alice));
}

#[test]
fn a_new_epoch_ends_all_sessions_and_none_is_that_of_before() {
    let alice = host("alice.example.org");
    let secret = |text: &str| Secret::new(text.to_owned());
    let of = |epoch: Option<&str>| {
        let epoch = epoch.map(secret);
        let signer = CookieSigner::new(&secret("session-secret"), epoch.as_ref());
        [signer.bound_to(&secret("password")), signer]
    };
    let kinds = [CookieKind::Session, CookieKind::PersonsSession];
    let epochs = [None, Some("1"), Some("2"), Some("password")];
    for signed in epochs {
        for verified in epochs {
            for (index, kind) in kinds.into_iter().enumerate() {
                let cookie = of(signed)[index].sign(kind, &alice, NOW + MINUTE);
                for (other, other_kind) in kinds.into_iter().enumerate() {
                    let is_taken = of(verified)[other]
                        .verify(other_kind, &alice, &cookie, NOW)
                        .is_some();
                    assert_eq!(is_taken, signed == verified && index == other);
                }
            }
        }
    }
}

#[test]
fn what_is_signed_with_a_cookie_comes_back() {
    let alice = host("alice.example.org");
    for claims in [None, Some(&b""[..]), Some(b"a.b\0c"), Some(&[0xff; 600])] {
        let cookie = signer().sign_with(CookieKind::PersonsSession, &alice, NOW + MINUTE, claims);
        let signed = signer().verify(CookieKind::PersonsSession, &alice, &cookie, NOW);
        assert_eq!(signed.unwrap().claims.as_deref(), claims);
    }
}

#[test]
fn a_pseudonym_is_the_same_for_the_same_with_the_same_secret() {
    assert_eq!(signer().pseudonym("jane"), signer().pseudonym("jane"));
    assert_ne!(signer().pseudonym("jane"), signer().pseudonym("joe"));
    assert_ne!(
        signer().pseudonym("jane"),
        signer_of("other", "password").pseudonym("jane")
    );
}

#[test]
fn every_cookie_is_another() {
    assert_ne!(cookie(), cookie());
}

#[test]
fn every_changed_bit_is_noticed() {
    let cookie = cookie();
    for (position, bit) in (0..cookie.len()).flat_map(|at| (0..7).map(move |bit| (at, bit))) {
        let mut bytes = cookie.clone().into_bytes();
        bytes[position] ^= 1 << bit;
        let forged = String::from_utf8(bytes).unwrap();
        assert!(!is_taken(&forged), "bit {bit} of byte {position}");
    }
}

proptest! {
    #[test]
    fn no_mutation_of_a_cookie_is_accepted(
        position in any::<prop::sample::Index>(),
        removed in 0..4_usize,
        put_in in "[ -~]{0,4}",
    ) {
        let cookie = cookie();
        let start = position.index(cookie.len() + 1);
        let end = (start + removed).min(cookie.len());
        let mut mutated = cookie.clone();
        mutated.replace_range(start..end, &put_in);
        prop_assert_eq!(is_taken(&mutated), mutated == cookie);
    }

    #[test]
    fn whatever_else_is_sent_is_no_cookie(sent: String, id: u128, expires: u64) {
        prop_assert!(!is_taken(&sent));
        let signature = URL_SAFE_NO_PAD.encode([0; 32]);
        let forged = format!("{}.{expires}.{signature}", Uuid::from_u128(id).simple());
        prop_assert!(!is_taken(&forged));
    }
}

#[test]
fn cookies_are_found_among_others_in_one_header_or_more() {
    for is_secure in [true, false] {
        let sent = |values| sent(values, is_secure);
        assert_eq!(sent(&["a=b; pv2_admin=1.2; c=d"]), ["1.2"]);
        assert_eq!(
            sent(&["pv2_admin=1", "x; pv2_admin=2;pv2_admin=a=b"]),
            ["1", "2", "a=b"]
        );
        assert_eq!(
            sent(&["pv2_admin2=1; xpv2_admin=2; PV2_ADMIN=3", ""]),
            [""; 0]
        );
        assert_eq!(sent(&["pv2_admin=x;"; 200]).len(), 200);
    }
}

#[test]
fn a_cookie_that_is_no_text_hides_none_of_those_beside_it() {
    for is_secure in [true, false] {
        let found = sent(&["x=\u{e9}; pv2_admin=1; pv2_admin=\u{e9}"], is_secure);
        assert_eq!(found[0], "1");
        let mut headers = HeaderMap::new();
        let bytes = b"pv2_admin=\xff\xfe; pv2_admin=1; x=\xff";
        headers.insert(header::COOKIE, HeaderValue::from_bytes(bytes).unwrap());
        let found: Vec<_> = CookieKind::Session.sent(&headers, is_secure).collect();
        assert_eq!(found, ["\u{fffd}\u{fffd}", "1"]);
    }
}

#[test]
fn where_cookies_are_secure_those_of_the_host_itself_come_before_plain_ones() {
    let cookies = ["pv2_admin=old; __Host-pv2_admin=1", "__Host-pv2_admin=2"];
    assert_eq!(sent(&cookies, true), ["1", "2", "old"]);
    assert_eq!(sent(&cookies, false), ["old"]);
    assert_eq!(sent(&["__host-pv2_admin=1"], true), [""; 0]);
}

#[test]
fn kinds_that_never_had_the_plain_name_are_not_read_under_it_where_cookies_are_secure() {
    let mut headers = HeaderMap::new();
    headers.append(
        header::COOKIE,
        HeaderValue::from_static("pv2_admin=1; pv2_login=2"),
    );
    for kind in [CookieKind::PersonsSession, CookieKind::Login] {
        assert_eq!(kind.sent(&headers, true).count(), 0, "{kind:?}");
        assert_eq!(kind.sent(&headers, false).count(), 1, "{kind:?}");
    }
    assert_eq!(CookieKind::Session.sent(&headers, true).count(), 1);
}

/// The values of the session that are found in these headers.
fn sent(values: &[&str], is_secure: bool) -> Vec<String> {
    let mut headers = HeaderMap::new();
    for value in values {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        headers.append(header::COOKIE, value);
    }
    CookieKind::Session.sent(&headers, is_secure).collect()
}

#[test]
fn browsers_are_told_to_keep_it_from_scripts_and_other_sites() {
    let week = Duration::from_hours(7 * 24);
    assert_eq!(
        CookieKind::Session.set("1.2", week, true),
        "__Host-pv2_admin=1.2; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=604800"
    );
    assert_eq!(
        CookieKind::Session.set("1.2", MINUTE, false),
        "pv2_admin=1.2; HttpOnly; SameSite=Lax; Path=/; Max-Age=60"
    );
    assert_eq!(
        CookieKind::Device.set("1.2", MINUTE, true),
        "__Host-pv2_device=1.2; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=60"
    );
    assert_eq!(
        CookieKind::Device.set("1.2", MINUTE, false),
        "pv2_device=1.2; HttpOnly; SameSite=Strict; Path=/api/admin/login; Max-Age=60"
    );
}

#[test]
fn what_browsers_take_under_the_prefix_is_secure_has_the_whole_host_and_no_domain() {
    let week = Duration::from_hours(7 * 24);
    let mut set = Vec::new();
    let kinds = [
        CookieKind::Session,
        CookieKind::PersonsSession,
        CookieKind::Device,
        CookieKind::Login,
    ];
    for kind in kinds {
        for is_secure in [true, false] {
            set.push(kind.set("1.2", week, is_secure));
            set.push(kind.end(is_secure));
            set.extend(CookieKind::end_session(is_secure));
        }
    }
    let prefixed: Vec<_> = set.iter().filter(|it| it.starts_with("__Host-")).collect();
    assert_eq!(prefixed.len(), 16);
    for cookie in prefixed {
        assert!(cookie.contains("; Secure; Path=/; "), "{cookie}");
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
}

#[test]
fn both_names_are_taken_away() {
    let prefixed = "__Host-pv2_admin=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0";
    let plain = "pv2_admin=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0";
    let secure_plain = "pv2_admin=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0";
    assert_eq!(CookieKind::end_session(true), [prefixed, secure_plain]);
    assert_eq!(CookieKind::end_session(false), [plain, prefixed]);
}
