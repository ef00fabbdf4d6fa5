//! What needs no server of other people's making: the sandbox's notification service stands for the vendor's.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use signoff_core::{ConfirmedBy, Outcome};
use signoff_engine::call::{CallError, Cause};
use signoff_engine::event::Status;
use signoff_engine::run::News;
use signoff_sandbox::notify::FeedEnd;
use signoff_sandbox::{Fault, Population, Sandbox, Settings, State, User};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::proxy::Proxy;
use crate::world::{PASSWORD, With, World, configuration_at};

const WATCHER: &str = "[credentials.watcher]\nusername = \"watcher\"\npassword = { env = \"PASSWORD\" }\n";

/// A team, its supervisor, who is not signed in himself, and somebody who only listens.
async fn sandbox() -> Sandbox {
    let population = Population::new()
        .with_team("1", "Team 1")
        .with(User::supervisor("sup", &["1"]).password(PASSWORD))
        .with(User::administrator("watcher").password(PASSWORD))
        .with_all(["a0", "a1", "a2"].map(|id| User::agent(id, "1")));
    let sandbox = Sandbox::start(Settings::with(population)).await.unwrap();
    sandbox.set_state("sup", State::Logout);
    sandbox
}

/// A run on it that listens with this credential, and acts with the supervisor's.
fn world(sandbox: &Sandbox, credential: &str) -> World {
    // At a port of its own, which faults of the API leave alone.
    let address = format!("xmpp://{}", sandbox.xmpp_address());
    world_at(sandbox, credential, &address, "")
}

/// The same at this address of the notification service, with more lines for the connection.
fn world_at(sandbox: &Sandbox, credential: &str, address: &str, more: &str) -> World {
    let connection = format!("feed = {{ credential = \"{credential}\", address = [\"{address}\"] }}\n{more}");
    let configuration = configuration_at(&sandbox.origin(), &connection, "");
    World::configured(&(configuration + WATCHER), With::default())
}

const HOST_UNKNOWN: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>\
    <stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>";

const NO_PLAIN: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>\
    <stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1</mechanism></mechanisms></stream:features>";

/// Somebody who says this to all who connect, and no more.
async fn peer(words: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(words.as_bytes()).await.unwrap();
            silent.push(stream);
        }
    });
    address
}

/// How often the password was shown in vain to the notification service.
fn refused(sandbox: &Sandbox) -> u32 {
    sandbox.ledger().feed().refused.values().sum()
}

/// A host that gives a run up without a word must not listen on for ever.
#[tokio::test]
async fn a_run_that_is_dropped_ends_its_session() {
    let sandbox = sandbox().await;
    let world = world(&sandbox, "watcher");
    let mut watch = world.run.watch("here", None, "1").unwrap();
    assert!(matches!(watch.next().await, News::Listening));
    assert_eq!(sandbox.ledger().feed().open, 1);
    drop((watch, world));
    let ended = async {
        while sandbox.ledger().feed().open > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(20), ended).await;
    assert!(ended.is_ok(), "the session is open still");
    assert_eq!(sandbox.feed_subscriptions(), []);
}

/// They share a session, and each has his own teams.
#[tokio::test]
async fn two_who_act_on_one_connection_have_each_his_own_scope() {
    for first in ["watcher", "supervisor"] {
        let sandbox = sandbox().await;
        let world = world(&sandbox, "watcher");
        let mut one = world.run.watch("here", Some(first), "1").unwrap();
        assert!(matches!(one.next().await, News::Listening), "{first}");
        let mut own = world.run.watch("here", None, "").unwrap();
        assert!(matches!(own.next().await, News::Listening), "{first}");
        let mut none = world.run.watch("here", Some("watcher"), "").unwrap();
        let News::Refused { reason, .. } = none.next().await else {
            panic!("{first}");
        };
        assert_eq!(
            &*reason,
            "`watcher` has no team of his own to listen to: name one"
        );
        drop((one, own, none));
        world.run.finish(Status::Completed).await.unwrap();
        assert_eq!(sandbox.ledger().feed().sessions, 1, "{first}");
    }
}

/// Vendors lock accounts: a password that the notification service refused is shown nowhere any more.
#[tokio::test]
async fn a_password_that_is_refused_there_is_refused_for_all() {
    let sandbox = sandbox().await;
    sandbox.set_fault(Fault::parse("feed_not_authorized").unwrap());
    let world = world(&sandbox, "supervisor");
    for row in join_all(["a0", "a1"].map(|agent| world.logout(agent, &[]))).await {
        let row = row.unwrap();
        assert_eq!(
            (row.outcome, row.cause),
            (Outcome::Cancelled, Some(Cause::Credential)),
            "{row:?}"
        );
        assert_eq!(
            row.message.as_deref(),
            Some(
                "the vendor refused the credential `supervisor`: the notification service refuses the login: not-authorized"
            )
        );
    }
    let requests = sandbox.ledger().count("", "/");
    let row = world.logout("a2", &[]).await.unwrap();
    assert_eq!(row.cause, Some(Cause::Credential), "{row:?}");
    assert_eq!(sandbox.ledger().count("", "/"), requests);
    assert_eq!(refused(&sandbox), 1);
    assert_eq!(sandbox.ledger().count("PUT", "/"), 0);
    let [warning] = &*world.warnings() else {
        panic!("{:?}", world.warnings());
    };
    assert!(!warning.contains("states are read"), "{warning}");
    let summary = world.run.finish(Status::Completed).await.unwrap();
    assert_eq!(summary.untried, Some(Cause::Credential));
}

/// Whoever acts with another goes on, and reads states.
#[tokio::test]
async fn a_credential_that_only_listens_stops_nobody_else() {
    let sandbox = sandbox().await;
    sandbox.set_fault(Fault::parse("feed_not_authorized").unwrap());
    let world = world(&sandbox, "watcher");
    for row in join_all(["a0", "a1", "a2"].map(|agent| world.logout(agent, &[]))).await {
        let row = row.unwrap();
        assert_eq!(row.outcome, Outcome::Done, "{row:?}");
    }
    assert_eq!(refused(&sandbox), 1);
    let [warning] = &*world.warnings() else {
        panic!("{:?}", world.warnings());
    };
    let address = sandbox.xmpp_address();
    let words = format!(
        "no notifications, states are read instead: the credential `watcher` (user `watcher`) was refused: \
         `xmpp://{address}`: the notification service refuses the login: not-authorized"
    );
    assert!(warning.ends_with(&words), "{warning}");
}

/// What a session that was lost has left stays there: to take it back, the password would be shown once more.
#[tokio::test]
async fn a_refused_password_is_not_shown_to_clean_up() {
    let sandbox = sandbox().await;
    let world = world(&sandbox, "supervisor");
    let mut watch = world.run.watch("here", None, "1").unwrap();
    assert!(matches!(watch.next().await, News::Listening));
    sandbox.set_fault(Fault::parse("plain_401").unwrap());
    let row = world.logout("a0", &[]).await.unwrap();
    assert_eq!(row.cause, Some(Cause::Credential), "{row:?}");
    sandbox.end_feeds(FeedEnd::Reset);
    assert!(matches!(watch.next().await, News::Gap { .. }));
    world.run.finish(Status::Completed).await.unwrap();
    assert_eq!((sandbox.ledger().feed().sessions, refused(&sandbox)), (1, 0));
}

/// To take back what a lost session has left, another one is opened; it too may log its user out when it ends, so he is
/// looked at again.
#[tokio::test]
async fn who_has_signed_in_since_is_left_alone_when_his_feed_is_cleaned_up() {
    for (state, sessions) in [(State::Logout, 2), (State::Ready, 1)] {
        let sandbox = sandbox().await;
        let address = format!("xmpp://{}", sandbox.xmpp_address());
        let connection = format!("feed = {{ address = [\"{address}\"] }}");
        let configuration = configuration_at(&sandbox.origin(), &connection, "");
        let world = World::configured(&configuration, With::default());
        let row = world.logout("a0", &[("confirm", "event")]).await.unwrap();
        assert_eq!(row.confirmed_by, Some(ConfirmedBy::Event), "{row:?}");
        sandbox.end_feeds(FeedEnd::Reset);
        sandbox.set_state("sup", state);
        // What was read of him counts for a second.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        world.run.finish(Status::Completed).await.unwrap();
        assert_eq!(sandbox.ledger().feed().sessions, sessions, "{state:?}");
        let is_clean = sandbox.feed_subscriptions().is_empty();
        assert_eq!(is_clean, state == State::Logout, "{state:?}");
    }
}

/// What is wrong with the configuration stays wrong: nobody tries for ever, and all are told what to change.
#[tokio::test]
async fn what_only_a_change_would_mend_is_final_and_says_which() {
    let sandbox = sandbox().await;
    let (plain, tls) = (sandbox.xmpp_address(), sandbox.xmpp_tls_address().port());
    let elsewhere = peer(HOST_UNKNOWN).await;
    for (fault, address, why, cure) in [
        (
            "delay=1ms",
            format!("xmpps://localhost:{tls}"),
            "its certificate is not trusted, for its issuer is not known here",
            "save the issuer's certificate as PEM, and set `ca_file = \"…\"`",
        ),
        (
            "delay=1ms",
            format!("xmpps://{plain}"),
            "it does not speak TLS at this port",
            "check the port, and whether the address begins with `xmpp://` or `ws://`",
        ),
        (
            "delay=1ms",
            format!("xmpp://{elsewhere}"),
            "the server does not know the domain `finesse.sandbox` that the vendor's API names",
            "check that the `address` of `feed` is this vendor's, or leave it out",
        ),
        (
            "feed_no_plain",
            format!("xmpp://{plain}"),
            "the notification service refuses the login: the server takes no PLAIN; it offers SCRAM-SHA-1",
            "have whoever runs it allow PLAIN there, or name another `address` of `feed`",
        ),
    ] {
        sandbox.set_fault(Fault::parse(fault).unwrap());
        let world = world_at(&sandbox, "watcher", &address, "");
        let mut watch = world.run.watch("here", None, "1").unwrap();
        let News::Refused { reason, lasting } = watch.next().await else {
            panic!("{address}");
        };
        assert!(lasting, "{reason}");
        assert!(
            reason.ends_with(&format!("`{address}`: {why}; {cure}")),
            "{reason}"
        );
        let [warning] = &*world.warnings() else {
            panic!("{:?}", world.warnings());
        };
        assert!(warning.ends_with(cure), "{warning}");
        match world.logout("a0", &[("confirm", "event")]).await {
            Err(CallError::Misuse { message, .. }) => assert!(message.ends_with(cure), "{message}"),
            other => panic!("{address} {other:?}"),
        }
        world.run.finish(Status::Completed).await.unwrap();
    }
    assert_eq!(sandbox.ledger().count("PUT", "/"), 0);
}

/// No password has left for it, so the next may be tried.
#[tokio::test]
async fn an_address_that_does_not_say_how_to_log_in_is_passed_over() {
    let sandbox = sandbox().await;

    let others = [
        peer("").await,
        peer(HOST_UNKNOWN).await,
        peer(NO_PLAIN).await,
        peer("220 ready").await,
    ];
    let good = sandbox.xmpp_address();
    for other in others {
        let addresses = format!("xmpp://{other}\", \"xmpp://{good}");
        let world = world_at(&sandbox, "watcher", &addresses, "");
        sandbox.set_state("a0", State::Ready);
        let row = world.logout("a0", &[("confirm", "event")]).await.unwrap();
        assert_eq!(row.confirmed_by, Some(ConfirmedBy::Event), "{other} {row:?}");
        world.run.finish(Status::Completed).await.unwrap();
    }
    // Of all that will not do, each is told.
    let addresses = format!("xmpp://{}\", \"xmpp://{}", others[2], others[3]);
    let world = world_at(&sandbox, "watcher", &addresses, "");
    let row = world.logout("a1", &[]).await.unwrap();
    assert_eq!(row.confirmed_by, Some(ConfirmedBy::Status), "{row:?}");
    let [warning] = &*world.warnings() else {
        panic!("{:?}", world.warnings());
    };
    for other in &others[2..] {
        assert!(warning.contains(&format!("`xmpp://{other}`: ")), "{warning}");
    }
}

/// A password is shown at one address alone, whatever becomes of it there.
#[tokio::test]
async fn no_address_is_passed_over_once_the_password_was_shown() {
    let sandbox = sandbox().await;
    sandbox.set_fault(Fault::parse("feed_not_authorized").unwrap());
    let addresses = format!(
        "xmpp://{}\", \"{}/ws/",
        sandbox.xmpp_address(),
        sandbox.origin().replace("http://", "ws://")
    );
    let world = world_at(&sandbox, "watcher", &addresses, "");
    let row = world.logout("a0", &[]).await.unwrap();
    assert_eq!(row.confirmed_by, Some(ConfirmedBy::Status), "{row:?}");
    assert_eq!(refused(&sandbox), 1);
}

/// Plain, in TLS, and over a WebSocket: a feed goes where requests go.
#[tokio::test]
async fn a_feed_goes_through_the_proxy_of_its_connection() {
    let sandbox = sandbox().await;
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("certificate.pem");
    std::fs::write(&certificate, sandbox.certificate()).unwrap();
    let (plain, tls) = (sandbox.xmpp_address(), sandbox.xmpp_tls_address().port());
    let web = sandbox.origin().replace("http://", "");
    for (scheme, host, path) in [
        ("xmpp", plain.to_string(), ""),
        ("xmpps", format!("localhost:{tls}"), ""),
        ("ws", web, "/ws/"),
    ] {
        let proxy = Proxy::start(true).await;
        let more = format!(
            "proxy = \"{}\"\nca_file = \"{}\"",
            proxy.url(),
            certificate.display()
        );
        let world = world_at(&sandbox, "watcher", &format!("{scheme}://{host}{path}"), &more);
        sandbox.set_state("a0", State::Ready);
        let row = world.logout("a0", &[("confirm", "event")]).await.unwrap();
        assert_eq!(row.confirmed_by, Some(ConfirmedBy::Event), "{row:?}");
        assert_eq!(proxy.opened(), [host]);
        world.run.finish(Status::Completed).await.unwrap();
    }
}

/// Many proxies open ways to port 443 alone.
#[tokio::test]
async fn a_proxy_that_opens_no_way_for_the_feed_is_named() {
    let sandbox = sandbox().await;
    let proxy = Proxy::start(false).await;
    let address = format!("xmpp://{}", sandbox.xmpp_address());
    let world = world_at(
        &sandbox,
        "watcher",
        &address,
        &format!("proxy = \"{}\"", proxy.url()),
    );
    let row = world.logout("a0", &[]).await.unwrap();
    assert_eq!(row.confirmed_by, Some(ConfirmedBy::Status), "{row:?}");
    let [warning] = &*world.warnings() else {
        panic!("{:?}", world.warnings());
    };
    let words = format!("`{address}`: proxy `127.0.0.1` answers 403 Forbidden");
    assert!(warning.contains(&words), "{warning}");
}
