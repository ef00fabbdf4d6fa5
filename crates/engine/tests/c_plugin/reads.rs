//! Roster and status, and what the provider says of itself.

use expect_test::expect;
use signoff_core::testing::{Drive, Subject as _};
use signoff_core::{Class, FailureKind, Monotonic, RequestId, Response, Sent, Value};

use crate::library::{hotdesk, open};
use crate::{check, mara, setup};

#[test]
fn it_says_what_it_can_do() {
    let descriptor = hotdesk().descriptor();
    let operations: Vec<String> = descriptor
        .operations
        .iter()
        .map(|operation| {
            let parameters: Vec<&str> = operation.parameters.iter().map(|one| one.name).collect();
            format!(
                "{} writes={} {}",
                operation.name,
                operation.writes,
                parameters.join(",")
            )
        })
        .collect();
    expect![[r#"
        roster writes=false team,signed_in
        status writes=false 
        logout writes=true confirm_within"#]]
    .assert_eq(&operations.join("\n"));
    assert_eq!((descriptor.id, descriptor.version), ("hotdesk", "0.1.0"));
}

#[test]
fn an_answer_is_classified() {
    let classes: Vec<Class> = [200, 202, 401, 403, 409, 429, 500, 503]
        .into_iter()
        .map(|status| {
            let response = Response {
                request: RequestId(1),
                status,
                headers: &[],
                body: b"",
                sent: Monotonic::ZERO,
                sent_unix_ms: 0,
                settled_at: Monotonic::ZERO,
            };
            open().classify(&response)
        })
        .collect();
    expect!["[Ok, Ok, CredentialRefused, Other, Other, Throttled(None), Other, Unavailable]"]
        .assert_eq(&format!("{classes:?}"));
}

#[test]
fn a_roster_is_a_row_for_each_line() {
    let lines = format!(
        "{}user=zoë\tstate=out\tdesk=\tfloor=2\tname=Zoë = Martens",
        mara("in", 0)
    );
    check(
        &setup("roster").with("team", "3").with("signed_in", true),
        |drive| {
            drive.respond(200, &lines);
        },
        expect![[r#"
            > GET /hotdesk/1/users?floor=3&signed_in=yes read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
              row mara: name="Mara Lind" state=in team=3 desk=3.01
              row zoë: name="Zoë = Martens" state=out team=2 desk=""
            = done
        "#]],
    );
    check(
        &setup("roster"),
        |drive| {
            drive.respond(200, "");
        },
        expect![[r#"
            > GET /hotdesk/1/users read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
            = done
        "#]],
    );
}

#[test]
fn a_status_is_one_row() {
    check(
        &setup("status").user("zoë/../x?"),
        |drive| {
            drive.respond(200, &mara("call", 0));
        },
        expect![[r#"
            > GET /hotdesk/1/users/zo%C3%AB%2F..%2Fx%3F read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
              row mara: name="Mara Lind" state=call team=3 desk=3.01
            = done
        "#]],
    );
}

#[test]
fn what_cannot_be_read_is_said_so() {
    check(
        &setup("roster"),
        |drive| {
            drive.respond(200, &format!("{}<html>\n", mara("in", 0)));
        },
        expect![[r#"
            > GET /hotdesk/1/users read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
              row mara: name="Mara Lind" state=in team=3 desk=3.01
            = failed
                code: unreadable_answer
                message: a line of the answer names no user
        "#]],
    );
    check(
        &setup("status").user("nobody"),
        |drive| {
            drive.respond(404, "error=no_such_user\tmessage=nobody is called nobody\n");
        },
        expect![[r#"
            > GET /hotdesk/1/users/nobody read Header("X-Hotdesk-Token") age 1s
            < 404 Other
            = not_found
                code: no_such_user
                message: nobody is called nobody
        "#]],
    );
    check(
        &setup("status").user("mara"),
        |drive| {
            drive.fail(FailureKind::Unreachable, Sent::NotSent);
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < Unreachable NotSent
            = failed
                code: unanswered
                message: no answer from https://finesse.example.com:8445
        "#]],
    );
}

#[test]
fn arguments_that_fit_nobody_are_refused() {
    for user in ["", ".", "..", &"x".repeat(65)] {
        let subject = open();
        let drive = Drive::start(&subject, &setup("status").user(user));
        assert_eq!(
            drive.transcript(),
            "error: no user of Hotdesk is called that\n",
            "{user}"
        );
    }
    check(
        &setup("roster").with("team", Value::from("3".repeat(65))),
        |_| {},
        expect![[r#"
            error: no floor of Hotdesk is called that
        "#]],
    );
}
