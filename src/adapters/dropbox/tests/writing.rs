//! Writing sidecars and moving files; above all, what happens in doubt.

use super::{IMPATIENT, STEM, Tenant, arguments, name};
use publisher_sandbox::{Dropbox, Fault};

use crate::{
    domain::sidecar::SidecarName,
    ports::{Folder, FoundFile, IfTaken, ImageStoreError, Moved, SidecarFile},
};

#[tokio::test]
async fn a_sidecar_is_written_and_read_back() {
    let tenant = Tenant::new().await;
    let image = name("夜と🌙.jpg");
    let mut found = FoundFile::Nothing;
    for text in ["première version", "zweite Fassung\n\n# ---\n"] {
        let written = tenant
            .store
            .write_sidecar(&image, SidecarName::Stem, text.as_bytes(), &found)
            .await;
        written.unwrap();
        let read = tenant
            .store
            .read_sidecar(&image, SidecarName::Stem)
            .await
            .unwrap();
        let SidecarFile::Found { bytes, revision } = read else {
            panic!("{read:?}")
        };
        assert_eq!(bytes, text);
        found = FoundFile::Revision(revision);
    }
    assert_eq!(tenant.paths(), ["/Queue/夜と🌙.txt"]);
    let arguments = arguments(&tenant, "upload");
    assert_eq!(arguments[0]["mode"], "add");
    assert_eq!(arguments[1]["mode"][".tag"], "update");
    for argument in arguments {
        assert_eq!(argument["mute"], true);
        assert_eq!(argument["autorename"], false);
    }
    assert_eq!(tenant.calls("get_metadata"), 0);
}

#[tokio::test]
async fn an_upload_that_happened_without_an_answer_is_looked_up_and_not_repeated() {
    for fault in [Fault::TimeoutAfterProcessing, Fault::ResetAfterRequest] {
        let tenant = Tenant::with("/Queue", IMPATIENT).await;
        tenant.switches().inject("upload", fault);
        tenant
            .store
            .write_sidecar(
                &name("a.jpg"),
                SidecarName::Stem,
                b"text",
                &FoundFile::Nothing,
            )
            .await
            .unwrap();
        assert_eq!(tenant.calls("upload"), 1);
        assert_eq!(tenant.calls("get_metadata"), 1);
        assert_eq!(tenant.file("/Queue/a.txt").as_deref(), Some("text"));
    }
}

#[tokio::test]
async fn an_upload_that_did_not_happen_is_looked_up_and_repeated() {
    for fault in [Fault::Timeout, Fault::status(500)] {
        let tenant = Tenant::with("/Queue", IMPATIENT).await;
        tenant.put("/Queue/a.txt", "old");
        tenant.switches().inject("upload", fault);
        let (image, which) = (name("a.jpg"), SidecarName::Stem);
        let SidecarFile::Found { revision, .. } =
            tenant.store.read_sidecar(&image, which).await.unwrap()
        else {
            panic!("no file")
        };
        let found = FoundFile::Revision(revision);
        let written = tenant.store.write_sidecar(&image, which, b"new", &found);
        written.await.unwrap();
        assert_eq!(tenant.calls("upload"), 2);
        assert_eq!(tenant.calls("get_metadata"), 1);
        assert_eq!(tenant.file("/Queue/a.txt").as_deref(), Some("new"));
    }
}

#[tokio::test]
async fn an_upload_that_was_limited_is_repeated_without_a_look() {
    let tenant = Tenant::new().await;
    tenant.switches().inject("upload", Dropbox::rate_limited(0));
    tenant
        .store
        .write_sidecar(
            &name("a.jpg"),
            SidecarName::Stem,
            b"text",
            &FoundFile::Nothing,
        )
        .await
        .unwrap();
    assert_eq!(tenant.calls("upload"), 2);
    assert_eq!(tenant.calls("get_metadata"), 0);
}

#[tokio::test]
async fn an_upload_that_never_happens_is_a_failure_after_three_attempts() {
    let tenant = Tenant::new().await;
    tenant.switches().always("upload", Fault::status(500));
    let error = tenant
        .store
        .write_sidecar(
            &name("a.jpg"),
            SidecarName::Stem,
            b"text",
            &FoundFile::Nothing,
        )
        .await
        .unwrap_err();
    assert!(
        matches!(error, ImageStoreError::Unavailable(_)),
        "{error:?}"
    );
    assert_eq!(tenant.calls("upload"), 3);
}

#[tokio::test]
async fn an_upload_counts_when_only_its_answer_is_broken() {
    let tenant = Tenant::new().await;
    tenant.switches().inject("upload", Fault::MalformedBody);
    tenant
        .store
        .write_sidecar(
            &name("a.jpg"),
            SidecarName::Stem,
            b"text",
            &FoundFile::Nothing,
        )
        .await
        .unwrap();
    assert_eq!(tenant.calls("upload"), 1);
}

#[tokio::test]
async fn a_move_that_dropbox_cannot_do_at_the_moment_is_looked_up_and_repeated() {
    for tags in [
        &["internal_error"][..],
        &["to", "too_many_write_operations"],
    ] {
        let tenant = Tenant::new().await;
        tenant.put("/Queue/a.jpg", "image");
        let busy = Dropbox::endpoint_error(tags);
        tenant.switches().inject("move_v2", busy);
        tenant.moved("a.jpg", Folder::Archive).await.unwrap();
        assert_eq!(tenant.paths(), ["/Done/a.jpg"], "{tags:?}");
    }
}

#[tokio::test]
async fn a_full_dropbox_is_a_failure_that_is_not_tried_again() {
    let tenant = Tenant::new().await;
    let full = Dropbox::endpoint_error(&["path", "insufficient_space"]);
    tenant.switches().inject("upload", full);
    let error = tenant
        .store
        .write_sidecar(
            &name("a.jpg"),
            SidecarName::Stem,
            b"text",
            &FoundFile::Nothing,
        )
        .await
        .unwrap_err();
    let ImageStoreError::Misconfigured { detail, .. } = error else {
        panic!("{error:?}")
    };
    assert!(detail.contains("no space left"), "{detail}");
    assert_eq!(tenant.calls("upload"), 1);
}

#[tokio::test]
async fn an_image_moves_with_its_sidecar_to_a_folder_that_is_made_on_the_way() {
    for (folder, path) in [
        (Folder::Archive, "/Done"),
        (Folder::Keep, "/Kept"),
        (Folder::Remove, "/Removed"),
    ] {
        let tenant = Tenant::new().await;
        tenant.put("/Queue/夜.jpg", "image");
        tenant.put("/Queue/夜.txt", "text");
        tenant.moved("夜.jpg", folder).await.unwrap();
        assert_eq!(
            tenant.paths(),
            [format!("{path}/夜.jpg"), format!("{path}/夜.txt")]
        );
        assert_eq!(tenant.calls("create_folder_v2"), 0);
        assert_eq!(tenant.calls("get_metadata"), 1, "it was found");
    }
}

#[tokio::test]
async fn an_image_moves_without_a_sidecar_as_well() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "image");
    tenant.moved("a.jpg", Folder::Archive).await.unwrap();
    assert_eq!(tenant.paths(), ["/Done/a.jpg"]);
}

#[tokio::test]
async fn an_image_whose_name_is_taken_gets_another_and_its_sidecar_follows() {
    let tenant = Tenant::new().await;
    tenant.put("/Done/a.jpg", "older image");
    tenant.put("/Done/a.txt", "older text");
    tenant.put("/Queue/a.jpg", "image");
    tenant.put("/Queue/a.txt", "text");
    let moved = tenant.moved("a.jpg", Folder::Archive).await;
    let Moved { name, sidecar } = moved.unwrap();
    assert_eq!(name, "a (1).jpg");
    sidecar.unwrap();
    for (path, content) in [
        ("/Done/a.jpg", "older image"),
        ("/Done/a.txt", "older text"),
        ("/Done/a (1).jpg", "image"),
        ("/Done/a (1).txt", "text"),
    ] {
        assert_eq!(tenant.file(path).as_deref(), Some(content), "{path}");
    }
    assert_eq!(tenant.paths().len(), 4);
}

#[tokio::test]
async fn an_image_that_moves_without_its_sidecar_has_moved_and_says_so() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "image");
    tenant.put("/Queue/a.txt", "text");
    let locked = Dropbox::endpoint_error(&["from_write", "no_write_permission"]);
    let switches = tenant.switches();
    switches.inject_matching("move_v2", 1, "a.txt", locked);
    let moved = tenant.moved("a.jpg", Folder::Keep).await;
    let Moved { name, sidecar } = moved.unwrap();
    assert_eq!(name, "a.jpg");
    assert!(matches!(
        sidecar,
        Err(ImageStoreError::Misconfigured { .. })
    ));
    assert_eq!(tenant.paths(), ["/Kept/a.jpg", "/Queue/a.txt"]);
}

#[tokio::test]
async fn an_image_that_is_not_there_cannot_be_moved() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.txt", "text");
    tenant.put("/Queue/folder.jpg/x.txt", "text");
    for missing in ["a.jpg", "folder.jpg"] {
        let moved = tenant.moved(missing, Folder::Keep).await;
        assert!(matches!(moved, Err(ImageStoreError::NotFound)));
    }
    assert_eq!(tenant.paths(), ["/Queue/a.txt", "/Queue/folder.jpg/x.txt"]);
    assert_eq!(tenant.calls("move_v2"), 0);
}

#[tokio::test]
async fn a_move_that_happened_without_an_answer_is_looked_up_and_not_repeated() {
    for fault in [
        Fault::TimeoutAfterProcessing,
        Fault::ResetAfterRequest,
        Fault::MalformedBody,
    ] {
        let tenant = Tenant::with("/Queue", IMPATIENT).await;
        tenant.put("/Done/a.jpg", "older image");
        tenant.put("/Queue/a.jpg", "image");
        tenant.put("/Queue/a.txt", "text");
        let switches = tenant.switches();
        switches.inject_matching("move_v2", 1, "a.jpg", fault.clone());
        switches.inject_matching("move_v2", 1, "a.txt", fault.clone());
        tenant.moved("a.jpg", Folder::Archive).await.unwrap();
        assert_eq!(
            tenant.paths(),
            ["/Done/a (1).jpg", "/Done/a (1).txt", "/Done/a.jpg"],
            "{fault:?}"
        );
        assert_eq!(tenant.calls("move_v2"), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn a_move_that_did_not_happen_is_looked_up_and_repeated() {
    for fault in [
        Fault::Timeout,
        Fault::ResetBeforeRequest,
        Fault::status(502),
    ] {
        let tenant = Tenant::with("/Queue", IMPATIENT).await;
        tenant.put("/Queue/a.jpg", "image");
        tenant.put("/Queue/a.txt", "text");
        tenant
            .switches()
            .inject_matching("move_v2", 1, "a.jpg", fault.clone());
        tenant.moved("a.jpg", Folder::Archive).await.unwrap();
        assert_eq!(tenant.paths(), ["/Done/a.jpg", "/Done/a.txt"], "{fault:?}");
        assert!(tenant.calls("get_metadata") >= 2, "{fault:?}");
    }
}

#[tokio::test]
async fn a_move_whose_last_attempt_is_in_doubt_is_looked_up_before_it_is_called_a_failure() {
    let tenant = Tenant::with("/Queue", IMPATIENT).await;
    tenant.put("/Queue/a.jpg", "image");
    let switches = tenant.switches();
    switches.inject_times("move_v2", 2, Fault::status(500));
    switches.inject("move_v2", Fault::ResetAfterRequest);
    tenant.moved("a.jpg", Folder::Archive).await.unwrap();
    assert_eq!(tenant.paths(), ["/Done/a.jpg"]);
}

#[tokio::test]
async fn an_attempt_that_lands_after_the_look_still_counts_as_the_move() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "image");
    let image = tenant.store.find(&name("a.jpg")).await.unwrap();
    let switches = tenant.switches();
    switches.inject("move_v2", Fault::ResetBeforeRequest);
    // The look has its answer; on its way, that answer is overtaken.
    let look = switches.hold("get_metadata");
    let late = async {
        look.arrived(1).await;
        tenant
            .store
            .move_to(&image, STEM, Folder::Archive, IfTaken::Rename)
            .await
            .unwrap();
        look.release();
    };
    let (moved, ()) = tokio::join!(
        tenant
            .store
            .move_to(&image, STEM, Folder::Archive, IfTaken::Rename),
        late
    );
    moved.unwrap();
    assert_eq!(tenant.paths(), ["/Done/a.jpg"]);
}

#[tokio::test]
async fn an_image_that_vanishes_before_it_moves_is_not_found() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "image");
    let gone = Dropbox::endpoint_error(&["from_lookup", "not_found"]);
    tenant.switches().inject("move_v2", gone);
    let moved = tenant.moved("a.jpg", Folder::Archive).await;
    assert!(matches!(moved, Err(ImageStoreError::NotFound)));
    assert_eq!(tenant.calls("move_v2"), 1);
}

#[tokio::test]
async fn only_the_sidecars_that_are_named_go_along_and_none_over_another_image_s() {
    let tenant = Tenant::new().await;
    for file in ["a.jpg", "a.txt", "a.jpg.txt"] {
        tenant.put(&format!("/Queue/{file}"), file);
    }
    tenant.put("/Done/a.txt", "of a.png");
    let found = tenant.store.find(&name("a.jpg")).await.unwrap();
    let moved = tenant
        .store
        .move_to(&found, STEM, Folder::Archive, IfTaken::Rename)
        .await;
    moved.unwrap().sidecar.unwrap();
    let expected = [
        "/Done/a.jpg",
        "/Done/a.jpg.txt",
        "/Done/a.txt",
        "/Queue/a.jpg.txt",
    ];
    assert_eq!(tenant.paths(), expected);
    assert_eq!(tenant.file("/Done/a.txt").as_deref(), Some("of a.png"));
    assert_eq!(tenant.file("/Done/a.jpg.txt").as_deref(), Some("a.txt"));

    tenant.put("/Queue/b.jpg", "b");
    tenant.put("/Queue/b.txt", "b's notes");
    tenant.store.delete(&name("b.jpg"), &[]).await.unwrap();
    assert_eq!(tenant.file("/Queue/b.txt").as_deref(), Some("b's notes"));
}
