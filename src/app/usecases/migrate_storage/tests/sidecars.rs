//! Sidecars of others, and those that images share.

use super::*;

#[tokio::test]
async fn a_sidecar_of_somebody_else_stays_and_a_shared_one_is_copied_once() {
    let bytes = image("a");
    let listed = ["a.jpg", "a.png"].map(|name| stored(name, &bytes, dropbox_hash()));
    let there = ["a.jpg", "a.png"].map(|name| stored(name, &bytes, dropbox_hash()));
    let mut source = listing(listed.into());
    // a.jpg.txt, a.png.txt and a.txt.
    source
        .expect_read_sidecar()
        .times(3)
        .returning(|_, _| Ok(fixtures::found("ours")));
    let mut target = listing(there.into());
    target.expect_read_sidecar().times(3).returning(|_, which| {
        let text = if which == SidecarName::Stem {
            "theirs"
        } else {
            "ours"
        };
        Ok(fixtures::found(text))
    });
    let (outcomes, summary) = run(&migration(source, target)).await;
    assert_eq!(outcomes["a.txt"], Outcome::Different);
    assert_eq!(outcomes["a.jpg.txt"], Outcome::Present);
    assert_eq!(
        (summary.sidecars.present, summary.sidecars.different),
        (2, 1)
    );
    assert!(!summary.is_complete());
}
