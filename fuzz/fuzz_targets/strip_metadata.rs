//! An image whose metadata is left out: no panic; what is left is read as the same image, and has nothing to leave out;
//! what is planted into it goes again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use publisher::adapters::imaging::fuzzing::strip;

/// A comment of a JPEG, a text of a PNG with its checksum, and a chunk of a WebP with EXIF data.
const PLANTED: [&[u8]; 3] = [
    b"\xFF\xFE\0\x06here",
    b"\0\0\0\x04tEXthere\x27\xDB\x8E\xCC",
    b"EXIF\x04\0\0\0here",
];

fuzz_target!(|file: &[u8]| {
    let Some((header, stripped)) = strip(file) else {
        return;
    };
    assert!(stripped.len() <= file.len() + 1, "more than there was");
    let (again, same) = strip(&stripped).expect("it is an image");
    assert_eq!(header, again, "another image");
    assert!(same == stripped, "something was left");
    for (at, planted) in places(&stripped).into_iter().zip(PLANTED) {
        let Some(at) = at else { continue };
        let mut more = [&stripped[..at], planted, &stripped[at..]].concat();
        if at == stripped.len() {
            let length = u32::try_from(more.len() - 8).expect("a small file");
            more[4..8].copy_from_slice(&length.to_le_bytes());
        }
        more.extend_from_slice(b"behind the end");
        let (_, clean) = strip(&more).expect("it still is an image");
        assert!(clean == stripped, "what was planted stayed");
    }
});

/// Where something can be planted: in a JPEG, a PNG and a WebP.
fn places(file: &[u8]) -> [Option<usize>; 3] {
    let at = |magic: &[u8], at| file.starts_with(magic).then_some(at);
    [
        at(b"\xFF\xD8", 2),
        at(b"\x89PNG", 8 + 25),
        at(b"RIFF", file.len()),
    ]
}
