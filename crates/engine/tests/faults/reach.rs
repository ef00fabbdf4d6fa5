//! A vendor behind a proxy that an environment variable names.

use signoff_sandbox::{Population, Sandbox, Settings};

use crate::world::World;

#[tokio::test]
async fn a_run_goes_through_the_proxy_of_the_environment() {
    let sandbox = Sandbox::start(Settings::with(Population::team(2))).await.unwrap();
    // The sandbox takes requests as a proxy gets them, and does not ask for whom they are.
    let variable = ("HTTP_PROXY", sandbox.origin());
    let world = World::with_variable(sandbox, &["http://finesse.invalid".to_owned()], Some(variable));
    assert_eq!(world.call("logout", Some("10001"), false).await, "done status");
    assert!(world.sandbox.ledger().count("PUT", "/finesse/api/User/10001") == 1);
}

#[tokio::test]
async fn without_it_the_vendor_is_asked_directly() {
    let sandbox = Sandbox::start(Settings::with(Population::team(2))).await.unwrap();
    let variable = ("HTTP_PROXY", "http://127.0.0.1:1".to_owned());
    let origins = sandbox.origins();
    let world = World::with_variable(sandbox, &origins, Some(variable));
    assert_eq!(world.call("roster", None, false).await, "3 records");
}
