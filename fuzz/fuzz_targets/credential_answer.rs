//! What the credentials call answers, read for each provider: no panic, one provider at most that
//! it is for, and no secret in what is printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use publisher::{
    adapters::{orchestrator::fuzzing::read_credential, platforms},
    domain::{credential::Provider, platform::Platform},
};

fuzz_target!(|body: &[u8]| {
    let mut of = Vec::new();
    let of_platforms = Platform::ALL.map(|platform| platforms::spec(platform).provider);
    for provider in [Provider::DROPBOX, Provider::OPENAI]
        .into_iter()
        .chain(of_platforms)
    {
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
