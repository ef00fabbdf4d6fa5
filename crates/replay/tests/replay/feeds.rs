//! Notifications: that they come, that they do not, and who hears them.

use std::sync::Arc;

use expect_test::expect;
use serde_json::json;
use signoff_replay::tutorial::Check;

use crate::support::{Says, World, declared, page, settings, told};

const NODE: &str = "/finesse/api/User/c1";
const LOGOUT: &str = "<Update><event>PUT</event><source>/finesse/api/User/c1</source><data><user><state>LOGOUT</state></user></data></Update>";
const READY: &str = "<Update><event>PUT</event><source>/finesse/api/User/c1</source><data><user><state>READY</state></user></data></Update>";

#[tokio::test(start_paused = true)]
async fn a_step_alone_listens_before_it_acts() {
    let world = Arc::new(World::answering([Says::status(202).publishing(NODE, LOGOUT)]));
    expect![[r#"
        == Sign out the clerk
        > feed first: c1 at abc.inc, because no earlier step has
        > PUT http://127.0.0.1:8082/finesse/api/User/c1 as c1 [("Content-Type", "application/xml")] <User>         <state>LOGOUT</state> </User>
        < 202 
          ok HTTP status 202
          ok an empty body
          ok a user notification with <state> LOGOUT (event PUT, source /finesse/api/User/c1, state LOGOUT)
        passed: 3 of 3 held, 0 failed, 0 skipped, 0 not reached, 0 broken, 0 of 1 steps failed, 0 not run
    "#]].assert_eq(&told(page("sign_out.md"), settings(&world)).await);
    expect![[r#"
        open 127.0.0.1:5222 tls=false c1@abc.inc
        close"#]]
    .assert_eq(&world.asked.lock().unwrap().join("\n"));
    expect![[r#"
        PUT http://127.0.0.1:8082/finesse/api/User/c1 Basic YzE6czNjcjN0LW9mLWMx <User>
                <state>LOGOUT</state>
        </User>"#]]
    .assert_eq(&world.arrived.lock().unwrap().join("\n"));
}

#[tokio::test(start_paused = true)]
async fn what_came_instead_is_told() {
    let world = Arc::new(World::answering([Says::status(202).publishing(NODE, READY)]));
    expect![[r#"
        == Sign out the clerk
        > feed first: c1 at abc.inc, because no earlier step has
        > PUT http://127.0.0.1:8082/finesse/api/User/c1 as c1 [("Content-Type", "application/xml")] <User>         <state>LOGOUT</state> </User>
        < 202 
          ok HTTP status 202
          ok an empty body
          NO a user notification with <state> LOGOUT
             came within 10 s only: event PUT, source /finesse/api/User/c1, state READY
        failed: 2 of 3 held, 1 failed, 0 skipped, 0 not reached, 0 broken, 1 of 1 steps failed, 0 not run
    "#]].assert_eq(&told(page("sign_out.md"), settings(&world)).await);
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_is_refused_keeps_the_request_back() {
    let world = Arc::new(World {
        refuses_feeds: true,
        ..World::answering([Says::status(202)])
    });
    expect![[r#"
        == Sign out the clerk
        > feed first: c1 at abc.inc, because no earlier step has
          not reached HTTP status 202
          not reached an empty body
          not reached a user notification with <state> LOGOUT
          broken: not-authorized; check the user `c1` and his password, `{{clerk_password}}`; the domain was `abc.inc`; `--var xmpp-domain=DOMAIN` names another
        failed: 0 of 3 held, 0 failed, 0 skipped, 3 not reached, 1 broken, 1 of 1 steps failed, 0 not run
    "#]]
    .assert_eq(&told(page("sign_out.md"), settings(&world)).await);
    assert!(world.arrived.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_is_lost_is_no_silence() {
    let world = Arc::new(World {
        loses_feed: true,
        ..World::answering([Says::status(202)])
    });
    expect![[r#"
        == Sign out the clerk
        > feed first: c1 at abc.inc, because no earlier step has
        > PUT http://127.0.0.1:8082/finesse/api/User/c1 as c1 [("Content-Type", "application/xml")] <User>         <state>LOGOUT</state> </User>
        < 202 
          ok HTTP status 202
          ok an empty body
          NO a user notification with <state> LOGOUT
             came the feed was lost; before that came nothing
        failed: 2 of 3 held, 1 failed, 0 skipped, 0 not reached, 0 broken, 1 of 1 steps failed, 0 not run
    "#]].assert_eq(&told(page("sign_out.md"), settings(&world)).await);
}

#[tokio::test(start_paused = true)]
async fn what_comes_where_nothing_should_is_told() {
    let world = Arc::new(World::answering([Says::status(202).publishing(NODE, LOGOUT)]));
    let mut tutorial = page("sign_out.md");
    let nothing = Check::NoNotification { within: None };
    tutorial.steps[0].tasks[0].expectations[2].check = nothing;
    expect![[r#"
        == Sign out the clerk
        > feed first: c1 at abc.inc, because no earlier step has
        > PUT http://127.0.0.1:8082/finesse/api/User/c1 as c1 [("Content-Type", "application/xml")] <User>         <state>LOGOUT</state> </User>
        < 202 
          ok HTTP status 202
          ok an empty body
          NO no notification
             came event PUT, source /finesse/api/User/c1, state LOGOUT
        failed: 2 of 3 held, 1 failed, 0 skipped, 0 not reached, 0 broken, 1 of 1 steps failed, 0 not run
    "#]].assert_eq(&told(tutorial, settings(&world)).await);
}

#[tokio::test(start_paused = true)]
async fn what_a_notification_says_is_copied() {
    let login = declared(&json!({"steps": [
        {
            "title": "Change", "request": {"method": "PUT", "url": "http://127.0.0.1/User/c1", "basic": {"username": "{{clerk}}", "password": "{{clerk_password}}"}},
            "expect": {"notification": {"about": "user"}},
            "copy": {"state": "notification: user/state", "team": "notification: Team/id"},
        },
        {"title": "Use", "request": {"method": "GET", "url": "http://127.0.0.1/{state}/{team}"}},
    ]}));
    let world = Arc::new(World::answering([Says::status(202).publishing(NODE, READY)]));
    expect![[r#"
        == Change
        > feed first: c1 at abc.inc, because no earlier step has
        > PUT http://127.0.0.1/User/c1 as c1 [] -
        < 202 
          ok a user notification (event PUT, source /finesse/api/User/c1, state READY)
          state = Ok("READY")
          team = Err("there is no <Team/id>")
        == Use
        > GET http://127.0.0.1/READY/7 as nobody [] -
          broken: nobody is there; look for somebody
        failed: 1 of 1 held, 0 failed, 0 skipped, 0 not reached, 1 broken, 2 of 2 steps failed, 0 not run
    "#]]
    .assert_eq(&told(login, settings(&world)).await);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_item_expects_its_own_state() {
    let world = Arc::new(World::answering([
        Says::status(202).publishing(NODE, READY),
        Says::status(202).publishing(NODE, READY),
    ]));
    expect![[r#"
        == Ready, and not ready
        > feed first: c1 at abc.inc, because no earlier step has
        > PUT http://127.0.0.1:8082/finesse/api/User/c1 as c1 [("Content-Type", "application/xml")] <User><state>READY</state></User>
        < 202 
          ok HTTP status 202
          ok an empty body
          ok a user notification with <state> READY (event PUT, source /finesse/api/User/c1, state READY)
        > PUT http://127.0.0.1:8082/finesse/api/User/c1 as c1 [("Content-Type", "application/xml")] <User><state>NOT_READY</state></User>
        < 202 
          ok HTTP status 202
          ok an empty body
          NO a user notification with <state> NOT_READY
             came within 10 s only: event PUT, source /finesse/api/User/c1, state READY
        failed: 5 of 6 held, 1 failed, 0 skipped, 0 not reached, 0 broken, 1 of 1 steps failed, 0 not run
    "#]].assert_eq(&told(page("change_twice.md"), settings(&world)).await);
}

#[tokio::test(start_paused = true)]
async fn subscriptions_are_made_listed_and_taken_back() {
    let world = Arc::new(World::default());
    expect![[r#"
        == Sign in to the feed
        > feed: sign in to the feed as s1 at abc.inc
        < 
          ok the feed's confirmation
        == Listen
        > feed: subscribe to /finesse/api/Team/7/Users
        < 
          ok the feed's confirmation
        > feed: list the subscriptions
        < /finesse/api/Team/7/Users
        == Listen no more
        > feed: unsubscribe from /finesse/api/Team/7/Users
        < 
          ok no notification (none within 3 s)
        == Leave
        > feed: sign out of the feed
        < 
        passed: 3 of 3 held, 0 failed, 0 skipped, 0 not reached, 0 broken, 0 of 4 steps failed, 0 not run
    "#]]
    .assert_eq(&told(page("feed.md"), settings(&world)).await);
    expect![[r#"
        open 127.0.0.1:5222 tls=false s1@abc.inc
        subscribe /finesse/api/Team/7/Users
        unsubscribe /finesse/api/Team/7/Users
        close"#]]
    .assert_eq(&world.asked.lock().unwrap().join("\n"));
}
