//! The clients of the stand-ins.

use std::sync::Arc;

use publisher::{
    adapters::{
        http_client::ExtraRoots,
        imaging::ImageScaler,
        openai::{OpenAiCaptionWriterFactory, OpenAiSettings},
        platforms,
        rate_limits::OwnRates,
        registration::Setup,
        smtp::EhloName,
        storages::{self, Storages},
    },
    app::tenancy::tenant::ProviderFactories,
    ports::Clock,
};
use publisher_sandbox::Sandbox;

/// Clients of everything but the orchestrator, with this storage.
pub(crate) fn providers(
    sandbox: &Sandbox,
    roots: &ExtraRoots,
    clock: &Arc<dyn Clock>,
    storages: Storages,
) -> ProviderFactories {
    let url = |text: String| text.parse().unwrap();
    let openai = OpenAiSettings {
        base_url: url(format!("{}/v1", sandbox.openai.server().url())),
        calls_per_minute: 20.try_into().unwrap(),
        candidates: 3,
    };
    let clock = || Arc::clone(clock);
    let rates = Arc::new(OwnRates::new(clock()));
    let captions = OpenAiCaptionWriterFactory::new(openai, roots, clock(), rates);
    let setup = Setup {
        roots: roots.clone(),
        clock: clock(),
        images: Arc::new(ImageScaler::default()),
        telegram_api_url: url(sandbox.telegram.server().url()),
        ehlo_name: EhloName::of_this_host(),
    };
    ProviderFactories {
        images: Arc::new(storages),
        content_hashes: storages::content_hash,
        takes_uploads: storages::takes_uploads,
        captions: Arc::new(captions.unwrap()),
        platforms: platforms::spec,
        publishers: platforms::factories(&setup).unwrap(),
    }
}
