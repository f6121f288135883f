//! What a publish comes to when a call to an upstream fails: one test for each call and each way to
//! fail, over real sockets. `docs/fault-matrix.md` is the table of all of them; a cell that has come
//! to something else fails. Prints the table at the end.
//!
//! `UPDATE_FAULT_MATRIX=1` writes the table anew.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that fails says so by panicking, and the table is to be seen"
)]

mod cell;
mod failing;
mod posts;
mod providers;
mod rows;
mod stage;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    process::ExitCode,
    sync::{Arc, Mutex},
};

use libtest_mimic::{Arguments, Trial};

use self::{failing::FAILINGS, posts::platforms, rows::ROWS};

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/fault-matrix.md");
/// Cells wait more than they work.
const AT_A_TIME: usize = 8;

/// The lines of the table, by row and column.
type Lines = Arc<Mutex<BTreeMap<(usize, usize), String>>>;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    #[expect(clippy::disallowed_methods, reason = "no setting of the service")]
    let updates = std::env::var_os("UPDATE_FAULT_MATRIX").is_some();
    let expected = std::fs::read_to_string(TABLE).unwrap_or_default();
    let expected: Arc<str> = expected.into();
    let lines = Lines::default();
    let mut trials = Vec::new();
    for (row_index, row) in ROWS.iter().enumerate() {
        for (column, failing) in FAILINGS.into_iter().enumerate() {
            if !failing.is_for(row.kind) {
                continue;
            }
            let name = format!("{}, {}", row.title, failing.name(row.kind));
            let (lines, expected) = (Arc::clone(&lines), Arc::clone(&expected));
            trials.push(Trial::test(name, move || {
                let line = cell::run(&ROWS[row_index], failing)?;
                let is_expected =
                    updates || section(&expected, ROWS[row_index].title).contains(&line);
                lines
                    .lock()
                    .unwrap()
                    .insert((row_index, column), line.clone());
                if is_expected {
                    Ok(())
                } else {
                    Err(format!("not what docs/fault-matrix.md says:\n{line}").into())
                }
            }));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    let table = table(&lines.lock().unwrap());
    println!("{table}");
    if updates && !conclusion.has_failed() {
        std::fs::write(TABLE, table).unwrap();
    }
    conclusion.exit_code()
}

/// The lines of the table that are about one call.
fn section<'a>(table: &'a str, title: &str) -> &'a str {
    let mut sections = table.split("\n## ");
    sections
        .find(|section| section.starts_with(title))
        .unwrap_or_default()
}

fn table(lines: &BTreeMap<(usize, usize), String>) -> String {
    let mut table = String::from(INTRODUCTION);
    let titles: Vec<_> = platforms().filter_map(posts::title).collect();
    for (index, row) in ROWS.iter().enumerate() {
        let mut rest = lines.range((index, 0)..(index + 1, 0)).peekable();
        if rest.peek().is_none() {
            continue;
        }
        let _ = write!(
            table,
            "\n## {} (`{}`)\n\n| every call | calls | answer | {} | the image |\n\
             | --- | --- | --- | {} | --- |\n",
            row.title,
            row.operation,
            titles.join(" | "),
            vec!["---"; titles.len()].join(" | ")
        );
        for (_, line) in rest {
            let _ = writeln!(table, "{line}");
        }
    }
    table
}

const INTRODUCTION: &str = "\
# What a publish comes to when an upstream fails

Written by `tests/fault_matrix`, one test a line, and checked by each run of the tests:

```sh
cargo test --test fault_matrix                         # checks it, and prints it
UPDATE_FAULT_MATRIX=1 cargo test --test fault_matrix   # writes it anew
```

One image goes to Telegram, by e-mail, to Mastodon and to Bluesky; every call of the kind that a section is about fails in
the same way, however often it is made. A section about a post in doubt begins with an answer that is lost. *Calls* is how many of them there were. For each platform:
what the answer says, and after the arrow what the ledger says (where there is no entry, nothing was
about to be sent), and how many posts the platform has received: never more than one. A mail server
has replies where others have statuses. *Of a gateway, once it was done*: the call has had its effect,
and then somebody in between answers with an error.
";
