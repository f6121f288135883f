//! `publisher captions`: what captions are like, in numbers.

mod corpus;
mod live;
mod report;
mod score;

use std::process::ExitCode;

use clap::Subcommand;

use crate::Failure;

/// What is done with captions.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Measure captions, and hold the numbers against their bars: exit code 0, 1 or 2
    ///
    /// PATH is a file of captions, or a folder with such files. Each line is an object: {"tenant": …, "platform": …,
    /// "caption": …, "analysis": …}, oldest first. Contacts nobody and needs no settings, but with --live.
    #[command(after_help = score::HELP)]
    Score(score::Options),
}

/// Does it, and prints the outcome.
pub(crate) async fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Score(options) => score::run(options).await,
    }
}
