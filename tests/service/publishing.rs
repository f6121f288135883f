//! One image, from storage to every platform.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Service};
use publisher_sandbox::{Dropbox, Sample, Sandbox};

#[tokio::test]
async fn an_image_goes_from_storage_to_every_platform_and_into_the_archive() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];

    let list = service
        .get_as_admin(&sandbox, &alice.host, "/api/images/list")
        .await
        .json();
    assert_eq!(list["count"], alice.images.len());
    let image = "harbour-dawn.jpg";
    let original = sandbox
        .dropbox
        .file(&alice.name, &format!("{}/{image}", alice.root))
        .unwrap();
    let answer = service.publish(&sandbox, alice, image, json!({})).await;

    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    let photos = sandbox.telegram.photos_of(&alice.bot_token);
    let mails = sandbox.smtp.mails();
    assert_eq!(answer["filename"], image);
    assert_eq!(answer["any_success"], true);
    assert_eq!(answer["archived"], true);
    for platform in ["telegram", "email"] {
        let result = &answer["results"][platform];
        assert_eq!(
            (&result["success"], &result["outcome"]),
            (&json!(true), &json!("published"))
        );
    }
    assert_eq!(
        answer["results"]["telegram"]["post_id"],
        photos[0].message_id.to_string()
    );
    let message_id = mails[0].header("Message-ID").unwrap();
    assert!(message_id.contains(answer["results"]["email"]["post_id"].as_str().unwrap()));

    assert_eq!(photos.len(), 1);
    assert_eq!(
        photos[0].photo, original,
        "the original fits, so it is sent as it is"
    );
    assert!(
        photos[0]
            .caption
            .as_deref()
            .unwrap()
            .ends_with("#ropeart #sandbox")
    );
    assert_eq!(mails.len(), 2, "the message and its confirmation");
    assert!(mails.iter().all(|mail| mail.tls));
    assert_eq!(mails[0].connection, mails[1].connection);
    assert_eq!(mails[0].to, [alice.recipient.clone().unwrap()]);
    assert_eq!(mails[1].to, std::slice::from_ref(&alice.sender));

    let openai = sandbox.openai.switches();
    assert_eq!((openai.calls("vision"), openai.calls("caption")), (1, 1));
    assert_eq!(
        sandbox.dropbox.switches().calls("download"),
        1 + 2,
        "the image, and no sidecar under either name"
    );
    let paths = sandbox.dropbox.paths(&alice.name);
    let archived = format!("{}/archive/harbour-dawn", alice.root);
    assert!(paths.contains(&format!("{archived}.jpg")), "{paths:?}");
    assert!(
        !paths.contains(&format!("{}/{image}", alice.root)),
        "{paths:?}"
    );
    let sidecar = sandbox
        .dropbox
        .file(&alice.name, &format!("{archived}.txt"))
        .unwrap();
    let sidecar = String::from_utf8(sidecar.to_vec()).unwrap();
    for key in [
        "image_file: harbour-dawn.jpg",
        "dropbox_file_id: id:",
        "sha256: ",
        "caption: ",
    ] {
        assert!(
            sidecar.contains(&format!("\n# {key}")),
            "{key} is missing in {sidecar}"
        );
    }
}

#[tokio::test]
async fn the_platforms_are_served_side_by_side() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    // Both are held until both have been called: one after the other would never end.
    let telegram = sandbox.telegram.switches().hold("sendPhoto");
    let mail = sandbox.smtp.switches().hold("DATA_END");
    let publish = service.publish(&sandbox, alice, "harbour-dawn.jpg", json!({}));
    let watch = async {
        telegram.arrived(1).await;
        mail.arrived(1).await;
        telegram.release();
        mail.release();
    };
    let (answer, ()) = tokio::join!(publish, watch);
    assert_eq!(answer.json()["any_success"], true);
}

#[tokio::test]
async fn an_image_is_published_by_one_request_at_a_time() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let bob = &sandbox.tenants()[1];
    let held = sandbox.telegram.switches().hold("sendPhoto");
    let first = service.publish(&sandbox, bob, "north-ridge.jpg", json!({}));
    let second = async {
        held.arrived(1).await;
        let answer = service
            .publish(&sandbox, bob, "north-ridge.jpg", json!({}))
            .await;
        held.release();
        answer
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.json()["any_success"], true);
    second.assert_problem(409, "conflict");
    assert_eq!(sandbox.telegram.photos().len(), 1);
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_stop_a_publication() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let bob = &sandbox.tenants()[1];
    let held = sandbox.telegram.switches().hold("sendPhoto");
    {
        let publish = service.publish(&sandbox, bob, "north-ridge.jpg", json!({}));
        tokio::pin!(publish);
        tokio::select! {
            answer = &mut publish => panic!("it was held: {answer:?}"),
            () = held.arrived(1) => {}
        }
    }
    held.release();
    sandbox
        .dropbox
        .switches()
        .wait_for_calls("move_v2", 2)
        .await;
    assert_eq!(sandbox.telegram.photos().len(), 1);
}

#[tokio::test]
async fn a_dry_run_says_what_it_would_do_and_does_nothing() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let before = sandbox.dropbox.paths(&alice.name);
    let body = json!({"dry_run": true, "platforms": ["email"]});
    let answer = service
        .publish(&sandbox, alice, "harbour-dawn.jpg", body)
        .await
        .json();
    assert_eq!(answer["results"]["email"]["outcome"], "skipped");
    assert!(answer["results"]["telegram"].is_null());
    assert!(
        !answer["results"]["email"]["caption"]
            .as_str()
            .unwrap()
            .is_empty()
    );
    assert!(sandbox.smtp.mails().is_empty() && sandbox.telegram.photos().is_empty());
    assert_eq!(sandbox.dropbox.paths(&alice.name), before);
}

#[tokio::test]
async fn a_given_caption_costs_nothing() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let body = json!({"caption": "Mine, and only mine"});
    let answer = service
        .publish(&sandbox, alice, "harbour-dawn.jpg", body)
        .await
        .json();
    assert_eq!(answer["any_success"], true);
    assert_eq!(sandbox.openai.switches().total_calls(), 0);
    let photos = sandbox.telegram.photos();
    let caption = "Mine, and only mine\n\n#ropeart #sandbox";
    assert_eq!(photos[0].caption.as_deref(), Some(caption));
}

#[tokio::test]
async fn names_in_any_script_can_be_published() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let answer = service
        .publish(&sandbox, alice, "caf%C3%A9-%E5%A4%9C.jpg", json!({}))
        .await;
    assert_eq!(answer.json()["filename"], "café-夜.jpg");
    let archived = format!("{}/archive/café-夜.jpg", alice.root);
    assert!(sandbox.dropbox.paths(&alice.name).contains(&archived));
}

/// A folder of what phones leave there: files that are no photos, one that storage blocks, one that the model
/// refuses, and a good one.
#[tokio::test]
async fn the_next_one_is_published_behind_all_that_are_at_fault_themselves_which_are_paid_for_once()
{
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let good = sandbox
        .dropbox
        .file(&alice.name, &format!("{}/harbour-dawn.jpg", alice.root))
        .unwrap();
    for path in sandbox.dropbox.paths(&alice.name) {
        sandbox.dropbox.remove(&alice.name, &path);
    }
    sandbox.dropbox.make_folder(&alice.name, &alice.root);
    let put = |name: &str, bytes: &[u8]| {
        let path = format!("{}/{name}", alice.root);
        sandbox.dropbox.put(&alice.name, &path, bytes.to_vec());
    };
    for number in 0..11_u8 {
        let heic = [b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".as_slice(), &[number]].concat();
        put(&format!("a{number:02}.jpg"), &heic);
    }
    let blocked = Sample::jpeg("b.jpg", 40, 30, 1).unwrap();
    put("b.jpg", &blocked.bytes);
    let restricted = Dropbox::endpoint_error(&["path", "restricted_content"]);
    let switches = sandbox.dropbox.switches();
    switches.always_matching("download", "b.jpg", restricted);
    put("c.jpg", &Sample::jpeg("c.jpg", 40, 30, 2).unwrap().bytes);
    sandbox
        .openai
        .refuse_with("vision", Some("I cannot help with that."));
    put("d.jpg", &good);

    let publish = async || {
        let request = service.request(Method::POST, &alice.host, "/api/publish");
        Answer::to(request.bearer_auth(sandbox.web_token()))
            .await
            .json()
    };
    // All are refused; what was paid for is remembered.
    let first = publish().await;
    assert_eq!(first["filename"], Value::Null, "{first}");
    let paid = sandbox.openai.switches().calls("vision");
    assert_eq!(paid, 4, "a look and a closer look at each of two");
    let entries = service.publications(&sandbox, alice).await;
    assert_eq!(entries.len(), 14, "{entries:?}");
    for entry in &entries {
        assert_eq!(entry["platform"], Value::Null, "{entry}");
        assert_eq!(entry["outcome"], "skipped", "{entry}");
        assert_eq!(entry["reason"], "image_unsuitable", "{entry}");
    }
    let said = |name: &str| {
        let entry = entries.iter().find(|entry| entry["filename"] == name);
        entry.unwrap()["error"].as_str().unwrap().to_owned()
    };
    assert!(said("a00.jpg").contains("HEIC"), "{}", said("a00.jpg"));
    assert!(said("b.jpg").contains("restricted"), "{}", said("b.jpg"));
    assert!(said("c.jpg").contains("refuses"), "{}", said("c.jpg"));
    let second = publish().await;
    assert_eq!(second["filename"], Value::Null, "{second}");
    assert_eq!(sandbox.openai.switches().calls("vision"), paid);
    assert!(
        second["warnings"][0]
            .as_str()
            .unwrap()
            .starts_with("14 images are left out")
    );

    // One has changed, and the model takes it; those behind it are found behind all the others.
    sandbox.openai.refuse_with("vision", None);
    put("c.jpg", &Sample::jpeg("c.jpg", 40, 30, 3).unwrap().bytes);
    let third = publish().await;
    assert_eq!(third["filename"], "c.jpg", "{third}");
    assert_eq!(third["results"]["telegram"]["outcome"], "published");
    // By name it is tried again, whatever is remembered.
    let named = service
        .publish(&sandbox, alice, "d.jpg", json!({}))
        .await
        .json();
    assert_eq!(
        named["results"]["telegram"]["outcome"], "published",
        "{named}"
    );
}
