//! A photograph, of which a smaller copy is made, whatever its format: no panic, and the size that was
//! asked for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use publisher::adapters::imaging::fuzzing::copy;

fuzz_target!(|file: &[u8]| {
    if let Some((asked, made)) = copy(file) {
        assert_eq!(asked, made);
    }
});
