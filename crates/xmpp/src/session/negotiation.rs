//! From the header to presence: one step after the other, each with one thing that has to come.

use std::time::Duration;

use zeroize::Zeroize as _;

use super::{Event, Reason, Session, Transmit};
use crate::decoder::Frame;
use crate::node::Node;
use crate::{ns, stanza};

/// What has to come next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// The server's header: the first, or the one after the login.
    Header {
        again: bool,
    },
    Features {
        again: bool,
    },
    /// What becomes of the login.
    Verdict,
    /// The address; and whether a session has to be asked for then.
    Bound {
        session: bool,
    },
    /// The session.
    Session,
    Ready,
    /// Subscriptions are being taken back.
    Leaving,
    /// Our footer is sent.
    Footer,
    Over,
}

/// The conditions of RFC 6120, 6.5, that say nothing about user and password.
const NOT_THE_CREDENTIAL: [&str; 6] = [
    "aborted",
    "encryption-required",
    "incorrect-encoding",
    "invalid-mechanism",
    "malformed-request",
    "mechanism-too-weak",
];
/// The conditions of RFC 6120, 4.9.3, after which the same would happen again.
const LASTING: [&str; 7] = [
    "conflict",
    "host-gone",
    "host-unknown",
    "not-authorized",
    "policy-violation",
    "see-other-host",
    "unsupported-version",
];

impl Stage {
    /// For a message that nothing came.
    pub(super) fn awaited(&self) -> &'static str {
        match self {
            Self::Header { .. } => "header of a stream",
            Self::Features { .. } => "features",
            Self::Verdict => "answer to the login",
            Self::Bound { .. } | Self::Session => "session",
            Self::Ready | Self::Leaving | Self::Footer | Self::Over => "answer",
        }
    }

    /// Whether the login is behind us.
    pub(super) fn is_up(&self) -> bool {
        matches!(self, Self::Ready | Self::Leaving | Self::Footer)
    }
}

impl Session {
    pub(super) fn send_header(&mut self, now: Duration) {
        // The domain was looked at in the beginning.
        if let Ok(header) = self.framing.header(&[("to", &self.login.domain)]) {
            self.send(now, header);
        }
    }

    pub(super) fn frame(&mut self, now: Duration, frame: Frame) {
        match frame {
            Frame::Open(root) => match self.stage {
                Stage::Header { again } if is_header(&root) => self.stage = Stage::Features { again },
                _ => self.unexpected(now, &root.name),
            },
            Frame::Close => self.closed(now),
            Frame::Stanza(stanza) if stanza.is(ns::STREAMS, "error") => self.stream_error(now, &stanza),
            Frame::Stanza(stanza) => match self.stage {
                Stage::Header { .. } => self.unexpected(now, &stanza.name),
                Stage::Features { again } if stanza.is(ns::STREAMS, "features") => {
                    if again {
                        self.bind(now, &stanza);
                    } else {
                        self.authenticate(now, &stanza);
                    }
                }
                Stage::Features { .. } => self.unexpected(now, &stanza.name),
                Stage::Verdict => self.verdict(now, &stanza),
                _ => self.stanza(now, &stanza),
            },
        }
    }

    /// PLAIN, and nothing else: the only mechanism that Finesse is known to take.
    fn authenticate(&mut self, now: Duration, features: &Node) {
        let mechanisms = features.get(ns::SASL, "mechanisms");
        let offered: Vec<&str> = mechanisms
            .into_iter()
            .flat_map(|mechanisms| &mechanisms.children)
            .filter(|child| child.is(ns::SASL, "mechanism"))
            .map(|mechanism| mechanism.text.trim())
            .collect();
        if !offered.contains(&"PLAIN") {
            let offered = match &*offered {
                [] => "nothing".to_owned(),
                some => some.join(", "),
            };
            let text = format!("the server takes no PLAIN; it offers {}", stanza::brief(&offered));
            return self.refuse(now, "invalid-mechanism".to_owned(), text, false);
        }
        if !self.login.plain {
            let text = "the connection is not encrypted, so the password is not sent".to_owned();
            return self.refuse(now, "encryption-required".to_owned(), text, false);
        }
        let mut auth = stanza::plain(&self.login.user, &self.login.password);
        // Base64 is always XML.
        if let Ok(text) = self.framing.stanza(&auth) {
            self.last_sent = now;
            self.transmits.push_back(Transmit { text, secret: true });
        }
        auth.text.zeroize();
        self.login.password.zeroize();
        self.has_shown = true;
        self.deadline = self.login_by;
        self.stage = Stage::Verdict;
    }

    fn verdict(&mut self, now: Duration, stanza: &Node) {
        if stanza.is(ns::SASL, "success") {
            // The stream begins anew: what comes behind is read by another decoder.
            self.decoder = self.framing.decoder(self.limits);
            self.stage = Stage::Header { again: true };
            self.send_header(now);
        } else if stanza.is(ns::SASL, "failure") {
            let (condition, text) = stanza::condition(stanza, ns::SASL);
            if condition == "temporary-auth-failure" {
                return self.lose(now, Reason::Condition { condition, text }, true);
            }
            let credential = !NOT_THE_CREDENTIAL.contains(&&*condition);
            self.refuse(now, condition, text, credential);
        } else {
            self.unexpected(now, &stanza.name);
        }
    }

    fn bind(&mut self, now: Duration, features: &Node) {
        if features.get(ns::BIND, "bind").is_none() {
            return self.unexpected(now, "features without `bind`");
        }
        let session = features.get(ns::SESSION, "session").is_some();
        self.stage = Stage::Bound { session };
        let bind = stanza::bind("bind", &self.login.resource);
        self.send_stanza(now, &bind);
    }

    /// The answers to what is asked between the login and readiness. Whether it is one has been looked at.
    pub(super) fn settled(&mut self, now: Duration, answer: &Node) {
        if answer.attr("type") == Some("error") {
            let error = stanza::read_error(answer);
            return self.refuse(now, error.condition, error.text, false);
        }
        match self.stage {
            Stage::Bound { session } => {
                let jid = answer
                    .get(ns::BIND, "bind")
                    .and_then(|bind| bind.get(ns::BIND, "jid"));
                let Some(jid) = jid.map(|jid| jid.text.trim()).filter(|jid| !jid.is_empty()) else {
                    return self.unexpected(now, "an answer without an address");
                };
                jid.clone_into(&mut self.jid);
                if session {
                    self.stage = Stage::Session;
                    let session = Node::new(ns::SESSION, "session");
                    self.send_stanza(now, &stanza::iq("set", "session", Some(session)));
                } else {
                    self.ready(now);
                }
            }
            _ => self.ready(now),
        }
    }

    /// Without presence, no event is delivered.
    fn ready(&mut self, now: Duration) {
        self.send_stanza(now, &stanza::available());
        self.stage = Stage::Ready;
        let jid = self.jid.clone();
        self.events.push_back(Event::Ready { jid });
    }

    fn closed(&mut self, now: Duration) {
        self.lose(now, Reason::Ended, true);
    }

    fn stream_error(&mut self, now: Duration, error: &Node) {
        let (condition, text) = stanza::condition(error, ns::STREAM_ERRORS);
        let retry = !LASTING.contains(&&*condition);
        self.lose(now, Reason::Condition { condition, text }, retry);
    }

    fn unexpected(&mut self, now: Duration, found: &str) {
        let reason = Reason::Unexpected {
            found: stanza::brief(found).to_owned(),
            expected: self.stage.expected(),
        };
        self.lose(now, reason, false);
    }
}

fn is_header(root: &Node) -> bool {
    root.is(ns::STREAMS, "stream") || root.is(ns::FRAMING, "open")
}

impl Stage {
    fn expected(&self) -> &'static str {
        match self {
            Self::Header { .. } => "the header of a stream",
            Self::Features { .. } => "`features`",
            Self::Verdict => "the answer to a login",
            Self::Bound { .. } => "an address",
            _ => "a stanza",
        }
    }
}
