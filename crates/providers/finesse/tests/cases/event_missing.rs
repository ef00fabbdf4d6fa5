//! Where no notification comes: no feed, one that is lost, or silence. Then the state is read.

use std::time::Duration;

use expect_test::expect;
use signoff_core::{FailureKind, Sent};

use super::check;
use super::fixtures::{logout, team};
use super::notices::{begun, best, gone};

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
