//! What can be wrong with notifications, and what the client's session makes of it.

use std::time::Duration;

use expect_test::{Expect, expect};
use signoff_sandbox::State;
use signoff_sandbox::notify::FeedEnd;
use signoff_xmpp::{Event, Reason};

use super::client::{Client, Way};
use super::{TEAM, started};
use crate::world::SUPERVISOR;

/// What a login ends in, or what comes of a change of state.
async fn check(way: Way, faults: &[&str], expected: Expect) {
    let sandbox = started(faults).await;
    let mut client = Client::begin(&sandbox, way, SUPERVISOR, "a").await;
    let mut seen = Vec::new();
    let mut asked = false;
    loop {
        let event = client.next().await;
        match &event {
            Event::Ready { .. } | Event::Subscribed { .. } => {}
            Event::Notification(notification) => seen.push(format!("event of {}", notification.node)),
            Event::Subscriptions(_) => {
                seen.push("nothing more".to_owned());
                break;
            }
            other => seen.push(format!("{other:?}")),
        }
        if client.session.is_over() {
            break;
        }
        match event {
            Event::Service { .. } => client.does(|session, now| session.subscribe(now, TEAM).unwrap()),
            Event::Subscribed { .. } => {
                sandbox.set_state("100", State::NotReady);
                // Where no event comes, its absence has to show.
                if faults == ["feed_lost"] {
                    client.does(|session, now| session.list(now).unwrap());
                    asked = true;
                }
            }
            Event::Notification(_) if !asked => {
                client.does(|session, now| session.list(now).unwrap());
                asked = true;
            }
            _ => {}
        }
    }
    expected.assert_eq(&seen.join("\n"));
}

#[tokio::test]
async fn a_login_that_is_refused_or_fails() {
    check(Way::Tcp, &["feed_no_plain"], expect![[r#"Refused { condition: "invalid-mechanism", text: "the server takes no PLAIN; it offers SCRAM-SHA-1", credential: false }"#]]).await;
    check(
        Way::WebSocket,
        &["feed_not_authorized"],
        expect![[r#"Refused { condition: "not-authorized", text: "", credential: true }"#]],
    )
    .await;
    check(
        Way::Tls,
        &["feed_temporary_failure"],
        expect![[
            r#"Lost { reason: Condition { condition: "temporary-auth-failure", text: "" }, retry: true }"#
        ]],
    )
    .await;
    check(
        Way::Tcp,
        &["feed_off"],
        expect![[r#"Lost { reason: Connection("Connection reset by peer (os error 104)"), retry: true }"#]],
    )
    .await;
}

#[tokio::test]
async fn events_that_are_lost_doubled_or_late() {
    check(
        Way::Tcp,
        &[],
        expect![[r#"
        Service { available: true }
        event of /finesse/api/Team/1/Users
        nothing more"#]],
    )
    .await;
    check(
        Way::Tcp,
        &["feed_lost"],
        expect![[r#"
        Service { available: true }
        nothing more"#]],
    )
    .await;
    check(
        Way::WebSocket,
        &["feed_doubled"],
        expect![[r#"
        Service { available: true }
        event of /finesse/api/Team/1/Users
        event of /finesse/api/Team/1/Users
        nothing more"#]],
    )
    .await;
    check(
        Way::Tcp,
        &["feed_late=30ms"],
        expect![[r#"
        Service { available: true }
        event of /finesse/api/Team/1/Users
        nothing more"#]],
    )
    .await;
    check(
        Way::Tcp,
        &["feed_lost@/finesse/api/User"],
        expect![[r#"
        Service { available: true }
        event of /finesse/api/Team/1/Users
        nothing more"#]],
    )
    .await;
}

#[tokio::test]
async fn sessions_that_end_instead_of_an_event() {
    check(
        Way::Tcp,
        &["feed_close"],
        expect![[r#"
            Service { available: true }
            Lost { reason: Connection("EOF"), retry: true }"#]],
    )
    .await;
    check(
        Way::WebSocket,
        &["feed_close"],
        expect![[r#"
            Service { available: true }
            Lost { reason: Connection("WebSocket protocol error: Connection reset without closing handshake"), retry: true }"#]],
    )
    .await;
    check(
        Way::Tls,
        &["feed_half"],
        expect![[r#"
            Service { available: true }
            Lost { reason: Connection("peer closed connection without sending TLS close_notify: https://docs.rs/rustls/latest/rustls/manual/_03_howto/index.html#unexpected-eof"), retry: true }"#]],
    )
    .await;
    check(
        Way::WebSocketTls,
        &["feed_half"],
        expect![[r#"
        Service { available: true }
        Lost { reason: Malformed(Partial), retry: true }"#]],
    )
    .await;
    check(
        Way::Tcp,
        &["feed_shutdown"],
        expect![[r#"
        Service { available: true }
        Lost { reason: Condition { condition: "system-shutdown", text: "" }, retry: true }"#]],
    )
    .await;
    check(
        Way::WebSocket,
        &["feed_conflict"],
        expect![[r#"
        Service { available: true }
        Lost { reason: Condition { condition: "conflict", text: "" }, retry: false }"#]],
    )
    .await;
    check(
        Way::Tcp,
        &["feed_reset"],
        expect![[r#"
        Service { available: true }
        Lost { reason: Connection("Connection reset by peer (os error 104)"), retry: true }"#]],
    )
    .await;
    check(
        Way::WebSocketTls,
        &["feed_reset"],
        expect![[r#"
        Service { available: true }
        Lost { reason: Connection("IO error: Connection reset by peer (os error 104)"), retry: true }"#]],
    )
    .await;
}

#[tokio::test]
async fn releases_and_servers_differ() {
    check(
        Way::Tcp,
        &["notification=pubsub"],
        expect![[r#"
        Service { available: true }
        event of /finesse/api/Team/1/Users
        nothing more"#]],
    )
    .await;
    check(
        Way::WebSocket,
        &["notification=pubsub"],
        expect![[r#"
        Service { available: true }
        event of /finesse/api/Team/1/Users
        nothing more"#]],
    )
    .await;
    check(
        Way::WebSocket,
        &["bare_features"],
        expect![[r#"
        Service { available: true }
        event of /finesse/api/Team/1/Users
        nothing more"#]],
    )
    .await;
    check(
        Way::Tcp,
        &["feed_service=no"],
        expect![[r#"
        Service { available: false }
        event of /finesse/api/Team/1/Users
        nothing more"#]],
    )
    .await;
}

#[tokio::test]
async fn logins_are_refused_after_some() {
    let sandbox = started(&["feed_not_authorized=1"]).await;
    let first = Client::ready(&sandbox, Way::Tcp, SUPERVISOR, "a").await;
    let mut second = Client::begin(&sandbox, Way::Tcp, SUPERVISOR, "b").await;
    assert!(matches!(second.next().await, Event::Refused { .. }));
    first.close().await;
    sandbox.clear_faults();
    Client::ready(&sandbox, Way::Tcp, SUPERVISOR, "c").await;
}

#[tokio::test]
async fn one_address_has_one_session() {
    let sandbox = started(&[]).await;
    let mut first = Client::ready(&sandbox, Way::Tcp, SUPERVISOR, "a").await;
    let mut second = Client::ready(&sandbox, Way::Tcp, SUPERVISOR, "a").await;
    let lost = first.next().await;
    assert!(is_lost_by(&lost, "conflict"), "{lost:?}");
    assert!(second.is_quiet().await);
    // The service goes and comes.
    sandbox.set_fault("feed_service=no".parse().unwrap());
    assert_eq!(second.next().await, Event::Service { available: false });
    sandbox.clear_faults();
    assert_eq!(second.next().await, Event::Service { available: true });
    sandbox.end_feeds(FeedEnd::Shutdown);
    assert!(is_lost_by(&second.next().await, "system-shutdown"));
}

#[tokio::test]
async fn whatever_is_published_arrives() {
    let sandbox = started(&[]).await;
    let mut client = Client::ready(&sandbox, Way::WebSocket, SUPERVISOR, "a").await;
    client.subscribe(TEAM).await;
    for text in ["no XML & <>'\"", "]]>", "田中 \u{1f600}", &"&".repeat(100_000)] {
        sandbox.publish(TEAM, text);
        assert_eq!(client.notification().await, (TEAM.to_owned(), text.to_owned()));
    }
    // What XML cannot carry is in no event.
    sandbox.publish(TEAM, "\u{1}");
    assert!(client.is_quiet().await);
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_given_up() {
    let sandbox = started(&["feed_silent"]).await;
    let mut client = Client::begin(&sandbox, Way::Tcp, SUPERVISOR, "a").await;
    let began = tokio::time::Instant::now();
    let lost = tokio::time::timeout(Duration::from_secs(60), client.next())
        .await
        .unwrap();
    assert!(matches!(lost, Event::Lost { retry: true, .. }), "{lost:?}");
    assert_eq!(began.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn a_session_that_falls_silent_is_given_up() {
    let sandbox = started(&["feed_hang"]).await;
    let mut client = Client::ready(&sandbox, Way::Tcp, SUPERVISOR, "a").await;
    client.subscribe(TEAM).await;
    // Pings go unanswered from here on; the time until that is too much is not waited for.
    tokio::time::pause();
    sandbox.set_state("100", State::NotReady);
    let lost = tokio::time::timeout(Duration::from_secs(60), client.drive()).await;
    let expected = Event::Lost {
        reason: Reason::Silence("answer to pings"),
        retry: true,
    };
    assert_eq!(lost.unwrap(), expected);
}

/// Whether it is a loss for this reason.
fn is_lost_by(event: &Event, wanted: &str) -> bool {
    matches!(event, Event::Lost { reason: Reason::Condition { condition, .. }, .. } if condition == wanted)
}
