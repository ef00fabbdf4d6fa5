//! A notification confirms a logout, or says that it failed.

use std::time::Duration;

use expect_test::expect;
use signoff_core::testing::{Drive, START_UNIX_MS, Setup};
use signoff_core::{CancelReason, Event, FailureKind, Sent};
use signoff_finesse::DESCRIPTOR;

use super::check;
use super::fixtures::{agent, logout, sign_out, supervisor, team, team_of};

#[test]
fn a_notification_proves_it() {
    check(
        &logout("1001").with("confirm", "event"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive.respond(202, "");
            drive.advance(Duration::from_millis(230)).event(out("1001"));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
              wait until +30s for the logout to take effect
              230ms later
              wait until +30s for the logout to take effect
            < event 1001 LOGOUT
            = done by event
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2 state_after=LOGOUT event_after=230ms
        "#]],
    );
}

#[test]
fn the_default_listens_too() {
    check(
        &Setup::new(&DESCRIPTOR, "logout", "sup01").user("1001"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive.respond(202, "").event(out("1001"));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
              wait until +30s for the logout to take effect
            < event 1001 LOGOUT
            = done by event
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2 state_after=LOGOUT event_after=0s
        "#]],
    );
}

#[test]
fn it_may_come_before_the_answer() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive.advance(Duration::from_millis(40)).event(out("1001"));
            drive.advance(Duration::from_millis(20)).respond(202, "");
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
              40ms later
            < event 1001 LOGOUT
              20ms later
            < 202 Ok
            = done by event
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2 state_after=LOGOUT event_after=40ms
        "#]],
    );
}

#[test]
fn one_of_two_nodes_is_enough() {
    check(
        &best("1001"),
        |drive| {
            begun(drive)
                .subscribed()
                .feed_refused("the server says `forbidden`");
            drive.respond(202, "").event(out("1001"));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < feed refused: the server says `forbidden`
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
              wait until +30s for the logout to take effect
            < event 1001 LOGOUT
            = done by event
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2 state_after=LOGOUT event_after=0s
        "#]],
    );
}

#[test]
fn without_a_feed_the_state_proves_it() {
    check(
        &best("1001"),
        |drive| {
            begun(drive)
                .feed_refused("a")
                .feed_refused("`sup01` is signed in");
            drive.respond(202, "").respond(200, &gone());
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < feed refused: a
              wait until +30s for notifications
            < feed refused: `sup01` is signed in
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait until +30s for the logout to take effect
            < 200 Ok
            = done by status
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z state_after=LOGOUT since_after=2026-01-01T00:00:01.500Z team=2
        "#]],
    );
}

#[test]
fn nothing_is_sent_where_only_a_notification_would_do() {
    check(
        &logout("1001").with("confirm", "event"),
        |drive| {
            begun(drive)
                .feed_refused("a")
                .feed_refused("`sup01` is signed in");
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < feed refused: a
              wait until +30s for notifications
            < feed refused: `sup01` is signed in
            = failed
                code: no_feed
                message: nothing was sent, as no notification could prove it: `sup01` is signed in
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn no_answer_about_the_feed() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).wake().wake();
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
              30s later
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            ! it waits for no time
        "#]],
    );
}

#[test]
fn no_notification_in_time() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive.respond(202, "").wake().respond(200, &gone());
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
              wait until +30s for the logout to take effect
              30s later
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +30s
              wait for the logout to take effect
            < 200 Ok
            = done by status
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z state_after=LOGOUT since_after=2026-01-01T00:00:01.500Z team=2 feed="no notification within 30s"
        "#]],
    );
}

#[test]
fn no_notification_and_no_logout_in_time() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive
                .respond(202, "")
                .wake()
                .respond(200, &team(&[("1001", "READY")]));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
              wait until +30s for the logout to take effect
              30s later
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +30s
              wait for the logout to take effect
            < 200 Ok
            = accepted
                code: unconfirmed
                message: Finesse accepted it, and it was not seen to take effect
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z state_after=READY since_after=2025-12-31T23:50:00.000Z team=2 feed="no notification within 30s"
        "#]],
    );
}

#[test]
fn no_notification_and_no_answer_in_time() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive
                .respond(202, "")
                .wake()
                .fail(FailureKind::TimedOut, Sent::MaybeSent);
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
              wait until +30s for the logout to take effect
              30s later
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +30s
              wait for the logout to take effect
            < TimedOut MaybeSent
            = accepted
                code: unconfirmed
                message: Finesse accepted it, and it was not seen to take effect
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2 feed="no notification within 30s"
        "#]],
    );
}

#[test]
fn a_feed_that_is_lost() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive.respond(202, "");
            drive.advance(Duration::from_secs(1)).feed_lost();
            drive
                .respond(200, &team(&[("1001", "READY")]))
                .respond(200, &gone());
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
              wait until +30s for the logout to take effect
              1s later
              wait until +30s for the logout to take effect
            < feed lost
              wait until +30s for the logout to take effect
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1s
              wait until +30s for the logout to take effect
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1.05s
              wait until +30s for the logout to take effect
            < 200 Ok
            = done by status
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z state_after=LOGOUT since_after=2026-01-01T00:00:01.500Z team=2 feed="the feed was lost"
        "#]],
    );
}

#[test]
fn a_feed_that_is_lost_while_the_request_is_under_way() {
    check(
        &logout("1001").with("confirm", "event"),
        |drive| {
            begun(drive).subscribed().subscribed().feed_lost();
            drive.respond(202, "").respond(200, &gone());
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < feed lost
            < 202 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait until +30s for the logout to take effect
            < 200 Ok
            = done by status
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z state_after=LOGOUT since_after=2026-01-01T00:00:01.500Z team=2 feed="the feed was lost"
        "#]],
    );
}

#[test]
fn the_switch_refuses() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive.respond(202, "");
            drive.event(failed("33", "CF_RESOURCE_BUSY", "call-1"));
            drive.respond(200, &team(&[("1001", "TALKING")]));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
              wait until +30s for the logout to take effect
            < event 1001  33
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
            < 200 Ok
            = refused
                code: 33
                message: CF_RESOURCE_BUSY
                name: Pat O'Neil & Co
                details: error_type="Invalid State" state_before=READY since_before=2025-12-31T23:50:00.000Z state_after=TALKING since_after=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn the_switch_refuses_without_naming_the_request() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive.respond(202, "");
            drive.event(failed("33", "CF_RESOURCE_BUSY", ""));
            drive.respond(200, &team(&[("1001", "TALKING")]));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
              wait until +30s for the logout to take effect
            < event 1001  33
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
            < 200 Ok
            = refused
                code: 33
                message: CF_RESOURCE_BUSY
                name: Pat O'Neil & Co
                details: error_type="Invalid State" state_before=READY since_before=2025-12-31T23:50:00.000Z state_after=TALKING since_after=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

/// He left between the look and the request: nobody logged him out.
#[test]
fn the_switch_says_that_he_is_out() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive.event(failed("22", "CF_INVALID_OBJECT_STATE", "call-1"));
            drive.respond(202, "").respond(200, &gone());
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < event 1001  22
            < 202 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
            < 200 Ok
            = already
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z state_after=LOGOUT since_after=2026-01-01T00:00:01.500Z team=2
        "#]],
    );
}

/// The first request may have done it.
#[test]
fn the_switch_says_so_after_a_request_without_an_answer() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive.fail(FailureKind::TimedOut, Sent::MaybeSent);
            drive.respond(200, &team(&[("1001", "READY")]));
            drive.advance(Duration::from_secs(20));
            drive.respond(200, &team(&[("1001", "READY")]));
            let newer = team_of(&[("1001", "READY", "", "2026-01-01T00:00:05.000Z")]);
            drive.respond(200, &newer).respond(202, "");
            drive.event(failed("22", "CF_INVALID_OBJECT_STATE", "call-2"));
            drive.respond(200, &gone());
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < TimedOut MaybeSent
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait for a request without an answer to settle
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1.05s
              wait for a request without an answer to settle
              20s later
              wait for a request without an answer to settle
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +2.101s
              wait for a request without an answer to settle
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-2 basic by +23.05s
                content-type: application/xml
                requestId: call-2
                <User><state>LOGOUT</state></User>
            < 202 Ok
              wait until +51.05s for the logout to take effect
            < event 1001  22
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +21.05s
            < 200 Ok
            = done by status
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2026-01-01T00:00:05.000Z state_after=LOGOUT since_after=2026-01-01T00:00:01.500Z team=2
        "#]],
    );
}

#[test]
fn the_failure_of_another_request() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive.respond(202, "");
            drive.event(failed("257", "CF_INVALID_PASSWORD_SPECIFIED", "his-own"));
            drive.event(out("1001"));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
              wait until +30s for the logout to take effect
            < event 1001  257
              wait until +30s for the logout to take effect
            < event 1001 LOGOUT
            = done by event
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2 state_after=LOGOUT event_after=0s
        "#]],
    );
}

/// Among them one of a logout before he signed in again.
#[test]
fn others_and_stragglers_are_passed_over() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive.event(out("1002"));
            drive.respond(202, "");
            drive.event(out("1003"));
            drive.event(Event {
                user: "1001",
                state: "READY",
                ..Event::default()
            });
            drive.event(Event {
                unix_ms: START_UNIX_MS - 3_600_000,
                ..out("1001")
            });
            drive.event(out("1001"));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < event 1002 LOGOUT
            < 202 Ok
              wait until +30s for the logout to take effect
            < event 1003 LOGOUT
              wait until +30s for the logout to take effect
            < event 1001 READY
              wait until +30s for the logout to take effect
            < event 1001 LOGOUT
              wait until +30s for the logout to take effect
            < event 1001 LOGOUT
            = done by event
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2 state_after=LOGOUT event_after=0s
        "#]],
    );
}

#[test]
fn it_pends_until_the_call_ends() {
    check(
        &best("1001").with("when", "now"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive.respond(202, "");
            let pending = Event {
                user: "1001",
                state: "TALKING",
                pending_state: "LOGOUT",
                ..Event::default()
            };
            drive
                .event(pending)
                .advance(Duration::from_secs(20))
                .event(out("1001"));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
              wait until +30s for the logout to take effect
            < event 1001 TALKING
              wait until +30s for the logout to take effect
              20s later
              wait until +30s for the logout to take effect
            < event 1001 LOGOUT
            = done by event
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2 state_after=LOGOUT event_after=20s
        "#]],
    );
}

#[test]
fn it_pends_longer_than_one_waits() {
    check(
        &best("1001").with("when", "now"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive.respond(202, "");
            let pending = Event {
                user: "1001",
                state: "TALKING",
                pending_state: "LOGOUT",
                ..Event::default()
            };
            drive.event(pending).wake();
            drive.respond(
                200,
                &team_of(&[("1001", "TALKING", "LOGOUT", "2025-12-31T23:50:00.000Z")]),
            );
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
              wait until +30s for the logout to take effect
            < event 1001 TALKING
              wait until +30s for the logout to take effect
              30s later
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +30s
              wait for the logout to take effect
            < 200 Ok
            = pending
                code: pending_logout
                message: Finesse logs him out when his call ends
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z state_after=TALKING since_after=2025-12-31T23:50:00.000Z pending_state=LOGOUT team=2 feed="no notification within 30s"
        "#]],
    );
}

#[test]
fn a_request_without_an_answer_is_settled_by_a_notification() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive.event(out("1001"));
            drive.fail(FailureKind::Broken, Sent::MaybeSent);
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < event 1001 LOGOUT
            < Broken MaybeSent
            = done by event
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2 state_after=LOGOUT
        "#]],
    );
}

#[test]
fn a_plan_does_not_listen() {
    check(
        &best("1001").plan(),
        |drive| {
            begun(drive).hold();
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < held
            = planned
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn acceptance_does_not_listen() {
    check(
        &logout("1001").with("confirm", "accepted"),
        |drive| {
            begun(drive).respond(202, "");
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
            = accepted
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn on_a_call_nobody_listens_yet() {
    check(
        &best("1001"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "TALKING")]));
            drive.respond(200, &team(&[("1001", "READY")]));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait until +900s for the call to end
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +31.05s for notifications
        "#]],
    );
}

#[test]
fn a_state_that_grows_old_while_the_feed_opens() {
    check(
        &best("1001"),
        |drive| {
            begun(drive)
                .advance(Duration::from_secs(3))
                .subscribed()
                .subscribed();
            drive.fail(FailureKind::Expired, Sent::NotSent);
            drive.respond(200, &team(&[("1001", "TALKING")]));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
              3s later
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < Expired NotSent
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1ms
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +3s
              wait until +903s for the call to end
        "#]],
    );
}

/// Between the subscription and his turn the feed was lost: nothing was sent, so there is time for another one.
#[test]
fn a_feed_that_is_lost_before_his_turn_comes() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).subscribed().subscribed().feed_lost();
            drive.advance(Duration::from_secs(3));
            drive.fail(FailureKind::Expired, Sent::NotSent);
            drive.respond(200, &team(&[("1001", "READY")]));
            drive.subscribed().subscribed();
            drive.respond(202, "").event(Event {
                unix_ms: START_UNIX_MS + 5_000,
                ..out("1001")
            });
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < feed lost
              3s later
            < Expired NotSent
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1ms
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +33s for notifications
            < subscribed
              wait until +33s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +5s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
              wait until +33s for the logout to take effect
            < event 1001 LOGOUT
            = done by event
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2 state_after=LOGOUT event_after=0s
        "#]],
    );
}

#[test]
fn ones_own_logout() {
    check(
        &sign_out().with("confirm", "best"),
        |drive| {
            drive
                .respond(200, &agent("1001", "NOT_READY"))
                .subscribed()
                .subscribed();
            drive.respond(202, "").event(out("1001"));
        },
        expect![[r#"
            > GET /finesse/api/User/1001 read basic proof age 60s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
              wait until +30s for the logout to take effect
            < event 1001 LOGOUT
            = done by event
                name: Jane Doe
                details: state_before=NOT_READY since_before=2025-12-31T23:50:00.000Z team=2 state_after=LOGOUT event_after=0s
        "#]],
    );
}

#[test]
fn stopped_while_it_listens() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).cancel(CancelReason::Stopped);
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < cancel Stopped
            = cancelled
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn stopped_while_it_waits() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive.respond(202, "").cancel(CancelReason::Stopped);
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
              wait until +30s for the logout to take effect
            < cancel Stopped
            = accepted
                code: unconfirmed
                message: Finesse accepted it, and it was not seen to take effect
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

/// A supervisor stops asking for users' own nodes once Finesse has refused a few.
#[test]
fn refused_nodes_are_not_asked_for_for_ever() {
    let subject = crate::subject("auto");
    for n in 0..5 {
        let mut drive = Drive::start(&*subject, &best("1001"));
        begun(&mut drive);
        assert_eq!(drive.wishes(), if n < 3 { 2 } else { 1 });
        drive.subscribed();
        if n < 3 {
            drive.feed_refused("the server says `forbidden`");
        }
        assert!(drive.request().is_some());
    }
}

fn best(user: &str) -> Setup {
    logout(user).with("confirm", "best")
}

/// Up to where he may be logged out.
fn begun<'a, 'b>(drive: &'a mut Drive<'b>) -> &'a mut Drive<'b> {
    drive
        .respond(200, &supervisor())
        .respond(200, &team(&[("1001", "READY")]))
}

fn gone() -> String {
    team_of(&[("1001", "LOGOUT", "", "2026-01-01T00:00:01.500Z")])
}

fn out(user: &str) -> Event<'_> {
    Event {
        user,
        state: "LOGOUT",
        unix_ms: START_UNIX_MS + 200,
        ..Event::default()
    }
}

fn failed<'a>(code: &'a str, message: &'a str, request: &'a str) -> Event<'a> {
    Event {
        user: "1001",
        request_id: request,
        error_code: code,
        error_message: message,
        error_kind: "Invalid State",
        ..Event::default()
    }
}
