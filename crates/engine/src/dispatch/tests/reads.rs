//! Shared reads: what the vendor sees of many who ask the same.

use super::*;

fn team(max_age: Duration) -> Request {
    Request {
        max_age,
        ..read("/team")
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_thousand_who_watch_a_team_cost_one_request_a_second() {
    let world = World::new(|_| Answer {
        after: Duration::from_millis(50),
        ..answer(200)
    });
    let watchers = (0..1000).map(|order| {
        let world = &world;
        async move {
            let ticket = world.ticket(order);
            // Each begins at a time of his own, and asks again and again.
            pass(Duration::from_millis(order % 700)).await;
            let mut answers = 0;
            loop {
                // Some are content with what is known, some want what is sent after they ask.
                let not_before = if order % 3 == 0 {
                    world.clock.now().monotonic
                } else {
                    Monotonic::ZERO
                };
                world
                    .send(
                        &ticket,
                        &Request {
                            not_before,
                            ..team(SECOND)
                        },
                    )
                    .await;
                answers += 1;
                if world.clock.now().monotonic.since(Monotonic::ZERO) > Duration::from_secs(31) {
                    return answers;
                }
                pass(Duration::from_millis(300)).await;
            }
        }
    });
    let answers = futures_util::future::join_all(watchers).await;
    assert!(
        answers.iter().all(|&answers| answers >= 15),
        "everyone is served all the time"
    );
    let calls = world.vendor.calls.lock().unwrap();
    assert!(calls.len() <= 32, "{}", calls.len());
    assert!(calls.windows(2).all(|pair| pair[1].at - pair[0].at >= SECOND));
}

#[tokio::test(start_paused = true)]
async fn retries_keep_the_distance_too() {
    let world = World::new(|call| answer(if call.number % 4 == 3 { 200 } else { 503 }));
    let deliveries = world.send_all((0..100).map(|_| team(SECOND))).await;
    assert!(deliveries.iter().all(|delivery| status(delivery) == 200));
    let calls = world.vendor.calls.lock().unwrap();
    assert_eq!(calls.len(), 4);
    assert!(calls.windows(2).all(|pair| pair[1].at - pair[0].at >= SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_read_over_which_the_server_broke_down_is_sent_again_and_a_write_is_not() {
    for breakdown in [500, 502, 504] {
        let world = World::new(move |call| answer(if call.number == 2 { 200 } else { breakdown }));
        let deliveries = world.send_all([read("/user")]).await;
        assert_eq!((status(&deliveries[0]), world.paths().len()), (200, 3));

        let world = World::new(move |_| answer(breakdown));
        let deliveries = world.send_all([read("/user")]).await;
        assert_eq!((status(&deliveries[0]), world.paths().len()), (breakdown, 3));
        let deliveries = world.send_all([write("/user")]).await;
        assert_eq!((status(&deliveries[0]), world.paths().len()), (breakdown, 4));
    }
}

#[tokio::test(start_paused = true)]
async fn a_breakdown_is_told_to_those_who_asked_and_not_kept_for_others() {
    let world = World::new(|call| answer(if call.number < 3 { 500 } else { 200 }));
    let deliveries = world.send_all((0..100).map(|_| team(60 * SECOND))).await;
    assert!(deliveries.iter().all(|delivery| status(delivery) == 500));
    let calls = world.vendor.calls.lock().unwrap().clone();
    assert_eq!(calls.len(), 3);
    assert!(calls.windows(2).all(|pair| pair[1].at - pair[0].at >= SECOND));
    assert_eq!(status(&world.send_all([team(60 * SECOND)]).await[0]), 200);
}

#[tokio::test(start_paused = true)]
async fn only_identical_reads_in_flight_are_shared() {
    let world = World::new(|_| answer(200));
    world.prove().await;
    let same = || read("/same");
    let others = [
        read("/other"),
        Request {
            query: vec![("a".to_owned(), "b".to_owned())],
            ..read("/same")
        },
        Request {
            headers: vec![("accept".to_owned(), "text/xml".to_owned())],
            ..read("/same")
        },
        Request {
            body: b"x".to_vec(),
            ..read("/same")
        },
        Request {
            method: "POST".to_owned(),
            ..read("/same")
        },
        Request {
            credential: None,
            ..read("/same")
        },
    ];
    world
        .send_all(std::iter::repeat_with(same).take(500).chain(others))
        .await;
    assert_eq!(world.paths().len(), 7);
    world.send_all([same()]).await;
    assert_eq!(world.paths().len(), 8, "without an age nothing is reused");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_reused_while_it_is_young() {
    let world = World::new(|_| answer(200));
    for (wait, calls) in [(0, 1), (500, 1), (470, 1), (500, 2)] {
        pass(Duration::from_millis(wait)).await;
        world.send_all([team(SECOND)]).await;
        assert_eq!(world.paths().len(), calls, "{wait}");
    }
    // The patient reuse what the impatient had fetched.
    pass(Duration::from_secs(5)).await;
    world.send_all([team(10 * SECOND)]).await;
    assert_eq!(world.paths().len(), 3);
}

/// What is kept has its limit. An answer that everybody needs outlives those that one operation needs, and who needs one
/// that had to go asks again, and does not wait until it would have grown old.
#[tokio::test(start_paused = true)]
async fn an_answer_that_had_to_make_room_is_not_waited_for() {
    let world = World::new(|_| large(1));
    let minute = Duration::from_secs(60);
    let of_user = |number: usize, max_age| Request {
        max_age,
        ..read(&format!("/user/{number}"))
    };
    world.send(&world.ticket(0), &team(minute)).await;
    // Twice what is kept, within a second.
    world
        .send_all((0..32).map(|number| of_user(number, SECOND)))
        .await;
    world.send(&world.ticket(0), &team(minute)).await;
    let teams = || world.paths().iter().filter(|path| *path == "/team").count();
    assert_eq!(teams(), 1, "it is kept");
    world
        .send_all((32..64).map(|number| of_user(number, 2 * minute)))
        .await;
    let asked = world.clock.now().monotonic;
    world.send(&world.ticket(0), &team(minute)).await;
    assert_eq!(teams(), 2, "it had to go");
    let waited = world.clock.now().monotonic.since(asked);
    assert!(waited < 2 * SECOND, "{waited:?}");
}

/// Whoever joins a read that has left may be content with its answer for longer than those for whom it left.
#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_for_the_most_patient_who_got_it() {
    for first in [Duration::ZERO, SECOND] {
        let world = World::new(|_| answer(200));
        world.prove().await;
        let (one, two) = (world.ticket(0), world.ticket(1));
        let (first, patient) = (team(first), team(60 * SECOND));
        tokio::join!(world.send(&one, &first), async {
            pass(Duration::from_millis(10)).await;
            world.send(&two, &patient).await
        });
        pass(10 * SECOND).await;
        world.send(&one, &patient).await;
        assert_eq!(world.paths(), ["/team"], "{first:?}");
    }
}

fn large(mebibytes: usize) -> Answer {
    let mut large = answer(200);
    if let Ok(reply) = &mut large.result {
        reply.body = vec![b'x'; mebibytes << 20].into();
    }
    large
}

/// It takes no other's place, and who needs it next is not held up as if it were there.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_large_to_be_kept_is_asked_for_again() {
    let world = World::new(|call| large(if call.path == "/large" { 17 } else { 10 }));
    let minute = Duration::from_secs(60);
    let of = |path| Request {
        max_age: minute,
        ..read(path)
    };
    let ticket = world.ticket(0);
    let begun = world.clock.now().monotonic;
    for path in ["/team", "/large", "/large", "/team"] {
        world.send(&ticket, &of(path)).await;
    }
    assert_eq!(world.paths(), ["/team", "/large", "/large"]);
    let took = world.clock.now().monotonic.since(begun);
    assert!(took < 2 * SECOND, "{took:?}");
}

/// What was thrown away takes no room.
#[tokio::test(start_paused = true)]
async fn only_what_is_kept_counts() {
    let world = World::new(|call| {
        large(match &*call.path {
            "/short" => 10,
            "/long" => 8,
            _ => 1,
        })
    });
    let ticket = world.ticket(0);
    let ask = async |path, max_age| {
        let request = Request {
            max_age,
            ..read(path)
        };
        world.send(&ticket, &request).await;
    };
    // All before anybody looks for what is too old.
    let moment = Duration::from_millis(100);
    ask("/short", moment).await;
    pass(moment).await;
    ask("/short", Duration::ZERO).await;
    ask("/long", 60 * SECOND).await;
    ask("/other", SECOND).await;
    ask("/long", 60 * SECOND).await;
    assert_eq!(world.paths(), ["/short", "/short", "/long", "/other"]);
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_never_rests_on_an_earlier_read() {
    let world = World::new(|_| Answer {
        after: Duration::from_millis(400),
        ..answer(200)
    });
    world.send_all([team(SECOND)]).await;
    pass(Duration::from_millis(300)).await;
    let written = world.clock.now().monotonic;
    // What is known is young enough, but older than the write.
    let confirming = Request {
        not_before: written,
        ..team(SECOND)
    };
    let deliveries = world.send_all((0..100).map(|_| confirming.clone())).await;
    for delivery in &deliveries {
        let Delivery::Response(answer) = delivery else {
            panic!("no answer");
        };
        assert!(answer.sent > written);
    }
    let calls = world.vendor.calls.lock().unwrap().clone();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[1].at - calls[0].at, SECOND, "and it keeps its distance");
}

#[tokio::test(start_paused = true)]
async fn a_read_in_flight_is_of_no_use_to_who_wrote_after_it_left() {
    let world = World::new(|_| Answer {
        after: Duration::from_millis(400),
        ..answer(200)
    });
    world.prove().await;
    let early = world.ticket(0);
    let (first, second) = (read("/team"), async {
        pass(Duration::from_millis(200)).await;
        let not_before = world.clock.now().monotonic;
        pass(Duration::from_millis(1)).await;
        let confirming = Request {
            not_before,
            ..read("/team")
        };
        world.send_all([confirming.clone(), confirming]).await
    });
    tokio::join!(world.send(&early, &first), second);
    assert_eq!(world.paths().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_read_for_later_waits_for_its_time() {
    let world = World::new(|_| answer(200));
    let settled_at = world.clock.now().monotonic + 20 * SECOND;
    let delivery = &world
        .send_all([Request {
            not_before: settled_at,
            ..team(SECOND)
        }])
        .await[0];
    let Delivery::Response(answer) = delivery else {
        panic!("no answer");
    };
    assert!(answer.sent >= settled_at);
}

#[tokio::test(start_paused = true)]
async fn who_is_in_a_hurry_takes_the_patient_along() {
    let world = World::new(|_| answer(200));
    world.send_all([team(60 * SECOND)]).await;
    pass(SECOND).await;
    let now = world.clock.now().monotonic;
    let patient = Request {
        not_before: now,
        ..team(60 * SECOND)
    };
    let impatient = async {
        pass(10 * SECOND).await;
        world
            .send_all([Request {
                not_before: now,
                ..team(2 * SECOND)
            }])
            .await
    };
    let begun = Instant::now();
    tokio::join!(world.send_all([patient]), impatient);
    assert_eq!(world.paths().len(), 2);
    assert!(begun.elapsed() < 11 * SECOND, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_shared_read_takes_the_place_of_the_first_who_needs_it() {
    let world = World::with(|settings| settings.concurrency = 1, |_| answer(200));
    world.prove().await;
    let tickets: Vec<Ticket> = (0..5).map(|order| world.ticket(order)).collect();
    let requests = [write("/0"), write("/1"), write("/2"), write("/3"), read("/team")];
    tokio::join!(
        world.send(&tickets[0], &requests[0]),
        world.send(&tickets[2], &requests[2]),
        world.send(&tickets[3], &requests[3]),
        world.send(&tickets[4], &requests[4]),
        async {
            // The read stands in the queue by now, behind all others.
            pass(Duration::from_millis(5)).await;
            world.send(&tickets[1], &requests[4]).await
        },
    );
    assert_eq!(world.paths(), ["/0", "/team", "/2", "/3"]);
}

#[tokio::test(start_paused = true)]
async fn a_read_belongs_to_all_who_wait_for_it() {
    let world = World::new(|_| Answer {
        after: SECOND,
        ..answer(200)
    });
    let (first, second) = (world.ticket(0), world.ticket(1));
    let request = read("/team");
    let abandoned = tokio::time::timeout(SECOND / 2, world.send(&first, &request));
    let (abandoned, shared) = tokio::join!(abandoned, world.send(&second, &request));
    assert!(abandoned.is_err());
    assert_eq!(status(&shared), 200);
    assert_eq!(world.paths().len(), 1);

    let nobody = tokio::time::timeout(SECOND / 2, world.send(&first, &request)).await;
    assert!(nobody.is_err());
    tokio::task::yield_now().await;
    assert_eq!(
        world.vendor.in_flight.load(Ordering::Relaxed),
        0,
        "nobody waits, so it ends"
    );
    assert_eq!(world.dispatcher.status().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn a_read_is_repeated_whatever_broke_it() {
    let world = World::new(|call| match call.number {
        0 => fail(FailureKind::TimedOut, Sent::MaybeSent),
        1 => fail(FailureKind::Broken, Sent::MaybeSent),
        2 => fail(FailureKind::Broken, Sent::NotSent),
        _ => answer(200),
    });
    assert_eq!(status(&world.send_all([read("/team")]).await[0]), 200);
    assert_eq!(world.paths().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_large_is_not_asked_for_again() {
    let world = World::new(|_| fail(FailureKind::TooLarge, Sent::MaybeSent));
    let deliveries = world.send_all((0..1000).map(|_| team(SECOND))).await;
    assert!(
        deliveries
            .iter()
            .all(|delivery| failure(delivery).kind == FailureKind::TooLarge)
    );
    assert_eq!(world.paths().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_wanted_soon_or_not_at_all_expires() {
    let world = World::with(
        |settings| settings.concurrency = 1,
        |_| Answer {
            after: 5 * SECOND,
            ..answer(200)
        },
    );
    world.prove().await;
    let not_after = world.clock.now().monotonic + SECOND;
    let deliveries = world
        .send_all([
            read("/now"),
            Request {
                not_after,
                ..read("/soon")
            },
        ])
        .await;
    assert_eq!(failure(&deliveries[1]).kind, FailureKind::Expired);
    let begun_in_time = Request {
        not_after: world.clock.now().monotonic + SECOND,
        ..read("/now")
    };
    assert_eq!(status(&world.send_all([begun_in_time]).await[0]), 200);
}

/// A person is asked for the secret meanwhile: one of those who wait for the answer has no time for that, and another has.
#[tokio::test(start_paused = true)]
async fn a_deadline_is_that_of_its_asker_alone() {
    let mut world = World::new(|_| answer(200));
    world.credential = credential(SecretReference::Prompt);
    let not_after = world.clock.now().monotonic + Duration::from_millis(10);
    let hurried = Request {
        not_after,
        ..read("/team")
    };
    let asked = world.send_all([hurried, read("/team")]);
    let (deliveries, ()) = tokio::join!(asked, tokio::time::advance(SECOND));
    assert_eq!(failure(&deliveries[0]).kind, FailureKind::Expired);
    assert_eq!(status(&deliveries[1]), 200);
    assert_eq!(world.paths().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_read_that_was_overtaken_is_not_sent_again() {
    let world = World::new(|call| match &*call.path {
        "/team" if call.number == 0 => fail(FailureKind::Broken, Sent::MaybeSent),
        _ => answer(200),
    });
    world.prove().await;
    let early = world.ticket(0);
    let watching = team(SECOND);
    let confirming = async {
        pass(Duration::from_millis(10)).await;
        let not_before = world.clock.now().monotonic;
        world
            .send_all([Request {
                not_before,
                ..team(SECOND)
            }])
            .await
    };
    let (watched, confirmed) = tokio::join!(world.send(&early, &watching), confirming);
    assert_eq!(watched, confirmed[0]);
    assert_eq!(status(&watched), 200);
    let calls = world.vendor.calls.lock().unwrap();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[1].at - calls[0].at, SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_distance_is_kept_whatever_breaks() {
    let world = World::new(|call| match call.number % 5 {
        1 => fail(FailureKind::Broken, Sent::MaybeSent),
        3 => Answer {
            after: 3 * SECOND,
            ..fail(FailureKind::TimedOut, Sent::MaybeSent)
        },
        _ => answer(200),
    });
    let watchers = (0..200).map(|order| {
        let world = &world;
        async move {
            let ticket = world.ticket(order);
            for step in 0..20 {
                pass(Duration::from_millis(order * 37 % 500 + step)).await;
                let not_before = world.clock.now().monotonic;
                let delivery = world
                    .send(
                        &ticket,
                        &Request {
                            not_before,
                            ..team(SECOND)
                        },
                    )
                    .await;
                assert_eq!(status(&delivery), 200);
            }
        }
    });
    futures_util::future::join_all(watchers).await;
    let calls = world.vendor.calls.lock().unwrap();
    assert!(calls.windows(2).all(|pair| pair[1].at - pair[0].at >= SECOND));
}
