//! Jobs that people change, approve, cancel and try again.

use super::*;

#[tokio::test]
async fn a_job_is_changed_by_what_is_sent_and_by_nothing_else() {
    let platforms = || Edit::Set(Some(vec![Platform::Telegram]));
    let (keep, clear) = (|| Edit::Keep, || Edit::Set(None));
    for (body, time, expected_platforms, caption) in [
        (json!({}), Edit::Keep, Edit::Keep, keep()),
        (
            json!({"publish_at": "2026-05-04T13:00:00Z", "platforms": ["telegram"]}),
            Edit::Set(noon_and(3_600)),
            platforms(),
            keep(),
        ),
        (
            json!({"publish_at": null, "platforms": null, "caption": null}),
            Edit::Keep,
            clear_platforms(),
            clear(),
        ),
        (
            json!({"caption": "Ahoy"}),
            Edit::Keep,
            Edit::Keep,
            Edit::Set(Some("Ahoy".to_owned())),
        ),
    ] {
        let mut service = Service::new();
        service
            .jobs
            .expect_find_job()
            .times(1)
            .withf(|tenant, id| tenant.as_str() == "alice" && *id == JobId(7))
            .returning(|_, _| Ok(Some(job())));
        service
            .jobs
            .expect_alter_job()
            .times(1)
            .withf(move |_, _, command| {
                let JobCommand::Change(change) = command else {
                    return false;
                };
                change.publish_at == time
                    && change.platforms == expected_platforms
                    && change.caption == caption
                    && change.captions == Edit::Keep
            })
            .returning(|_, _, command| match command {
                JobCommand::Change(change) => Ok(job().change(change.clone())?),
                _ => Err(JobStoreError::NotFound),
            });
        let answer = service.answer(request(Method::PATCH, "/api/jobs/7", &body));
        let answer = answer.await;
        assert_eq!(answer.status, 200, "{body} {}", answer.body);
    }
}

fn clear_platforms() -> Edit<Option<Vec<Platform>>> {
    Edit::Set(None)
}

#[tokio::test]
async fn bad_changes_are_named() {
    for (body, fields) in [
        (json!({"publish_at": ""}), vec!["publish_at"]),
        (
            json!({"publish_at": "2026-05-04T10:00:00Z"}),
            vec!["publish_at"],
        ),
        (
            json!({"platforms": [], "caption": "", "captions": {}}),
            vec!["platforms", "caption", "captions"],
        ),
        (json!({"force": true}), vec!["force"]),
    ] {
        let mut service = Service::new();
        service.jobs.expect_alter_job().never();
        let answer = service.answer(request(Method::PATCH, "/api/jobs/7", &body));
        assert_eq!(answer.await.bad_fields(), fields, "{body}");
    }
}

#[tokio::test]
async fn moves_reach_the_store_and_the_job_is_answered() {
    for (path, expected) in [
        (
            "approve",
            JobCommand::Approve {
                max_late: crate::app::http::tests::harness::MAX_LATE,
            },
        ),
        ("cancel", JobCommand::Cancel),
        ("retry", JobCommand::Retry),
    ] {
        let mut service = Service::new();
        service
            .jobs
            .expect_alter_job()
            .times(1)
            .withf(move |tenant, id, command| {
                tenant.as_str() == "alice" && *id == JobId(7) && *command == expected
            })
            .returning(|_, _, _| Ok(job()));
        let path = format!("/api/jobs/7/{path}");
        let answer = service
            .answer(request(Method::POST, &path, &Value::Null))
            .await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["id"]),
            (200, &"7".into())
        );
    }
}
