//! The spec in `openapi/` is the one that the code describes.

use publisher::app::http::spec;

#[test]
fn the_yaml_file_is_up_to_date() {
    assert_current(
        "yaml",
        &spec::yaml(),
        include_str!("../openapi/openapi.yaml"),
    );
}

#[test]
fn the_json_file_is_up_to_date() {
    assert_current(
        "json",
        &spec::json(),
        include_str!("../openapi/openapi.json"),
    );
}

fn assert_current(format: &str, described: &str, written: &str) {
    assert!(
        described == written,
        "openapi/openapi.{format} is behind the code. Renew it with:\n\n    \
         cargo run -- openapi --format {format} > openapi/openapi.{format}\n"
    );
}
