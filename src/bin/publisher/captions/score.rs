//! `publisher captions score`: a corpus of captions in numbers, each against its bar.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use publisher::domain::caption_score::{
    BadLine, CaptionLine, Lexicon, LexiconError, Lines, measure,
};

use super::{
    live,
    report::{Report, code, json},
};
use crate::{Failure, failure::BAD_SETTINGS, logging::OneLine};

/// What `publisher captions score --help` ends with.
pub(super) const HELP: &str = "\
`analysis` is an object as `POST /api/images/{filename}/analyze` answers it, a text, or left out: then
the overlap with it is not measured. In a folder, the files that end with .jsonl or .ndjson are read,
by name.

Prints each number for all captions and for each platform, with its bar, and ok, over or under. Bars
are not applied to platforms with fewer than 10 captions. docs/captions.md defines the numbers.

A lexicon is a text file, one stock phrase a line: phrase => what to write instead.

With --live, captions are written by the models and the prompts of the settings, which is paid for:
for 20 made-up pictures on Telegram, FetLife and Mastodon, 20 calls a run. The estimated cost is told
first. Prints each run, and of each number the worst.

Exit code 0 if all numbers are within their bars, 1 if one is not, 2 if the captions or the lexicon
cannot be read (each bad line is named, and nothing is measured), or captions cannot be written.";

/// The ends of names of files with captions, in a folder.
const EXTENSIONS: [&str; 2] = ["jsonl", "ndjson"];

/// Which captions, and how.
#[derive(Args)]
pub(crate) struct Options {
    /// The file with the captions, or a folder with such files
    #[arg(required_unless_present = "live")]
    path: Option<PathBuf>,
    /// Stock phrases to use instead of the built-in ones
    #[arg(long, value_name = "FILE")]
    lexicon: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    live: live::LiveOptions,
}

/// A line that is no caption, and its file.
type BadFileLine = (PathBuf, BadLine);

/// The largest file that is read, in bytes: some hundred thousand captions.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// A file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be read", .path.display())]
struct Unreadable {
    path: PathBuf,
    source: io::Error,
}

/// A file is no lexicon.
#[derive(Debug, thiserror::Error)]
#[error("{} is no lexicon", .path.display())]
struct NoLexicon {
    path: PathBuf,
    source: LexiconError,
}

/// A lexicon is not even a text.
#[derive(Debug, thiserror::Error)]
#[error("{} is not UTF-8", .0.display())]
struct NotUtf8(PathBuf);

/// There is nothing to measure.
#[derive(Debug, thiserror::Error)]
enum NoCaptions {
    #[error("no file in {} ends with .jsonl or .ndjson", .0.display())]
    File(PathBuf),
    #[error("there is no caption in {}", .0.display())]
    Caption(PathBuf),
}

/// Measures, and prints the outcome.
pub(super) async fn run(options: Options) -> Result<ExitCode, Failure> {
    let lexicon = options.lexicon.as_deref().map(lexicon).transpose()?;
    let lexicon = lexicon.as_ref().unwrap_or(Lexicon::built_in());
    match options.path {
        Some(path) if !options.live.is_live() => stored(path, lexicon, options.json),
        _ => live::run(options.live, lexicon, options.json).await,
    }
}

/// Measures what is stored at this path.
fn stored(path: PathBuf, lexicon: &Lexicon, as_json: bool) -> Result<ExitCode, Failure> {
    let captions = match captions(&path)? {
        Ok(captions) => captions,
        Err(bad) => {
            for (path, bad) in bad {
                writeln!(io::stderr(), "{}: {bad}", OneLine(path.display()))?;
            }
            return Ok(ExitCode::from(BAD_SETTINGS));
        }
    };
    if captions.is_empty() {
        return Err(Failure::set_up(NoCaptions::Caption(path)));
    }
    let measured = measure(&captions, lexicon);
    if as_json {
        writeln!(io::stdout(), "{}", json(&measured))?;
    } else {
        let report = Report::new(&captions, &measured, lexicon);
        write!(io::stdout(), "{report}")?;
    }
    Ok(code(&measured))
}

/// The lexicon in a file.
fn lexicon(path: &Path) -> Result<Lexicon, Failure> {
    let text = String::from_utf8(read(path)?);
    let text = text.map_err(|_| Failure::set_up(NotUtf8(path.to_owned())))?;
    Lexicon::parse(&text).map_err(|source| {
        let path = path.to_owned();
        Failure::set_up(NoLexicon { path, source })
    })
}

/// The captions of a file or a folder, or, in place of them, the lines that are none, with their files.
fn captions(path: &Path) -> Result<Result<Vec<CaptionLine>, Vec<BadFileLine>>, Failure> {
    let (mut captions, mut bad) = (Vec::new(), Vec::new());
    for file in files(path)? {
        let lines = Lines::read(&read(&file)?);
        captions.extend(lines.captions);
        bad.extend(lines.bad.into_iter().map(|line| (file.clone(), line)));
    }
    Ok(if bad.is_empty() {
        Ok(captions)
    } else {
        Err(bad)
    })
}

/// The file, or those of the folder by name.
fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |source| {
        let path = path.to_owned();
        Failure::set_up(Unreadable { path, source })
    };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        let extension = file.extension().and_then(|it| it.to_str());
        // A pipe would be waited for.
        if extension.is_some_and(|it| EXTENSIONS.contains(&it)) && file.is_file() {
            files.push(file);
        }
    }
    files.sort_unstable();
    if files.is_empty() {
        return Err(Failure::set_up(NoCaptions::File(path.to_owned())));
    }
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
    let read = read.and_then(|_| {
        if u64::try_from(bytes.len()).is_ok_and(|length| length <= MOST_BYTES) {
            Ok(bytes)
        } else {
            Err(io::Error::other("it is larger than 64 MiB"))
        }
    });
    read.map_err(|source| {
        let path = path.to_owned();
        Failure::set_up(Unreadable { path, source })
    })
}
