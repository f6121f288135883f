//! That each rule finds what breaks it, and nothing else.

use super::{
    rules::violations,
    source::{House, SourceFile},
};

const MANIFEST: &str = "[package]\nname = \"publisher\"\n\n[dependencies]\nimage = \"1\"\n\
    lettre = { version = \"0.11\", features = [\n    \"builder\",\n] }\npoem = \"3\"\n\
    poem-openapi = \"5\"\nreqwest = \"0.13\"\ntime = \"0.3\"\nbytes = \"1\"\ntokio = \"1\"\n";

/// What is wrong with a file that has this text after its first line.
fn found(path: &str, text: &str) -> Vec<String> {
    let file = SourceFile::new(path, format!("//! A module.\n{text}")).unwrap();
    violations(&House::new(vec![file], MANIFEST))
}

#[track_caller]
fn breaks(path: &str, text: &str, rule: &str) {
    let found = found(path, text);
    assert!(
        found.len() == 1 && found[0].contains(rule) && found[0].starts_with(&format!("{path}:2: ")),
        "{text}: {found:?}"
    );
}

#[track_caller]
fn keeps(path: &str, text: &str) {
    assert_eq!(found(path, text), Vec::<String>::new(), "{text}");
}

#[test]
fn an_import_against_the_direction_is_found_however_it_is_written() {
    let rule = "the domain imports nothing of this crate but itself";
    for text in [
        "use crate::ports::Clock;",
        "use crate::ports;",
        "use crate::{domain::{image::ImageName, tenant::*}, ports::{Clock as C}};",
        "pub use super::super::ports::Clock;",
        "use publisher::ports::Clock as C;",
        "fn f() { let _ = vec![crate::ports::Folder::Archive]; }",
        "mod inner { use super::super::super::ports::*; }",
        "macro_rules! m { () => { $crate::ports::Folder::Keep }; }",
        "#[cfg(test)] mod tests { use crate::ports::Clock; }",
        "#[derive(crate::ports::Thing)] struct S;",
    ] {
        breaks("src/domain/caption.rs", text, rule);
    }
    let two = found(
        "src/domain/caption.rs",
        "use crate::{app::A, domain::D, ports::P};",
    );
    assert_eq!(two.len(), 2, "{two:?}");
}

#[test]
fn comments_doc_tests_and_strings_import_nothing() {
    for text in [
        "// use crate::ports::Clock;",
        "/* use crate::ports::Clock; /* nested */ .unwrap() */",
        "/// ```\n/// use publisher::ports::Clock;\n/// x.unwrap();\n/// ```\nstruct S;",
        "const TEXT: &str = r#\"use crate::ports::Clock; x.unwrap()\"#;",
    ] {
        keeps("src/domain/caption.rs", text);
    }
}

#[test]
fn a_kind_of_storage_is_named_by_its_registration_and_its_adapter_only() {
    let rule = "`dropbox` is named by its registration only";
    for text in [
        "// Dropbox.",
        "fn f() { dropbox(); }",
        "const KEY: &str = \"dropbox_rev\";",
    ] {
        breaks("src/domain/caption.rs", text, rule);
        breaks("src/ports/clock.rs", text, rule);
        breaks("src/app/usecases/publish.rs", text, rule);
        keeps("src/adapters/dropbox.rs", text);
        keeps("src/domain/storage.rs", text);
    }
    keeps(
        "src/domain/sidecar.rs",
        "const KEY: &str = \"dropbox_rev\";",
    );
    breaks(
        "src/domain/sidecar.rs",
        "const KEY: &str = \"dropbox\";",
        rule,
    );
    keeps(
        "src/domain/caption.rs",
        "#[cfg(test)]\nmod tests { const A: &str = \"dropbox\"; }",
    );
}

#[test]
fn each_room_imports_in_its_direction_only() {
    keeps(
        "src/ports/clock.rs",
        "use crate::domain::host::Host; use super::Cause;",
    );
    breaks(
        "src/ports/clock.rs",
        "use crate::app::usecases::T;",
        "domain only",
    );
    keeps("src/adapters/smtp.rs", "use crate::{domain::A, ports::B};");
    breaks(
        "src/adapters/smtp.rs",
        "use crate::app::usecases::T;",
        "never import the app",
    );
    keeps(
        "src/app/http/images.rs",
        "use crate::app::usecases::publish::P;",
    );
    breaks(
        "src/app/http/images.rs",
        "use crate::adapters::clock::C;",
        "use a port",
    );
    breaks(
        "src/app/usecases/tenant.rs",
        "use crate::adapters;",
        "use a port",
    );
    breaks(
        "src/app/usecases/tenant.rs",
        "use crate::app::http::dto::D;",
        "do not know",
    );
    breaks(
        "src/app/usecases/tenant.rs",
        "use super::super::http::D;",
        "do not know",
    );
    breaks(
        "src/app/http.rs",
        "use crate::settings::S;",
        "composition root",
    );
    keeps(
        "src/bin/publisher/main.rs",
        "use publisher::{adapters::smtp::S, app::http::H}; use crate::settings::S;",
    );
}

#[test]
fn adapters_share_only_what_is_there_to_be_shared() {
    keeps(
        "src/adapters/telegram.rs",
        "use super::upstream::Call; use self::tests::x;",
    );
    keeps(
        "src/adapters/dropbox/store.rs",
        "use crate::adapters::upstream::Answer; use super::wire::W;",
    );
    breaks(
        "src/adapters/telegram.rs",
        "use super::smtp::S;",
        "each other",
    );
    breaks(
        "src/adapters/dropbox/store.rs",
        "use super::super::smtp::S;",
        "each other",
    );
    breaks(
        "src/adapters/telegram.rs",
        "use super::sample_tenant::S;",
        "only tests",
    );
    keeps(
        "src/adapters/telegram.rs",
        "#[cfg(test)] mod tests { use super::super::sample_tenant::S; }",
    );
}

#[test]
fn crates_stay_where_they_belong() {
    breaks(
        "src/domain/image.rs",
        "use reqwest::Client;",
        "does not use the crate",
    );
    breaks(
        "src/domain/image.rs",
        "use tokio;",
        "does not use the crate",
    );
    breaks(
        "src/domain/image.rs",
        "fn f(_: std::fs::File) {}",
        "outside the process",
    );
    breaks(
        "src/domain/image.rs",
        "use std::{fmt, net::TcpStream};",
        "outside the process",
    );
    keeps("src/domain/host.rs", "use std::{fmt, net::IpAddr};");
    breaks("src/domain/image.rs", "async fn f() {}", "not async");
    breaks(
        "src/ports/publisher.rs",
        "use lettre::Message;",
        "does not use the crate",
    );
    breaks(
        "src/app/usecases/tenant.rs",
        "fn f() { poem::Route::new(); }",
        "HTTP layer",
    );
    breaks(
        "src/adapters/smtp.rs",
        "use poem_openapi::Object;",
        "HTTP layer",
    );
    breaks("src/app/http.rs", "use ::reqwest::Client;", "only adapters");
    keeps(
        "src/app/http.rs",
        "use poem::Route; #[poem_openapi::OpenApi] impl X {}",
    );
    keeps(
        "src/adapters/smtp.rs",
        "use lettre::Message; use std::net::IpAddr;",
    );
    breaks(
        "src/adapters/telegram.rs",
        "use lettre::Message;",
        "one adapter",
    );
    keeps(
        "src/adapters/telegram.rs",
        "#[cfg(test)] mod tests { use lettre::Message; }",
    );
}

#[test]
fn a_module_of_ours_is_not_the_crate_of_the_same_name() {
    keeps(
        "src/ports/publisher.rs",
        "use crate::domain::{image, tenant}; type I = image::Name;",
    );
    keeps(
        "src/domain/host.rs",
        "use std::time; type T = time::Duration;",
    );
    keeps("src/domain.rs", "mod image; pub use image::Name;");
}

#[test]
fn calls_that_may_panic_are_found_outside_tests_unless_a_reason_is_given() {
    let path = "src/adapters/smtp.rs";
    for text in [
        "fn f() { x.unwrap(); }",
        "fn f() { x.expect(\"y\"); }",
        "fn f() { x.map(Option::unwrap); }",
        "fn f() { format!(\"{}\", x.unwrap()); }",
        "fn f() { panic!(\"y\") }",
        "fn f() { std::todo!() }",
        "fn f() { dbg!(x); }",
        "#[cfg(not(test))] fn f() { unimplemented!() }",
        "#[expect(clippy::unwrap_used, reason = \"r\")] fn f() {} fn g() { x.unwrap(); }",
        "#[expect(clippy::unwrap_used)] fn f() { x.unwrap(); }",
        "#[cfg(test)] use a::B; fn g() { x.unwrap(); }",
        "#[cfg(test)] mod t {} fn g() { x.unwrap(); }",
        "struct S<A, B> { #[cfg(test)] a: M<A, B>, b: [u8; Some(1).unwrap()] }",
    ] {
        breaks(path, text, "may panic");
    }
    for text in [
        "fn f() { x.unwrap_or_default(); mock.expect_now(); }",
        "#[cfg(test)] mod tests { fn f() { x.unwrap(); panic!() } }",
        "#[test] fn f() { x.unwrap() }",
        "#[cfg(all(test, unix))] fn f<A, B>() where A: X, B: Y { x.unwrap() }",
        "#[expect(clippy::unwrap_used, reason = \"r\")] fn f() { x.unwrap(); }",
        "fn f() { #[expect(clippy::expect_used, reason = \"r\")] let a = S { b }.c.expect(\"d\"); }",
    ] {
        keeps(path, text);
    }
}

#[test]
fn a_module_that_is_declared_for_tests_is_test_code_wherever_it_stands() {
    let file = |path: &str, text: &str| SourceFile::new(path, text.to_owned()).unwrap();
    let calls = "fn f() { x.unwrap() }";
    let declared = "//! A.\n#[cfg(feature = \"x\")]\n#[cfg(test)]\n#[path = \"b_tests.rs\"]\nmod tests;\n\
        #[cfg(test)]\nmod fixtures;\nmod tests_of_reach;";
    let house = vec![
        file("src/app/a.rs", declared),
        file("src/app/b_tests.rs", calls),
        file("src/app/a/fixtures.rs", calls),
        file("src/app/a/fixtures/more.rs", calls),
        file("src/app/a/tests_of_reach.rs", &format!("//! A.\n{calls}")),
    ];
    let found = violations(&House::new(house, MANIFEST));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("src/app/a/tests_of_reach.rs:2: `unwrap`"));
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let long = "\n".repeat(400);
    let file = SourceFile::new("src/domain/host.rs", format!("//! A.{long}// b\n")).unwrap();
    let found = violations(&House::new(vec![file], MANIFEST));
    assert!(
        found.len() == 1 && found[0].contains("at most 400 lines"),
        "{found:?}"
    );
    for path in ["src/domain/host.rs", "tests/service.rs"] {
        let file = SourceFile::new(path, "// A.\nstruct S;".to_owned()).unwrap();
        let found = violations(&House::new(vec![file], MANIFEST));
        assert!(
            found.len() == 1 && found[0].contains("opens with `//!`"),
            "{found:?}"
        );
    }
}
