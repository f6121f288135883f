//! How much is taken on at a time, and how long a body may take.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, future::join_all, stream};
use poem::{Body, Endpoint as _, Request};
use tokio::time::timeout;

use super::{
    Answer, Service,
    harness::{get, post},
};
use crate::app::http::middleware::whole_body::{MAX_SLOW, MAX_TIME, QUICK};

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
    let early = timeout(MAX_TIME.mul_f32(0.99), &mut slow).await;
    assert!(early.is_err());
    let late = timeout(MAX_TIME.mul_f32(0.02), slow).await;
    let answer = late.unwrap();
    let answer = Answer::of(answer).await;
    answer.problem(408, "request-timeout");
    assert_eq!(answer.header("connection"), Some("close"));
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_takes_no_place_and_only_so_many_are_waited_for() {
    let routes = Service::new().routes();
    let slow = (0..MAX_SLOW).map(|_| routes.get_response(trickling(20)));
    let mut slow: Vec<_> = slow.map(Box::pin).collect();
    for body in &mut slow {
        assert!(body.now_or_never().is_none());
    }
    let mut all = join_all(slow);
    assert!(timeout(2 * QUICK, &mut all).await.is_err());
    let answer = Answer::of(routes.get_response(get("/nowhere")).await).await;
    answer.problem(404, "not-found");
    let quick = Answer::of(routes.get_response(trickling(0)).await).await;
    quick.problem(400, "invalid-request");

    let mut one_more = Box::pin(routes.get_response(trickling(20)));
    let early = timeout(QUICK.mul_f32(0.99), &mut one_more).await;
    assert!(early.is_err(), "it may still be quick");
    let refused = timeout(QUICK.mul_f32(0.02), one_more).await.unwrap();
    Answer::of(refused).await.problem(503, "overloaded");
    for response in all.await {
        let answer = Answer::of(response).await;
        assert!(matches!(answer.status.as_u16(), 400 | 503));
    }
    let answer = Answer::of(routes.get_response(trickling(20)).await).await;
    answer.problem(400, "invalid-request");
}

#[tokio::test(start_paused = true)]
async fn bodies_that_are_not_whole_have_so_much_memory_and_no_more() {
    let routes = Service::new().routes();
    let begun = || {
        let mut request = post("a.jpg/publish", "{}");
        let begun = stream::iter([Ok::<_, io::Error>(Bytes::from(vec![b' '; 60 * 1024]))]);
        request.set_body(Body::from_bytes_stream(begun.chain(stream::pending())));
        Box::pin(routes.get_response(request))
    };
    let mut held = Vec::new();
    let refused = loop {
        let mut next = begun();
        match (&mut next).now_or_never() {
            Some(answer) => break answer,
            None => held.push(next),
        }
        assert!(held.len() < 1_000, "nothing bounds them");
    };
    Answer::of(refused).await.problem(503, "overloaded");
    assert_eq!(held.len(), 16 * 1024 / 60);
    drop(held);
    assert!(begun().now_or_never().is_none());
}

#[tokio::test]
async fn requests_without_a_permit_are_shed_at_once_and_probes_and_the_document_are_answered() {
    let routes = Service::new().routes();
    // Nobody takes it yet.
    let untaken = routes.get_response(get("/api/config/features")).await;
    assert_eq!(untaken.status().as_u16(), 200);
    for path in ["/api/config/publishers", "/api/images/list", "/nowhere"] {
        let shed = routes.get_response(get(path)).now_or_never().unwrap();
        Answer::of(shed).await.problem(503, "overloaded");
    }
    let elsewhere = [
        "/health",
        "/health/live",
        "/health/ready",
        "/docs",
        "/openapi.json",
    ];
    for path in elsewhere {
        let answer = Answer::of(routes.get_response(get(path)).await).await;
        assert_eq!(answer.status.as_u16(), 200, "{path}");
    }
    drop(untaken);
    let answer = Answer::of(routes.get_response(get("/nowhere")).await).await;
    answer.problem(404, "not-found");
}

#[tokio::test]
async fn readers_of_the_document_take_no_permit_from_other_requests() {
    let routes = Service::new().routes();
    let mut untaken = Vec::new();
    for _ in 0..64 {
        untaken.push(routes.get_response(get("/openapi.json")).await);
    }
    assert!(untaken.iter().all(|it| it.status().as_u16() == 200));
    let more = routes.get_response(get("/docs")).await;
    Answer::of(more).await.problem(503, "overloaded");
    let answer = routes.get_response(get("/nowhere")).await;
    Answer::of(answer).await.problem(404, "not-found");
    untaken.pop();
    let answer = routes.get_response(get("/docs")).await;
    assert_eq!(answer.status().as_u16(), 200);
}
