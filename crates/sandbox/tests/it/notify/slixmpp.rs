//! slixmpp, a client that shares no code with the sandbox, hears what ours hears.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use expect_test::expect;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::{TEAM, started};
use crate::client::put_state;
use crate::world::SUPERVISOR;

#[tokio::test]
async fn a_client_of_somebody_elses_making() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = package.join("../../target/slixmpp/bin/python");
    if !python.exists() {
        // Not by a macro, whose words a test that passes keeps to itself.
        let left_out = "LEFT OUT: no slixmpp in target/slixmpp, which tests/run installs\n";
        std::io::stderr().write_all(left_out.as_bytes()).unwrap();
        return;
    }
    let sandbox = started(&[]).await;
    let mut client = Command::new(python)
        .arg(package.join("tests/slixmpp_client.py"))
        .arg(sandbox.xmpp_address().port().to_string())
        .args(["sup@finesse.sandbox/learninglab", "sup-password", TEAM])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    let mut said = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.starts_with("subscribed") {
            assert_eq!(
                sandbox.feed_subscriptions(),
                [(TEAM.to_owned(), "sup@finesse.sandbox/learninglab".to_owned())]
            );
            put_state(&sandbox, SUPERVISOR, "100", "LOGOUT").await.unwrap();
        }
        let steady = match line.split_once("<stateChangeTime>") {
            Some((before, after)) => format!("{before}…{}", &after[after.find('<').unwrap()..]),
            None => line,
        };
        said.push_str(&steady);
        said.push('\n');
    }
    assert!(client.wait().await.unwrap().success(), "{said}");
    expect![[r#"
        roster 0
        service pubsub/service
        items pubsub.finesse.sandbox
        subscribed subscribed
        event pubsub.finesse.sandbox <Update><data><user><dialogs>/finesse/api/User/100/Dialogs</dialogs><extension></extension><firstName>Ann</firstName><lastName>O&apos;Neil &amp; &lt;Co&gt;</lastName><loginId>100</loginId><mediaType>1</mediaType><pendingState></pendingState><state>LOGOUT</state>…</stateChangeTime><uri>/finesse/api/User/100</uri></user></data><event>PUT</event><requestId>r-100</requestId><source>/finesse/api/User/100</source></Update>
        listed /finesse/api/User/sup/Dialogs sup@finesse.sandbox
        listed /finesse/api/User/sup sup@finesse.sandbox
        listed /finesse/api/Team/1/Users sup@finesse.sandbox/learninglab
        listed /finesse/api/SystemInfo sup@finesse.sandbox
        unsubscribed
        gone
    "#]].assert_eq(&said);
    assert_eq!(sandbox.feed_subscriptions(), []);
}
