//! From the first byte to readiness, or to a refusal.

use std::time::Duration;

use expect_test::{Expect, expect};

use super::{BIND, BOUND, HEADER, OPEN, PLAIN, SUCCESS, TEAM, Tape};
use crate::{Framing, Session};

#[test]
fn logs_in_over_tcp() {
    let mut tape = Tape::begin(Framing::Stream, true);
    tape.gets(HEADER);
    tape.gets(PLAIN);
    // All that the server has to say comes in one piece, the new header behind the old stream's last element.
    let session = "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>\
                   <session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></stream:features>";
    tape.gets(&format!("{SUCCESS}{HEADER}{session}"));
    tape.gets(BOUND);
    tape.gets("<iq type='result' id='session' to='sup@abc.inc/signoff-1'/>");
    tape.check(expect![[r#"
        >> <stream:stream to='abc.inc' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>
        << <?xml version='1.0'?><stream:stream from='abc.inc' id='1' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>
        << <stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism></mechanisms></stream:features>
        >> <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHN1cABzM2NyZXQ=</auth>
        << <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/><?xml version='1.0'?><stream:stream from='abc.inc' id='1' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'><stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></stream:features>
        >> <stream:stream to='abc.inc' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>
        >> <iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>signoff-1</resource></bind></iq>
        << <iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>sup@abc.inc/signoff-1</jid></bind></iq>
        >> <iq type='set' id='session'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>
        << <iq type='result' id='session' to='sup@abc.inc/signoff-1'/>
        >> <presence><priority>1</priority></presence>
        !! Ready { jid: "sup@abc.inc/signoff-1" }
    "#]]);
}

#[test]
fn logs_in_over_web_socket() {
    let mut tape = Tape::begin(Framing::WebSocket, true);
    for text in [OPEN, PLAIN, SUCCESS, OPEN, BIND, BOUND] {
        tape.gets(text);
    }
    tape.does(|session, now| session.subscribe(now, TEAM).unwrap());
    tape.gets("<iq type='result' id='sub1'/>");
    tape.does(Session::close);
    tape.gets("<iq type='result' id='unsub2'/>");
    tape.gets("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
    assert!(tape.session.is_over());
    tape.check(expect![[r#"
        >> <open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='abc.inc' version='1.0'/>
        << <open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='abc.inc' id='1' version='1.0'/>
        << <stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism></mechanisms></stream:features>
        >> <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHN1cABzM2NyZXQ=</auth>
        << <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
        >> <open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='abc.inc' version='1.0'/>
        << <open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='abc.inc' id='1' version='1.0'/>
        << <stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>
        >> <iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>signoff-1</resource></bind></iq>
        << <iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>sup@abc.inc/signoff-1</jid></bind></iq>
        >> <presence xmlns='jabber:client'><priority>1</priority></presence>
        !! Ready { jid: "sup@abc.inc/signoff-1" }
        >> <iq xmlns='jabber:client' type='set' from='sup@abc.inc' to='pubsub.abc.inc' id='sub1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='/finesse/api/Team/2/Users' jid='sup@abc.inc/signoff-1'/></pubsub></iq>
        << <iq type='result' id='sub1'/>
        !! Subscribed { node: "/finesse/api/Team/2/Users" }
        >> <iq xmlns='jabber:client' type='set' from='sup@abc.inc' to='pubsub.abc.inc' id='unsub2'><pubsub xmlns='http://jabber.org/protocol/pubsub'><unsubscribe node='/finesse/api/Team/2/Users' jid='sup@abc.inc/signoff-1'/></pubsub></iq>
        << <iq type='result' id='unsub2'/>
        >> <presence xmlns='jabber:client' type='unavailable'/>
        >> <close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>
        !! Unsubscribed { node: "/finesse/api/Team/2/Users", jid: "sup@abc.inc/signoff-1" }
        << <close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>
        !! Closed
    "#]]);
}

/// A refusal, or a loss, at this point of the login.
#[expect(clippy::needless_pass_by_value, reason = "`check(…, expect![…])` reads best")]
fn check_login(answers: &[&str], plain: bool, expected: Expect) {
    let mut tape = Tape::begin(Framing::Stream, plain);
    for answer in answers {
        tape.gets(answer);
    }
    if !tape.session.is_over() {
        tape.hears_nothing_for(12);
    }
    assert!(tape.session.is_over());
    assert_eq!(tape.session.wake(), None);
    // Nothing comes of anything then.
    let before = tape.text.clone();
    tape.session.disconnected("EOF");
    tape.session.receive(tape.now, SUCCESS.as_bytes());
    tape.hears_nothing_for(30);
    assert_eq!(tape.text, before);
    let seen = tape.text.lines().filter(|line| !line.starts_with("<<")).skip(1);
    expected.assert_eq(&seen.map(|line| format!("{line}\n")).collect::<String>());
}

#[test]
fn a_refused_password_is_tried_once() {
    let failure = |condition: &str| {
        format!(
            "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><{condition}/><text>no &amp; no</text></failure>"
        )
    };
    check_login(
        &[HEADER, PLAIN, &failure("not-authorized")],
        true,
        expect![[r#"
        >> <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHN1cABzM2NyZXQ=</auth>
        >> </stream:stream>
        !! Refused { condition: "not-authorized", text: "no & no", credential: true }
    "#]],
    );
    check_login(
        &[HEADER, PLAIN, &failure("account-disabled")],
        true,
        expect![[r#"
        >> <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHN1cABzM2NyZXQ=</auth>
        >> </stream:stream>
        !! Refused { condition: "account-disabled", text: "no & no", credential: true }
    "#]],
    );
    check_login(
        &[HEADER, PLAIN, &failure("mechanism-too-weak")],
        true,
        expect![[r#"
            >> <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHN1cABzM2NyZXQ=</auth>
            >> </stream:stream>
            !! Refused { condition: "mechanism-too-weak", text: "no & no", credential: false }
        "#]],
    );
    check_login(
        &[HEADER, PLAIN, &failure("temporary-auth-failure")],
        true,
        expect![[r#"
            >> <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHN1cABzM2NyZXQ=</auth>
            >> </stream:stream>
            !! Lost { reason: Condition { condition: "temporary-auth-failure", text: "no & no" }, retry: true }
        "#]],
    );
    check_login(
        &[
            HEADER,
            PLAIN,
            "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></stream:stream>",
        ],
        true,
        expect![[r#"
            >> <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHN1cABzM2NyZXQ=</auth>
            >> </stream:stream>
            !! Refused { condition: "undefined-condition", text: "", credential: true }
        "#]],
    );
}

#[test]
fn no_password_is_sent_where_it_may_not() {
    check_login(
        &[HEADER, PLAIN],
        false,
        expect![[r#"
        >> </stream:stream>
        !! Refused { condition: "encryption-required", text: "the connection is not encrypted, so the password is not sent", credential: false }
    "#]],
    );
    let scram = PLAIN.replace("<mechanism>PLAIN</mechanism>", "");
    check_login(
        &[HEADER, &scram],
        true,
        expect![[r#"
        >> </stream:stream>
        !! Refused { condition: "invalid-mechanism", text: "the server takes no PLAIN; it offers SCRAM-SHA-1", credential: false }
    "#]],
    );
    check_login(
        &[HEADER, "<stream:features/>"],
        true,
        expect![[r#"
        >> </stream:stream>
        !! Refused { condition: "invalid-mechanism", text: "the server takes no PLAIN; it offers nothing", credential: false }
    "#]],
    );
}

#[test]
fn a_login_that_goes_wrong_says_where() {
    check_login(
        &[],
        true,
        expect![[r#"
        -- 10 s
        >> </stream:stream>
        !! Lost { reason: Silence("header of a stream"), retry: true }
    "#]],
    );
    check_login(
        &[HEADER],
        true,
        expect![[r#"
        -- 10 s
        >> </stream:stream>
        !! Lost { reason: Silence("features"), retry: true }
    "#]],
    );
    check_login(
        &[HEADER, PLAIN],
        true,
        expect![[r#"
        >> <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHN1cABzM2NyZXQ=</auth>
        -- 10 s
        >> </stream:stream>
        !! Lost { reason: Silence("answer to the login"), retry: true }
    "#]],
    );
    check_login(
        &[HEADER, PLAIN, SUCCESS, HEADER, BIND],
        true,
        expect![[r#"
        >> <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHN1cABzM2NyZXQ=</auth>
        >> <stream:stream to='abc.inc' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>
        >> <iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>signoff-1</resource></bind></iq>
        -- 10 s
        >> </stream:stream>
        !! Lost { reason: Silence("session"), retry: true }
    "#]],
    );
    check_login(
        &["HTTP/1.1 400 Bad Request\r\n"],
        true,
        expect![[r#"

        >> </stream:stream>
        !! Lost { reason: Malformed(TextBetween), retry: false }
    "#]],
    );
    check_login(
        &["<html>"],
        true,
        expect![[r#"
            >> </stream:stream>
            !! Lost { reason: Unexpected { found: "html", expected: "the header of a stream" }, retry: false }
        "#]],
    );
    check_login(
        &[HEADER, "<iq/>"],
        true,
        expect![[r#"
        >> </stream:stream>
        !! Lost { reason: Unexpected { found: "iq", expected: "`features`" }, retry: false }
    "#]],
    );
    check_login(
        &[
            HEADER,
            PLAIN,
            "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        ],
        true,
        expect![[r#"
            >> <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHN1cABzM2NyZXQ=</auth>
            >> </stream:stream>
            !! Lost { reason: Unexpected { found: "challenge", expected: "the answer to a login" }, retry: false }
        "#]],
    );
    check_login(
        &[HEADER, PLAIN, SUCCESS, HEADER, "<stream:features/>"],
        true,
        expect![[r#"
            >> <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHN1cABzM2NyZXQ=</auth>
            >> <stream:stream to='abc.inc' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>
            >> </stream:stream>
            !! Lost { reason: Unexpected { found: "features without `bind`", expected: "`features`" }, retry: false }
        "#]],
    );
    check_login(
        &[
            HEADER,
            PLAIN,
            SUCCESS,
            HEADER,
            BIND,
            "<iq type='error' id='bind'><error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
        ],
        true,
        expect![[r#"
            >> <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHN1cABzM2NyZXQ=</auth>
            >> <stream:stream to='abc.inc' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>
            >> <iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>signoff-1</resource></bind></iq>
            >> </stream:stream>
            !! Refused { condition: "resource-constraint", text: "", credential: false }
        "#]],
    );
    check_login(
        &[
            HEADER,
            PLAIN,
            SUCCESS,
            HEADER,
            BIND,
            "<iq type='result' id='bind'/>",
        ],
        true,
        expect![[r#"
            >> <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHN1cABzM2NyZXQ=</auth>
            >> <stream:stream to='abc.inc' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>
            >> <iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>signoff-1</resource></bind></iq>
            >> </stream:stream>
            !! Lost { reason: Unexpected { found: "an answer without an address", expected: "an address" }, retry: false }
        "#]],
    );
    check_login(
        &[HEADER, "</stream:stream>"],
        true,
        expect![[r#"
        >> </stream:stream>
        !! Lost { reason: Ended, retry: true }
    "#]],
    );
    let error = |condition: &str| {
        format!("<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>")
    };
    check_login(
        &[HEADER, &error("host-unknown")],
        true,
        expect![[r#"
        >> </stream:stream>
        !! Lost { reason: Condition { condition: "host-unknown", text: "" }, retry: false }
    "#]],
    );
    check_login(
        &[HEADER, &error("system-shutdown")],
        true,
        expect![[r#"
        >> </stream:stream>
        !! Lost { reason: Condition { condition: "system-shutdown", text: "" }, retry: true }
    "#]],
    );
}

/// Where there is another server, this one has less time to say how one may log in, and as much as ever for the rest.
#[test]
fn an_offer_may_be_wanted_sooner() {
    let hurried = || {
        let mut tape = Tape::begin(Framing::Stream, true);
        tape.does(|session, now| session.expect_offer_by(now + Duration::from_secs(3)));
        tape.gets(HEADER);
        tape
    };
    let mut silent = hurried();
    silent.hears_nothing_for(3);
    assert!(silent.session.is_over() && !silent.session.has_shown());
    let mut slow = hurried();
    slow.gets(PLAIN);
    slow.hears_nothing_for(9);
    assert!(!slow.session.is_over() && slow.session.has_shown());
    slow.hears_nothing_for(1);
    assert!(slow.session.is_over());
}
