//! Advice on a mail server's refusals. Used by this folder's adapter.
//!
//! Codes are those of RFC 3463 and of what Google, Microsoft, Yahoo, Apple, Postfix and Exim make of
//! them; where a code says too little, their words do.

use super::{reply::Reply, stage::Stage};

/// The known kinds of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    AppPassword,
    /// The password is wrong, or one of the account where an app's is wanted: the server does not say.
    Password,
    AuthIsOff,
    WrongLogin,
    Greylisted,
    UnknownRecipient,
    MailboxFull,
    SenderNotAllowed,
    TooLarge,
    TooMany,
    DailyLimit,
    Blocked,
}

impl Kind {
    /// The advice.
    pub(super) const fn advice(self) -> &'static str {
        match self {
            Self::AppPassword => {
                "an app password is required: make one in the settings of the mail account, and use it \
                 in place of the account's own password"
            }
            Self::Password => {
                "the password may be wrong, or an app password is needed: make one in the settings of \
                 the mail account, and use it in place of the account's own password"
            }
            Self::AuthIsOff => {
                "SMTP AUTH is off for this mailbox: turn on `Authenticated SMTP` for it in the \
                 administration of the mail service"
            }
            Self::WrongLogin => {
                "check the mail server's user name and password: the password may be wrong, or an app \
                 password is needed"
            }
            Self::Greylisted => {
                "greylisted: the server takes mail from senders it does not know yet only when it is \
                 sent again later; try again in some minutes"
            }
            Self::UnknownRecipient => "the recipient is unknown there: check the address",
            Self::MailboxFull => "the recipient's mailbox is full: try again when there is room",
            Self::SenderNotAllowed => {
                "the login may not send from this address: set `from_email` to one of the account's own"
            }
            Self::TooLarge => "the message is too large for the server",
            Self::DailyLimit => {
                "the account has reached what it may send in a day: publish again tomorrow, or use an \
                 account that may send more"
            }
            Self::Blocked => {
                "the server takes no mail from the address that this service sends from, because a list \
                 blocks it: have it taken off that list, or send by the mail server of the account's own \
                 provider"
            }
            Self::TooMany => "the server is busy or limits connections and mails: try again later",
        }
    }
}

/// The kind of a refusal at this stage, if it is known.
pub(super) fn kind(stage: Stage, host: &str, reply: &Reply) -> Option<Kind> {
    let (code, text) = (reply.code(), reply.text().to_lowercase());
    let enhanced = reply.enhanced_code().unwrap_or_default();
    // What the code is about, whether for now or for good.
    let subject = enhanced.split_once('.').map_or("", |(_, rest)| rest);
    let says = |words: &[&str]| words.iter().any(|words| text.contains(words));
    if stage == Stage::Login {
        return login(host, code, enhanced, &says);
    }
    if subject == "4.5"
        || says(&[
            "daily user sending",
            "daily sending",
            "daily limit",
            "sending limit",
            "sending quota",
        ])
    {
        return Some(Kind::DailyLimit);
    }
    if says(&[
        "spamhaus",
        "spamcop",
        "barracuda",
        "blocklist",
        "block list",
        "blacklist",
        "black list",
        "dnsbl",
        " rbl",
        "blocked using",
        "poor reputation",
        "bad reputation",
        "low reputation",
    ]) {
        return Some(Kind::Blocked);
    }
    if says(&[
        "greylist",
        "graylist",
        "grey-list",
        "gray-list",
        "grey list",
        "postgrey",
    ]) || (matches!(code, 450 | 451) && subject == "7.1")
    {
        return Some(Kind::Greylisted);
    }
    if matches!(subject, "3.4" | "2.3")
        || (matches!(code, 452 | 552 | 554) && says(&["message size", "too large", "too big"]))
    {
        return Some(Kind::TooLarge);
    }
    if subject == "2.2"
        || says(&[
            "mailbox full",
            "mailbox is full",
            "over quota",
            "overquota",
            "quota exceeded",
        ])
        || (matches!(code, 452 | 552) && matches!(subject, "" | "3.1"))
    {
        return Some(Kind::MailboxFull);
    }
    if says(&[
        "sender address rejected",
        "not owned by user",
        "sendasdenied",
        "send as this sender",
        "not allowed to send",
        "5.7.60",
    ]) || (code == 553 && stage == Stage::Sender)
        || (matches!(code, 550 | 553) && stage == Stage::Sender && subject == "1.8")
    {
        return Some(Kind::SenderNotAllowed);
    }
    if matches!(subject, "1.1" | "1.10" | "1.2" | "1.3")
        || (code >= 500
            && says(&[
                "user unknown",
                "unknown user",
                "no such user",
                "no such recipient",
                "recipient unknown",
                "unknown recipient",
                "mailbox not found",
                "no mailbox here",
                "mailbox unavailable",
                "does not exist",
                "user not found",
            ]))
    {
        return Some(Kind::UnknownRecipient);
    }
    let is_limit = says(&["too many", "too much", "rate limit", "concurrent"]);
    (code == 421 || (code < 500 && is_limit)).then_some(Kind::TooMany)
}

fn login(host: &str, code: u16, enhanced: &str, says: &dyn Fn(&[&str]) -> bool) -> Option<Kind> {
    if says(&[
        "smtpclientauthentication is disabled",
        "basic authentication is disabled",
    ]) {
        return Some(Kind::AuthIsOff);
    }
    if says(&["credentials were incorrect"]) {
        return Some(Kind::WrongLogin);
    }
    if enhanced == "5.7.139" {
        return Some(Kind::AuthIsOff);
    }
    if matches!((code, enhanced), (534, _) | (535, "5.7.9"))
        || says(&[
            "application-specific",
            "app-specific",
            "app password",
            "invalidsecondfactor",
        ])
    {
        return Some(Kind::AppPassword);
    }
    if says(&[
        // Google's words and page for a password that is wrong, or not an app's.
        "username and password not accepted",
        "badcredentials",
        // Yahoo's.
        "#auth005",
        "#mbr1212",
        "(#auth",
    ]) {
        return Some(Kind::Password);
    }
    match code {
        421 | 450..=454 => Some(Kind::TooMany),
        535 if wants_app_passwords(host) => Some(Kind::Password),
        535 => Some(Kind::WrongLogin),
        _ => None,
    }
}

/// Whether a mail server requires app passwords.
fn wants_app_passwords(host: &str) -> bool {
    const DOMAINS: [&str; 7] = [
        "gmail.com",
        "googlemail.com",
        "me.com",
        "icloud.com",
        "yahoo.com",
        "yahoo.co.jp",
        "aol.com",
    ];
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let is_of = |domain: &&str| {
        let rest = host.strip_suffix(domain);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    DOMAINS.iter().any(is_of)
}
