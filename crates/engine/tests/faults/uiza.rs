//! Each fault that the simulated Uiza can have, for each operation.

use std::time::{Duration, Instant};

use expect_test::expect;
use signoff_sandbox::{Population, Sandbox, Settings, uiza};

use crate::world::World;

/// No cell may take longer.
const LONGEST: Duration = Duration::from_secs(6);

const LOGOUT: &str = "/api/public/v3/admin/user/logout";

/// A run on the people of the demo; its connection has the administrator's key.
async fn world(faults: &[&str]) -> World {
    let mut settings = Settings::with(Population::team(1));
    for fault in faults {
        settings = settings.fault(fault.parse().unwrap());
    }
    let sandbox = Sandbox::start(settings).await.unwrap();
    let configuration = format!(
        "[connections.site]\nprovider = \"uiza\"\napi = [\"{}\"]\ncredential = \"admin\"\nrate = \"none\"\n\
         timeout = \"1s\"\nsettle = \"100ms\"\n\
         [credentials.admin]\nkey = {{ env = \"UIZA_KEY\" }}\n",
        sandbox.origin(),
    );
    let key = uiza::demo().remove(0).key;
    World::configured(sandbox, &configuration, Some(("UIZA_KEY", key)))
}

/// What the list, the state and the logout of a user come to, and whether he has his key after it.
async fn line(fault: &str) -> String {
    let user = uiza::demo().remove(1);
    let mut cells = Vec::new();
    for operation in ["roster", "status", "logout"] {
        // The key is asked about before, which a fault that befalls one request must not hit.
        let fault = match (operation, fault.rsplit_once('#')) {
            ("logout", Some((fault, times))) => format!("{fault}@POST{LOGOUT}#{times}"),
            _ => fault.to_owned(),
        };
        let world = world(&[&fault]).await;
        let begun = Instant::now();
        let result = match operation {
            "roster" => world.call(operation, None, false).await,
            _ => {
                world
                    .call_with_secret(operation, &user.id, "key", &user.key, 1)
                    .await
            }
        };
        let took = begun.elapsed();
        assert!(
            took < LONGEST,
            "{operation} with {fault}: {result} after {took:?}"
        );
        let keys = world.sandbox.uiza_keys_of(&user.id).unwrap();
        let logouts = world.sandbox.ledger().uiza_logouts_of(&user.id);
        assert!(logouts.applied <= 1, "{fault}: {logouts:?}");
        if result.starts_with("done") {
            assert_eq!(keys, 0, "{fault}: {result}");
        }
        let is = if keys == 0 { "out" } else { "in" };
        cells.push(match operation {
            "logout" => format!("{result}, {is} after {}", logouts.requested),
            _ => result,
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
async fn of_networks_and_servers() {
    let faults = [
        "delay=50ms",
        "delay=1200ms#1",
        "reset_before#1",
        "reset_after#1",
        "hang_before#1",
        "hang_after#1",
        "truncate#1",
        "unavailable#2",
        "throttle#1",
        "error_500#1",
        "error_500_after#1",
        "plain_401#1",
        "redirect_to=http://127.0.0.1:9#1",
        "billion_laughs#1",
        "malformed#1",
        "page#1",
    ];
    expect![[r#"
        delay=50ms: 8 records | a record | done response200, out after 1
        delay=1200ms#1: 8 records | a record | done response200 repeated, out after 1
        reset_before#1: 8 records | a record | done response200 repeated, out after 1
        reset_after#1: 8 records | a record | done status401, out after 1
        hang_before#1: 8 records | a record | done response200 repeated, out after 1
        hang_after#1: 8 records | a record | done status401, out after 1
        truncate#1: 8 records | a record | done status401, out after 1
        unavailable#2: 8 records | a record | done response200, out after 1
        throttle#1: 8 records | a record | done response200, out after 1
        error_500#1: 8 records | a record | failed 500, in after 0
        error_500_after#1: 8 records | a record | done status401, out after 1
        plain_401#1: denied http_401 | a record | denied http_401, in after 0
        redirect_to=http://127.0.0.1:9#1: failed redirected | failed redirected | failed redirected, in after 0
        billion_laughs#1: failed unreadable_answer | failed answer_too_large | done status401, out after 1
        malformed#1: failed unreadable_answer | failed unreadable_answer | done status401, out after 1
        page#1: failed unreadable_answer | failed unreadable_answer | done status401, out after 1
    "#]].assert_eq(&table(&faults).await);
}

#[tokio::test]
async fn of_its_own_words() {
    let faults = [
        "uiza_body=A",
        "uiza_body=B",
        "uiza_body=C",
        "uiza_error=200_401#1",
        "uiza_error=200_type#1",
        "uiza_error=400#1",
        "uiza_error=401#1",
        "uiza_error=404#1",
        "uiza_error=422#1",
        "uiza_error=object#1",
        "uiza_error=500#1",
        "uiza_error=503#1",
        "uiza_page_cap=3",
    ];
    expect![[r#"
        uiza_body=A: 8 records | a record | done response200, out after 1
        uiza_body=B: 8 records | a record | done response200, out after 1
        uiza_body=C: 8 records | a record | done response200, out after 1
        uiza_error=200_401#1: denied 401 | a record | denied 401, in after 0
        uiza_error=200_type#1: failed ERROR | failed ERROR | failed ERROR, in after 0
        uiza_error=400#1: failed 400 | failed 400 | failed 400, in after 0
        uiza_error=401#1: denied 401 | a record | denied 401, in after 0
        uiza_error=404#1: not_found 404 | not_found 404 | not_found 404, in after 0
        uiza_error=422#1: refused 422 | refused 422 | refused 422, in after 0
        uiza_error=object#1: failed 400 | failed 400 | failed 400, in after 0
        uiza_error=500#1: 8 records | a record | failed 500, in after 0
        uiza_error=503#1: 8 records | a record | done response200, out after 1
        uiza_page_cap=3: 8 records | a record | done response200, out after 1
    "#]]
    .assert_eq(&table(&faults).await);
}

#[tokio::test]
async fn a_bad_key_concerns_its_owner_alone() {
    let world = world(&[]).await;
    let mut results = String::new();
    for (number, user) in uiza::demo().into_iter().enumerate().skip(1) {
        let key = if number % 3 == 0 {
            format!("uap-wrong-{number}")
        } else {
            user.key.as_str().to_owned()
        };
        let result = world
            .call_with_secret("logout", &user.id, "key", &key, number)
            .await;
        let keys = world.sandbox.uiza_keys_of(&user.id).unwrap();
        results.push_str(&format!("{number} {result}, {keys} keys\n"));
    }
    expect![[r#"
        1 done response200, 0 keys
        2 done response200, 0 keys
        3 denied 401, 1 keys
        4 done response200, 0 keys
        5 done response200, 0 keys
        6 denied 401, 1 keys
        7 done response200, 0 keys
    "#]]
    .assert_eq(&results);
}
