//! The calls that are made to fail, and the ways in which they fail.

use std::time::Duration;

use publisher_sandbox::{Fault, Sandbox, Switches, Telegram};
use serde_json::json;

/// A call of the service to one of its upstreams.
pub(crate) struct Row {
    pub(crate) title: &'static str,
    pub(crate) switches: fn(&Sandbox) -> &Switches,
    pub(crate) operation: &'static str,
    /// Longer than the service waits for one attempt.
    pub(crate) patience: Duration,
    pub(crate) kind: Kind,
}

/// What makes a difference between upstreams here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Orchestrator,
    /// Refuses connections from the start.
    DropboxEarly,
    /// Refuses connections only once Telegram has the photo.
    DropboxLate,
    /// As [`Kind::DropboxEarly`], of the bucket of a tenant that has one instead.
    BucketEarly,
    /// As [`Kind::DropboxLate`].
    BucketLate,
    OpenAi,
    Telegram,
    Smtp,
}

const fn row(
    title: &'static str,
    switches: fn(&Sandbox) -> &Switches,
    operation: &'static str,
    patience: u64,
    kind: Kind,
) -> Row {
    Row {
        title,
        switches,
        operation,
        patience: Duration::from_secs(patience),
        kind,
    }
}

/// The call without which what was copied is in two places: the next publish makes it.
pub(crate) const DELETE: &str = "delete";

pub(crate) const ROWS: [Row; 16] = [
    row(
        "Orchestrator: the tenant's config",
        orchestrator,
        "by_host",
        6,
        Kind::Orchestrator,
    ),
    row(
        "Orchestrator: the storage credential",
        orchestrator,
        "resolve",
        6,
        Kind::Orchestrator,
    ),
    row(
        "Dropbox: finding the image",
        dropbox,
        "get_metadata",
        11,
        Kind::DropboxEarly,
    ),
    row(
        "Dropbox: fetching the image",
        dropbox,
        "download",
        61,
        Kind::DropboxEarly,
    ),
    row("OpenAI: vision", openai, "vision", 61, Kind::OpenAi),
    row("OpenAI: captions", openai, "caption", 61, Kind::OpenAi),
    row(
        "Telegram: the photo",
        telegram,
        "sendPhoto",
        61,
        Kind::Telegram,
    ),
    row("E-mail: the recipient", smtp, "RCPT", 11, Kind::Smtp),
    row(
        "E-mail: the end of the message",
        smtp,
        "DATA_END",
        61,
        Kind::Smtp,
    ),
    row(
        "Dropbox: writing the sidecar",
        dropbox,
        "upload",
        61,
        Kind::DropboxLate,
    ),
    row(
        "Dropbox: moving to the archive",
        dropbox,
        "move_v2",
        11,
        Kind::DropboxLate,
    ),
    row("S3: finding files", s3, "head", 11, Kind::BucketEarly),
    row("S3: fetching files", s3, "get", 61, Kind::BucketEarly),
    row("S3: writing the sidecar", s3, "put", 61, Kind::BucketLate),
    row(
        "S3: copying to the archive",
        s3,
        "copy",
        61,
        Kind::BucketLate,
    ),
    row(
        "S3: deleting what was copied",
        s3,
        DELETE,
        11,
        Kind::BucketLate,
    ),
];

fn orchestrator(sandbox: &Sandbox) -> &Switches {
    sandbox.orchestrator.switches()
}

fn dropbox(sandbox: &Sandbox) -> &Switches {
    sandbox.dropbox.switches()
}

fn s3(sandbox: &Sandbox) -> &Switches {
    sandbox.s3.server().switches()
}

fn openai(sandbox: &Sandbox) -> &Switches {
    sandbox.openai.switches()
}

fn telegram(sandbox: &Sandbox) -> &Switches {
    sandbox.telegram.switches()
}

fn smtp(sandbox: &Sandbox) -> &Switches {
    sandbox.smtp.switches()
}

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

impl Kind {
    /// Whether the tenant has a bucket.
    pub(crate) fn is_of_bucket(self) -> bool {
        matches!(self, Self::BucketEarly | Self::BucketLate)
    }
}

impl Failing {
    /// Can calls of this kind fail so? Between us and a mail server there is no gateway that answers. A write to a
    /// bucket is answered in a few bytes: whether a slow answer is late differs from run to run.
    pub(crate) fn is_for(self, kind: Kind) -> bool {
        match self {
            Self::Gateway(_) | Self::GatewayJson(_) | Self::Status(408) => kind != Kind::Smtp,
            Self::Slow => kind != Kind::BucketLate,
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
            Self::LimitedWithHint => Fault::status(429).with_header("retry-after", "1"),
            Self::Status(status) if kind == Kind::Telegram => {
                Telegram::refusal(status, "as the test wants")
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
