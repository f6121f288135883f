//! The stand-ins over the wire, each spoken to as the real service would.

mod bluesky;
mod dropbox;
mod dropbox_files;
mod mastodon;
mod openai;
mod orchestrator;
mod smtp;
mod switches;
mod telegram;
mod whole;

#[expect(
    clippy::disallowed_methods,
    reason = "the tests of the stand-ins depend on crates alone, as the stand-ins do"
)]
fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}
