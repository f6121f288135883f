//! What copies take in memory, by the measure of the system: no more than was set aside for them.
//! Only Linux tells; each is made in a process of its own, so that nothing else counts.

use std::process::Command;

use jpeg_encoder::ColorType;

use super::{samples::photo, *};

/// 3072 × 2048 pixels, and a copy that is read by way of a half of them.
const WHOLE: (u16, u16) = (3072, 2048);
const SIZE: Size = (768, 512);

/// Runs one of the tests below, alone.
fn runs_alone(name: &str) {
    if !cfg!(target_os = "linux") {
        return;
    }
    let name = format!("{}::{name}", module_path!().split_once("::").unwrap().1);
    let outcome = Command::new(std::env::current_exe().unwrap())
        .args([&name, "--exact", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&outcome.stdout);
    assert!(told.contains("1 passed"), "{told}");
}

/// By how much the process has grown while it did this, at most, in bytes.
fn growth<T>(work: impl FnOnce() -> T) -> u64 {
    let figure = |name: &str| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.unwrap().trim().trim_end_matches(" kB").parse::<u64>();
        kilobytes.unwrap() * 1024
    };
    // Sets the peak back to what there is now.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = figure("VmRSS:");
    work();
    figure("VmHWM:").saturating_sub(before)
}

fn assert_within(grown: u64, memory: u64) {
    assert!(grown <= memory, "grew by {grown}, {memory} were set aside");
    // What is set aside without need keeps others waiting.
    assert!(grown + 10_000_000 > memory, "grew by {grown} of {memory}");
}

#[test]
fn a_reduced_copy_takes_what_was_set_aside_for_it() {
    runs_alone("alone_reduced");
}

#[test]
#[ignore = "is run by the one above, in a process of its own"]
fn alone_reduced() {
    let image = photo(WHOLE, ColorType::Rgb, |_| {});
    let header = Header::of(&image).unwrap();
    let reduced = reduced(&image, &header, SIZE).unwrap();
    let memory = memory_for_reduced(&reduced, SIZE);
    assert!(2 * memory < memory_for(&header, SIZE), "is not worth it");
    assert_within(growth(|| copy_of_reduced(&reduced, SIZE).unwrap()), memory);
}

#[test]
fn a_copy_by_way_of_all_pixels_takes_what_was_set_aside_for_it() {
    runs_alone("alone_whole");
    runs_alone("alone_progressive");
}

#[test]
#[ignore = "is run by the one above, in a process of its own"]
fn alone_whole() {
    let image = photo(WHOLE, ColorType::Rgb, |_| {});
    let header = Header::of(&image).unwrap();
    let memory = memory_for(&header, SIZE);
    assert_within(growth(|| copy(&image, &header, SIZE).unwrap()), memory);
}

#[test]
#[ignore = "is run by the one above, in a process of its own"]
fn alone_progressive() {
    let image = photo(WHOLE, ColorType::Rgb, |it| it.set_progressive(true));
    let header = Header::of(&image).unwrap();
    let memory = memory_for(&header, SIZE);
    assert_within(growth(|| copy(&image, &header, SIZE).unwrap()), memory);
}
