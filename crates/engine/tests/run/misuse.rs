//! Mistakes of those who configure and call: each is an error, and nobody seems to have been left out for it.

use expect_test::{Expect, expect};
use signoff_engine::call::CallError;
use signoff_engine::event::Status;

use crate::vendor::Vendor;
use crate::world::{With, World, configuration, shown};

async fn check(configuration: &str, with: With, arguments: &[(&str, &str)], expected: &Expect) {
    let world = World::configured(configuration, with);
    let Err(CallError::Misuse { message, hint }) = world.logout("1001", arguments).await else {
        panic!("it is misuse");
    };
    let row = shown(&world.seen.outcomes.lock().unwrap()[0]);
    expected.assert_eq(&format!("{message}\n{hint}\n{row}"));
    let summary = world.run.finish(Status::Completed).await.unwrap();
    assert_eq!((summary.total, summary.cancelled, summary.unsatisfied), (1, 1, 1));
}

#[tokio::test]
async fn a_credential_of_another_kind() {
    let vendor = Vendor::start(&["1001"]).await;
    let with = With {
        act_as: Some("key"),
        ..With::default()
    };
    check(
        &configuration(&vendor, "", ""),
        with,
        &[],
        &expect![[r#"
        connection `here`: Cisco Finesse does not take the credential `key`, which has `key`
        it takes `username` and `password`, or `token`
        cancelled by=None attempts=0 repeated=false http=None id=- code="error" cause=None"#]],
    )
    .await;
    assert_eq!(vendor.count(""), 0);
}

#[tokio::test]
async fn a_connection_without_a_credential() {
    let vendor = Vendor::start(&["1001"]).await;
    let text = configuration(&vendor, "", "").replace("credential = \"supervisor\"", "");
    check(
        &text,
        With::default(),
        &[],
        &expect![[r#"
        connection `here` has no credential, and its provider wants one
        give the connection a `credential`, or the command `--as`
        cancelled by=None attempts=0 repeated=false http=None id=- code="error" cause=None"#]],
    )
    .await;
}

#[tokio::test]
async fn a_secret_that_is_not_there() {
    let vendor = Vendor::start(&["1001"]).await;
    let with = With {
        act_as: Some("unset"),
        ..With::default()
    };
    check(
        &configuration(&vendor, "", ""),
        with,
        &[],
        &expect![[r#"
        no secret for credential `unset` from environment variable `UNSET`: it is not set
        set the variable before signoff is started
        cancelled by=None attempts=0 repeated=false http=None id=- code="error" cause=None"#]],
    )
    .await;
    assert_eq!(vendor.count(""), 0);
}

#[tokio::test]
async fn an_option_that_does_not_exist() {
    let vendor = Vendor::start(&["1001"]).await;
    check(
        &configuration(&vendor, "", ""),
        With::default(),
        &[("wiat", "1m")],
        &expect![[r#"
            `logout`: there is no option `wiat`
            did you mean `wait`?
            cancelled by=None attempts=0 repeated=false http=None id=- code="error" cause=None"#]],
    )
    .await;
}
