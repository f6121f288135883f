//! Who makes copies, each from file to file: our way, which the service goes, and two others.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use bytes::Bytes;
use publisher::{
    adapters::imaging::ImageScaler, domain::image::EncodedImage, ports::ImageProcessor as _,
};
use tokio::runtime::Runtime;

use super::LONGEST;

/// Makes a copy with a longest side of [`LONGEST`], as a JPEG of quality 88.
pub(crate) trait Contender {
    fn name(&self) -> &'static str;

    /// Whether a process is started for each copy, which is a part of the time.
    fn is_a_process(&self) -> bool {
        false
    }

    /// Makes one, and says how long it took.
    fn make(&mut self, photo: &Path) -> Duration;

    /// Where the last one is.
    fn copy(&self) -> &Path;
}

/// All that are there; says which are not.
pub(crate) fn contenders(folder: &Path) -> Vec<Box<dyn Contender>> {
    let mut all: Vec<Box<dyn Contender>> = vec![Box::new(Ours::new(folder))];
    match Vips::new(folder) {
        Some(vips) => all.push(Box::new(vips)),
        None => {
            println!("vipsthumbnail is not here (Debian: libvips-tools); the rest is measured.");
        }
    }
    match Pillow::new(folder) {
        Some(pillow) => all.push(Box::new(pillow)),
        None => println!("Pillow is not here (pip install pillow); the rest is measured."),
    }
    all
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark has no clock but the real one"
)]
fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

struct Ours {
    scaler: ImageScaler,
    runtime: Runtime,
    copy: PathBuf,
}

impl Ours {
    fn new(folder: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        Self {
            scaler: ImageScaler::default(),
            runtime: runtime.expect("a runtime without I/O"),
            copy: folder.join("ours.jpg"),
        }
    }
}

impl Contender for Ours {
    fn name(&self) -> &'static str {
        "ours"
    }

    fn make(&mut self, photo: &Path) -> Duration {
        timed(|| {
            let bytes = Bytes::from(std::fs::read(photo).expect("the photo"));
            let image = EncodedImage::new(bytes).expect("a JPEG");
            let copy = self.scaler.fit_within(&image, Some(LONGEST));
            let copy = self.runtime.block_on(copy).expect("a copy");
            std::fs::write(&self.copy, copy.bytes()).expect("a place for the copy");
        })
    }

    fn copy(&self) -> &Path {
        &self.copy
    }
}

struct Vips {
    copy: PathBuf,
}

impl Vips {
    fn new(folder: &Path) -> Option<Self> {
        let version = Command::new("vipsthumbnail")
            .arg("--vips-version")
            .output()
            .ok()?;
        println!(
            "vipsthumbnail: {}",
            String::from_utf8_lossy(&version.stdout).trim()
        );
        Some(Self {
            copy: folder.join("vips.jpg"),
        })
    }
}

impl Contender for Vips {
    fn name(&self) -> &'static str {
        "vipsthumbnail"
    }

    fn is_a_process(&self) -> bool {
        true
    }

    fn make(&mut self, photo: &Path) -> Duration {
        let mut command = Command::new("vipsthumbnail");
        command
            .arg("--size")
            .arg(format!("{LONGEST}x{LONGEST}"))
            .arg(photo);
        command
            .arg("-o")
            .arg(format!("{}[Q=88]", self.copy.display()));
        timed(|| {
            let status = command.status().expect("has run before");
            assert!(status.success(), "vipsthumbnail: {status}");
        })
    }

    fn copy(&self) -> &Path {
        &self.copy
    }
}

/// Works in one process, which is told what to do and answers with the time that it took.
struct Pillow {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    copy: PathBuf,
}

impl Pillow {
    fn new(folder: &Path) -> Option<Self> {
        let mut process = Command::new("python3")
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/benches/image_path/pillow.py"
            ))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let (requests, answers) = (process.stdin.take()?, process.stdout.take()?);
        let mut pillow = Self {
            process,
            requests,
            answers: BufReader::new(answers),
            copy: folder.join("pillow.jpg"),
        };
        let version = pillow.answer().filter(|version| !version.is_empty())?;
        println!("Pillow: {version}");
        Some(pillow)
    }

    fn answer(&mut self) -> Option<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line).ok()?;
        Some(line.trim().to_owned())
    }
}

impl Contender for Pillow {
    fn name(&self) -> &'static str {
        "Pillow"
    }

    fn make(&mut self, photo: &Path) -> Duration {
        let (photo, copy) = (photo.display(), self.copy.display());
        writeln!(self.requests, "{LONGEST}\t{photo}\t{copy}").expect("Pillow listens");
        let seconds = self.answer().and_then(|seconds| seconds.parse().ok());
        Duration::from_secs_f64(seconds.expect("Pillow answers with a time"))
    }

    fn copy(&self) -> &Path {
        &self.copy
    }
}

impl Drop for Pillow {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
