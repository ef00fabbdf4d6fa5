//! A cluster of two nodes before one state.

use std::time::Duration;

use signoff_sandbox::{Population, Sandbox, Settings, State};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::basic;

const SUPERVISOR: &str = "supervisor:supervisor-password";

/// The status that a node answers with; `None` if it does not.
async fn status(sandbox: &Sandbox, node: usize, request: &str) -> Option<String> {
    let address = sandbox.origins().get(node)?.replace("http://", "");
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    answer.split(' ').nth(1).map(str::to_owned)
}

fn team() -> String {
    let path = "/finesse/api/User/supervisor";
    format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}\r\n",
        basic(SUPERVISOR)
    )
}

fn logout(user: &str) -> String {
    let body = "<User><state>LOGOUT</state></User>";
    format!(
        "PUT /finesse/api/User/{user} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/xml\r\n\
         Content-Length: {}\r\n{}\r\n{body}",
        body.len(),
        basic(SUPERVISOR)
    )
}

/// Waits until a node does or does not answer.
async fn until(sandbox: &Sandbox, node: usize, expected: Option<&str>) {
    let reached = async {
        while status(sandbox, node, &team()).await.as_deref() != expected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(5), reached).await;
    assert!(in_time.is_ok(), "node {node} never answered {expected:?}");
}

#[tokio::test]
async fn both_nodes_show_the_same_and_fail_apart() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start(Settings::with(Population::team(3)).nodes(2)).await?;
    assert_eq!(sandbox.origins().len(), 2);
    assert!(
        sandbox
            .configuration()
            .contains(&format!("\", \"{}\"]", sandbox.origins()[1]))
    );
    assert_eq!(
        status(&sandbox, 1, &logout("10001")).await.as_deref(),
        Some("202")
    );
    assert_eq!(
        status(&sandbox, 0, &logout("10002")).await.as_deref(),
        Some("202")
    );

    sandbox.stop_node(0);
    until(&sandbox, 0, None).await;
    until(&sandbox, 1, Some("200")).await;
    sandbox.set_in_service(1, false);
    until(&sandbox, 1, Some("503")).await;
    sandbox.start_node(0);
    until(&sandbox, 0, Some("200")).await;
    sandbox.set_in_service(1, true);
    until(&sandbox, 1, Some("200")).await;

    let requests = sandbox.ledger().requests();
    let writes = requests.iter().filter(|request| request.method == "PUT");
    assert_eq!(writes.map(|request| request.node).collect::<Vec<_>>(), [1, 0]);
    let out = async {
        while sandbox.state_of("10001") != Some(State::Logout) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), out).await?;
    Ok(())
}

#[tokio::test]
async fn a_stopped_node_breaks_off_what_is_under_way() -> Result<(), Box<dyn std::error::Error>> {
    let settings = Settings::with(Population::team(1)).nodes(2);
    let sandbox = Sandbox::start(settings.fault("hang_before=1".parse()?)).await?;
    let request = team();
    let hanging = status(&sandbox, 0, &request);
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        sandbox.stop_node(0);
    };
    let (answer, ()) =
        tokio::time::timeout(Duration::from_secs(5), async { tokio::join!(hanging, stopping) }).await?;
    assert_eq!(answer, None);
    Ok(())
}
