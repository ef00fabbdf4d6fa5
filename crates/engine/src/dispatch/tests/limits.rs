//! Order, rate, concurrency, pauses and retries, for all who use a connection.

use std::collections::HashSet;

use expect_test::expect;

use super::*;

#[tokio::test(start_paused = true)]
async fn operations_are_served_in_their_order() {
    let world = World::with(|settings| settings.concurrency = 1, |_| answer(200));
    world.prove().await;
    let (occupied, tickets) = (
        world.ticket(0),
        [world.ticket(3), world.ticket(1), world.ticket(2)],
    );
    let [third, first, second] = &tickets;
    let requests = [write("/first/write"), read("/first/read"), write("/now")];
    let (third_write, second_write) = (write("/third"), write("/second"));
    tokio::join!(
        world.send(&occupied, &requests[2]),
        world.send(third, &third_write),
        world.send(first, &requests[0]),
        world.send(second, &second_write),
        world.send(first, &requests[1]),
    );
    assert_eq!(
        world.paths(),
        ["/now", "/first/read", "/first/write", "/second", "/third"]
    );
}

#[tokio::test(start_paused = true)]
async fn within_a_window_the_disk_works_while_the_vendor_does_and_no_more_are_under_way() {
    let elapsed = async |window: u32| {
        let world = World::with(
            |settings| (settings.concurrency, settings.window) = (3, window),
            |_| answer(200),
        );
        world.prove().await;
        let begun = Instant::now();
        world.send_all(writes(120)).await;
        assert_eq!(world.vendor.most_in_flight.load(Ordering::Relaxed), 3);
        begun.elapsed()
    };
    // The vendor takes 20 ms, and the journal 10 ms before and after.
    let strict = elapsed(3).await;
    assert!(strict >= Duration::from_millis(120 / 3 * 40), "{strict:?}");
    let ahead = elapsed(12).await;
    assert!(ahead <= Duration::from_millis(120 / 3 * 20 + 100), "{ahead:?}");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waited_too_long_after_its_intent_is_intended_anew() {
    let world = World::with(
        |settings| {
            (settings.concurrency, settings.window) = (1, 2);
            settings.timeout = Duration::from_secs(1);
        },
        |_| Answer {
            after: Duration::from_millis(900),
            ..answer(200)
        },
    );
    world.prove().await;
    let journal = Arc::new(Journal::default());
    let first = world.dispatcher.ticket(0, Some(Arc::clone(&journal) as _));
    let second = world.dispatcher.ticket(1, Some(Arc::clone(&journal) as _));
    let (one, other) = (write("/1"), write("/2"));
    tokio::join!(world.send(&first, &one), world.send(&second, &other));
    expect![[r#"
        logout attempt 1
        logout attempt 1
        intent 1: Answered { status: 200 }
        intent 2: NotSent
        logout attempt 1
        intent 5: Answered { status: 200 }"#]]
    .assert_eq(&journal.lines.lock().unwrap().join("\n"));
}

#[tokio::test(start_paused = true)]
async fn neither_rate_nor_concurrency_is_exceeded() {
    let world = World::with(
        |settings| (settings.rate, settings.concurrency) = (Some(20.0), 3),
        |_| Answer {
            after: Duration::from_millis(170),
            ..answer(200)
        },
    );
    world.prove().await;
    let begun = Instant::now();
    world.send_all(writes(200)).await;
    assert!(begun.elapsed() >= Duration::from_secs(9));
    assert!(
        begun.elapsed() <= Duration::from_millis(200 * 190 / 3 + 1000),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(world.vendor.most_in_flight.load(Ordering::Relaxed), 3);
    let calls = world.vendor.calls.lock().unwrap();
    for (index, first) in calls.iter().enumerate() {
        let within = calls[index..]
            .iter()
            .take_while(|call| call.at < first.at + Duration::from_secs(1));
        assert!(within.count() <= 22);
    }
}

#[tokio::test(start_paused = true)]
async fn the_rate_is_reached() {
    let world = World::with(|settings| settings.rate = Some(20.0), |_| answer(200));
    world.prove().await;
    let begun = Instant::now();
    world.send_all(writes(200)).await;
    assert!(
        begun.elapsed() < Duration::from_millis(10_400),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn who_waited_too_long_gets_no_turn_and_uses_none() {
    let world = World::with(|settings| settings.rate = Some(10.0), |_| answer(200));
    world.prove().await;
    let limit = world.clock.now().monotonic + Duration::from_millis(1050);
    let requests = writes(100).map(|request| Request {
        not_after: limit,
        ..request
    });
    let deliveries = world.send_all(requests).await;
    let sent = world.paths().len();
    assert!((9..=11).contains(&sent), "{sent}");
    for delivery in &deliveries[sent..] {
        let failed = failure(delivery);
        assert_eq!(
            (failed.kind, failed.sent, failed.attempts),
            (FailureKind::Expired, Sent::NotSent, 0)
        );
    }
    let begun = Instant::now();
    world.send_all(writes(2)).await;
    assert!(
        begun.elapsed() < Duration::from_millis(300),
        "those who expired used up no rate"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_for_the_whole_connection() {
    for retry_after in ["30", "Sun, 06 Nov 1994 08:50:07 GMT"] {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let world = World::new(move |call| match call.number {
            1 => answer_with(503, &[date, ("retry-after", retry_after)], ""),
            _ => answer_with(200, &[date], ""),
        });
        world.send_all([read("/proof")]).await;
        let begun = Instant::now();
        assert_eq!(status(&world.send_all([write("/throttled")]).await[0]), 200);
        let waited = begun.elapsed();
        // A date counts whole seconds by a clock that is known to half a second.
        assert!((28..=32).contains(&waited.as_secs()), "{retry_after}: {waited:?}");

        let held = World::new(move |call| match call.number {
            0 => answer_with(429, &[("retry-after", "30")], ""),
            _ => answer(200),
        });
        let others = async {
            pass(Duration::from_secs(2)).await;
            let status = held.dispatcher.status();
            assert_eq!((status.reason, status.waiting), (Some(WaitReason::PauseAsked), 3));
            assert!(status.held_until.is_some());
        };
        tokio::join!(held.send_all([read("/0"), read("/1"), write("/2")]), others);
        let calls = held.vendor.calls.lock().unwrap();
        assert!(calls[1].at - calls[0].at >= Duration::from_secs(30));
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_ends_with_the_last_answer() {
    let world = World::new(|_| answer(503));
    let begun = Instant::now();
    let deliveries = world.send_all([write("/0")]).await;
    assert_eq!(status(&deliveries[0]), 503);
    assert_eq!(world.paths().len(), 8);
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_lasts_ends_the_retries_of_all() {
    let world = World::with(|settings| settings.rate = Some(20.0), |_| answer(503));
    let begun = Instant::now();
    let deliveries = world.send_all(writes(1000)).await;
    assert!(deliveries.iter().all(|delivery| status(delivery) == 503));
    assert!(
        begun.elapsed() < Duration::from_secs(150),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn retries_stay_within_the_budget() {
    // A vendor who serves nobody for 20 seconds, and 100 operations that all began before.
    let world = World::new(|call| answer(if call.path == "/proof" { 200 } else { 503 }));
    world.prove().await;
    let sends = world.send_all(writes(100));
    assert!(
        tokio::time::timeout(Duration::from_secs(20), sends)
            .await
            .is_err()
    );
    let calls = world.vendor.calls.lock().unwrap();
    let mut paths: Vec<&str> = calls.iter().map(|call| &*call.path).collect();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), 100, "everyone had his first attempt");
    let retries = calls.len() - 100;
    assert!(
        (25..=31).contains(&retries),
        "{retries} retries: 10 at once, then one a second"
    );
}

#[tokio::test(start_paused = true)]
async fn retries_are_not_overtaken_for_long() {
    // The first 20 of 300 fail once: more than the budget allows to retry at once.
    let seen = Mutex::new(HashSet::new());
    let script = move |call: &Call| {
        let order: usize = call.path[1..].parse().unwrap_or(usize::MAX);
        let again = !seen.lock().unwrap().insert(order);
        answer(if order >= 20 || again { 200 } else { 503 })
    };
    let world = World::with(|settings| settings.rate = Some(20.0), script);
    world.prove().await;
    world.send_all(writes(300)).await;
    let paths = world.paths();
    let last_retry = (0..20)
        .filter_map(|order| paths.iter().rposition(|path| *path == format!("/{order}")))
        .max();
    assert!(
        last_retry.is_some_and(|position| position < 100),
        "{last_retry:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn throttling_shrinks_the_concurrency_and_success_restores_it() {
    let world = World::new(|call| answer(if call.path.starts_with("/bad") { 429 } else { 200 }));
    world.prove().await;
    let bad = world.ticket(0);
    let request = write("/bad");
    let throttled = tokio::time::timeout(Duration::from_secs(3), world.send(&bad, &request)).await;
    assert!(throttled.is_err());
    assert!(world.dispatcher.status().concurrency <= 2);
    world.send_all(writes(50)).await;
    assert_eq!(world.dispatcher.status().concurrency, 8);
}

#[tokio::test(start_paused = true)]
async fn a_vendor_who_was_never_there_is_given_up_soon() {
    let world = World::new(|_| unreachable());
    let begun = Instant::now();
    let deliveries = world.send_all(writes(1000)).await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(
        deliveries
            .iter()
            .all(|delivery| failure(delivery).kind == FailureKind::Unreachable)
    );
    assert!(
        deliveries
            .iter()
            .all(|delivery| &*failure(delivery).message == "Unreachable; look")
    );
    // One at a time finds out, and whoever has come back in vain for the second time ends it for all. While he pauses for
    // longer than the connection does, another may have his turn, but not three of them.
    let tried = world.paths();
    let tries_of = |path: &String| tried.iter().filter(|other| *other == path).count();
    let ends = tried.last().unwrap();
    assert_eq!(tries_of(ends), 3, "{tried:?}");
    assert!(
        tried.iter().all(|path| path == ends || tries_of(path) < 3),
        "{tried:?}"
    );
    // Those who come later cost one more attempt, for all of them.
    world.send_all(writes(1000)).await;
    assert_eq!(world.paths().len(), tried.len() + 1);
}

#[tokio::test(start_paused = true)]
async fn a_vendor_who_comes_up_late_is_found() {
    let world = World::new(|call| {
        if call.number < 20 {
            unreachable()
        } else {
            answer(200)
        }
    });
    let mut rounds = 0;
    while world.paths().len() <= 20 {
        world.send_all(writes(10)).await;
        rounds += 1;
        assert!(rounds < 30);
    }
    assert!(
        world
            .send_all(writes(10))
            .await
            .iter()
            .all(|delivery| status(delivery) == 200)
    );
}

#[tokio::test(start_paused = true)]
async fn a_vendor_who_goes_away_for_a_moment_is_waited_for() {
    let world = World::new(|call| {
        if (1..5).contains(&call.number) {
            unreachable()
        } else {
            answer(200)
        }
    });
    world.send_all([read("/proof")]).await;
    assert_eq!(status(&world.send_all([write("/0")]).await[0]), 200);
}

#[tokio::test(start_paused = true)]
async fn dropped_futures_give_back_what_they_held() {
    let world = World::with(
        |settings| settings.rate = Some(100.0),
        |call| match &*call.path {
            "/stuck" => Answer {
                after: Duration::from_secs(3600),
                ..answer(200)
            },
            _ => answer(200),
        },
    );
    world.prove().await;
    let stuck = world.send_all((0..50).map(|_| write("/stuck")));
    assert!(tokio::time::timeout(Duration::from_secs(1), stuck).await.is_err());
    let status_after = world.dispatcher.status();
    assert_eq!((status_after.in_flight, status_after.waiting), (0, 0));
    assert_eq!(world.vendor.in_flight.load(Ordering::Relaxed), 0);
    let begun = Instant::now();
    world.send_all(writes(50)).await;
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_was_given_and_not_taken_passes_on() {
    let world = World::with(|settings| settings.concurrency = 1, |_| answer(200));
    world.prove().await;
    let (dropped, next) = (world.ticket(0), world.ticket(1));
    let request = write("/dropped");
    {
        // Polled once, it is given the only slot, which its next poll would take.
        let mut send = Box::pin(world.send(&dropped, &request));
        assert!(futures_util::poll!(&mut send).is_pending());
    }
    assert_eq!(status(&world.send(&next, &write("/next")).await), 200);
}

#[tokio::test(start_paused = true)]
async fn stopping_lets_nothing_new_leave() {
    let world = World::with(|settings| settings.concurrency = 2, |_| answer(200));
    world.prove().await;
    let stop = async {
        pass(Duration::from_millis(60)).await;
        world.dispatcher.stop();
    };
    let later = Request {
        not_before: world.clock.now().monotonic + Duration::from_secs(60),
        ..read("/later")
    };
    let requests = writes(10).chain([read("/team"), later]);
    let (deliveries, ()) = tokio::join!(world.send_all(requests), stop);
    let answered = deliveries
        .iter()
        .filter(|delivery| matches!(delivery, Delivery::Response(_)))
        .count();
    let stopped = deliveries
        .iter()
        .filter(|&delivery| *delivery == Delivery::Stopped)
        .count();
    assert_eq!((answered, stopped, world.paths().len()), (4, 8, 4));
    assert_eq!(world.send_all(writes(1)).await, [Delivery::Stopped]);
}

#[tokio::test(start_paused = true)]
async fn the_status_says_why_it_waits() {
    let world = World::with(
        |settings| settings.concurrency = 2,
        |_| Answer {
            after: Duration::from_secs(1),
            ..answer(200)
        },
    );
    assert_eq!(world.dispatcher.status().reason, None);
    let look = async {
        pass(Duration::from_millis(500)).await;
        assert_eq!(
            world.dispatcher.status().reason,
            Some(WaitReason::CredentialUnproven)
        );
        pass(Duration::from_secs(1)).await;
        let status = world.dispatcher.status();
        assert_eq!(status.reason, Some(WaitReason::Concurrency));
        assert_eq!((status.in_flight, status.waiting, status.sent), (2, 7, 3));
    };
    tokio::join!(world.send_all(writes(10)), look);
    assert_eq!(world.dispatcher.status().sent, 10);
}
