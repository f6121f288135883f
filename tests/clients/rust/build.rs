//! Generates the client from the document of the service.

use std::{env, error::Error, fs, path::Path};

use progenitor::{GenerationSettings, Generator, InterfaceStyle};
use serde_json::Value;

const DOCUMENT: &str = "../../../openapi/openapi.json";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={DOCUMENT}");
    let mut document: Value = serde_json::from_str(&fs::read_to_string(DOCUMENT)?)?;
    // progenitor knows one form of error for each operation. This one has two: the reason why the
    // service is not ready, and problems, which a probe that sends few headers to one host never
    // meets.
    for status in ["400", "431"] {
        document
            .pointer_mut("/paths/~1health~1ready/get/responses")
            .and_then(Value::as_object_mut)
            .and_then(|responses| responses.remove(status))
            .ok_or("/health/ready has no such problem any more: then it need not be removed")?;
    }
    // Nor two forms of success: 202 has a job, and only comes where it is preferred.
    for path in ["~1api~1images~1{filename}~1publish", "~1api~1publish"] {
        document
            .pointer_mut(&format!("/paths/{path}/post/responses"))
            .and_then(Value::as_object_mut)
            .and_then(|responses| responses.remove("202"))
            .ok_or("nothing is published by a job any more: then it need not be removed")?;
    }
    // Nor does it know forms with files.
    document
        .pointer_mut("/paths")
        .and_then(Value::as_object_mut)
        .and_then(|paths| paths.remove("/api/library/upload"))
        .ok_or("there is no upload any more: then it need not be removed")?;
    let mut settings = GenerationSettings::default();
    settings.with_interface(InterfaceStyle::Builder);
    let tokens = Generator::new(&settings).generate_tokens(&serde_json::from_value(document)?)?;
    let code = prettyplease::unparse(&syn::parse2(tokens)?);
    fs::write(Path::new(&env::var("OUT_DIR")?).join("client.rs"), code)?;
    Ok(())
}
