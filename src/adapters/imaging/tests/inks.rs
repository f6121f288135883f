//! Files for print, and profiles of other colors than the file's.

use mozjpeg::{ColorSpace, Compress, Marker};

use super::{
    samples::{assert_colors, corners_of, encoded, photo_with},
    *,
};

const SIZE: (u32, u32) = (128, 96);
/// Cyan, magenta, yellow and black, in the four quarters.
const INKS: [[u8; 4]; 4] = [
    [255, 0, 0, 0],
    [0, 255, 0, 0],
    [0, 0, 255, 0],
    [0, 0, 0, 255],
];
/// What these are on a screen, by the usual rule.
const LIGHT: [[u8; 3]; 4] = [[0, 255, 255], [255, 0, 255], [255, 255, 0], [0, 0, 0]];

/// A picture of the four inks, written as Adobe's programs do it if `adobe` is set.
fn print(space: ColorSpace, adobe: bool, profile: Option<&[u8]>) -> EncodedImage {
    let mut pixels = Vec::new();
    for y in 0..SIZE.1 {
        for x in 0..SIZE.0 {
            let quarter = usize::from(2 * x >= SIZE.0) + 2 * usize::from(2 * y >= SIZE.1);
            pixels.extend(INKS[quarter].map(|ink| if adobe { 255 - ink } else { ink }));
        }
    }
    let mut encoder = Compress::new(ColorSpace::JCS_CMYK);
    encoder.set_fastest_defaults();
    encoder.set_color_space(space);
    encoder.set_size(SIZE.0 as usize, SIZE.1 as usize);
    encoder.set_quality(98.0);
    let mut started = encoder.start_compress(Vec::new()).unwrap();
    if let Some(profile) = profile {
        let part = [b"ICC_PROFILE\0\x01\x01", profile].concat();
        started.write_marker(Marker::APP(2), &part);
    }
    started.write_scanlines(&pixels).unwrap();
    let mut bytes = started.finish().unwrap();
    if !adobe {
        let marker = bytes
            .windows(7)
            .position(|it| it == b"\0\x0EAdobe")
            .unwrap()
            - 2;
        bytes.drain(marker..marker + 16);
    }
    encoded(bytes)
}

/// A profile of inks in which cyan is green and all else is white: unlike any rule.
fn green_cyan() -> Vec<u8> {
    let mut lut = b"mft1\0\0\0\0\x04\x03\x02\0".to_vec();
    for at in 0..9 {
        let one = if at % 4 == 0 { 0x0001_0000_u32 } else { 0 };
        lut.extend(one.to_be_bytes());
    }
    let straight: Vec<u8> = (0..=u8::MAX).collect();
    lut.extend(straight.repeat(4));
    // L, a and b; the first ink changes slowest.
    for at in 0..16 {
        lut.extend(if at & 8 != 0 {
            [150, 60, 190]
        } else {
            [255, 128, 128]
        });
    }
    lut.extend(straight.repeat(3));
    let mut white = b"XYZ \0\0\0\0".to_vec();
    white.extend(
        [0x0000_F6D6_u32, 0x0001_0000, 0x0000_D32D]
            .map(u32::to_be_bytes)
            .concat(),
    );
    let mut profile = vec![0; 128];
    profile[8..12].copy_from_slice(&[2, 0x40, 0, 0]);
    profile[12..24].copy_from_slice(b"prtrCMYKLab ");
    profile[36..40].copy_from_slice(b"acsp");
    profile[68..80].copy_from_slice(&white[8..20]);
    let tags = 128 + 4 + 2 * 12;
    profile.extend(2_u32.to_be_bytes());
    let length = |part: &[u8]| u32::try_from(part.len()).unwrap();
    for (name, at, part) in [
        (b"A2B0", tags, &lut),
        (b"wtpt", tags + length(&lut), &white),
    ] {
        profile.extend(name);
        profile.extend(at.to_be_bytes());
        profile.extend(length(part).to_be_bytes());
    }
    profile.extend(lut);
    profile.extend(white);
    let all = length(&profile).to_be_bytes();
    profile[..4].copy_from_slice(&all);
    profile
}

#[tokio::test]
async fn inks_become_colors_of_a_screen_and_their_profile_goes() {
    let scaler = ImageScaler::default();
    let of_inks = profile(b"CMYK", 3_000);
    let of_screen = profile(b"RGB ", 3_000);
    for space in [ColorSpace::JCS_CMYK, ColorSpace::JCS_YCCK] {
        for adobe in [true, false] {
            // Without the marker nothing says that colors were made of the inks.
            if space == ColorSpace::JCS_YCCK && !adobe {
                continue;
            }
            for profile in [None, Some(&of_inks[..]), Some(&of_screen[..])] {
                let image = print(space, adobe, profile);
                let name = format!("{space:?}, Adobe: {adobe}");
                for (copy, size) in [
                    (scaler.fit_within(&image, Some(2048)).await, SIZE),
                    (scaler.fit_within(&image, None).await, SIZE),
                    (scaler.meet(&image, LIMITS).await, SIZE),
                    (scaler.fit_within(&image, Some(64)).await, (64, 48)),
                ] {
                    let copy = copy.unwrap();
                    assert_eq!(decoded(&copy).dimensions(), size, "{name}");
                    assert_eq!(decoded(&copy).color(), ColorType::Rgb8, "{name}");
                    assert_colors(&name, corners_of(&copy), LIGHT);
                    assert_eq!(profile_of(&copy), None, "{name}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_profile_of_inks_says_what_they_look_like() {
    for adobe in [true, false] {
        let image = print(ColorSpace::JCS_CMYK, adobe, Some(&green_cyan()));
        let copy = ImageScaler::default()
            .fit_within(&image, None)
            .await
            .unwrap();
        let [cyan, others @ ..] = corners_of(&copy);
        assert!(cyan[1] > cyan[0] + 60 && cyan[1] > cyan[2] + 60, "{cyan:?}");
        for other in others {
            assert!(other.iter().all(|light| *light > 235), "{other:?}");
        }
        assert_eq!(profile_of(&copy), None);
    }
}

#[tokio::test]
async fn only_a_profile_of_the_files_own_colors_comes_along() {
    let scaler = ImageScaler::default();
    for (color, own) in [
        (ColorSpace::JCS_RGB, b"RGB "),
        (ColorSpace::JCS_GRAYSCALE, b"GRAY"),
    ] {
        for space in [b"RGB ", b"GRAY", b"CMYK", b"Lab ", b"\0\0\0\0"] {
            let profile = profile(space, 500);
            let part = [b"ICC_PROFILE\0\x01\x01", &profile[..]].concat();
            let image = photo_with((320, 208), color, &[(2, part)], |_| {});
            let copy = scaler.fit_within(&image, Some(75)).await.unwrap();
            let kept = (space == own).then_some(profile);
            assert_eq!(profile_of(&copy), kept, "{color:?} {space:?}");
        }
    }
}
