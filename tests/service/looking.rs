//! Looking at images: the list, one by name, one at random, thumbnails.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use image::GenericImageView as _;
use publisher_sandbox::{DemoTenant, Fault, Sample, Sandbox, TenantSpec};
use reqwest::{Method, header::IF_NONE_MATCH};
use serde_json::{Value, json};

use crate::harness::{Answer, Service};

/// What storage says of an image is believed for so long.
const BELIEVED: Duration = Duration::from_secs(5);

/// A sandbox with one tenant, whom anyone may look at and who keeps what is published in place.
async fn open_tenant(images: impl IntoIterator<Item = Sample>) -> (Sandbox, DemoTenant) {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let open = json!({"features": {"auto_view_enabled": true}});
    let spec = TenantSpec::new("carol").archive(false).patch(&open);
    let carol = sandbox.add_tenant(spec.images(images));
    (sandbox, carol)
}

async fn conditional(service: &Service, host: &str, path: &str, tag: &str) -> Answer {
    let request = service.request(Method::GET, host, path);
    Answer::to(request.header(IF_NONE_MATCH, tag)).await
}

#[tokio::test]
async fn a_hundred_lists_at_once_cost_one_call_and_the_next_one_none() {
    let (sandbox, carol) = open_tenant([Sample::png("a.png", 4, 4, 1).unwrap()]).await;
    let service = Service::start(&sandbox).await;
    let held = sandbox.dropbox.switches().hold("list_folder");
    let lists = join_all((0..100).map(|_| service.get(&carol.host, "/api/images/list")));
    let (lists, ()) = tokio::join!(lists, async {
        held.arrived(1).await;
        held.release();
    });
    let expected = json!({"filenames": ["a.png"], "count": 1});
    assert!(lists.iter().all(|list| list.json() == expected));
    service.get(&carol.host, "/api/images/list").await;
    assert_eq!(sandbox.dropbox.switches().calls("list_folder"), 1);
}

#[tokio::test]
async fn an_image_that_was_archived_is_gone_from_the_list_at_once() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let bob = &sandbox.tenants()[1];
    let list = "/api/images/list";
    let before = service.get_as_admin(&sandbox, &bob.host, list).await.json();
    assert_eq!(before["count"], 3);
    let published = service
        .publish(&sandbox, bob, "north-ridge.jpg", json!({}))
        .await;
    assert_eq!(published.json()["archived"], true);
    let after = service.get_as_admin(&sandbox, &bob.host, list).await.json();
    assert_eq!(
        after,
        json!({"filenames": ["salt-flat.png", "tide-line.webp"], "count": 2})
    );
}

#[tokio::test]
async fn what_a_publication_has_written_down_is_shown_with_the_image() {
    let image = Sample::jpeg("café 夜.jpg", 64, 48, 1).unwrap();
    let (sandbox, carol) = open_tenant([image]).await;
    let service = Service::start(&sandbox).await;
    let path = "/api/images/caf%C3%A9%20%E5%A4%9C.jpg";
    let before = service.get(&carol.host, path).await.json();
    assert_eq!(
        (&before["has_sidecar"], &before["sha256"]),
        (&json!(false), &Value::Null)
    );
    let published = service
        .publish(&sandbox, &carol, "café 夜.jpg", json!({}))
        .await;
    let published = published.json();
    let caption = published["results"]["telegram"]["caption"].as_str();
    let after = service.get(&carol.host, path).await.json();
    assert_eq!(after["filename"], "café 夜.jpg");
    assert_eq!(
        (&after["has_sidecar"], &after["caption"]),
        (&json!(true), &json!(caption.unwrap()))
    );
    assert_eq!(after["sha256"].as_str().unwrap().len(), 64);
    assert!(after["sd_caption"].is_string(), "{after}");
    assert_eq!(after["metadata"]["image_file"], "café 夜.jpg");
    // Another revision of the image: what was computed of the last one no longer counts.
    let file = format!("{}/café 夜.jpg", carol.root);
    let other = Sample::jpeg("other", 8, 8, 2).unwrap().bytes;
    sandbox.dropbox.put(&carol.name, &file, other);
    tokio::time::sleep(BELIEVED).await;
    let replaced = service.get(&carol.host, path).await.json();
    assert_eq!(
        (&replaced["sha256"], &replaced["has_sidecar"]),
        (&Value::Null, &json!(false))
    );
}

#[tokio::test]
async fn the_links_of_an_image_lead_to_it() {
    let image = Sample::jpeg("100%2F夜+.jpg", 64, 48, 1).unwrap();
    let (sandbox, carol) = open_tenant([image.clone()]).await;
    let service = Service::start(&sandbox).await;
    let shown = service
        .get(&carol.host, "/api/images/100%252F%E5%A4%9C%2B.jpg")
        .await
        .json();
    let link = shown["temp_url"].as_str().unwrap();
    let original = reqwest::get(link).await.unwrap();
    assert_eq!(original.bytes().await.unwrap(), image.bytes);
    let thumbnail = shown["thumbnail_url"].as_str().unwrap();
    let thumbnail = service.get(&carol.host, thumbnail).await;
    assert_eq!(thumbnail.header("content-type"), "image/jpeg");
    let decoded = image::load_from_memory_with_format(&thumbnail.bytes, image::ImageFormat::Jpeg);
    assert_eq!(decoded.unwrap().dimensions(), (64, 48));
}

#[tokio::test]
async fn random_images_come_once_each_before_one_comes_again() {
    let images = ["a.png", "b.png", "c.png"].map(|name| Sample::png(name, 4, 4, 1).unwrap());
    let (sandbox, carol) = open_tenant(images).await;
    let service = Service::start(&sandbox).await;
    for _ in 0..3 {
        let round = (0..3).map(|_| service.get(&carol.host, "/api/images/random"));
        let round: BTreeSet<_> = join_all(round)
            .await
            .iter()
            .map(|answer| answer.json()["filename"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(round.len(), 3);
    }
    let links = sandbox.dropbox.switches().calls("get_temporary_link");
    assert_eq!(links, 3, "what was said of an image is shared");
    // One that is removed by somebody else is in the list of a moment ago, and in no later one.
    sandbox
        .dropbox
        .remove(&carol.name, &format!("{}/a.png", carol.root));
    tokio::time::sleep(BELIEVED).await;
    for _ in 0..6 {
        let answer = service.get(&carol.host, "/api/images/random").await;
        assert_ne!(answer.json()["filename"], "a.png");
    }
}

#[tokio::test]
async fn without_images_there_is_no_random_one() {
    let (sandbox, carol) = open_tenant([]).await;
    let service = Service::start(&sandbox).await;
    let answer = service.get(&carol.host, "/api/images/random").await;
    answer.assert_problem(404, "image-not-found");
}

#[tokio::test]
async fn a_thumbnail_that_the_caller_has_is_not_made_again_until_the_image_changes() {
    let (sandbox, carol) = open_tenant([Sample::png("a.png", 400, 300, 1).unwrap()]).await;
    let service = Service::start(&sandbox).await;
    let switches = sandbox.dropbox.switches();
    let path = "/api/images/a.png/thumbnail?size=w256h256";
    let first = service.get(&carol.host, path).await;
    let tag = first.header("etag").to_owned();
    assert!(
        tag.starts_with('"') && tag.ends_with("-w256h256\""),
        "{tag}"
    );
    assert_eq!(first.header("cache-control"), "private, max-age=600");
    let length = first.header("content-length").to_owned();
    assert_eq!(first.bytes.len().to_string(), length);

    for tags in [&*tag, &format!("\"x\", W/{tag}"), "*"] {
        let again = conditional(&service, &carol.host, path, tags).await;
        assert_eq!((again.status, again.header("etag")), (304, &*tag));
        assert_eq!(again.bytes.len(), 0);
    }
    assert_eq!(switches.calls("get_thumbnail_v2"), 1);
    assert_eq!(switches.calls("get_metadata"), 0);

    let file = format!("{}/a.png", carol.root);
    sandbox.dropbox.put(
        &carol.name,
        &file,
        Sample::png("other", 40, 30, 2).unwrap().bytes,
    );
    tokio::time::sleep(BELIEVED).await;
    let other = conditional(&service, &carol.host, path, &tag).await;
    assert_eq!(other.status, 200);
    assert_ne!(other.header("etag"), tag);
    assert_eq!(switches.calls("get_thumbnail_v2"), 2);
}

#[tokio::test]
async fn after_a_list_a_thumbnail_that_the_caller_has_costs_nothing() {
    let (sandbox, carol) = open_tenant([Sample::png("a.png", 4, 4, 1).unwrap()]).await;
    let service = Service::start(&sandbox).await;
    let switches = sandbox.dropbox.switches();
    let path = "/api/images/a.png/thumbnail";
    let first = service.get(&carol.host, path).await;
    let tag = first.header("etag").to_owned();
    service.get(&carol.host, "/api/images/list").await;
    let before = switches.total_calls();
    let again = conditional(&service, &carol.host, path, &tag).await;
    assert_eq!((again.status, switches.total_calls()), (304, before));
}

#[tokio::test]
async fn head_is_told_the_length_and_the_tag_of_a_thumbnail() {
    let (sandbox, carol) = open_tenant([Sample::png("a.png", 40, 30, 1).unwrap()]).await;
    let service = Service::start(&sandbox).await;
    let ask = async |method: Method| {
        let path = "/api/images/a.png/thumbnail";
        Answer::to(service.request(method, &carol.host, path)).await
    };
    let (head, get) = (ask(Method::HEAD).await, ask(Method::GET).await);
    for name in ["content-type", "content-length", "etag", "cache-control"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
        assert!(!head.header(name).is_empty(), "{name}");
    }
    assert_eq!(head.bytes.len(), 0);
}

#[tokio::test]
async fn what_cannot_be_shown_is_a_problem_of_its_kind() {
    let broken = Sample::new("broken.jpg", &b"no picture"[..]);
    let (sandbox, carol) = open_tenant([broken]).await;
    let service = Service::start(&sandbox).await;
    let thumbnail = "/api/images/broken.jpg/thumbnail";
    for (path, status, kind) in [
        (thumbnail, 422, "unusable-image"),
        (
            "/api/images/broken.jpg/thumbnail?size=w1h1",
            400,
            "invalid-request",
        ),
        ("/api/images/none.jpg", 404, "image-not-found"),
        ("/api/images/none.jpg/thumbnail", 404, "image-not-found"),
        ("/api/images/notes.txt", 400, "invalid-request"),
        ("/api/images/a%2Fb.jpg", 400, "invalid-request"),
        ("/api/images/list/thumbnail", 400, "invalid-request"),
        ("/api/images/random.jpg", 404, "image-not-found"),
    ] {
        service
            .get(&carol.host, path)
            .await
            .assert_problem(status, kind);
    }
    sandbox
        .dropbox
        .switches()
        .always("get_thumbnail_v2", Fault::status(403));
    service
        .get(&carol.host, thumbnail)
        .await
        .assert_problem(502, "upstream-failed");
    let post = service.request(Method::POST, &carol.host, "/api/images/broken.jpg");
    let post = Answer::of(post.send().await.unwrap()).await;
    post.assert_problem(405, "method-not-allowed");
    assert_eq!(post.header("allow"), "GET, HEAD");
}

#[tokio::test]
async fn images_of_another_tenant_are_not_there_and_strangers_see_none() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let bob = &sandbox.tenants()[1];
    for path in ["harbour-dawn.jpg", "harbour-dawn.jpg/thumbnail"] {
        let path = format!("/api/images/{path}");
        let foreign = service.get_as_admin(&sandbox, &bob.host, &path).await;
        foreign.assert_problem(404, "image-not-found");
    }
    for path in ["north-ridge.jpg", "north-ridge.jpg/thumbnail", "random"] {
        let stranger = service.get(&bob.host, &format!("/api/images/{path}")).await;
        stranger.assert_problem(401, "unauthorized");
    }
}
