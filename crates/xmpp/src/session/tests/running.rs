//! What happens in a session that is up, and how it ends.

use expect_test::{Expect, expect};

use super::{HEADER, TEAM, Tape};
use crate::{Framing, Session};

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
        );
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
