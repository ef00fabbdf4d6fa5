//! The extension for feeds: what a provider says of them survives the way, and what it may not say is refused.

#![expect(clippy::unwrap_used, clippy::panic, reason = "it is a test")]

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::collection::vec;
use proptest::prelude::*;
use signoff_core::abi::host::{Instance, Library, Op};
use signoff_core::{
    Args, Class, Context, CredentialKind, Descriptor, Error, FeedEvent, FeedPlan, FeedProtocol,
    FeedTransport, FeedWay, FeedWish, Finished, Input, Notification, Now, Operation, Options, Outcome,
    Provider, Request, RequestId, Response, Step, Subscribe,
};
use support::{NOW, lock};

mod support;

/// A provider whose feed plays what it is given.
struct Listener;

struct Listening;

static DESCRIPTOR: Descriptor = Descriptor {
    id: "listener",
    ..support::DESCRIPTOR
};
/// Held by a test while it plays.
static STAGE: Mutex<()> = Mutex::new(());
static STEP: Mutex<Option<Step>> = Mutex::new(None);
static PLAN: Mutex<Option<FeedPlan>> = Mutex::new(None);
static EVENTS: Mutex<Vec<FeedEvent>> = Mutex::new(Vec::new());
static HEARD: Mutex<String> = Mutex::new(String::new());

impl Provider for Listener {
    type Op = Listening;

    const HAS_FEED: bool = true;

    fn new(_options: Options<'_>) -> Result<Self, Error> {
        Ok(Self)
    }

    fn start(&self, _: &str, _: Args<'_>, _: Context<'_>, _: Now) -> Result<Listening, Error> {
        Ok(Listening)
    }

    fn classify(&self, _response: &Response<'_>) -> Class {
        Class::Ok
    }

    fn feed(&self, wish: FeedWish<'_>, _now: Now) -> Result<Listening, Error> {
        *lock(&HEARD) = format!("{wish:?}");
        match wish.scope {
            "refused" => Err(Error::Arguments("there is no such team".to_owned())),
            _ => Ok(Listening),
        }
    }
}

impl Operation for Listening {
    fn next(&mut self, _now: Now) -> Step {
        lock(&STEP).take().unwrap()
    }

    fn input(&mut self, _now: Now, _input: Input<'_>) {}

    fn feed_plan(&mut self) -> Option<FeedPlan> {
        lock(&PLAN).clone()
    }

    fn decode(&mut self, notification: Notification<'_>) -> Vec<FeedEvent> {
        *lock(&HEARD) = format!("{notification:?}");
        assert!(notification.node != "panics", "no event");
        lock(&EVENTS).clone()
    }
}

const WISH: FeedWish<'static> = FeedWish {
    actor: "sup01",
    actor_kind: CredentialKind::Basic,
    named: true,
    only_nodes: true,
    scope: "2",
};

fn open() -> Instance {
    Library::linked::<Listener>(&DESCRIPTOR)
        .unwrap()
        .open(&[])
        .unwrap()
}

/// A feed that has finished.
fn finished(outcome: Outcome) -> Op {
    *lock(&STEP) = Some(Step::Finished(Finished::new(outcome)));
    let mut op = open().feed(WISH, NOW).unwrap();
    op.next(NOW).unwrap();
    op
}

fn plan() -> FeedPlan {
    FeedPlan {
        protocol: FeedProtocol::Xmpp,
        keep_alive: Duration::from_secs(10),
        user: "sup01".to_owned(),
        domain: "example.com".to_owned(),
        service: "pubsub.example.com".to_owned(),
        endpoint: "api".to_owned(),
        ways: vec![FeedWay {
            transport: FeedTransport::Tls,
            port: Some(5223),
        }],
        nodes: vec!["/team/2".to_owned()],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_plan_survives(
        names in vec("[^\\p{Cc}]{1,30}", 3),
        nodes in vec("[^\\p{Cc}]{1,30}", 0..5),
        ways in vec((any::<bool>(), proptest::option::of(1_u16..)), 1..5),
        keep_alive in 1_000_000_000_u64..,
    ) {
        let way = |(stream, port): (bool, Option<u16>)| {
            let web = FeedTransport::WebSocket("/ws/".to_owned());
            FeedWay { transport: if stream { FeedTransport::Tls } else { web }, port }
        };
        let given = FeedPlan {
            keep_alive: Duration::from_nanos(keep_alive),
            user: names[0].clone(),
            domain: names[1].clone(),
            service: names[2].clone(),
            ways: ways.into_iter().map(way).collect(),
            nodes,
            ..plan()
        };
        let _stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
        *lock(&PLAN) = Some(given.clone());
        prop_assert_eq!(finished(Outcome::Done).feed_plan().unwrap(), given);
    }

    #[test]
    fn every_event_and_notification_survives(
        texts in vec(vec(".{0,20}", 8), 0..5),
        unix_ms in any::<i64>(),
        node in "[^p].{0,20}",
        payload in vec(any::<u8>(), 0..100),
    ) {
        let event = |texts: Vec<String>| FeedEvent {
            user: texts[0].clone(),
            state: texts[1].clone(),
            pending_state: texts[2].clone(),
            reason: texts[3].clone(),
            request_id: texts[4].clone(),
            error_code: texts[5].clone(),
            error_message: texts[6].clone(),
            unix_ms,
            error_kind: texts[7].clone(),
        };
        let events: Vec<FeedEvent> = texts.into_iter().map(event).collect();
        let _stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
        *lock(&EVENTS) = events.clone();
        let notification = Notification { node: &node, payload: &payload };
        prop_assert_eq!(finished(Outcome::Done).decode(notification).unwrap(), events);
        prop_assert_eq!(lock(&HEARD).clone(), format!("{notification:?}"));
    }
}

#[test]
fn a_wish_survives_and_may_be_refused() {
    let _stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(open().has_feed());
    open().feed(WISH, NOW).unwrap();
    assert_eq!(*lock(&HEARD), format!("{WISH:?}"));
    let refused = FeedWish {
        scope: "refused",
        ..WISH
    };
    let error = open().feed(refused, NOW).unwrap_err();
    assert_eq!(error, Error::Arguments("there is no such team".to_owned()));
}

#[test]
fn a_provider_without_a_feed_has_none() {
    let instance = support::open("kind");
    assert!(!instance.has_feed());
    let error = instance.feed(WISH, NOW).unwrap_err();
    assert_eq!(error, Error::UnknownOperation("feed".to_owned()));
}

#[test]
fn a_feed_only_reads() {
    let subscribe = Subscribe {
        id: RequestId(1),
        node: "/team/2".to_owned(),
        user: "1".to_owned(),
    };
    check_step(
        Step::Subscribe(subscribe),
        expect!["`listener`: SUBSCRIBE from a feed, which only says how to listen"],
    );
    let write = signoff_core::Effect::Write {
        part: "logout".to_owned(),
        in_doubt: signoff_core::InDoubt::Ask,
        request_id: None,
    };
    let mut request = Request::read(RequestId(1), "api", "/");
    check_step(Step::Request(request.clone()), expect!["fine"]);
    request.effect = write;
    check_step(
        Step::Request(request),
        expect!["`listener`: request 1: a write from `feed`, which is declared not to write"],
    );
    check_step(
        Step::Record(signoff_core::Record::default()),
        expect!["`listener`: RECORD from `feed`, which yields none"],
    );
}

#[test]
fn a_plan_is_checked() {
    check_plan(|_| {}, expect!["fine"]);
    check_plan(
        |plan| plan.endpoint = "elsewhere".to_owned(),
        expect!["`listener`: `plan.endpoint`: `elsewhere` is not a declared endpoint"],
    );
    check_plan(
        |plan| plan.domain = String::new(),
        expect!["`listener`: `plan.domain` is empty, too long, or holds a control character"],
    );
    check_plan(
        |plan| plan.service = "a\nb".to_owned(),
        expect!["`listener`: `plan.service` is empty, too long, or holds a control character"],
    );
    check_plan(
        |plan| plan.user = "x".repeat(4_000),
        expect!["`listener`: `plan.user` is empty, too long, or holds a control character"],
    );
    check_plan(
        |plan| plan.nodes = vec!["\0".to_owned()],
        expect!["`listener`: `plan.nodes` is empty, too long, or holds a control character"],
    );
    check_plan(
        |plan| plan.nodes = vec!["n".to_owned(); 10_001],
        expect!["`listener`: `plan.nodes` has more than 10000 members"],
    );
    check_plan(
        |plan| plan.ways.clear(),
        expect!["`listener`: `plan.ways` has 0 members"],
    );
    check_plan(
        |plan| plan.ways[0].transport = FeedTransport::WebSocket("/../ws".to_owned()),
        expect!["`listener`: the path `/../ws` has a segment `.` or `..`"],
    );
    check_plan(
        |plan| plan.keep_alive = Duration::from_millis(1),
        expect!["`listener`: `plan.keep_alive` is 1ms"],
    );
}

#[test]
fn events_are_counted() {
    let _stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    *lock(&EVENTS) = vec![FeedEvent::default(); 10_001];
    let error = finished(Outcome::Done).decode(NOTIFICATION).unwrap_err();
    expect![
        "the provider breaks the plugin interface: `listener`: `events`: more than 10000 of one notification"
    ]
    .assert_eq(&error.to_string());
}

#[test]
fn a_feed_is_asked_once_it_has_finished_well() {
    let _stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut early = open().feed(WISH, NOW).unwrap();
    expect![
        "the provider breaks the plugin interface: `listener`: asked for a feed before FINISHED, by the host"
    ]
    .assert_eq(&early.feed_plan().unwrap_err().to_string());
    *lock(&PLAN) = None;
    expect!["the provider breaks the plugin interface: `listener`: it says that the host breaks a rule: ``feed_plan` before FINISHED with DONE`"]
        .assert_eq(&finished(Outcome::Refused).feed_plan().unwrap_err().to_string());
}

#[test]
fn a_panic_in_decoding_does_not_cross() {
    let _stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut op = finished(Outcome::Done);
    let panics = Notification {
        node: "panics",
        ..NOTIFICATION
    };
    for _ in 0..2 {
        match op.decode(panics).unwrap_err() {
            Error::Poisoned(why) => assert!(why.contains("no event"), "{why}"),
            other => panic!("{other}"),
        }
    }
}

const NOTIFICATION: Notification<'static> = Notification {
    node: "/team/2",
    payload: b"<Update/>",
};

#[expect(clippy::needless_pass_by_value, reason = "`check(…, expect![…])` reads best")]
fn check_step(step: Step, expected: Expect) {
    let _stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    *lock(&STEP) = Some(step);
    let polled = open().feed(WISH, NOW).unwrap().next(NOW);
    expected.assert_eq(&shown(polled));
}

#[expect(clippy::needless_pass_by_value, reason = "`check(…, expect![…])` reads best")]
fn check_plan(change: impl FnOnce(&mut FeedPlan), expected: Expect) {
    let _stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut given = plan();
    change(&mut given);
    *lock(&PLAN) = Some(given);
    expected.assert_eq(&shown(finished(Outcome::Done).feed_plan()));
}

fn shown<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => "fine".to_owned(),
        Err(error) => error
            .to_string()
            .replace("the provider breaks the plugin interface: ", ""),
    }
}
