//! Each fault that the simulated ZAP can have, for each operation.

use std::time::{Duration, Instant};

use expect_test::expect;
use signoff_sandbox::{Population, Sandbox, Settings, Tokens, ZapSettings, zap};

use crate::world::World;

/// No cell may take longer.
const LONGEST: Duration = Duration::from_secs(6);

/// A run on the people of the demo, as the administrator, who logs in.
async fn world(faults: &[&str]) -> World {
    world_of(zap::demo(), faults).await
}

/// The same on these people, of whom the first is the administrator.
async fn world_of(people: Vec<zap::User>, faults: &[&str]) -> World {
    let admin = people[0].clone();
    let mut settings = Settings::with(Population::team(1));
    settings.zap = ZapSettings::with(people);
    for fault in faults {
        settings = settings.fault(fault.parse().unwrap());
    }
    let sandbox = Sandbox::start(settings).await.unwrap();
    let configuration = format!(
        "[connections.site]\nprovider = \"zap\"\napi = [\"{}\"]\ncredential = \"admin\"\nrate = \"none\"\n\
         timeout = \"1s\"\nsettle = \"100ms\"\n\
         [credentials.admin]\nusername = \"{}\"\npassword = {{ env = \"{}\" }}\n",
        sandbox.origin(),
        admin.email,
        admin.password,
    );
    World::configured(sandbox, &configuration, None)
}

/// What the list, a logout from the web, and the list again come to, and where he is signed in after them.
async fn line(fault: &str) -> String {
    let user = &zap::demo()[1].id;
    let mut cells = Vec::new();
    for (operation, whom) in [("roster", None), ("logout", Some(user.as_str()))] {
        let world = world(&[fault]).await;
        let begun = Instant::now();
        let result = world.call(operation, whom, false).await;
        let took = begun.elapsed();
        assert!(
            took < LONGEST,
            "{operation} with {fault}: {result} after {took:?}"
        );
        let web = world.sandbox.zap_sessions_of(user).unwrap().web;
        let logouts = world.sandbox.ledger().zap_sessions_of(user).web;
        assert!(logouts.applied <= 1, "{fault}: {logouts:?}");
        if result.starts_with("done") {
            assert!(!web, "{fault}: {result}");
        }
        let is = if web { "in" } else { "out" };
        let logins = world.sandbox.ledger().zap_tokens().logins;
        cells.push(match whom {
            None => format!("{result}, {logins} logins"),
            Some(_) => format!("{result}, {is} after {}, {logins} logins", logouts.requested),
        });
    }
    format!("{fault}: {}", cells.join(" | "))
}

/// A few at a time, so that the machine is not too busy to keep the time-outs.
async fn table(faults: &[&str]) -> String {
    let mut table = String::new();
    for some in faults.chunks(4) {
        let lines = futures_util::future::join_all(some.iter().map(|fault| line(fault))).await;
        table.push_str(&lines.join("\n"));
        table.push('\n');
    }
    table
}

#[tokio::test]
async fn of_a_request() {
    let faults = [
        "delay=50ms@GET",
        "delay=1200ms@GET#1",
        "reset_before@GET#1",
        "reset_after@GET#1",
        "hang_before@GET#1",
        "hang_after@GET#1",
        "truncate@GET#1",
        "unavailable@GET#2",
        "throttle@GET#1",
        "error_500@GET#1",
        "error_500_after@GET#1",
        "plain_401@GET#1",
        "redirect@GET#1",
        "redirect_to=http://127.0.0.1:9@GET#1",
        "billion_laughs@GET#1",
        "malformed@GET#1",
        "page@GET#1",
        "zap_not_success@GET#1",
        "zap_plain_500@GET#1",
        "zap_expire@GET#1",
        "zap_token_uses=0",
        "zap_already=404",
        "zap_page_cap=5",
    ];
    expect![[r#"
        delay=50ms@GET: 12 records, 1 logins | done response, out after 1, 1 logins
        delay=1200ms@GET#1: 12 records, 1 logins | done response repeated, out after 1, 1 logins
        reset_before@GET#1: 12 records, 1 logins | done response repeated, out after 1, 1 logins
        reset_after@GET#1: 12 records, 1 logins | done response repeated, out after 2, 1 logins
        hang_before@GET#1: 12 records, 1 logins | done response repeated, out after 1, 1 logins
        hang_after@GET#1: 12 records, 1 logins | done response repeated, out after 2, 1 logins
        truncate@GET#1: 12 records, 1 logins | done response repeated, out after 2, 1 logins
        unavailable@GET#2: 12 records, 1 logins | done response, out after 1, 1 logins
        throttle@GET#1: 12 records, 1 logins | done response, out after 1, 1 logins
        error_500@GET#1: 12 records, 1 logins | done response repeated, out after 1, 1 logins
        error_500_after@GET#1: 12 records, 1 logins | done response repeated, out after 2, 1 logins
        plain_401@GET#1: denied http_401, 1 logins | denied http_401, in after 0, 1 logins
        redirect@GET#1: failed redirected, 1 logins | failed redirected, in after 0, 1 logins
        redirect_to=http://127.0.0.1:9@GET#1: failed redirected, 1 logins | failed redirected, in after 0, 1 logins
        billion_laughs@GET#1: failed unreadable_answer, 1 logins | done response repeated, out after 2, 1 logins
        malformed@GET#1: failed unreadable_answer, 1 logins | done response repeated, out after 2, 1 logins
        page@GET#1: failed unreadable_answer, 1 logins | done response repeated, out after 2, 1 logins
        zap_not_success@GET#1: refused unsuccessful, 1 logins | refused unsuccessful, in after 0, 1 logins
        zap_plain_500@GET#1: 12 records, 1 logins | done response repeated, out after 1, 1 logins
        zap_expire@GET#1: denied http_401, 1 logins | denied http_401, in after 0, 1 logins
        zap_token_uses=0: denied http_401, 1 logins | denied http_401, in after 0, 1 logins
        zap_already=404: 12 records, 1 logins | done response, out after 1, 1 logins
        zap_page_cap=5: 12 records, 1 logins | done response, out after 1, 1 logins
    "#]].assert_eq(&table(&faults).await);
}

#[tokio::test]
async fn of_a_login() {
    let faults = [
        "zap_login=flat",
        "zap_login=nested",
        "zap_login=otp",
        "zap_two_factor",
        "zap_login_body=identity",
        "zap_token_life=1ms",
        "delay=1200ms@POST#1",
        "reset_after@POST#1",
        "unavailable@POST#2",
        "throttle@POST#1",
        "error_500@POST#1",
        "malformed@POST#1",
        "page@POST#1",
        "redirect_to=http://127.0.0.1:9@POST#1",
        "zap_not_success@POST#1",
    ];
    expect![[r#"
        zap_login=flat: 12 records, 1 logins | done response, out after 1, 1 logins
        zap_login=nested: 12 records, 1 logins | done response, out after 1, 1 logins
        zap_login=otp: 12 records, 1 logins | done response, out after 1, 1 logins
        zap_two_factor: cancelled credential_stopped, 0 logins | cancelled credential_stopped, in after 0, 0 logins
        zap_login_body=identity: cancelled credential_stopped, 0 logins | cancelled credential_stopped, in after 0, 0 logins
        zap_token_life=1ms: denied http_401, 1 logins | denied http_401, in after 0, 1 logins
        delay=1200ms@POST#1: 12 records, 1 logins | done response, out after 1, 1 logins
        reset_after@POST#1: 12 records, 2 logins | done response, out after 1, 2 logins
        unavailable@POST#2: 12 records, 1 logins | done response, out after 1, 1 logins
        throttle@POST#1: 12 records, 1 logins | done response, out after 1, 1 logins
        error_500@POST#1: 12 records, 1 logins | done response, out after 1, 1 logins
        malformed@POST#1: 12 records, 2 logins | done response, out after 1, 2 logins
        page@POST#1: 12 records, 2 logins | done response, out after 1, 2 logins
        redirect_to=http://127.0.0.1:9@POST#1: cancelled credential_stopped, 0 logins | cancelled credential_stopped, in after 0, 0 logins
        zap_not_success@POST#1: cancelled credential_stopped, 0 logins | cancelled credential_stopped, in after 0, 0 logins
    "#]].assert_eq(&table(&faults).await);
}

/// Logs 500 customers out of the web; when a third of them is out, every token ends.
async fn log_out_while_tokens_end(shape: &str) -> Tokens {
    const CUSTOMERS: usize = 500;
    let people = zap::people(CUSTOMERS);
    let world = world_of(people.clone(), &[shape, "delay=5ms"]).await;
    let customers = &people[1..];
    let logouts = customers
        .iter()
        .map(|user| world.call("logout", Some(&user.id), false));
    let happening = async {
        while world.sandbox.ledger().count("GET", "/v1/users/logout/") < CUSTOMERS / 3 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        world.sandbox.expire_zap_tokens();
    };
    let (results, ()) = tokio::join!(futures_util::future::join_all(logouts), happening);
    for (user, result) in customers.iter().zip(results) {
        assert_eq!(result, "done response", "{}", user.name);
        let web = world.sandbox.ledger().zap_sessions_of(&user.id).web;
        assert_eq!(
            (web.requested, web.accepted, web.applied),
            (1, 1, 1),
            "{}",
            user.name
        );
    }
    world.sandbox.ledger().zap_tokens()
}

#[tokio::test]
async fn tokens_that_end_in_the_middle_of_500_users_are_renewed_once() {
    let refreshed = log_out_while_tokens_end("zap_login=nested").await;
    assert_eq!((refreshed.logins, refreshed.refreshes), (1, 1));
    let logged_in_again = log_out_while_tokens_end("zap_login=flat").await;
    assert_eq!((logged_in_again.logins, logged_in_again.refreshes), (2, 0));
}

#[tokio::test]
async fn every_shape_of_an_error_is_read() {
    let mut table = String::new();
    for shape in [
        "message", "object", "error", "data", "list", "text", "page", "empty",
    ] {
        let world = world(&[&format!("zap_errors={shape}")]).await;
        let nobody = "000000000000000000000000";
        let result = world.call("logout", Some(nobody), false).await;
        table.push_str(&format!("{shape}: {result}\n"));
    }
    expect![[r#"
        message: not_found http_404
        object: not_found 404
        error: not_found http_404
        data: not_found http_404
        list: not_found http_404
        text: not_found http_404
        page: not_found http_404
        empty: not_found http_404
    "#]]
    .assert_eq(&table);
}
