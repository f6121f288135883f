//! Whose records a database has: those of a tenant that is not served are told.

use super::*;

/// The existing service's tables, of other types than usual.
const TABLES: &str = "CREATE TABLE pv2_publish_record (tenant TEXT, content_hash BYTEA, platform TEXT, status TEXT,
        post_id INTEGER, leased_at TEXT, finished_at DOUBLE PRECISION);
    CREATE TABLE pv2_caption_history (tenant TEXT, platform TEXT, caption_text TEXT, image_filename TEXT,
        image_sha256 BYTEA, created_at TEXT);";

/// Imports without an orchestrator: the exit code, and what is printed.
async fn import_alone(ledger: &str, url: &str, host: Option<&str>) -> (i32, String) {
    let mut command = command("import");
    command
        .args(["database", url])
        .env("PUBLISH_LEDGER_URL", ledger)
        .envs(host.map(|host| ("STANDALONE_HOST", host)));
    let output = command.output().await.unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), said)
}

#[tokio::test]
async fn records_of_a_tenant_that_is_not_served_are_told_and_end_with_1() {
    let Some(mut existing) = Database::postgres().await else {
        return;
    };
    let url = existing.url();
    let folder = TempDir::new().unwrap();
    let ledger = format!("sqlite://{}/ledger.db", folder.path().display());
    existing.run(TABLES).await;
    for (tenant, name, status) in [
        ("carol", "a.jpg", "published"),
        ("default", "b.jpg", "published"),
        ("default", "c.jpg", "leased"),
    ] {
        let hash = hash(HashKind::Sha256, name);
        let rows = format!(
            "INSERT INTO pv2_publish_record VALUES ('{tenant}', '\\x{hash}', 'telegram', '{status}', 41, NULL, 1750000000.25);
             INSERT INTO pv2_caption_history VALUES ('{tenant}', 'telegram', 'Mine', '{name}', '\\x{hash}', NULL);"
        );
        existing.run(&rows).await;
    }
    for (host, told) in [
        (None, "1 record is of `carol`, which is not served here"),
        (
            Some("carol.example.org"),
            "2 records are of `default`, which is not served here",
        ),
    ] {
        let (code, said) = import_alone(&ledger, &url, host).await;
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(told), "{said}");
        // Its name is known by the bytes of the hash alone.
        assert!(said.contains("default, telegram: c.jpg (sha256 "), "{said}");
    }
    existing
        .run("DELETE FROM pv2_publish_record WHERE tenant = 'carol'")
        .await;
    let (code, said) = import_alone(&ledger, &url, None).await;
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("served"), "{said}");
    existing.remove().await;
}
