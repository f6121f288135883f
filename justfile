# What is run by hand and in CI; `just` lists it.

default:
    @just --list

# Format everything.
fmt:
    cargo fmt --all

# Formatting and lints, with and without the sandbox.
lint:
    cargo fmt --all --check
    cargo clippy --all-targets --locked -- -D warnings
    cargo clippy --no-default-features --locked -- -D warnings

# All tests, doc-tests included.
test:
    cargo test --locked

# Licences, bans, sources and advisories; needs cargo-deny and the network.
deny:
    cargo deny check

# The service with stand-ins for every upstream: `just sandbox --once` publishes one image.
sandbox *arguments:
    cargo run -- sandbox {{arguments}}

# Write the OpenAPI documents anew.
openapi:
    cargo run -- openapi --format yaml > openapi/openapi.yaml
    cargo run -- openapi --format json > openapi/openapi.json

# Every alert, fired by its fault; needs Debian's prometheus.
alerts:
    promtool check rules deploy/prometheus-alerts.yaml
    promtool test rules tests/alerts/rules.test.yaml
    cargo test --locked --test alerts -- --ignored --nocapture

# Generated clients, made-up requests, and the page in a browser; needs Node.js, Python, Chromium.
clients:
    tests/clients/run
    tests/clients/schemathesis
    tests/clients/docs-page

# What has to pass before a change goes in.
ci: lint test
