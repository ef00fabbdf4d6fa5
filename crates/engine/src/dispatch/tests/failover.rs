//! Which origin requests go to, when there are two.

use expect_test::expect;

use super::*;

/// A vendor with two nodes, `a` and `b`.
fn two_nodes(script: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> World {
    World::with(
        |settings| {
            let origins = ["https://a:8445", "https://b:8445"];
            let origins = origins.map(|origin| Url::parse(origin).unwrap()).to_vec();
            settings.endpoints = BTreeMap::from([("api".to_owned(), origins)]);
        },
        script,
    )
}

/// The calls so far, in order: `host path`, those to the same host and path counted.
fn calls(world: &World) -> String {
    let mut lines: Vec<(String, u32)> = Vec::new();
    for call in world.vendor.calls.lock().unwrap().drain(..) {
        let line = format!("{} {}", call.host, call.path);
        match lines.last_mut() {
            Some((last, count)) if *last == line => *count += 1,
            _ => lines.push((line, 1)),
        }
    }
    let lines = lines.iter().map(|(line, count)| match count {
        1 => line.clone(),
        _ => format!("{line} ×{count}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The node that is used, and why.
fn in_use(world: &World) -> String {
    let failed_over = world.dispatcher.status().failed_over;
    let lines = failed_over.iter().map(|one| {
        let reason = one.reason.as_deref().unwrap_or("-");
        format!("{} for: {reason}", one.origin)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_be_reached_is_left_at_once() {
    let world = two_nodes(|call| {
        if call.host == "a" {
            unreachable()
        } else {
            answer(200)
        }
    });
    let begun = Instant::now();
    let answers = world.send_all([read("/1"), write("/2"), write("/3")]).await;
    assert!(answers.iter().all(|answer| status(answer) == 200));
    assert!(
        begun.elapsed() < Duration::from_millis(200),
        "{:?}",
        begun.elapsed()
    );
    let calls = world.vendor.calls.lock().unwrap();
    let hosts: Vec<&str> = calls.iter().map(|call| &*call.host).collect();
    assert_eq!(hosts, ["a", "b", "b", "b"]);
    expect!["https://b:8445 for: Unreachable"].assert_eq(&in_use(&world));
    let shown = world.dispatcher.status().failed_over[0].to_string();
    assert!(
        shown.starts_with("using `https://b:8445` since ") && shown.ends_with(" UTC"),
        "{shown}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_few_503_move_nobody_and_a_second_of_them_does() {
    for failing in [1, 2] {
        let world = two_nodes(move |call| answer(if call.number < failing { 503 } else { 200 }));
        assert_eq!(status(&world.send_all([write("/1")]).await[0]), 200);
        assert!(!calls(&world).contains('b'));
    }
    let world = two_nodes(|call| answer(if call.host == "a" { 503 } else { 200 }));
    let begun = Instant::now();
    assert_eq!(status(&world.send_all([write("/1")]).await[0]), 200);
    let took = begun.elapsed();
    assert!(
        (Duration::from_secs(1)..Duration::from_secs(12)).contains(&took),
        "{took:?}"
    );
    let all = calls(&world);
    assert!(all.starts_with("a /1 ×") && all.ends_with("\nb /1"), "{all}");
    expect!["https://b:8445 for: `https://a:8445` answers with HTTP 503"].assert_eq(&in_use(&world));
}

#[tokio::test(start_paused = true)]
async fn many_503_at_once_are_one_sign_and_a_good_answer_takes_it_back() {
    // Every second request in vain, and eight under way at a time.
    let world = two_nodes(|call| answer(if call.number % 2 == 1 { 503 } else { 200 }));
    world.prove().await;
    world.send_all(writes(100)).await;
    assert!(
        world
            .vendor
            .calls
            .lock()
            .unwrap()
            .iter()
            .all(|call| call.host == "a")
    );

    // A spell of 503 of a tenth of a second.
    let begun = Instant::now();
    let world = two_nodes(move |call| {
        let spell = Duration::from_millis(100)..Duration::from_millis(200);
        answer(if spell.contains(&(call.at - begun)) {
            503
        } else {
            200
        })
    });
    world.prove().await;
    pass(Duration::from_millis(85)).await;
    world.send_all(writes(8)).await;
    assert!(
        world
            .vendor
            .calls
            .lock()
            .unwrap()
            .iter()
            .all(|call| call.host == "a")
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_answers_nothing_is_left() {
    let world = two_nodes(|call| match &*call.host {
        "a" => fail(FailureKind::TimedOut, Sent::MaybeSent),
        _ => answer(200),
    });
    assert_eq!(status(&world.send_all([read("/1")]).await[0]), 200);
    let all = calls(&world);
    assert!(all.starts_with("a /1 ×") && all.ends_with("\nb /1"), "{all}");
}

#[tokio::test(start_paused = true)]
async fn a_write_in_doubt_does_not_move() {
    let world = two_nodes(|call| match (&*call.host, &*call.path) {
        ("a", "/proof") => answer(200),
        ("a", _) => Answer {
            after: Duration::from_millis(300),
            ..fail(FailureKind::Broken, Sent::MaybeSent)
        },
        _ => answer(200),
    });
    world.prove().await;
    let deliveries = world.send_all((0..100).map(|_| write("/1"))).await;
    let in_doubt = deliveries
        .iter()
        .filter(|one| matches!(one, Delivery::Failure(failed) if failed.sent == Sent::MaybeSent));
    let calls = world.vendor.calls.lock().unwrap();
    let at_a = calls.iter().filter(|call| call.host == "a").count();
    assert_eq!(in_doubt.count(), at_a, "each of them comes back to its operation");
    assert_eq!(calls.len(), 100, "and none is sent again");
    assert!(
        (3..100).contains(&at_a),
        "those who come later go to the other node: {at_a}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_read_finds_out_that_the_first_is_well_again() {
    let begun = Instant::now();
    let world = two_nodes(move |call| match &*call.host {
        "a" if begun.elapsed() < Duration::from_secs(60) => unreachable(),
        _ => answer(200),
    });
    world.prove().await;
    let mut probes = Vec::new();
    for _ in 0..180 {
        pass(Duration::from_millis(500)).await;
        let answers = world.send_all([write("/write"), read("/read")]).await;
        assert!(
            answers.iter().all(|answer| status(answer) == 200),
            "nobody sees a probe"
        );
        for call in world.vendor.calls.lock().unwrap().drain(..) {
            if call.host == "a" && !in_use(&world).is_empty() {
                assert_eq!(call.path, "/read", "no write is put at risk");
                probes.push((call.at - begun).as_secs());
            }
        }
    }
    assert_eq!(in_use(&world), "", "back at the first");
    expect!["[5, 15, 36]"].assert_eq(&format!("{probes:?}"));
}

#[tokio::test(start_paused = true)]
async fn what_a_probe_brings_is_shown_to_nobody_unless_it_is_good() {
    for bad in [404, 500, 503, 429] {
        let world = two_nodes(move |call| match (&*call.host, call.number) {
            ("a", 0) => unreachable(),
            ("a", _) => answer(bad),
            _ => answer(200),
        });
        assert_eq!(status(&world.send_all([read("/1")]).await[0]), 200);
        pass(Duration::from_secs(6)).await;
        let answers = world.send_all([read("/2")]).await;
        let Delivery::Response(delivered) = &answers[0] else {
            panic!("no answer");
        };
        assert_eq!((delivered.status, delivered.attempts), (200, 1));
        assert_eq!(calls(&world), "a /1\nb /1\na /2\nb /2");
        assert_eq!(world.dispatcher.status().concurrency, 8, "a probe is no load");
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_refused_stops_the_credential_like_any_other_request() {
    let world = two_nodes(move |call| match (&*call.host, call.number) {
        ("a", 0) => unreachable(),
        ("a", _) => answer(401),
        _ => answer(200),
    });
    assert_eq!(status(&world.send_all([read("/1")]).await[0]), 200);
    pass(Duration::from_secs(6)).await;
    let answers = world.send_all([read("/2")]).await;
    assert_eq!(status(&answers[0]), 401);
    assert!(is_credential_stopped(&world.send_all([write("/3")]).await[0]));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_relapses_is_waited_for_longer() {
    // It answers reads whenever it is asked for one now and then, and falls over when all come.
    let last = Mutex::new(Instant::now());
    let world = two_nodes(move |call| {
        if call.host != "a" {
            return answer(200);
        }
        let mut last = last.lock().unwrap();
        let rested = std::mem::replace(&mut *last, call.at).elapsed() > Duration::from_secs(3);
        if rested { answer(200) } else { unreachable() }
    });
    world.send_all([read("/0")]).await;
    let begun = Instant::now();
    let mut moves = Vec::new();
    let mut before = in_use(&world);
    while begun.elapsed() < Duration::from_secs(300) {
        pass(Duration::from_millis(200)).await;
        let answers = world.send_all([read("/1"), write("/2")]).await;
        assert!(answers.iter().all(|answer| status(answer) == 200));
        let now = in_use(&world);
        if now != before {
            moves.push(begun.elapsed().as_secs());
            before = now;
        }
    }
    assert!(moves.len() <= 16, "{moves:?}");
}

#[tokio::test(start_paused = true)]
async fn where_no_node_is_well_each_is_named_and_each_has_its_try() {
    let world = two_nodes(|call| {
        let mut answer = unreachable();
        if let Err(failure) = &mut answer.result {
            failure.message = format!("`{}` is down", call.host);
        }
        answer
    });
    let deliveries = world.send_all(writes(100)).await;
    for delivery in &deliveries {
        assert_eq!(&*failure(delivery).message, "`a` is down; `b` is down");
    }
    let calls = world.vendor.calls.lock().unwrap();
    let at_a = calls.iter().filter(|call| call.host == "a").count();
    assert!(
        (6..=8).contains(&calls.len()) && (3..=4).contains(&at_a),
        "{calls:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_node_that_comes_up_first_is_used() {
    for first in ["a", "b"] {
        let begun = Instant::now();
        let world = two_nodes(move |call| {
            let up_at = if call.host == first { 4 } else { 3600 };
            if call.at - begun < Duration::from_secs(1) || call.at - begun >= Duration::from_secs(up_at) {
                answer(200)
            } else {
                unreachable()
            }
        });
        world.prove().await;
        pass(Duration::from_secs(1)).await;
        let answers = world.send_all(writes(5)).await;
        assert!(answers.iter().all(|answer| status(answer) == 200), "{first}");
        assert_eq!(world.vendor.calls.lock().unwrap().last().unwrap().host, first);
    }
}

#[tokio::test(start_paused = true)]
async fn the_operator_is_told_once_of_each_move() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let teller = Arc::clone(&told);
    let begun = Instant::now();
    let mut world = two_nodes(move |call| match &*call.host {
        "a" if begun.elapsed() < Duration::from_secs(8) => fail(FailureKind::Unreachable, Sent::NotSent),
        _ => answer(200),
    });
    let origins = ["https://a:8445", "https://b:8445"].map(|origin| Url::parse(origin).unwrap());
    world.dispatcher = Dispatcher::with_observer(
        DispatcherSettings {
            connection: "site".into(),
            endpoints: BTreeMap::from([("api".to_owned(), origins.to_vec())]),
            rate: None,
            concurrency: 8,
            window: 0,
            timeout: Duration::from_secs(10),
            settle: Duration::from_secs(10),
            plan: false,
            logins: &[],
            user_secrets: Arc::default(),
        },
        Arc::clone(&world.vendor) as _,
        Arc::new(ByStatus),
        Some(Box::new(move |moved| {
            teller.lock().unwrap().push(moved.to_string());
        })),
        world.clock,
    );
    for _ in 0..60 {
        world.send_all([read("/1"), write("/2")]).await;
        pass(Duration::from_millis(500)).await;
    }
    expect![[r#"
        Unreachable; `https://b:8445` is used instead
        `https://a:8445` is well again, and in use again"#]]
    .assert_eq(&told.lock().unwrap().join("\n"));
}

#[tokio::test(start_paused = true)]
async fn what_the_first_node_turned_away_is_no_retry_at_the_second() {
    let world = two_nodes(|call| {
        answer(if call.host == "a" && call.path != "/proof" {
            503
        } else {
            200
        })
    });
    world.prove().await;
    let begun = Instant::now();
    let answers = world.send_all(writes(300)).await;
    assert!(answers.iter().all(|answer| status(answer) == 200));
    // The budget alone would let one go a second, and one for five that succeed.
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}
