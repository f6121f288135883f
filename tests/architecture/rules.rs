//! What the files of each room may say.

use super::{
    retired::RETIRED,
    source::{House, SourceFile},
    tokens::WrittenPath,
};

/// A file of more lines holds two things.
const MAX_LINES: usize = 400;

/// Adapters that others may build on: how calls run, and what they share.
const SHARED_ADAPTERS: [&str; 12] = [
    "certificate_advice",
    "clock",
    "http_client",
    "kept",
    "platform_call",
    "registration",
    "renewal",
    "retry_budget",
    "secret_file",
    "secret_scrub",
    "upstream_message",
    "upstream",
];
/// The lists of the platforms and of the kinds of storage: they name their adapters, and tests
/// everywhere may go by them.
const LISTS: [&str; 2] = ["platforms", "storages"];
/// The kinds of storage by their names: only their own registration knows them, and the file format
/// of sidecars, whose keys were named after the first.
const STORAGES: [&str; 2] = ["dropbox", "managed"];
const REGISTRATION_OF_STORAGES: &str = "src/domain/storage";
const SIDECAR: (&str, [&str; 2]) = ("src/domain/sidecar.rs", ["dropbox_file_id", "dropbox_rev"]);
/// What those adapters say of themselves; names the settings of the process for them.
const REGISTRATION: &str = "registration";
/// Adapters that only tests of others may build on.
const TEST_ADAPTERS: [&str; 2] = ["rate_limits", "sample_tenant"];

/// The crates that the domain may use: none of them does I/O or is async.
const DOMAIN_CRATES: &[&str] = &[
    "bytes",
    "derive_more",
    "html_escape",
    "ipnet",
    // The database of time zones is in the binary.
    "jiff",
    "proptest",
    "regex",
    "secrecy",
    "serde",
    "serde_json",
    "sha2",
    "thiserror",
    "time",
    "unicode_properties",
    "unicode_normalization",
    "unicode_segmentation",
    "url",
    "uuid",
];
/// What a port may be written with.
const PORT_CRATES: [&str; 5] = [
    "async_trait",
    "bytes",
    "futures_util",
    "mockall",
    "thiserror",
];
/// The parts of the standard library that reach out of the process; addresses are only values.
const OUTSIDE_STD: [&str; 6] = ["env", "fs", "io", "net", "process", "thread"];

/// Crates that have a home, by the beginning of the modules that may use them; tests may use them
/// anywhere, to check with another client what an adapter or the sandbox does.
const HOMES: [(&str, &[&str], &str); 17] = [
    (
        "cached",
        &[
            "app::runtime",
            "app::tenancy",
            "app::usecases",
            "adapters::kept",
            "adapters::local::digests",
            "adapters::smtp::tls",
        ],
        "caches live in the app, but for what only one adapter knows of",
    ),
    ("clap", &[""], "the command line is the binary's"),
    (
        "cookie",
        &["app::http::auth"],
        "cookies are read and set in one place",
    ),
    (
        "fastrand",
        &[""],
        "randomness comes in, so that tests can choose it",
    ),
    (
        "hmac",
        &[
            "app::http::auth",
            "app::http::media_links",
            "adapters::webhook",
        ],
        "cookies are signed in one place, links to images and posts to webhooks in theirs",
    ),
    (
        "multer",
        &["app::http::upload_form"],
        "forms with files are read in one place",
    ),
    ("hyper", &[""], "connections are served by the binary"),
    ("hyper_util", &[""], "connections are served by the binary"),
    (
        "lettre",
        &["adapters::smtp"],
        "mail is spoken in one adapter",
    ),
    (
        "poem",
        &["app::http", ""],
        "the web framework stays in the HTTP layer, and where it is served",
    ),
    (
        "poem_openapi",
        &["app::http"],
        "the web framework stays in the HTTP layer",
    ),
    ("reqwest", &["adapters"], "only adapters speak to upstreams"),
    (
        "rlimit",
        &[""],
        "what the system allows is the binary's business",
    ),
    (
        "sqlx",
        &["adapters::ledger"],
        "only the ledger is kept in a database",
    ),
    (
        "opentelemetry_otlp",
        &["adapters::otlp"],
        "traces are sent from one place",
    ),
    (
        "tracing_appender",
        &[""],
        "the binary decides where the log goes",
    ),
    (
        "tracing_subscriber",
        &[""],
        "the binary decides where the log goes",
    ),
];

/// A part of the house that has rules of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Room {
    /// The composition root: the binary, and `lib.rs`.
    Root,
    Domain,
    Ports,
    /// One adapter; empty for the folder of all of them.
    Adapter(String),
    Runtime,
    Tenancy,
    UseCases,
    Http,
    /// `app.rs`, which only says what there is.
    App,
}

fn room(module: &[String]) -> Room {
    let name = |index: usize| module.get(index).map_or("", String::as_str);
    match (name(0), name(1)) {
        ("domain", _) => Room::Domain,
        ("ports", _) => Room::Ports,
        ("adapters", adapter) => Room::Adapter(adapter.to_owned()),
        ("app", "runtime") => Room::Runtime,
        ("app", "tenancy") => Room::Tenancy,
        ("app", "usecases") => Room::UseCases,
        ("app", "http") => Room::Http,
        ("app", _) => Room::App,
        _ => Room::Root,
    }
}

/// Every rule that is broken: where, and the rule in words.
pub(super) fn violations(house: &House) -> Vec<String> {
    let mut found = Vec::new();
    for file in &house.files {
        let mut report = |line: usize, rule: String| {
            found.push(format!("{}:{line}: {rule}", file.path));
        };
        let lines = file.text.lines().count();
        if lines > MAX_LINES {
            report(
                lines,
                format!("a file has at most {MAX_LINES} lines: find the second thing in it"),
            );
        }
        for (number, line) in file.text.lines().enumerate() {
            let is_part = |it: char| it.is_alphanumeric() || it == '_';
            let retired = line
                .split(|it| !is_part(it))
                .find(|word| RETIRED.contains(word));
            if let Some(name) = retired.filter(|_| file.path != "tests/architecture/retired.rs") {
                report(
                    number + 1,
                    format!("`{name}` has another name now: docs/glossary.md"),
                );
            }
        }
        // What a test module beside the code is for, the code says.
        let is_beside = file.is_test && file.path.starts_with("src/");
        if !is_beside && !file.text.starts_with("//!") {
            report(
                1,
                "a module opens with `//!`: why it exists, who may import it".to_owned(),
            );
        }
        // The stand-ins are a crate of their own, which depends on nothing of this one.
        if !file.path.starts_with("src/") {
            continue;
        }
        for spot in file
            .facts
            .panics
            .iter()
            .filter(|it| !it.in_test && !file.is_test)
        {
            report(
                spot.line,
                format!(
                    "`{}` may panic: return an error, or say why it cannot in `#[expect(clippy::…, reason = …)]`",
                    spot.what
                ),
            );
        }
        if room(&file.module) == Room::Domain {
            for spot in &file.facts.asyncs {
                report(
                    spot.line,
                    format!("the domain is not async (`{}`)", spot.what),
                );
            }
        }
        if !file.is_test {
            for (line, name) in storages_named(file) {
                report(line, format!("`{name}` is named by its registration only"));
            }
        }
        for path in &file.facts.paths {
            if let Some(rule) = broken_by(path, file, house) {
                report(
                    path.line,
                    format!("{rule} (`{}`)", path.segments.join("::")),
                );
            }
        }
    }
    found
}

/// The lines outside tests that name a kind of storage where no kind is known.
fn storages_named(file: &SourceFile) -> Vec<(usize, &'static str)> {
    let is_exempt = matches!(room(&file.module), Room::Root | Room::Adapter(_))
        || file.path.starts_with(REGISTRATION_OF_STORAGES);
    let lines = file.text.lines().enumerate().filter(|_| !is_exempt);
    let lines = lines.take_while(|(_, line)| *line != "#[cfg(test)]");
    lines
        .filter_map(|(number, line)| {
            let mut line = line.to_lowercase();
            if file.path == SIDECAR.0 {
                for key in SIDECAR.1 {
                    line = line.replace(key, "");
                }
            }
            let name = STORAGES.into_iter().find(|name| line.contains(name))?;
            Some((number + 1, name))
        })
        .collect()
}

/// The rule that a path breaks.
fn broken_by(path: &WrittenPath, file: &SourceFile, house: &House) -> Option<String> {
    let in_test = path.in_test || file.is_test;
    let from = room(&file.module);
    match target(path, file, house)? {
        Target::Here(module) => not_allowed(&from, &room(&module), in_test).map(str::to_owned),
        Target::Crate(name) => not_at_home(&name, path, &file.module, in_test),
    }
}

/// Where a path leads.
pub(super) enum Target {
    /// To a module of this crate.
    Here(Vec<String>),
    /// To another crate.
    Crate(String),
}

/// `None` when it leads to something that is in the file already.
pub(super) fn target(path: &WrittenPath, file: &SourceFile, house: &House) -> Option<Target> {
    let (first, rest) = path.segments.split_first()?;
    let around = || file.module.iter().chain(&path.scope).cloned();
    match first.as_str() {
        "crate" | "publisher" => Some(Target::Here(rest.to_vec())),
        "self" => Some(Target::Here(around().chain(rest.iter().cloned()).collect())),
        "super" => {
            let mut module: Vec<String> = around().collect();
            let ups = path.segments.iter().take_while(|it| *it == "super").count();
            module.truncate(module.len().saturating_sub(ups));
            module.extend(path.segments[ups..].iter().cloned());
            Some(Target::Here(module))
        }
        name if file.facts.names.contains(name) => None,
        name if name == "std" || house.crates.contains(name) => {
            Some(Target::Crate(name.to_owned()))
        }
        _ => None,
    }
}

/// Why a module in one room may not use one in another.
fn not_allowed(from: &Room, to: &Room, in_test: bool) -> Option<&'static str> {
    use Room::{Adapter, App, Domain, Http, Ports, Root, Runtime, Tenancy, UseCases};
    match (from, to) {
        (Root, _) | (Domain, Domain) => None,
        (_, Root) => Some("nobody imports the composition root"),
        (_, Adapter(to)) if in_test && LISTS.contains(&to.as_str()) => None,
        (Domain, _) => Some("the domain imports nothing of this crate but itself"),
        (_, Domain) | (Ports, Ports) => None,
        (Ports, _) => Some("ports import the domain only"),
        (Adapter(from), Adapter(to)) => between_adapters(from, to, in_test),
        (Adapter(_), Runtime | Tenancy | UseCases | Http | App) => {
            Some("adapters never import the app")
        }
        // Tests of what becomes of images work on real ones.
        (UseCases | Http, Adapter(to)) if in_test && to == "imaging" => None,
        // Tests of who is refused work on a real count.
        (Http, Adapter(to)) if in_test && to == "rate_limits" => None,
        (_, Adapter(_)) => Some("the app never imports adapters: use a port"),
        (Runtime | Tenancy | UseCases, Http) => Some("use cases do not know the HTTP layer"),
        // Their tests share fixtures.
        (Runtime | Tenancy, UseCases) | (Runtime, Tenancy) if !in_test => {
            Some("in the app, imports run runtime <- tenancy <- usecases <- http")
        }
        (_, Ports) | (Runtime | Tenancy | UseCases | Http | App, _) => None,
    }
}

fn between_adapters(from: &str, to: &str, in_test: bool) -> Option<&'static str> {
    if from == to || LISTS.contains(&from) || [REGISTRATION, ""].contains(&from) {
        return None;
    }
    if TEST_ADAPTERS.contains(&to) {
        return (!in_test).then_some("only tests import what is made for them");
    }
    let is_shared = SHARED_ADAPTERS.contains(&to);
    (!is_shared).then_some("adapters do not import each other")
}

/// Why a crate may not be used there.
fn not_at_home(name: &str, path: &WrittenPath, module: &[String], in_test: bool) -> Option<String> {
    let segment = |index: usize| path.segments.get(index).map_or("", String::as_str);
    if name == "std" {
        let is_address = segment(1) == "net"
            && (segment(2).starts_with("Ip") || segment(2).starts_with("SocketAddr"));
        let reaches_out = OUTSIDE_STD.contains(&segment(1)) && !is_address;
        let reaches_out = reaches_out && room(module) == Room::Domain;
        return reaches_out.then(|| "the domain reaches nothing outside the process".to_owned());
    }
    let allowed: Option<&[&str]> = match room(module) {
        Room::Domain => Some(DOMAIN_CRATES),
        Room::Ports => Some(&PORT_CRATES),
        _ => None,
    };
    if allowed.is_some_and(|allowed| !allowed.contains(&name)) {
        let place = &module[0];
        return Some(format!("`{place}` does not use the crate `{name}`"));
    }
    let (_, homes, why) = HOMES.iter().find(|(it, ..)| *it == name)?;
    let place = module.join("::");
    let is_at_home = homes.iter().any(|home| match *home {
        "" => room(module) == Room::Root,
        home => place == home || place.starts_with(&format!("{home}::")),
    });
    (!is_at_home && !in_test).then(|| format!("`{name}` is not used here: {why}"))
}
