//! Lines of the log that somebody else would like to write.

use std::{net::TcpListener, time::Duration};

use publisher_sandbox::{Fault, Sandbox};
use serde_json::json;
use tokio::{io::AsyncReadExt as _, net::TcpStream};

use crate::{harness::command, raw};

const FORGED: &str = "v1\r\n2026-01-01T00:00:00.000000Z  INFO publisher: forged\u{1b}[2J\u{9b}31m\u{85}\u{2028}\u{202e}";

/// Serves a tenant whose config has such a version, and hands the log over.
async fn log_of(format: &str) -> String {
    let sandbox = Sandbox::start().await.unwrap();
    let host = sandbox.tenants()[0].host.clone();
    let record = sandbox.orchestrator.tenant(&host).unwrap();
    let forged = json!({
        "schema_version": record.schema_version, "tenant": record.tenant,
        "app_type": record.app_type, "config_version": FORGED, "ttl_seconds": 600,
        "config": record.config,
    });
    let switches = sandbox.orchestrator.switches();
    switches.always("by_host", Fault::json(200, &forged));
    // In no format but JSON does the log tell the address in a way that can be read.
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let mut serve = command("serve");
    serve
        .envs(sandbox.environment())
        .env("LISTEN_ADDRESS", &address)
        .env("METRICS_LISTEN_ADDRESS", "")
        .env("LOG_FORMAT", format)
        .env("RUST_LOG", "trace");
    let mut child = serve.spawn().unwrap();
    while TcpStream::connect(&address).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let line = "GET /api/config/features HTTP/1.1";
    let status = raw::status(&address, line, &[&format!("Host: {host}")]).await;
    assert_eq!(status, 200);
    let id = child.id().unwrap().to_string();
    let told = tokio::process::Command::new("kill")
        .args(["-TERM", &id])
        .status();
    assert!(told.await.unwrap().success());
    let mut log = String::new();
    let mut output = child.stdout.take().unwrap();
    output.read_to_string(&mut log).await.unwrap();
    child.wait().await.unwrap();
    log
}

#[tokio::test]
async fn no_version_of_a_config_writes_a_line_of_the_log_or_steers_a_terminal() {
    for format in ["pretty", "json"] {
        let log = log_of(format).await;
        let lines: Vec<_> = log.lines().filter(|it| it.contains("forged")).collect();
        assert!(!lines.is_empty(), "{log}");
        for line in lines {
            assert!(!line.starts_with("2026-01-01T00:00:00.000000Z"), "{line:?}");
            assert!(line.contains("v1\\r\\n2026"), "{line:?}");
            for control in ["\u{1b}[2J", "\u{9b}", "\u{85}", "\u{2028}", "\u{202e}"] {
                assert!(!line.contains(control), "{format}: {line:?}");
            }
        }
    }
}
