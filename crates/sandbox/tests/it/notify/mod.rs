//! The notification service, as the client's session meets it on real sockets.

mod client;
mod slixmpp;
mod troubles;

use std::time::Duration;

use expect_test::expect;
use signoff_sandbox::notify::Certificate;
use signoff_sandbox::{Cause, Fault, Population, Sandbox, Settings, State, User};
use signoff_xmpp::{Event, Session};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::client::{put_state, send, text_of};
use crate::world::{AGENT, SUPERVISOR, population};
use client::{Client, WAYS, Way};

const TEAM: &str = "/finesse/api/Team/1/Users";

async fn started(faults: &[&str]) -> Sandbox {
    let mut settings = Settings::with(population());
    for fault in faults {
        settings = settings.fault(fault.parse::<Fault>().unwrap());
    }
    Sandbox::start(settings).await.unwrap()
}

/// A payload without what differs from run to run.
fn steady(payload: &str) -> String {
    let changed = text_of(payload, "stateChangeTime").unwrap();
    payload.replace(changed, "NOW")
}

#[tokio::test]
async fn a_logout_is_heard_on_all_four_ways() {
    for way in WAYS {
        let sandbox = started(&[]).await;
        let mut client = Client::ready(&sandbox, way, "other-sup:other-sup-password", "signoff-1").await;
        let subscribed = client.subscribe(TEAM).await;
        assert_eq!(
            subscribed,
            Event::Subscribed {
                node: TEAM.to_owned()
            },
            "{way:?}"
        );
        assert_eq!(
            sandbox.feed_subscriptions(),
            [(TEAM.to_owned(), "other-sup@finesse.sandbox/signoff-1".to_owned())]
        );
        assert_eq!(
            put_state(&sandbox, SUPERVISOR, "100", "LOGOUT")
                .await
                .unwrap()
                .status,
            202
        );
        let (node, payload) = client.notification().await;
        assert_eq!(node, TEAM);
        expect![[r#"<Update><data><user><dialogs>/finesse/api/User/100/Dialogs</dialogs><extension></extension><firstName>Ann</firstName><lastName>O&apos;Neil &amp; &lt;Co&gt;</lastName><loginId>100</loginId><mediaType>1</mediaType><pendingState></pendingState><state>LOGOUT</state><stateChangeTime>NOW</stateChangeTime><uri>/finesse/api/User/100</uri></user></data><event>PUT</event><requestId>r-100</requestId><source>/finesse/api/User/100</source></Update>"#]]
            .assert_eq(&steady(&payload));
        assert!(client.is_quiet().await);
        client.close().await;
        assert_eq!(sandbox.feed_subscriptions(), []);
        let feed = sandbox.ledger().feed();
        assert_eq!(
            (feed.sessions, feed.subscribed, feed.unsubscribed, feed.events),
            (1, 1, 1, 1)
        );
        assert_eq!(feed.open, 0);
    }
}

#[tokio::test]
async fn everybody_hears_of_himself() {
    let sandbox = started(&[]).await;
    let mut agent = Client::ready(&sandbox, Way::Tcp, AGENT, "any").await;
    agent.does(|session, now| session.list(now).unwrap());
    let Event::Subscriptions(listed) = agent.next().await else {
        panic!()
    };
    let listed: Vec<_> = listed
        .iter()
        .map(|one| format!("{} {} {}", one.node, one.jid, one.state))
        .collect();
    expect![[r#"
        /finesse/api/User/100/Dialogs 100@finesse.sandbox subscribed
        /finesse/api/User/100 100@finesse.sandbox subscribed
        /finesse/api/SystemInfo 100@finesse.sandbox subscribed"#]]
    .assert_eq(&listed.join("\n"));
    put_state(&sandbox, AGENT, "100", "NOT_READY").await.unwrap();
    let (node, payload) = agent.notification().await;
    assert_eq!(
        (&*node, text_of(&payload, "state")),
        ("/finesse/api/User/100", Some("NOT_READY"))
    );
    expect!["<Update><data><user><dialogs>/finesse/api/User/100/Dialogs</dialogs><extension>1100</extension><firstName>Ann</firstName><lastName>O&apos;Neil &amp; &lt;Co&gt;</lastName><loginId>100</loginId><loginName>100</loginName><mediaType>1</mediaType><pendingState></pendingState><reasonCodeId>-1</reasonCodeId><roles><role>Agent</role></roles><settings><wrapUpOnIncoming>OPTIONAL</wrapUpOnIncoming><wrapUpOnOutgoing>OPTIONAL</wrapUpOnOutgoing></settings><state>NOT_READY</state><stateChangeTime>NOW</stateChangeTime><teamId>1</teamId><teamName>One &amp; Only</teamName><uri>/finesse/api/User/100</uri><wrapUpTimer>7200</wrapUpTimer></user></data><event>PUT</event><requestId>r-100</requestId><source>/finesse/api/User/100</source></Update>"].assert_eq(&steady(&payload));
    // What others do is nothing to him.
    put_state(&sandbox, SUPERVISOR, "101", "LOGOUT").await.unwrap();
    assert!(agent.is_quiet().await);
    agent.close().await;
}

#[tokio::test]
async fn what_time_brings_is_heard_when_it_comes() {
    let people = Population::new()
        .with_team("1", "One")
        .with(User::supervisor("sup", &["1"]).state(State::Logout))
        .with(User::agent("100", "1"));
    let settings = Settings::with(people).fault("talking=pending".parse().unwrap());
    let sandbox = Sandbox::start(settings).await.unwrap();
    sandbox.begin_call("100", None);
    let mut client = Client::ready(&sandbox, Way::Tls, "sup:sup-password", "a").await;
    client.subscribe(TEAM).await;
    put_state(&sandbox, SUPERVISOR, "100", "LOGOUT").await.unwrap();
    sandbox.begin_call("100", Some(Duration::from_millis(20)));
    let mut heard = Vec::new();
    for _ in 0..3 {
        let (_, payload) = client.notification().await;
        let part = |name| text_of(&payload, name).unwrap_or_default().to_owned();
        heard.push((part("state"), part("pendingState"), part("requestId")));
    }
    let row = |state: &str, pending: &str, request: &str| {
        (state.to_owned(), pending.to_owned(), request.to_owned())
    };
    // Nobody asked for the state meanwhile.
    assert_eq!(
        heard,
        [
            row("TALKING", "LOGOUT", "r-100"),
            row("TALKING", "LOGOUT", ""),
            row("LOGOUT", "", "r-100")
        ]
    );
}

#[tokio::test]
async fn an_error_of_the_switch_is_heard_on_the_node_of_the_user() {
    for (fault, code, message) in [
        ("cti_error=33@PUT", "33", "CF_RESOURCE_BUSY"),
        ("state_check=async", "22", "CF_INVALID_OBJECT_STATE"),
    ] {
        let sandbox = started(&[fault]).await;
        if code == "22" {
            sandbox.set_state("100", State::Logout);
        }
        let mut client = Client::ready(&sandbox, Way::WebSocket, "other-sup:other-sup-password", "a").await;
        client.subscribe(TEAM).await;
        client.subscribe("/finesse/api/User/100").await;
        assert_eq!(
            put_state(&sandbox, SUPERVISOR, "100", "LOGOUT")
                .await
                .unwrap()
                .status,
            202
        );
        let (node, payload) = client.notification().await;
        assert_eq!(node, "/finesse/api/User/100");
        assert_eq!(
            payload,
            format!(
                "<Update><data><apiErrors><apiError><errorData>{code}</errorData><errorMessage>{message}</errorMessage>\
                 <errorType>Invalid State</errorType></apiError></apiErrors></data><requestId>r-100</requestId>\
                 <source>/finesse/api/User/100</source><event>put</event></Update>"
            )
        );
        assert!(client.is_quiet().await);
    }
}

#[tokio::test]
async fn who_may_subscribe_to_what() {
    let sandbox = started(&["supervisor_hears_users=no"]).await;
    let mut table = String::new();
    for login in [SUPERVISOR, AGENT, "admin:admin-password"] {
        let mut client = Client::ready(&sandbox, Way::Tcp, login, "a").await;
        for node in [
            TEAM,
            "/finesse/api/Team/2/Users",
            "/finesse/api/Team/3/Users",
            "/finesse/api/User/100",
            "/finesse/api/User/100/Dialogs",
            "/finesse/api/User/200",
            "/finesse/api/User/999",
            "/finesse/api/SystemInfo",
            "/finesse/api/Queue/1",
        ] {
            let outcome = match client.subscribe(node).await {
                Event::Subscribed { .. } => "yes".to_owned(),
                Event::Failed { error, .. } => error.condition,
                other => format!("{other:?}"),
            };
            table.push_str(&format!(
                "{} {node}: {outcome}\n",
                login.split(':').next().unwrap()
            ));
        }
        // Taken back by another session, which learns of it from the list; and only by himself.
        let mut other = Client::ready(&sandbox, Way::Tcp, login, "b").await;
        other.does(|session, now| {
            session
                .remove(now, "/finesse/api/SystemInfo", "nobody@finesse.sandbox/a", None)
                .unwrap();
        });
        assert!(matches!(other.next().await, Event::Failed { error, .. } if error.detail == "invalid-jid"));
        other.does(|session, now| session.list(now).unwrap());
        let Event::Subscriptions(listed) = other.next().await else {
            panic!()
        };
        for left in listed.iter().filter(|left| left.jid.ends_with("/a")) {
            other.does(|session, now| session.remove(now, &left.node, &left.jid, None).unwrap());
            assert!(matches!(other.next().await, Event::Unsubscribed { .. }));
            other.does(|session, now| session.remove(now, &left.node, &left.jid, None).unwrap());
            assert!(
                matches!(other.next().await, Event::Failed { error, .. } if error.detail == "not-subscribed")
            );
        }
    }
    assert_eq!(sandbox.feed_subscriptions(), []);
    expect![[r#"
        sup /finesse/api/Team/1/Users: yes
        sup /finesse/api/Team/2/Users: forbidden
        sup /finesse/api/Team/3/Users: item-not-found
        sup /finesse/api/User/100: forbidden
        sup /finesse/api/User/100/Dialogs: forbidden
        sup /finesse/api/User/200: forbidden
        sup /finesse/api/User/999: item-not-found
        sup /finesse/api/SystemInfo: yes
        sup /finesse/api/Queue/1: item-not-found
        100 /finesse/api/Team/1/Users: forbidden
        100 /finesse/api/Team/2/Users: forbidden
        100 /finesse/api/Team/3/Users: item-not-found
        100 /finesse/api/User/100: yes
        100 /finesse/api/User/100/Dialogs: yes
        100 /finesse/api/User/200: forbidden
        100 /finesse/api/User/999: item-not-found
        100 /finesse/api/SystemInfo: yes
        100 /finesse/api/Queue/1: item-not-found
        admin /finesse/api/Team/1/Users: yes
        admin /finesse/api/Team/2/Users: yes
        admin /finesse/api/Team/3/Users: item-not-found
        admin /finesse/api/User/100: yes
        admin /finesse/api/User/100/Dialogs: yes
        admin /finesse/api/User/200: yes
        admin /finesse/api/User/999: item-not-found
        admin /finesse/api/SystemInfo: yes
        admin /finesse/api/Queue/1: item-not-found
    "#]]
    .assert_eq(&table);
    let sandbox = started(&[]).await;
    let mut client = Client::ready(&sandbox, Way::Tcp, SUPERVISOR, "a").await;
    assert!(matches!(
        client.subscribe("/finesse/api/User/100").await,
        Event::Subscribed { .. }
    ));
}

#[tokio::test]
async fn a_subscription_outlives_its_session() {
    let sandbox = started(&[]).await;
    let mut client = Client::ready(&sandbox, Way::WebSocketTls, SUPERVISOR, "a").await;
    client.subscribe(TEAM).await;
    drop(client);
    while sandbox.ledger().feed().open > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(sandbox.feed_subscriptions().len(), 1);
    // Under another address nothing is heard, under the same it is.
    let mut other = Client::ready(&sandbox, Way::Tcp, SUPERVISOR, "b").await;
    let mut same = Client::ready(&sandbox, Way::Tcp, SUPERVISOR, "a").await;
    sandbox.set_state("100", State::NotReady);
    assert_eq!(same.notification().await.0, TEAM);
    assert!(other.is_quiet().await);
}

#[tokio::test]
async fn presence_that_is_lost_logs_out() {
    let sandbox = started(&["presence_timeout=1s"]).await;
    let mut watcher = Client::ready(&sandbox, Way::Tcp, "other-sup:other-sup-password", "a").await;
    watcher.subscribe("/finesse/api/User/100").await;
    // Who is out already cannot be thrown out.
    let out = Client::ready(&sandbox, Way::Tcp, "102:102-password", "1").await;
    out.close().await;
    // He is back in time.
    let supervisor = Client::ready(&sandbox, Way::Tcp, SUPERVISOR, "1").await;
    supervisor.close().await;
    let _supervisor = Client::ready(&sandbox, Way::Tcp, SUPERVISOR, "2").await;
    // He has another session, until that ends as well, however politely.
    let (one, two) = (
        Client::ready(&sandbox, Way::Tcp, AGENT, "1").await,
        Client::ready(&sandbox, Way::Tcp, AGENT, "2").await,
    );
    one.close().await;
    assert!(watcher.is_quiet().await);
    two.close().await;
    assert_eq!(sandbox.state_of("100"), Some(State::Ready));
    let (_, payload) = watcher.notification().await;
    assert_eq!(text_of(&payload, "state"), Some("LOGOUT"));
    assert_eq!(text_of(&payload, "code"), Some("255"), "{payload}");
    let effects = sandbox.ledger().effects_on("100");
    assert_eq!(effects.last().unwrap().cause, Cause::PresenceLost);
    // What was due before has been as well.
    assert_eq!(sandbox.state_of("sup"), Some(State::NotReady));
    assert_eq!(sandbox.ledger().effects_on("102"), []);
}

#[tokio::test]
async fn a_password_counts_wherever_it_is_wrong() {
    let sandbox = started(&[]).await;
    for _ in 0..5 {
        let mut client = Client::begin(&sandbox, Way::Tcp, "100:wrong", "a").await;
        let refused = client.next().await;
        assert!(
            matches!(&refused, Event::Refused { condition, credential: true, .. } if condition == "not-authorized"),
            "{refused:?}"
        );
    }
    assert!(sandbox.is_locked("100"));
    assert_eq!(sandbox.ledger().feed().refused["100"], 5);
    let mut client = Client::begin(&sandbox, Way::Tcp, AGENT, "a").await;
    assert!(matches!(client.next().await, Event::Refused { .. }));
}

#[tokio::test]
async fn a_node_that_stops_takes_its_sessions_along() {
    let sandbox = Sandbox::start(Settings::with(population()).nodes(2))
        .await
        .unwrap();
    for way in WAYS {
        let mut client = Client::ready(&sandbox, way, SUPERVISOR, "a").await;
        sandbox.stop_node(0);
        let lost = client.next().await;
        assert!(
            matches!(lost, Event::Lost { retry: true, .. }),
            "{way:?}: {lost:?}"
        );
        sandbox.start_node(0);
        while tokio::net::TcpStream::connect(sandbox.xmpp_tls_address())
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test]
async fn the_labs_tutorial() {
    let sandbox = started(&[]).await;
    sandbox.set_state("sup", State::Logout);
    let mut supervisor = Client::ready(&sandbox, Way::Tcp, SUPERVISOR, "any").await;
    sandbox.set_state("sup", State::NotReady);
    assert_eq!(supervisor.notification().await.0, "/finesse/api/User/sup");
    put_state(&sandbox, AGENT, "100", "READY").await.unwrap();
    assert!(supervisor.is_quiet().await);
    supervisor.subscribe(TEAM).await;
    put_state(&sandbox, SUPERVISOR, "100", "NOT_READY").await.unwrap();
    let (_, payload) = supervisor.notification().await;
    assert_eq!(text_of(&payload, "source"), Some("/finesse/api/User/100"));
    supervisor.does(|session, now| session.unsubscribe(now, TEAM).unwrap());
    assert!(matches!(supervisor.next().await, Event::Unsubscribed { .. }));
    put_state(&sandbox, SUPERVISOR, "100", "LOGOUT").await.unwrap();
    assert!(supervisor.is_quiet().await);
    supervisor.does(Session::close);
    assert_eq!(supervisor.next().await, Event::Closed);
}

#[tokio::test]
async fn a_service_that_goes_and_comes_says_so() {
    let sandbox = started(&["names_ports"]).await;
    let mut client = Client::ready(&sandbox, Way::Tcp, SUPERVISOR, "a").await;
    client.subscribe(TEAM).await;
    sandbox.set_fault("status=OUT_OF_SERVICE".parse().unwrap());
    let (node, payload) = client.notification().await;
    assert_eq!(node, "/finesse/api/SystemInfo");
    assert_eq!(text_of(&payload, "status"), Some("OUT_OF_SERVICE"));
    // What happens meanwhile is told when it is back: of each user of the team, and of himself.
    sandbox.set_state("100", State::Logout);
    assert!(client.is_quiet().await);
    sandbox.clear_faults();
    let (_, payload) = client.notification().await;
    assert_eq!(text_of(&payload, "status"), Some("IN_SERVICE"));
    let mut told = Vec::new();
    for _ in 0..5 {
        let (_, payload) = client.notification().await;
        let part = |name| text_of(&payload, name).unwrap();
        told.push(format!("{} {}", part("loginId"), part("state")));
    }
    let expected = "sup NOT_READY|sup NOT_READY|100 LOGOUT|101 NOT_READY|102 LOGOUT";
    assert_eq!(told.join("|"), expected);
}

#[tokio::test]
async fn the_ports_are_named_where_a_release_names_them() {
    let sandbox = started(&["names_ports"]).await;
    let host = sandbox.origin().replace("http://", "");
    let request =
        format!("GET /finesse/api/SystemInfo HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let answer = send(&sandbox, &request).await.unwrap();
    let port = |name| text_of(&answer.body, name).unwrap().parse::<u16>().unwrap();
    assert_eq!(port("xmppPort"), sandbox.xmpp_address().port());
    assert_eq!(port("xmppSecurePort"), sandbox.xmpp_tls_address().port());
    assert!(
        sandbox
            .https_origin()
            .ends_with(&format!(":{}", port("httpsPort")))
    );
    assert_eq!(text_of(&answer.body, "xmppDomain"), Some("finesse.sandbox"));
    // A WebSocket that is none, or not for XMPP.
    for header in [
        "X: y",
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: a",
    ] {
        let request = format!("GET /ws/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{header}\r\n\r\n");
        assert_eq!(send(&sandbox, &request).await.unwrap().status, 400);
    }
}

#[tokio::test]
async fn a_certificate_can_be_given() {
    let given = Certificate::self_signed().unwrap();
    let settings = |certificate| Settings {
        certificate: Some(certificate),
        ..Settings::with(population())
    };
    let sandbox = Sandbox::start(settings(given.clone())).await.unwrap();
    assert_eq!(sandbox.certificate(), given.chain);
    Client::ready(&sandbox, Way::Tls, SUPERVISOR, "a")
        .await
        .close()
        .await;
    let other = Certificate::self_signed().unwrap();
    let mixed = Certificate {
        chain: given.chain,
        key: other.key,
    };
    let refused = Sandbox::start(settings(mixed)).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("the sandbox's certificate cannot be used: "),
        "{refused}"
    );
}

#[tokio::test]
async fn whatever_a_client_sends_is_survived() {
    let sandbox = started(&[]).await;
    let header = "<stream:stream to='finesse.sandbox' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
    let nested = format!("{header}{}", "<a>".repeat(100_000));
    for (sent, condition) in [
        ("GET / HTTP/1.1\r\n\r\n", "not-well-formed"),
        ("<!DOCTYPE a><a/>", "not-well-formed"),
        (&nested, "policy-violation"),
        (&format!("{header}<iq type='set' id='1'/>"), "not-authorized"),
        (&format!("{header}</a>"), "not-well-formed"),
        (
            &format!("{header}<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>!</auth>"),
            "invalid-mechanism",
        ),
    ] {
        let mut socket = tokio::net::TcpStream::connect(sandbox.xmpp_address())
            .await
            .unwrap();
        // It may hang up in the middle of it.
        let _ = socket.write_all(sent.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        // What it said may be lost with what it did not read.
        assert!(
            answer.contains(condition) || sent.len() > 100_000,
            "{sent:.80}: {answer}"
        );
    }
    assert_eq!(sandbox.ledger().feed().sessions, 0);
    Client::ready(&sandbox, Way::Tcp, SUPERVISOR, "a")
        .await
        .close()
        .await;
}
