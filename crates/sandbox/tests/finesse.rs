//! The simulated Finesse as a client meets it: every error row, rights, lists, lock-out, lag, calls.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod client;

use std::time::Duration;

use client::{Reply, get, put, put_state, send, text_of};
use expect_test::{Expect, expect};
use signoff_sandbox::finesse::{AsyncError, Deployment, ServiceStatus, TalkingLogout, WhenChecked};
use signoff_sandbox::{Cause, End, Logouts, Population, Sandbox, Setting, Settings, State, User};

const SUPERVISOR: &str = "sup:sup-password";
const AGENT: &str = "100:100-password";
const ADMINISTRATOR: &str = "admin:admin-password";

/// Two teams; `sup` supervises the first, of which 100 is READY and 101 NOT_READY.
fn population() -> Population {
    Population::new()
        .with_team("1", "One & Only")
        .with_team("2", "Two")
        .with(User::supervisor("sup", &["1"]).extension("2001"))
        .with(User::supervisor("other-sup", &["2", "1"]))
        .with(User::administrator("admin"))
        .with(
            User::agent("100", "1")
                .named("Ann", "O'Neil & <Co>")
                .extension("1100"),
        )
        .with(User::agent("101", "1").state(State::NotReady))
        .with(User::agent("102", "1").state(State::Logout))
        .with(User::agent("200", "2"))
        .with_reason(55, 222, "LOGOUT", "End of Shift")
        .with_reason(61, 301, "NOT_READY", "Lunch")
}

async fn sandbox() -> Sandbox {
    Sandbox::start(Settings::with(population())).await.unwrap()
}

fn set(sandbox: &Sandbox, setting: Setting) {
    sandbox.set_fault(signoff_sandbox::Fault::new(signoff_sandbox::FaultKind::Finesse(
        setting,
    )));
}

fn check(reply: &Reply, expected: &Expect) {
    expected.assert_eq(&reply.brief());
}

const LOGOUT: &str = "<User><state>LOGOUT</state></User>";

#[tokio::test]
async fn every_error_row_of_a_change() {
    let sandbox = sandbox().await;
    let rows = [
        ("malformed", AGENT, "100", "<User><state>LOGOUT</User>"),
        ("another root", AGENT, "100", "<Team><state>LOGOUT</state></Team>"),
        (
            "no state",
            AGENT,
            "100",
            "<User><extension>1100</extension></User>",
        ),
        (
            "unknown state",
            AGENT,
            "100",
            "<User><state>ASLEEP</state></User>",
        ),
        (
            "a state that cannot be set",
            AGENT,
            "100",
            "<User><state>TALKING</state></User>",
        ),
        ("sign-out when READY", AGENT, "100", LOGOUT),
        ("sign-out when out", "102:102-password", "102", LOGOUT),
        (
            "sign-in without extension",
            AGENT,
            "100",
            "<User><state>LOGIN</state></User>",
        ),
        (
            "a bad extension",
            AGENT,
            "100",
            "<User><state>LOGIN</state><extension>+44</extension></User>",
        ),
        (
            "a bad mode",
            AGENT,
            "100",
            "<User><state>LOGIN</state><extension>1</extension><mobileAgent><mode>X</mode><dialNumber>1</dialNumber></mobileAgent></User>",
        ),
        (
            "unknown reason",
            AGENT,
            "100",
            "<User><state>NOT_READY</state><reasonCodeId>7</reasonCodeId></User>",
        ),
        (
            "reason of the other kind",
            AGENT,
            "100",
            "<User><state>NOT_READY</state><reasonCodeId>55</reasonCodeId></User>",
        ),
        ("another agent", AGENT, "101", LOGOUT),
        ("an unknown user, by an agent", AGENT, "999", LOGOUT),
        ("wrong password", "100:nope", "100", LOGOUT),
        ("unknown login", "nobody:x", "100", LOGOUT),
        ("not in his team", SUPERVISOR, "200", LOGOUT),
        ("an unknown user, by a supervisor", SUPERVISOR, "4023", LOGOUT),
        ("out already", SUPERVISOR, "102", LOGOUT),
        (
            "a supervisor's reason",
            SUPERVISOR,
            "100",
            "<User><state>LOGOUT</state><reasonCodeId>55</reasonCodeId></User>",
        ),
        (
            "signing in another",
            SUPERVISOR,
            "102",
            "<User><state>LOGIN</state><extension>1</extension></User>",
        ),
        (
            "an unsupported change",
            SUPERVISOR,
            "101",
            "<User><state>NOT_READY</state></User>",
        ),
        ("an administrator", ADMINISTRATOR, "100", LOGOUT),
        (
            "an administrator who is no agent",
            ADMINISTRATOR,
            "admin",
            "<User><state>LOGIN</state><extension>1</extension></User>",
        ),
    ];
    let mut table = String::new();
    for (what, login, id, body) in rows {
        let reply = put(&sandbox, login, id, body).await.unwrap();
        assert_eq!(reply.header("requestId"), Some(&*format!("r-{id}")), "{what}");
        table.push_str(&format!("{what}: {}\n", reply.brief()));
    }
    expect![[r#"
        malformed: 400 Bad Request|User|The request body is malformed or incomplete
        another root: 400 Bad Request|User|The request body is malformed or incomplete
        no state: 400 Parameter Missing|state|State Parameter missing
        unknown state: 400 Invalid Input|state|Invalid State specified for user
        a state that cannot be set: 400 Invalid Input|state|Invalid State specified for user
        sign-out when READY: 400 Invalid Input|state|Invalid State specified for user
        sign-out when out: 400 Invalid State|state|Invalid State specified for user
        sign-in without extension: 400 Parameter Missing|extension|Extension Parameter missing
        a bad extension: 400 Bad Request|+44|Invalid Extension specified for user
        a bad mode: 400 Invalid Input|mode|Invalid mode specified for user
        unknown reason: 400 Invalid Input|reasonCodeId|Invalid reasonCodeId specified for user
        reason of the other kind: 400 Invalid Input|reasonCodeId|Invalid reasonCodeId specified for user
        another agent: 401 Invalid Authorization User Specified|101|The user specified in the authentication credentials and the uri don&apos;t match
        an unknown user, by an agent: 401 Invalid Authorization User Specified|999|The user specified in the authentication credentials and the uri don&apos;t match
        wrong password: 401 Authorization Failure|100|UNAUTHORIZED
        unknown login: 401 Authorization Failure|nobody|UNAUTHORIZED
        not in his team: 401 Invalid Supervisor|200|The user is not in a team of this supervisor
        an unknown user, by a supervisor: 404 User Not Found|4023|UNKNOWN_USER
        out already: 400 Invalid State|state|Invalid State specified for user
        a supervisor's reason: 400 Invalid Input|reasonCodeId|Invalid reasonCodeId specified for user
        signing in another: 401 Invalid Authorization User Specified|102|The user specified in the authentication credentials and the uri don&apos;t match
        an unsupported change: 401 Invalid State|state|Invalid State specified for user
        an administrator: 401 Authorization Failure|admin|UNAUTHORIZED
        an administrator who is no agent: 404 User Not Found|admin|UNKNOWN_USER
    "#]].assert_eq(&table);
    assert!(sandbox.ledger().effects().is_empty());
}

#[tokio::test]
async fn a_put_needs_its_content_type_and_a_known_method() {
    let sandbox = sandbox().await;
    let request = |head: &str| {
        format!(
            "{head} /finesse/api/User/100 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}Content-Length: 0\r\n\r\n",
            client::basic(AGENT)
        )
    };
    assert_eq!(send(&sandbox, &request("PUT")).await.unwrap().status, 415);
    let refused = send(&sandbox, &request("POST")).await.unwrap();
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, PUT")));
    let anonymous = "GET /finesse/api/User/100 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let refused = send(&sandbox, anonymous).await.unwrap();
    check(&refused, &expect!["401 Authorization Failure||UNAUTHORIZED"]);
    assert!(refused.header("www-authenticate").is_some());
}

#[tokio::test]
async fn reading_needs_rights() {
    let sandbox = sandbox().await;
    let rows = [
        (AGENT, "/User/101"),
        (SUPERVISOR, "/User/100"),
        (ADMINISTRATOR, "/User/999"),
        (ADMINISTRATOR, "/User/admin"),
        (AGENT, "/Team/1"),
        (SUPERVISOR, "/Team/2"),
        (SUPERVISOR, "/Team/3"),
        (SUPERVISOR, "/Users"),
        (SUPERVISOR, "/Teams"),
        (SUPERVISOR, "/ReasonCodes?category=ALL"),
        (AGENT, "/User/100/ReasonCodes"),
        (AGENT, "/User/100/ReasonCodes?category=SLEEP"),
        (AGENT, "/User/100/ReasonCode/9"),
        (AGENT, "/Nothing/1"),
    ];
    let mut table = String::new();
    for (login, path) in rows {
        let reply = get(&sandbox, login, path).await.unwrap();
        table.push_str(&format!("{path}: {}\n", reply.brief()));
    }
    expect![[r#"
        /User/101: 401 Invalid Authorization User Specified|101|The user specified in the authentication credentials and the uri don&apos;t match
        /User/100: 401 Invalid Authorization User Specified|100|The user specified in the authentication credentials and the uri don&apos;t match
        /User/999: 404 User Not Found|999|UNKNOWN_USER
        /User/admin: 404 User Not Found|admin|UNKNOWN_USER
        /Team/1: 401 Authorization Failure|100|UNAUTHORIZED
        /Team/2: 401 Authorization Failure|sup|UNAUTHORIZED
        /Team/3: 404 Not Found|3|The resource does not exist
        /Users: 401 Unauthorized|-|The user is not authorized to perform this operation
        /Teams: 401 Unauthorized|-|The user is not authorized to perform this operation
        /ReasonCodes?category=ALL: 401 Unauthorized|-|The user is not authorized to perform this operation
        /User/100/ReasonCodes: 400 Parameter Missing|category|Category Parameter missing
        /User/100/ReasonCodes?category=SLEEP: 400 Invalid Input|category|Invalid category specified for user
        /User/100/ReasonCode/9: 404 Not Found|9|The resource does not exist
        /Nothing/1: 404 Not Found|1|The resource does not exist
    "#]].assert_eq(&table);
    set(&sandbox, Setting::SupervisorReadsUsers(true));
    assert_eq!(get(&sandbox, SUPERVISOR, "/User/100").await.unwrap().status, 200);
    assert_eq!(get(&sandbox, SUPERVISOR, "/User/200").await.unwrap().status, 401);
}

/// A document without its times, one element a line.
fn lines(body: &str) -> String {
    let mut out = body.replace("><", ">\n<");
    while let Some(time) = text_of(&out, "stateChangeTime").filter(|time| time.len() == 24) {
        out = out.replace(time, "TIME");
    }
    out
}

#[tokio::test]
async fn documents_look_like_captures() {
    let sandbox = sandbox().await;
    let user = get(&sandbox, SUPERVISOR, "/User/sup").await.unwrap();
    expect![[r#"
        <User>
        <dialogs>/finesse/api/User/sup/Dialogs</dialogs>
        <extension>2001</extension>
        <firstName>Agent</firstName>
        <lastName>sup</lastName>
        <loginId>sup</loginId>
        <loginName>sup</loginName>
        <mediaType>1</mediaType>
        <pendingState>
        </pendingState>
        <reasonCodeId>-1</reasonCodeId>
        <roles>
        <role>Agent</role>
        <role>Supervisor</role>
        </roles>
        <settings>
        <wrapUpOnIncoming>OPTIONAL</wrapUpOnIncoming>
        <wrapUpOnOutgoing>OPTIONAL</wrapUpOnOutgoing>
        </settings>
        <state>NOT_READY</state>
        <stateChangeTime>TIME</stateChangeTime>
        <teamId>1</teamId>
        <teamName>One &amp; Only</teamName>
        <teams>
        <Team>
        <id>1</id>
        <name>One &amp; Only</name>
        <uri>/finesse/api/Team/1</uri>
        </Team>
        </teams>
        <uri>/finesse/api/User/sup</uri>
        <wrapUpTimer>7200</wrapUpTimer>
        </User>"#]]
    .assert_eq(&lines(&user.body));
    let team = get(&sandbox, SUPERVISOR, "/Team/1?includeLoggedOutAgents=false")
        .await
        .unwrap();
    expect![[r#"
        <Team>
        <id>1</id>
        <name>One &amp; Only</name>
        <uri>/finesse/api/Team/1</uri>
        <users>
        <User>
        <dialogs>/finesse/api/User/sup/Dialogs</dialogs>
        <extension>2001</extension>
        <firstName>Agent</firstName>
        <lastName>sup</lastName>
        <loginId>sup</loginId>
        <mediaType>1</mediaType>
        <pendingState>
        </pendingState>
        <state>NOT_READY</state>
        <stateChangeTime>TIME</stateChangeTime>
        <uri>/finesse/api/User/sup</uri>
        </User>
        <User>
        <dialogs>/finesse/api/User/100/Dialogs</dialogs>
        <extension>1100</extension>
        <firstName>Ann</firstName>
        <lastName>O&apos;Neil &amp; &lt;Co&gt;</lastName>
        <loginId>100</loginId>
        <mediaType>1</mediaType>
        <pendingState>
        </pendingState>
        <state>READY</state>
        <stateChangeTime>TIME</stateChangeTime>
        <uri>/finesse/api/User/100</uri>
        </User>
        <User>
        <dialogs>/finesse/api/User/101/Dialogs</dialogs>
        <extension>1000</extension>
        <firstName>Agent</firstName>
        <lastName>101</lastName>
        <loginId>101</loginId>
        <mediaType>1</mediaType>
        <pendingState>
        </pendingState>
        <state>NOT_READY</state>
        <stateChangeTime>TIME</stateChangeTime>
        <uri>/finesse/api/User/101</uri>
        </User>
        </users>
        </Team>"#]]
    .assert_eq(&lines(&team.body));
    let reasons = get(&sandbox, AGENT, "/User/100/ReasonCodes?category=LOGOUT")
        .await
        .unwrap();
    expect![[r#"
        <ReasonCodes category="LOGOUT">
        <ReasonCode>
        <uri>/finesse/api/ReasonCode/55</uri>
        <id>55</id>
        <category>LOGOUT</category>
        <code>222</code>
        <label>End of Shift</label>
        <forAll>true</forAll>
        <systemCode>false</systemCode>
        </ReasonCode>
        </ReasonCodes>"#]]
    .assert_eq(&lines(&reasons.body));
    let teams = get(&sandbox, ADMINISTRATOR, "/Teams").await.unwrap();
    expect![[r#"
        <Teams>
        <Team>
        <id>1</id>
        <name>One &amp; Only</name>
        <uri>/finesse/api/Team/1</uri>
        </Team>
        <Team>
        <id>2</id>
        <name>Two</name>
        <uri>/finesse/api/Team/2</uri>
        </Team>
        </Teams>"#]]
    .assert_eq(&lines(&teams.body));
    let whole = get(&sandbox, SUPERVISOR, "/Team/1?includeLoggedOutAgents=true")
        .await
        .unwrap();
    assert_eq!(whole.body.matches("<User>").count(), 4);
    let users = get(&sandbox, ADMINISTRATOR, "/Users").await.unwrap();
    assert_eq!(users.body.matches("<User>").count(), 6);
}

#[tokio::test]
async fn system_info_needs_no_login_and_outlives_the_service() {
    let sandbox = sandbox().await;
    let anonymous =
        "GET /finesse/api/SystemInfo HTTP/1.1\r\nHost: fin.example:8445\r\nConnection: close\r\n\r\n";
    let info = send(&sandbox, anonymous).await.unwrap();
    assert_eq!(text_of(&info.body, "status"), Some("IN_SERVICE"));
    assert_eq!(text_of(&info.body, "host"), Some("fin.example"));
    assert!(info.header("date").is_some());
    set(&sandbox, Setting::Status(ServiceStatus::OutOfService));
    let info = send(&sandbox, anonymous).await.unwrap();
    assert_eq!(text_of(&info.body, "status"), Some("OUT_OF_SERVICE"));
    check(
        &get(&sandbox, AGENT, "/User/100").await.unwrap(),
        &expect!["503 Service Unavailable||SERVER_OUT_OF_SERVICE"],
    );
}

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
async fn a_forced_not_ready_is_stamped() {
    let sandbox = sandbox().await;
    assert_eq!(
        put_state(&sandbox, SUPERVISOR, "100", "NOT_READY")
            .await
            .unwrap()
            .status,
        202
    );
    let user = get(&sandbox, AGENT, "/User/100").await.unwrap();
    assert_eq!(text_of(&user.body, "code"), Some("999"));
    assert_eq!(text_of(&user.body, "reasonCodeId"), Some("-1"));
    let team = get(&sandbox, SUPERVISOR, "/Team/1").await.unwrap();
    assert!(team.body.contains("<reasonCode>"), "{}", team.body);
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
async fn five_wrong_passwords_lock_an_account() {
    let sandbox = sandbox().await;
    set(&sandbox, Setting::LockoutFor(Duration::from_millis(40)));
    for _ in 0..4 {
        get(&sandbox, "100:wrong", "/User/100").await.unwrap();
    }
    assert_eq!(get(&sandbox, AGENT, "/User/100").await.unwrap().status, 200);
    for _ in 0..5 {
        assert!(!sandbox.is_locked("100"));
        check(
            &get(&sandbox, "100:wrong", "/User/100").await.unwrap(),
            &expect!["401 Authorization Failure|100|UNAUTHORIZED"],
        );
    }
    assert!(sandbox.is_locked("100"));
    assert_eq!(get(&sandbox, AGENT, "/User/100").await.unwrap().status, 401);
    assert_eq!(get(&sandbox, SUPERVISOR, "/Team/1").await.unwrap().status, 200);
    tokio::time::sleep(Duration::from_millis(45)).await;
    assert_eq!(get(&sandbox, AGENT, "/User/100").await.unwrap().status, 200);
    set(&sandbox, Setting::AuthenticationFailure(true));
    check(
        &get(&sandbox, "100:wrong", "/User/100").await.unwrap(),
        &expect!["401 Authentication Failure|100|UNAUTHORIZED"],
    );
}

#[tokio::test]
async fn changes_queue_up_behind_each_other() {
    let sandbox = sandbox().await;
    sandbox.set_fault("lag=30ms".parse().unwrap());
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
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(sandbox.state_of("100"), Some(State::Logout));
    let logouts = sandbox.ledger().logouts_of("100");
    assert_eq!((logouts.accepted, logouts.applied), (2, 1));
    let unapplied = sandbox.ledger().unapplied();
    assert_eq!(unapplied.len(), 1);
    assert_eq!(unapplied[0].error, AsyncError::by_code("22"));
    let effects = sandbox.ledger().effects_on("100");
    assert!(effects[1].at - effects[0].at >= Duration::from_millis(30));
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
    let at_start = sandbox.state_of("300");
    tokio::time::sleep(ms(60)).await;
    assert_eq!(at_start, Some(State::Talking));
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
async fn a_login_name_is_resolved_on_ucce_only() {
    let mut user = User::agent("900", "1");
    user.login_name = "jsmith".to_owned();
    let sandbox = Sandbox::start(Settings::with(population().with(user)))
        .await
        .unwrap();
    let reply = get(&sandbox, "jsmith:900-password", "/User/jsmith")
        .await
        .unwrap();
    assert_eq!(text_of(&reply.body, "loginId"), Some("900"));
    set(&sandbox, Setting::Deployment(Deployment::Uccx));
    let reply = get(&sandbox, "jsmith:900-password", "/User/jsmith")
        .await
        .unwrap();
    assert_eq!(reply.status, 401);
}

#[tokio::test]
async fn the_sandbox_describes_itself() {
    let sandbox = sandbox().await;
    expect![[r##"
        # A signoff.toml for the sandbox, which simulates vendor services on this machine.

        [connections.finesse]
        provider = "finesse"
        api = ["ORIGIN"]
        credential = "supervisor"    # or another of those below, by `--as NAME`

        # supervises teams: logs their members out
        [credentials.supervisor]
        username = "sup"
        password = { env = "SIGNOFF_SANDBOX_SUPERVISOR_PASSWORD" }

        # reads every user; logs nobody out
        [credentials.administrator]
        username = "admin"
        password = { env = "SIGNOFF_SANDBOX_ADMINISTRATOR_PASSWORD" }

        # signs himself out
        [credentials.agent]
        username = "100"
        password = { env = "SIGNOFF_SANDBOX_AGENT_PASSWORD" }
    "##]]
    .assert_eq(&sandbox.configuration().replace(&sandbox.origin(), "ORIGIN"));
    assert_eq!(
        sandbox.environment()[0],
        (
            "SIGNOFF_SANDBOX_SUPERVISOR_PASSWORD".to_owned(),
            "sup-password".to_owned()
        )
    );
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
    let environment = sandbox.environment();
    let password = &environment[0].1;
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
