//! Events as the text of a stream. JSON is written without line breaks, so that each event has one line of data.

use bytes::Bytes;
use poem_openapi::types::ToJSON as _;
use serde_json::json;

use crate::{
    app::{http::dto::jobs, runtime::event_hub::EventFormat},
    domain::{
        job::{JobEvent, JobEventKind, JobEventNumber, StageEvent},
        platform::Platform,
    },
};

/// How events are written.
pub(super) const FORMAT: EventFormat = EventFormat {
    event,
    reset,
    begin,
};

/// A comment, which clients ignore.
pub(super) const COMMENT: Bytes = Bytes::from_static(b":\n\n");

fn event(event: &JobEvent) -> Bytes {
    let JobEvent { number, kind } = event;
    match kind {
        JobEventKind::Job(job) => {
            let data = jobs::Job::from((**job).clone()).to_json_string();
            written(*number, "job", &data)
        }
        JobEventKind::Stage(stage) => written(*number, "stage", &stage_data(stage)),
    }
}

fn stage_data(event: &StageEvent) -> String {
    let StageEvent {
        job,
        image,
        platform,
        stage,
    } = event;
    json!({
        "job_id": job.map(|id| id.to_string()),
        "filename": image.as_str(),
        "platform": platform.map(Platform::as_str),
        "stage": stage.as_str(),
    })
    .to_string()
}

fn reset(number: JobEventNumber) -> Bytes {
    written(number, "reset", "{}")
}

/// An event without data is none for the client, but it remembers the number: one that is cut off before anything happens
/// misses nothing.
fn begin(number: JobEventNumber) -> Bytes {
    format!("id: {number}\n\n").into()
}

fn written(number: JobEventNumber, kind: &str, data: &str) -> Bytes {
    format!("id: {number}\nevent: {kind}\ndata: {data}\n\n").into()
}
