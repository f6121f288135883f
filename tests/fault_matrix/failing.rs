//! The ways in which calls are made to fail.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use publisher_sandbox::{Bluesky, Fault, Mastodon, Telegram};
use serde_json::json;

use crate::rows::Kind;

/// A way to fail: every call of the row fails like this, however often it is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failing {
    Refused,
    ResetBefore,
    ResetAfter,
    Silence,
    Status(u16),
    LimitedWithHint,
    /// A gateway answers so after the request has been passed on and done, in HTML.
    Gateway(u16),
    /// The same in the upstream's own words.
    GatewayJson(u16),
    Malformed,
    Slow,
}

pub(crate) const FAILINGS: [Failing; 19] = [
    Failing::Refused,
    Failing::ResetBefore,
    Failing::ResetAfter,
    Failing::Silence,
    Failing::Status(400),
    Failing::Status(401),
    Failing::Status(403),
    Failing::Status(404),
    Failing::Status(409),
    Failing::LimitedWithHint,
    Failing::Status(429),
    Failing::Status(500),
    Failing::Status(408),
    Failing::Gateway(502),
    Failing::Gateway(504),
    Failing::GatewayJson(502),
    Failing::GatewayJson(504),
    Failing::Malformed,
    Failing::Slow,
];

impl Failing {
    /// Can calls of this kind fail so? Between us and a mail server there is no gateway that answers. A write to a
    /// bucket is answered in a few bytes: whether a slow answer is late differs from run to run. A session is refreshed
    /// only at a server that has just answered.
    pub(crate) fn is_for(self, kind: Kind) -> bool {
        match self {
            Self::Gateway(_) | Self::GatewayJson(_) | Self::Status(408) => kind != Kind::Smtp,
            Self::Slow => kind != Kind::BucketLate,
            Self::Refused => kind != Kind::BlueskySession,
            _ => true,
        }
    }

    pub(crate) fn name(self, kind: Kind) -> String {
        match self {
            Self::Refused => "connection refused".to_owned(),
            Self::ResetBefore => "reset before the request".to_owned(),
            Self::ResetAfter => "reset after the request".to_owned(),
            Self::Silence => "time-out after the request".to_owned(),
            Self::Slow => "slow body".to_owned(),
            Self::Malformed => "malformed body".to_owned(),
            Self::LimitedWithHint | Self::Status(_) if kind == Kind::Smtp => {
                let (code, text) = self.reply();
                format!("{code} {text}")
            }
            Self::LimitedWithHint => "429, wait 1 s".to_owned(),
            Self::Status(status) => status.to_string(),
            Self::Gateway(status) => format!("{status} of a gateway, HTML, once it was done"),
            Self::GatewayJson(status) => format!("{status} of a gateway, JSON, once it was done"),
        }
    }

    /// Does it take time to fail?
    pub(crate) fn is_patient(self) -> bool {
        matches!(self, Self::Silence | Self::Slow)
    }

    /// `None`: nobody listens.
    pub(crate) fn fault(self, kind: Kind) -> Option<Fault> {
        Some(match self {
            Self::Refused => return None,
            Self::ResetBefore => Fault::ResetBeforeRequest,
            Self::ResetAfter => Fault::ResetAfterRequest,
            Self::Silence => Fault::TimeoutAfterProcessing,
            Self::Slow => Fault::SlowBody {
                chunk_bytes: 16,
                delay: Duration::from_secs(100),
            },
            Self::Malformed => Fault::MalformedBody,
            Self::LimitedWithHint | Self::Status(_) if kind == Kind::Smtp => {
                let (code, text) = self.reply();
                Fault::text(code, text)
            }
            Self::LimitedWithHint if kind == Kind::Telegram => Telegram::rate_limited(1),
            Self::LimitedWithHint if kind.is_mastodon() => Mastodon::rate_limited(in_a_second()),
            Self::LimitedWithHint if kind.is_bluesky() => {
                Bluesky::rate_limited(in_a_second().try_into().unwrap())
            }
            Self::LimitedWithHint => Fault::status(429).with_header("retry-after", "1"),
            Self::Status(status) if kind == Kind::Telegram => {
                Telegram::refusal(status, "as the test wants")
            }
            Self::Status(status) if kind.is_bluesky() => {
                Bluesky::refusal(status, "AsTheTestWants", "as the test wants")
            }
            Self::Status(status) => Fault::json(status, &json!({"error": "as the test wants"})),
            Self::Gateway(status) => {
                Fault::text(status, "<html>Bad Gateway</html>").after_processing()
            }
            Self::GatewayJson(status) if kind == Kind::Telegram => {
                Telegram::refusal(status, "Bad Gateway").after_processing()
            }
            Self::GatewayJson(status) => {
                Fault::json(status, &json!({"error": "Bad Gateway"})).after_processing()
            }
        })
    }

    /// What a mail server says where others have a status.
    fn reply(self) -> (u16, &'static str) {
        match self {
            Self::LimitedWithHint => (421, "4.7.0 try again later"),
            Self::Status(400) => (501, "5.5.4 syntax error"),
            Self::Status(401) => (530, "5.7.0 authentication required"),
            Self::Status(403) => (550, "5.7.1 not permitted"),
            Self::Status(404) => (550, "5.1.1 no such mailbox"),
            Self::Status(409) => (552, "5.3.4 too large"),
            Self::Status(429) => (451, "4.3.0 try again later"),
            _ => (554, "5.0.0 failed"),
        }
    }
}

/// In Unix seconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the service compares it with its own clock"
)]
fn in_a_second() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap() + 1
}
