//! Whether an answer about a host is for the tenant that the host names. Used by the client of the
//! orchestrator.
//!
//! With a config, the orchestrator decides whose credentials, images and ledger a host is served
//! with. Below the base domain, the host itself names the tenant, so that a mistake there can be
//! detected. A tenant's own host, outside of the base domain, may belong to any tenant.

use super::spans::UPSTREAM;
use crate::{
    domain::{host::Host, request_id::RequestId, tenant::TenantName},
    ports::ConfigSourceError,
};

/// Checks that a host below the base domain has the tenant's name, in any letter case, as its first
/// label.
///
/// # Errors
/// `NotFound` where it has not: the host is as unknown, and what was known of it before ends.
pub(super) fn check(
    host: &Host,
    base_domain: &Host,
    tenant: &TenantName,
    request_id: &RequestId,
) -> Result<(), ConfigSourceError> {
    let Some(label) = host.label_below(base_domain) else {
        return Ok(());
    };
    if label.eq_ignore_ascii_case(tenant.as_str()) {
        return Ok(());
    }
    tracing::error!(
        upstream = UPSTREAM,
        expected_tenant = label,
        answered_tenant = %tenant,
        %request_id,
        "the orchestrator answers with another tenant than the host names: the host is not served"
    );
    Err(ConfigSourceError::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_label_below_the_base_domain_is_the_tenants_name_in_any_case() {
        let base_domain = Host::normalize_any("example.org").unwrap();
        let id = RequestId::from_caller("id").unwrap();
        for (host, tenant, fits) in [
            ("alice.example.org", "alice", true),
            ("ALICE.example.org.", "Alice", true),
            ("alice.example.org", "bob", false),
            ("alice.example.org", "alice2", false),
            ("alice2.example.org", "alice", false),
            ("alice.example.org", "alice.example.org", false),
            // Whatever is below the base domain is the orchestrator's to give away by name.
            ("alice.eu.example.org", "alice", true),
            ("bob.alice.example.org", "alice", false),
            // Hosts of their own.
            ("photos.example.com", "alice", true),
            ("alice.notexample.org", "bob", true),
            ("example.org", "alice", true),
        ] {
            let host = Host::normalize(host).unwrap();
            let tenant = TenantName::new(tenant).unwrap();
            let checked = check(&host, &base_domain, &tenant, &id);
            assert_eq!(checked.is_ok(), fits, "{host:?} {tenant}");
            if let Err(error) = checked {
                assert!(matches!(error, ConfigSourceError::NotFound));
            }
        }
    }
}
