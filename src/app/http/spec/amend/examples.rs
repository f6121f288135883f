//! What each operation takes and answers, by example. `app::http::tests::examples` sends every
//! request to a service and compares what it says.

use poem_openapi::types::{Example as _, ToJSON};
use serde_json::{Map, Value, json};

use super::entries;
use crate::app::http::{
    dto::{
        admin::{AdminStatus, LoginRequest},
        analysis::ImageAnalysis,
        config::{EnabledPublishers, FeatureFlags},
        curation::{CurationAction, CurationRequest, CurationResult},
        health::{Liveness, Readiness, Unreadiness},
        images::{ImageInfo, ImageList},
        publications::PublicationList,
        publish::{PublishRequest, PublishResult},
    },
    problem::ProblemKind,
    problem_pages,
};

/// A name, a summary, and the value itself.
type Named = (&'static str, &'static str, Value);

/// Adds examples to an operation's body and to its answers that are no problems.
pub(super) fn add(operation: &mut Value) {
    let id = operation["operationId"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let body = operation.pointer_mut("/requestBody/content").map(entries);
    for (_, media) in body.into_iter().flatten() {
        media["examples"] = named(requests(&id));
    }
    for (status, response) in entries(&mut operation["responses"]) {
        let content = response.get_mut("content").map(entries);
        for (media_type, media) in content.into_iter().flatten() {
            let examples = answers(&id, status, media_type);
            if !examples.is_empty() {
                media["examples"] = named(examples);
            }
        }
    }
}

fn named(examples: Vec<Named>) -> Value {
    let entry = |(name, summary, value): Named| {
        let example = json!({"summary": summary, "value": value});
        (name.to_owned(), example)
    };
    examples
        .into_iter()
        .map(entry)
        .collect::<Map<_, _>>()
        .into()
}

fn value(of: &impl ToJSON) -> Value {
    of.to_json().unwrap_or_default()
}

/// The generator leaves out of examples what is never sent back.
pub(super) fn complete(schemas: &mut Value) {
    schemas["LoginRequest"]["example"] = login();
}

fn login() -> Value {
    json!({"password": LoginRequest::example().password})
}

fn requests(operation_id: &str) -> Vec<Named> {
    match operation_id {
        "logIn" => vec![("password", "The password", login())],
        "publishImage" => vec![(
            "own-caption",
            "With a caption of one's own, to Telegram only",
            value(&PublishRequest::example()),
        )],
        "publishNextImage" => vec![(
            "own-caption",
            "With a caption of one's own, to all platforms",
            json!({"caption": PublishRequest::example().caption}),
        )],
        _ => vec![(
            "at-once",
            "Not only as a preview",
            value(&CurationRequest::example()),
        )],
    }
}

fn answers(operation_id: &str, status: &str, media_type: &str) -> Vec<Named> {
    match (operation_id, status) {
        ("getHealth" | "getLiveness", "200") => {
            vec![("alive", "The process is alive", value(&Liveness::example()))]
        }
        ("getReadiness", "200") => {
            vec![(
                "ready",
                "Tenants can be served",
                value(&Readiness::example()),
            )]
        }
        ("getReadiness", "503") => vec![(
            "not-ready",
            "The orchestrator does not answer",
            value(&Unreadiness::example()),
        )],
        ("getProblem", "200") => {
            let kind = ProblemKind::ImageNotFound;
            let page = problem_pages::page(kind, media_type);
            vec![(kind.slug(), kind.title(), page)]
        }
        ("getFeatures", "200") => {
            vec![(
                "features",
                "What is on and off",
                value(&FeatureFlags::example()),
            )]
        }
        ("getPublishers", "200") => {
            let on = value(&EnabledPublishers::example());
            vec![("publishers", "Telegram is on", on)]
        }
        ("getAdminStatus" | "logIn", "200") => {
            vec![(
                "admin",
                "The caller is an admin",
                value(&AdminStatus::example()),
            )]
        }
        ("logOut", "200") => {
            let nobody = value(&AdminStatus { admin: false });
            vec![("nobody", "The caller is no admin any more", nobody)]
        }
        _ => image_answers(operation_id, status),
    }
}

fn image_answers(operation_id: &str, status: &str) -> Vec<Named> {
    let image = || {
        (
            "harbour",
            "An image with a caption file",
            value(&ImageInfo::example()),
        )
    };
    let published = || {
        (
            "published",
            "Telegram has taken it",
            value(&PublishResult::example()),
        )
    };
    match (operation_id, status) {
        ("listImages", "200") => {
            vec![(
                "last-page",
                "The last two of four images",
                value(&ImageList::example()),
            )]
        }
        ("getRandomImage" | "getImage", "200") => vec![image()],
        ("publishImage", "200") => vec![published()],
        ("publishNextImage", "200") => vec![
            published(),
            (
                "nothing-left",
                "There is nothing left to publish",
                value(&nothing_left()),
            ),
        ],
        ("analyzeImage", "200") => vec![(
            "looked-at",
            "A model has looked at it",
            value(&ImageAnalysis::example()),
        )],
        ("keepImage", "200") => {
            vec![(
                "kept",
                "It was kept, under a new name",
                value(&CurationResult::example()),
            )]
        }
        ("removeImage", "200") => vec![("removed", "It was sorted out", value(&removed()))],
        ("deleteImage", "200") => vec![("deleted", "It was deleted", value(&deleted()))],
        ("listPublications", "200") => vec![
            (
                "last-page",
                "One publication, on the last page",
                value(&PublicationList::example()),
            ),
            (
                "passed-over",
                "An image that was passed over",
                value(&PublicationList::passed_over()),
            ),
        ],
        _ => Vec::new(),
    }
}

fn nothing_left() -> PublishResult {
    PublishResult {
        filename: None,
        results: [].into(),
        archived: false,
        any_success: false,
        ..PublishResult::example()
    }
}

fn removed() -> CurationResult {
    CurationResult {
        action: CurationAction::Remove,
        destination_folder: Some("/Photos/queue/reject".to_owned()),
        destination_filename: Some("harbour-dawn.jpg".to_owned()),
        ..CurationResult::example()
    }
}

fn deleted() -> CurationResult {
    CurationResult {
        action: CurationAction::Delete,
        destination_folder: None,
        destination_filename: None,
        ..CurationResult::example()
    }
}
