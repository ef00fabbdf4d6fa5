//! Writes: when they leave, when they are repeated, and what the journal is told.

use expect_test::{Expect, expect};

use super::*;

/// Sends one write to a vendor who follows a script, and compares what the journal was told.
async fn check(script: impl Fn(&Call) -> Answer + Send + Sync + 'static, journaled: Expect) -> Delivery {
    let world = World::new(script);
    let (journal, delivery) = journaled_write(&world).await;
    journaled.assert_eq(&journal);
    delivery
}

async fn journaled_write(world: &World) -> (String, Delivery) {
    let journal = Arc::new(Journal::default());
    let log: Arc<dyn WriteLog> = Arc::clone(&journal) as _;
    let ticket = world.dispatcher.ticket(0, Some(log));
    let delivery = world.send(&ticket, &write("/1")).await;
    let lines = journal.lines.lock().unwrap();
    (lines.join("\n"), delivery)
}

#[tokio::test(start_paused = true)]
async fn an_answered_write_leaves_one_intent_and_its_result() {
    let delivery = check(
        |_| answer(202),
        expect![[r#"
            logout attempt 1
            intent 1: Answered { status: 202 }"#]],
    )
    .await;
    assert_eq!(status(&delivery), 202);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_its_own_intent() {
    let script = |call: &Call| match call.number {
        0 => answer(503),
        1 => fail(FailureKind::Broken, Sent::NotSent),
        _ => answer(202),
    };
    let delivery = check(
        script,
        expect![[r#"
            logout attempt 1
            intent 1: NotProcessed { status: 503 }
            logout attempt 2
            intent 3: NotSent
            logout attempt 3
            intent 5: Answered { status: 202 }"#]],
    )
    .await;
    let Delivery::Response(answer) = delivery else {
        panic!("no answer");
    };
    assert_eq!((answer.status, answer.attempts), (202, 3));
}

#[tokio::test(start_paused = true)]
async fn a_write_in_doubt_comes_back_at_once() {
    for kind in [FailureKind::TimedOut, FailureKind::Broken, FailureKind::TooLarge] {
        let world = World::new(move |_| fail(kind, Sent::MaybeSent));
        let before = world.clock.now();
        let (journal, delivery) = journaled_write(&world).await;
        assert_eq!(journal, "logout attempt 1\nintent 1: MaybeSent");
        let failed = failure(&delivery);
        assert_eq!(
            (failed.kind, failed.sent, failed.attempts),
            (kind, Sent::MaybeSent, 1)
        );
        assert_eq!(
            failed.settled_at,
            before.monotonic + Duration::from_secs(20),
            "time-out and settling"
        );
        assert!((10..=20).contains(&(failed.sent_unix_ms - before.unix_ms)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirected_write_is_not_repeated() {
    let delivery = check(
        |_| fail(FailureKind::Redirected, Sent::NotSent),
        expect![[r#"
            logout attempt 1
            intent 1: NotSent"#]],
    )
    .await;
    assert_eq!(failure(&delivery).kind, FailureKind::Redirected);
}

#[tokio::test(start_paused = true)]
async fn times_are_by_the_vendors_clock() {
    // His clock is years behind ours.
    let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    let world = World::new(move |_| answer_with(200, &[date], ""));
    let (_, delivery) = journaled_write(&world).await;
    let Delivery::Response(answer) = delivery else {
        panic!("no answer");
    };
    assert!(
        (answer.sent_unix_ms - 784_111_777_000).abs() <= 1000,
        "{}",
        answer.sent_unix_ms
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_sends_reads_and_holds_writes() {
    let world = World::with(|settings| settings.plan = true, |_| answer(200));
    assert_eq!(
        world.send_all([write("/1"), write("/2")]).await,
        [Delivery::Held, Delivery::Held]
    );
    // Nor can an operation without a journal write in a plan.
    let without = world.dispatcher.ticket(0, None);
    assert_eq!(world.send(&without, &write("/3")).await, Delivery::Held);
    assert_eq!(status(&world.send(&without, &read("/4")).await), 200);
    assert_eq!(world.paths(), ["/4"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_without_a_journal() {
    struct Full;
    impl WriteLog for Full {
        fn intent<'a>(&'a self, _: Intent<'a>) -> BoxFuture<'a, Result<u64, DispatchError>> {
            Box::pin(async { Err(DispatchError::Journal("the disk is full".into())) })
        }

        fn result(&self, _: u64, _: Disposition) -> BoxFuture<'_, Result<(), DispatchError>> {
            Box::pin(async { Ok(()) })
        }
    }
    let world = World::new(|_| answer(200));
    for (log, message) in [
        (
            None,
            "an operation of connection `site` that may not write asked for a write",
        ),
        (Some(Arc::new(Full) as Arc<dyn WriteLog>), "the disk is full"),
    ] {
        let ticket = world.dispatcher.ticket(0, log);
        let refused = world
            .dispatcher
            .send(&ticket, &write("/1"), Some(&world.credential))
            .await;
        assert_eq!(
            refused.map_err(|error| error.to_string()),
            Err(message.to_owned())
        );
    }
    assert!(world.paths().is_empty());
    assert_eq!(world.dispatcher.status().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn an_operation_without_a_credential_is_told_so() {
    let world = World::new(|_| answer(200));
    let refused = world.dispatcher.send(&world.ticket(0), &read("/1"), None).await;
    let error = refused
        .map_err(|error| format!("{error}; {}", error.hint()))
        .unwrap_err();
    expect![[r#"connection `site` has no credential, and its provider wants one; give the connection a `credential`, or the command `--as`"#]]
        .assert_eq(&error);
}

#[tokio::test]
async fn a_write_expires_while_a_person_is_asked_for_the_secret() {
    let mut world = World::new(|_| answer(200));
    world.credential = credential(SecretReference::Prompt);
    let not_after = world.clock.now().monotonic + Duration::from_millis(10);
    let deliveries = world
        .send_all([Request {
            not_after,
            ..write("/1")
        }])
        .await;
    assert_eq!(failure(&deliveries[0]).kind, FailureKind::Expired);
    assert!(world.paths().is_empty());
}

/// Pauses between retries grow longer than the state holds that a write rests on: the operation reads again and asks again,
/// and that is no new beginning.
#[tokio::test(start_paused = true)]
async fn a_write_that_is_asked_for_again_is_not_tried_for_ever() {
    let world = World::new(|_| answer(503));
    let ticket = world.ticket(0);
    let mut asked = 0;
    let delivery = loop {
        asked += 1;
        let request = Request {
            not_after: world.clock.now().monotonic + Duration::from_millis(100),
            ..write("/1")
        };
        match world.send(&ticket, &request).await {
            Delivery::Failure(failed) if failed.kind == FailureKind::Expired => assert!(asked < 1000),
            delivery => break delivery,
        }
    };
    let Delivery::Response(answer) = delivery else {
        panic!("no answer");
    };
    assert_eq!((answer.status, answer.attempts), (503, 8));
    assert_eq!(world.paths().len(), 8);
    assert!(asked > 1, "the pauses are longer than that");
}
