//! What the credentials call answers, read for each provider: no panic, one provider at most that
//! it is for, and no secret in what is printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use publisher::{adapters::orchestrator::fuzzing::read_credential, domain::credential::Provider};

const PROVIDERS: [Provider; 4] = [
    Provider::Dropbox,
    Provider::OpenAi,
    Provider::Telegram,
    Provider::Smtp,
];

fuzz_target!(|body: &[u8]| {
    let mut of = Vec::new();
    for provider in PROVIDERS {
        if let Some(credential) = read_credential(body, provider) {
            assert_eq!(credential.provider(), provider);
            let shown = format!("{credential:?}");
            assert!(shown.contains("Secret(***)"), "{shown}");
            assert!(shown.contains("CredentialVersion(***)"), "{shown}");
            of.push(provider);
        }
    }
    assert!(of.len() <= 1, "{of:?}");
});
