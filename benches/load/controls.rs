//! The least that can answer with the same JSON: bare hyper, and bare poem-openapi; and an upstream
//! that does nothing but wait. Each is a process of its own, as the service is.

use std::{convert::Infallible, net::Ipv4Addr, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, header, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use poem::{Route, Server, listener::TcpAcceptor};
use poem_openapi::{OpenApi, OpenApiService, payload::Json};
use publisher::{
    app::http::dto::config::{AuthMode, FeatureFlags},
    domain::tenant_config::Features,
};
use publisher_sandbox::Latency;
use tokio::net::TcpListener;

/// The first argument of this program when it is to be a control; the second is its name.
pub(crate) const ARGUMENT: &str = "control";
/// The one on hyper.
pub(crate) const HYPER: &str = "hyper";
/// The one on poem-openapi.
pub(crate) const POEM_OPENAPI: &str = "poem-openapi";
/// The one that waits as many milliseconds as its path says, and then answers with nothing.
pub(crate) const UPSTREAM: &str = "upstream";

/// Serves until it is killed. Prints its port first.
pub(crate) async fn serve(name: &str) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    println!("{}", listener.local_addr().expect("an address").port());
    match name {
        HYPER => hyper(listener).await,
        UPSTREAM => upstream(listener).await,
        POEM_OPENAPI => poem_openapi(listener).await,
        _ => println!("There is no control {name}."),
    }
}

/// What the sandbox's tenants have.
fn flags() -> FeatureFlags {
    let features = Features {
        publish_enabled: true,
        analyze_caption_enabled: true,
        keep_enabled: true,
        remove_enabled: true,
        auto_view_enabled: false,
        delete_enabled: true,
        alt_text_enabled: true,
        voice_matching_enabled: false,
    };
    FeatureFlags::new(features, AuthMode::Token)
}

async fn hyper(listener: TcpListener) {
    let json = poem_openapi::types::ToJSON::to_json_string(&flags());
    let json = Bytes::from(json);
    on_hyper(listener, move |_| {
        let json = json.clone();
        async { json }
    })
    .await;
}

async fn upstream(listener: TcpListener) {
    on_hyper(listener, |request: Request<Incoming>| async move {
        let path = request.uri().path().trim_start_matches('/');
        let milliseconds = path.parse().expect("milliseconds");
        Latency::of(Duration::from_millis(milliseconds))
            .ended()
            .await;
        Bytes::new()
    })
    .await;
}

/// Answers with whatever JSON `answer` has.
async fn on_hyper<A, F>(listener: TcpListener, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Bytes> + Send,
{
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let answer = answer.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let json = answer(request);
                async {
                    let response = Response::builder()
                        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
                        .body(Full::new(json.await))
                        .expect("headers that are sound");
                    Ok::<_, Infallible>(response)
                }
            });
            // Whoever drives it may hang up.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

struct Api;

#[OpenApi]
impl Api {
    #[oai(path = "/api/config/features", method = "get")]
    #[expect(
        clippy::unused_async,
        reason = "the framework wants every handler to be async"
    )]
    async fn features(&self) -> Json<FeatureFlags> {
        Json(flags())
    }
}

async fn poem_openapi(listener: TcpListener) {
    let api = OpenApiService::new(Api, "Control", "1");
    let acceptor = TcpAcceptor::from_tokio(listener).expect("a listener");
    Server::new_with_acceptor(acceptor)
        .run(Route::new().nest("/", api))
        .await
        .expect("a server");
}
