//! Mail servers that talk without end: a session ends, takes little memory, and nobody else notices.

use std::sync::Arc;

use publisher_sandbox::{Sample, Sandbox, TenantSpec};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::harness::Service;

/// What a server says: first this, and then that without end.
#[derive(Clone, Copy)]
struct Talk {
    name: &'static str,
    /// Said before the client says anything.
    greeting: &'static [u8],
    /// Said again and again, once the client has said something if the greeting is whole.
    endless: &'static [u8],
}

const TALKS: [Talk; 5] = [
    Talk {
        name: "a greeting of one line without end",
        greeting: b"220 ",
        endless: &[b'x'; 4096],
    },
    Talk {
        name: "a greeting of lines without end",
        greeting: b"220-hi\r\n",
        endless: b"220-hi\r\n",
    },
    Talk {
        name: "what the server can do, in one line",
        greeting: b"220 hi\r\n",
        endless: &[b'2'; 4096],
    },
    Talk {
        name: "what the server can do, in short lines",
        greeting: b"220 hi\r\n",
        endless: b"250-\r\n",
    },
    Talk {
        name: "zeros",
        greeting: b"",
        endless: &[0; 4096],
    },
];

async fn serve(mut stream: TcpStream, talk: Talk) {
    let _ = stream.write_all(talk.greeting).await;
    if talk.greeting.ends_with(b" hi\r\n") {
        let _ = stream.read(&mut [0; 512]).await;
    }
    // As much as fits at a time, so that it is the client that ends it.
    let endless = talk.endless.repeat((64 * 1024) / talk.endless.len());
    while stream.write_all(&endless).await.is_ok() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_never_ends_costs_little_and_nobody_else_waits() {
    for talk in TALKS {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, talk));
            }
        });
        let sandbox = Sandbox::start_empty().await.unwrap();
        let mail = json!({"email_server": {"host": "127.0.0.1", "port": port}});
        let photo = Sample::jpeg("photo.jpg", 64, 48, 1).unwrap();
        let carol = TenantSpec::new("carol").telegram(false).email(true);
        let carol = sandbox.add_tenant(carol.patch(&mail).images([photo.clone()]));
        let dave = sandbox.add_tenant(TenantSpec::new("dave").images([photo]));
        let service = Arc::new(Service::start(&sandbox).await);
        let dry = json!({"caption": "Hi", "dry_run": true});
        assert_eq!(
            service
                .publish(&sandbox, &carol, "photo.jpg", dry)
                .await
                .status,
            200
        );
        let before = service.memory();
        let caption = json!({"caption": "Hi"});
        let endless = service.publish(&sandbox, &carol, "photo.jpg", caption.clone());
        let other = service.publish(&sandbox, &dave, "photo.jpg", caption);
        let health = service.get("any", "/health/live");
        let (endless, other, health) = tokio::join!(endless, other, health);
        let grown = service.peak_memory().saturating_sub(before);
        println!("{}: {grown} bytes", talk.name);
        let result = &endless.json()["results"]["email"];
        assert_eq!(result["outcome"], "failed", "{}: {endless:?}", talk.name);
        assert_eq!(other.json()["any_success"], true, "{}", talk.name);
        assert_eq!(health.status, 200);
        assert!(grown < 12_000_000, "{}: {grown} bytes", talk.name);
        server.abort();
    }
}
