//! A session as a tape: `<<` what the server sends, `>>` what is sent to it, `!!` what the host is told.

use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::{any, proptest};
use zeroize::Zeroizing;

use super::{Login, Session};
use crate::{Framing, Limits};

const HEADER: &str = "<?xml version='1.0'?><stream:stream from='abc.inc' id='1' xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='abc.inc' id='1' version='1.0'/>";
const PLAIN: &str = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
                     <mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism></mechanisms></stream:features>";
const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
const BIND: &str = "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>";
const BOUND: &str = "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>sup@abc.inc/signoff-1</jid></bind></iq>";
const TEAM: &str = "/finesse/api/Team/2/Users";

struct Tape {
    session: Session,
    now: Duration,
    text: String,
}

impl Tape {
    fn begin(framing: Framing, plain: bool) -> Self {
        let login = Login {
            domain: "abc.inc".to_owned(),
            service: "pubsub.abc.inc".to_owned(),
            user: "sup".to_owned(),
            password: Zeroizing::new("s3cret".to_owned()),
            resource: "signoff-1".to_owned(),
            plain,
        };
        let now = Duration::from_secs(1000);
        let mut tape = Self {
            session: Session::new(login, framing, Limits::default(), now).unwrap(),
            now,
            text: String::new(),
        };
        tape.drain();
        tape
    }

    /// Logged in, over TCP; what went before is off the tape.
    fn ready() -> Self {
        let mut tape = Self::begin(Framing::Stream, true);
        for text in [HEADER, PLAIN, SUCCESS, HEADER, BIND, BOUND] {
            tape.gets(text);
        }
        tape.text.clear();
        tape
    }

    fn gets(&mut self, text: &str) {
        self.text.push_str(&format!("<< {text}\n"));
        self.session.receive(self.now, text.as_bytes());
        self.drain();
    }

    fn hears_nothing_for(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            if self.session.wake().is_some_and(|wake| wake <= self.now) {
                self.text
                    .push_str(&format!("-- {} s\n", self.now.as_secs() - 1000));
                self.session.tick(self.now);
                self.drain();
            }
        }
    }

    fn does(&mut self, act: impl FnOnce(&mut Session, Duration)) {
        act(&mut self.session, self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(transmit) = self.session.transmit() {
            self.text.push_str(&format!(">> {}\n", transmit.as_str()));
        }
        while let Some(event) = self.session.event() {
            self.text.push_str(&format!("!! {event:?}\n"));
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "`check(expect![…])` reads best")]
    fn check(&self, expected: Expect) {
        expected.assert_eq(&self.text);
    }
}

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

#[test]
fn the_captured_exchange() {
    let mut tape = Tape::ready();
    tape.does(|session, now| session.subscribe(now, TEAM).unwrap());
    tape.gets(
        "<iq type='result' id='sub1' from='pubsub.abc.inc' to='sup@abc.inc/signoff-1'><pubsub xmlns='http://jabber.org/protocol/pubsub'>\
         <subscription node='/finesse/api/Team/2/Users' jid='sup@abc.inc/signoff-1' subscription='subscribed'><subscribe-options/></subscription></pubsub></iq>",
    );
    tape.does(|session, now| session.list(now).unwrap());
    tape.gets(
        "<iq type='result' id='subList2' from='pubsub.abc.inc'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscriptions>\
         <subscription node='/finesse/api/User/sup' jid='sup@abc.inc' subscription='subscribed'/>\
         <subscription node='/finesse/api/Team/2/Users' jid='sup@abc.inc/signoff-1' subscription='subscribed'/>\
         <subscription node='uccx.api.agent.sup' jid='sup@abc.inc/desktop' subscription='subscribed' subid='7'/></subscriptions></pubsub></iq>",
    );
    tape.gets(
        "<message from=\"pubsub.abc.inc\" to=\"sup@abc.inc\" id=\"1pCI755F\"><event xmlns=\"http://jabber.org/protocol/pubsub#event\">\
         <items node=\"/finesse/api/Team/2/Users\"><item id=\"…\"><notification xmlns=\"urn:xmpp:push:0\">\n\
         &lt;Update&gt;&lt;data&gt;&lt;user&gt;&lt;lastName&gt;O'Neil &amp;amp; Co&lt;/lastName&gt;&lt;/user&gt;&lt;/data&gt;&lt;/Update&gt;\n\
         </notification></item></items></event></message>",
    );
    tape.does(|session, now| session.unsubscribe(now, TEAM).unwrap());
    tape.gets("<iq type='result' id='unsub3' from='pubsub.abc.inc' to='sup@abc.inc/signoff-1'/>");
    tape.check(expect![[r#"
        >> <iq type='set' from='sup@abc.inc' to='pubsub.abc.inc' id='sub1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='/finesse/api/Team/2/Users' jid='sup@abc.inc/signoff-1'/></pubsub></iq>
        << <iq type='result' id='sub1' from='pubsub.abc.inc' to='sup@abc.inc/signoff-1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscription node='/finesse/api/Team/2/Users' jid='sup@abc.inc/signoff-1' subscription='subscribed'><subscribe-options/></subscription></pubsub></iq>
        !! Subscribed { node: "/finesse/api/Team/2/Users" }
        >> <iq type='get' from='sup@abc.inc' to='pubsub.abc.inc' id='subList2'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscriptions/></pubsub></iq>
        << <iq type='result' id='subList2' from='pubsub.abc.inc'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscriptions><subscription node='/finesse/api/User/sup' jid='sup@abc.inc' subscription='subscribed'/><subscription node='/finesse/api/Team/2/Users' jid='sup@abc.inc/signoff-1' subscription='subscribed'/><subscription node='uccx.api.agent.sup' jid='sup@abc.inc/desktop' subscription='subscribed' subid='7'/></subscriptions></pubsub></iq>
        !! Subscriptions([Subscription { node: "/finesse/api/User/sup", jid: "sup@abc.inc", state: "subscribed", id: None }, Subscription { node: "/finesse/api/Team/2/Users", jid: "sup@abc.inc/signoff-1", state: "subscribed", id: None }, Subscription { node: "uccx.api.agent.sup", jid: "sup@abc.inc/desktop", state: "subscribed", id: Some("7") }])
        << <message from="pubsub.abc.inc" to="sup@abc.inc" id="1pCI755F"><event xmlns="http://jabber.org/protocol/pubsub#event"><items node="/finesse/api/Team/2/Users"><item id="…"><notification xmlns="urn:xmpp:push:0">
        &lt;Update&gt;&lt;data&gt;&lt;user&gt;&lt;lastName&gt;O'Neil &amp;amp; Co&lt;/lastName&gt;&lt;/user&gt;&lt;/data&gt;&lt;/Update&gt;
        </notification></item></items></event></message>
        !! Notification(Notification { node: "/finesse/api/Team/2/Users", payload: "<Update><data><user><lastName>O'Neil &amp; Co</lastName></user></data></Update>", delayed: false })
        >> <iq type='set' from='sup@abc.inc' to='pubsub.abc.inc' id='unsub3'><pubsub xmlns='http://jabber.org/protocol/pubsub'><unsubscribe node='/finesse/api/Team/2/Users' jid='sup@abc.inc/signoff-1'/></pubsub></iq>
        << <iq type='result' id='unsub3' from='pubsub.abc.inc' to='sup@abc.inc/signoff-1'/>
        !! Unsubscribed { node: "/finesse/api/Team/2/Users", jid: "sup@abc.inc/signoff-1" }
    "#]]);
}

#[test]
fn stanzas_as_captured() {
    use crate::stanza;
    let written = |stanza| Framing::Stream.stanza(&stanza).unwrap();
    assert_eq!(
        written(stanza::subscribe(
            "sub1",
            "U@D",
            "pubsub.D",
            TEAM,
            "U@D/learninglab"
        )),
        "<iq type='set' from='U@D' to='pubsub.D' id='sub1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='/finesse/api/Team/2/Users' jid='U@D/learninglab'/></pubsub></iq>"
    );
    assert_eq!(
        written(stanza::unsubscribe(
            "unsub1",
            "U@D",
            "pubsub.D",
            TEAM,
            "U@D/learninglab",
            None
        )),
        "<iq type='set' from='U@D' to='pubsub.D' id='unsub1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><unsubscribe node='/finesse/api/Team/2/Users' jid='U@D/learninglab'/></pubsub></iq>"
    );
    assert_eq!(
        written(stanza::subscriptions("subList1", "U@D", "pubsub.D")),
        "<iq type='get' from='U@D' to='pubsub.D' id='subList1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscriptions/></pubsub></iq>"
    );
    assert_eq!(
        written(stanza::available()),
        "<presence><priority>1</priority></presence>"
    );
    assert_eq!(
        Framing::Stream.header(&[("to", "D")]).unwrap(),
        "<stream:stream to='D' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
    );
}

#[test]
fn events_come_in_any_order_from_the_service_alone() {
    let event = |from: &str, space: &str, text: &str| {
        format!(
            "<message{from}><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='n'><item>\
             <notification xmlns='{space}'>{text}</notification></item></items></event></message>"
        )
    };
    let mut tape = Tape::ready();
    tape.does(|session, now| session.subscribe(now, "n").unwrap());
    tape.gets(&event(
        " from='pubsub.abc.inc'",
        "http://jabber.org/protocol/pubsub",
        "11.x, before the answer",
    ));
    tape.gets(&event("", "urn:xmpp:push:0", "without a sender"));
    tape.gets(
        &event(" from='PubSub.abc.inc'", "urn:x", "any namespace")
            .replace("<event", "<delay xmlns='urn:xmpp:delay' stamp=''/><event"),
    );
    tape.text.push_str("-- forged, or nothing in them\n");
    tape.gets(&event(" from='agent@abc.inc/x'", "urn:xmpp:push:0", "forged"));
    tape.gets("<iq type='result' id='sub1' from='agent@abc.inc/x'/>");
    tape.gets(&event("", "urn:xmpp:push:0", "\n "));
    tape.gets(&event(" type='error'", "urn:xmpp:push:0", "bounced"));
    tape.gets("<presence from='finesse@other.inc'/><presence from='agent@abc.inc/x' type='unavailable'/>");
    tape.text.push_str("-- not forged\n");
    tape.gets("<presence from='finesse@abc.inc/x' type='unavailable'/><presence from='finesse@abc.inc/x'/>");
    tape.gets("<iq type='result' id='sub1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscription subscription='pending'/></pubsub></iq>");
    tape.check(expect![[r#"
        >> <iq type='set' from='sup@abc.inc' to='pubsub.abc.inc' id='sub1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='n' jid='sup@abc.inc/signoff-1'/></pubsub></iq>
        << <message from='pubsub.abc.inc'><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='n'><item><notification xmlns='http://jabber.org/protocol/pubsub'>11.x, before the answer</notification></item></items></event></message>
        !! Notification(Notification { node: "n", payload: "11.x, before the answer", delayed: false })
        << <message><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='n'><item><notification xmlns='urn:xmpp:push:0'>without a sender</notification></item></items></event></message>
        !! Notification(Notification { node: "n", payload: "without a sender", delayed: false })
        << <message from='PubSub.abc.inc'><delay xmlns='urn:xmpp:delay' stamp=''/><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='n'><item><notification xmlns='urn:x'>any namespace</notification></item></items></event></message>
        !! Notification(Notification { node: "n", payload: "any namespace", delayed: true })
        -- forged, or nothing in them
        << <message from='agent@abc.inc/x'><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='n'><item><notification xmlns='urn:xmpp:push:0'>forged</notification></item></items></event></message>
        << <iq type='result' id='sub1' from='agent@abc.inc/x'/>
        << <message><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='n'><item><notification xmlns='urn:xmpp:push:0'>
         </notification></item></items></event></message>
        << <message type='error'><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='n'><item><notification xmlns='urn:xmpp:push:0'>bounced</notification></item></items></event></message>
        << <presence from='finesse@other.inc'/><presence from='agent@abc.inc/x' type='unavailable'/>
        -- not forged
        << <presence from='finesse@abc.inc/x' type='unavailable'/><presence from='finesse@abc.inc/x'/>
        !! Service { available: false }
        !! Service { available: true }
        << <iq type='result' id='sub1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscription subscription='pending'/></pubsub></iq>
        !! Failed { request: Subscribe { node: "n" }, error: StanzaError { condition: "pending", detail: "", text: "" } }
    "#]]);
}

#[test]
fn a_request_can_fail() {
    let mut tape = Tape::ready();
    tape.does(|session, now| session.subscribe(now, "/finesse/api/User/100").unwrap());
    tape.gets("<iq type='error' id='sub1'><error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    tape.does(|session, now| session.remove(now, "n", "sup@abc.inc/old", Some("7")).unwrap());
    tape.gets(
        "<iq type='error' id='unsub2'><error type='cancel'><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
         <not-subscribed xmlns='http://jabber.org/protocol/pubsub#errors'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>who?</text></error></iq>",
    );
    tape.does(|session, now| {
        assert_eq!(
            session.subscribe(now, "\u{1}").unwrap_err().to_string(),
            "XML cannot carry the character U+0001"
        );
    });
    // What failed is not taken back.
    tape.does(Session::close);
    tape.does(|session, now| {
        assert_eq!(
            session.list(now).unwrap_err().to_string(),
            "the session is not up"
        )
    });
    tape.check(expect![[r#"
        >> <iq type='set' from='sup@abc.inc' to='pubsub.abc.inc' id='sub1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='/finesse/api/User/100' jid='sup@abc.inc/signoff-1'/></pubsub></iq>
        << <iq type='error' id='sub1'><error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
        !! Failed { request: Subscribe { node: "/finesse/api/User/100" }, error: StanzaError { condition: "forbidden", detail: "", text: "" } }
        >> <iq type='set' from='sup@abc.inc' to='pubsub.abc.inc' id='unsub2'><pubsub xmlns='http://jabber.org/protocol/pubsub'><unsubscribe node='n' jid='sup@abc.inc/old' subid='7'/></pubsub></iq>
        << <iq type='error' id='unsub2'><error type='cancel'><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><not-subscribed xmlns='http://jabber.org/protocol/pubsub#errors'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>who?</text></error></iq>
        !! Failed { request: Unsubscribe { node: "n", jid: "sup@abc.inc/old" }, error: StanzaError { condition: "unexpected-request", detail: "not-subscribed", text: "who?" } }
        >> <presence type='unavailable'/>
        >> </stream:stream>
    "#]]);
}

#[test]
fn the_server_is_answered() {
    let mut tape = Tape::ready();
    tape.gets(
        "<iq type='get' id='p' from='abc.inc' to='sup@abc.inc/signoff-1'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    tape.gets("<iq type='set' id='q&amp;' from='abc.inc'><query xmlns='jabber:iq:roster'/></iq>");
    tape.gets("<iq type='result' id='nobody asked'/><iq/><unknown/>");
    tape.check(expect![[r#"
        << <iq type='get' id='p' from='abc.inc' to='sup@abc.inc/signoff-1'><ping xmlns='urn:xmpp:ping'/></iq>
        >> <iq type='result' to='abc.inc' id='p'/>
        << <iq type='set' id='q&amp;' from='abc.inc'><query xmlns='jabber:iq:roster'/></iq>
        >> <iq type='error' to='abc.inc' id='q&amp;'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
        << <iq type='result' id='nobody asked'/><iq/><unknown/>
    "#]]);
}

#[test]
fn silence_ends_it() {
    let mut tape = Tape::ready();
    tape.hears_nothing_for(12);
    tape.gets(" ");
    tape.hears_nothing_for(40);
    tape.check(expect![[r#"
        -- 10 s
        >> <iq type='get' to='abc.inc' id='ping1'><ping xmlns='urn:xmpp:ping'/></iq>
        <<  
        -- 20 s
        >> <iq type='get' to='abc.inc' id='ping2'><ping xmlns='urn:xmpp:ping'/></iq>
        -- 30 s
        >> <iq type='get' to='abc.inc' id='ping3'><ping xmlns='urn:xmpp:ping'/></iq>
        -- 40 s
        >> </stream:stream>
        !! Lost { reason: Silence("answer to pings"), retry: true }
    "#]]);
    let mut tape = Tape::ready();
    tape.does(|session, now| session.subscribe(now, "n").unwrap());
    // Whatever else comes, an answer has to.
    for _ in 0..11 {
        tape.hears_nothing_for(1);
        tape.session.receive(tape.now, b" ");
    }
    tape.check(expect![[r#"
        >> <iq type='set' from='sup@abc.inc' to='pubsub.abc.inc' id='sub1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='n' jid='sup@abc.inc/signoff-1'/></pubsub></iq>
        -- 10 s
        >> </stream:stream>
        !! Lost { reason: Silence("answer to a request"), retry: true }
    "#]]);
}

#[test]
fn an_end_has_a_reason() {
    let check = |end: &dyn Fn(&mut Tape), expected: Expect| {
        let mut tape = Tape::ready();
        end(&mut tape);
        tape.check(expected);
    };
    check(
        &|tape| tape.gets("</stream:stream>"),
        expect![[r#"
        << </stream:stream>
        >> </stream:stream>
        !! Lost { reason: Ended, retry: true }
    "#]],
    );
    check(
        &|tape| tape.does(|session, _| session.disconnected("connection reset by peer")),
        expect![[r#"
            !! Lost { reason: Connection("connection reset by peer"), retry: true }
        "#]],
    );
    check(
        &|tape| tape.gets("<message><a></message>"),
        expect![[r#"
        << <message><a></message>
        >> </stream:stream>
        !! Lost { reason: Malformed(Xml("start and end tag do not match")), retry: true }
    "#]],
    );
    for condition in ["conflict", "system-shutdown", "policy-violation", "reset"] {
        let mut tape = Tape::ready();
        tape.gets(&format!("<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>why</text></stream:error></stream:stream>"));
        let retry = !matches!(condition, "conflict" | "policy-violation");
        let expected = format!(
            "!! Lost {{ reason: Condition {{ condition: \"{condition}\", text: \"why\" }}, retry: {retry} }}\n"
        );
        assert!(tape.text.ends_with(&expected), "{}", tape.text);
    }
}

#[test]
fn it_closes_politely() {
    let mut tape = Tape::ready();
    tape.does(|session, now| session.subscribe(now, "n").unwrap());
    tape.does(Session::close);
    tape.does(Session::close);
    // The answer to the subscription, an event, and the answer that was waited for.
    tape.gets("<iq type='result' id='sub1'/><iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>");
    tape.gets("<iq type='result' id='unsub2'/>");
    tape.does(|session, _| session.disconnected("EOF"));
    tape.check(expect![[r#"
        >> <iq type='set' from='sup@abc.inc' to='pubsub.abc.inc' id='sub1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='n' jid='sup@abc.inc/signoff-1'/></pubsub></iq>
        >> <iq type='set' from='sup@abc.inc' to='pubsub.abc.inc' id='unsub2'><pubsub xmlns='http://jabber.org/protocol/pubsub'><unsubscribe node='n' jid='sup@abc.inc/signoff-1'/></pubsub></iq>
        << <iq type='result' id='sub1'/><iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>
        >> <iq type='result' id='1'/>
        << <iq type='result' id='unsub2'/>
        >> <presence type='unavailable'/>
        >> </stream:stream>
        !! Unsubscribed { node: "n", jid: "sup@abc.inc/signoff-1" }
        !! Closed
    "#]]);

    let mut tape = Tape::ready();
    tape.does(|session, now| session.subscribe(now, "n").unwrap());
    tape.does(Session::close);
    tape.hears_nothing_for(5);
    assert!(tape.session.is_over());
    tape.check(expect![[r#"
        >> <iq type='set' from='sup@abc.inc' to='pubsub.abc.inc' id='sub1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='n' jid='sup@abc.inc/signoff-1'/></pubsub></iq>
        >> <iq type='set' from='sup@abc.inc' to='pubsub.abc.inc' id='unsub2'><pubsub xmlns='http://jabber.org/protocol/pubsub'><unsubscribe node='n' jid='sup@abc.inc/signoff-1'/></pubsub></iq>
        -- 2 s
        >> <presence type='unavailable'/>
        >> </stream:stream>
        -- 3 s
        !! Closed
    "#]]);

    let mut tape = Tape::begin(Framing::Stream, true);
    tape.gets(HEADER);
    tape.does(Session::close);
    tape.gets("</stream:stream>");
    tape.check(expect![[r#"
        >> <stream:stream to='abc.inc' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>
        << <?xml version='1.0'?><stream:stream from='abc.inc' id='1' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>
        >> </stream:stream>
        << </stream:stream>
        !! Closed
    "#]]);
}

#[test]
fn debug_shows_no_password() {
    let mut tape = Tape::begin(Framing::Stream, true);
    let before = format!("{:?}", tape.session);
    tape.session
        .receive(tape.now, format!("{HEADER}{PLAIN}").as_bytes());
    let auth = tape.session.transmit().unwrap();
    assert!(auth.as_str().contains("AHN1cABzM2NyZXQ="));
    let shown = format!("{before}{:?}{auth:?}", tape.session);
    assert!(!shown.contains("s3cret") && !shown.contains("AHN1"), "{shown}");
}

proptest! {
    #[test]
    fn whatever_comes_is_survived(bytes in any::<Vec<u8>>(), text in "[<>/!&;a-c'= :#x0-9-]{0,100}", after in 0..7_usize) {
        for framing in [Framing::Stream, Framing::WebSocket] {
            for end in [&bytes[..], text.as_bytes()] {
                let mut tape = Tape::begin(framing, true);
                let open = if framing == Framing::Stream { HEADER } else { OPEN };
                for text in [open, PLAIN, SUCCESS, open, BIND, BOUND].iter().take(after) {
                    tape.gets(text);
                }
                tape.session.receive(tape.now, end);
                tape.drain();
                tape.does(Session::close);
                tape.hears_nothing_for(60);
                assert!(tape.session.is_over());
                let ends = ["!! Closed", "!! Lost", "!! Refused"];
                assert_eq!(tape.text.lines().filter(|line| ends.iter().any(|end| line.starts_with(end))).count(), 1);
            }
        }
    }

    #[test]
    fn pieces_make_no_difference(piece in 1..60_usize) {
        let whole = [HEADER, PLAIN, SUCCESS, HEADER, BIND, BOUND, "<iq type='get' id='1'/>", "</stream:stream>"].concat();
        let mut tape = Tape::begin(Framing::Stream, true);
        let mut at_once = Tape::begin(Framing::Stream, true);
        at_once.session.receive(at_once.now, whole.as_bytes());
        at_once.drain();
        for piece in whole.as_bytes().chunks(piece) {
            tape.session.receive(tape.now, piece);
        }
        tape.drain();
        assert_eq!(tape.text, at_once.text);
    }
}
