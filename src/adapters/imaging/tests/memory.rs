//! The memory that copies take, as the system measures it: no more than was reserved for them. Only
//! Linux reports it. Each copy is made in a process of its own, so that nothing else is counted.

use std::process::Command;

use mozjpeg::{ColorSpace, Compress};

use super::{samples::photo, *};

/// Runs one of the tests below, alone.
fn runs_alone(name: &str) {
    if cfg!(target_os = "linux") {
        alone(&format!("{}::{name}", module_path!()));
    }
}

/// Runs a test that is ignored otherwise in a process of its own, and hands back what it has
/// written to standard error.
pub(super) fn alone(path: &str) -> String {
    let name = path.split_once("::").unwrap().1;
    let outcome = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&outcome.stdout);
    assert!(told.contains("1 passed"), "{told}");
    String::from_utf8_lossy(&outcome.stderr).into_owned()
}

/// By how much the process has grown while it did this, at most, in bytes.
pub(super) fn growth<T>(work: impl FnOnce() -> T) -> (u64, T) {
    let figure = |name: &str| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.unwrap().trim().trim_end_matches(" kB").parse::<u64>();
        kilobytes.unwrap() * 1024
    };
    // Sets the peak back to what there is now.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = figure("VmRSS:");
    let done = work();
    (figure("VmHWM:").saturating_sub(before), done)
}

/// A photo to measure, and a small one of its kind: what that takes first is the code, which is paged in
/// once, and no copy's.
fn is_within_what_was_set_aside(size: Size, tell: impl Fn(&mut Compress)) {
    let photo = |size| photo(size, ColorSpace::JCS_RGB, &tell);
    copy_of(&photo((192, 128)), (size.0 / 16, size.1 / 16)).unwrap();
    let image = photo((3072, 2048));
    let header = Header::of(&image).unwrap();
    let plan = Plan::new(&image, &header, size, u64::MAX, MEMORY).unwrap();
    let (grown, _) = growth(|| plan.carry_out(&image).unwrap());
    let memory = plan.memory();
    assert!(grown <= memory, "grew by {grown}, {memory} were set aside");
    // What is set aside without need keeps others waiting.
    assert!(grown + 10_000_000 > memory, "grew by {grown} of {memory}");
}

#[test]
fn a_copy_takes_what_was_set_aside_for_it() {
    runs_alone("alone_small");
    runs_alone("alone_small_progressive");
    runs_alone("alone_whole");
    runs_alone("alone_whole_progressive");
}

#[test]
#[ignore = "is run by the one above, in a process of its own"]
fn alone_small() {
    is_within_what_was_set_aside((768, 512), |_| {});
}

#[test]
#[ignore = "is run by the one above, in a process of its own"]
fn alone_small_progressive() {
    is_within_what_was_set_aside((768, 512), Compress::set_progressive_mode);
}

#[test]
#[ignore = "is run by the one above, in a process of its own"]
fn alone_whole() {
    is_within_what_was_set_aside((3072, 2048), |_| {});
}

#[test]
#[ignore = "is run by the one above, in a process of its own"]
fn alone_whole_progressive() {
    is_within_what_was_set_aside((3072, 2048), Compress::set_progressive_mode);
}
