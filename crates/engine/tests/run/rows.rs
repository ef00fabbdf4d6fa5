//! What a row says of what was sent.

use std::time::Duration;

use expect_test::{Expect, expect};
use signoff_core::User;
use signoff_engine::call::{Answer, Cause};
use signoff_engine::event::Status;

use crate::stopping::odd;
use crate::vendor::{REFUSED, Reaction, Vendor};
use crate::world::{PASSWORD, With, World, call, configuration, shown};

async fn row_after(reactions: Vec<Reaction>, expected: &Expect) -> (Vendor, World) {
    let vendor = Vendor::start(&["1001"]).await;
    vendor.reacts_to("PUT", reactions);
    let world = World::on(&vendor);
    let row = world.logout("1001", &[]).await.unwrap();
    expected.assert_eq(&shown(&row));
    (vendor, world)
}

#[tokio::test]
async fn a_logout_that_goes_well() {
    let (vendor, _) = row_after(
        vec![],
        &expect![[
            r#"done by=Some("status") attempts=1 repeated=false http=Some(202) id=1 code="" cause=None"#
        ]],
    )
    .await;
    assert_eq!(vendor.count("PUT"), 1);
}

#[tokio::test]
async fn unavailable_and_then_well() {
    let unavailable = Reaction::Answer(503, "");
    row_after(
        vec![unavailable.clone(), unavailable],
        &expect![[
            r#"done by=Some("status") attempts=3 repeated=false http=Some(202) id=1 code="" cause=None"#
        ]],
    )
    .await;
}

#[tokio::test]
async fn broken_before_it_took_effect() {
    row_after(
        vec![Reaction::ResetBefore],
        &expect![[
            r#"done by=Some("status") attempts=2 repeated=true http=Some(202) id=2 code="" cause=None"#
        ]],
    )
    .await;
}

#[tokio::test]
async fn broken_after_it_took_effect() {
    let (vendor, world) = row_after(
        vec![Reaction::ResetAfter],
        &expect![[r#"done by=Some("status") attempts=1 repeated=false http=None id=1 code="" cause=None"#]],
    )
    .await;
    assert_eq!(vendor.count("PUT"), 1);
    // Its result says that it remains in doubt.
    assert_eq!(
        world.journaled("SELECT group_concat(disposition) FROM result"),
        "4"
    );
}

#[tokio::test]
async fn a_clock_that_is_far_off_does_no_harm() {
    for date in [
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Mon, 32 Foo 2026",
    ] {
        let vendor = Vendor::start(&["1001"]).await;
        vendor.set_date(date);
        vendor.reacts_to("PUT", vec![Reaction::ResetBefore]);
        let world = World::on(&vendor);
        let row = world.logout("1001", &[]).await.unwrap();
        assert_eq!((row.outcome.name(), row.attempts), ("done", 2), "{date}");
    }
}

#[tokio::test]
async fn never_answered() {
    let late = Reaction::Late(Duration::from_secs(60));
    row_after(
        vec![late],
        &expect![[r#"done by=Some("status") attempts=1 repeated=false http=None id=1 code="" cause=None"#]],
    )
    .await;
}

#[tokio::test]
async fn refused() {
    let refused = Reaction::Answer(
        400,
        "<ApiErrors><ApiError><ErrorType>Invalid State</ErrorType></ApiError></ApiErrors>",
    );
    row_after(
        vec![refused],
        &expect![[
            r#"refused by=None attempts=1 repeated=false http=Some(400) id=1 code="Invalid State" cause=None"#
        ]],
    )
    .await;
}

#[tokio::test]
async fn never_sent() {
    let vendor = Vendor::start(&["1001"]).await;
    vendor.set_state("1001", "LOGOUT");
    let world = World::on(&vendor);
    let row = world.logout("1001", &[]).await.unwrap();
    expect![[r#"already by=None attempts=0 repeated=false http=Some(200) id=- code="" cause=None"#]]
        .assert_eq(&shown(&row));
}

#[tokio::test]
async fn the_credential_is_refused_in_the_middle() {
    let vendor = Vendor::start(&["1001", "1002", "1003"]).await;
    let world = World::on(&vendor);
    let row = world.logout("1001", &[]).await.unwrap();
    assert_eq!(row.outcome.name(), "done");
    vendor.reacts(|_| REFUSED);
    let before = vendor.count("");
    let (one, other) = tokio::join!(world.logout("1002", &[]), world.logout("1003", &[]));
    let mut rows = [shown(&one.unwrap()), shown(&other.unwrap())];
    rows.sort();
    expect![[r#"
        cancelled by=None attempts=0 repeated=false http=Some(200) id=- code="credential_stopped" cause=Some(Credential)
        denied by=None attempts=1 repeated=false http=Some(401) id=1 code="Authorization Failure" cause=Some(Credential)"#]].assert_eq(&rows.join("\n"));
    // The write, and the proof.
    assert!(vendor.count("") - before <= 3, "{}", vendor.count("") - before);
    let summary = world.run.finish(Status::Completed).await.unwrap();
    assert_eq!(summary.total, 3);
    assert_eq!(summary.untried, None);
}

#[tokio::test]
async fn a_password_that_is_refused_at_once() {
    let vendor = Vendor::start(&["1001", "1002"]).await;
    vendor.reacts(|_| REFUSED);
    let world = World::on(&vendor);
    let answer = world.run.call(call("roster", None, &[])).await.unwrap();
    assert!(matches!(answer, Answer::Outcome(row) if row.outcome.name() == "denied"));
    let row = world.logout("1001", &[]).await.unwrap();
    expect![[r#"cancelled by=None attempts=0 repeated=false http=None id=- code="credential_stopped" cause=Some(Credential)"#]].assert_eq(&shown(&row));
    let summary = world.run.finish(Status::Completed).await.unwrap();
    assert_eq!((vendor.count(""), summary.unread), (1, true));
    assert_eq!(summary.untried, Some(Cause::Credential));
}

#[tokio::test]
async fn a_secret_that_is_echoed_goes_nowhere() {
    let vendor = Vendor::start(&["1001"]).await;
    vendor.set_first_name(PASSWORD);
    let world = World::on(&vendor);
    let Answer::Records(rows) = world.run.call(call("roster", None, &[])).await.unwrap() else {
        panic!("a roster gives rows");
    };
    let name = rows[0]
        .attributes
        .iter()
        .find(|field| field.name == "name")
        .unwrap();
    assert_eq!(name.value.as_text(), Some("[redacted] Lee"));
    let user = User {
        id: rows[0].id.clone(),
        attributes: rows[0].attributes.clone(),
    };
    world.run.call(call("logout", Some(user), &[])).await.unwrap();
    world.run.finish(Status::Completed).await.unwrap();
    let bytes = std::fs::read(world.journal()).unwrap();
    assert!(
        !bytes
            .windows(PASSWORD.len())
            .any(|window| window == PASSWORD.as_bytes())
    );
}

#[tokio::test]
async fn the_same_user_twice_is_acted_on_once() {
    let vendor = Vendor::start(&["A1"]).await;
    let world = World::on(&vendor);
    let (one, other) = tokio::join!(world.logout("A1", &[]), world.logout("A1", &[]));
    assert_eq!(
        (one.unwrap().outcome.name(), other.unwrap().outcome.name()),
        ("done", "already")
    );
    let summary = world.run.finish(Status::Completed).await.unwrap();
    assert_eq!((vendor.count("PUT"), summary.total), (1, 1));
}

#[tokio::test]
async fn the_journal_tells_what_the_run_was_like() {
    let vendor = Vendor::start(&[]).await;
    let broken = r#"
        [connections.broken]
        provider = "finesse"
        api = "http://127.0.0.1:1"
        options = { deployment = "none" }
    "#;
    let text = format!("{}{broken}", configuration(&vendor, "rate = \"5/s\"", ""));
    let world = World::configured(&text, With::default());
    let described = world.journaled("SELECT value FROM run WHERE key = 'configuration'");
    let described = described.replace(&vendor.address.to_string(), "HOST");
    expect![[r#"{"here":{"provider":"finesse","version":"0.1.0","api":["http://HOST/"],"credential":"supervisor","rate":"5/s","concurrency":8,"window":8,"timeout":"400ms","settle":"100ms","options":{"deployment":"auto"}}}"#]].assert_eq(&described);
    if cfg!(target_os = "linux") {
        assert_eq!(
            world
                .journaled("SELECT value FROM run WHERE key = 'boot_id'")
                .len(),
            36
        );
        assert!(
            world
                .journaled("SELECT value FROM run WHERE key = 'uptime'")
                .parse::<u64>()
                .unwrap()
                > 0
        );
    }
    assert!(world.run.seed() < 1 << 53);
}

#[tokio::test]
async fn an_operation_is_told_whether_this_run_logged_the_user_out() {
    let vendor = Vendor::start(&[]).await;
    let world = odd(&vendor);
    let mut told = Vec::new();
    for id in ["1", "2", "1"] {
        let answer = world.run.call(call("told", Some(User::new(id)), &[])).await;
        let Ok(Answer::Outcome(row)) = answer else {
            panic!("an operation that acts gives an outcome");
        };
        told.push(row.code.clone().unwrap_or_default());
    }
    assert_eq!(told, ["false", "false", "true"]);
}
