//! The simulated Hotdesk: what it answers, and that a sign-out is applied later than it is taken.

use std::time::Duration;

use expect_test::expect;
use signoff_sandbox::hotdesk::{READ_ONLY_TOKEN, TOKEN};
use signoff_sandbox::{DeskState, Population, Sandbox, Settings};

use crate::client::send;

async fn ask(sandbox: &Sandbox, token: &str, line: &str) -> String {
    let request = format!(
        "{line} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\nX-Hotdesk-Token: {token}\r\nContent-Length: 0\r\n\r\n"
    );
    let reply = send(sandbox, &request).await.unwrap();
    let lines: Vec<String> = reply
        .body
        .lines()
        .map(|line| {
            let fields = line.split('\t').filter(|field| !field.starts_with("since="));
            fields.collect::<Vec<_>>().join(" | ")
        })
        .collect();
    format!("{} {}", reply.status, lines.join("\n"))
}

async fn started(lag: Duration) -> Sandbox {
    let mut settings = Settings::with(Population::team(1));
    settings.hotdesk.lag = lag;
    Sandbox::start(settings).await.unwrap()
}

#[tokio::test]
async fn it_lists_its_users() {
    let sandbox = started(Duration::ZERO).await;
    expect![[r#"
        200 user=mara | state=in | desk=3.01 | floor=3 | name=Mara Lind
        user=tomo | state=in | desk=3.02 | floor=3 | name=Tomo Okafor
        user=zoë | state=in | desk=3.03 | floor=3 | name=Zoë Martens
        user=jia | state=call | desk=2.04 | floor=2 | name=贾佳
        user=pavel | state=out | desk= | floor=2 | name=Pavel "Pasha" Novák
        user=ines.d | state=in | desk=2.06 | floor=2 | name=Inês Duarte"#]]
    .assert_eq(&ask(&sandbox, READ_ONLY_TOKEN, "GET /hotdesk/1/users").await);
    expect![[r#"
        200 user=jia | state=call | desk=2.04 | floor=2 | name=贾佳
        user=ines.d | state=in | desk=2.06 | floor=2 | name=Inês Duarte"#]]
    .assert_eq(&ask(&sandbox, TOKEN, "GET /hotdesk/1/users?floor=2&signed_in=yes").await);
    expect!["200 user=zoë | state=in | desk=3.03 | floor=3 | name=Zoë Martens"]
        .assert_eq(&ask(&sandbox, TOKEN, "GET /hotdesk/1/users/zo%C3%AB").await);
}

#[tokio::test]
async fn it_refuses_with_a_code() {
    let sandbox = started(Duration::ZERO).await;
    let cases = [
        ("nonsense", "GET /hotdesk/1/users"),
        (READ_ONLY_TOKEN, "POST /hotdesk/1/users/mara/sign-out"),
        (TOKEN, "POST /hotdesk/1/users/jia/sign-out"),
        (TOKEN, "POST /hotdesk/1/users/pavel/sign-out"),
        (TOKEN, "GET /hotdesk/1/users/nobody"),
        (TOKEN, "DELETE /hotdesk/1/users/mara"),
        (TOKEN, "GET /hotdesk/1/desks"),
        (TOKEN, "GET /hotdesk/2/users"),
    ];
    let mut answers = String::new();
    for (token, line) in cases {
        let answer = ask(&sandbox, token, line).await;
        answers.push_str(answer.lines().next().unwrap_or_default());
        answers.push('\n');
    }
    sandbox.set_fault("unavailable@/hotdesk".parse().unwrap());
    answers.push_str(&ask(&sandbox, TOKEN, "GET /hotdesk/1/users").await);
    expect![[r#"
        401 error=bad_token | message=there is no such token
        403 error=read_only_token | message=this token may look, and change nothing
        409 error=on_call | message=he is on a call
        409 error=not_signed_in | message=he is at no desk
        404 error=no_such_user | message=nobody is called nobody
        405 error=wrong_method | message=not with this method
        404 error=no_such_resource | message=there is nothing here
        404 <!doctype html><html lang="en"><head><title>HTTP Status 404 Not Found</title></head><body><h1>HTTP Status 404 Not Found</h1></body></html>
        503 error=out_of_service | message=come back later"#]].assert_eq(&answers);
    let refused = sandbox.ledger().sign_outs_of("jia");
    assert_eq!((refused.requested, refused.accepted, refused.applied), (1, 0, 0));
    assert_eq!(
        sandbox
            .ledger()
            .count_where(|request| request.actor.as_deref() == Some("wallboard")),
        1
    );
}

#[tokio::test]
async fn a_sign_out_is_applied_once_the_phone_lets_go() {
    let sandbox = started(Duration::from_millis(40)).await;
    for ticket in 1..=2 {
        let answer = ask(&sandbox, TOKEN, "POST /hotdesk/1/users/mara/sign-out").await;
        assert_eq!(answer, format!("202 ticket={ticket}"));
        assert_eq!(sandbox.desk_state_of("mara"), Some(DeskState::In));
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(sandbox.desk_state_of("mara"), Some(DeskState::Out));
    let sign_outs = sandbox.ledger().sign_outs_of("mara");
    assert_eq!(
        (sign_outs.requested, sign_outs.accepted, sign_outs.applied),
        (2, 2, 1)
    );
}

#[tokio::test]
async fn a_sign_out_that_was_sent_twice_meets_whoever_signed_in_between() {
    let sandbox = started(Duration::ZERO).await;
    sandbox.set_fault("lag=30ms".parse().unwrap());
    ask(&sandbox, TOKEN, "POST /hotdesk/1/users/mara/sign-out").await;
    sandbox.set_fault("lag=90ms".parse().unwrap());
    ask(&sandbox, TOKEN, "POST /hotdesk/1/users/mara/sign-out").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(sandbox.desk_state_of("mara"), Some(DeskState::Out));
    assert!(sandbox.set_desk_state("mara", DeskState::In));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(sandbox.desk_state_of("mara"), Some(DeskState::Out));
    assert_eq!(sandbox.ledger().sign_outs_of("mara").applied, 2);
}

#[tokio::test]
async fn an_unplugged_phone_never_lets_go() {
    let sandbox = started(Duration::ZERO).await;
    sandbox.set_fault("never_apply@POST/hotdesk".parse().unwrap());
    assert_eq!(
        ask(&sandbox, TOKEN, "POST /hotdesk/1/users/mara/sign-out").await,
        "202 ticket=1"
    );
    assert_eq!(sandbox.desk_state_of("mara"), Some(DeskState::In));
    assert_eq!(sandbox.desk_state_of("nobody"), None);
    assert!(!sandbox.set_desk_state("nobody", DeskState::In));
}
