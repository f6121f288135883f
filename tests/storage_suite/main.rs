//! What every kind of storage does alike: one list of expectations, asked of each kind over the wire that it speaks. A
//! kind is a fixture in `kinds/`; where it cannot meet an expectation, the fixture says why, and the test is reported
//! as ignored.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails says so by panicking, and what was not asked is to be seen"
)]

mod deleting;
mod fixture;
mod isolation;
mod kinds;
mod listing;
mod moving;
mod putting;
mod reading;
mod sidecars;
mod undecided;

use std::{process::ExitCode, sync::Arc};

use futures_util::future::BoxFuture;
use libtest_mimic::{Arguments, Trial};

use self::fixture::Fixture;

/// Expectations wait more than they work.
const AT_A_TIME: usize = 6;

/// What is expected of a kind, by its name.
type Expectation = (&'static str, fn(Arc<dyn Fixture>) -> BoxFuture<'static, ()>);

/// Lists the expectations of a file.
macro_rules! expectations {
    ($($name:ident,)*) => {
        /// Every expectation of this file.
        pub(crate) const ALL: &[crate::Expectation] =
            &[$((stringify!($name), |fixture| Box::pin($name(fixture)))),*];
    };
}
pub(crate) use expectations;

/// The expectations of all files.
const ALL: [&[Expectation]; 8] = [
    listing::ALL,
    reading::ALL,
    sidecars::ALL,
    moving::ALL,
    putting::ALL,
    deleting::ALL,
    isolation::ALL,
    undecided::ALL,
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let mut trials = Vec::new();
    for kind in kinds::all() {
        let known = |name: &str| ALL.iter().copied().flatten().any(|(it, _)| *it == name);
        for (name, _) in kind.exceptions {
            assert!(
                known(name),
                "{}: no expectation is called {name}",
                kind.name
            );
        }
        for (name, expectation) in ALL.into_iter().flatten() {
            let exception = kind.exceptions.iter().find(|(it, _)| it == name);
            let why_not = kind.missing.as_deref().or(exception.map(|(_, why)| *why));
            if let Some(why) = why_not {
                eprintln!("{}::{name} is skipped: {why}", kind.name);
            }
            let open = Arc::clone(&kind.open);
            let trial = Trial::test(format!("{}::{name}", kind.name), move || {
                let runtime = tokio::runtime::Runtime::new()?;
                runtime.block_on(async { expectation(open().await).await });
                Ok(())
            });
            trials.push(trial.with_ignored_flag(why_not.is_some()));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
