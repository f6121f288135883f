//! Base URLs of what secrets are sent to. Used by the settings.

use publisher::{adapters::env::Environment, domain::host::is_loopback};
use url::Url;

/// Reads a base URL that secrets are sent to, and warns of one that lets them be read on the way.
pub(super) fn read(
    environment: &mut Environment,
    name: &str,
    default: Option<&str>,
) -> Option<Url> {
    let url = environment.url(name, default)?;
    warn_of_plain_http(environment, name, &url);
    Some(url)
}

/// Warns of a URL without TLS to another machine.
pub(super) fn warn_of_plain_http(environment: &mut Environment, name: &str, url: &Url) {
    if url.scheme() == "http" && !url.host_str().is_some_and(is_loopback) {
        environment.warn(
            name,
            "is http to another machine: what is sent there, secrets among it, can be read and changed \
             on the way; use https",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(url: &str) -> Vec<String> {
        let mut environment = Environment::from_pairs([("NAME", url)]);
        assert!(read(&mut environment, "NAME", None).is_some(), "{url}");
        let warnings = environment.warnings().iter();
        warnings.map(ToString::to_string).collect()
    }

    #[test]
    fn http_to_another_machine_is_warned_of_without_naming_it() {
        for url in [
            "http://orchestrator.example.org",
            "HTTP://orchestrator.example.org:8080/base",
            "http://10.0.0.7",
            "http://[fd00::1]:80",
            "http://localhost.example.org",
            "http://128.0.0.1",
            "http://0.0.0.0:8080",
        ] {
            let told = warnings(url);
            assert_eq!(told.len(), 1, "{url}");
            assert!(told[0].starts_with("NAME: is http to another machine"));
            assert!(!told[0].contains("example") && !told[0].contains("0.0"));
        }
        for url in [
            "https://orchestrator.example.org",
            "http://localhost:8080",
            "http://LOCALHOST",
            "http://127.0.0.1:9000/v1",
            "http://127.1.2.3",
            "http://[::1]:9000",
        ] {
            assert_eq!(warnings(url), [""; 0], "{url}");
        }
    }
}
