//! Tokens, listings, moves, contents and thumbnails.

use std::collections::BTreeSet;

use bytes::Bytes;
use image::GenericImageView as _;
use reqwest::Response;
use serde_json::{Value, json};

use super::client;
use crate::{Dropbox, Sample};

pub(super) async fn access_token(dropbox: &Dropbox, refresh_token: &str) -> String {
    let answer: Value = token_answer(dropbox, refresh_token, dropbox.app_secret())
        .await
        .json()
        .await
        .unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

async fn token_answer(dropbox: &Dropbox, refresh_token: &str, secret: &str) -> Response {
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
        ("client_id", dropbox.app_key()),
        ("client_secret", secret),
    ];
    let url = format!("{}/oauth2/token", dropbox.server().url());
    client().post(url).form(&form).send().await.unwrap()
}

struct Account {
    dropbox: Dropbox,
    token: String,
}

impl Account {
    async fn with(files: &[&str]) -> Self {
        let dropbox = Dropbox::start().await.unwrap();
        dropbox.add_account("alice", "refresh");
        for path in files {
            let content = Bytes::copy_from_slice(path.as_bytes());
            assert!(dropbox.put("alice", path, content));
        }
        let token = access_token(&dropbox, "refresh").await;
        Self { dropbox, token }
    }

    async fn rpc(&self, operation: &str, arguments: &Value) -> Response {
        let url = format!("{}/2/files/{operation}", self.dropbox.server().url());
        let request = client().post(url).bearer_auth(&self.token);
        request.json(arguments).send().await.unwrap()
    }

    async fn rpc_json(&self, operation: &str, arguments: Value) -> Value {
        self.rpc(operation, &arguments).await.json().await.unwrap()
    }

    async fn content(&self, operation: &str, arguments: &str, body: &[u8]) -> Response {
        let url = format!("{}/2/files/{operation}", self.dropbox.server().url());
        let mut request = client().post(url).bearer_auth(&self.token);
        if operation == "upload" {
            request = request.header("content-type", "application/octet-stream");
        }
        let request = request.header("dropbox-api-arg", arguments);
        request.body(body.to_vec()).send().await.unwrap()
    }
}

fn result(answer: &Response) -> Value {
    serde_json::from_slice(answer.headers()["dropbox-api-result"].as_bytes()).unwrap()
}

#[tokio::test]
async fn a_token_takes_the_right_app_and_a_living_refresh_token() {
    let account = Account::with(&[]).await;
    let dropbox = &account.dropbox;
    dropbox.set_expires_in(60);
    let answer = token_answer(dropbox, "refresh", dropbox.app_secret()).await;
    assert_eq!(answer.json::<Value>().await.unwrap()["expires_in"], 60);
    let answer = token_answer(dropbox, "refresh", "wrong").await;
    assert_eq!(answer.status(), 400);
    assert_eq!(
        answer.json::<Value>().await.unwrap()["error"],
        "invalid_client"
    );
    dropbox.revoke("refresh");
    let answer = token_answer(dropbox, "refresh", dropbox.app_secret()).await;
    assert_eq!(answer.status(), 400);
    assert_eq!(
        answer.json::<Value>().await.unwrap()["error"],
        "invalid_grant"
    );
    assert!(dropbox.secrets().contains(&account.token));
    assert_eq!(dropbox.switches().calls("token"), 4);
}

#[tokio::test]
async fn access_tokens_can_be_expired_or_unknown() {
    let mut account = Account::with(&[]).await;
    account.dropbox.expire_access_tokens();
    let answer = account.rpc("list_folder", &json!({ "path": "" })).await;
    assert_eq!(answer.status(), 401);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["error"][".tag"], "expired_access_token");
    account.token = "made-up".to_owned();
    let answer = account.rpc_json("list_folder", json!({ "path": "" })).await;
    assert_eq!(answer["error"][".tag"], "invalid_access_token");
}

#[tokio::test]
async fn a_folder_is_listed_in_pages_each_entry_once() {
    let account =
        Account::with(&["/q/1.jpg", "/q/2.jpg", "/q/3.jpg", "/q/sub/4.jpg", "/x.jpg"]).await;
    let mut names = BTreeSet::new();
    let mut page = account
        .rpc_json("list_folder", json!({ "path": "/Q", "limit": 2 }))
        .await;
    let mut pages = 1;
    loop {
        for entry in page["entries"].as_array().unwrap() {
            let tag = entry[".tag"].as_str().unwrap();
            assert!(names.insert(format!("{tag} {}", entry["name"].as_str().unwrap())));
        }
        if page["has_more"] == false {
            break;
        }
        let cursor = json!({ "cursor": page["cursor"] });
        page = account.rpc_json("list_folder/continue", cursor).await;
        pages += 1;
    }
    assert_eq!(pages, 2);
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    assert_eq!(
        names,
        ["file 1.jpg", "file 2.jpg", "file 3.jpg", "folder sub"]
    );
}

#[tokio::test]
async fn the_cursor_of_the_last_page_tells_what_has_changed_since() {
    let account = Account::with(&["/q/1.jpg", "/q/2.jpg", "/q/3.jpg", "/q/sub/4.jpg"]).await;
    let dropbox = &account.dropbox;
    let listed = account
        .rpc_json("list_folder", json!({ "path": "/q" }))
        .await;
    let told = |page: &Value| -> Vec<String> {
        let entries = page["entries"].as_array().unwrap().iter();
        entries
            .map(|it| format!("{} {}", it[".tag"], it["name"]).replace('"', ""))
            .collect()
    };
    let changes = async |cursor: &Value| {
        let page = json!({ "cursor": cursor });
        account.rpc_json("list_folder/continue", page).await
    };
    let nothing = changes(&listed["cursor"]).await;
    assert_eq!(
        (told(&nothing).len(), &nothing["has_more"]),
        (0, &json!(false))
    );

    assert!(dropbox.put("alice", "/q/new.jpg", "new"));
    assert!(dropbox.put("alice", "/q/1.jpg", "other"));
    assert!(dropbox.rename("alice", "/q/2.jpg", "/q/moved.jpg"));
    assert!(dropbox.remove("alice", "/q/3.jpg"));
    assert!(dropbox.make_folder("alice", "/q/3.jpg"));
    assert!(dropbox.put("alice", "/q/sub/5.jpg", "deeper"));
    assert!(dropbox.put("alice", "/elsewhere/6.jpg", "elsewhere"));
    let expected = [
        "file new.jpg",
        "file 1.jpg",
        "deleted 2.jpg",
        "file moved.jpg",
        "folder 3.jpg",
    ];
    // The same to whoever asks again, and nothing after it.
    for _ in 0..2 {
        assert_eq!(told(&changes(&nothing["cursor"]).await), expected);
    }
    assert_eq!(told(&changes(&listed["cursor"]).await), expected);
    let page = changes(&listed["cursor"]).await;
    assert!(told(&changes(&page["cursor"]).await).is_empty());

    dropbox.set_page_size(3);
    let page = changes(&listed["cursor"]).await;
    assert_eq!((told(&page).len(), &page["has_more"]), (3, &json!(true)));
    let page = changes(&page["cursor"]).await;
    assert_eq!((told(&page).len(), &page["has_more"]), (2, &json!(false)));

    assert!(dropbox.remove("alice", "/q"));
    let gone = changes(&page["cursor"]).await;
    assert_eq!(gone["error_summary"], "path/not_found/..");
    dropbox.reset_cursors();
    let reset = changes(&page["cursor"]).await;
    assert_eq!(reset["error"][".tag"], "reset");
}

#[tokio::test]
async fn the_root_is_the_empty_path() {
    let account = Account::with(&["/x.jpg"]).await;
    let root = account.rpc_json("list_folder", json!({ "path": "" })).await;
    assert_eq!(root["entries"][0]["path_display"], "/x.jpg");
    let answer = account.rpc("list_folder", &json!({ "path": "/" })).await;
    assert_eq!(answer.status(), 400);
    let text = answer.text().await.unwrap();
    assert!(
        text.contains("Specify the root folder as an empty string"),
        "{text}"
    );
}

#[tokio::test]
async fn errors_of_an_endpoint_say_their_tags() {
    let account = Account::with(&["/a.jpg", "/b.jpg"]).await;
    let cases = [
        (
            "get_metadata",
            json!({ "path": "/no.jpg" }),
            "path/not_found/",
        ),
        (
            "list_folder",
            json!({ "path": "/a.jpg" }),
            "path/not_folder/",
        ),
        ("list_folder/continue", json!({ "cursor": "old" }), "reset/"),
        (
            "delete_v2",
            json!({ "path": "/no.jpg" }),
            "path_lookup/not_found/",
        ),
        (
            "create_folder_v2",
            json!({ "path": "/a.jpg" }),
            "path/conflict/file/",
        ),
        (
            "move_v2",
            json!({ "from_path": "/no.jpg", "to_path": "/c.jpg" }),
            "from_lookup/not_found/",
        ),
        (
            "move_v2",
            json!({ "from_path": "/a.jpg", "to_path": "/b.jpg" }),
            "to/conflict/file/",
        ),
    ];
    for (operation, arguments, summary) in cases {
        let answer = account.rpc(operation, &arguments).await;
        assert_eq!(answer.status(), 409, "{operation}");
        let answer: Value = answer.json().await.unwrap();
        let found = answer["error_summary"].as_str().unwrap();
        assert!(found.starts_with(summary), "{operation}: {found}");
        assert!(answer["error"][".tag"].is_string());
    }
}

#[tokio::test]
async fn a_file_moves_into_a_folder_that_was_not_there() {
    let account = Account::with(&["/q/a.jpg", "/q/archive/b.jpg", "/q/b.jpg"]).await;
    let arguments = json!({
        "from_path": "/q/a.jpg", "to_path": "/new/a.jpg", "autorename": true
    });
    let moved = account.rpc_json("move_v2", arguments).await;
    assert_eq!(moved["metadata"][".tag"], "file");
    assert_eq!(moved["metadata"]["path_display"], "/new/a.jpg");
    let arguments = json!({
        "from_path": "/q/b.jpg", "to_path": "/q/archive/b.jpg", "autorename": true
    });
    let moved = account.rpc_json("move_v2", arguments).await;
    assert_eq!(moved["metadata"]["name"], "b (1).jpg");
    let paths = account.dropbox.paths("alice");
    assert_eq!(
        paths,
        ["/new/a.jpg", "/q/archive/b (1).jpg", "/q/archive/b.jpg"]
    );
}

#[tokio::test]
async fn names_in_any_script_go_through_the_headers() {
    let account = Account::with(&[]).await;
    let arguments = r#"{"path":"/caf\u00e9-\u591c.txt","mode":"overwrite","mute":true}"#;
    let uploaded: Value = account
        .content("upload", arguments, b"night")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(uploaded["path_display"], "/café-夜.txt");
    assert_eq!(uploaded["size"], 5);
    let again: Value = account
        .content("upload", arguments, b"later")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(again["id"], uploaded["id"]);
    assert_ne!(again["rev"], uploaded["rev"]);

    let answer = account
        .content("download", r#"{"path":"/caf\u00e9-\u591c.txt"}"#, b"")
        .await;
    assert_eq!(result(&answer)["name"], "café-夜.txt");
    assert_eq!(result(&answer)["content_hash"], again["content_hash"]);
    assert_eq!(&answer.bytes().await.unwrap()[..], b"later");
    assert_eq!(
        account.dropbox.file("alice", "/CAFÉ-夜.txt").unwrap(),
        "later"
    );
}

#[tokio::test]
async fn malformed_calls_get_400_in_plain_text() {
    let account = Account::with(&["/a.txt"]).await;
    let raw = account
        .content("download", "{\"path\":\"/é.txt\"}", b"")
        .await;
    assert_eq!(raw.status(), 400);
    assert_eq!(
        account.content("download", "no json", b"").await.status(),
        400
    );
    let relative = account
        .content("download", r#"{"path":"a.txt"}"#, b"")
        .await;
    assert_eq!(relative.status(), 400);
    let missing = account
        .content("download", r#"{"path":"/b.txt"}"#, b"")
        .await;
    assert_eq!(missing.status(), 409);
    let text = account
        .rpc("get_metadata", &json!({ "path": 7 }))
        .await
        .text()
        .await
        .unwrap();
    assert!(text.contains("files/get_metadata"), "{text}");
}

#[tokio::test]
async fn a_thumbnail_is_a_smaller_jpeg_and_a_link_leads_to_the_file() {
    let account = Account::with(&["/text.jpg"]).await;
    let sample = Sample::png("a.png", 300, 150, 1).unwrap();
    account.dropbox.put("alice", "/a.png", sample.bytes.clone());
    let arguments =
        r#"{"resource":{".tag":"path","path":"/a.png"},"format":"jpeg","size":"w64h64"}"#;
    let answer = account.content("get_thumbnail_v2", arguments, b"").await;
    assert_eq!(result(&answer)["file_metadata"]["name"], "a.png");
    let bytes = answer.bytes().await.unwrap();
    assert_eq!(
        image::guess_format(&bytes).unwrap(),
        image::ImageFormat::Jpeg
    );
    assert_eq!(
        image::load_from_memory(&bytes).unwrap().dimensions(),
        (64, 32)
    );

    let arguments = r#"{"resource":{".tag":"path","path":"/text.jpg"}}"#;
    let answer: Value = account
        .content("get_thumbnail_v2", arguments, b"")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(answer["error"][".tag"], "unsupported_image");

    let link = account
        .rpc_json("get_temporary_link", json!({ "path": "/a.png" }))
        .await;
    let answer = client()
        .get(link["link"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["content-type"], "image/png");
    assert_eq!(answer.bytes().await.unwrap(), sample.bytes);
}

#[tokio::test]
async fn accounts_do_not_see_each_other() {
    let account = Account::with(&["/mine.jpg"]).await;
    account.dropbox.add_account("bob", "refresh-bob");
    let theirs = access_token(&account.dropbox, "refresh-bob").await;
    let bob = Account {
        dropbox: account.dropbox,
        token: theirs,
    };
    let list = bob.rpc_json("list_folder", json!({ "path": "" })).await;
    assert_eq!(list["entries"], json!([]));
}
