//! Looks at real files, at times that the tests choose.

use std::os::unix::fs::symlink;

use futures_util::future::join_all;
use tempfile::TempDir;

use super::*;
use crate::{adapters::clock::SystemClock, ports::Clock as _};

/// A folder with a token file, and the token that was read from it.
struct Stage {
    folder: TempDir,
    token: ServiceToken,
    started: Instant,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "one\n").unwrap();
        Self {
            token: ServiceToken::in_file(Secret::new("one".to_owned()), path),
            folder,
            started: SystemClock.now(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, content: &[u8]) {
        fs::write(self.path("token"), content).unwrap();
    }

    async fn after(&self, seconds: u64) -> String {
        let now = self.started + Duration::from_secs(seconds);
        self.token.current(now).await.expose().to_owned()
    }

    async fn instead_of(&self, refused: &str) -> Option<String> {
        let refused = Secret::new(refused.to_owned());
        let other = self.token.instead_of(&refused).await?;
        Some(other.expose().to_owned())
    }

    fn looks(&self) -> u64 {
        let file = self.token.file.as_ref().unwrap();
        file.begun.load(Ordering::Acquire)
    }
}

#[tokio::test]
async fn a_changed_file_is_noticed_within_a_second() {
    let stage = Stage::new();
    assert_eq!(stage.after(0).await, "one");
    stage.write(b"number two\r\n");
    assert_eq!(stage.after(0).await, "one", "it is not looked at each time");
    assert_eq!(stage.after(1).await, "number two");
    assert_eq!(stage.looks(), 2);
}

#[tokio::test]
async fn a_file_that_is_renamed_into_place_is_noticed() {
    let stage = Stage::new();
    assert_eq!(stage.after(0).await, "one");
    fs::write(stage.path("next"), "two").unwrap();
    fs::rename(stage.path("next"), stage.path("token")).unwrap();
    assert_eq!(stage.after(1).await, "two");
}

#[tokio::test]
async fn a_link_that_is_turned_is_noticed() {
    // As Kubernetes does it: token -> ..data/token, ..data -> a folder for each version.
    let mut stage = Stage::new();
    for (version, content) in [("v1", "one"), ("v2", "two")] {
        fs::create_dir(stage.path(version)).unwrap();
        fs::write(stage.path(version).join("token"), content).unwrap();
    }
    symlink("v1", stage.path("..data")).unwrap();
    symlink("..data/token", stage.path("link")).unwrap();
    let one = Secret::new("one".to_owned());
    stage.token = ServiceToken::in_file(one, stage.path("link"));
    assert_eq!(stage.after(0).await, "one");
    symlink("v2", stage.path("..data_tmp")).unwrap();
    fs::rename(stage.path("..data_tmp"), stage.path("..data")).unwrap();
    assert_eq!(stage.after(1).await, "two");
}

#[tokio::test]
async fn a_file_of_no_use_leaves_the_last_token_in_place() {
    let stage = Stage::new();
    assert_eq!(stage.after(0).await, "one");
    let no_use: [&[u8]; 4] = [b"", b" \n\n", b"two\nlines", b"\xff\xfe"];
    for (second, content) in (1..).zip(no_use) {
        stage.write(content);
        assert_eq!(stage.after(second).await, "one");
        assert_eq!(stage.instead_of("one").await, None);
    }
    fs::remove_file(stage.path("token")).unwrap();
    assert_eq!(stage.after(10).await, "one");
    stage.write(b"two");
    assert_eq!(stage.after(11).await, "two");
}

#[tokio::test]
async fn a_refused_token_is_looked_for_at_once() {
    let stage = Stage::new();
    assert_eq!(stage.after(0).await, "one");
    assert_eq!(stage.instead_of("one").await, None);
    stage.write(b"two");
    assert_eq!(stage.instead_of("one").await.as_deref(), Some("two"));
    let looks = stage.looks();
    assert_eq!(stage.instead_of("one").await.as_deref(), Some("two"));
    assert_eq!(stage.looks(), looks, "it is known by now");
}

#[tokio::test]
async fn all_who_are_refused_during_a_look_share_the_next() {
    let stage = Stage::new();
    let others = join_all((0..100).map(|_| stage.instead_of("one"))).await;
    assert!(others.iter().all(Option::is_none));
    assert_eq!(stage.looks(), 2, "one for the first, one for all others");
}

#[tokio::test]
async fn one_who_is_refused_and_goes_away_takes_nothing_from_the_others() {
    // The file is read on a thread of its own, which now and then finishes at once: then no caller
    // could have gone away.
    for _ in 0..100 {
        let stage = Stage::new();
        stage.write(b"two");
        let mut goes_away = Box::pin(stage.instead_of("one"));
        if futures_util::poll!(&mut goes_away).is_ready() {
            continue;
        }
        // Waits for the look that is about to be left alone.
        let mut waits = Box::pin(stage.instead_of("one"));
        assert!(futures_util::poll!(&mut waits).is_pending());
        drop(goes_away);
        assert_eq!(waits.await.as_deref(), Some("two"));
        return;
    }
    panic!("the thread was always done at once");
}

#[tokio::test]
async fn a_fixed_token_stays() {
    let token = ServiceToken::fixed(Secret::new("one".to_owned()));
    assert_eq!(token.current(SystemClock.now()).await.expose(), "one");
    let refused = Secret::new("one".to_owned());
    assert!(token.instead_of(&refused).await.is_none());
}

#[test]
fn neither_token_nor_path_shows_in_debug_output() {
    let stage = Stage::new();
    let shown = format!("{:?}", stage.token);
    assert!(!shown.contains("one") && !shown.contains('/'), "{shown}");
}
