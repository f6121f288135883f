//! One cell: a publish while one call fails in one way, and what came of it.

use libtest_mimic::Failed;
use publisher::domain::{
    ledger::{Entry, EntryState},
    platform::Platform,
};
use publisher_sandbox::Sandbox;

use crate::{
    rows::{DELETE, Failing, Kind, Row},
    stage::{Answer, IMAGE, Stage},
};

/// Runs a cell, and tells its line of the table.
pub(crate) fn run(row: &'static Row, failing: Failing) -> Result<String, Failed> {
    // One thread, whose clock can be moved.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stage = Stage::new(row.kind.is_of_bucket()).await;
        let answer = publish(&stage, row, failing).await;
        let cell = Cell {
            received: received(&stage),
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
    let sandbox = &stage.sandbox;
    let switches = (row.switches)(sandbox);
    let Some(fault) = failing.fault(row.kind) else {
        return publish_while_refused(stage, row.kind).await;
    };
    switches.always(row.operation, fault);
    if failing.is_patient() {
        // Time passes for everybody: the other platform has to be done by then.
        let other = match row.kind {
            Kind::Telegram => Some(Platform::Email),
            Kind::Smtp => Some(Platform::Telegram),
            _ => None,
        };
        let is_calm =
            async || match other {
                Some(other) => stage.entries().await.iter().any(|entry| {
                    entry.platform == Some(other) && entry.state == EntryState::Published
                }),
                None => true,
            };
        let (operation, patience) = (row.operation, row.patience);
        let publish = stage.publish_while_time_passes(switches, operation, patience, is_calm);
        return publish.await;
    }
    stage.publish().await
}

async fn publish_while_refused(stage: &Stage, kind: Kind) -> Answer {
    let Sandbox {
        orchestrator,
        dropbox,
        openai,
        s3,
        telegram,
        smtp,
        ..
    } = &stage.sandbox;
    match kind {
        Kind::Orchestrator => orchestrator.server().stop_listening().await,
        Kind::DropboxEarly => dropbox.server().stop_listening().await,
        Kind::BucketEarly => s3.server().stop_listening().await,
        Kind::OpenAi => openai.server().stop_listening().await,
        Kind::Telegram => telegram.server().stop_listening().await,
        Kind::Smtp => smtp.stop_listening().await,
        Kind::DropboxLate | Kind::BucketLate => {
            let held = telegram.switches().hold("sendPhoto");
            let publish = stage.publish();
            tokio::pin!(publish);
            tokio::select! {
                answer = &mut publish => return answer,
                () = held.arrived(1) => {}
            }
            if kind == Kind::BucketLate {
                s3.server().stop_listening().await;
            } else {
                dropbox.server().stop_listening().await;
            }
            held.release();
            return publish.await;
        }
    }
    stage.publish().await
}

/// How many posts Telegram and the recipient of the mail have.
fn received(stage: &Stage) -> [usize; 2] {
    let recipient = stage.tenant.recipient.as_deref().unwrap_or_default();
    [
        stage.sandbox.telegram.photos().len(),
        stage.sandbox.smtp.mails_to(recipient).len(),
    ]
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

struct Cell {
    answer: Answer,
    calls: usize,
    received: [usize; 2],
    entries: Vec<Entry>,
    place: String,
}

impl Cell {
    /// What holds whatever fails: nothing is sent twice, and neither answer nor ledger lie.
    fn check(&self, row: &Row) -> Result<(), Failed> {
        for (platform, received) in Platform::ALL.into_iter().zip(self.received) {
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
        let platform = |(platform, received): (Platform, usize)| {
            let told = match self.outcome(platform) {
                "" => "–",
                told => told,
            };
            let known = self.known(platform).map_or("no entry", EntryState::as_str);
            format!("{told} → {known}, {received} received")
        };
        let [telegram, email] = [0, 1].map(|it| platform((Platform::ALL[it], self.received[it])));
        let (calls, place) = (self.calls, &self.place);
        format!(
            "| {failing} | {calls} | {} | {telegram} | {email} | {place} |",
            answer.trim_end()
        )
    }
}
