//! How to listen to Finesse, and what its notifications say.

use expect_test::expect;
use signoff_core::testing::Drive;
use signoff_core::{CredentialKind, FailureKind, FeedWish, Sent};

use super::check_feed;
use super::fixtures::{agent, error, failure, own, supervisor, system_info, team, update};

const WISH: FeedWish<'static> = FeedWish {
    actor: "sup01",
    actor_kind: CredentialKind::Basic,
    named: false,
    only_nodes: false,
    scope: "",
};

#[test]
fn who_is_logged_out_may_listen() {
    check_feed(
        WISH,
        |drive| {
            drive
                .respond(200, &logged_out())
                .respond(200, &system_info("UCCE", "IN_SERVICE"));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/SystemInfo read open age 300s
            < 200 Ok
            = done
            Some(
                FeedPlan {
                    protocol: Xmpp,
                    keep_alive: 10s,
                    user: "sup01",
                    domain: "example.com",
                    service: "pubsub.example.com",
                    endpoint: "api",
                    ways: [
                        FeedWay {
                            transport: Tls,
                            port: Some(
                                5223,
                            ),
                        },
                        FeedWay {
                            transport: WebSocket(
                                "/ws/",
                            ),
                            port: None,
                        },
                        FeedWay {
                            transport: WebSocket(
                                "/ws/",
                            ),
                            port: Some(
                                7443,
                            ),
                        },
                    ],
                    nodes: [
                        "/finesse/api/Team/2/Users",
                        "/finesse/api/Team/3/Users",
                    ],
                },
            )
        "#]],
    );
}

#[test]
fn a_team_is_named_by_its_id_or_its_name() {
    for (scope, node) in [
        ("support", "/finesse/api/Team/3/Users"),
        ("2", "/finesse/api/Team/2/Users"),
        ("17", "/finesse/api/Team/17/Users"),
    ] {
        let subject = crate::subject("auto");
        let mut drive = Drive::feed(&*subject, FeedWish { scope, ..WISH });
        drive
            .respond(200, &logged_out())
            .respond(200, &system_info("UCCE", "IN_SERVICE"));
        assert_eq!(drive.plan().expect("there is a plan").nodes, [node]);
    }
}

#[test]
fn the_port_that_a_newer_release_names() {
    let subject = crate::subject("auto");
    let mut drive = Drive::feed(&*subject, WISH);
    let newer = system_info("UCCE", "IN_SERVICE").replace(
        "<host>finesse-a.example.com</host>",
        "<host>finesse-a.example.com</host><xmppSecurePort>15223</xmppSecurePort>",
    );
    drive.respond(200, &logged_out()).respond(200, &newer);
    assert_eq!(drive.plan().expect("there is a plan").ways[0].port, Some(15_223));
}

#[test]
fn who_is_signed_in_may_not() {
    check_feed(
        WISH,
        |drive| {
            drive.respond(200, &agent("sup01", "NOT_READY"));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            = refused
                code: signed_in
                message: `sup01` is signed in (NOT_READY), and Finesse logs out whoever is signed in when his session of notifications ends (reason 255): name another user for them, `feed = { credential = "…" }`
        "#]],
    );
    check_feed(
        FeedWish { named: true, ..WISH },
        |drive| {
            drive.respond(200, &agent("sup01", "READY"));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            = refused
                code: signed_in
                message: `sup01` is signed in (READY), and Finesse logs out whoever is signed in when his session of notifications ends (reason 255): sign him out, or name another user
        "#]],
    );
}

/// Nobody will listen as him: he may be signed in, and have a token.
#[test]
fn a_supervisor_may_always_be_asked_for_his_teams() {
    let subject = crate::subject("auto");
    let wish = FeedWish {
        only_nodes: true,
        actor_kind: CredentialKind::Bearer,
        ..WISH
    };
    let mut drive = Drive::feed(&*subject, wish);
    drive
        .respond(200, &supervisor())
        .respond(200, &system_info("UCCE", "IN_SERVICE"));
    let nodes = drive.plan().expect("there is a plan").nodes;
    assert_eq!(nodes, ["/finesse/api/Team/2/Users", "/finesse/api/Team/3/Users"]);
}

#[test]
fn who_is_no_user_may() {
    let subject = crate::subject("auto");
    let mut drive = Drive::feed(&*subject, WISH);
    drive
        .respond(404, &error("User Not Found", "", "UNKNOWN_USER"))
        .respond(200, &system_info("UCCE", "IN_SERVICE"));
    assert_eq!(drive.plan().expect("there is a plan").nodes, [""; 0]);
}

#[test]
fn a_token_cannot_log_in() {
    check_feed(
        FeedWish {
            actor_kind: CredentialKind::Bearer,
            ..WISH
        },
        |_| {},
        expect![[r#"
            error: notifications want a user name and a password, not a token: name such a credential, `feed = { credential = "…" }`
        "#]],
    );
}

#[test]
fn what_may_go_wrong() {
    check_feed(
        WISH,
        |drive| {
            drive.respond(401, &error("Authorization Failure", "sup01", "UNAUTHORIZED"));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 401 CredentialDoubted
            = denied
                code: Authorization Failure
                message: UNAUTHORIZED
                details: error_data=sup01
        "#]],
    );
    check_feed(
        WISH,
        |drive| {
            drive
                .respond(200, &logged_out())
                .respond(200, "<SystemInfo><status>IN_SERVICE</status></SystemInfo>");
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/SystemInfo read open age 300s
            < 200 Ok
            = failed
                code: no_notifications
                message: SystemInfo names no `xmppDomain`, so there is no notification service
        "#]],
    );
    check_feed(
        WISH,
        |drive| {
            drive.respond(200, &logged_out()).respond(200, &team(&[]));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/SystemInfo read open age 300s
            < 200 Ok
            = failed
                code: unreadable_answer
                message: the SystemInfo object: expected `<SystemInfo>`, found `<Team>`
        "#]],
    );
    check_feed(
        WISH,
        |drive| {
            drive
                .respond(200, &logged_out())
                .fail(FailureKind::Unreachable, Sent::NotSent);
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/SystemInfo read open age 300s
            < Unreachable NotSent
            = failed
                code: unreachable
                message: no answer from https://finesse.example.com:8445
        "#]],
    );
}

#[test]
fn a_user_changes() {
    check_decode(
        "/finesse/api/User/1001",
        &update("1001", "LOGOUT", "", "2026-01-01T00:00:01.500Z", "call-1"),
        expect![[r#"
            Event { user: "1001", state: "LOGOUT", pending_state: "", reason: "", request_id: "call-1", error_code: "", error_message: "", unix_ms: 1767225601500, error_kind: "" }
        "#]],
    );
    check_decode(
        "/finesse/api/Team/2/Users",
        &update("1001", "TALKING", "LOGOUT", "2026-01-01T00:00:01.500Z", ""),
        expect![[r#"
            Event { user: "1001", state: "TALKING", pending_state: "LOGOUT", reason: "", request_id: "", error_code: "", error_message: "", unix_ms: 1767225601500, error_kind: "" }
        "#]],
    );
}

#[test]
fn a_reason_and_white_space() {
    check_decode(
        "/finesse/api/User/1001",
        "\n <Update xmlns='x'>\n <Event>PUT</Event> <SOURCE> /finesse/api/User/1001/ </SOURCE> <data><User>\
         <reasonCode><label>Mittag &amp;amp; 昼休み</label></reasonCode><state> NOT_READY </state></User></data></Update> ",
        expect![[r#"
            Event { user: "1001", state: "NOT_READY", pending_state: "", reason: "Mittag &amp; 昼休み", request_id: "", error_code: "", error_message: "", unix_ms: 0, error_kind: "" }
        "#]],
    );
}

#[test]
fn a_request_fails_in_the_switch() {
    check_decode(
        "/finesse/api/User/1001",
        &failure("1001", "33", "CF_RESOURCE_BUSY", "call-1"),
        expect![[r#"
            Event { user: "1001", state: "", pending_state: "", reason: "", request_id: "call-1", error_code: "33", error_message: "CF_RESOURCE_BUSY", unix_ms: 0, error_kind: "Invalid State" }
        "#]],
    );
    check_decode(
        "/finesse/api/User/1001",
        "<Update><data><apiErrors><apiError><errorType>Internal Server Error</errorType></apiError></apiErrors></data></Update>",
        expect![[r#"
            Event { user: "1001", state: "", pending_state: "", reason: "", request_id: "", error_code: "Internal Server Error", error_message: "", unix_ms: 0, error_kind: "Internal Server Error" }
        "#]],
    );
}

#[test]
fn a_whole_team() {
    let users = [("1001", "READY"), ("1002", "LOGOUT")]
        .map(|(id, state)| format!("<user><loginId>{id}</loginId><state>{state}</state></user>"))
        .concat();
    check_decode(
        "/finesse/api/Team/2/Users",
        &format!(
            "<Update><data><team><id>2</id><users>{users}</users></team></data><event>PUT</event>\
             <source>/finesse/api/Team/2</source></Update>"
        ),
        expect![[r#"
            Event { user: "1001", state: "READY", pending_state: "", reason: "", request_id: "", error_code: "", error_message: "", unix_ms: 0, error_kind: "" }
            Event { user: "1002", state: "LOGOUT", pending_state: "", reason: "", request_id: "", error_code: "", error_message: "", unix_ms: 0, error_kind: "" }
        "#]],
    );
}

#[test]
fn escaped_once_more() {
    let escaped = update("1001", "LOGOUT", "", "", "")
        .replace('&', "&amp;")
        .replace('<', "&lt;");
    check_decode(
        "/finesse/api/User/1001",
        &escaped,
        expect![[r#"
        Event { user: "1001", state: "LOGOUT", pending_state: "", reason: "", request_id: "", error_code: "", error_message: "", unix_ms: 0, error_kind: "" }
    "#]],
    );
}

#[test]
fn what_says_nothing_of_users() {
    for payload in [
        "",
        "hello",
        "<Update/>",
        "<Update><data/></Update>",
        "<Update><data><dialog/></data><source>/finesse/api/User/1001/Dialogs</source></Update>",
        "<Update><data><user><state>READY</state></user></data><source>/finesse/api/Queue/7</source></Update>",
        "<Update><data><user><loginId>1001</loginId></user></data><event>DELETE</event></Update>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><Update>&b;</Update>",
        "&lt;Update&gt;",
    ] {
        check_decode("/finesse/api/Queue/7", payload, expect![[""]]);
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`check(…, expect![…])` reads best")]
fn check_decode(node: &str, payload: &str, expected: expect_test::Expect) {
    let subject = crate::subject("auto");
    let mut drive = Drive::feed(&*subject, WISH);
    drive
        .respond(200, &logged_out())
        .respond(200, &system_info("UCCE", "IN_SERVICE"));
    let events = drive.decode(node, payload.as_bytes());
    let lines: Vec<String> = events
        .iter()
        .map(|event| format!("{:?}\n", event.as_event()))
        .collect();
    expected.assert_eq(&lines.concat());
}

fn logged_out() -> String {
    own(
        "sup01",
        "LOGOUT",
        &["Agent", "Supervisor"],
        &[("2", "Sales"), ("3", "Support")],
    )
}
