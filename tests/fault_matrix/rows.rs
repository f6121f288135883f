//! The calls that are made to fail.

use std::{collections::BTreeMap, time::Duration};

use publisher::domain::platform::Platform;
use publisher_sandbox::{Bluesky, Fault, Processing, Sandbox, Switches};

use crate::posts::platforms;

/// A call of the service to one of its upstreams.
pub(crate) struct Row {
    pub(crate) title: &'static str,
    pub(crate) switches: fn(&Sandbox) -> &Switches,
    pub(crate) operation: &'static str,
    /// Longer than the service waits for one attempt.
    pub(crate) patience: Duration,
    pub(crate) kind: Kind,
    /// What happens for the call to be made at all.
    pub(crate) before: fn(&Sandbox),
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
    /// Refuses connections from the start.
    Mastodon,
    /// A question about a post whose answer was lost. Refuses connections only once it has the post.
    MastodonLate,
    /// As [`Kind::Mastodon`].
    Bluesky,
    /// As [`Kind::Bluesky`], of a session that has run out.
    BlueskySession,
    /// As [`Kind::MastodonLate`].
    BlueskyLate,
}

impl Kind {
    /// Whether the tenant has a bucket.
    pub(crate) fn is_of_bucket(self) -> bool {
        matches!(self, Self::BucketEarly | Self::BucketLate)
    }

    pub(crate) fn is_mastodon(self) -> bool {
        matches!(self, Self::Mastodon | Self::MastodonLate)
    }

    pub(crate) fn is_bluesky(self) -> bool {
        matches!(
            self,
            Self::Bluesky | Self::BlueskySession | Self::BlueskyLate
        )
    }

    /// The platform that is called.
    pub(crate) fn platform(self) -> Option<Platform> {
        match self {
            Self::Telegram => Some(Platform::Telegram),
            Self::Smtp => Some(Platform::Email),
            _ if self.is_mastodon() => Some(Platform::Mastodon),
            _ if self.is_bluesky() => Some(Platform::Bluesky),
            _ => None,
        }
    }

    /// Whether a platform that is called so can be asked what it has, so that nothing stays unknown.
    pub(crate) fn can_be_asked(self) -> bool {
        matches!(self, Self::Mastodon | Self::Bluesky | Self::BlueskySession)
    }
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
        before: |_| {},
    }
}

impl Row {
    const fn after(self, before: fn(&Sandbox)) -> Self {
        Self { before, ..self }
    }
}

/// The call without which what was copied is in two places: the next publish makes it.
pub(crate) const DELETE: &str = "delete";

pub(crate) const ROWS: [Row; 29] = [
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
        "OpenAI: shortening captions",
        openai,
        "condense",
        11,
        Kind::OpenAi,
    )
    .after(|sandbox| {
        let captions = platforms().map(|it| (it.as_str(), "A caption without end. ".repeat(100)));
        let captions: BTreeMap<_, _> = captions.collect();
        let answer = serde_json::json!({ "captions": captions }).to_string();
        sandbox.openai.answer_captions_with(Some(&answer));
    }),
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
        "Mastodon: the instance's limits",
        mastodon,
        "instance",
        16,
        Kind::Mastodon,
    ),
    row(
        "Mastodon: uploading the image",
        mastodon,
        "upload_media",
        61,
        Kind::Mastodon,
    ),
    row(
        "Mastodon: waiting for the image",
        mastodon,
        "get_media",
        16,
        Kind::Mastodon,
    )
    .after(|sandbox| sandbox.mastodon.set_processing(Processing::After(2))),
    row(
        "Mastodon: the post",
        mastodon,
        "post_status",
        31,
        Kind::Mastodon,
    ),
    row(
        "Mastodon: asking for the image of a post in doubt",
        mastodon,
        "get_media",
        16,
        Kind::MastodonLate,
    )
    .after(lose_status),
    row(
        "Mastodon: asking for the account of a post in doubt",
        mastodon,
        "verify_credentials",
        16,
        Kind::MastodonLate,
    )
    .after(lose_status),
    row(
        "Mastodon: asking for a post in doubt",
        mastodon,
        "list_statuses",
        16,
        Kind::MastodonLate,
    )
    .after(lose_status),
    row(
        "Bluesky: logging in",
        bluesky,
        "createSession",
        21,
        Kind::Bluesky,
    ),
    row(
        "Bluesky: a new session for one that has run out",
        bluesky,
        "refreshSession",
        21,
        Kind::BlueskySession,
    )
    .after(|sandbox| {
        let expired = Bluesky::refusal(400, "ExpiredToken", "Token has expired");
        sandbox.bluesky.switches().inject("uploadBlob", expired);
    }),
    row(
        "Bluesky: uploading the image",
        bluesky,
        "uploadBlob",
        61,
        Kind::Bluesky,
    ),
    row(
        "Bluesky: the post",
        bluesky,
        "createRecord",
        21,
        Kind::Bluesky,
    ),
    row(
        "Bluesky: asking for a post in doubt",
        bluesky,
        "getRecord",
        21,
        Kind::BlueskyLate,
    )
    .after(|sandbox| {
        let switches = sandbox.bluesky.switches();
        switches.inject("createRecord", Fault::ResetAfterRequest);
    }),
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

fn mastodon(sandbox: &Sandbox) -> &Switches {
    sandbox.mastodon.switches()
}

/// The post is taken, and nobody hears of it.
fn lose_status(sandbox: &Sandbox) {
    let switches = sandbox.mastodon.switches();
    switches.inject("post_status", Fault::ResetAfterRequest);
}

fn bluesky(sandbox: &Sandbox) -> &Switches {
    sandbox.bluesky.switches()
}

fn smtp(sandbox: &Sandbox) -> &Switches {
    sandbox.smtp.switches()
}
