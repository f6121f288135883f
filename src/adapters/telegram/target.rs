//! Where a tenant's images go on Telegram: its channel, and the bot that posts there.
//!
//! Channels and tokens are taken as people paste them. What is meant is taken where it is certain; the
//! rest is used as it is, with advice.

use serde_json::{Value, json};

use crate::domain::{
    caption::{CaptionRules, CaptionUnit, HashtagPolicy},
    caption_style::BuiltInStyle,
    config_block::FieldProblem,
    credential::provider_credential,
    platform::{ImageLimits, Platform},
    platform_spec::{Entries, Target},
    secret::{CredentialsRef, Secret, SecretProblem, trim_pasted},
};

provider_credential! {
    /// What Telegram is published to with.
    pub struct TelegramCredential of "telegram" {
        /// The bot's token. It is in Telegram's URLs, so that these are never shown.
        bot_token: "TELEGRAM_BOT_TOKEN" (bot_token, bot_token_problem),
    }
}

/// A channel, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelegramTarget {
    credentials_ref: CredentialsRef,
    /// The channel, by number or `@name`.
    pub channel_id: String,
}

impl Target for TelegramTarget {
    const PLATFORM: Platform = Platform::Telegram;
    const TYPES: &'static [&'static str] = &["telegram"];
    const FIELDS: &'static [&'static str] = &["channel_id"];
    const CAPTION: CaptionRules = CaptionRules {
        limit: 1024,
        unit: CaptionUnit::Utf16,
        max_bytes: None,
        link_length: None,
        hashtags: HashtagPolicy::Tenant,
        plain_ascii_line: false,
        words: None,
    };
    const CAPTION_STYLE: Option<BuiltInStyle> =
        Some(BuiltInStyle::new(include_str!("caption_style.md")));
    /// What the Bot API takes as a photo.
    const IMAGE_LIMITS: Option<ImageLimits> = Some(ImageLimits {
        max_side_sum: Some(10_000),
        max_ratio: Some(20),
        ..ImageLimits::of_bytes(10 * 1024 * 1024)
    });
    type Credential = TelegramCredential;

    fn read(entries: Entries<'_>, warnings: &mut Vec<FieldProblem>) -> Option<Self> {
        entries.first(warnings, |entry, config, warnings| {
            let reference = entry.required_text("credentials_ref");
            let channel_id = match config.field("channel_id") {
                Some(Value::String(name)) if !name.trim().is_empty() => {
                    let channel = channel(name);
                    if channel.is_none() {
                        let path = config.path_of("channel_id");
                        warnings.push(FieldProblem::advice(path, UNCERTAIN));
                    }
                    Some(channel.unwrap_or_else(|| name.trim().to_owned()))
                }
                Some(Value::Number(number)) if number.is_i64() || number.is_u64() => {
                    Some(number.to_string())
                }
                _ => {
                    config.reject("channel_id", "must be a non-empty string or an integer");
                    None
                }
            };
            Some(Self {
                credentials_ref: CredentialsRef::new(reference?)?,
                channel_id: channel_id?,
            })
        })
    }

    fn credentials_ref(&self) -> &CredentialsRef {
        &self.credentials_ref
    }

    fn config(&self) -> Value {
        json!({ "channel_id": self.channel_id })
    }
}

const UNCERTAIN: &str =
    "is neither a channel's number nor its @name nor a link to a public one; it is used as it is";

/// The hosts of links to channels.
const LINKS: [&str; 3] = ["t.me/", "telegram.me/", "telegram.dog/"];

/// The channel by its number or @name, of those or of a link to it; `None` where that is not certain.
fn channel(text: &str) -> Option<String> {
    let text = text.trim();
    if text.parse::<i64>().is_ok() {
        return Some(text.to_owned());
    }
    let name = text.strip_prefix('@').unwrap_or(text);
    if is_name(name) {
        return Some(format!("@{name}"));
    }
    linked(text)
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

/// Without the `bot` that stands before it in addresses, and without blanks.
fn bot_token(text: &str) -> Option<Secret> {
    let compact = text
        .chars()
        .filter(|it| !trim_pasted(it.encode_utf8(&mut [0; 4])).is_empty());
    let compact = Secret::new(compact.collect());
    let whole = compact.expose();
    let is_named = whole
        .get(..3)
        .is_some_and(|it| it.eq_ignore_ascii_case("bot"));
    let token = whole.get(3..).filter(|_| is_named).unwrap_or(whole);
    (token != text && is_bot_token(token)).then(|| Secret::new(token.to_owned()))
}

/// What looks wrong with a token.
fn bot_token_problem(text: &str) -> Option<SecretProblem> {
    (!is_bot_token(text)).then_some(SecretProblem::Suspicious(
        "does not look like a bot's token, which is a number, a colon, and letters: copy it from \
         @BotFather",
    ))
}

fn is_bot_token(text: &str) -> bool {
    text.split_once(':').is_some_and(|(id, rest)| {
        let is_id = !id.is_empty() && id.bytes().all(|it| it.is_ascii_digit());
        let is_letter = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_');
        is_id && !rest.is_empty() && rest.bytes().all(is_letter)
    })
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
            assert_eq!(channel(pasted).as_deref(), Some(channel_id), "{pasted}");
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
            assert_eq!(channel(pasted), None, "{pasted}");
        }
    }

    #[test]
    fn a_token_is_taken_out_of_what_was_pasted_with_it() {
        for pasted in [
            "bot123:AAb-c_d",
            "Bot123:AAb-c_d",
            "123: AAb-c_d",
            "123:AAb -c_d",
            "bot 123:AAb-\u{200b}c_d",
            "123:AAb-\nc_d",
        ] {
            let token = bot_token(pasted).unwrap();
            assert_eq!(token.expose(), "123:AAb-c_d", "{pasted:?}");
        }
        assert!(bot_token("123:AAb-c_d").is_none());
        assert_eq!(bot_token_problem("123:abc"), None);
    }

    #[test]
    fn what_is_no_token_stays_and_is_doubted() {
        for pasted in [
            "robot123", "bot", "a token", "123:", "12x:abc", "1:a/b", "é",
        ] {
            assert!(bot_token(pasted).is_none(), "{pasted}");
            assert!(bot_token_problem(pasted).is_some(), "{pasted}");
        }
    }
}
