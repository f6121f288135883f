//! Channels and mail servers as people paste them: a link, or an address with a port. What is meant is
//! taken where it is certain; the rest is used as it is, with advice.

/// A value as it is used, and what looks wrong with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Meant<T> {
    pub(super) value: T,
    pub(super) advice: Option<&'static str>,
}

/// The hosts of links to channels.
const LINKS: [&str; 3] = ["t.me/", "telegram.me/", "telegram.dog/"];

/// A channel: its number, its @name, or a link to it.
pub(super) fn channel(text: &str) -> Meant<String> {
    let text = text.trim();
    let certain = |value: String| Meant {
        value,
        advice: None,
    };
    if text.parse::<i64>().is_ok() {
        return certain(text.to_owned());
    }
    let name = text.strip_prefix('@').unwrap_or(text);
    if is_name(name) {
        return certain(format!("@{name}"));
    }
    match linked(text) {
        Some(channel) => certain(channel),
        None => Meant {
            value: text.to_owned(),
            advice: Some(
                "is neither a channel's number nor its @name nor a link to a public one; it is used as \
                 it is",
            ),
        },
    }
}

/// The channel that a link leads to; those of invitations do not tell.
fn linked(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let start = ["https://", "http://"];
    let start = start.iter().find(|it| lower.starts_with(**it));
    let start = start.map_or(0, |it| it.len());
    let rest = lower.get(start..)?;
    let www = if rest.starts_with("www.") { 4 } else { 0 };
    let host = LINKS
        .iter()
        .find(|it| rest.get(www..).is_some_and(|rest| rest.starts_with(**it)))?;
    let path = text.get(start + www + host.len()..)?;
    let mut parts = path.split(['/', '?', '#']);
    match (parts.next()?, parts.next()) {
        // A message of a private channel names the channel by its number.
        ("c", Some(number)) => number.parse::<u64>().ok().map(|it| format!("-100{it}")),
        // The preview in a browser.
        ("s", Some(name)) if is_name(name) => Some(format!("@{name}")),
        (name, _) if is_name(name) && !matches!(name, "joinchat" | "s" | "c") => {
            Some(format!("@{name}"))
        }
        _ => None,
    }
}

/// Telegram's rule for names, but for their length.
fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|it| it.is_ascii_alphabetic())
        && bytes.all(|it| it.is_ascii_alphanumeric() || it == b'_')
        && text.len() <= 32
}

/// A mail server: its name, and the port that its address names.
pub(super) fn mail_server(text: &str) -> Meant<(String, Option<u16>)> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let schemes = [("smtps://", Some(465)), ("smtp://", None)];
    let scheme = schemes.iter().find(|(scheme, _)| lower.starts_with(scheme));
    let (start, implied) = scheme.map_or((0, None), |(scheme, port)| (scheme.len(), *port));
    let rest = text.get(start..).unwrap_or(text).trim_end_matches('/');
    let (host, port) = match rest.rsplit_once(':') {
        // Of an IPv6 address only what stands behind its brackets is a port.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            match port.parse::<u16>() {
                Ok(port) if port > 0 => (host, Some(port)),
                _ => (rest, None),
            }
        }
        _ => (rest, None),
    };
    let is_host = !host.is_empty()
        && !host.contains(|it: char| it.is_whitespace() || matches!(it, '/' | '@' | '?' | '#'));
    let is_host = is_host
        && (!host.contains(':')
            || host.parse::<std::net::Ipv6Addr>().is_ok()
            || host.starts_with('['));
    if !is_host {
        return Meant {
            value: (text.to_owned(), None),
            advice: Some("is no name of a server; it is used as it is"),
        };
    }
    Meant {
        value: (host.to_owned(), port.or(implied)),
        advice: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_taken_from_its_name_or_a_link() {
        for (pasted, channel_id) in [
            ("@foo", "@foo"),
            ("foo", "@foo"),
            (" Foo_1 ", "@Foo_1"),
            ("https://t.me/foo", "@foo"),
            ("http://t.me/foo/", "@foo"),
            ("HTTPS://T.ME/Foo", "@Foo"),
            ("t.me/foo", "@foo"),
            ("www.t.me/foo?x=1", "@foo"),
            ("https://t.me/s/foo", "@foo"),
            ("https://t.me/foo/12", "@foo"),
            ("https://telegram.me/foo", "@foo"),
            ("https://t.me/c/1234567890/5", "-1001234567890"),
            ("-1001234567890", "-1001234567890"),
            ("42", "42"),
        ] {
            let meant = channel(pasted);
            assert_eq!(
                (&meant.value[..], meant.advice),
                (channel_id, None),
                "{pasted}"
            );
        }
    }

    #[test]
    fn a_channel_that_is_not_certain_stays_with_advice() {
        for pasted in [
            "https://t.me/+AbCdEf",
            "https://t.me/joinchat/AbCd",
            "https://t.me/",
            "https://t.me/s/",
            "https://example.org/foo",
            "my channel",
            "@",
            "1foo",
            "@канал",
        ] {
            let meant = channel(pasted);
            assert_eq!(meant.value, pasted);
            assert!(meant.advice.is_some(), "{pasted}");
        }
    }

    #[test]
    fn a_mail_server_is_taken_from_its_address() {
        for (pasted, host, port) in [
            ("smtp.gmail.com", "smtp.gmail.com", None),
            ("smtp.gmail.com:465", "smtp.gmail.com", Some(465)),
            ("smtp://smtp.gmail.com", "smtp.gmail.com", None),
            ("SMTP://smtp.gmail.com:587/", "smtp.gmail.com", Some(587)),
            ("smtps://smtp.gmail.com", "smtp.gmail.com", Some(465)),
            ("smtps://smtp.gmail.com:2465", "smtp.gmail.com", Some(2465)),
            (" localhost:1025 ", "localhost", Some(1025)),
            ("::1", "::1", None),
            ("[::1]:25", "[::1]", Some(25)),
            ("192.0.2.1:25", "192.0.2.1", Some(25)),
        ] {
            let meant = mail_server(pasted);
            assert_eq!(meant.value, (host.to_owned(), port), "{pasted}");
            assert_eq!(meant.advice, None, "{pasted}");
        }
    }

    #[test]
    fn a_mail_server_that_is_not_certain_stays_with_advice() {
        for pasted in [
            "https://smtp.gmail.com",
            "smtp://me:sesame@smtp.gmail.com",
            "smtp.gmail.com:0",
            "smtp.gmail.com:smtp",
            "smtp.gmail.com:99999",
            "smtp gmail com",
            "smtp://",
        ] {
            let meant = mail_server(pasted);
            assert_eq!(meant.value, (pasted.to_owned(), None));
            assert!(meant.advice.is_some(), "{pasted}");
        }
    }
}
