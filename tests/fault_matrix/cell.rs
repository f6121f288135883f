//! One cell: a publish while one call fails in one way, and what came of it.

use std::{cell::Cell, time::Duration};

use libtest_mimic::Failed;
use publisher::domain::{
    ledger::{Entry, EntryState},
    platform::Platform,
};
use publisher_sandbox::{HttpServer, Sandbox, Switches};

use crate::{
    failing::Failing,
    posts::{platforms, received},
    rows::{DELETE, Kind, Row},
    stage::{Answer, IMAGE, Stage},
};

/// The time that passes at once: less than any call may take.
const STEP: Duration = Duration::from_secs(5);

/// Runs a cell, and tells its line of the table.
pub(crate) fn run(row: &'static Row, failing: Failing) -> Result<String, Failed> {
    // One thread, whose clock can be moved.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stage = Stage::new(row.kind.is_of_bucket()).await;
        let answer = publish(&stage, row, failing).await;
        let cell = Outcome {
            received: platforms().map(|it| (it, received(&stage, it))).collect(),
            entries: stage.entries().await,
            calls: (row.switches)(&stage.sandbox).calls(row.operation),
            place: place(&stage),
            answer,
        };
        cell.check(row)?;
        Ok(cell.line(&failing.name(row.kind)))
    })
}

async fn publish(stage: &Stage, row: &Row, failing: Failing) -> Answer {
    let switches = (row.switches)(&stage.sandbox);
    (row.before)(&stage.sandbox);
    let fault = match failing {
        // There is no body that could be slow, and time must not pass once the answer is there.
        Failing::Slow if row.operation == "head" => Failing::Silence.fault(row.kind),
        _ => failing.fault(row.kind),
    };
    let is_refused = fault.is_none();
    if let Some(fault) = fault {
        switches.always(row.operation, fault);
    }
    let others = Others::of(row.kind.platform());
    match row.kind.platform() {
        // Where a post is looked for, there are waits of half a minute.
        Some(Platform::Mastodon | Platform::Bluesky) => {
            let hanging = Cell::new(0);
            let next = async || {
                if !stage.is_quiet().await || !others.are_waited_for(stage).await {
                    return None;
                }
                stage.has_written().await;
                // A call that hangs does so until the service has had enough of it.
                let calls = switches.calls(row.operation);
                let hangs = failing.is_patient() && calls > hanging.replace(calls);
                Some(if hangs { row.patience } else { STEP })
            };
            if is_refused {
                let publish = publish_while_refused(stage, row.kind);
                stage.while_time_stands_still(publish, next).await
            } else {
                stage.while_time_stands_still(stage.publish(), next).await
            }
        }
        _ if is_refused => publish_while_refused(stage, row.kind).await,
        // Time passes for everybody: the other platforms have to be done by then.
        _ if failing.is_patient() => {
            // A connection to the mail server is begun while the models are at work.
            let is_quiet = async || row.kind != Kind::OpenAi || stage.is_quiet().await;
            let is_calm = async || others.have_it(stage).await && is_quiet().await;
            let (operation, patience) = (row.operation, row.patience);
            let publish = stage.publish_while_time_passes(switches, operation, patience, is_calm);
            publish.await
        }
        _ => stage.publish().await,
    }
}

/// The platforms that are well.
struct Others(Vec<Platform>);

impl Others {
    /// All but the one that fails; if none does, none is waited for.
    fn of(failing: Option<Platform>) -> Self {
        Self(match failing {
            None => Vec::new(),
            Some(failing) => platforms().filter(|it| *it != failing).collect(),
        })
    }

    /// Whether all of them have the image.
    async fn have_it(&self, stage: &Stage) -> bool {
        self.are_published(&stage.entries().await)
    }

    /// Whether the one that fails waits alone: before anything is sent, or once the others have the image.
    async fn are_waited_for(&self, stage: &Stage) -> bool {
        let entries = stage.entries().await;
        entries.is_empty() || self.are_published(&entries)
    }

    fn are_published(&self, entries: &[Entry]) -> bool {
        self.0.iter().all(|platform| {
            let of = |it: &Entry| it.platform == Some(*platform);
            let is_published = |it: &Entry| it.state == EntryState::Published;
            entries.iter().any(|it| of(it) && is_published(it))
        })
    }
}

async fn publish_while_refused(stage: &Stage, kind: Kind) -> Answer {
    let Sandbox {
        orchestrator,
        dropbox,
        openai,
        s3,
        telegram,
        smtp,
        mastodon,
        bluesky,
        ..
    } = &stage.sandbox;
    match kind {
        Kind::Orchestrator => orchestrator.server().stop_listening().await,
        Kind::DropboxEarly => dropbox.server().stop_listening().await,
        Kind::BucketEarly => s3.server().stop_listening().await,
        Kind::OpenAi => openai.server().stop_listening().await,
        Kind::Telegram => telegram.server().stop_listening().await,
        Kind::Smtp => smtp.stop_listening().await,
        Kind::Mastodon => mastodon.server().stop_listening().await,
        Kind::Bluesky | Kind::BlueskySession => bluesky.server().stop_listening().await,
        Kind::DropboxLate => {
            return refuse_once(telegram.switches(), "sendPhoto", stage, dropbox.server()).await;
        }
        Kind::BucketLate => {
            return refuse_once(telegram.switches(), "sendPhoto", stage, s3.server()).await;
        }
        Kind::MastodonLate => {
            let server = mastodon.server();
            return refuse_once(mastodon.switches(), "post_status", stage, server).await;
        }
        Kind::BlueskyLate => {
            let server = bluesky.server();
            return refuse_once(bluesky.switches(), "createRecord", stage, server).await;
        }
    }
    stage.publish().await
}

/// A server listens until somebody has the post, and no longer.
async fn refuse_once(
    switches: &Switches,
    operation: &str,
    stage: &Stage,
    server: &HttpServer,
) -> Answer {
    let held = switches.hold(operation);
    let publish = stage.publish();
    tokio::pin!(publish);
    tokio::select! {
        answer = &mut publish => return answer,
        () = held.arrived(1) => {}
    }
    server.stop_listening().await;
    held.release();
    publish.await
}

/// Where image and sidecar are.
fn place(stage: &Stage) -> String {
    let paths = if stage.tenant.is_managed {
        stage.sandbox.s3.keys()
    } else {
        stage.sandbox.dropbox.paths(&stage.tenant.name)
    };
    let text = IMAGE.replace(".jpg", ".txt");
    let root = &stage.tenant.root;
    let of = |file: &str| {
        let at = |folder: &str| paths.contains(&format!("{root}{folder}/{file}"));
        match (at(""), at("/archive")) {
            (true, false) => "in its place",
            (false, true) => "archived",
            (false, false) => "nowhere",
            (true, true) => "in two places",
        }
    };
    match (of(IMAGE), of(&text)) {
        (image, "nowhere") => format!("{image}, no sidecar"),
        (image, text) if image == text => format!("{image}, sidecar too"),
        (image, text) => format!("{image}, sidecar {text}"),
    }
}

struct Outcome {
    answer: Answer,
    calls: usize,
    received: Vec<(Platform, usize)>,
    entries: Vec<Entry>,
    place: String,
}

impl Outcome {
    /// What holds whatever fails: nothing is sent twice, and neither answer nor ledger lie.
    fn check(&self, row: &Row) -> Result<(), Failed> {
        for &(platform, received) in &self.received {
            if received > 1 {
                return Err(format!("{platform}: received {received} times").into());
            }
            let told = self.outcome(platform);
            let known = self.known(platform);
            let is_true = match known {
                None | Some(EntryState::Failed) => received == 0,
                Some(EntryState::Published) => received == 1,
                Some(EntryState::Unknown) => received <= 1,
                Some(EntryState::InProgress | EntryState::Skipped) => false,
            };
            if !is_true {
                return Err(format!("{platform}: {known:?}, but received {received}").into());
            }
            // Another platform's fault is not its own.
            let is_failing = row.kind.platform() == Some(platform);
            let may_doubt = is_failing && !row.kind.can_be_asked();
            if known == Some(EntryState::Unknown) && !may_doubt {
                return Err(format!("{platform}: unknown, but could be asked").into());
            }
            // What is skipped is not written down: nothing was about to be sent.
            let expected = known.map_or("skipped", EntryState::as_str);
            if !told.is_empty() && told != expected {
                return Err(format!("{platform}: told {told}, but known as {known:?}").into());
            }
        }
        let is_twice = self.place.contains("two places") && row.operation != DELETE;
        if is_twice || self.place.starts_with("nowhere") {
            return Err(format!("the image is {}", self.place).into());
        }
        Ok(())
    }

    fn outcome(&self, platform: Platform) -> &str {
        let result = &self.answer.document["results"][platform.as_str()];
        result["outcome"].as_str().unwrap_or_default()
    }

    fn known(&self, platform: Platform) -> Option<EntryState> {
        let entry = self
            .entries
            .iter()
            .find(|it| it.platform == Some(platform))?;
        Some(entry.state)
    }

    fn line(&self, failing: &str) -> String {
        let kind = self.answer.document["type"].as_str().unwrap_or_default();
        let kind = kind.trim_start_matches("/problems/");
        let status = self.answer.status;
        let answer = format!("{status} {kind}");
        let platform = |(platform, received): &(Platform, usize)| {
            let told = match self.outcome(*platform) {
                "" => "–",
                told => told,
            };
            let known = self.known(*platform).map_or("no entry", EntryState::as_str);
            format!("{told} → {known}, {received} received")
        };
        let platforms: Vec<_> = self.received.iter().map(platform).collect();
        let (calls, place) = (self.calls, &self.place);
        format!(
            "| {failing} | {calls} | {} | {} | {place} |",
            answer.trim_end(),
            platforms.join(" | ")
        )
    }
}
