//! What a smaller copy of a photograph takes, beside `vipsthumbnail` and Pillow. See `README.md`
//! in the folder above.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot be set up has nothing to measure, and it tells what it has measured"
)]

mod contenders;
mod photo;
mod report;

use std::{path::Path, time::Duration};

use self::{
    contenders::{Contender, contenders},
    photo::{Kind, Photo},
    report::{Copy, Row, quality},
};

/// The longest side of the copies.
const LONGEST: u32 = 1024;
/// In 3:2, as most cameras have it, in megapixels.
const SIZES: [(u32, u32, u32); 5] = [
    (1, 1224, 816),
    (6, 3000, 2000),
    (12, 4240, 2832),
    (24, 6000, 4000),
    (50, 8660, 5772),
];

fn main() {
    let options = Options::read();
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let tiny = Photo::write(folder.path(), "tiny", (32, 32), Kind::Baseline);
    let mut contenders = contenders(folder.path());
    let mut rows = Vec::new();
    for (megapixels, width, height) in SIZES {
        if !options.wants(megapixels) {
            continue;
        }
        for kind in [Kind::Baseline, Kind::Progressive] {
            if kind == Kind::Progressive && megapixels != 24 {
                continue;
            }
            let photo = Photo::write(folder.path(), "photo", (width, height), kind);
            rows.extend(measured(
                &photo,
                &tiny,
                megapixels,
                &mut contenders,
                options.rounds,
            ));
        }
    }
    print!("{}", report::table(&rows));
    std::fs::write(&options.csv, report::csv(&rows)).expect("a place for the figures");
    println!("\nThe figures are in {}.", options.csv);
}

/// All contenders on one photo, in turn, round by round.
fn measured(
    photo: &Photo,
    tiny: &Photo,
    megapixels: u32,
    contenders: &mut [Box<dyn Contender>],
    rounds: usize,
) -> Vec<Row> {
    let mut times = vec![Vec::new(); contenders.len()];
    let mut starts = vec![Vec::new(); contenders.len()];
    for round in 0..=rounds {
        for (index, contender) in contenders.iter_mut().enumerate() {
            let time = contender.make(&photo.path);
            let start = contender.is_a_process().then(|| contender.make(&tiny.path));
            // The first round is for the caches.
            if round > 0 {
                times[index].push(time);
                starts[index].extend(start);
            }
        }
    }
    let reference = photo.reference(LONGEST);
    let copies = contenders.iter_mut().map(|contender| {
        contender.make(&photo.path);
        copy_of(contender.copy(), &reference)
    });
    let copies: Vec<Copy> = copies.collect();
    let each = contenders.iter().zip(times).zip(starts).zip(copies);
    each.map(|(((contender, times), starts), copy)| Row {
        photo: photo.name(),
        megapixels,
        bytes: photo.bytes,
        contender: contender.name(),
        times,
        starts,
        copy,
    })
    .collect()
}

fn copy_of(path: &Path, reference: &image::RgbImage) -> Copy {
    let bytes = std::fs::read(path).expect("the copy");
    let copy = image::load_from_memory(&bytes).expect("the copy is an image");
    let copy = copy.into_rgb8();
    Copy {
        size: copy.dimensions(),
        bytes: bytes.len(),
        quality: quality(&copy, reference),
    }
}

/// What can be chosen on the command line.
struct Options {
    rounds: usize,
    megapixels: Option<u32>,
    csv: String,
}

impl Options {
    fn read() -> Self {
        let arguments: Vec<String> = std::env::args().collect();
        let value = |name: &str| {
            let at = arguments.iter().position(|argument| argument == name)?;
            arguments.get(at + 1)
        };
        let number = |name| value(name).and_then(|number| number.parse().ok());
        Self {
            rounds: number("--rounds").map_or(11, |rounds: u32| rounds as usize),
            megapixels: number("--megapixels"),
            csv: value("--csv").map_or("target/image-path.csv".to_owned(), Clone::clone),
        }
    }

    fn wants(&self, megapixels: u32) -> bool {
        self.megapixels.is_none_or(|wanted| wanted == megapixels)
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
