//! The least that can answer with the same JSON: bare hyper, and bare poem-openapi; and an upstream
//! that does nothing but wait. Each is a process of its own, as the service is.

use std::{convert::Infallible, net::Ipv4Addr, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, header, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use poem::{Route, Server, listener::TcpAcceptor};
use poem_openapi::types::{ParseFromJSON, ToJSON};
use poem_openapi::{OpenApi, OpenApiService, payload::Json};
use publisher::app::http::dto::{admin::AdminStatus, images::ImageList};
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

/// What the service answers to the routes that are compared, and the controls after it.
#[derive(Clone)]
pub(crate) struct Answers {
    status: AdminStatus,
    images: ImageList,
}

impl Answers {
    /// Reads what the service has answered.
    pub(crate) fn read(status: &str, images: &str) -> Self {
        Self {
            status: ParseFromJSON::parse_from_json_string(status).expect("an `AdminStatus`"),
            images: ParseFromJSON::parse_from_json_string(images).expect("an `ImageList`"),
        }
    }

    /// The arguments of a control that answers so.
    pub(crate) fn arguments(&self) -> [String; 2] {
        [self.status.to_json_string(), self.images.to_json_string()]
    }
}

/// Serves until the process is killed. Prints its port first.
pub(crate) async fn serve(name: &str, answers: &[String]) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    println!("{}", listener.local_addr().expect("an address").port());
    match (name, answers) {
        (UPSTREAM, []) => upstream(listener).await,
        (HYPER, [status, images]) => hyper(listener, status, images).await,
        (POEM_OPENAPI, [status, images]) => {
            poem_openapi(listener, Answers::read(status, images)).await;
        }
        _ => println!("There is no control {name}."),
    }
}

async fn hyper(listener: TcpListener, status: &str, images: &str) {
    let [status, images] = [status, images].map(|json| Bytes::copy_from_slice(json.as_bytes()));
    on_hyper(listener, move |request| {
        let json = match request.uri().path() {
            "/api/admin/status" => status.clone(),
            _ => images.clone(),
        };
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

struct Api(Answers);

#[OpenApi]
#[expect(
    clippy::unused_async,
    reason = "the framework wants every handler to be async"
)]
impl Api {
    #[oai(path = "/api/admin/status", method = "get")]
    async fn status(&self) -> Json<AdminStatus> {
        Json(self.0.status.clone())
    }

    #[oai(path = "/api/images/list", method = "get")]
    async fn images(&self) -> Json<ImageList> {
        Json(self.0.images.clone())
    }
}

async fn poem_openapi(listener: TcpListener, answers: Answers) {
    let api = OpenApiService::new(Api(answers), "Control", "1");
    let acceptor = TcpAcceptor::from_tokio(listener).expect("a listener");
    Server::new_with_acceptor(acceptor)
        .run(Route::new().nest("/", api))
        .await
        .expect("a server");
}
