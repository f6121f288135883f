//! What each failure of a use case is answered with.

use std::{fmt::Debug, time::Duration};

use super::{
    Answer, Service,
    harness::{get, publish},
};
use crate::{
    app::{
        http::{error::ApiError, problem::ProblemKind, spec},
        runtime::{background_tasks, memory_budget},
        tenancy::{access::ClientUnavailable, credentials::CredentialUnavailable},
        usecases::{
            analyze::AnalyzeImageError,
            check_publication::CheckPublicationError,
            curate::CurateImageError,
            publish::PublishImageError,
            steps::{captioning::CaptionsUnavailable, loaded_image::Replaced},
        },
    },
    domain::{curation::Curation, publication::PlanError, request_id::RequestId},
    ports::{CaptionError, ImageProcessingError, ImageStoreError, LedgerError},
};

pub(super) const SECRET: &str = "ref-7 said no";

pub(super) fn storage_failures() -> Vec<(ImageStoreError, u16, &'static str)> {
    let limited = ImageStoreError::RateLimited {
        retry_after: Some(Duration::from_millis(1_500)),
    };
    vec![
        (ImageStoreError::NotFound, 404, "image-not-found"),
        (ImageStoreError::TooLarge, 413, "payload-too-large"),
        (ImageStoreError::NoThumbnail, 422, "unusable-image"),
        (
            ImageStoreError::Restricted {
                detail: "it is restricted",
            },
            422,
            "unusable-image",
        ),
        (
            ImageStoreError::Unreadable {
                detail: "it ends too early",
                cause: SECRET.into(),
            },
            422,
            "unusable-image",
        ),
        (
            ImageStoreError::Misconfigured {
                problem: "a folder is missing".into(),
                detail: "The folder /x is missing.".to_owned(),
            },
            502,
            "upstream-failed",
        ),
        (
            ImageStoreError::Unauthorized {
                setting: None,
                cause: SECRET.into(),
            },
            503,
            "tenant-unavailable",
        ),
        (
            ImageStoreError::Unauthorized {
                setting: Some("DROPBOX_REFRESH_TOKEN"),
                cause: SECRET.into(),
            },
            503,
            "tenant-unavailable",
        ),
        (limited, 503, "upstream-limited"),
        (
            ImageStoreError::Timeout(SECRET.into()),
            504,
            "upstream-timeout",
        ),
        (
            ImageStoreError::Unavailable(SECRET.into()),
            502,
            "upstream-failed",
        ),
    ]
}

fn publish_failures() -> Vec<(PublishImageError, u16, &'static str)> {
    use PublishImageError::{
        Aborted, Captions, Exhausted, Image, InProgress, Ledger, Plan, TooMany,
    };
    let no_writer = |error| Captions(CaptionsUnavailable::NoWriter(error));
    let writer = |error| Captions(CaptionsUnavailable::Writer(error));
    let mut failures = vec![
        (Plan(PlanError::PublishingOff), 403, "feature-disabled"),
        (Plan(PlanError::NoPlatform), 403, "feature-disabled"),
        (InProgress, 409, "conflict"),
        (Replaced.into(), 409, "conflict"),
        (TooMany, 429, "rate-limited"),
        (Exhausted(memory_budget::Exhausted), 503, "overloaded"),
        (
            Ledger(LedgerError::Unavailable(SECRET.into())),
            503,
            "ledger-unavailable",
        ),
        (
            Image(ImageProcessingError::Undecodable),
            422,
            "unusable-image",
        ),
        (Aborted(background_tasks::TaskAborted), 500, "internal"),
        (no_writer(ClientUnavailable::Off), 422, "caption-required"),
        (
            no_writer(CredentialUnavailable::Refused.into()),
            503,
            "feature-unavailable",
        ),
        (
            no_writer(CredentialUnavailable::OutOfCredit.into()),
            402,
            "insufficient-balance",
        ),
        (PublishImageError::OutOfCredit, 402, "insufficient-balance"),
        (
            writer(CaptionError::ImageRefused { detail: "no" }),
            422,
            "caption-required",
        ),
        (
            writer(CaptionError::Misconfigured {
                detail: "there is no model \"x\"".to_owned(),
            }),
            502,
            "upstream-failed",
        ),
        (
            writer(CaptionError::Unusable("no JSON")),
            502,
            "upstream-failed",
        ),
        (
            writer(CaptionError::Unauthorized(SECRET.into())),
            502,
            "upstream-failed",
        ),
        (writer(CaptionError::QuotaExhausted), 502, "upstream-failed"),
        (
            writer(CaptionError::RateLimited { retry_after: None }),
            503,
            "upstream-limited",
        ),
        (
            writer(CaptionError::Timeout(SECRET.into())),
            504,
            "upstream-timeout",
        ),
        (
            writer(CaptionError::Unavailable(SECRET.into())),
            502,
            "upstream-failed",
        ),
        (
            Captions(ImageProcessingError::Undecodable.into()),
            422,
            "unusable-image",
        ),
    ];
    let storage = storage_failures().into_iter();
    failures.extend(storage.map(|(error, status, slug)| (error.into(), status, slug)));
    failures
}

#[tokio::test]
async fn every_failure_of_a_publication_has_its_problem_and_the_spec_declares_it() {
    all_are_declared("publish", publish_failures()).await;
}

#[tokio::test]
async fn every_failure_of_an_analysis_has_its_problem_and_the_spec_declares_it() {
    use AnalyzeImageError::{Captions, Image, InProgress, Ledger, Off, TooMany};
    let writer = |error| Captions(CaptionsUnavailable::Writer(error));
    let limited = CaptionError::RateLimited { retry_after: None };
    let timeout = CaptionError::Timeout(SECRET.into());
    let off = CaptionsUnavailable::NoWriter(ClientUnavailable::Off);
    let ledger = Ledger(LedgerError::Unavailable(SECRET.into()));
    let mut failures = vec![
        (Off, 403, "feature-disabled"),
        (Captions(off), 403, "feature-disabled"),
        (TooMany, 429, "rate-limited"),
        (InProgress, 409, "conflict"),
        (
            Image(ImageProcessingError::Undecodable),
            422,
            "unusable-image",
        ),
        (ledger, 503, "ledger-unavailable"),
        (writer(limited), 503, "upstream-limited"),
        (writer(timeout), 504, "upstream-timeout"),
        (writer(CaptionError::QuotaExhausted), 502, "upstream-failed"),
        (
            writer(CaptionError::ImageRefused { detail: "no" }),
            422,
            "unusable-image",
        ),
    ];
    let storage = storage_failures().into_iter();
    failures.extend(storage.map(|(error, status, slug)| (error.into(), status, slug)));
    all_are_declared("analyze", failures).await;
}

#[tokio::test]
async fn every_failure_of_a_curation_has_its_problem_and_the_spec_declares_it() {
    use CurateImageError::{InProgress, Ledger, Off};
    for curation in Curation::ALL {
        let ledger = Ledger(LedgerError::Unavailable(SECRET.into()));
        let mut failures = vec![
            (Off(curation), 403, "feature-disabled"),
            (InProgress, 409, "conflict"),
            (ledger, 503, "ledger-unavailable"),
        ];
        // An image that is not fetched is never too large, and nobody wants it small.
        let storage = storage_failures().into_iter().filter(|(error, ..)| {
            !matches!(
                error,
                ImageStoreError::TooLarge | ImageStoreError::NoThumbnail
            )
        });
        failures.extend(storage.map(|(error, status, slug)| (error.into(), status, slug)));
        all_are_declared(curation.as_str(), failures).await;
    }
}

/// Checks the problems that failures of this operation on an image are answered with.
async fn all_are_declared<E: Into<ApiError> + Debug>(
    operation: &str,
    failures: Vec<(E, u16, &'static str)>,
) {
    let document = spec::openapi_document();
    let path = format!("/api/images/{{filename}}/{operation}");
    let responses = &document["paths"][path]["post"]["responses"];
    let id = RequestId::from_caller("id").unwrap();
    for (error, status, slug) in failures {
        let name = format!("{error:?}");
        let mut answer = Answer::of(error.into().into_response(&id)).await;
        answer.headers.insert("x-request-id", "id".parse().unwrap());
        answer.problem(status, slug);
        assert!(!answer.body.contains(SECRET), "{name}");
        let says_when = matches!(status, 409 | 429 | 503);
        assert_eq!(answer.header("retry-after").is_some(), says_when, "{name}");
        let content = &responses[status.to_string()]["content"]["application/problem+json"];
        assert!(
            content["examples"][slug].is_object(),
            "{name}: {status} {slug}"
        );
    }
}

#[tokio::test]
async fn a_list_that_storage_does_not_give_has_its_problem_and_the_spec_declares_it() {
    let document = spec::openapi_document();
    let responses = &document["paths"]["/api/images/list"]["get"]["responses"];
    for (error, status, slug) in storage_failures() {
        let (status, slug) = match error {
            // Of a folder these say something else, or nothing.
            ImageStoreError::NotFound
            | ImageStoreError::Restricted { .. }
            | ImageStoreError::Unreadable { .. } => (502, "upstream-failed"),
            ImageStoreError::TooLarge | ImageStoreError::NoThumbnail => continue,
            _ => (status, slug),
        };
        let mut service = Service::new().open_to_viewers();
        service.images.expect_list().return_once(|| Err(error));
        let answer = service.answer(get("/api/images/list")).await;
        answer.problem(status, slug);
        assert!(!answer.body.contains(SECRET));
        if slug == "upstream-limited" {
            assert_eq!(answer.header("retry-after"), Some("2"), "rounded up");
        }
        let content = &responses[status.to_string()]["content"]["application/problem+json"];
        assert!(content["examples"][slug].is_object(), "{status} {slug}");
    }
}

#[tokio::test]
async fn failures_come_out_of_a_publication_as_problems() {
    let mut gone = Service::new();
    gone.images
        .expect_find()
        .returning(|_| Err(ImageStoreError::NotFound));
    gone.answer(publish("a.jpg", ""))
        .await
        .problem(404, "image-not-found");

    let mut off = Service::new();
    off.document["features"]["publish_enabled"] = false.into();
    off.answer(publish("a.jpg", ""))
        .await
        .problem(403, "feature-disabled");

    let speechless = Service::new().with_image();
    let answer = speechless.answer(publish("a.jpg", "")).await;
    let problem = answer.problem(422, "caption-required");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("Give a caption, or allow an empty one"),
        "{detail}"
    );
}

#[test]
fn a_check_without_a_credential_is_402_where_the_tenant_is_out_of_credit() {
    for (unavailable, kind) in [
        (
            CredentialUnavailable::OutOfCredit,
            ProblemKind::InsufficientBalance,
        ),
        (
            CredentialUnavailable::Refused,
            ProblemKind::FeatureUnavailable,
        ),
        (
            CredentialUnavailable::ForNow { retry_after: None },
            ProblemKind::FeatureUnavailable,
        ),
    ] {
        let error = ApiError::from(CheckPublicationError::NoCredential(unavailable));
        assert_eq!(error.kind(), kind);
    }
}
