//! What follows a post that a platform has taken.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::sync::oneshot;

use super::*;
use crate::ports::{FollowUp, Posted};

#[tokio::test(start_paused = true)]
async fn what_follows_a_post_goes_beside_the_archive_and_is_waited_for() {
    let mut fixture = captioned();
    let (archive, archived) = oneshot::channel();
    let ended = Arc::new(AtomicBool::new(false));
    let follow_up = {
        let ended = Arc::clone(&ended);
        FollowUp::new(async move {
            archived.await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            ended.store(true, Ordering::Relaxed);
        })
    };
    fixture
        .telegram
        .expect_publish()
        .times(1)
        .returning(|_, _| Ok(PostId::new("1").into()));
    fixture.email.expect_publish().return_once(|_, _| {
        Ok(Posted {
            post: PublishedPost::new("2"),
            follow_up: Some(follow_up),
            warning: None,
        })
    });
    fixture
        .images
        .expect_read_sidecar()
        .returning(|_, _| Ok(SidecarFile::Missing));
    fixture
        .images
        .expect_write_sidecar()
        .times(1)
        .returning(|_, _, _, _| Ok(()));
    fixture.images.expect_move_to().return_once(|_, _, _, _| {
        archive.send(()).unwrap();
        Ok(moved("a.jpg"))
    });
    let publication = publish(fixture, PublicationRequest::default());
    let report = tokio::time::timeout(Duration::from_mins(1), publication).await;
    let report = report.expect("the archive waits for nobody").unwrap();
    assert_eq!(outcomes(&report), ["published", "published"]);
    assert!(report.archived && ended.load(Ordering::Relaxed));
}
