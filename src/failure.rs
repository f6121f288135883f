//! Why the process ends other than well, and how it says so.

use std::{
    error::Error,
    io::{self, Write as _},
    process::ExitCode,
};

use publisher::{adapters::env::SettingProblems, app::usecases::error_chain::ErrorChain};

use crate::logging::OneLine;

/// Why the process ends other than well.
pub(crate) enum Failure {
    /// The settings are bad: ends with 2.
    Settings(SettingProblems),
    /// Anything else: ends with 1.
    Other(Box<dyn Error>),
}

impl Failure {
    /// Says on standard error why, and which exit code that is.
    pub(crate) fn report(self) -> ExitCode {
        let (text, code) = match self {
            Self::Settings(problems) => {
                let warnings = problems.warnings().iter();
                let warnings: Vec<_> = warnings.map(|it| format!("\nwarning: {it}")).collect();
                let warnings = warnings.concat();
                (format!("The settings are bad:\n{problems}{warnings}"), 2)
            }
            Self::Other(error) => (OneLine(ErrorChain(&*error)).to_string(), 1),
        };
        // Where standard error is closed, the exit code has to do.
        let _ = writeln!(io::stderr(), "{text}");
        ExitCode::from(code)
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let error: Box<dyn Error> = error.into();
        match error.downcast() {
            Ok(problems) => Self::Settings(*problems),
            Err(error) => Self::Other(error),
        }
    }
}
