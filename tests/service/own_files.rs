//! People's own files beside their images stay as they are, where they are; and one image's sidecar is not
//! believed of another.

use serde_json::{Value, json};

use crate::harness::Service;
use publisher_sandbox::{DemoTenant, Sample, Sandbox};

/// Files of people and of other tools that have a sidecar's name.
fn own_files() -> Vec<Vec<u8>> {
    let story = "Uncle Bob went down to the harbour, as he did each morning.\n".repeat(1_200);
    assert!(story.len() > 70_000);
    let notes = "Uncle Bob: notes\n".repeat(20);
    let utf_16 = "Uncle Bob\n# ---\n# image_file: x.jpg\n".encode_utf16();
    vec![
        story.into_bytes(),
        notes.into_bytes(),
        b"Uncle Bob's caf\xe9".to_vec(),
        utf_16.flat_map(u16::to_le_bytes).collect(),
        (0..=255).collect(),
        Vec::new(),
        b"1man, Uncle Bob, harbour, dawn".to_vec(),
        b"rating: 5\ncaption: Uncle Bob\n".to_vec(),
        b"# rating: 5\n# caption: Uncle Bob\n".to_vec(),
        b"Uncle Bob\n\n# ---\n# rating: 5\n# caption: his\n".to_vec(),
        b"Uncle Bob\nasks how sidecars look:\n# ---\n# image_file: x.jpg\n".to_vec(),
    ]
}

fn put(sandbox: &Sandbox, tenant: &DemoTenant, name: &str, bytes: Vec<u8>) {
    let path = format!("{}/{name}", tenant.root);
    assert!(sandbox.dropbox.put(&tenant.name, &path, bytes));
}

fn put_image(sandbox: &Sandbox, tenant: &DemoTenant, name: &str, seed: u64) {
    let image = Sample::jpeg(name, 40, 30, seed.try_into().unwrap()).unwrap();
    put(sandbox, tenant, name, image.bytes.to_vec());
}

fn file(sandbox: &Sandbox, tenant: &DemoTenant, name: &str) -> Option<Vec<u8>> {
    let path = format!("{}/{name}", tenant.root);
    let file = sandbox.dropbox.file(&tenant.name, &path)?;
    Some(file.to_vec())
}

#[tokio::test]
async fn what_is_no_sidecar_of_ours_stays_byte_for_byte_whatever_is_done_with_the_image() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let mut seed = 10;
    for (index, own) in own_files().into_iter().enumerate() {
        for (action, folder) in [
            ("publish", Some("archive")),
            ("keep", Some("keep")),
            ("remove", Some("reject")),
            ("delete", None),
            ("analyze", Some(".")),
        ] {
            // The models take no more requests in a minute.
            if action == "analyze" && index > 4 {
                continue;
            }
            seed += 1;
            let stem = format!("{action}-{index}");
            let image = format!("{stem}.jpg");
            put_image(&sandbox, alice, &image, seed);
            put(&sandbox, alice, &format!("{stem}.txt"), own.clone());
            let answer = if action == "publish" {
                let body = json!({"caption": "By me"});
                service.publish(&sandbox, alice, &image, body).await
            } else {
                service.post(&sandbox, alice, &image, action).await
            };
            assert_eq!(answer.status, 200, "{stem}: {}", answer.json());
            let answer = answer.json();
            let own_now = file(&sandbox, alice, &format!("{stem}.txt"));
            assert_eq!(own_now.as_ref(), Some(&own), "{stem}");
            let there = |name: &str| {
                let folder = folder.filter(|folder| *folder != ".");
                let name = folder.map_or(name.to_owned(), |folder| format!("{folder}/{name}"));
                file(&sandbox, alice, &name)
            };
            assert_eq!(there(&image).is_some(), folder.is_some(), "{stem}");
            let sidecar = there(&format!("{image}.txt"));
            if !["publish", "analyze"].contains(&action) {
                assert_eq!(sidecar, None, "{stem}");
                continue;
            }
            let sidecar = String::from_utf8(sidecar.unwrap()).unwrap();
            assert!(
                sidecar.contains(&format!("\n# ---\n# image_file: {image}\n")),
                "{sidecar}"
            );
            assert!(!sidecar.contains("Uncle"), "{sidecar}");
            if action == "publish" {
                assert_eq!(answer["archived"], true, "{answer}");
                let warning = answer["warnings"][0].as_str().unwrap();
                assert!(warning.contains("taken by another file"), "{warning}");
                assert!(warning.ends_with(&format!("{image}.txt")), "{warning}");
            } else {
                assert_eq!(answer["sidecar_written"], true, "{answer}");
            }
        }
    }
    let log = service.whole_log().await;
    assert!(log.contains("taken by another file"));
    assert!(!log.contains("Uncle"));
}

#[tokio::test]
async fn where_both_names_are_taken_nothing_is_written_and_the_image_is_published_all_the_same() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    put_image(&sandbox, alice, "a.jpg", 5);
    for name in ["a.txt", "a.jpg.txt"] {
        put(&sandbox, alice, name, b"A story.".to_vec());
    }
    let answer = service.publish(&sandbox, alice, "a.jpg", json!({})).await;
    let answer = answer.json();
    assert_eq!(answer["archived"], true, "{answer}");
    let warning = answer["warnings"][0].as_str().unwrap();
    assert!(warning.contains("no sidecar was written"), "{warning}");
    for name in ["a.txt", "a.jpg.txt"] {
        let text = file(&sandbox, alice, name);
        assert_eq!(text.as_deref(), Some(&b"A story."[..]));
        assert_eq!(file(&sandbox, alice, &format!("archive/{name}")), None);
    }
}

#[tokio::test]
async fn images_that_share_a_name_have_a_sidecar_each_and_a_replaced_image_is_analysed_anew() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let images = ["IMG_1.jpg", "IMG_1.jpeg", "IMG_1.jpg.jpg"];
    for (image, seed) in images.into_iter().zip(1..) {
        put_image(&sandbox, alice, image, seed);
    }
    let looks = || sandbox.openai.switches().calls("vision");
    let analyze = async |image: &str| {
        let before = looks();
        let answer = service.post(&sandbox, alice, image, "analyze").await.json();
        (answer, looks() - before)
    };
    let sidecars = [
        ("IMG_1.jpg", "IMG_1.txt"),
        ("IMG_1.jpeg", "IMG_1.jpeg.txt"),
        // Its own usual name is the full name of the first.
        ("IMG_1.jpg.jpg", "IMG_1.jpg.txt"),
    ];
    for (image, sidecar) in sidecars {
        let (answer, looked) = analyze(image).await;
        assert_eq!(
            (&answer["sidecar_written"], looked),
            (&Value::from(true), 1)
        );
        let text = String::from_utf8(file(&sandbox, alice, sidecar).unwrap()).unwrap();
        assert!(text.contains(&format!("# image_file: {image}\n")), "{text}");
    }
    for (image, _) in sidecars {
        let (answer, looked) = analyze(image).await;
        assert_eq!((&answer["filename"], looked), (&Value::from(image), 0));
    }

    // Another picture under the last one's name: the sidecar of the one before is left alone.
    let before = file(&sandbox, alice, "IMG_1.jpg.txt");
    put_image(&sandbox, alice, "IMG_1.jpg.jpg", 99);
    let path = "/api/images/IMG_1.jpg.jpg";
    let shown = service
        .get_as_admin(&sandbox, &alice.host, path)
        .await
        .json();
    assert_eq!(
        (&shown["has_sidecar"], &shown["caption"]),
        (&Value::from(false), &Value::Null)
    );
    let (answer, looked) = analyze("IMG_1.jpg.jpg").await;
    assert_eq!(
        (&answer["sidecar_written"], looked),
        (&Value::from(true), 1)
    );
    assert_eq!(file(&sandbox, alice, "IMG_1.jpg.txt"), before);
    let (_, looked) = analyze("IMG_1.jpg.jpg").await;
    assert_eq!(looked, 0);

    let answer = service.post(&sandbox, alice, "IMG_1.jpg.jpg", "keep").await;
    assert_eq!(answer.status, 200);
    for (name, is_there) in [
        ("keep/IMG_1.jpg.jpg", true),
        ("keep/IMG_1.jpg.jpg.txt", true),
        ("keep/IMG_1.jpg.txt", false),
        ("IMG_1.jpg.jpg.txt", false),
        ("IMG_1.jpg.txt", true),
        ("IMG_1.txt", true),
        ("IMG_1.jpeg.txt", true),
    ] {
        assert_eq!(file(&sandbox, alice, name).is_some(), is_there, "{name}");
    }
}
