//! Parts that may have been sent, and were not answered.

use std::time::Duration;

use expect_test::expect;
use signoff_core::{CancelReason, FailureKind, InDoubtPolicy, Sent};

use super::check;
use super::fixtures::{OUT, logout, with_devices};

#[test]
fn a_part_that_was_not_answered_is_repeated() {
    check(
        &with_devices(&[1]),
        |drive| {
            drive
                .fail(FailureKind::TimedOut, Sent::MaybeSent)
                .wake()
                .respond(200, OUT)
                .respond(504, "upstream timed out")
                .wake()
                .respond(200, OUT);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < TimedOut MaybeSent
              wait until +500ms before asking ZAP once more
              500ms later
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer by +120s
            < 200 Ok
            > PUT /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `device:1` repeat 120s bearer secret 1 in JsonPointer("/deviceToken")
                content-type: application/json
                {"deviceToken":""}
            < 504 Other
              wait until +1s before asking ZAP once more
              500ms later
            > PUT /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `device:1` repeat 120s bearer secret 1 in JsonPointer("/deviceToken") by +120.5s
                content-type: application/json
                {"deviceToken":""}
            < 200 Ok
            = done by response
                message: Logout Successfull
                details: parts=[{part=web outcome=done http_status=200 message="Logout Successfull"}, {part=device:1 outcome=done http_status=200 message="Logout Successfull"}]
        "#]],
    );
}

#[test]
fn but_not_for_ever() {
    check(
        &logout(),
        |drive| {
            drive
                .fail(FailureKind::Broken, Sent::MaybeSent)
                .wake()
                .fail(FailureKind::TimedOut, Sent::MaybeSent)
                .wake()
                .fail(FailureKind::TimedOut, Sent::MaybeSent);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < Broken MaybeSent
              wait until +500ms before asking ZAP once more
              500ms later
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer by +120s
            < TimedOut MaybeSent
              wait until +1.5s before asking ZAP once more
              1s later
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer by +120s
            < TimedOut MaybeSent
            = unknown
                code: timed_out
                message: no answer from https://finesse.example.com:8445; sent several times, without an answer that tells
                details: parts=[{part=web outcome=unknown code=timed_out message="no answer from https://finesse.example.com:8445; sent several times, without an answer that tells"}] note="no device was logged out, since no `device_token` of his is known"
        "#]],
    );
}

#[test]
fn an_error_while_it_was_processed_leaves_it_open() {
    let error = r#"{"success":false,"message":"An error occured while processing the request"}"#;
    check(
        &logout().with("via", "web"),
        |drive| {
            drive.respond(500, error).wake().respond(200, OUT);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < 500 Other
              wait until +500ms before asking ZAP once more
              500ms later
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer by +120s
            < 200 Ok
            = done by response
                message: Logout Successfull
                details: parts=[{part=web outcome=done http_status=200 message="Logout Successfull"}]
        "#]],
    );
    check(
        &logout().with("via", "web"),
        |drive| {
            drive
                .respond(500, error)
                .wake()
                .respond(500, "Internal Server Error")
                .wake()
                .respond(500, error);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < 500 Other
              wait until +500ms before asking ZAP once more
              500ms later
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer by +120s
            < 500 Other
              wait until +1.5s before asking ZAP once more
              1s later
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer by +120s
            < 500 Other
            = unknown
                code: http_500
                message: An error occured while processing the request; sent several times, without an answer that tells
                details: parts=[{part=web outcome=unknown http_status=500 code=http_500 message="An error occured while processing the request; sent several times, without an answer that tells"}]
        "#]],
    );
}

#[test]
fn nor_for_long() {
    check(
        &logout(),
        |drive| {
            drive
                .fail(FailureKind::TimedOut, Sent::MaybeSent)
                .wake()
                .advance(Duration::from_secs(120))
                .fail(FailureKind::Expired, Sent::NotSent);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < TimedOut MaybeSent
              wait until +500ms before asking ZAP once more
              500ms later
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer by +120s
              120s later
            < Expired NotSent
            = unknown
                code: expired
                message: no answer from https://finesse.example.com:8445; it was sent before, and that was not answered
                details: parts=[{part=web outcome=unknown code=expired message="no answer from https://finesse.example.com:8445; it was sent before, and that was not answered"}] note="no device was logged out, since no `device_token` of his is known"
        "#]],
    );
}

#[test]
fn what_is_refused_later_may_have_been_done_before() {
    check(
        &logout(),
        |drive| {
            drive
                .fail(FailureKind::TimedOut, Sent::MaybeSent)
                .wake()
                .respond(404, r#"{"success":false,"message":"no session"}"#);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < TimedOut MaybeSent
              wait until +500ms before asking ZAP once more
              500ms later
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer by +120s
            < 404 Other
            = unknown
                code: http_404
                message: no session; it was sent before, and that was not answered
                details: parts=[{part=web outcome=unknown http_status=404 code=http_404 message="no session; it was sent before, and that was not answered"}] note="no device was logged out, since no `device_token` of his is known"
        "#]],
    );
    check(
        &logout(),
        |drive| {
            drive
                .fail(FailureKind::TimedOut, Sent::MaybeSent)
                .wake()
                .fail(FailureKind::Unreachable, Sent::NotSent);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < TimedOut MaybeSent
              wait until +500ms before asking ZAP once more
              500ms later
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer by +120s
            < Unreachable NotSent
            = unknown
                code: unreachable
                message: no answer from https://finesse.example.com:8445; it was sent before, and that was not answered
                details: parts=[{part=web outcome=unknown code=unreachable message="no answer from https://finesse.example.com:8445; it was sent before, and that was not answered"}] note="no device was logged out, since no `device_token` of his is known"
        "#]],
    );
}

#[test]
fn a_stop_leaves_it_in_doubt() {
    check(
        &with_devices(&[1]),
        |drive| {
            drive
                .fail(FailureKind::TimedOut, Sent::MaybeSent)
                .cancel(CancelReason::Stopped);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < TimedOut MaybeSent
              wait until +500ms before asking ZAP once more
            < cancel Stopped
            = unknown
                code: timed_out
                message: no answer from https://finesse.example.com:8445; nothing could be sent once more before the end
                details: parts=[{part=web outcome=unknown code=timed_out message="no answer from https://finesse.example.com:8445; nothing could be sent once more before the end"}, {part=device:1 outcome=cancelled code=stopped message="the run was stopped before it was sent"}]
        "#]],
    );
}

#[test]
fn an_earlier_process_sent_it_a_moment_ago() {
    check(
        &with_devices(&[1]).earlier("device:1", 1, Duration::from_secs(30)),
        |drive| {
            drive.respond(200, OUT).respond(200, OUT);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < 200 Ok
            > PUT /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `device:1` repeat 120s bearer secret 1 in JsonPointer("/deviceToken") by +90s
                content-type: application/json
                {"deviceToken":""}
            < 200 Ok
            = done by response
                message: Logout Successfull
                details: parts=[{part=web outcome=done http_status=200 message="Logout Successfull"}, {part=device:1 outcome=done http_status=200 message="Logout Successfull"}]
        "#]],
    );
}

#[test]
fn an_earlier_process_sent_it_long_ago() {
    let setup = with_devices(&[1]).earlier("web", 2, Duration::from_secs(120));
    check(
        &setup,
        |drive| {
            drive.respond(200, OUT);
        },
        expect![[r#"
            > PUT /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `device:1` repeat 120s bearer secret 1 in JsonPointer("/deviceToken")
                content-type: application/json
                {"deviceToken":""}
            < 200 Ok
            = unknown
                code: interrupted
                message: sent before an interruption, and its answer is not known; not repeated after so long, since he may have signed in again; ZAP cannot be asked whether he is
                details: parts=[{part=web outcome=unknown code=interrupted message="sent before an interruption, and its answer is not known; not repeated after so long, since he may have signed in again; ZAP cannot be asked whether he is"}, {part=device:1 outcome=done http_status=200 message="Logout Successfull"}]
        "#]],
    );
    check(
        &setup.clone().in_doubt(InDoubtPolicy::Repeat),
        |drive| {
            drive.respond(200, OUT).respond(200, OUT);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < 200 Ok
            > PUT /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `device:1` repeat 120s bearer secret 1 in JsonPointer("/deviceToken")
                content-type: application/json
                {"deviceToken":""}
            < 200 Ok
            = done by response
                message: Logout Successfull
                details: parts=[{part=web outcome=done http_status=200 message="Logout Successfull"}, {part=device:1 outcome=done http_status=200 message="Logout Successfull"}]
        "#]],
    );
    check(
        &with_devices(&[1])
            .earlier("web", 2, Duration::from_secs(1))
            .in_doubt(InDoubtPolicy::Skip),
        |drive| {
            drive.respond(200, OUT);
        },
        expect![[r#"
            > PUT /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `device:1` repeat 120s bearer secret 1 in JsonPointer("/deviceToken")
                content-type: application/json
                {"deviceToken":""}
            < 200 Ok
            = unknown
                code: interrupted
                message: sent before an interruption, and its answer is not known; left in doubt, as it was asked
                details: parts=[{part=web outcome=unknown code=interrupted message="sent before an interruption, and its answer is not known; left in doubt, as it was asked"}, {part=device:1 outcome=done http_status=200 message="Logout Successfull"}]
        "#]],
    );
}
