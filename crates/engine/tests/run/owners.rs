//! Logouts that concern the owner of a key: what a run knows of the keys that it has ended.

use expect_test::expect;
use signoff_core::{Field, User, Value};
use signoff_engine::call::{Answer, Cause};
use signoff_engine::secret::Secret;

use crate::vendor::{Reaction, Vendor};
use crate::world::{With, World, call, shown};

const LOGGED_OUT: Reaction =
    Reaction::Answer(200, r#"{"message":"Logout success","code":200,"type":"SUCCESS"}"#);
const VALID: Reaction = Reaction::Answer(200, r#"{"message":"OK","code":200,"type":"SUCCESS"}"#);
const UNAUTHORIZED: Reaction = Reaction::Answer(
    401,
    r#"{"code":401,"type":"ERROR","data":null,"retryable":false,"message":"Unauthorized"}"#,
);

/// Logs `anna` out with this key.
async fn end(world: &World, key: &str) -> String {
    let handle = world.engine.user_secrets.keep("key", Secret::new(key.to_owned()));
    let user = User {
        attributes: vec![Field {
            name: "key".to_owned(),
            value: Value::Secret(handle),
        }],
        ..User::new("anna")
    };
    let Answer::Outcome(row) = world.run.call(call("logout", Some(user), &[])).await.unwrap() else {
        panic!("a logout gives an outcome");
    };
    assert_ne!(row.cause, Some(Cause::Credential));
    shown(&row)
}

fn world(vendor: &Vendor) -> World {
    let text = format!(
        "[connections.here]\nprovider = \"uiza\"\napi = \"http://{}\"\n",
        vendor.address
    );
    World::configured(&text, With::default())
}

#[tokio::test]
async fn a_key_that_the_run_has_ended_is_out_when_it_is_refused() {
    let vendor = Vendor::start(&[]).await;
    vendor.reacts_to(
        "POST",
        vec![VALID, LOGGED_OUT, UNAUTHORIZED, UNAUTHORIZED, UNAUTHORIZED],
    );
    let world = world(&vendor);
    expect![[
        r#"done by=Some("response") attempts=1 repeated=false http=Some(200) id=- code="200" cause=None"#
    ]]
    .assert_eq(&end(&world, "uap-1").await);
    expect![[
        r#"done by=Some("response") attempts=1 repeated=false http=Some(401) id=- code="401" cause=None"#
    ]]
    .assert_eq(&end(&world, "uap-1").await);
    // Another key of hers is another matter, and takes nobody's word for the first.
    expect![[r#"denied by=None attempts=0 repeated=false http=Some(401) id=- code="401" cause=None"#]]
        .assert_eq(&end(&world, "uap-2").await);
    expect![[
        r#"done by=Some("response") attempts=1 repeated=false http=Some(401) id=- code="401" cause=None"#
    ]]
    .assert_eq(&end(&world, "uap-1").await);
}
