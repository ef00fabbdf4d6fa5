//! The logout, step by step.

use std::time::Duration;

use expect_test::expect;
use signoff_core::{CancelReason, FailureKind, InDoubtPolicy, Sent};

use crate::{check, mara, setup};

const TAKEN: &str = "ticket=17\n";
const ON_CALL: &str = "error=on_call\tmessage=he is on a call\n";

#[test]
fn a_sign_out_is_confirmed_by_the_state() {
    check(
        &setup("logout").user("mara"),
        |drive| {
            drive
                .respond(200, &mara("in", -60))
                .respond(202, TAKEN)
                .respond(200, &mara("in", -60))
                .respond(200, &mara("out", 1));
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +2s
            < 202 Ok
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +0s
              wait until +30s for the phone to let go
            < 200 Ok
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +1s
              wait until +30s for the phone to let go
            < 200 Ok
            = done by status
                name: Mara Lind
        "#]],
    );
}

#[test]
fn a_plan_sends_nothing() {
    check(
        &setup("logout").user("mara").plan(),
        |drive| {
            drive.respond(200, &mara("in", -60)).hold();
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +2s
            < held
            = planned
                name: Mara Lind
        "#]],
    );
}

#[test]
fn who_is_out_or_on_a_call_is_left_alone() {
    for (state, expected) in [
        (
            "out",
            expect![[r#"
        > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
        < 200 Ok
        = already
            name: Mara Lind
    "#]],
        ),
        (
            "call",
            expect![[r#"
        > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
        < 200 Ok
        = busy
            code: on_call
            message: on a call, and left alone
            name: Mara Lind
    "#]],
        ),
    ] {
        check(
            &setup("logout").user("mara"),
            |drive| {
                drive.respond(200, &mara(state, -60));
            },
            expected,
        );
    }
}

#[test]
fn a_phone_that_never_lets_go() {
    check(
        &setup("logout")
            .user("mara")
            .with("confirm_within", Duration::from_secs(3)),
        |drive| {
            drive.respond(200, &mara("in", -60)).respond(202, TAKEN);
            drive.respond(500, "").respond(200, &mara("in", -60)).wake();
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +2s
            < 202 Ok
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +0s
              wait until +3s for the phone to let go
            < 500 Other
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +2s
              wait until +3s for the phone to let go
            < 200 Ok
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +2s
              wait until +3s for the phone to let go
              1s later
            = accepted
                code: unconfirmed
                message: taken, and the phone does not let go of him
                name: Mara Lind
        "#]],
    );
}

#[test]
fn a_phone_of_which_nothing_was_heard_in_time() {
    check(
        &setup("logout")
            .user("mara")
            .with("confirm_within", Duration::from_secs(3)),
        |drive| {
            drive.respond(200, &mara("in", -60)).respond(202, TAKEN).wake();
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +2s
            < 202 Ok
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +0s
              wait until +3s for the phone to let go
              3s later
            = accepted
                code: unconfirmed
                message: taken, and the phone does not let go of him
                name: Mara Lind
        "#]],
    );
}

#[test]
fn a_refusal_makes_it_look_again_once() {
    check(
        &setup("logout").user("mara"),
        |drive| {
            drive
                .respond(200, &mara("in", -60))
                .respond(409, ON_CALL)
                .respond(200, &mara("call", 0));
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +2s
            < 409 Other
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +0s
            < 200 Ok
            = busy
                code: on_call
                message: on a call, and left alone
                name: Mara Lind
        "#]],
    );
    check(
        &setup("logout").user("mara"),
        |drive| {
            drive.respond(200, &mara("in", -60)).respond(409, ON_CALL);
            drive.respond(200, &mara("in", -60)).respond(409, ON_CALL);
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +2s
            < 409 Other
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +0s
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +3s
            < 409 Other
            = refused
                code: on_call
                message: he is on a call
                name: Mara Lind
        "#]],
    );
}

#[test]
fn errors_have_their_outcomes() {
    let cases = [
        (
            401,
            "error=bad_token\tmessage=there is no such token\n",
            expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 401 CredentialRefused
            = denied
                code: bad_token
                message: there is no such token
        "#]],
        ),
        (
            404,
            "error=no_such_user\n",
            expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 404 Other
            = not_found
                code: no_such_user
        "#]],
        ),
        (
            418,
            "<html>",
            expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 418 Other
            = refused
                code: unexpected_answer
        "#]],
        ),
        (
            503,
            "error=out_of_service\tmessage=come back later\n",
            expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 503 Unavailable
            = failed
                code: out_of_service
                message: come back later
        "#]],
        ),
        (
            200,
            "state=lunch\n",
            expect![[r#"
                > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
                < 200 Ok
                = failed
                    code: unreadable_answer
                    message: the answer tells no state that is known
            "#]],
        ),
    ];
    for (status, body, expected) in cases {
        check(
            &setup("logout").user("mara"),
            |drive| {
                drive.respond(status, body);
            },
            expected,
        );
    }
    check(
        &setup("logout").user("mara"),
        |drive| {
            drive.respond(200, &mara("in", -60));
            drive.respond(
                403,
                "error=read_only_token\tmessage=this token may look, and change nothing\n",
            );
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +2s
            < 403 Other
            = denied
                code: read_only_token
                message: this token may look, and change nothing
                name: Mara Lind
        "#]],
    );
}

#[test]
fn a_sign_out_that_comes_too_late_for_the_state_looks_again() {
    check(
        &setup("logout").user("mara"),
        |drive| {
            drive
                .respond(200, &mara("in", -60))
                .advance(Duration::from_secs(3));
            drive
                .fail(FailureKind::Expired, Sent::NotSent)
                .respond(200, &mara("out", 2));
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +2s
              3s later
            < Expired NotSent
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +1ms
            < 200 Ok
            = already
                name: Mara Lind
        "#]],
    );
}

#[test]
fn a_reset_after_the_effect_is_settled_by_reading() {
    check(
        &setup("logout").user("mara"),
        |drive| {
            drive
                .respond(200, &mara("in", -60))
                .fail(FailureKind::Broken, Sent::MaybeSent);
            drive.respond(200, &mara("in", -60)).respond(200, &mara("out", 2));
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +2s
            < Broken MaybeSent
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +0s
              wait for a sign-out without an answer to settle
            < 200 Ok
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +1s
              wait for a sign-out without an answer to settle
            < 200 Ok
            = done by status
                name: Mara Lind
        "#]],
    );
}

#[test]
fn a_reset_before_the_effect_is_repeated_once_it_is_proven() {
    check(
        &setup("logout").user("mara"),
        |drive| {
            drive
                .respond(200, &mara("in", -60))
                .fail(FailureKind::TimedOut, Sent::MaybeSent);
            drive.respond(502, "").respond(502, "");
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +2s
            < TimedOut MaybeSent
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +0s
              wait for a sign-out without an answer to settle
            < 502 Other
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +20s
              wait for a sign-out without an answer to settle
            < 502 Other
            = unknown
                code: unanswered
                message: a sign-out was never answered, and the state cannot be read
                name: Mara Lind
        "#]],
    );
    check(
        &setup("logout").user("mara"),
        |drive| {
            drive
                .respond(200, &mara("in", -60))
                .fail(FailureKind::TimedOut, Sent::MaybeSent);
            drive
                .respond(502, "")
                .respond(200, &mara("in", -60))
                .respond(202, TAKEN);
            drive.respond(200, &mara("out", 21));
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +2s
            < TimedOut MaybeSent
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +0s
              wait for a sign-out without an answer to settle
            < 502 Other
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +20s
              wait for a sign-out without an answer to settle
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +22s
            < 202 Ok
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +20s
              wait until +50s for the phone to let go
            < 200 Ok
            = done by status
                name: Mara Lind
        "#]],
    );
}

#[test]
fn who_signed_in_again_meanwhile_is_left_alone() {
    let earlier = |age| setup("logout").user("mara").earlier("logout", 1, age);
    check(
        &earlier(Duration::from_secs(3_600)),
        |drive| {
            drive.respond(200, &mara("in", -1_800));
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
              wait for a sign-out without an answer to settle
            < 200 Ok
            = unknown
                code: maybe_signed_in_again
                message: signed in since, after a sign-out that was never answered
                name: Mara Lind
        "#]],
    );
    check(
        &earlier(Duration::from_secs(3_600)),
        |drive| {
            drive.respond(200, &mara("in", -7_200));
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
              wait for a sign-out without an answer to settle
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +2s
        "#]],
    );
    check(
        &earlier(Duration::from_secs(5)),
        |drive| {
            drive.respond(200, &mara("out", -4));
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
              wait for a sign-out without an answer to settle
            < 200 Ok
            = done by status
                name: Mara Lind
        "#]],
    );
}

#[test]
fn a_newer_state_within_two_minutes_is_the_same_session() {
    check(
        &setup("logout")
            .user("mara")
            .earlier("logout", 1, Duration::from_secs(100)),
        |drive| {
            drive
                .respond(200, &mara("in", -50))
                .respond(202, TAKEN)
                .respond(200, &mara("out", 1));
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
              wait for a sign-out without an answer to settle
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +2s
            < 202 Ok
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +0s
              wait until +30s for the phone to let go
            < 200 Ok
            = done by status
                name: Mara Lind
        "#]],
    );
}

#[test]
fn a_server_that_did_nothing_leaves_no_doubt() {
    check(
        &setup("logout").user("mara"),
        |drive| {
            drive
                .respond(200, &mara("in", -60))
                .respond(503, "error=out_of_service\tmessage=come back later\n");
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +2s
            < 503 Unavailable
            = failed
                code: out_of_service
                message: come back later
                name: Mara Lind
        "#]],
    );
}

#[test]
fn a_state_without_its_time_proves_nothing() {
    check(
        &setup("logout")
            .user("mara")
            .earlier("logout", 1, Duration::from_secs(3_600)),
        |drive| {
            drive.respond(200, "user=mara\tstate=in\n");
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
              wait for a sign-out without an answer to settle
            < 200 Ok
            = unknown
                code: maybe_signed_in_again
                message: signed in since, after a sign-out that was never answered
        "#]],
    );
}

#[test]
fn a_repetition_that_fails_does_not_undo_the_doubt() {
    let again = setup("logout")
        .user("mara")
        .earlier("logout", 1, Duration::from_secs(60))
        .in_doubt(InDoubtPolicy::Repeat);
    check(
        &again,
        |drive| {
            drive
                .respond(200, &mara("in", -30))
                .respond(503, "error=out_of_service\tmessage=come back later\n");
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +2s
            < 503 Unavailable
            = unknown
                code: out_of_service
                message: come back later
                name: Mara Lind
        "#]],
    );
    check(
        &again,
        |drive| {
            drive
                .respond(200, &mara("in", -30))
                .fail(FailureKind::Unreachable, Sent::NotSent);
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +2s
            < Unreachable NotSent
            = unknown
                code: unanswered
                message: no answer from https://finesse.example.com:8445
                name: Mara Lind
        "#]],
    );
}

#[test]
fn the_operator_may_decide_about_doubts() {
    let earlier = |policy| {
        let setup = setup("logout")
            .user("mara")
            .earlier("logout", 1, Duration::from_secs(60));
        setup.in_doubt(policy)
    };
    check(
        &earlier(InDoubtPolicy::Skip),
        |_| {},
        expect![[r#"
        = unknown
            code: unanswered
            message: sent, never answered, and not to be sent again
    "#]],
    );
    check(
        &earlier(InDoubtPolicy::Repeat),
        |drive| {
            drive.respond(200, &mara("call", -30));
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
            = unknown
                code: on_call
                message: on a call, and left alone
                name: Mara Lind
        "#]],
    );
}

#[test]
fn it_does_not_try_for_ever() {
    check(
        &setup("logout").user("mara"),
        |drive| {
            drive.respond(200, &mara("in", -60));
            for _ in 0..2 {
                drive.respond(500, "error=internal\tmessage=something went wrong\n");
                drive
                    .fail(FailureKind::Unreachable, Sent::NotSent)
                    .respond(200, &mara("in", -60));
            }
            drive.respond(500, "");
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +2s
            < 500 Other
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +0s
              wait for a sign-out without an answer to settle
            < Unreachable NotSent
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +20s
              wait for a sign-out without an answer to settle
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +22s
            < 500 Other
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +20s
              wait for a sign-out without an answer to settle
            < Unreachable NotSent
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +40s
              wait for a sign-out without an answer to settle
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +42s
            < 500 Other
            = unknown
                code: unanswered
                message: sent, never answered, and not to be sent again
                name: Mara Lind
        "#]],
    );
}

#[test]
fn it_ends_when_it_is_told_to() {
    check(
        &setup("logout").user("mara"),
        |drive| {
            drive.cancel(CancelReason::CredentialStopped);
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < cancel CredentialStopped
            = cancelled
                code: credential_stopped
        "#]],
    );
    check(
        &setup("logout").user("mara"),
        |drive| {
            drive
                .respond(200, &mara("in", -60))
                .respond(202, TAKEN)
                .cancel(CancelReason::Stopped);
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +2s
            < 202 Ok
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +0s
              wait until +30s for the phone to let go
            < cancel Stopped
            = accepted
                code: unconfirmed
                message: stopped before it was confirmed
                name: Mara Lind
        "#]],
    );
    check(
        &setup("logout").user("mara"),
        |drive| {
            drive
                .respond(200, &mara("in", -60))
                .fail(FailureKind::Broken, Sent::MaybeSent);
            drive.cancel(CancelReason::Stopped);
        },
        expect![[r#"
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s
            < 200 Ok
            > POST /hotdesk/1/users/mara/sign-out write `logout` ask Header("X-Hotdesk-Token") by +2s
            < Broken MaybeSent
            > GET /hotdesk/1/users/mara read Header("X-Hotdesk-Token") age 1s after +0s
              wait for a sign-out without an answer to settle
            < cancel Stopped
            = unknown
                code: unanswered
                message: stopped before it settled
                name: Mara Lind
        "#]],
    );
}
