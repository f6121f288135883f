//! Settles how the binary is linked, and which commit it says it is of.
#![expect(
    clippy::disallowed_methods,
    reason = "Cargo tells build scripts so, and only them"
)]

use std::{env, path::Path, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "gnu") {
        // What has to be moved when the binary is loaded is listed in 20 KB instead of 700, all of
        // which would be read at the start and stay in memory. Needs glibc 2.36.
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    println!("cargo::rerun-if-env-changed=PUBLISHER_COMMIT");
    let commit = named_commit().or_else(checked_out_commit);
    let commit = commit.as_deref().unwrap_or("unknown");
    println!("cargo::rustc-env=PUBLISHER_COMMIT={commit}");
}

/// The commit that whoever builds without a repository names.
fn named_commit() -> Option<String> {
    let name = env::var("PUBLISHER_COMMIT").ok()?;
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-._+".contains(it);
    (!name.is_empty() && name.chars().all(is_plain)).then_some(name)
}

/// The commit that is checked out here, where there are a repository and git. Debug builds do without:
/// each commit would have everything built anew.
fn checked_out_commit() -> Option<String> {
    if env::var("PROFILE").ok()? != "release" {
        return None;
    }
    // Without it this is a copy inside of another repository.
    if !Path::new(".git").exists() {
        return None;
    }
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    // Written with every commit, and every checkout of another one.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
    Some(commit)
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}
