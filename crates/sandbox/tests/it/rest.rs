//! Every error row, rights, and the documents.

use std::time::Duration;

use expect_test::{Expect, expect};
use signoff_sandbox::finesse::{Deployment, ServiceStatus};
use signoff_sandbox::{Sandbox, Setting, Settings, State, User};

use crate::client::{self, Reply, get, put, put_state, send, text_of};
use crate::world::{ADMINISTRATOR, AGENT, SUPERVISOR, population, sandbox, set};

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
async fn five_wrong_passwords_lock_an_account() {
    let sandbox = sandbox().await;
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
    // It passes by itself.
    set(&sandbox, Setting::LockoutFor(Duration::from_millis(1)));
    for _ in 0..5 {
        get(&sandbox, "101:wrong", "/User/101").await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(2)).await;
    let reply = get(&sandbox, "101:101-password", "/User/101").await.unwrap();
    assert_eq!(reply.status, 200);
    set(&sandbox, Setting::AuthenticationFailure(true));
    check(
        &get(&sandbox, "101:wrong", "/User/101").await.unwrap(),
        &expect!["401 Authentication Failure|101|UNAUTHORIZED"],
    );
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
async fn uccx_shows_other_elements_and_fewer_states() {
    let sandbox = sandbox().await;
    set(&sandbox, Setting::Deployment(Deployment::Uccx));
    sandbox.set_state("100", State::Hold);
    let user = get(&sandbox, AGENT, "/User/100").await.unwrap();
    assert_eq!(text_of(&user.body, "state"), Some("TALKING"));
    assert!(!user.body.contains("wrapUpTimer"));
    let team = get(&sandbox, SUPERVISOR, "/Team/1").await.unwrap();
    assert!(
        team.body.contains("<mediaState>BUSY</mediaState>"),
        "{}",
        team.body
    );
    assert_eq!(text_of(&team.body, "mediaState"), Some("IDLE"));
    let signed_in = "<User><state>LOGIN</state><extension>+442079460000</extension></User>";
    let reply = put(&sandbox, "102:102-password", "102", signed_in).await.unwrap();
    assert_eq!(reply.status, 202);
}

#[tokio::test]
async fn what_differs_between_releases_can_be_chosen() {
    let sandbox = sandbox().await;
    set(&sandbox, Setting::LoggedOutByDefault(false));
    let team = get(&sandbox, SUPERVISOR, "/Team/1").await.unwrap();
    assert_eq!(team.body.matches("<User>").count(), 3);
    set(&sandbox, Setting::AcceptStatus(200));
    assert_eq!(
        put_state(&sandbox, SUPERVISOR, "100", "NOT_READY")
            .await
            .unwrap()
            .status,
        200
    );
    set(&sandbox, Setting::ReasonRequired(true));
    let refused = put_state(&sandbox, AGENT, "100", "LOGOUT").await.unwrap();
    check(
        &refused,
        &expect!["400 Parameter Missing|reasonCodeId|ReasonCodeId Parameter missing"],
    );
    let body = "<User><state>LOGOUT</state><reasonCodeId>55</reasonCodeId></User>";
    assert_eq!(put(&sandbox, AGENT, "100", body).await.unwrap().status, 200);
    let user = get(&sandbox, AGENT, "/User/100").await.unwrap();
    assert_eq!(text_of(&user.body, "label"), Some("End of Shift"));
    sandbox.clear_faults();
    sandbox.set_fault("pretty".parse().unwrap());
    let team = get(&sandbox, SUPERVISOR, "/Team/1").await.unwrap();
    assert!(
        team.body
            .starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Team>\n  <id>1</id>"),
        "{}",
        team.body
    );
}
