//! The sandbox itself: its settings, its configuration, its demo.

use std::time::Duration;

use expect_test::{expect, expect_file};
use signoff_sandbox::{Population, Sandbox, Settings, State, uiza, zap};

use crate::client::put_state;
use crate::world::{SUPERVISOR, population, sandbox};

#[tokio::test]
async fn the_sandbox_describes_itself() {
    let sandbox = sandbox().await;
    expect![[r##"
        # A signoff.toml for the sandbox, which simulates vendor services on this machine. Its passwords protect
        # nothing, so they stand here; a real one comes from an `env`, a `file` or a `command`.

        [connections.finesse]
        provider = "finesse"
        api = ["ORIGIN"]
        credential = "supervisor"    # or another of those below, by `--as NAME`
        feed = { credential = "administrator" }    # who listens to notifications

        # supervises teams: logs their members out
        [credentials.supervisor]
        username = "sup"
        password = { command = ["printf", "%s", "sup-password"] }

        # reads every user, and hears of all of them; logs nobody out
        [credentials.administrator]
        username = "admin"
        password = { command = ["printf", "%s", "admin-password"] }

        # signs himself out
        [credentials.agent]
        username = "100"
        password = { command = ["printf", "%s", "100-password"] }

        [connections.zap]
        provider = "zap"
        api = ["ORIGIN"]
        credential = "site-admin"

        # logs others out, on the web and on their devices
        [credentials.site-admin]
        username = "admin@zap.example"
        password = { command = ["printf", "%s", "admin-password"] }

        [connections.uiza]
        provider = "uiza"
        api = ["ORIGIN"]
        credential = "workspace"

        # sees everybody; whom a logout concerns is told by the key of each user
        [credentials.workspace]
        key = { command = ["printf", "%s", "uap-7cab3b2ec612428a6c5507951c1745b0-edd7fb05"] }

        # An invented vendor with a provider in C, which has to be built and trusted before this can be used:
        # see `A provider in C` in the README.
        [connections.hotdesk]
        provider = "plugin:hotdesk"
        api = ["ORIGIN"]
        credential = "reception"

        [credentials.reception]
        key = { command = ["printf", "%s", "reception-token"] }
    "##]]
    .assert_eq(&sandbox.configuration().replace(&sandbox.origin(), "ORIGIN"));
    assert_eq!(sandbox.passwords().next(), Some(("sup", "sup-password")));
    assert_eq!(sandbox.signed_in(), ["sup", "other-sup", "100", "101", "200"]);
    let settings = Settings {
        listen: "192.0.2.1:80".parse().unwrap(),
        ..Settings::default()
    };
    let refused = Sandbox::start(settings).await.unwrap_err();
    expect!["the sandbox listens on loopback only, not on `192.0.2.1:80`"].assert_eq(&refused.to_string());
}

#[test]
fn it_serves_on_a_thread_of_its_own() {
    let sandbox = Sandbox::start_on_thread(Settings::with(population())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let reply = runtime.block_on(put_state(&sandbox, SUPERVISOR, "100", "LOGOUT"));
    assert_eq!(reply.unwrap().status, 202);
    assert_eq!(sandbox.state_of("100"), Some(State::Logout));
    let port = sandbox.origin().replace("http://", "");
    drop(sandbox);
    assert!(std::net::TcpStream::connect(port).is_err());
}

#[tokio::test]
async fn the_demo_can_be_logged_out() {
    let sandbox = Sandbox::start(Settings::default()).await.unwrap();
    let (_, password) = sandbox.passwords().next().unwrap();
    let login = format!("supervisorA:{password}");
    for agent in sandbox.signed_in() {
        sandbox.end_call(&agent);
        if agent != "supervisorA" {
            let reply = put_state(&sandbox, &login, &agent, "LOGOUT").await.unwrap();
            assert_eq!(reply.status, 202, "{agent}");
        }
    }
    tokio::time::sleep(Duration::from_millis(70)).await;
    assert_eq!(sandbox.signed_in(), ["supervisorA"]);
    assert_eq!(sandbox.ledger().most_at_once(), 1);
}

#[test]
fn a_mixed_team_has_every_state_and_repeats_itself() {
    let population = Population::mixed(40, 9);
    assert_eq!(population, Population::mixed(40, 9));
    assert_ne!(population, Population::mixed(40, 10));
    for state in State::IN_USE {
        let of_it = population.users.iter().filter(|user| user.state == state);
        assert!(of_it.count() >= 4, "{state}");
    }
}

#[test]
fn the_example_files_are_the_people_of_the_demo() {
    let mut users = String::from("id,name,device_token\n");
    for user in zap::demo()
        .into_iter()
        .filter(|user| user.role == zap::Role::Customer)
    {
        let name = if user.name.contains(['"', ',']) {
            format!("\"{}\"", user.name.replace('"', "\"\""))
        } else {
            user.name
        };
        // A row for each device.
        let mut devices = user.devices;
        devices.resize(devices.len().max(1), String::new());
        for device in devices {
            users.push_str(&format!("{},{name},{device}\n", user.id));
        }
    }
    expect_file!["../../../../scripts/people/zap_users.csv"].assert_eq(&users);
    let mut keys = String::from("id,key\n");
    for user in uiza::demo().into_iter().filter(|user| !user.admin) {
        keys.push_str(&format!("{},{}\n", user.id, user.key));
    }
    expect_file!["../../../../scripts/people/uiza_keys.csv"].assert_eq(&keys);
}
