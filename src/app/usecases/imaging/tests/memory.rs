//! What copies take in memory, by the measure of the system: no more than was set aside for them.
//! Only Linux tells; each is made in a process of its own, so that nothing else counts.

use std::process::Command;

use mozjpeg::{ColorSpace, Compress};

use super::{samples::photo, *};

/// 3072 × 2048 pixels, and a copy that is read by way of a half of them.
const WHOLE: (u32, u32) = (3072, 2048);
const SIZE: Size = (768, 512);

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

/// A photo to measure, and a small one of its kind: what that takes first is the code, which is paged in
/// once, and no copy's.
fn photos(tell: impl Fn(&mut Compress)) -> (EncodedImage, EncodedImage) {
    let photo = |size| photo(size, ColorSpace::JCS_RGB, &tell);
    (photo(WHOLE), photo((WHOLE.0 / 16, WHOLE.1 / 16)))
}

fn is_within_what_was_set_aside_for_a_scaled_copy(tell: impl Fn(&mut Compress)) {
    let (image, small) = photos(tell);
    let header = Header::of(&image).unwrap();
    let memory = memory_for_scaled(&ScaledJpeg::of(&header, SIZE).unwrap(), SIZE);
    let whole = memory_for(&header, SIZE);
    assert!(5 * memory < 4 * whole, "{memory} instead of {whole}");
    let work = |image: &EncodedImage, size| {
        let jpeg = ScaledJpeg::of(&Header::of(image).unwrap(), size).unwrap();
        copy_of_scaled(image, &jpeg, size).unwrap()
    };
    work(&small, (SIZE.0 / 16, SIZE.1 / 16));
    assert_within(growth(|| work(&image, SIZE)), memory);
}

fn is_within_what_was_set_aside_for_a_copy(tell: impl Fn(&mut Compress)) {
    let (image, small) = photos(tell);
    let work = |image: &EncodedImage, size| {
        let header = Header::of(image).unwrap();
        copy(image, &header, size).unwrap()
    };
    work(&small, (SIZE.0 / 16, SIZE.1 / 16));
    let memory = memory_for(&Header::of(&image).unwrap(), SIZE);
    assert_within(growth(|| work(&image, SIZE)), memory);
}

#[test]
fn a_scaled_copy_takes_what_was_set_aside_for_it() {
    runs_alone("alone_scaled");
    runs_alone("alone_scaled_progressive");
}

#[test]
#[ignore = "is run by the one above, in a process of its own"]
fn alone_scaled() {
    is_within_what_was_set_aside_for_a_scaled_copy(|_| {});
}

#[test]
#[ignore = "is run by the one above, in a process of its own"]
fn alone_scaled_progressive() {
    is_within_what_was_set_aside_for_a_scaled_copy(Compress::set_progressive_mode);
}

#[test]
fn a_copy_by_way_of_all_pixels_takes_what_was_set_aside_for_it() {
    runs_alone("alone_whole");
    runs_alone("alone_progressive");
}

#[test]
#[ignore = "is run by the one above, in a process of its own"]
fn alone_whole() {
    is_within_what_was_set_aside_for_a_copy(|_| {});
}

#[test]
#[ignore = "is run by the one above, in a process of its own"]
fn alone_progressive() {
    is_within_what_was_set_aside_for_a_copy(Compress::set_progressive_mode);
}
