//! What happens to everyone when the vendor speaks against a credential.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_wrong_password_costs_one_request_however_many_wait() {
    let world = World::new(|_| answer(401));
    let deliveries = world.send_all(writes(1000)).await;
    assert_eq!(world.paths(), ["/0"]);
    assert_eq!(status(&deliveries[0]), 401);
    assert!(deliveries[1..].iter().all(is_credential_stopped));
    // Nor does it cost those a request who come later.
    let late = world
        .send_all([read("/late"), proof("/late"), write("/late")])
        .await;
    assert!(late.iter().all(is_credential_stopped));
    assert_eq!(world.paths().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_at_a_time_until_the_credential_is_accepted() {
    let world = World::new(|call| answer(if call.number < 3 { 503 } else { 200 }));
    let begun = Instant::now();
    let deliveries = world.send_all(writes(40)).await;
    assert!(deliveries.iter().all(|delivery| status(delivery) == 200));
    let calls = world.vendor.calls.lock().unwrap().clone();
    for pair in calls[..5].windows(2) {
        assert!(
            pair[1].at - pair[0].at >= Duration::from_millis(20),
            "{:?}",
            pair[1].at - begun
        );
    }
    assert!(world.vendor.most_in_flight.load(Ordering::Relaxed) > 1);
}

#[tokio::test(start_paused = true)]
async fn a_proof_clears_a_doubt_up() {
    let world = World::new(|call| match &*call.path {
        "/doubted" => answer_with(401, &[], "doubt"),
        _ => answer(200),
    });
    world.prove().await;
    let raiser = world.ticket(0);
    assert_eq!(status(&world.send(&raiser, &write("/doubted")).await), 401);
    let proved = async {
        pass(Duration::from_secs(1)).await;
        assert_eq!(world.paths(), ["/doubted"], "nothing else leaves");
        assert_eq!(
            world.dispatcher.status().reason,
            Some(WaitReason::CredentialDoubted)
        );
        world.send(&raiser, &proof("/me")).await
    };
    let (others, proved) = tokio::join!(world.send_all(writes(100)), proved);
    assert_eq!(status(&proved), 200);
    assert!(others.iter().all(|delivery| status(delivery) == 200));
    assert_eq!(world.paths()[..3], ["/doubted", "/me", "/0"]);
}

#[tokio::test(start_paused = true)]
async fn a_proof_that_fails_stops_everyone() {
    let world = World::new(|call| match &*call.path {
        "/doubted" | "/me" => answer_with(401, &[], "doubt"),
        _ => answer(200),
    });
    world.prove().await;
    let raiser = world.ticket(0);
    world.send(&raiser, &write("/doubted")).await;
    let (others, proved) = tokio::join!(world.send_all(writes(100)), async {
        world.send(&raiser, &proof("/me")).await
    });
    assert_eq!(status(&proved), 401);
    assert!(others.iter().all(is_credential_stopped));
    assert_eq!(world.paths(), ["/doubted", "/me"]);
}

#[tokio::test(start_paused = true)]
async fn a_doubt_without_a_proof_stops_everyone() {
    let world = World::new(|call| match &*call.path {
        "/doubted" => answer_with(401, &[], "doubt"),
        _ => answer(200),
    });
    world.prove().await;
    let raiser = world.ticket(0);
    world.send(&raiser, &read("/doubted")).await;
    let ends = async {
        pass(Duration::from_secs(5)).await;
        drop(raiser);
    };
    let (others, ()) = tokio::join!(world.send_all(writes(100)), ends);
    assert!(others.iter().all(is_credential_stopped));
    assert_eq!(world.paths(), ["/doubted"]);
}

#[tokio::test(start_paused = true)]
async fn everyone_who_shared_a_doubted_answer_may_send_the_proof() {
    let world = World::new(|call| match &*call.path {
        "/team" => answer_with(401, &[], "doubt"),
        _ => answer(200),
    });
    world.prove().await;
    let (first, second) = (world.ticket(0), world.ticket(1));
    let team = read("/team");
    tokio::join!(world.send(&first, &team), world.send(&second, &team));
    drop(first);
    assert_eq!(status(&world.send(&second, &proof("/me")).await), 200);
    assert_eq!(status(&world.send(&second, &write("/1")).await), 200);
    assert_eq!(world.paths(), ["/team", "/me", "/1"]);
}

#[tokio::test(start_paused = true)]
async fn a_write_does_not_leave_if_the_doubt_came_while_its_intent_was_written() {
    let world = World::new(|call| match &*call.path {
        "/doubted" => Answer {
            after: Duration::from_millis(2),
            ..answer_with(401, &[], "doubt")
        },
        _ => answer(200),
    });
    world.prove().await;
    let raiser = world.ticket(0);
    let journal = Arc::new(Journal::default());
    let log: Arc<dyn WriteLog> = Arc::clone(&journal) as _;
    let writer = world.dispatcher.ticket(1, Some(log));
    let request = write("/1");
    let doubt = async {
        world.send(&raiser, &read("/doubted")).await;
        pass(Duration::from_secs(1)).await;
        world.send(&raiser, &proof("/me")).await;
    };
    let (written, ()) = tokio::join!(world.send(&writer, &request), doubt);
    assert_eq!(status(&written), 200);
    assert_eq!(world.paths(), ["/doubted", "/me", "/1"]);
    assert_eq!(
        *journal.lines.lock().unwrap(),
        [
            "logout attempt 1",
            "intent 1: NotSent",
            "logout attempt 1",
            "intent 3: Answered { status: 200 }"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_dropped_first_request_lets_the_next_one_try() {
    let world = World::new(|call| match call.number {
        0 => Answer {
            after: Duration::from_secs(3600),
            ..answer(200)
        },
        _ => answer(200),
    });
    let first = world.ticket(0);
    let request = write("/dropped");
    let abandoned = tokio::time::timeout(Duration::from_secs(5), world.send(&first, &request));
    let (abandoned, others) = tokio::join!(abandoned, world.send_all(writes(20)));
    assert!(abandoned.is_err());
    assert!(others.iter().all(|delivery| status(delivery) == 200));
}

#[tokio::test(start_paused = true)]
async fn requests_without_a_credential_pass_no_gate() {
    let world = World::new(|_| answer(401));
    world.send_all(writes(1)).await;
    let request = Request {
        credential: None,
        ..write("/open")
    };
    assert_eq!(status(&world.send(&world.ticket(1), &request).await), 401);
    let authorized = world
        .vendor
        .calls
        .lock()
        .unwrap()
        .iter()
        .map(|call| call.authorization.is_some())
        .collect::<Vec<_>>();
    assert_eq!(authorized, [true, false]);
}

#[tokio::test(start_paused = true)]
async fn a_proof_is_sent_after_the_doubt_and_at_once() {
    let world = World::new(|call| match &*call.path {
        "/doubted" => answer_with(401, &[], "doubt"),
        _ => answer(200),
    });
    let me = Request {
        max_age: Duration::from_secs(60),
        ..proof("/me")
    };
    world.send_all([me.clone()]).await;
    let raiser = world.ticket(0);
    world.send(&raiser, &write("/doubted")).await;
    let begun = Instant::now();
    assert_eq!(status(&world.send(&raiser, &me).await), 200);
    assert_eq!(
        world.paths(),
        ["/me", "/doubted", "/me"],
        "the young answer is from before the doubt"
    );
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(status(&world.send(&raiser, &me).await), 200);
    assert_eq!(world.paths().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn no_other_credential_takes_the_place_of_the_one_that_is_wanted() {
    let world = World::new(|_| answer(200));
    let wanted = CredentialUse {
        name: Some("admin".to_owned()),
        placement: Placement::Basic,
    };
    let request = Request {
        credential: Some(wanted),
        ..write("/1")
    };
    let refused = world
        .dispatcher
        .send(&world.ticket(0), &request, Some(&world.credential))
        .await;
    let message = refused.map_err(|error| error.to_string()).unwrap_err();
    assert!(
        message.ends_with("it wants the credential `admin` and has `supervisor`"),
        "{message}"
    );
    assert!(world.paths().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_proof_that_was_under_way_before_the_doubt_does_not_clear_it_up() {
    let world = World::new(|call| match &*call.path {
        "/doubted" => answer_with(401, &[], "doubt"),
        "/me" => Answer {
            after: Duration::from_secs(1),
            ..answer(200)
        },
        _ => answer(200),
    });
    world.prove().await;
    let (early, raiser) = (world.ticket(0), world.ticket(1));
    let me = proof("/me");
    let doubt = async {
        pass(Duration::from_millis(500)).await;
        world.send(&raiser, &read("/doubted")).await;
        world.send(&raiser, &me).await
    };
    tokio::join!(world.send(&early, &me), doubt);
    assert_eq!(world.paths(), ["/me", "/doubted", "/me"]);
}

#[tokio::test(start_paused = true)]
async fn a_401_pauses_the_credential_before_it_is_read() {
    // The body of the 401 takes a second longer than its head, and then it means nothing.
    let world = World::new(|call| match &*call.path {
        "/slow" => Answer {
            after: Duration::from_secs(2),
            ..answer_with(401, &[], "doubt")
        },
        _ => answer(200),
    });
    world.prove().await;
    let (doubter, others) = (world.ticket(0), world.ticket(1));
    let begun = Instant::now();
    let slow = async {
        world.send(&doubter, &write("/slow")).await;
        let read_out = begun.elapsed();
        world.send(&doubter, &proof("/me")).await;
        read_out
    };
    let meanwhile = async {
        pass(Duration::from_millis(500)).await;
        world.send(&others, &write("/before")).await;
        assert!(begun.elapsed() < Duration::from_millis(600));
        pass(Duration::from_millis(600)).await;
        world.send(&others, &write("/after")).await;
        begun.elapsed()
    };
    let (read_out, after) = tokio::join!(slow, meanwhile);
    assert!(after > read_out, "{after:?}, {read_out:?}");
    assert_eq!(world.paths(), ["/slow", "/before", "/me", "/after"]);
}

#[tokio::test(start_paused = true)]
async fn a_401_that_is_never_read_pauses_nobody_for_ever() {
    let world = World::new(|call| match &*call.path {
        "/slow" => Answer {
            after: Duration::from_secs(3600),
            ..answer(401)
        },
        _ => answer(200),
    });
    world.prove().await;
    let slow = world.send_all([write("/slow")]);
    assert!(
        tokio::time::timeout(Duration::from_secs(2000), slow)
            .await
            .is_err()
    );
    assert_eq!(status(&world.send_all([write("/1")]).await[0]), 200);
}
