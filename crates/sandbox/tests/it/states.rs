//! States, queues, calls, and what the ledger says about them.

use std::time::Duration;

use expect_test::expect;
use signoff_sandbox::finesse::{AsyncError, Deployment, TalkingLogout, WhenChecked};
use signoff_sandbox::{Cause, End, Logouts, Sandbox, Setting, Settings, State, User};

use crate::client::{get, put, put_state, text_of};
use crate::world::{AGENT, SUPERVISOR, population, sandbox, set};

#[tokio::test]
async fn a_day_of_the_labs() {
    let sandbox = sandbox().await;
    let login = "102:102-password";
    let sign_in = "<User><state>LOGIN</state><extension>1102</extension><id>ignored</id></User>";
    for (body, state) in [
        (sign_in, State::NotReady),
        ("<user xmlns='urn:x'><state> READY </state></user>", State::Ready),
        (sign_in, State::Ready),
        (
            "<User><state>NOT_READY</state><reasonCodeId>61</reasonCodeId></User>",
            State::NotReady,
        ),
        (
            "<User><state>LOGOUT</state><logoutAllMedia>true</logoutAllMedia></User>",
            State::Logout,
        ),
    ] {
        let reply = put(&sandbox, login, "102", body).await.unwrap();
        assert_eq!((reply.status, reply.body.as_str()), (202, ""), "{body}");
        assert_eq!(sandbox.state_of("102"), Some(state), "{body}");
    }
    let effects = sandbox.ledger().effects_on("102");
    let shown: Vec<_> = effects
        .iter()
        .map(|effect| format!("{} {}", effect.from, effect.to))
        .collect();
    expect![[r#"
        LOGOUT NOT_READY
        NOT_READY READY
        READY NOT_READY
        NOT_READY LOGOUT"#]]
    .assert_eq(&shown.join("\n"));
    assert!(effects.iter().all(|effect| matches!(
        &effect.cause,
        Cause::Request { actor, request_id: Some(id) } if &**actor == "102" && &**id == "r-102"
    )));
    assert_eq!(
        sandbox.ledger().logouts_of("102"),
        Logouts {
            requested: 1,
            accepted: 1,
            applied: 1
        }
    );
    assert_eq!(sandbox.ledger().count("PUT", "/finesse/api/User/"), 5);
    let first = sandbox.ledger().requests().remove(0);
    assert_eq!(
        (first.actor.as_deref(), first.end),
        (Some("102"), End::Answered(202))
    );
    assert_eq!(first.body, sign_in);
}

#[tokio::test]
async fn a_mobile_agent_is_shown_while_signed_in() {
    let sandbox = sandbox().await;
    let body = "<User><state>LOGIN</state><extension>1</extension>\
                <mobileAgent><mode>CALL_BY_CALL</mode><dialNumber>0044</dialNumber></mobileAgent></User>";
    let login = "102:102-password";
    put(&sandbox, login, "102", body).await.unwrap();
    let user = get(&sandbox, login, "/User/102").await.unwrap();
    assert_eq!(text_of(&user.body, "dialNumber"), Some("0044"));
    put_state(&sandbox, login, "102", "LOGOUT").await.unwrap();
    let user = get(&sandbox, login, "/User/102").await.unwrap();
    assert_eq!(
        (
            text_of(&user.body, "dialNumber"),
            text_of(&user.body, "extension")
        ),
        (None, Some(""))
    );
}

#[tokio::test]
async fn changes_queue_up_behind_each_other() {
    let sandbox = sandbox().await;
    sandbox.set_fault("lag=120ms".parse().unwrap());
    // READY may not sign out on UCCE, but behind a NOT_READY it may.
    assert_eq!(
        put_state(&sandbox, AGENT, "100", "NOT_READY")
            .await
            .unwrap()
            .status,
        202
    );
    assert_eq!(
        put_state(&sandbox, AGENT, "100", "LOGOUT").await.unwrap().status,
        202
    );
    assert_eq!(
        put_state(&sandbox, SUPERVISOR, "100", "LOGOUT")
            .await
            .unwrap()
            .status,
        202
    );
    assert_eq!(sandbox.state_of("100"), Some(State::Ready));
    while sandbox.ledger().unapplied().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(sandbox.state_of("100"), Some(State::Logout));
    let logouts = sandbox.ledger().logouts_of("100");
    assert_eq!((logouts.accepted, logouts.applied), (2, 1));
    let unapplied = sandbox.ledger().unapplied();
    assert_eq!(unapplied.len(), 1);
    assert_eq!(unapplied[0].error, AsyncError::by_code("22"));
    let effects = sandbox.ledger().effects_on("100");
    assert!(effects[1].at - effects[0].at >= Duration::from_millis(120));
}

#[tokio::test]
async fn what_cti_refuses_is_accepted_first() {
    let sandbox = sandbox().await;
    let login = "102:102-password";
    let refused = |sandbox: &Sandbox| sandbox.ledger().unapplied().last().unwrap().error.clone();
    assert_eq!(
        put_state(&sandbox, login, "102", "READY").await.unwrap().status,
        202
    );
    assert_eq!(refused(&sandbox), AsyncError::by_code("22"));
    put_state(&sandbox, login, "102", "NOT_READY").await.unwrap();
    assert_eq!(refused(&sandbox), AsyncError::by_code("257"));
    set(&sandbox, Setting::Deployment(Deployment::Uccx));
    put_state(&sandbox, login, "102", "NOT_READY").await.unwrap();
    assert_eq!(refused(&sandbox), AsyncError::by_code("1010"));
    // On UCCX a READY agent may sign out.
    assert_eq!(
        put_state(&sandbox, AGENT, "100", "LOGOUT").await.unwrap().status,
        202
    );
    assert_eq!(sandbox.state_of("100"), Some(State::Logout));
    set(&sandbox, Setting::StateCheck(WhenChecked::Async));
    assert_eq!(
        put_state(&sandbox, SUPERVISOR, "100", "LOGOUT")
            .await
            .unwrap()
            .status,
        202
    );
    assert_eq!(refused(&sandbox), AsyncError::by_code("22"));
}

#[tokio::test]
async fn a_logout_on_a_call_takes_effect_at_once_or_after_it() {
    let sandbox = sandbox().await;
    sandbox.begin_call("100", None);
    set(&sandbox, Setting::Talking(TalkingLogout::Pending));
    assert_eq!(
        put_state(&sandbox, SUPERVISOR, "100", "LOGOUT")
            .await
            .unwrap()
            .status,
        202
    );
    assert_eq!(sandbox.state_of("100"), Some(State::Talking));
    assert_eq!(sandbox.pending_state_of("100"), Some(State::Logout));
    let team = get(&sandbox, SUPERVISOR, "/Team/1").await.unwrap();
    assert!(
        team.body.contains("<pendingState>LOGOUT</pendingState>"),
        "{}",
        team.body
    );
    sandbox.end_call("100");
    assert_eq!(sandbox.state_of("100"), Some(State::Logout));
    let last = sandbox.ledger().effects_on("100").pop().unwrap();
    assert!(matches!(last.cause, Cause::Request { actor, .. } if &*actor == "sup"));

    set(&sandbox, Setting::Talking(TalkingLogout::Immediate));
    sandbox.set_state("101", State::Hold);
    put_state(&sandbox, SUPERVISOR, "101", "LOGOUT").await.unwrap();
    let last = sandbox.ledger().effects_on("101").pop().unwrap();
    assert_eq!((last.from, last.to), (State::Hold, State::Logout));
}

#[tokio::test]
async fn calls_come_end_and_are_wrapped_up() {
    let ms = Duration::from_millis;
    let population = population()
        .with(
            User::agent("300", "1")
                .on_call(State::Talking, ms(20))
                .wraps_up(ms(20)),
        )
        .with(User::agent("301", "1").call(ms(10), ms(10_000)))
        .with(User::agent("303", "1").calls_every(ms(10), ms(5)))
        .with(
            User::agent("302", "1")
                .state(State::NotReady)
                .call(ms(10), ms(10_000)),
        );
    let sandbox = Sandbox::start(Settings::with(population)).await.unwrap();
    tokio::time::sleep(ms(60)).await;
    assert_eq!(sandbox.state_of("300"), Some(State::Ready));
    assert_eq!(sandbox.state_of("301"), Some(State::Talking));
    assert_eq!(sandbox.state_of("302"), Some(State::NotReady));
    let states: Vec<_> = sandbox
        .ledger()
        .effects_on("300")
        .iter()
        .map(|effect| (effect.at, effect.to))
        .collect();
    let calls = sandbox.ledger().effects_on("303");
    let begun = calls.iter().filter(|effect| effect.to == State::Talking);
    assert!(begun.count() >= 6);
    assert_eq!((calls[1].at, calls[1].to), (ms(15), State::Ready));
    assert_eq!(states, [(ms(20), State::Work), (ms(40), State::Ready)]);
}

#[tokio::test]
async fn a_supervisor_may_log_out_another_of_his_team() {
    let other = User::supervisor("deputy", &["1"]);
    let sandbox = Sandbox::start(Settings::with(population().with(other)))
        .await
        .unwrap();
    assert_eq!(
        put_state(&sandbox, SUPERVISOR, "deputy", "LOGOUT")
            .await
            .unwrap()
            .status,
        202
    );
    assert_eq!(sandbox.state_of("deputy"), Some(State::Logout));
    // For himself he is an agent like others: out of NOT_READY only.
    sandbox.set_state("sup", State::Ready);
    assert_eq!(
        put_state(&sandbox, SUPERVISOR, "sup", "LOGOUT")
            .await
            .unwrap()
            .status,
        400
    );
    sandbox.set_state("sup", State::NotReady);
    assert_eq!(
        put_state(&sandbox, SUPERVISOR, "sup", "LOGOUT")
            .await
            .unwrap()
            .status,
        202
    );
}

#[tokio::test]
async fn one_user_may_fail_where_others_do_not() {
    let failing = User::agent("666", "1").failing(AsyncError::by_code("260").unwrap());
    let sandbox = Sandbox::start(Settings::with(population().with(failing)))
        .await
        .unwrap();
    for (id, state) in [("666", State::Ready), ("100", State::Logout)] {
        assert_eq!(
            put_state(&sandbox, SUPERVISOR, id, "LOGOUT")
                .await
                .unwrap()
                .status,
            202
        );
        assert_eq!(sandbox.state_of(id), Some(state));
    }
    assert_eq!(sandbox.ledger().unapplied().len(), 1);
}
