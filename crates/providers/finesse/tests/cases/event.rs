//! A notification confirms a logout, or says that it failed.

use std::time::Duration;

use expect_test::expect;
use signoff_core::testing::{Drive, START_UNIX_MS, Setup};
use signoff_core::{CancelReason, Event, FailureKind, Sent};
use signoff_finesse::DESCRIPTOR;

use super::check;
use super::fixtures::{agent, logout, sign_out, supervisor, team, team_of};
use super::notices::{begun, best, out};

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
