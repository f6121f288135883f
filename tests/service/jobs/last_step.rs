//! `kill -9` between the last outcome and the end of the job: the job ends at the next process, with what was known.

use publisher_sandbox::Sandbox;
use serde_json::json;

use super::{Admin, CLAIM_ENDS, added, on_both, outcome, pass, replica, until};
use crate::database::Database;

/// The database takes no job that is done.
async fn refuse_done(database: &mut Database) {
    let statements = match database {
        Database::Sqlite(_) => {
            "CREATE TRIGGER not_yet BEFORE UPDATE ON ledger_jobs WHEN NEW.status = 'done'
                BEGIN SELECT RAISE(ABORT, 'not yet'); END"
        }
        Database::Postgres(_) => {
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'not yet'; END $$;
             CREATE TRIGGER not_yet BEFORE UPDATE ON ledger_jobs FOR EACH ROW
                WHEN (NEW.status = 'done') EXECUTE FUNCTION refuse()"
        }
    };
    database.run(statements).await;
}

async fn take_done(database: &mut Database) {
    let statement = match database {
        Database::Sqlite(_) => "DROP TRIGGER not_yet",
        Database::Postgres(_) => "DROP TRIGGER not_yet ON ledger_jobs",
    };
    database.run(statement).await;
}

async fn what_is_published_is_told(database: Option<Database>) {
    let Some(mut database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    let [id] = added(&database, &sandbox, alice, [json!({})]).await;
    refuse_done(&mut database).await;
    let service = replica(&database, &sandbox, &[]).await;
    let tried = "publisher_ledger_operation_duration_seconds_count{operation=\"job_finish\"";
    let is_counted = |line: &str| line.starts_with(tried) && !line.ends_with(" 0");
    until(async || service.metrics().await.text.lines().any(is_counted)).await;
    let admin = Admin::of(&service, &sandbox, alice);
    assert_eq!(admin.job(&id).await["status"], "running");
    service.kill().await;
    take_done(&mut database).await;
    pass(&mut database, CLAIM_ENDS).await;

    let service = replica(&database, &sandbox, &[]).await;
    let admin = Admin::of(&service, &sandbox, alice);
    let job = admin.becomes(&id, "done").await;
    for platform in ["telegram", "email"] {
        assert_eq!(outcome(&job, platform), "already_published", "{job}");
    }
    assert_eq!(sandbox.telegram.photos().len(), 1);
    let recipient = alice.recipient.as_ref().unwrap();
    assert_eq!(sandbox.smtp.mails_to(recipient).len(), 1);
    assert_eq!(service.publications(&sandbox, alice).await.len(), 2);
    service.kill().await;
    database.remove().await;
}

on_both! {
    a_crash_between_the_last_outcome_and_the_end_sends_nothing_again => what_is_published_is_told;
}
