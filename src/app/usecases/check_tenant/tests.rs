//! A tenant that is gone through, on mocked ports.

use serde_json::json;

use super::*;
use crate::{
    app::usecases::fixtures::{
        TenantFixture, credential, full_document, generous_store, providers_of, request_id, stored,
        unvalidated,
    },
    domain::tenant_config::Unvalidated,
    ports::{MockCaptionWriter, MockCredentialStore, MockImageStore, MockTenantConfigSource},
};

fn source(config: Result<TenantConfig<Unvalidated>, ConfigSourceError>) -> MockTenantConfigSource {
    let mut source = MockTenantConfigSource::new();
    source
        .expect_fetch()
        .times(1)
        .return_once(move |_, _| config);
    source
}

async fn run(
    source: MockTenantConfigSource,
    store: MockCredentialStore,
    clients: TenantFixture,
) -> Vec<Step> {
    let TenantFixture {
        images,
        writer,
        telegram,
        email,
        ..
    } = clients;
    let check = CheckTenant {
        configs: Arc::new(source),
        credentials: Arc::new(store),
        providers: providers_of(images, writer, telegram, email),
    };
    let host = Host::normalize("alice.example.org").unwrap();
    check.run(&host, &request_id()).await
}

fn good(text: &str) -> Finding {
    Finding::Good(text.to_owned())
}

/// Storage with one image, listed once.
fn images() -> MockImageStore {
    let mut images = MockImageStore::new();
    let image = stored("a.jpg", &"a".into());
    images
        .expect_list()
        .times(1)
        .returning(move || Ok(vec![image.clone()]));
    images
}

/// Captions that are well, asked once.
fn captions() -> MockCaptionWriter {
    let mut writer = MockCaptionWriter::new();
    writer.expect_check().times(1).returning(|| Ok("models"));
    writer
}

/// Platforms that are well, each asked once; all else expects no call.
fn platforms() -> TenantFixture {
    let mut clients = TenantFixture::new();
    clients
        .telegram
        .expect_check()
        .times(1)
        .returning(|| Ok("bot"));
    clients
        .email
        .expect_check()
        .times(1)
        .returning(|| Ok("login"));
    clients
}

#[tokio::test]
async fn a_tenant_that_is_well_is_gone_through_once_and_nothing_else_is_called() {
    let config = source(Ok(unvalidated(full_document())));
    let mut store = MockCredentialStore::new();
    store
        .expect_resolve()
        .times(4)
        .returning(|query| Ok(credential(query.provider)));
    let steps = run(
        config,
        store,
        TenantFixture {
            images: images(),
            writer: captions(),
            ..platforms()
        },
    )
    .await;
    let expected = [
        ("tenant", good("alice is known")),
        ("config", good("all fields are good")),
        (
            "storage",
            good("it can be listed: 1 image in the root folder"),
        ),
        ("captions", good("models")),
        ("telegram", good("bot")),
        ("email", good("login")),
    ];
    assert_eq!(
        steps,
        expected.map(|(thing, finding)| (thing.to_owned(), finding))
    );
}

#[tokio::test]
async fn a_config_that_cannot_be_used_is_told_by_field_and_nobody_else_is_asked() {
    let mut document = full_document();
    document["storage"]["paths"] = json!({"root": "sesame", "keep": 7});
    let config = source(Ok(unvalidated(document)));
    let steps = run(config, MockCredentialStore::new(), TenantFixture::new()).await;
    let wrong: Vec<_> = steps
        .iter()
        .filter_map(|(thing, finding)| match finding {
            Finding::Wrong(text) if thing == "config" => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert!(
        wrong
            .iter()
            .any(|text| text.starts_with("storage.paths.root: ")),
        "{steps:?}"
    );
    assert!(!format!("{steps:?}").contains("sesame"), "{steps:?}");
    assert_eq!(steps.len(), wrong.len() + 1, "{steps:?}");
}

#[tokio::test]
async fn a_feature_that_a_bad_field_switches_off_is_wrong_and_the_rest_is_looked_at() {
    let mut document = full_document();
    document["ai"]["vision_detail"] = "sesame".into();
    let clients = TenantFixture {
        images: images(),
        ..platforms()
    };
    let steps = run(source(Ok(unvalidated(document))), generous_store(), clients).await;
    let is_told = |(thing, finding): &Step| {
        thing == "config"
            && matches!(finding, Finding::Wrong(text) if text.starts_with("ai.vision_detail: "))
    };
    assert!(steps.iter().any(is_told), "{steps:?}");
    assert!(
        steps.contains(&("email".to_owned(), good("login"))),
        "{steps:?}"
    );
}

#[tokio::test]
async fn the_end_of_a_model_is_told_with_its_day_and_its_replacement() {
    let mut document = full_document();
    document["ai"]["vision_model_lifecycle"] = json!({
        "severity": "warning", "shutdown_date": "2027-01-31", "recommended_replacement": "gpt-5",
    });
    document["ai"]["caption_model_lifecycle"] = json!({"severity": "critical"});
    let clients = TenantFixture {
        images: images(),
        writer: captions(),
        ..platforms()
    };
    let steps = run(source(Ok(unvalidated(document))), generous_store(), clients).await;
    let told: Vec<_> = steps
        .iter()
        .filter(|(thing, _)| thing == "config")
        .collect();
    let [_, (_, Finding::Note(vision)), (_, Finding::Note(caption))] = &told[..] else {
        panic!("{steps:?}")
    };
    assert!(
        vision.ends_with(" ends on 2027-01-31; gpt-5 is recommended in its place"),
        "{vision}"
    );
    assert!(
        caption.ends_with(" ends; name another in the config"),
        "{caption}"
    );
}

#[tokio::test]
async fn a_host_of_no_tenant_ends_it_at_once() {
    let config = source(Err(ConfigSourceError::NotFound));
    let steps = run(config, MockCredentialStore::new(), TenantFixture::new()).await;
    let [(thing, Finding::Wrong(text))] = &steps[..] else {
        panic!("{steps:?}")
    };
    assert!(
        thing == "tenant" && text.starts_with("no tenant has this host"),
        "{text}"
    );
}

#[tokio::test]
async fn the_root_folder_is_not_named() {
    let mut clients = TenantFixture {
        writer: captions(),
        ..platforms()
    };
    clients.images.expect_list().times(1).returning(|| {
        Err(ImageStoreError::Misconfigured {
            problem: "no root".into(),
            detail: "The root folder \"/photos\" does not exist. Make it.".to_owned(),
        })
    });
    let steps = run(
        source(Ok(unvalidated(full_document()))),
        generous_store(),
        clients,
    )
    .await;
    let expected = Finding::Wrong("The root folder does not exist. Make it.".to_owned());
    assert!(
        steps.contains(&("storage".to_owned(), expected)),
        "{steps:?}"
    );
}

#[tokio::test]
async fn without_the_storage_credential_nothing_is_opened() {
    let mut store = MockCredentialStore::new();
    store
        .expect_resolve()
        .times(1)
        .returning(|_| Err(CredentialError::NotFound));
    let config = source(Ok(unvalidated(full_document())));
    let steps = run(config, store, TenantFixture::new()).await;
    let [.., (storage, Finding::Wrong(why)), (_, Finding::Note(_))] = &steps[..] else {
        panic!("{steps:?}")
    };
    assert!(
        storage == "storage" && why.contains("does not exist"),
        "{why}"
    );
}
