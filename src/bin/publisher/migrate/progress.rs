//! What is said while a migration runs: a bar on a terminal, and a line for each file that was copied or was not.

use std::io::{self, IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressStyle};
use publisher::{
    app::usecases::migrate_storage::{Event, FileKind, Outcome},
    ports::Folder,
};

use crate::logging::OneLine;

/// Shows what happens. On a terminal only what went wrong has a line; the rest is the bar.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    dry_run: bool,
}

impl Progress {
    pub(super) fn new(dry_run: bool) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:40} {pos}/{len} images, {eta} left");
            // It stays plain if the template is bad.
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar, dry_run }
    }

    pub(super) fn show(&self, event: &Event) {
        let Event::File {
            folder,
            name,
            kind,
            outcome,
        } = event
        else {
            if let (Event::Listed(_, images), Some(bar)) = (event, &self.bar) {
                bar.inc_length(*images as u64);
            }
            return;
        };
        if let Some(line) = self.line(*folder, name, outcome) {
            let print = || {
                // Where standard output is closed, the exit code has to do.
                let _ = writeln!(io::stdout(), "{}", OneLine(&line));
            };
            match &self.bar {
                Some(bar) => bar.suspend(print),
                None => print(),
            }
        }
        if let (FileKind::Image, Some(bar)) = (kind, &self.bar) {
            bar.inc(1);
        }
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, folder: Folder, name: &str, outcome: &Outcome) -> Option<String> {
        let folder = match folder {
            Folder::Root => "root",
            Folder::Archive => "archive",
            Folder::Keep => "keep",
            Folder::Remove => "remove",
        };
        let line = match outcome {
            Outcome::Copied { .. } if self.dry_run => format!("to be copied  {folder}: {name}"),
            Outcome::Copied { .. } if self.bar.is_none() => format!("copied     {folder}: {name}"),
            Outcome::Copied { .. } | Outcome::Present | Outcome::Left => return None,
            Outcome::Different => {
                format!("DIFFERENT  {folder}: {name}: another file has this name at the target")
            }
            Outcome::Failed(why) => format!("FAILED     {folder}: {name}: {why}"),
        };
        Some(line)
    }
}
