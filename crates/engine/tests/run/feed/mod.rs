//! Runs that listen: with Prosody, an XMPP server of other people's making, in the place of the vendor's.
//!
//! These need Prosody, which `tests/run` installs. Without it they are left out, and shown as ignored.

mod prosody;
mod proxy;
mod publisher;
mod simulated;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use signoff_core::{ConfirmedBy, Outcome, Value};
use signoff_engine::call::{CallError, OutcomeRow};
use signoff_engine::event::{Level, Status};
use signoff_engine::feed::{Account, Client, Place};
use signoff_engine::run::News;
use signoff_engine::secret::Secret;
use signoff_engine::transport::TransportSettings;

use crate::vendor::Vendor;
use crate::world::{PASSWORD, With, World, configuration};
use prosody::{DOMAIN, Prosody, Way};
use publisher::Publisher;

/// A connection that listens as `watcher`.
fn world(vendor: &Vendor, prosody: &Prosody, way: Way) -> World {
    world_as(vendor, prosody, way, "PASSWORD")
}

fn world_as(vendor: &Vendor, prosody: &Prosody, way: Way, password: &str) -> World {
    let address = prosody.address(way);
    let ca = prosody.certificate.display();
    let connection = format!(
        "feed = {{ credential = \"watcher\", address = [\"{address}\"] }}\nca_file = \"{ca}\"\nrate = \"none\"\nconcurrency = 20"
    );
    let more =
        format!("[credentials.watcher]\nusername = \"watcher\"\npassword = {{ env = \"{password}\" }}\n");
    World::configured(&(configuration(vendor, &connection, "") + &more), With::default())
}

fn agents(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("a{n}")).collect()
}

async fn vendor(agents: &[String]) -> Vendor {
    Vendor::start(&agents.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// Has a server publish what happens at the vendor's.
fn publish(vendor: &Vendor, publisher: Publisher) -> tokio::task::JoinHandle<()> {
    let mut changes = vendor.changes();
    tokio::spawn(async move {
        while let Some(change) = changes.recv().await {
            publisher
                .publish(&change.user, &change.state, &change.request_id)
                .await;
        }
    })
}

async fn log_all_out(
    world: &World,
    agents: &[String],
    arguments: &[(&str, &str)],
) -> Vec<Result<Arc<OutcomeRow>, CallError>> {
    join_all(agents.iter().map(|agent| world.logout(agent, arguments))).await
}

fn detail<'a>(row: &'a OutcomeRow, name: &str) -> Option<&'a Value> {
    let field = row.details.iter().find(|field| field.name == name);
    field.map(|field| &field.value)
}

async fn logouts_are_confirmed(way: Way) {
    let agents = agents(5);
    let vendor = vendor(&agents).await;
    let prosody = Prosody::start().await;
    let publisher = Publisher::connect(&prosody).await;
    let publishing = publish(&vendor, publisher);
    let world = world(&vendor, &prosody, way);
    for row in log_all_out(&world, &agents, &[("confirm", "event")]).await {
        let row = row.unwrap();
        assert_eq!(
            (row.outcome, row.confirmed_by),
            (Outcome::Done, Some(ConfirmedBy::Event)),
            "{row:?} {:?}",
            world.seen.logs.lock().unwrap()
        );
        assert!(
            matches!(detail(&row, "event_after"), Some(Value::Duration(_))),
            "{row:?}"
        );
    }
    world.run.finish(Status::Completed).await.unwrap();
    assert_eq!(
        prosody.subscriptions("watcher").await,
        [] as [(String, String); 0]
    );
    publishing.abort();
}

#[tokio::test]
#[ignore = "needs Prosody, which `tests/run` installs"]
async fn over_a_plain_stream() {
    logouts_are_confirmed(Way::Plain).await;
}

#[tokio::test]
#[ignore = "needs Prosody, which `tests/run` installs"]
async fn over_tls() {
    logouts_are_confirmed(Way::Tls).await;
}

#[tokio::test]
#[ignore = "needs Prosody, which `tests/run` installs"]
async fn over_a_web_socket() {
    logouts_are_confirmed(Way::WebSocket).await;
}

/// What the labs have a person do in an XMPP console: sign in, subscribe, hear, look at the list, unsubscribe, hear no
/// more.
#[tokio::test]
#[ignore = "needs Prosody, which `tests/run` installs"]
async fn a_tutorial_subscribes_hears_and_hears_no_more() {
    let prosody = Prosody::start().await;
    let publisher = Publisher::connect(&prosody).await;
    let settings = TransportSettings {
        ca_file: Some(prosody.certificate.clone()),
        ..TransportSettings::default()
    };
    for (way, tls) in [(Way::Plain, false), (Way::Tls, true)] {
        let address = url::Url::parse(&prosody.address(way)).unwrap();
        let place = Place {
            host: address.host_str().unwrap().to_owned(),
            port: address.port().unwrap(),
            tls,
        };
        let account = Account {
            domain: DOMAIN.to_owned(),
            user: "watcher".to_owned(),
            password: Secret::new(PASSWORD.to_owned()),
        };
        let (client, mut published) = Client::connect(settings.clone(), &place, account).await.unwrap();
        let (team, own) = ("/finesse/api/Team/1/Users", "/finesse/api/User/a1");
        for node in [team, own] {
            client.subscribe(node).await.unwrap();
        }
        assert_eq!(client.subscriptions().await.unwrap().len(), 2);
        publisher.publish("a1", "READY", "").await;
        for node in [team, own] {
            let heard = published.recv().await.unwrap();
            assert_eq!(heard.node, node);
            assert!(
                heard.payload.contains("<state>READY</state>"),
                "{}",
                heard.payload
            );
        }
        client.unsubscribe(team).await.unwrap();
        assert_eq!(client.subscriptions().await.unwrap(), [own]);
        // It is published on the team's node first: what comes next would be that, if it came.
        publisher.publish("a1", "LOGOUT", "").await;
        let heard = published.recv().await.unwrap();
        assert_eq!(heard.node, own);
        assert!(
            heard.payload.contains("<state>LOGOUT</state>"),
            "{}",
            heard.payload
        );
        client.close().await;
        assert_eq!(published.recv().await, None);
        assert!(prosody.subscriptions("watcher").await.is_empty());
    }
}

/// A password that is refused is shown once, however many wait for the feed.
#[tokio::test]
#[ignore = "needs Prosody, which `tests/run` installs"]
async fn a_refused_password_is_tried_once() {
    let agents = agents(20);
    let vendor = vendor(&agents).await;
    let prosody = Prosody::start().await;
    prosody.set_password("watcher", "another one");
    let world = world(&vendor, &prosody, Way::Plain);
    for row in log_all_out(&world, &agents, &[]).await {
        let row = row.unwrap();
        assert_eq!(
            (row.outcome, row.confirmed_by),
            (Outcome::Done, Some(ConfirmedBy::Status))
        );
    }
    world.run.finish(Status::Completed).await.unwrap();
    assert_eq!(prosody.logged("<auth "), 1);
    let warnings = world.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("refuses the login"), "{warnings:?}");
}

/// The server is killed while requests are under way, and comes back.
#[tokio::test]
#[ignore = "needs Prosody, which `tests/run` installs"]
async fn a_server_that_is_killed_and_started_again() {
    const WITHIN: Duration = Duration::from_secs(4);
    let agents = agents(300);
    let vendor = vendor(&agents).await;
    let mut prosody = Prosody::start().await;
    let publishing = publish(&vendor, Publisher::connect(&prosody).await);
    let world = world(&vendor, &prosody, Way::Plain);
    let mut counts = std::collections::BTreeMap::new();
    let mut longest = Duration::ZERO;
    for (round, some) in agents.chunks(50).enumerate() {
        if round == 2 {
            prosody.kill();
        }
        if round == 4 {
            prosody.restart().await;
            // The one who publishes has to come back too.
            let publisher = Publisher::connect(&prosody).await;
            drop(publish(&vendor, publisher));
        }
        if round == 5 {
            // Who watches waits until it is back.
            while !matches!(
                world.run.watch("here", None, "1").unwrap().next().await,
                News::Listening
            ) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        let began = std::time::Instant::now();
        let rows = log_all_out(&world, some, &[("confirm_within", "3s")]).await;
        longest = longest.max(began.elapsed());
        for row in rows {
            let row = row.unwrap();
            assert_eq!(row.outcome, Outcome::Done, "{row:?}");
            let by = row.confirmed_by.unwrap().name();
            *counts.entry((round, by)).or_insert(0) += 1;
        }
    }
    publishing.abort();
    world.run.finish(Status::Completed).await.unwrap();
    assert!(longest < WITHIN, "{longest:?} {counts:?}");
    assert_eq!(counts.get(&(0, "event")), Some(&50), "{counts:?}");
    assert_eq!(counts.get(&(3, "status")), Some(&50), "{counts:?}");
    assert_eq!(counts.get(&(5, "event")), Some(&50), "{counts:?}");
    assert_eq!(
        prosody.subscriptions("watcher").await,
        [] as [(String, String); 0]
    );
}

/// What a run of this installation left behind is taken back; what others have is not ours.
#[tokio::test]
#[ignore = "needs Prosody, which `tests/run` installs"]
async fn left_overs_are_removed_and_those_of_others_stay() {
    let agents = agents(1);
    let vendor = vendor(&agents).await;
    let prosody = Prosody::start().await;
    let publishing = publish(&vendor, Publisher::connect(&prosody).await);
    let world = world(&vendor, &prosody, Way::Plain);
    world.name_installation("abcdefgh");
    let node = "/finesse/api/Team/1/Users";
    for resource in [
        "signoff-abcdefgh-20260101-000000-aaaa-00000001",
        "signoff-stranger-20260101-000000-aaaa-00000001",
        "desktop",
    ] {
        prosody.subscribe_as("watcher", resource, node).await;
    }
    world.logout("a0", &[("confirm", "event")]).await.unwrap();
    world.run.finish(Status::Completed).await.unwrap();
    publishing.abort();
    let left: Vec<String> = prosody
        .subscriptions("watcher")
        .await
        .into_iter()
        .map(|(_, address)| address)
        .collect();
    assert_eq!(
        left,
        [
            "watcher@example.test/desktop",
            "watcher@example.test/signoff-stranger-20260101-000000-aaaa-00000001"
        ]
    );
}

#[tokio::test]
#[ignore = "needs Prosody, which `tests/run` installs"]
async fn watching_goes_on_after_a_gap() {
    let agents = agents(1);
    let vendor = vendor(&agents).await;
    let mut prosody = Prosody::start().await;
    let publisher = Publisher::connect(&prosody).await;
    let world = world(&vendor, &prosody, Way::Plain);
    let mut watch = world.run.watch("here", None, "1").unwrap();
    assert!(matches!(watch.next().await, News::Listening));
    publisher.publish("a0", "READY", "").await;
    match watch.next().await {
        News::Event(event) => assert_eq!((event.user.as_str(), event.state.as_str()), ("a0", "READY")),
        other => panic!("{other:?}"),
    }
    prosody.kill();
    assert!(matches!(watch.next().await, News::Gap { .. }));
    prosody.restart().await;
    assert!(matches!(watch.next().await, News::Listening));
    let publisher = Publisher::connect(&prosody).await;
    publisher.publish("a0", "LOGOUT", "").await;
    assert!(matches!(watch.next().await, News::Event(event) if event.state == "LOGOUT"));
    drop(watch);
    world.run.finish(Status::Completed).await.unwrap();
    assert_eq!(
        prosody.subscriptions("watcher").await,
        [] as [(String, String); 0]
    );
}

/// Without a credential for the feed, a supervisor who is signed in is told why, once, and no session is opened.
#[tokio::test]
async fn a_signed_in_supervisor_opens_no_session() {
    let agents = agents(6);
    let vendor = vendor(&agents).await;
    let world = World::on(&vendor);
    for row in log_all_out(&world, &agents[..5], &[]).await {
        let row = row.unwrap();
        assert_eq!(
            (row.outcome, row.confirmed_by),
            (Outcome::Done, Some(ConfirmedBy::Status))
        );
    }
    let logs = world.seen.logs.lock().unwrap().clone();
    let told: Vec<&String> = logs
        .iter()
        .filter(|(level, _)| *level == Level::Info)
        .map(|(_, text)| text)
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("`sup` is signed in (READY)"), "{told:?}");
    match world.logout("a5", &[("confirm", "event")]).await {
        Err(CallError::Misuse { message, hint }) => {
            assert!(message.contains("`sup` is signed in (READY)"), "{message}");
            assert!(hint.contains("`best`"), "{hint}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(vendor.count("PUT /finesse/api/User/a5"), 0);
    world.run.finish(Status::Completed).await.unwrap();
}

#[tokio::test]
async fn a_plan_listens_to_nothing() {
    let agents = agents(1);
    let vendor = vendor(&agents).await;
    let configuration = configuration(&vendor, "feed = { credential = \"supervisor\" }", "");
    let world = World::configured(
        &configuration,
        With {
            plan: true,
            ..With::default()
        },
    );
    let row = world.logout("a0", &[("confirm", "event")]).await.unwrap();
    assert_eq!(row.outcome, Outcome::Planned);
    let mut watch = world.run.watch("here", None, "").unwrap();
    assert!(matches!(watch.next().await, News::Refused { lasting: true, .. }));
    assert_eq!(vendor.count("GET /finesse/api/SystemInfo"), 0);
    world.run.finish(Status::Completed).await.unwrap();
}

/// Nothing listens where it should: nobody waits for it, and the state is read.
#[tokio::test]
async fn a_service_that_cannot_be_reached() {
    let agents = agents(10);
    let vendor = vendor(&agents).await;
    let connection = "feed = { credential = \"watcher\", address = \"xmpp://127.0.0.1:1\" }";
    let more = "[credentials.watcher]\nusername = \"watcher\"\npassword = { env = \"PASSWORD\" }\n";
    let world = World::configured(&(configuration(&vendor, connection, "") + more), With::default());
    for row in log_all_out(&world, &agents, &[]).await {
        let row = row.unwrap();
        assert_eq!(
            (row.outcome, row.confirmed_by),
            (Outcome::Done, Some(ConfirmedBy::Status))
        );
    }
    let warnings = world.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("`xmpp://127.0.0.1:1`: connection refused"),
        "{warnings:?}"
    );
    let row = world.run.finish(Status::Completed).await.unwrap();
    assert_eq!(row.total, 10);
    assert!(!format!("{:?}", world.seen.logs.lock().unwrap()).contains(PASSWORD));
}
