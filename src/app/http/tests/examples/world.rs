//! What is the case when the spec's examples are answered.

use crate::{
    app::{
        http::{
            auth::{AdminCredentials, AuthSettings, SessionSettings},
            tests::{Service, harness::stored},
        },
        usecases::{
            fixtures::{moved, standing},
            readiness::Mode,
        },
    },
    domain::{
        analysis::Analysis,
        caption::WrittenCaptions,
        content_hash::ContentHash,
        host::Host,
        idempotency::Begun,
        image::{ImageName, StoredImage},
        ledger::{Entry, EntryState, Position},
        platform::Platform,
        publication::{PostUrl, PublishedPost},
        secret::Secret,
        sidecar::SidecarName,
        voice::VoiceProfile,
    },
    ports::{
        ConfigSourceError, ImageStore, LinkedImage, MockImageStore, MockTenantConfigSource,
        MockVoiceProfileStore, Thumbnail,
    },
};
mod jobs;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;

/// A service in which the example named `answer` is what comes of an operation.
pub(super) fn world(operation: &str, answer: &str) -> Service {
    let mut service = Service::new();
    service.document["storage"]["paths"]["root"] = "/Photos/queue".into();
    let named = |name: &ImageName| stored(name.as_str());
    match operation {
        "getReadiness" if answer == "not-ready" => {
            service.mode = orchestrated();
            service.source = Some(answers_probes(|| {
                Err(ConfigSourceError::Unavailable {
                    retry_after: None,
                    cause: "refused".into(),
                })
            }));
        }
        "getReadiness" => {
            service.mode = orchestrated();
            service.source = Some(answers_probes(|| Ok(())));
        }
        "getFeatures" => {
            service = service.with_captions();
            service.document["features"]["library_enabled"] = false.into();
        }
        "getVoiceProfile" | "putVoiceProfile" | "postVoiceProfile" => {
            let texts = [
                "The harbour keeps its own hours.",
                "Salt, rope, a bell somewhere.",
            ];
            let profile = VoiceProfile::new(&texts).ok();
            let mut store = MockVoiceProfileStore::new();
            store.expect_load().returning(move |_| Ok(profile.clone()));
            store.expect_store().returning(|_, _| Ok(()));
            service.voices = Some(store);
        }
        "logIn" | "logOut" | "logOutByClient" | "logOutByForm" => service.auth = with_login(),
        "listImages" => {
            let all = ["aerial.webp", "bridge.jpg", "harbour-dawn.jpg", "pier.jpg"];
            let all = move || Ok(all.map(stored).to_vec());
            service.images.expect_list().returning(all);
        }
        "getRandomImage" | "getImage" => with_details(&mut service),
        "getThumbnail" => {
            service
                .images
                .expect_find()
                .returning(move |name| Ok(named(name)));
            service.images.expect_thumbnail().returning(move |name, _| {
                let jpeg = Bytes::from_static(b"a small picture");
                Ok(Thumbnail {
                    stored: named(name),
                    jpeg,
                })
            });
        }
        "analyzeImage" => service = analysed(service),
        "publishNextImage" if answer == "nothing-left" => {
            service.images.expect_list().returning(|| Ok(Vec::new()));
            answer_under_a_key(&mut service);
        }
        "publishImage" | "publishNextImage" => {
            service = published(service);
            jobs::with_jobs(&mut service, operation, answer);
        }
        "keepImage" | "removeImage" | "deleteImage" => with_curated(&mut service, operation),
        "listLibrary" | "uploadImage" | "deleteLibraryImage" | "moveLibraryImage" => {
            with_library(&mut service, operation);
        }
        "listPublications" => {
            let entry = if answer == "passed-over" {
                passed_over()
            } else {
                entry()
            };
            service
                .reader
                .expect_list()
                .returning(move |_, _| Ok(vec![entry.clone()]));
        }
        "addJob" | "changeJob" | "approveJob" | "cancelJob" | "retryJob" | "getJob"
        | "listJobs" | "getSchedule" | "putSchedule" => {
            jobs::with_jobs(&mut service, operation, answer);
        }
        "checkPublication" => {
            let found = || Ok(Some(found()));
            service.reader.expect_find().returning(move |_, _| found());
        }
        _ => {}
    }
    service
}

/// Has an image that is moved or deleted.
fn with_curated(service: &mut Service, operation: &str) {
    service.document["features"]["delete_enabled"] = true.into();
    service
        .images
        .expect_find()
        .returning(|name| Ok(stored(name.as_str())));
    service
        .images
        .expect_read_sidecar()
        .returning(|_, _| Ok(crate::ports::SidecarFile::Missing));
    service.images.expect_delete().returning(|_, _| Ok(()));
    let name = if operation == "keepImage" {
        "harbour-dawn (1).jpg"
    } else {
        "harbour-dawn.jpg"
    };
    service
        .images
        .expect_move_to()
        .returning(move |_, _, _, _| Ok(moved(name)));
}

/// Has what an operation of the library works on.
fn with_library(service: &mut Service, operation: &str) {
    match operation {
        "listLibrary" => with_folder(service, |folder| {
            let image = |(name, size, seconds)| StoredImage {
                size,
                last_modified: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)),
                ..stored(name)
            };
            let images = [
                ("harbour-dawn.jpg", 2_481_332, 1_777_919_402),
                ("harbour-evening.jpg", 1_843_201, 1_777_923_000),
                ("pier.jpg", 1_203_144, 1_777_923_060),
            ];
            let images = images.map(image).to_vec();
            folder.expect_list().returning(move || Ok(images.clone()));
        }),
        "uploadImage" => {
            service.images.expect_put().returning(|_, _, _| Ok(()));
        }
        "deleteLibraryImage" => {
            service.document["features"]["delete_enabled"] = true.into();
            let text = "\n\n# ---\n# image_file: harbour-dawn.jpg\n";
            service
                .images
                .expect_read_sidecar()
                .returning(standing(SidecarName::Stem, text));
            service
                .images
                .expect_find()
                .returning(|name| Ok(stored(name.as_str())));
            service.images.expect_delete().returning(|_, _| Ok(()));
        }
        "moveLibraryImage" => with_folder(service, |folder| {
            folder
                .expect_find()
                .returning(|name| Ok(stored(name.as_str())));
            folder
                .expect_read_sidecar()
                .returning(|_, _| Ok(crate::ports::SidecarFile::Missing));
            folder
                .expect_move_to()
                .returning(|_, _, _, _| Ok(moved("harbour-dawn.jpg")));
        }),
        _ => {}
    }
}

/// Has a folder beside the root folder.
fn with_folder(service: &mut Service, expect: impl FnOnce(&mut MockImageStore)) {
    let mut folder = MockImageStore::new();
    expect(&mut folder);
    let folder: Arc<dyn ImageStore> = Arc::new(folder);
    service
        .images
        .expect_in_folder()
        .returning(move |_| Arc::clone(&folder));
}

fn orchestrated() -> Mode {
    Mode::Orchestrated {
        probe_host: Host::normalize("healthcheck.example.org").ok(),
    }
}

fn answers_probes(
    with: impl Fn() -> Result<(), ConfigSourceError> + Send + 'static,
) -> MockTenantConfigSource {
    let mut source = MockTenantConfigSource::new();
    source.expect_probe().returning(move |_, _| with());
    source
}

fn with_login() -> AuthSettings {
    AuthSettings::Enforced(AdminCredentials {
        password: Some(Secret::new("correct horse battery staple".to_owned())),
        sessions: SessionSettings {
            ttl: Duration::from_mins(1),
            ..SessionSettings::default()
        },
        ..AdminCredentials::default()
    })
}

fn with_details(service: &mut Service) {
    service
        .images
        .expect_list()
        .returning(|| Ok(vec![stored("harbour-dawn.jpg")]));
    service.images.expect_temporary_link().returning(|name| {
        let link = Secret::new("https://storage.example.org/link/harbour-dawn.jpg".to_owned());
        // The hash of the example is of another picture, which nobody can tell of one of several blocks.
        let stored = StoredImage {
            size: 5 * 1024 * 1024,
            content_hash: ContentHash::of(b""),
            last_modified: None,
            ..stored(name.as_str())
        };
        Ok(LinkedImage { stored, link })
    });
    let text = format!(
        "a harbour at dawn, fishing boats, mist\n\n# ---\n# image_file: harbour-dawn.jpg\n\
         # sha256: {}\n# dropbox_rev: 1\n# created: 2026-05-04T18:30:02Z\n\
         # caption: Before the boats leave\n# sd_caption_version: 1\n\
         # tags: [\"harbour\", \"dawn\"]\n",
        ContentHash::of(b"")
    );
    let text = Bytes::from(text);
    service
        .images
        .expect_read_sidecar()
        .returning(standing(SidecarName::Stem, text));
}

fn analysed(service: Service) -> Service {
    let mut service = service.with_captions().with_image();
    service.document["content"]["hashtag_string"] = "#harbour".into();
    service.writer.expect_analyze().returning(|_| {
        Ok(Analysis {
            description: "A harbour at dusk, boats at rest.".to_owned(),
            mood: "calm".to_owned(),
            tags: vec!["harbour".to_owned(), "dusk".to_owned()],
            alt_text: Some("Boats in a harbour at dusk".to_owned()),
            ..Analysis::default()
        })
    });
    service.writer.expect_write().returning(|_| {
        let caption = "Evening light over the harbour".to_owned();
        Ok(WrittenCaptions {
            by_platform: [(Platform::Telegram, vec![caption])].into(),
            sd_caption: Some("harbour, dusk, boats, warm light".to_owned()),
        })
    });
    service
}

fn published(service: Service) -> Service {
    let mut service = service.with_image();
    service.document["content"]["archive"] = true.into();
    service
        .images
        .expect_list()
        .returning(|| Ok(vec![stored("harbour-dawn.jpg")]));
    service
        .images
        .expect_move_to()
        .returning(|_, _, _, _| Ok(moved("harbour-dawn.jpg")));
    service
        .reader
        .expect_entries_of()
        .returning(|_, _| Ok(HashMap::new()));
    service
        .telegram
        .expect_publish()
        .returning(|_, _| Ok(post().into()));
    answer_under_a_key(&mut service);
    service
}

fn answer_under_a_key(service: &mut Service) {
    service
        .requests
        .expect_begin()
        .returning(|_| Ok(Begun::First));
    service.requests.expect_choose().returning(|_, _| Ok(()));
    service.requests.expect_finish().returning(|_, _| Ok(()));
}

fn post() -> PublishedPost {
    PublishedPost {
        url: PostUrl::parse("https://t.me/harbour/1234"),
        ..PublishedPost::new("1234")
    }
}

fn entry() -> Entry {
    let started = SystemTime::UNIX_EPOCH + Duration::from_mins(29_631_990);
    Entry {
        position: Position {
            started_ms: 1_777_919_400_000,
            id: 7,
        },
        image: Some(ImageName::new("harbour-dawn.jpg").unwrap()),
        content_hash: ContentHash::of(b""),
        platform: Some(Platform::Telegram),
        state: EntryState::Published,
        post: Some(post()),
        reason: None,
        error: None,
        key: None,
        started,
        ended: Some(started + Duration::from_secs(2)),
    }
}

/// The entry of a post that its platform was asked about.
fn found() -> Entry {
    let url = "https://mastodon.example/@harbour/116516352000000042";
    Entry {
        platform: Some(Platform::Mastodon),
        post: Some(PublishedPost {
            url: PostUrl::parse(url),
            ..PublishedPost::new("116516352000000042")
        }),
        ..entry()
    }
}

fn passed_over() -> Entry {
    let entry = entry();
    let error = "the model does not take this image: the model refuses to describe the image";
    Entry {
        image: Some(ImageName::new("harbour-noon.jpg").unwrap()),
        platform: None,
        state: EntryState::Skipped,
        post: None,
        reason: Some(crate::domain::publication::FailureReason::ImageUnsuitable),
        error: Some(error.to_owned()),
        ended: Some(entry.started),
        ..entry
    }
}
