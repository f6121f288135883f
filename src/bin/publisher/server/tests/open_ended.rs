//! Answers that go on while nothing happens.

use futures_util::stream::poll_fn;
use parking_lot::Mutex;
use publisher::app::http::OpenEnded;
use tokio::sync::mpsc;

use super::*;

/// An endpoint whose answers go on, each with what the next receiver gets.
fn going_on(
    receivers: Vec<mpsc::UnboundedReceiver<Bytes>>,
) -> impl Endpoint<Output = Response> + 'static {
    let receivers = Mutex::new(receivers.into_iter());
    make(move |_: Request| {
        let mut receiver = receivers.lock().next().unwrap();
        let texts = poll_fn(move |context| {
            receiver
                .poll_recv(context)
                .map(|it| it.map(Ok::<_, io::Error>))
        });
        async {
            let mut response = Response::builder().body(Body::from_bytes_stream(texts));
            response.set_data(OpenEnded);
            response
        }
    })
}

/// Reads until so many `x` have come.
async fn read_x(client: &mut DuplexStream, mut count: usize) {
    let mut part = [0; 512];
    while count > 0 {
        let read = client.read(&mut part).await.unwrap();
        assert!(read > 0, "closed, {count} before the end");
        let text = std::str::from_utf8(&part[..read]).unwrap();
        count -= text.matches('x').count();
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_caught_up_may_take_as_long_again() {
    let (sender, receiver) = mpsc::unbounded_channel();
    let connections = Connections::new(going_on(vec![receiver]), ConnectionLimits::of(8));
    let mut client = connect(&connections);
    client.write_all(GET).await.unwrap();
    let burst = || sender.send(Bytes::from(vec![b'x'; 8_000])).unwrap();
    for _ in 0..3 {
        burst();
        sleep(RATE_GRACE.mul_f32(0.9)).await;
        read_x(&mut client, 8_000).await;
        sleep(Duration::from_hours(1)).await;
    }
    burst();
    sleep(RATE_GRACE + Duration::from_secs(1)).await;
    assert_eq!(connections.requests(), 0, "it takes nothing any more");
}

#[tokio::test(start_paused = true)]
async fn answers_that_go_on_have_connections_of_their_own() {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..2).map(|_| mpsc::unbounded_channel()).unzip();
    let limits = ConnectionLimits {
        connections: 2,
        open_ended: 1,
    };
    let connections = Connections::new(going_on(receivers), limits);
    let free = || connections.permits().available_permits();
    let mut streams = Vec::new();
    // The second finds no connection of its kind left, and keeps its own.
    for left in [2, 1] {
        let mut client = connect(&connections);
        client.write_all(GET).await.unwrap();
        assert!(answer(&mut client, 0).await.contains("connection: close"));
        assert_eq!(free(), left);
        streams.push(client);
    }
    drop(senders);
    for mut client in streams {
        assert!(until_closed(&mut client).await.0.is_zero());
    }
    sleep(Duration::from_secs(1)).await;
    assert_eq!(
        (free(), connections.open_ended().available_permits()),
        (2, 1)
    );
}

#[test]
fn connections_fit_into_the_descriptors_that_there_are() {
    let limits = |connections, open_ended| ConnectionLimits {
        connections,
        open_ended,
    };
    let wanted = limits(2_048, 2_000);
    for (descriptors, expected) in [
        (65_536, wanted),
        (2_048 + 2_000 + 256, wanted),
        (4_096, limits(2_048, 1_792)),
        (1_024, limits(768, 0)),
        (100, limits(1, 0)),
    ] {
        assert_eq!(within(wanted, descriptors), expected, "{descriptors}");
    }
}
