//! A run that is stopped, and callers that go away.

use std::time::Duration;

use expect_test::expect;
use futures_util::FutureExt;
use signoff_core::User;
use signoff_engine::call::{Answer, Place};
use signoff_engine::event::Status;

use crate::vendor::{Reaction, Vendor};
use crate::world::{With, World, call, configuration, shown};

#[tokio::test]
async fn what_is_on_its_way_is_awaited_and_nothing_new_leaves() {
    let vendor = Vendor::start(&["1001", "1002"]).await;
    vendor.set_state("1002", "TALKING");
    vendor.reacts_to("PUT", vec![Reaction::Late(Duration::from_millis(100))]);
    let world = World::on(&vendor);
    let stop = async {
        vendor.arrival("PUT").await;
        world.run.stop();
    };
    let (one, other, ()) = tokio::join!(world.logout("1001", &[]), world.logout("1002", &[]), stop);
    expect![[
        r#"accepted by=None attempts=1 repeated=false http=Some(202) id=1 code="unconfirmed" cause=None"#
    ]]
    .assert_eq(&shown(&one.unwrap()));
    expect![[r#"cancelled by=None attempts=0 repeated=false http=Some(200) id=- code="stopped" cause=None"#]]
        .assert_eq(&shown(&other.unwrap()));
    let before = vendor.count("");
    assert!(world.logout("1001", &[]).await.is_err());
    let summary = world.run.finish(Status::Interrupted).await.unwrap();
    // Nor has the first come to his end: nobody has seen him out.
    assert_eq!((summary.total, summary.cancelled), (2, 2));
    assert_eq!(vendor.count(""), before);
}

#[tokio::test]
async fn in_doubt_when_it_is_stopped() {
    let vendor = Vendor::start(&["1001"]).await;
    vendor.reacts_to("PUT", vec![Reaction::ResetBefore]);
    let world = World::configured(
        &configuration(&vendor, "", "").replace("100ms", "60s"),
        With::default(),
    );
    let stop = async {
        while world.run.waits().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        world.run.stop();
    };
    let (row, ()) = tokio::join!(world.logout("1001", &[]), stop);
    expect![[
        r#"unknown by=None attempts=1 repeated=false http=None id=1 code="connection_broken" cause=None"#
    ]]
    .assert_eq(&shown(&row.unwrap()));
}

#[tokio::test]
async fn a_caller_that_goes_away_loses_nothing() {
    let vendor = Vendor::start(&["1001", "1002"]).await;
    vendor.set_state("1002", "TALKING");
    vendor.reacts_to("PUT", vec![Reaction::Late(Duration::from_millis(100))]);
    let world = World::on(&vendor);
    {
        let mut writing = Box::pin(world.logout("1001", &[]));
        let mut waiting = Box::pin(world.logout("1002", &[]));
        assert!(writing.as_mut().now_or_never().is_none() && waiting.as_mut().now_or_never().is_none());
        vendor.arrival("PUT").await;
    }
    let summary = world.run.finish(Status::Failed).await.unwrap();
    let counts: Vec<_> = summary
        .counts
        .iter()
        .map(|(outcome, n)| (outcome.name(), *n))
        .collect();
    assert_eq!(counts, [("accepted", 1), ("cancelled", 1)]);
    let open = "SELECT count(*) || '' FROM intent WHERE id NOT IN (SELECT intent FROM result)";
    assert_eq!(world.journaled(open), "0");
}

#[tokio::test]
async fn its_time_is_up() {
    let vendor = Vendor::start(&["1001"]).await;
    vendor.set_state("1001", "TALKING");
    let world = World::configured(
        &configuration(&vendor, "", "run_time = \"150ms\""),
        With::default(),
    );
    world.run.enter(Some("here"), &User::new("1002"));
    let row = world.logout("1001", &[]).await.unwrap();
    expect![[r#"cancelled by=None attempts=0 repeated=false http=Some(200) id=- code="stopped" cause=None"#]]
        .assert_eq(&shown(&row));
    let summary = world.run.finish(Status::Completed).await.unwrap();
    assert_eq!(
        (summary.status, summary.total, summary.cancelled),
        (Status::Stopped, 2, 2)
    );
    assert_eq!(
        world.warnings(),
        ["the run is stopped: it has taken longer than `run_time` = 150ms"]
    );
}

#[tokio::test]
async fn sleeping_ends_with_the_run() {
    let vendor = Vendor::start(&[]).await;
    let world = World::on(&vendor);
    let place = Place("1".into());
    let mut sleeping = Box::pin(world.run.sleep(place, "", Duration::MAX));
    assert!(sleeping.as_mut().now_or_never().is_none());
    world.run.stop();
    assert!(sleeping.await.is_err());
}

#[tokio::test]
async fn a_journal_that_fails_ends_everything() {
    let vendor = Vendor::start(&["1001", "1002"]).await;
    vendor.set_state("1002", "TALKING");
    let world = World::on(&vendor);
    let mut waiting = Box::pin(world.logout("1002", &[]));
    assert!(waiting.as_mut().now_or_never().is_none());
    vendor.arrival("GET /finesse/api/Team").await;
    let connection = rusqlite::Connection::open(world.journal()).unwrap();
    connection.execute_batch("DROP TABLE intent").unwrap();
    let error = world.logout("1001", &[]).await.unwrap_err().to_string();
    assert!(error.contains("the journal cannot be written"), "{error}");
    // He who waits for a call to end learns of it at once.
    assert!(waiting.await.is_err());
    assert!(world.run.finish(Status::Failed).await.is_err());
    assert_eq!(vendor.count("PUT"), 0);
    assert!(world.seen.outcomes.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_provider_that_does_not_end_is_given_up() {
    let vendor = Vendor::start(&[]).await;
    let world = odd(&vendor);
    let mut running = Box::pin(world.run.call(call("deaf", Some(User::new("1")), &[])));
    assert!(running.as_mut().now_or_never().is_none());
    tokio::time::sleep(Duration::from_millis(60)).await;
    world.run.stop();
    tokio::time::pause();
    let Answer::Outcome(row) = running.await.unwrap() else {
        panic!("an operation that acts gives an outcome");
    };
    expect![[r#"cancelled by=None attempts=0 repeated=false http=None id=- code="not_ended" cause=None"#]]
        .assert_eq(&shown(&row));
    assert_eq!(vendor.count(""), 0);
}

#[tokio::test]
async fn a_provider_that_waits_for_nothing_is_at_fault() {
    let vendor = Vendor::start(&[]).await;
    let world = odd(&vendor);
    let error = world
        .run
        .call(call("stuck", Some(User::new("1")), &[]))
        .await
        .unwrap_err();
    expect!["connection `here`: the provider breaks the plugin interface: `odd`: WAIT for ever with nothing outstanding"].assert_eq(&error.to_string());
    let summary = world.run.finish(Status::Failed).await.unwrap();
    assert_eq!((summary.total, summary.cancelled), (1, 1));
}

#[tokio::test]
async fn a_stop_waits_for_a_write_whatever_the_provider_does() {
    let vendor = Vendor::start(&[]).await;
    vendor.reacts_to("PUT", vec![Reaction::Late(Duration::from_millis(50))]);
    let world = odd(&vendor);
    let stop = async {
        vendor.arrival("PUT").await;
        world.run.stop();
    };
    let (answer, ()) = tokio::join!(world.run.call(call("hasty", Some(User::new("1")), &[])), stop);
    answer.unwrap();
    assert_eq!(
        world.journaled("SELECT group_concat(http_status) FROM result"),
        "202"
    );
}

#[tokio::test]
async fn a_provider_that_breaks_down_after_a_write_leaves_it_unknown() {
    let vendor = Vendor::start(&[]).await;
    let world = odd(&vendor);
    assert!(
        world
            .run
            .call(call("broken", Some(User::new("1")), &[]))
            .await
            .is_err()
    );
    let rows = world.seen.outcomes.lock().unwrap();
    expect![[r#"unknown by=None attempts=1 repeated=false http=None id=1 code="error" cause=None"#]]
        .assert_eq(&shown(&rows[0]));
}

pub(crate) fn odd(vendor: &Vendor) -> World {
    let text = format!(
        "[connections.here]\nprovider = \"odd\"\napi = \"http://{}\"\n",
        vendor.address
    );
    World::configured(&text, With::default())
}
