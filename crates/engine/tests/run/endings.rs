//! Who is spared, and what a plan and a dangerous configuration say.

use std::time::Duration;

use expect_test::expect;
use signoff_core::{Field, User};
use signoff_engine::call::{Answer, Place};
use signoff_engine::event::Status;

use crate::vendor::Vendor;
use crate::world::{With, World, call, configuration, shown};

async fn outcome_of(world: &World, user: User) -> String {
    match world.run.call(call("logout", Some(user), &[])).await.unwrap() {
        Answer::Outcome(row) => format!("{}: {}", row.user, shown(&row)),
        _ => panic!("a logout gives an outcome"),
    }
}

#[tokio::test]
async fn the_exempt_and_the_acting_user_are_spared_whatever_the_case() {
    let vendor = Vendor::start(&["1001", "VIP7"]).await;
    let world = World::configured(
        &configuration(&vendor, "", "exempt = [\"Here:vip*\"]"),
        With::default(),
    );
    let mut alias = User::new("5001");
    alias.attributes.push(Field::new("login_name", "Sup"));
    let lines = [
        outcome_of(&world, User::new("VIP7")).await,
        outcome_of(&world, User::new("SUP")).await,
        outcome_of(&world, alias).await,
    ];
    expect![[r#"
        VIP7: skipped by=None attempts=0 repeated=false http=None id=- code="exempt" cause=None
        SUP: skipped by=None attempts=0 repeated=false http=None id=- code="acting_user" cause=None
        5001: skipped by=None attempts=0 repeated=false http=None id=- code="acting_user" cause=None"#]]
    .assert_eq(&lines.join("\n"));
    assert_eq!(vendor.count(""), 0);
}

#[tokio::test]
async fn who_is_not_in_the_plan_is_spared() {
    let vendor = Vendor::start(&["1001", "1002"]).await;
    let with = With {
        approved: Some(&["1001"]),
        ..With::default()
    };
    let world = World::configured(&configuration(&vendor, "", ""), with);
    assert_eq!(world.logout("1001", &[]).await.unwrap().outcome.name(), "done");
    let row = world.logout("1002", &[]).await.unwrap();
    assert_eq!(
        (row.outcome.name(), row.code.as_deref()),
        ("skipped", Some("not_in_plan"))
    );
    assert_eq!(vendor.count("PUT"), 1);
}

#[tokio::test]
async fn a_plan_sends_no_write() {
    let vendor = Vendor::start(&["1001", "1002"]).await;
    vendor.set_state("1002", "TALKING");
    let with = With {
        plan: true,
        ..With::default()
    };
    let world = World::configured(&configuration(&vendor, "", ""), with);
    for user in ["1001", "1002"] {
        let row = world.logout(user, &[]).await.unwrap();
        assert_eq!((row.outcome.name(), row.attempts), ("planned", 0));
    }
    // Time moves on at once, and never wraps around.
    for place in ["1", "2", "3"] {
        let place = Place(place.into());
        world.run.sleep(place, "", Duration::MAX).await.unwrap();
    }
    let now = world.run.now(Place("4".into()), "").await.unwrap();
    assert_eq!(now, i64::MAX);
    assert_eq!(vendor.count("PUT"), 0);
}

#[tokio::test]
async fn everybody_in_scope_gets_a_row() {
    let vendor = Vendor::start(&["1001"]).await;
    let world = World::on(&vendor);
    for n in 0..2_000 {
        world.run.enter(Some("here"), &User::new(n.to_string()));
    }
    let summary = world.run.finish(Status::Completed).await.unwrap();
    assert_eq!(summary.counts.values().sum::<u64>(), 2_000);
    assert_eq!(world.seen.outcomes.lock().unwrap().len(), 2_000);
    assert_eq!(
        world.journaled("SELECT count(DISTINCT place) || '' FROM call"),
        "2000"
    );
}

#[tokio::test]
async fn what_is_dangerous_is_said_once() {
    let vendor = Vendor::start(&["1001"]).await;
    let text = configuration(
        &vendor,
        "danger_accept_invalid_certificates = true\ndanger_plain_http = true",
        "",
    );
    let api = format!("\"http://{}\"", vendor.address);
    let text = text.replace(&api, &format!("[{api}, \"http://finesse.example.com\"]"));
    let world = World::configured(&text, With::default());
    assert!(world.warnings().is_empty());
    world.logout("1001", &[]).await.unwrap();
    world.logout("1001", &[]).await.unwrap();
    expect![[r#"
        connection `here` accepts any certificate: whoever stands between can read passwords (`danger_accept_invalid_certificates`)
        connection `here` sends passwords in clear to `http://finesse.example.com` (`danger_plain_http`)"#]].assert_eq(&world.warnings().join("\n"));
}
