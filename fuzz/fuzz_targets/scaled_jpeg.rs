//! A photograph, as it is read at a part of its size: no panic, and as many pixels as memory was set
//! aside for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use publisher::app::usecases::imaging::fuzzing::read_scaled;

fuzz_target!(|file: &[u8]| {
    if let Some((bytes, set_aside)) = read_scaled(file) {
        assert_eq!(bytes, set_aside);
    }
});
