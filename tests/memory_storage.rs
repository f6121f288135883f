//! A kind of storage that needs no credential, and offers neither links nor thumbnails: its tenants are
//! served by the same code, from the environment to a thumbnail.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so by panicking"
)]

use std::{num::NonZeroU32, sync::Arc};

use async_trait::async_trait;
use image::GenericImageView as _;
use publisher::{
    adapters::{
        clock::SystemClock,
        dropbox::DropboxSettings,
        env::{Environment, standalone::StandaloneTenant},
        http_client::ExtraRoots,
        imaging::ImageScaler,
        memory::MemoryFiles,
        openai::{OpenAiCaptionWriterFactory, OpenAiSettings},
        platforms,
        rate_limits::OwnRates,
        storages::{self, Storages},
    },
    app::{
        runtime::memory_budget::MemoryBudget,
        tenancy::{
            credentials::{CredentialCacheSettings, Credentials},
            listing_cache::ListingCache,
            resolve_tenant::{HostRules, ResolveTenant, TenancySettings},
            tenant::{ProviderFactories, Tenant},
        },
        usecases::{
            fetch_thumbnail::{FetchThumbnail, IfNoneMatch, ThumbnailAnswer},
            steps::own_thumbnail::ThumbnailMaker,
        },
    },
    domain::{
        content_hash::ContentHashKind, credential::Credential, host::Host, image::ImageName,
        image_memory::ImageMemory, request_id::RequestId, secret::Secret, sidecar::SidecarName,
        storage::StorageKind, thumbnail::ThumbnailSize,
    },
    ports::{
        Clock, CredentialError, CredentialQuery, CredentialStore, Folder, FoundFile, IfTaken,
        ImageStoreError, SidecarFile,
    },
};

/// A store that no call may reach.
struct NoStore;

#[async_trait]
impl CredentialStore for NoStore {
    async fn resolve(&self, query: &CredentialQuery) -> Result<Credential, CredentialError> {
        panic!("a credential of {} was asked for", query.provider)
    }
}

fn request_id() -> RequestId {
    RequestId::from_caller("memory").unwrap()
}

fn name(name: &str) -> ImageName {
    ImageName::new(name).unwrap()
}

/// The tenant of an environment, and the files of its storage.
async fn tenant() -> (Arc<Tenant>, MemoryFiles) {
    let mut environment = Environment::from_pairs([
        ("STORAGE_PROVIDER", "memory"),
        (
            "STORAGE_PATHS",
            r#"{"root": "acme/summer/", "keep": "acme/summer/kept"}"#,
        ),
    ]);
    let source = StandaloneTenant::from_environment(&mut environment, platforms::spec).unwrap();
    assert!(environment.finish().is_ok());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let dropbox = DropboxSettings {
        api_url: "http://localhost/".parse().unwrap(),
        content_url: "http://localhost/".parse().unwrap(),
        refresh_token_setting: None,
        app_key: String::new(),
        app_secret: Secret::new(String::new()),
    };
    let roots = ExtraRoots::default();
    let storages = Storages::new(dropbox, true, &roots, Arc::clone(&clock)).unwrap();
    let files = storages.memory.clone();
    let openai = OpenAiSettings {
        base_url: "http://localhost/".parse().unwrap(),
        calls_per_minute: NonZeroU32::MIN,
        candidates: 3,
    };
    let rates = Arc::new(OwnRates::new(Arc::clone(&clock)));
    let captions = OpenAiCaptionWriterFactory::new(openai, &roots, Arc::clone(&clock), rates);
    let providers = ProviderFactories {
        images: Arc::new(storages),
        content_hashes: storages::content_hash,
        takes_uploads: storages::takes_uploads,
        captions: Arc::new(captions.unwrap()),
        platforms: platforms::spec,
        publishers: Vec::new(),
    };
    let settings = CredentialCacheSettings::default();
    let credentials = Credentials::new(Arc::new(NoStore), Arc::clone(&clock), settings);
    let tenants = ResolveTenant::new(
        HostRules::Any,
        Arc::new(source),
        Arc::new(credentials),
        providers,
        &clock,
        TenancySettings::default(),
    );
    let host = Host::normalize_any("localhost").unwrap();
    let tenant = tenants.by_host(Some(&host), &request_id()).await;
    (tenant.unwrap(), files)
}

#[tokio::test]
async fn a_tenant_is_served_without_a_credential_and_with_prefixes_as_folders() {
    let (tenant, files) = tenant().await;
    assert_eq!(tenant.settings().storage.kind, StorageKind::Memory);
    files.put("/acme/summer/b.jpg", "b");
    files.put("/acme/summer/a.jpg", "a");
    files.put("/acme/summer/a.txt", "words");
    files.put("/acme/summer/kept/a.jpg", "another");
    files.put("/acme/summers/c.jpg", "c");
    let id = request_id();
    let images = tenant.images(&id);
    let listed = images.list().await.unwrap();
    let names: Vec<_> = listed.iter().map(|image| image.name.as_str()).collect();
    assert_eq!(names, ["a.jpg", "b.jpg"]);
    assert_eq!(listed[0].content_hash, (ContentHashKind::SHA256.of)(b"a"));
    let moved = images.move_to(
        &listed[0],
        &[SidecarName::Stem],
        Folder::Keep,
        IfTaken::Rename,
    );
    assert_eq!(moved.await.unwrap().name, "a (1).jpg");
    images.delete(&name("b.jpg"), &[]).await.unwrap();
    let kept = "/acme/summer/kept/";
    let expected = [
        format!("{kept}a (1).jpg"),
        format!("{kept}a (1).txt"),
        format!("{kept}a.jpg"),
        "/acme/summers/c.jpg".to_owned(),
    ];
    assert_eq!(files.paths(), expected);
}

#[tokio::test]
async fn a_sidecar_replaces_what_was_found_and_nothing_else() {
    let (tenant, files) = tenant().await;
    files.put("/acme/summer/a.jpg", "a");
    let id = request_id();
    let images = tenant.images(&id);
    let (image, stem) = (name("a.jpg"), SidecarName::Stem);
    let write = |found| async move {
        images
            .write_sidecar(&name("a.jpg"), stem, b"words", &found)
            .await
    };
    write(FoundFile::Nothing).await.unwrap();
    let again = write(FoundFile::Nothing).await;
    assert!(matches!(again, Err(ImageStoreError::SidecarChanged)));
    let read = images.read_sidecar(&image, stem).await.unwrap();
    let SidecarFile::Found { bytes, revision } = read else {
        panic!("{read:?}")
    };
    assert_eq!(&*bytes, b"words");
    write(FoundFile::Revision(revision)).await.unwrap();
}

#[tokio::test]
async fn the_service_makes_thumbnails_and_refuses_links_where_storage_has_none() {
    let (tenant, files) = tenant().await;
    let mut png = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::new(1200, 600);
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    files.put("/acme/summer/a.png", png.into_inner());
    files.put("/acme/summer/b.png", "no picture");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let listings = Arc::new(ListingCache::new(Arc::clone(&clock)));
    let maker = ThumbnailMaker {
        scaler: Arc::new(ImageScaler::default()),
        memory: MemoryBudget::for_one_tenant(ImageMemory::default()),
    };
    let thumbnails = FetchThumbnail::new(listings, maker, 1024 * 1024, clock);
    let id = request_id();
    let fetch = async |image: &str, size| {
        let name = name(image);
        thumbnails
            .run(&tenant, &id, &name, size, &IfNoneMatch::Absent)
            .await
    };
    for (size, sides) in [
        (ThumbnailSize::W256H256, (256, 128)),
        (ThumbnailSize::W1024H768, (1024, 512)),
    ] {
        let ThumbnailAnswer::New(made) = fetch("a.png", size).await.unwrap() else {
            panic!("a thumbnail was asked for")
        };
        let copy = image::load_from_memory(&made.jpeg).unwrap();
        assert_eq!(copy.dimensions(), sides);
        assert_eq!(made.stored.name.as_str(), "a.png");
    }
    let error = fetch("b.png", ThumbnailSize::W256H256).await.unwrap_err();
    assert!(error.to_string().contains("no thumbnail"), "{error}");
    let missing = fetch("c.png", ThumbnailSize::W256H256).await.unwrap_err();
    assert!(missing.to_string().contains("no such image"), "{missing}");
    let images = tenant.images(&id);
    let link = images.link(&name("a.png")).await;
    assert!(matches!(link, Err(ImageStoreError::Restricted { .. })));
    let link = images.link(&name("c.png")).await;
    assert!(matches!(link, Err(ImageStoreError::NotFound)));
}
