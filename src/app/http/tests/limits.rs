//! How much is taken on at a time, and how long a body may take.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use poem::{Body, Endpoint as _, Request};

use super::{
    Answer, Service,
    harness::{get, post},
};
use crate::app::http::middleware::body_limit::MAX_TIME;

/// A request whose body has begun, and goes on a byte a second for so long.
fn trickling(seconds: usize) -> Request {
    let mut request = post("a.jpg/publish", "{}");
    let begun = stream::iter([Ok(Bytes::from_static(b"{"))]);
    let trickle = stream::iter(0..seconds).then(|_| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok::<_, io::Error>(Bytes::from_static(b" "))
    });
    request.set_body(Body::from_bytes_stream(begun.chain(trickle)));
    request
}

#[tokio::test(start_paused = true)]
async fn a_body_has_half_a_minute_however_it_comes() {
    let routes = Service::new().routes();
    let seconds = usize::try_from(MAX_TIME.as_secs()).unwrap();
    let timely = routes.get_response(trickling(seconds - 1)).await;
    Answer::of(timely).await.problem(400, "invalid-request");

    let slow = routes.get_response(trickling(1_000));
    tokio::pin!(slow);
    let early = tokio::time::timeout(MAX_TIME.mul_f32(0.99), &mut slow).await;
    assert!(early.is_err());
    let late = tokio::time::timeout(MAX_TIME.mul_f32(0.02), slow).await;
    let answer = late.unwrap();
    let answer = Answer::of(answer).await;
    answer.problem(408, "request-timeout");
    assert_eq!(answer.header("connection"), Some("close"));
}

#[tokio::test(start_paused = true)]
async fn what_there_is_no_place_for_is_turned_away_at_once_and_probes_are_answered() {
    let routes = Service::new().routes();
    let running = routes.get_response(trickling(5));
    tokio::pin!(running);
    assert!((&mut running).now_or_never().is_none());
    for path in ["/api/config/features", "/docs", "/openapi.json", "/nowhere"] {
        let turned_away = routes.get_response(get(path)).now_or_never().unwrap();
        let answer = Answer::of(turned_away).await;
        answer.problem(503, "overloaded");
    }
    for path in ["/health", "/health/live", "/health/ready"] {
        let answer = Answer::of(routes.get_response(get(path)).await).await;
        assert_eq!(answer.status.as_u16(), 200, "{path}");
    }
    Answer::of(running.await)
        .await
        .problem(400, "invalid-request");
    let answer = Answer::of(routes.get_response(get("/docs")).await).await;
    assert_eq!(answer.status.as_u16(), 200);
}

#[tokio::test]
async fn who_gives_up_waiting_leaves_the_place_to_others() {
    let routes = Service::new().routes();
    assert!(routes.get_response(trickling(5)).now_or_never().is_none());
    let answer = Answer::of(routes.get_response(get("/docs")).await).await;
    assert_eq!(answer.status.as_u16(), 200);
}
