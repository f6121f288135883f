//! Billing that does not take events, and what comes of them.

use super::*;

/// Events are recorded once a minute while an outage lasts; then billing takes events again.
async fn outage(does: Billing, time: Duration) -> Stage {
    let stage = Stage::new(does, 100_000);
    let minutes = time.as_secs() / 60;
    for minute in 0..minutes {
        let started = now();
        stage.record(&format!("{minute:03}")).await;
        assert_eq!(started.elapsed(), Duration::ZERO, "no publish waits");
        pass(Duration::from_mins(1)).await;
    }
    assert!(stage.taken().is_empty());
    *stage.billing.does.lock() = Billing::Takes;
    stage
}

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|minute| format!("{minute:03}")).collect()
}

#[tokio::test(start_paused = true)]
async fn after_an_hour_of_any_outage_every_event_is_taken_once() {
    for (does, most_posts) in [
        (Billing::Hangs, 20),
        (Billing::Fails(500), 20),
        (Billing::Fails(403), 20),
        (Billing::Fails(429), 7),
    ] {
        let stage = outage(does, Duration::from_hours(1)).await;
        let during = stage.posts();
        assert!(during <= most_posts, "{does:?}: {during} posts in an hour");
        pass(Duration::from_mins(11)).await;
        assert_eq!(stage.taken(), keys(60), "{does:?}");
        assert_eq!(stage.posts() - during, 60, "{does:?}: one post each");
        assert_eq!(stage.outbox.len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_fails_by_itself_keeps_no_other_from_being_sent_and_is_kept_a_day() {
    // The tenant is unknown; the body is not accepted; it is too large.
    for status in [404, 400, 413] {
        fails_by_itself(status).await;
    }
}

async fn fails_by_itself(status: u16) {
    let stage = Stage::new(Billing::Fails(status), 100_000);
    stage.record("unknown").await;
    pass(Duration::from_hours(2)).await;
    let posts = stage.posts();
    assert!((6..=10).contains(&posts), "{posts} posts in two hours");
    *stage.billing.does.lock() = Billing::Takes;
    stage.record("known").await;
    pass(Duration::from_secs(1)).await;
    assert_eq!(stage.taken(), ["known"]);
    pass(Duration::from_mins(61)).await;
    assert_eq!(stage.taken(), ["known", "unknown"], "it is taken by now");

    *stage.billing.does.lock() = Billing::Fails(status);
    stage.record("gone").await;
    pass(Duration::from_hours(23)).await;
    assert_eq!(stage.outbox.len(), 1);
    pass(Duration::from_hours(3)).await;
    assert_eq!(stage.outbox.len(), 0, "dropped after a day");
}

#[tokio::test(start_paused = true)]
async fn others_are_sent_side_by_side_while_billing_does_not_accept_one_event() {
    let stage = Stage::new(Billing::Fails(400), 100_000);
    stage.record("bad").await;
    pass(Duration::from_secs(1)).await;
    *stage.billing.does.lock() = Billing::Hangs;
    let before = stage.posts();
    for number in 0..BATCH {
        stage.outbox.add(&event(&number.to_string())).await.unwrap();
    }
    stage.record("last").await;
    pass(Duration::from_secs(1)).await;
    assert_eq!(stage.posts() - before, BATCH as usize, "at full speed");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_dropped_at_once() {
    let stage = Stage::new(Billing::Fails(422), 100_000);
    stage.record("bad").await;
    pass(Duration::from_secs(1)).await;
    assert_eq!((stage.posts(), stage.outbox.len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_oldest_beyond_the_limit_are_dropped_while_billing_is_away() {
    let stage = Stage::new(Billing::Fails(500), 10);
    for number in 0..25 {
        stage.record(&format!("{number:03}")).await;
    }
    pass(COUNTED_EVERY * 2).await;
    assert_eq!(stage.outbox.len(), 10);
    *stage.billing.does.lock() = Billing::Takes;
    pass(Duration::from_mins(10)).await;
    assert_eq!(stage.taken(), keys(25)[15..]);
}

#[tokio::test(start_paused = true)]
async fn two_replicas_send_each_event_once_while_billing_comes_and_goes() {
    let one = Stage::new(Billing::Takes, 100_000);
    let other = ReportUsage::new(
        Arc::clone(&one.outbox) as _,
        Arc::clone(&one.billing) as _,
        Arc::new(UsageRecorder::new(Arc::new(StillClock))),
        100_000,
    );
    let running = async { other.run(one.end.clone()).await };
    let recording = async {
        for number in 0..500 {
            one.record(&format!("{number:03}")).await;
            if number % 100 == 50 {
                *one.billing.does.lock() = Billing::Fails(500);
                pass(Duration::from_mins(2)).await;
                *one.billing.does.lock() = Billing::Takes;
            }
            pass(Duration::from_millis(30)).await;
        }
        pass(Duration::from_mins(20)).await;
        one.end.cancel();
    };
    tokio::join!(running, recording);
    assert_eq!(one.taken(), keys(500));
}
