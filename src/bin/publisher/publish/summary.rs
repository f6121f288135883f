//! The outcome of a publication, in lines for people or as the API's answer, and its exit code.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use serde_json::Value;

use crate::{Failure, failure::BAD_SETTINGS, logging::OneLine};

/// Kinds of problems that go on until a setting or an option is changed.
const OF_SETTINGS: [&str; 5] = [
    "/problems/invalid-request",
    "/problems/unauthorized",
    "/problems/forbidden",
    "/problems/admin-not-configured",
    "/problems/tenant-not-found",
];

/// What came of a publication.
pub(super) enum Outcome {
    /// The API's answer.
    Report(String),
    /// The API's problem.
    Problem(String),
    /// It was cut off; with what to do.
    Interrupted(&'static str),
}

impl Outcome {
    /// Prints it; returns the exit code. `has_host`: whether a host was named.
    pub(super) fn print(&self, as_json: bool, has_host: bool) -> Result<ExitCode, Failure> {
        let mut out = io::stdout();
        match self {
            Self::Report(json) => {
                let report: Value = serde_json::from_str(json)?;
                if as_json {
                    writeln!(out, "{report}")?;
                } else {
                    write!(out, "{}", in_lines(&report))?;
                }
                Ok(if is_good(&report) {
                    ExitCode::SUCCESS
                } else {
                    ExitCode::FAILURE
                })
            }
            Self::Problem(json) => {
                let problem: Value = serde_json::from_str(json)?;
                if as_json {
                    writeln!(out, "{problem}")?;
                }
                writeln!(io::stderr(), "{}", explain(&problem, has_host))?;
                let is_of_settings = |kind| OF_SETTINGS.contains(&kind);
                Ok(if problem["type"].as_str().is_some_and(is_of_settings) {
                    ExitCode::from(BAD_SETTINGS)
                } else {
                    ExitCode::FAILURE
                })
            }
            Self::Interrupted(text) => {
                writeln!(io::stderr(), "{text}")?;
                Ok(ExitCode::FAILURE)
            }
        }
    }
}

/// Whether a platform has the image, would be sent it, or there is none.
fn is_good(report: &Value) -> bool {
    let is_sent_to = |result: &Value| result["reason"] == "dry_run";
    report["filename"].is_null()
        || report["any_success"] == true
        || (report["dry_run"] == true && results(report).any(|(_, result)| is_sent_to(result)))
}

fn results(report: &Value) -> impl Iterator<Item = (&String, &Value)> {
    report["results"].as_object().into_iter().flatten()
}

/// A report for people.
fn in_lines(report: &Value) -> String {
    let mut lines = Vec::new();
    match report["filename"].as_str() {
        Some(name) if report["dry_run"] == true => {
            lines.push(format!("{name} (dry run: nothing was written or sent)"));
        }
        Some(name) => lines.push(name.to_owned()),
        None => lines.push("There is nothing to publish.".to_owned()),
    }
    let width = results(report).map(|(platform, _)| platform.len()).max();
    let width = width.unwrap_or_default();
    for (platform, result) in results(report) {
        let outcome = match result["outcome"].as_str().unwrap_or("unknown") {
            "skipped" if result["reason"] == "dry_run" => "would be sent".to_owned(),
            outcome => outcome.replace('_', " "),
        };
        let told = ["post_url", "post_id", "reason", "error"].map(|field| result[field].as_str());
        let [url, id, reason, error] = told;
        let post = url.or(id).filter(|post| !post.is_empty());
        let why = match (reason, error) {
            (Some("dry_run"), _) => result["caption"].as_str().map(in_one_line),
            (Some(reason), Some(error)) => Some(format!("{reason}: {error}")),
            (reason, error) => reason.or(error).map(str::to_owned),
        };
        let more = post.map(str::to_owned).or(why).unwrap_or_default();
        let wait = result["retry_after_seconds"].as_u64();
        let wait = wait.map(|wait| format!(" (try again in {wait} s)"));
        let line = format!(
            "  {platform:<width$}  {outcome:<17}  {more}{}",
            wait.unwrap_or_default()
        );
        lines.push(line.trim_end().to_owned());
    }
    if report["archived"] == true {
        lines.push("It is in the archive folder.".to_owned());
    }
    let warnings = report["warnings"].as_array().into_iter().flatten();
    let warnings = warnings.filter_map(Value::as_str);
    lines.extend(warnings.map(|warning| format!("warning: {warning}")));
    let lines = lines.iter().map(|line| format!("{}\n", OneLine(line)));
    lines.collect()
}

/// A text of several lines in one.
fn in_one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" / ")
}

/// A problem for people.
fn explain(problem: &Value, has_host: bool) -> String {
    if has_host && problem["type"] == "/problems/tenant-not-found" {
        return "No tenant is served at the host of --host.".to_owned();
    }
    let text = |field: &str| problem[field].as_str().unwrap_or_default().to_owned();
    let mut told = text("detail");
    if told.is_empty() {
        told = text("title");
    }
    for error in problem["errors"].as_array().into_iter().flatten() {
        if let (Some(field), Some(rule)) = (error["field"].as_str(), error["message"].as_str()) {
            told = format!("{told} {field}: {rule}.");
        }
    }
    let advice = match problem["type"].as_str() {
        Some("/problems/unauthorized" | "/problems/forbidden") => {
            " WEB_AUTH_TOKEN: it must be that of the service at PUBLISHER_URL."
        }
        Some("/problems/tenant-not-found") => " Name the tenant by --host.",
        _ => "",
    };
    OneLine(format!("{told}{advice}")).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(outcome: &str, reason: Option<&str>, any_success: bool, dry_run: bool) -> Value {
        let error = reason.map(|_| "say\nwhy");
        json!({
            "filename": "a.jpg", "archived": any_success, "any_success": any_success, "dry_run": dry_run, "warnings": ["w"],
            "results": {"telegram": {
                "success": any_success, "outcome": outcome, "reason": reason, "error": error, "caption": "A caption\r\n\n #one #two\n",
                "post_id": any_success.then_some("7"), "post_url": null, "retry_after_seconds": null,
            }},
        })
    }

    #[test]
    fn what_came_of_it_is_in_lines_and_in_the_exit_code() {
        let nothing =
            json!({"filename": null, "results": {}, "warnings": ["2 images are left out"]});
        for (report, is_success, expected) in [
            (
                report("published", None, true, false),
                true,
                "a.jpg\n  telegram  published          7\nIt is in the archive folder.\nwarning: w\n",
            ),
            (
                report("already_published", None, true, false),
                true,
                "a.jpg\n  telegram  already published  7\nIt is in the archive folder.\nwarning: w\n",
            ),
            (
                report("failed", Some("rejected"), false, false),
                false,
                "a.jpg\n  telegram  failed             rejected: say\\nwhy\nwarning: w\n",
            ),
            (
                report("unknown", None, false, false),
                false,
                "a.jpg\n  telegram  unknown\nwarning: w\n",
            ),
            (
                report("skipped", Some("dry_run"), false, true),
                true,
                "a.jpg (dry run: nothing was written or sent)\n  telegram  would be sent      A caption / #one #two\nwarning: w\n",
            ),
            (
                report("failed", Some("image_unsuitable"), false, true),
                false,
                "a.jpg (dry run: nothing was written or sent)\n  telegram  failed             image_unsuitable: say\\nwhy\nwarning: w\n",
            ),
            (
                nothing,
                true,
                "There is nothing to publish.\nwarning: 2 images are left out\n",
            ),
        ] {
            assert_eq!(in_lines(&report), expected);
            assert_eq!(is_good(&report), is_success, "{report}");
        }
    }

    #[test]
    fn a_problem_says_what_to_do() {
        let problem = json!({
            "type": "/problems/invalid-request", "title": "Bad", "detail": "Bad fields: filename.",
            "errors": [{"field": "filename", "message": "must end in .jpg"}],
        });
        assert_eq!(
            explain(&problem, true),
            "Bad fields: filename. filename: must end in .jpg."
        );
        let refused =
            json!({"type": "/problems/unauthorized", "title": "Unauthorized", "detail": ""});
        assert!(explain(&refused, false).starts_with("Unauthorized WEB_AUTH_TOKEN:"));
        let nobody =
            json!({"type": "/problems/tenant-not-found", "detail": "No tenant is served here."});
        for (has_host, expected) in [
            (
                false,
                "No tenant is served here. Name the tenant by --host.",
            ),
            (true, "No tenant is served at the host of --host."),
        ] {
            assert_eq!(explain(&nobody, has_host), expected);
        }
    }
}
