//! Two nodes, one of which fails in the middle of a run.

use std::time::Duration;

use signoff_sandbox::{Population, Sandbox, Settings};

use crate::world::World;

const AGENTS: usize = 300;

/// Logs a team out; when a third of it is out, something happens to the first node.
async fn log_out_while(trouble: impl Fn(&Sandbox)) -> World {
    let settings = Settings::with(Population::team(AGENTS)).nodes(2);
    let sandbox = Sandbox::start(settings.fault("delay=5ms".parse().unwrap()))
        .await
        .unwrap();
    let origins = sandbox.origins();
    let world = World::connected(sandbox, &origins);
    let ids: Vec<String> = (10_001..10_001 + AGENTS).map(|id| id.to_string()).collect();
    let logouts = futures_util::future::join_all(ids.iter().map(|id| world.call("logout", Some(id), false)));
    let happening = async {
        while world.sandbox.ledger().count("PUT", "") < AGENTS / 3 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        trouble(&world.sandbox);
    };
    let (results, ()) = tokio::join!(logouts, happening);
    for (id, result) in ids.iter().zip(&results) {
        assert!(result.starts_with("done"), "{id}: {result}");
        world.check(id, result);
    }
    let requests = world.sandbox.ledger().requests();
    let writes = |node| {
        requests
            .iter()
            .filter(|one| one.method == "PUT" && one.node == node)
            .count()
    };
    assert!(writes(0) >= AGENTS / 3 && writes(1) >= AGENTS / 3);
    world
}

#[tokio::test]
async fn everybody_gets_out_when_the_first_is_killed() {
    let world = log_out_while(|sandbox| sandbox.stop_node(0)).await;
    let [first, second] = &world.sandbox.origins()[..] else {
        unreachable!("two nodes");
    };
    let logs = world.logs.0.lock().unwrap().join("\n");
    assert!(
        logs.contains(&format!("`{second}` is used instead")) && logs.contains(first.as_str()),
        "{logs}"
    );
    let (_, status) = world.run.connections().pop().unwrap();
    assert_eq!(*status.failed_over[0].origin, **second);
    assert!(status.connections < 50, "{} connections", status.connections);
}

#[tokio::test]
async fn everybody_gets_out_when_the_first_is_out_of_service() {
    let world = log_out_while(|sandbox| sandbox.set_in_service(0, false)).await;
    // It is well again, and a read finds that out.
    world.sandbox.set_in_service(0, true);
    let back = async {
        while !world.run.connections()[0].1.failed_over.is_empty() {
            assert_eq!(
                world.call("roster", None, false).await,
                format!("{} records", AGENTS + 1)
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), back).await.unwrap();
    let logs = world.logs.0.lock().unwrap().join("\n");
    assert!(logs.contains("is well again, and in use again"), "{logs}");
}
