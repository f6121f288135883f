//! What by-host answers, from its bytes to a validated config: no panic, no problem without a
//! path, and a config in effect that validates to itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use publisher::{
    adapters::{orchestrator::fuzzing::read_envelope, platforms},
    domain::{
        tenant::ConfigTtl,
        tenant_config::{FieldProblem, SchemaVersion, TenantConfig},
    },
};

fuzz_target!(|body: &[u8]| {
    let Some(unvalidated) = read_envelope(body) else {
        return;
    };
    let ttl = unvalidated.ttl();
    assert!((1..=86_400).contains(&ttl.as_duration().as_secs()));
    let validated = match unvalidated.validate(platforms::spec) {
        Ok(validated) => validated,
        Err(violations) => {
            assert!(!violations.fields().is_empty());
            assert!(violations.fields().iter().all(|it| !it.path().is_empty()));
            return;
        }
    };
    assert!(validated.warnings().iter().all(|it| !it.path().is_empty()));
    let again = TenantConfig::new(
        validated.tenant().clone(),
        validated.version().clone(),
        ConfigTtl::from_seconds(None),
        SchemaVersion::V2,
        validated.effective_document().expose(),
    );
    let again = again
        .validate(platforms::spec)
        .expect("a config in effect is valid");
    assert_eq!(again.settings(), validated.settings());
    assert!(again.warnings().iter().all(FieldProblem::is_advice));
});
