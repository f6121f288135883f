//! More events at once than may wait for a listener.

use super::*;

/// Each event has this many bytes, its number first.
const LARGE: usize = 10_000;

fn large(event: &JobEvent) -> Bytes {
    Bytes::from(format!("{:x<LARGE$}", event.number))
}

/// Begins to listen to large events, and is registered.
async fn listen_to_large(hub: &EventHub) -> Listener {
    let format = EventFormat {
        event: large,
        ..FORMAT
    };
    let alice = tenant("alice");
    let mut listener = hub.listen(&alice, Begin::Now, format).await.unwrap();
    listener.next().await.unwrap();
    assert!(listener.next().now_or_never().is_none());
    listener
}

/// The numbers of the large events that come until none comes for a minute, or the end.
async fn numbers(listener: &mut Listener, pause: Duration) -> Vec<usize> {
    let mut numbers = Vec::new();
    while let Ok(Some(text)) = timeout(Duration::from_mins(1), listener.next()).await {
        assert_eq!(text.len(), LARGE);
        let text = String::from_utf8(text.to_vec()).unwrap();
        numbers.push(text.trim_end_matches('x').parse().unwrap());
        sleep(pause).await;
    }
    numbers
}

#[tokio::test(start_paused = true)]
async fn listeners_that_read_get_all_of_a_burst_however_slow_they_are() {
    let ledger = Ledger::new();
    let hub = ledger.hub();
    let _end = running(&hub);
    let mut quick = listen_to_large(&hub).await;
    let mut slow = listen_to_large(&hub).await;
    ledger.happens("alice", 900);
    let (quick, slow) = tokio::join!(
        numbers(&mut quick, Duration::ZERO),
        numbers(&mut slow, Duration::from_millis(100)),
    );
    let all: Vec<usize> = (1..=900).collect();
    assert_eq!(quick, all);
    assert_eq!(slow, all);
}

#[tokio::test(start_paused = true)]
async fn listeners_that_read_are_given_a_burst_that_was_read_once() {
    let ledger = Ledger::new();
    let hub = ledger.hub();
    let _end = running(&hub);
    let mut listeners = Vec::new();
    for _ in 0..50 {
        listeners.push(listen_to_large(&hub).await);
    }
    let before = ledger.reads().len();
    ledger.happens("alice", 100);
    hub.wake();
    let reading = listeners
        .iter_mut()
        .map(|listener| numbers(listener, Duration::ZERO));
    for numbers in futures_util::future::join_all(reading).await {
        assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
    }
    // Every 500 ms for a minute and a little more, in which nothing comes.
    let reads = ledger.reads().len() - before;
    assert!(reads < 130, "{reads} reads, for 50 listeners");
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_does_not_read_is_dropped_and_others_are_not() {
    let ledger = Ledger::new();
    let hub = ledger.hub();
    let _end = running(&hub);
    let mut slow = listen_to_large(&hub).await;
    let mut quick = listen_to_large(&hub).await;
    ledger.happens("alice", 6);
    assert_eq!(numbers(&mut quick, Duration::ZERO).await.len(), 6);
    assert!(
        slow.next().now_or_never().flatten().is_some(),
        "60 kB may wait for a minute"
    );
    ledger.happens("alice", 2);
    sleep(Duration::from_secs(3)).await;
    assert!(
        slow.next().now_or_never().flatten().is_some(),
        "it has time to read on"
    );
    sleep(Duration::from_secs(4)).await;
    assert_eq!(slow.next().await, None, "70 kB were too much");
    assert_eq!(numbers(&mut quick, Duration::ZERO).await, [7, 8]);
}

#[tokio::test(start_paused = true)]
async fn stages_are_written_and_listeners_ended_however_often_events_are_read() {
    let ledger = Ledger::new();
    let hub = ledger.hub();
    let _end = running(&hub);
    let mut unread = listen_to_large(&hub).await;
    ledger.happens("alice", 100);
    hub.stage(&tenant("bob"), stage());
    let waking = async {
        for _ in 0..1_000 {
            hub.wake();
            sleep(Duration::from_millis(10)).await;
        }
    };
    waking.await;
    assert_eq!(ledger.writes(), [("bob".to_owned(), 1)]);
    let taken = numbers(&mut unread, Duration::ZERO).await;
    assert!(taken.len() < 100, "it has been ended");
}
