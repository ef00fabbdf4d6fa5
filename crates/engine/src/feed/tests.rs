//! Who hears what: the hub by itself; and what is said of a server that says nothing.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use expect_test::{Expect, expect};
use signoff_core::{CredentialKind, FeedEvent, RequestId};
use signoff_xmpp::{Limits, Login, Session};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::hub::Hub;
use super::listener::{Command, Heard, Listener};
use super::open::{OPENING, until_ready};
use super::wire::Wire;
use super::{ENDING, Feeds};
use crate::clock::Clock;
use crate::credential::{Credential, CredentialSettings, LoginSettings};
use crate::run::{News, Watch};
use crate::secret::SecretReference;
use crate::secret::testing::FakeEnvironment;

/// A hub, and those who listen.
struct Stage {
    hub: Hub,
    sent: mpsc::UnboundedSender<Command>,
    commands: mpsc::UnboundedReceiver<Command>,
    transcript: String,
}

impl Stage {
    fn new() -> Self {
        let (sent, commands) = mpsc::unbounded_channel();
        Self {
            hub: Hub::default(),
            sent,
            commands,
            transcript: String::new(),
        }
    }

    fn listener(&self) -> Listener {
        Listener::new(self.sent.clone(), 4, false, actor())
    }

    /// Carries out what listeners asked for.
    fn settle(&mut self) {
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Listen { node, user, ear } => self.hub.listen(node, user, ear),
                Command::Nodes { nodes, ear } => {
                    for node in nodes {
                        self.hub.listen(node, None, ear.clone());
                    }
                }
                Command::Watch { scope, ear } => {
                    let nodes: Vec<&str> = scope.split(' ').collect();
                    ear.mailbox.put(Heard::Scope(nodes.len()));
                    for node in nodes {
                        self.hub.listen(node.to_owned(), None, ear.clone());
                    }
                }
                Command::Leave(listener) => {
                    for node in self.hub.leave(listener) {
                        self.line(&format!("give up {node}"));
                    }
                }
                Command::Close(_) => {}
            }
        }
        while let Some(node) = self.hub.next() {
            self.line(&format!("subscribe to {node}"));
        }
    }

    fn subscribed(&mut self, node: &str) {
        if let Some(over) = self.hub.subscribed(node) {
            self.line(&format!("give up {over}"));
        }
    }

    fn event(&mut self, node: &str, user: &str) {
        let event = FeedEvent {
            user: user.to_owned(),
            ..FeedEvent::default()
        };
        self.hub.event(node, &Arc::new(event));
    }

    /// Writes down what waits for somebody.
    async fn hears(&mut self, who: &str, listener: &Listener) {
        while let Ok(heard) = tokio::time::timeout(Duration::from_millis(1), listener.heard()).await {
            let heard = match heard {
                Heard::Subscribed(id) => format!("subscribed {}", id.0),
                Heard::Refused { id, message, .. } => format!("refused {}: {message}", id.0),
                Heard::Lost(id, why) => format!("lost {}: {why}", id.0),
                Heard::Event(event) => format!("event of {}", event.user),
                Heard::Scope(nodes) => format!("{nodes} nodes"),
            };
            self.line(&format!("{who}: {heard}"));
        }
    }

    fn line(&mut self, line: &str) {
        let _ = writeln!(self.transcript, "{line}");
    }

    #[expect(clippy::needless_pass_by_value, reason = "`check(expect![…])` reads best")]
    fn check(&self, expected: Expect) {
        expected.assert_eq(&self.transcript);
    }
}

/// Somebody, whose secret is never looked up.
fn actor() -> Arc<Credential> {
    let settings = CredentialSettings {
        name: "supervisor".into(),
        kind: CredentialKind::Basic,
        actor: "sup".to_owned(),
        secret: SecretReference::Prompt,
        login: LoginSettings::default(),
        oauth: None,
    };
    let environment = FakeEnvironment::with_variable("", "");
    Arc::new(Credential::new(
        settings,
        environment,
        Path::new("."),
        Arc::default(),
    ))
}

#[tokio::test(start_paused = true)]
async fn a_node_is_subscribed_to_once_and_events_find_their_listeners() {
    let mut stage = Stage::new();
    let (one, two, all) = (stage.listener(), stage.listener(), stage.listener());
    one.listen(RequestId(1), "team".to_owned(), "A1");
    two.listen(RequestId(1), "team".to_owned(), "a2");
    all.watch(RequestId(0), "team".to_owned());
    stage.settle();
    stage.subscribed("team");
    for user in ["a1", "A2", "a3"] {
        stage.event("team", user);
    }
    stage.event("elsewhere", "a1");
    stage.hears("one", &one).await;
    stage.hears("two", &two).await;
    stage.hears("all", &all).await;
    stage.check(expect![[r#"
        subscribe to team
        one: subscribed 1
        one: event of a1
        two: subscribed 1
        two: event of A2
        all: 1 nodes
        all: subscribed 0
        all: lost 0: more events came than could be taken
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_for_its_node_alone_and_may_be_asked_again() {
    let mut stage = Stage::new();
    let one = stage.listener();
    one.listen(RequestId(1), "team".to_owned(), "1");
    one.listen(RequestId(2), "user".to_owned(), "1");
    stage.settle();
    stage.hub.refused("user", &Arc::from("forbidden"));
    stage.subscribed("team");
    one.listen(RequestId(3), "user".to_owned(), "1");
    stage.settle();
    stage.hears("one", &one).await;
    stage.check(expect![[r#"
        subscribe to team
        subscribe to user
        subscribe to user
        one: refused 2: forbidden
        one: subscribed 1
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn after_a_gap_those_who_watch_are_subscribed_anew() {
    let mut stage = Stage::new();
    let (one, all) = (stage.listener(), stage.listener());
    one.listen(RequestId(1), "team".to_owned(), "1");
    one.listen(RequestId(2), "user".to_owned(), "1");
    all.watch(RequestId(0), "team".to_owned());
    stage.settle();
    stage.subscribed("team");
    stage.hub.lost(&Arc::from("gone"));
    assert!(stage.hub.is_wanted() && stage.hub.is_lasting());
    stage.settle();
    stage.event("team", "1");
    stage.subscribed("team");
    stage.hears("one", &one).await;
    stage.hears("all", &all).await;
    stage.check(expect![[r#"
        subscribe to team
        subscribe to user
        subscribe to team
        one: subscribed 1
        one: lost 1: gone
        one: refused 2: gone
        all: 1 nodes
        all: subscribed 0
        all: lost 0: gone
        all: event of 1
        all: subscribed 0
    "#]]);
}

/// A later operation often wants the same node, and one that nobody wants for long is given up.
#[tokio::test(start_paused = true)]
async fn some_nodes_stay_when_their_listeners_leave() {
    let mut stage = Stage::new();
    for n in 0..20 {
        let listener = stage.listener();
        listener.listen(RequestId(1), format!("user{n}"), "1");
        stage.settle();
        stage.subscribed(&format!("user{n}"));
        drop(listener);
        stage.settle();
    }
    let again = stage.listener();
    again.listen(RequestId(7), "user19".to_owned(), "1");
    stage.settle();
    stage.hears("again", &again).await;
    let given_up: String = stage
        .transcript
        .lines()
        .filter(|line| !line.starts_with("subscribe"))
        .collect::<Vec<_>>()
        .join(", ");
    expect!["give up user0, give up user1, give up user2, give up user3, again: subscribed 7"]
        .assert_eq(&given_up);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_before_his_subscription_stands_leaves_nothing_behind() {
    let mut stage = Stage::new();
    let one = stage.listener();
    one.listen(RequestId(1), "a".to_owned(), "1");
    stage.settle();
    drop(one);
    stage.settle();
    stage.subscribed("a");
    assert!(!stage.hub.is_lasting() && !stage.hub.is_wanted());
    let late = stage.listener();
    late.listen(RequestId(1), "b".to_owned(), "1");
    drop(late);
    stage.settle();
    stage.check(expect![[r#"
        subscribe to a
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_read_is_told_that_he_missed_something() {
    let mut stage = Stage::new();
    let one = stage.listener();
    one.listen(RequestId(1), "team".to_owned(), "1");
    stage.settle();
    stage.subscribed("team");
    for _ in 0..10 {
        stage.event("team", "1");
    }
    stage.hears("one", &one).await;
    stage.check(expect![[r#"
        subscribe to team
        one: subscribed 1
        one: lost 1: more events came than could be taken
    "#]]);
}

/// Whoever watches hears on after that, and is told each time.
#[tokio::test(start_paused = true)]
async fn whoever_watches_is_told_of_every_gap() {
    let mut stage = Stage::new();
    let listener = stage.listener();
    listener.watch(RequestId(0), "team".to_owned());
    let mut watch = Watch::new(Ok(listener));
    stage.settle();
    stage.subscribed("team");
    assert!(matches!(watch.next().await, News::Listening));
    for _ in 0..2 {
        for _ in 0..5 {
            stage.event("team", "1");
        }
        let told = tokio::time::timeout(Duration::from_secs(1), watch.next()).await;
        assert!(matches!(told, Ok(News::Gap { .. })), "{told:?}");
        stage.event("team", "2");
        assert!(matches!(watch.next().await, News::Listening));
        assert!(matches!(watch.next().await, News::Event(event) if event.user == "2"));
    }
}

/// All of it is heard once each node stands or never will.
#[tokio::test(start_paused = true)]
async fn whoever_watches_several_nodes_hears_what_he_may() {
    let mut stage = Stage::new();
    let listener = stage.listener();
    listener.watch(RequestId(0), "one two".to_owned());
    let mut watch = Watch::new(Ok(listener));
    stage.settle();
    stage.subscribed("one");
    let told = tokio::time::timeout(Duration::from_secs(1), watch.next()).await;
    assert!(told.is_err(), "{told:?}");
    stage.hub.refused("two", &Arc::from("forbidden"));
    assert!(matches!(watch.next().await, News::Partly { reason } if &*reason == "forbidden"));
    assert!(matches!(watch.next().await, News::Listening));
    stage.event("one", "1");
    assert!(matches!(watch.next().await, News::Event(event) if event.user == "1"));
    stage.hub.lost(&Arc::from("closed"));
    assert!(matches!(watch.next().await, News::Gap { .. }));
    stage.settle();
    stage.subscribed("one");
    assert!(matches!(watch.next().await, News::Listening));
}

#[tokio::test(start_paused = true)]
async fn what_is_watched_and_all_refused_is_refused() {
    let mut stage = Stage::new();
    let listener = stage.listener();
    listener.watch(RequestId(0), "one two".to_owned());
    let mut watch = Watch::new(Ok(listener));
    stage.settle();
    for node in ["one", "two"] {
        stage.hub.refused(node, &Arc::from("forbidden"));
    }
    assert!(matches!(watch.next().await, News::Partly { .. }));
    assert!(matches!(watch.next().await, News::Refused { lasting: false, .. }));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_wishes_are_asked_for_a_few_at_a_time() {
    let mut stage = Stage::new();
    let one = stage.listener();
    for n in 0..1_000 {
        one.listen(RequestId(n), format!("user{n}"), "1");
    }
    stage.settle();
    assert_eq!(stage.transcript.lines().count(), 32);
    stage.subscribed("user0");
    stage.hub.refused("user1", &Arc::from("no"));
    stage.settle();
    assert_eq!(stage.transcript.lines().count(), 34);
}

/// However many there are, they end beside each other.
#[tokio::test(start_paused = true)]
async fn sessions_that_do_not_end_are_waited_for_together() {
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let feeds = Feeds::new(
        String::new(),
        "".into(),
        Clock::start(),
        stopped,
        Arc::new(|_, _| ()),
    );
    let mut silent = Vec::new();
    for name in ["one", "two", "three"] {
        let (session, commands) = mpsc::unbounded_channel();
        silent.push(commands);
        let key = (Arc::from(name), Arc::from("watcher"));
        let mut sessions = feeds.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(key, session);
    }
    let began = Instant::now();
    feeds.close().await;
    assert_eq!(began.elapsed().as_secs(), ENDING.as_secs());
}

/// Whoever looks for the fault has to know how far the login came.
#[tokio::test(start_paused = true)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
async fn a_mute_server_is_told_by_what_it_did_not_say() {
    let header =
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
    let features = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms></stream:features>";
    let cases = [
        ("", expect!["the server says nothing: no header of a stream"]),
        (header, expect!["the server says nothing: no features"]),
        (
            &format!("{header}{features}"),
            expect!["the server says nothing: no answer to the login"],
        ),
    ];
    for (said, expected) in cases {
        let (stream, mut server) = tokio::io::duplex(4096);
        server.write_all(said.as_bytes()).await.unwrap();
        let wire = Wire::Stream {
            stream: Box::new(stream),
            buffer: vec![0; 4096],
        };
        let login = Login {
            domain: "example.test".to_owned(),
            service: "pubsub.example.test".to_owned(),
            user: "watcher".to_owned(),
            password: "secret".to_owned().into(),
            resource: "one".to_owned(),
            plain: true,
        };
        let session = Session::new(login, wire.framing(), Limits::default(), Duration::ZERO).unwrap();
        let shown = AtomicBool::new(false);
        let ready = until_ready(session, wire, Instant::now(), &shown);
        let ready = tokio::time::timeout(OPENING, ready).await.unwrap();
        let trouble = ready.err().unwrap();
        expected.assert_eq(&trouble.why);
        let was_asked_for = said.contains("PLAIN");
        assert_eq!(
            (trouble.was_shown, shown.into_inner()),
            (was_asked_for, was_asked_for)
        );
    }
}
