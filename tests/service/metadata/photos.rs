//! Photos with everything that cameras and programs write beside the picture. Each piece holds [`CANARY`].

use image::RgbImage;

/// What the metadata of these photos say.
pub(super) const CANARY: &[u8] = b"53.5511 N 9.9937 E, by A. Artist";

/// A picture in a file of this format.
fn picture(format: image::ImageFormat) -> Vec<u8> {
    let shade = |x: u32, y: u32| image::Rgb([x, y, x ^ y].map(|it| u8::try_from(it).unwrap()));
    let mut bytes = std::io::Cursor::new(Vec::new());
    RgbImage::from_fn(90, 60, shade)
        .write_to(&mut bytes, format)
        .unwrap();
    bytes.into_inner()
}

/// A JPEG with EXIF data, XMP in two parts, a second thumbnail, a second picture's index, notes of programs, a comment,
/// and a video behind it.
pub(super) fn jpeg(orientation: u16) -> Vec<u8> {
    let clean = picture(image::ImageFormat::Jpeg);
    let (head, tail) = clean.split_at(2);
    // The digest of the whole, its length, and the place of this part.
    let more_xmp = [
        &b"http://ns.adobe.com/xmp/extension/\0"[..],
        &[b'0'; 32],
        &[0; 8],
    ]
    .concat();
    let exif = [b"Exif\0\0", &exif(orientation)[..]].concat();
    [
        head,
        &segment(0xE1, &exif),
        &canary_in(0xE0, b"JFXX\0\x10"),
        &canary_in(0xE1, b"http://ns.adobe.com/xap/1.0/\0"),
        &canary_in(0xE1, &more_xmp),
        &canary_in(0xE2, b"MPF\0"),
        &canary_in(0xED, b"Photoshop 3.0\0"),
        &canary_in(0xFE, b""),
        tail,
        b"\0\0\0\x18ftypmp42",
        CANARY,
    ]
    .concat()
}

fn canary_in(marker: u8, name: &[u8]) -> Vec<u8> {
    segment(marker, &[name, CANARY].concat())
}

fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
    [&[0xFF, marker], &length[..], data].concat()
}

/// A PNG with texts, EXIF data, a time, and the rest of a larger picture behind it.
pub(super) fn png() -> Vec<u8> {
    let clean = picture(image::ImageFormat::Png);
    let chunk = |kind: &[u8], data: &[u8]| {
        let body = [kind, data].concat();
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        [&length[..], &body, &crc32fast::hash(&body).to_be_bytes()].concat()
    };
    let text = |kind: &[u8], name: &[u8]| chunk(kind, &[name, CANARY].concat());
    let (head, tail) = clean.split_at(8 + 25);
    [
        head,
        &text(b"tEXt", b"Author\0"),
        &text(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0"),
        &chunk(b"eXIf", &exif(1)),
        &chunk(b"tIME", &[0x07, 0xEA, 11, 29, 12, 0, 0]),
        tail,
        &text(b"IDAT", b""),
    ]
    .concat()
}

/// A WebP with EXIF data, XMP, and a chunk that nobody knows.
pub(super) fn webp() -> Vec<u8> {
    let clean = picture(image::ImageFormat::WebP);
    let chunk = |kind: &[u8], data: &[u8]| {
        let length = u32::try_from(data.len()).unwrap().to_le_bytes();
        let padding = &[0][..data.len() % 2];
        [kind, &length, data, padding].concat()
    };
    let head = [0x0C, 0, 0, 0, 89, 0, 0, 59, 0, 0];
    let body = [
        b"WEBP",
        &chunk(b"VP8X", &head)[..],
        &clean[12..],
        &chunk(b"EXIF", &exif(1)),
        &chunk(b"XMP ", CANARY),
        &chunk(b"NOTE", CANARY),
    ]
    .concat();
    chunk(b"RIFF", &body)
}

/// EXIF data with an artist, a place, maker notes, a comment and a thumbnail.
fn exif(orientation: u16) -> Vec<u8> {
    const ASCII: u16 = 2;
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    const RATIONAL: u16 = 5;
    const BYTES: u16 = 7;
    let long = |value: usize| u32::try_from(value).unwrap().to_le_bytes().to_vec();
    let degrees: Vec<u8> = [53, 1, 33, 1, 4, 1].into_iter().flat_map(long).collect();
    let mut data = b"II*\0\0\0\0\0".to_vec();
    let place = data.len();
    let gps: [Field; 3] = [
        (0x01, ASCII, b"N\0".to_vec()),
        (0x02, RATIONAL, degrees),
        (0x1B, BYTES, CANARY.to_vec()),
    ];
    data.extend(directory(place, &gps, 0));
    let camera = data.len();
    let notes: [Field; 2] = [
        (0x927C, BYTES, CANARY.to_vec()),
        (0x9286, BYTES, [b"ASCII\0\0\0", CANARY].concat()),
    ];
    data.extend(directory(camera, &notes, 0));
    let thumbnail = data.len();
    let small = picture(image::ImageFormat::Jpeg);
    let small = [&small[..2], &canary_in(0xFE, b""), &small[2..]].concat();
    data.extend(&small);
    let second = data.len();
    let of_thumbnail: [Field; 3] = [
        (0x0103, SHORT, vec![6, 0]),
        (0x0201, LONG, long(thumbnail)),
        (0x0202, LONG, long(small.len())),
    ];
    data.extend(directory(second, &of_thumbnail, 0));
    let first = data.len();
    let whole: [Field; 4] = [
        (0x0112, SHORT, orientation.to_le_bytes().to_vec()),
        (0x013B, ASCII, [CANARY, b"\0"].concat()),
        (0x8769, LONG, long(camera)),
        (0x8825, LONG, long(place)),
    ];
    data.extend(directory(first, &whole, second));
    data[4..8].copy_from_slice(&long(first));
    data
}

/// Tag, type, and value.
type Field = (u16, u16, Vec<u8>);

/// A directory of EXIF data at this place, with the place of the next one.
fn directory(at: usize, fields: &[Field], next: usize) -> Vec<u8> {
    const SIZES: [usize; 8] = [0, 1, 1, 2, 4, 8, 1, 1];
    let long = |value: usize| u32::try_from(value).unwrap().to_le_bytes();
    let behind = at + 2 + 12 * fields.len() + 4;
    let mut table = u16::try_from(fields.len()).unwrap().to_le_bytes().to_vec();
    let mut values: Vec<u8> = Vec::new();
    for (tag, kind, value) in fields {
        table.extend(tag.to_le_bytes());
        table.extend(kind.to_le_bytes());
        table.extend(long(value.len() / SIZES[usize::from(*kind)]));
        if value.len() > 4 {
            table.extend(long(behind + values.len()));
            values.extend(value);
        } else {
            let mut short = value.clone();
            short.resize(4, 0);
            table.extend(short);
        }
    }
    table.extend(long(next));
    table.extend(values);
    table
}
