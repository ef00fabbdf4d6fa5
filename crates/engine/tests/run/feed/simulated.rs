//! What needs no server of other people's making: the sandbox's notification service stands for the vendor's.

use std::time::Duration;

use signoff_engine::run::News;
use signoff_sandbox::{Population, Sandbox, Settings, User};

use crate::world::{PASSWORD, With, World, configuration_at};

const WATCHER: &str = "[credentials.watcher]\nusername = \"watcher\"\npassword = { env = \"PASSWORD\" }\n";

/// A team of one, its supervisor, and somebody who listens.
async fn sandbox() -> Sandbox {
    let population = Population::new()
        .with_team("1", "Team 1")
        .with(User::supervisor("sup", &["1"]).password(PASSWORD))
        .with(User::administrator("watcher").password(PASSWORD))
        .with(User::agent("a0", "1"));
    Sandbox::start(Settings::with(population)).await.unwrap()
}

fn world(sandbox: &Sandbox) -> World {
    let connection = "feed = { credential = \"watcher\" }";
    let configuration = configuration_at(&sandbox.origin(), connection, "");
    World::configured(&(configuration + WATCHER), With::default())
}

/// A host that gives a run up without a word must not listen on for ever.
#[tokio::test]
async fn a_run_that_is_dropped_ends_its_session() {
    let sandbox = sandbox().await;
    let world = world(&sandbox);
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
