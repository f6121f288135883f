//! Listing, finding, fetching and links.

use super::*;
use crate::{
    domain::listing::ListingChange,
    ports::{ListingPage, NextPage, RefreshCost},
};

/// A page of a listing with these keys.
pub(super) fn page(keys: &[&str], rest: &str) -> Fault {
    let objects: Vec<String> = keys
        .iter()
        .map(|key| {
            format!(
                "<Contents><Key>{key}</Key><LastModified>2026-11-29T01:02:03.000Z</LastModified>\
                 <ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>7</Size>\
                 <Owner><ID>1</ID></Owner></Contents>"
            )
        })
        .collect();
    let xmlns = "http://s3.amazonaws.com/doc/2006-03-01/";
    let objects = objects.concat();
    let body = format!("<ListBucketResult xmlns=\"{xmlns}\">{rest}{objects}</ListBucketResult>");
    Fault::text(200, &body)
}

#[tokio::test]
async fn keys_outside_the_folder_are_dropped_whatever_a_listing_says() {
    let tenant = Tenant::new().await;
    let keys = [
        "acme/queue/good.jpg",
        "acme/queue/fine &amp; good.png",
        "acme/queue/",
        "acme/queue/../../other/a.jpg",
        "acme/queue/archive/a.jpg",
        "acme/queue//a.jpg",
        "other/a.jpg",
        "/acme/queue/a.jpg",
        "acme/queue/a&#10;.jpg",
        "acme/queue/a&#0;.jpg",
        "acme/queue/a&bogus;.jpg",
        "acme/queue/..",
        "acme/queue/a.txt",
    ];
    tenant.switches().always("list", page(&keys, ""));
    assert_eq!(tenant.names().await, ["fine & good.png", "good.jpg"]);
}

#[tokio::test]
async fn a_listing_says_what_is_known_without_a_download() {
    let tenant = Tenant::new().await;
    tenant.put("b.jpg", "two").await;
    tenant.put("a.jpg", "one").await;
    tenant.put("archive/c.jpg", "three").await;
    let listed = tenant.store.list().await.unwrap();
    assert_eq!(listed.len(), 2);
    let md5 = "etag:f97c5d29941bfb1b2fdab0874906ab82";
    assert_eq!(format!("{:?}", listed[0].content_hash), md5);
    assert_eq!(listed[0].size, 3);
    assert!(listed[0].last_modified.is_some());
    let found = tenant.store.find(&name("a.jpg")).await.unwrap();
    assert_eq!(found.content_hash, listed[0].content_hash);
    let fetched = tenant.store.fetch(&name("a.jpg")).await.unwrap();
    assert_eq!(fetched.stored.revision, listed[0].revision);
    assert_eq!(&*fetched.bytes, b"one");
    assert_eq!((tenant.calls("list"), tenant.calls("get")), (1, 1));
}

#[tokio::test]
async fn a_folder_is_read_a_thousand_keys_a_call_and_says_that_this_is_costly() {
    let tenant = Tenant::new().await;
    let rest =
        "<IsTruncated>true</IsTruncated><NextContinuationToken>a+b/c=</NextContinuationToken>";
    let first = page(&["acme/queue/b.jpg", "acme/queue/b.txt"], rest);
    tenant.switches().inject("list", first);
    let last = page(&["acme/queue/a.jpg"], "");
    tenant.switches().inject("list", last);
    let names = |page: &ListingPage| {
        let names = page.changes.iter().map(|change| match change {
            ListingChange::Found(image) => image.name.to_string(),
            ListingChange::Gone(name) => panic!("{name} is gone"),
        });
        names.collect::<Vec<_>>()
    };
    let first = tenant.store.list_page(None).await.unwrap().unwrap();
    assert_eq!(
        (names(&first), first.entries),
        (vec!["b.jpg".to_owned()], 2)
    );
    let NextPage::More(cursor) = first.next else {
        panic!("{:?}", first.next)
    };
    let last = tenant.store.list_page(Some(cursor)).await.unwrap().unwrap();
    assert_eq!(names(&last), ["a.jpg"]);
    assert!(matches!(last.next, NextPage::None), "{:?}", last.next);

    let requests = tenant.switches().requests("list");
    let [first, second] = &requests[..] else {
        panic!("two requests")
    };
    assert!(first.mentions("max-keys=1000"));
    assert!(!first.mentions("continuation-token"));
    assert!(second.mentions("continuation-token=a%2Bb%2Fc%3D"));
    assert_eq!(tenant.store.listing_rules().refresh, RefreshCost::High);
}

#[tokio::test]
async fn a_listing_without_an_end_is_given_up() {
    let tenant = Tenant::new().await;
    let rest = "<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>";
    tenant
        .switches()
        .always("list", page(&["acme/queue/a.jpg"], rest));
    let error = tenant.store.list().await.unwrap_err();
    assert!(
        matches!(error, ImageStoreError::Unavailable(_)),
        "{error:?}"
    );
    assert_eq!(tenant.calls("list"), 2, "the second page leads to itself");

    let mut limits = SWIFT;
    limits.listing.entries = 1;
    let tenant = Tenant::with(limits, &[]).await;
    tenant.put("a.jpg", "one").await;
    tenant.put("b.txt", "two").await;
    let error = tenant.store.list().await.unwrap_err();
    assert!(
        matches!(error, ImageStoreError::Misconfigured { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_listing_that_is_none_is_a_failure_and_no_empty_folder() {
    let truncated = "<IsTruncated>true</IsTruncated>";
    for fault in [
        Fault::text(200, ""),
        Fault::text(200, "<html>welcome</html>"),
        Fault::text(200, "<ListBucketResult><Contents>"),
        Fault::text(200, "<!DOCTYPE x [<!ENTITY a \"b\">]><ListBucketResult/>"),
        page(&[], truncated),
    ] {
        let tenant = Tenant::new().await;
        tenant.put("a.jpg", "one").await;
        tenant.switches().always("list", fault.clone());
        let error = tenant.store.list().await.unwrap_err();
        assert!(
            matches!(error, ImageStoreError::Unavailable(_)),
            "{fault:?}: {error:?}"
        );
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    for fault in [
        refusal(503, "SlowDown"),
        refusal(500, "InternalError"),
        refusal(503, "ServiceUnavailable"),
        Fault::ResetBeforeRequest,
        Fault::TruncatedBody,
    ] {
        let tenant = Tenant::new().await;
        tenant.put("a.jpg", "one").await;
        for operation in ["list", "get"] {
            tenant.switches().inject(operation, fault.clone());
        }
        assert_eq!(tenant.names().await, ["a.jpg"], "{fault:?}");
        let fetched = tenant.store.fetch(&name("a.jpg")).await.unwrap();
        assert_eq!(&*fetched.bytes, b"one", "{fault:?}");
        assert_eq!((tenant.calls("list"), tenant.calls("get")), (2, 2));
    }
}

#[tokio::test]
async fn a_body_that_is_short_or_does_not_come_is_an_error() {
    let tenant = Tenant::with(IMPATIENT, &[]).await;
    tenant.put("a.jpg", "content").await;
    tenant.switches().always("get", Fault::TruncatedBody);
    let error = tenant.store.fetch(&name("a.jpg")).await.unwrap_err();
    assert!(
        matches!(error, ImageStoreError::Unreadable { .. }),
        "{error:?}"
    );
    tenant.switches().clear("get");
    for fault in [
        Fault::Timeout,
        Fault::SlowBody {
            chunk_bytes: 1,
            delay: Duration::from_millis(200),
        },
    ] {
        tenant.switches().always("get", fault);
        let error = tenant.store.fetch(&name("a.jpg")).await.unwrap_err();
        assert!(matches!(error, ImageStoreError::Timeout(_)), "{error:?}");
        tenant.switches().clear("get");
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_read() {
    let tenant = Tenant::new().await;
    let bytes = vec![0; 51 * 1024 * 1024];
    assert!(tenant.sandbox.s3.put("acme/queue/a.jpg", bytes).await);
    let error = tenant.store.fetch(&name("a.jpg")).await.unwrap_err();
    assert!(matches!(error, ImageStoreError::TooLarge), "{error:?}");
}

#[tokio::test]
async fn a_link_gives_the_image_and_nothing_else() {
    let tenant = Tenant::new().await;
    tenant.put("a (1) é.jpg", "one").await;
    tenant.put("b.jpg", "two").await;
    let linked = tenant
        .store
        .temporary_link(&name("a (1) é.jpg"))
        .await
        .unwrap();
    let link = linked.link.expose();
    assert!(link.contains("X-Amz-Expires=3600"));
    let client =
        crate::adapters::http_client::build(SWIFT.timeout, &ExtraRoots::default()).unwrap();
    let get = async |url: &str| {
        let response = client.get(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(get(link).await, (200, "one".to_owned()));
    let (path, query) = link.split_once('?').unwrap();
    let other = format!("{}/b.jpg?{query}", path.rsplit_once('/').unwrap().0);
    assert_eq!(get(&other).await.0, 403);
    let missing = tenant.store.temporary_link(&name("c.jpg")).await;
    assert!(matches!(missing, Err(ImageStoreError::NotFound)));
}
