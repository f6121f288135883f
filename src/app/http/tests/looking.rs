//! Images one by one: details, a random one, thumbnails.

use crate::{
    app::{http::spec, usecases::fixtures::standing},
    domain::{secret::Secret, sidecar::SidecarName, thumbnail::ThumbnailSize},
    ports::{ImageStoreError, LinkedImage, MockImageStore, Thumbnail},
};
use bytes::Bytes;
use poem::{
    Endpoint as _, Request,
    http::{HeaderValue, Method},
};
use serde_json::{Value, json};

use super::{
    Answer, Service,
    errors::{SECRET, storage_failures},
    harness::{get, stored},
};

const LINK: &str = "https://dl.example.org/cd/0/get/x?y=1&z=2";

/// Every name of an image, without a sidecar.
fn with_links(images: &mut MockImageStore) {
    images.expect_temporary_link().returning(|name| {
        Ok(LinkedImage {
            stored: stored(name.as_str()),
            link: Secret::new(LINK.to_owned()),
        })
    });
}

fn with_thumbnails(images: &mut MockImageStore, times: usize) {
    images
        .expect_thumbnail()
        .times(times)
        .returning(|name, size| {
            Ok(Thumbnail {
                stored: stored(name.as_str()),
                jpeg: Bytes::from(format!("picture {}", size.as_str())),
            })
        });
}

fn thumbnail_if_none_match(tags: &[&str]) -> Request {
    let mut request = get("/api/images/a.jpg/thumbnail");
    for tag in tags {
        let value = HeaderValue::from_str(tag).unwrap();
        request.headers_mut().append("if-none-match", value);
    }
    request
}

#[tokio::test]
async fn an_image_is_shown_with_all_that_its_caption_file_says() {
    let mut service = Service::new().open_to_viewers();
    with_links(&mut service.images);
    let hash = stored("a.jpg").content_hash.to_string();
    let text = format!(
        "rope, dawn\n\n# ---\n# image_file: café 夜.jpg\n# dropbox_rev: 1\n# sha256: {hash}\n# caption: Good morning\n\
         # sd_caption_version: 1\n# tags: [\"rope\",\"夜\"]\n# rating: 5\n\
         # caption_generated: {{\"telegram\":\"Good morning\"}}\n# caption_submitted: [1]\n"
    );
    let text = Bytes::from(text);
    let images = &mut service.images;
    images
        .expect_read_sidecar()
        .times(2)
        .returning(standing(SidecarName::Stem, text));
    let answer = service
        .answer(get("/api/images/caf%C3%A9%20%E5%A4%9C.jpg"))
        .await;
    let expected = json!({
        "filename": "café 夜.jpg",
        "temp_url": LINK,
        "thumbnail_url": "/api/images/caf%C3%A9%20%E5%A4%9C.jpg/thumbnail",
        "sha256": hash,
        "caption": "Good morning",
        "sd_caption": "rope, dawn",
        "metadata": {
            "image_file": "café 夜.jpg", "dropbox_rev": "1", "sd_caption_version": "1", "tags": ["rope", "夜"], "rating": "5",
            "caption_generated": "{\"telegram\":\"Good morning\"}", "caption_submitted": [1],
        },
        "has_sidecar": true,
        "caption_generated": {"telegram": "Good morning"},
        "caption_submitted": null,
        "platform_limits": {"telegram": 1024},
    });
    assert_eq!(answer.json(), expected);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn what_is_not_known_of_an_image_is_null() {
    for (sidecar, has_sidecar) in [(true, json!(false)), (false, Value::Null)] {
        let mut service = Service::new().open_to_viewers();
        with_links(&mut service.images);
        service.images.expect_read_sidecar().returning(move |_, _| {
            if sidecar {
                Ok(crate::ports::SidecarFile::Missing)
            } else {
                Err(ImageStoreError::Unavailable(SECRET.into()))
            }
        });
        let answer = service.answer(get("/api/images/a.jpg")).await;
        let expected = json!({
            "filename": "a.jpg",
            "temp_url": LINK,
            "thumbnail_url": "/api/images/a.jpg/thumbnail",
            // This storage has told it.
            "sha256": stored("a.jpg").content_hash.to_string(),
            "caption": null,
            "sd_caption": null,
            "metadata": null,
            "has_sidecar": has_sidecar,
            "caption_generated": null,
            "caption_submitted": null,
            "platform_limits": {"telegram": 1024},
        });
        assert_eq!(answer.json(), expected);
    }
}

#[tokio::test]
async fn a_random_image_is_described_like_any_other() {
    let mut service = Service::new().open_to_viewers();
    with_links(&mut service.images);
    let images = &mut service.images;
    images
        .expect_list()
        .times(1)
        .returning(|| Ok(["a.jpg", "b.jpg"].map(stored).into()));
    images
        .expect_read_sidecar()
        .returning(|_, _| Ok(crate::ports::SidecarFile::Missing));
    let routes = service.routes();
    let mut drawn = Vec::new();
    for _ in 0..2 {
        let response = routes.get_response(get("/api/images/random")).await;
        let random = Answer::of(response).await.json();
        let name = random["filename"].as_str().unwrap().to_owned();
        let response = routes
            .get_response(get(&format!("/api/images/{name}")))
            .await;
        assert_eq!(Answer::of(response).await.json(), random);
        drawn.push(name);
    }
    drawn.sort();
    assert_eq!(drawn, ["a.jpg", "b.jpg"]);
}

#[tokio::test]
async fn a_tenant_without_images_has_no_random_one() {
    let mut service = Service::new().open_to_viewers();
    service.images.expect_list().returning(|| Ok(Vec::new()));
    let answer = service.answer(get("/api/images/random")).await;
    answer.problem(404, "image-not-found");
}

#[tokio::test]
async fn names_that_are_none_are_bad_wherever_they_stand() {
    let too_long = format!("{}.jpg", "a".repeat(252));
    let names = [
        "notes.txt",
        "..",
        "a%2Fb.jpg",
        "..%2Fa.jpg",
        "a%00.jpg",
        "list%2F",
        &too_long,
    ];
    for name in names {
        for tail in ["", "/thumbnail"] {
            let request = get(&format!("/api/images/{name}{tail}"));
            let answer = Service::new().open_to_viewers().answer(request).await;
            assert_eq!(answer.bad_fields(), ["filename"], "{name}{tail}");
        }
    }
    for name in ["list", "random"] {
        let request = get(&format!("/api/images/{name}/thumbnail"));
        let answer = Service::new().open_to_viewers().answer(request).await;
        assert_eq!(answer.bad_fields(), ["filename"], "{name}");
    }
}

#[tokio::test]
async fn names_in_any_script_and_names_like_routes_reach_storage_as_they_are() {
    let longest = format!("{}.jpg", "夜".repeat(83));
    assert!(longest.len() <= 255);
    let names = [
        "a b.jpg",
        "100%.png",
        "e\u{301}.webp",
        "list.jpg",
        "random.jpg",
        "a+b&c?d#e.jpg",
    ];
    for name in names.into_iter().chain([&*longest]) {
        let mut service = Service::new().open_to_viewers();
        with_links(&mut service.images);
        with_thumbnails(&mut service.images, 1);
        service
            .images
            .expect_read_sidecar()
            .returning(|_, _| Ok(crate::ports::SidecarFile::Missing));
        let encoded: Vec<String> = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let request = get(&format!("/api/images/{}", encoded.concat()));
        let routes = service.routes();
        let response = routes.get_response(request).await;
        let shown = Answer::of(response).await.json();
        assert_eq!(shown["filename"], name);
        let path = shown["thumbnail_url"].as_str().unwrap();
        let thumbnail = Answer::of(routes.get_response(get(path)).await).await;
        assert_eq!(thumbnail.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_thumbnail_is_a_jpeg_of_the_size_that_was_asked_for_and_may_be_kept() {
    let sizes = ThumbnailSize::ALL.map(ThumbnailSize::as_str);
    let queries = sizes.map(|size| (format!("?size={size}"), size));
    for (query, size) in queries.into_iter().chain([(String::new(), "w960h640")]) {
        let mut service = Service::new().open_to_viewers();
        with_thumbnails(&mut service.images, 1);
        let request = get(&format!("/api/images/a.jpg/thumbnail{query}"));
        let answer = service.answer(request).await;
        assert_eq!(answer.body, format!("picture {size}"), "{query}");
        assert_eq!(answer.header("content-type"), Some("image/jpeg"));
        assert_eq!(answer.header("cache-control"), Some("private, max-age=600"));
        let tag = format!("\"{}-{size}\"", stored("a.jpg").content_hash);
        assert_eq!(answer.header("etag"), Some(&*tag));
        let length = answer.body.len().to_string();
        assert_eq!(answer.header("content-length"), Some(&*length));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

#[tokio::test]
async fn a_bad_size_is_named() {
    for size in ["", "w64h64", "W256H256", "256", "w256h256,w480h320"] {
        let mut service = Service::new().open_to_viewers();
        service.images.expect_thumbnail().never();
        let request = get(&format!("/api/images/a.jpg/thumbnail?size={size}"));
        let answer = service.answer(request).await;
        assert_eq!(answer.bad_fields(), ["size"], "{size}");
    }
}

#[tokio::test]
async fn who_has_the_thumbnail_is_told_so_and_no_other_is_made() {
    let tag = format!("\"{}-w960h640\"", stored("a.jpg").content_hash);
    let (weak, list) = (format!("W/{tag}"), format!("\"x\", {tag}"));
    for tags in [&[&*tag][..], &[&weak], &[&list], &["\"x\"", &tag], &["*"]] {
        let mut service = Service::new().open_to_viewers();
        with_thumbnails(&mut service.images, 0);
        let images = &mut service.images;
        images
            .expect_find()
            .times(1)
            .returning(|name| Ok(stored(name.as_str())));
        let answer = service.answer(thumbnail_if_none_match(tags)).await;
        assert_eq!(answer.status, 304, "{tags:?}");
        assert_eq!(answer.body, "");
        assert_eq!(answer.header("etag"), Some(&*tag));
        assert_eq!(answer.header("cache-control"), Some("private, max-age=600"));
    }
}

#[tokio::test]
async fn who_has_another_thumbnail_gets_this_one() {
    let hash = stored("a.jpg").content_hash;
    let of_another_size = format!("\"{hash}-w256h256\"");
    let of_another_image = format!("\"{}-w960h640\"", "0".repeat(64));
    for tag in [&*of_another_size, &of_another_image, "\"x\"", "nonsense"] {
        let mut service = Service::new().open_to_viewers();
        with_thumbnails(&mut service.images, 1);
        service
            .images
            .expect_find()
            .returning(|name| Ok(stored(name.as_str())));
        let answer = service.answer(thumbnail_if_none_match(&[tag])).await;
        assert_eq!(answer.status, 200, "{tag}");
    }
}

#[tokio::test]
async fn head_is_told_what_get_is_without_the_body() {
    let mut service = Service::new().open_to_viewers();
    with_thumbnails(&mut service.images, 1);
    let routes = service.routes();
    let path = "/api/images/a.jpg/thumbnail";
    let mut head = get(path);
    head.set_method(Method::HEAD);
    let head = Answer::of(routes.get_response(head).await).await;
    let get = Answer::of(routes.get_response(get(path)).await).await;
    assert_eq!((head.status, &*head.body), (get.status, ""));
    for name in ["content-type", "content-length", "etag", "cache-control"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
        assert!(head.header(name).is_some(), "{name}");
    }
}

#[tokio::test]
async fn what_shows_images_is_for_viewers_only() {
    for path in ["random", "a.jpg", "a.jpg/thumbnail", "list"] {
        let mut request = get(&format!("/api/images/{path}"));
        request
            .headers_mut()
            .insert("if-none-match", HeaderValue::from_static("*"));
        let answer = Service::new().answer(request).await;
        answer.problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn every_failure_has_its_problem_and_the_spec_declares_it() {
    let document = spec::openapi_document();
    for (path, route) in [
        ("random", "random"),
        ("a.jpg", "{filename}"),
        ("a.jpg/thumbnail", "{filename}/thumbnail"),
    ] {
        let responses = &document["paths"][format!("/api/images/{route}")]["get"]["responses"];
        let is_thumbnail = path.ends_with("thumbnail");
        for (index, (error, status, slug)) in storage_failures().into_iter().enumerate() {
            let cannot_happen = match error {
                ImageStoreError::TooLarge => true,
                ImageStoreError::NoThumbnail => !is_thumbnail,
                _ => false,
            };
            if cannot_happen {
                continue;
            }
            let mut service = Service::new().open_to_viewers();
            let images = &mut service.images;
            images.expect_list().returning(|| Ok(vec![stored("a.jpg")]));
            images
                .expect_read_sidecar()
                .returning(|_, _| Ok(crate::ports::SidecarFile::Missing));
            // Errors cannot be copied, and an image that is gone is asked for again.
            let again = move || storage_failures().remove(index).0;
            images
                .expect_temporary_link()
                .returning(move |_| Err(again()));
            images
                .expect_thumbnail()
                .returning(move |_, _| Err(again()));
            let answer = service.answer(get(&format!("/api/images/{path}"))).await;
            answer.problem(status, slug);
            assert!(!answer.body.contains(SECRET), "{path}");
            let content = &responses[status.to_string()]["content"]["application/problem+json"];
            assert!(
                content["examples"][slug].is_object(),
                "{path} {status} {slug}"
            );
        }
    }
}

#[test]
fn the_spec_tells_how_a_thumbnail_is_kept() {
    let document = spec::openapi_document();
    let thumbnail = &document["paths"]["/api/images/{filename}/thumbnail"]["get"];
    let responses = &thumbnail["responses"];
    let schema = &responses["200"]["content"]["image/jpeg"]["schema"];
    assert_eq!(schema, &json!({"type": "string", "format": "binary"}));
    assert!(responses["304"]["content"].is_null());
    for (status, headers) in [
        ("200", &["Cache-Control", "Content-Length", "ETag"][..]),
        ("304", &["Cache-Control", "ETag"]),
    ] {
        for header in headers {
            let reference = &responses[status]["headers"][header]["$ref"];
            assert_eq!(reference, &format!("#/components/headers/{header}"));
            assert!(document["components"]["headers"][header].is_object());
        }
    }
    let parameters = thumbnail["parameters"].as_array().unwrap();
    let parameter = |name: &str| parameters.iter().find(|it| it["name"] == name).unwrap();
    assert_eq!(parameter("If-None-Match")["in"], "header");
    assert_eq!(parameter("If-None-Match")["required"], false);
    let sizes = &document["components"]["schemas"]["ThumbnailSize"]["enum"];
    assert_eq!(sizes, &json!(ThumbnailSize::ALL.map(ThumbnailSize::as_str)));
    assert!(
        parameter("size")["schema"]
            .to_string()
            .contains("ThumbnailSize")
    );
}
