//! The `Host` header: what is accepted is fit for DNS, normal already, and never an address.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use publisher::domain::host::Host;

fuzz_target!(|raw: &str| {
    if let Ok(host) = Host::normalize(raw) {
        let name = host.as_str();
        assert!(name.len() <= 253);
        assert!(name.split('.').all(|label| (1..=63).contains(&label.len())));
        assert!(
            name.bytes()
                .all(|it| matches!(it, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
        );
        assert!(name != "localhost" && !name.starts_with("www."));
        assert!(name.parse::<IpAddr>().is_err());
        assert_eq!(Host::normalize(name), Ok(host.clone()));
        assert_eq!(Host::normalize_any(raw), Ok(host));
    }
    if let Ok(host) = Host::normalize_any(raw) {
        assert_eq!(Host::normalize_any(host.as_str()), Ok(host));
    }
});
