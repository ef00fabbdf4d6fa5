//! A session as a tape: `<<` what the server sends, `>>` what is sent to it, `!!` what the host is told.

mod login;
mod running;

use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, proptest};
use proptest::sample::select;
use zeroize::Zeroizing;

use super::{Login, Session};
use crate::{Framing, Limits, Node, ns};

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

/// Stanzas put together at random from what the session looks at.
fn stanza() -> impl Strategy<Value = Node> {
    let space = select(vec![
        ns::CLIENT,
        ns::STREAMS,
        ns::PUBSUB,
        ns::PUBSUB_EVENT,
        ns::PUSH,
        ns::PING,
        ns::STANZA_ERRORS,
        ns::STREAM_ERRORS,
        ns::SASL,
        ns::BIND,
        "",
    ]);
    let name = select(vec![
        "iq",
        "message",
        "presence",
        "event",
        "items",
        "item",
        "notification",
        "pubsub",
        "subscription",
        "subscriptions",
        "error",
        "text",
        "conflict",
        "ping",
        "delay",
        "features",
        "success",
        "failure",
    ]);
    let attr = (
        select(vec!["type", "id", "from", "to", "node", "jid", "subscription"]),
        select(vec![
            "get",
            "set",
            "result",
            "error",
            "unavailable",
            "sub1",
            "bind",
            "pubsub.abc.inc",
            "finesse@abc.inc/x",
            "sup@abc.inc",
            "subscribed",
            "",
            "é",
        ]),
    );
    let leaf = (space, name, vec(attr, 0..4), "[a-z ]{0,3}").prop_map(|(space, name, attrs, text)| {
        let mut node = Node::new(space, name).text(text);
        for (name, value) in attrs {
            if node.attr(name).is_none() {
                node = node.with(name, value);
            }
        }
        node
    });
    leaf.prop_recursive(5, 24, 3, |inner| {
        (inner.clone(), vec(inner, 0..3)).prop_map(|(node, children)| node.children(children))
    })
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
    fn stanzas_in_any_order_are_survived(stanzas in vec(stanza(), 1..12)) {
        let mut tape = Tape::ready();
        tape.does(|session, now| session.subscribe(now, "n").unwrap());
        for stanza in stanzas {
            let over = tape.session.is_over();
            let ends = stanza.is(ns::STREAMS, "error");
            tape.gets(&Framing::Stream.stanza(&stanza).unwrap());
            // Nothing ends it but what says that it does.
            assert_eq!(tape.session.is_over(), over || ends);
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
