//! Settles how the binary is linked.
#![expect(
    clippy::disallowed_methods,
    reason = "Cargo tells build scripts so, and only them"
)]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "gnu") {
        // What has to be moved when the binary is loaded is listed in 20 KB instead of 700, all of
        // which would be read at the start and stay in memory. Needs glibc 2.36.
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
