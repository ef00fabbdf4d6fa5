//! The client's session, from the first byte to the last: what to send, and what the server has said.
//!
//! A password is tried once: five refused ones lock a Finesse account. An end is final; a new session is a new
//! [`Session`], which has to subscribe anew and knows nothing of what was missed.

mod answers;
mod negotiation;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use zeroize::{Zeroize as _, Zeroizing};

use crate::decoder::{Decoder, Limits, Malformed};
use crate::framing::Framing;
use crate::node::{Node, Unwritable};
use crate::stanza::{self, Notification, StanzaError, Subscription};
use negotiation::Stage;

/// How long a login may take, and an answer.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// How long nothing may be sent. Finesse expects a ping within 20 s.
pub const PING: Duration = Duration::from_secs(10);
/// How many pings may stay unanswered.
const UNANSWERED: u32 = 2;
/// How long the end waits for the server's.
pub const FAREWELL: Duration = Duration::from_secs(2);

/// Who logs in, and where.
#[derive(Clone)]
pub struct Login {
    /// The XMPP domain, which need not be the host's name.
    pub domain: String,
    /// The address of the publish-subscribe service.
    pub service: String,
    /// The login id, without a domain.
    pub user: String,
    /// The password.
    pub password: Zeroizing<String>,
    /// What tells this session from others of the same user.
    pub resource: String,
    /// Whether the password may be sent readably: the way is encrypted, stays on this machine, or somebody accepts the danger.
    pub plain: bool,
}

/// Something that the host has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The session is up, under this full address. Events may come.
    Ready {
        /// The address as the server has it.
        jid: String,
    },
    /// Events of this node come from here on.
    Subscribed {
        /// The node.
        node: String,
    },
    /// This subscription is gone.
    Unsubscribed {
        /// The node.
        node: String,
        /// Whose it was.
        jid: String,
    },
    /// All that the user has subscribed to.
    Subscriptions(Vec<Subscription>),
    /// The server does not do what was asked.
    Failed {
        /// What was asked.
        request: Request,
        /// Why not.
        error: StanzaError,
    },
    /// A node has something to say.
    Notification(Notification),
    /// Whether the user `finesse`, who stands for the service behind the events, is available.
    Service {
        /// Whether he is.
        available: bool,
    },
    /// The end: there will be no session under this login.
    Refused {
        /// The condition of RFC 6120, such as `not-authorized`.
        condition: String,
        /// What the server says in words, or what is to be said about it; may be empty.
        text: String,
        /// Whether it is the credential that is refused.
        credential: bool,
    },
    /// The end: the session is gone, and events may have been missed.
    Lost {
        /// Why.
        reason: Reason,
        /// Whether another one may go better.
        retry: bool,
    },
    /// The end, as it was asked for.
    Closed,
}

/// What can be asked of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Events of a node.
    Subscribe {
        /// The node.
        node: String,
    },
    /// No more of them.
    Unsubscribe {
        /// The node.
        node: String,
        /// Whose subscription.
        jid: String,
    },
    /// The list of subscriptions.
    List,
}

/// Why a session is gone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The server ended it with a stream error, or an error of its own in a login.
    #[error("the server ended the session: {condition}{}", said(.text))]
    Condition {
        /// The condition of RFC 6120, 4.9.3.
        condition: String,
        /// What the server says in words; may be empty.
        text: String,
    },
    /// The server ended it without giving a reason.
    #[error("the server ended the session")]
    Ended,
    /// The connection is gone, in the words of whoever noticed.
    #[error("the connection is gone: {0}")]
    Connection(String),
    /// Nothing has come for so long, though something had to.
    #[error("the server says nothing: no {0}")]
    Silence(&'static str),
    /// What comes is no XMPP.
    #[error("the server sends something else than XMPP: {0}")]
    Malformed(#[from] Malformed),
    /// It is XMPP, and not what has to come here.
    #[error("the server sends `{found}` where {expected} has to come")]
    Unexpected {
        /// What came.
        found: String,
        /// What had to.
        expected: &'static str,
    },
}

/// Why something cannot be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unasked {
    /// There is no session yet, or none any more.
    #[error("the session is not up")]
    NotReady,
    /// It would be no XML.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
}

/// Bytes for the server: one frame. Over WebSocket it is a message of its own.
#[derive(PartialEq, Eq)]
pub struct Transmit {
    text: String,
    secret: bool,
}

/// A session. After every call of it, [`Self::transmit`] and [`Self::event`] are asked until they have nothing more.
pub struct Session {
    login: Login,
    framing: Framing,
    limits: Limits,
    decoder: Decoder,
    stage: Stage,
    /// The address that the server has given.
    jid: String,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    /// What is asked and not answered, and since when.
    pending: BTreeMap<String, (Request, Duration)>,
    /// The nodes that this session has subscribed to, or may have.
    subscribed: BTreeSet<String>,
    asked: u64,
    /// When the stage has to be over, if it has to.
    deadline: Duration,
    /// When the login has to be.
    login_by: Duration,
    /// Whether the password is among the frames.
    has_shown: bool,
    last_sent: Duration,
    unanswered: u32,
}

impl Session {
    /// Begins one, over a connection that is up.
    ///
    /// # Errors
    /// If XML cannot carry a part of the login.
    pub fn new(login: Login, framing: Framing, limits: Limits, now: Duration) -> Result<Self, Unwritable> {
        for part in [
            &login.domain,
            &login.service,
            &login.user,
            &login.resource,
            &*login.password,
        ] {
            Node::new("", "part")
                .text(part.as_str())
                .write("", &mut String::new())?;
        }
        let mut session = Self {
            decoder: framing.decoder(limits),
            login,
            framing,
            limits,
            stage: Stage::Header { again: false },
            jid: String::new(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            pending: BTreeMap::new(),
            subscribed: BTreeSet::new(),
            asked: 0,
            deadline: now + DEADLINE,
            login_by: now + DEADLINE,
            has_shown: false,
            last_sent: now,
            unanswered: 0,
        };
        session.send_header(now);
        Ok(session)
    }

    /// Waits no longer than this for the server to say how one may log in. To be called before anything has come.
    pub fn expect_offer_by(&mut self, by: Duration) {
        self.deadline = self.login_by.min(by);
    }

    /// Whether the password is among the frames that were to be sent so far.
    #[must_use]
    pub const fn has_shown(&self) -> bool {
        self.has_shown
    }

    /// Takes what the server sent: any bytes of a stream, or one WebSocket message.
    pub fn receive(&mut self, now: Duration, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.unanswered = 0;
        }
        let mut rest = bytes;
        while self.stage != Stage::Over {
            match self.decoder.next(&mut rest) {
                Ok(Some(frame)) => self.frame(now, frame),
                Ok(None) => break,
                Err(malformed) => return self.malformed(now, malformed),
            }
        }
        if self.framing == Framing::WebSocket
            && self.stage != Stage::Over
            && let Err(malformed) = self.decoder.end_of_message()
        {
            self.malformed(now, malformed);
        }
    }

    /// Takes notice that the connection is gone, for this reason.
    pub fn disconnected(&mut self, reason: impl Into<String>) {
        let end = match self.stage {
            Stage::Footer => Event::Closed,
            _ => Event::Lost {
                reason: Reason::Connection(reason.into()),
                retry: true,
            },
        };
        self.end(end);
    }

    /// Takes notice of the time. To be called at [`Self::wake`] at the latest.
    pub fn tick(&mut self, now: Duration) {
        match self.stage {
            Stage::Over => {}
            Stage::Ready => self.tick_ready(now),
            Stage::Leaving if now >= self.deadline => {
                self.pending.clear();
                self.leave(now);
            }
            Stage::Footer if now >= self.deadline => self.end(Event::Closed),
            Stage::Leaving | Stage::Footer => {}
            ref stage if now >= self.deadline => {
                let awaited = stage.awaited();
                self.lose(now, Reason::Silence(awaited), true);
            }
            _ => {}
        }
    }

    /// When [`Self::tick`] has something to do at the latest; `None` after the end.
    #[must_use]
    pub fn wake(&self) -> Option<Duration> {
        match self.stage {
            Stage::Over => None,
            Stage::Ready => {
                let answers = self.pending.values().map(|(_, since)| *since + DEADLINE);
                Some(answers.fold(self.last_sent + PING, Duration::min))
            }
            _ => Some(self.deadline),
        }
    }

    /// The next frame to send.
    pub fn transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next thing to know.
    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether the connection has served its purpose: it may be dropped when all frames are sent.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// Subscribes to the events of a node, under the full address. [`Event::Subscribed`] or [`Event::Failed`] follows.
    ///
    /// # Errors
    /// If the session is not up, or XML cannot carry the node's name.
    pub fn subscribe(&mut self, now: Duration, node: &str) -> Result<(), Unasked> {
        let jid = self.jid.clone();
        let request = Request::Subscribe {
            node: node.to_owned(),
        };
        self.ask(now, "sub", request, |id, from, service| {
            stanza::subscribe(id, from, service, node, &jid)
        })?;
        self.subscribed.insert(node.to_owned());
        Ok(())
    }

    /// Takes back a subscription of this session. [`Event::Unsubscribed`] or [`Event::Failed`] follows.
    ///
    /// # Errors
    /// As [`Self::subscribe`].
    pub fn unsubscribe(&mut self, now: Duration, node: &str) -> Result<(), Unasked> {
        let jid = self.jid.clone();
        self.remove(now, node, &jid, None)
    }

    /// Removes a subscription that the list has, of whichever session.
    ///
    /// # Errors
    /// As [`Self::subscribe`].
    pub fn remove(&mut self, now: Duration, node: &str, jid: &str, id: Option<&str>) -> Result<(), Unasked> {
        let request = Request::Unsubscribe {
            node: node.to_owned(),
            jid: jid.to_owned(),
        };
        self.ask(now, "unsub", request, |iq, from, service| {
            stanza::unsubscribe(iq, from, service, node, jid, id)
        })
    }

    /// Asks for all subscriptions of the user. [`Event::Subscriptions`] or [`Event::Failed`] follows.
    ///
    /// # Errors
    /// If the session is not up.
    pub fn list(&mut self, now: Duration) -> Result<(), Unasked> {
        self.ask(now, "subList", Request::List, stanza::subscriptions)
    }

    /// Ends the session politely: takes its subscriptions back, says good-bye, and waits a little for the server to do the
    /// same. [`Event::Closed`] follows. To be called once; what comes meanwhile is still told.
    pub fn close(&mut self, now: Duration) {
        match self.stage {
            Stage::Over | Stage::Leaving | Stage::Footer => {}
            Stage::Ready => {
                self.deadline = now + FAREWELL;
                self.pending.clear();
                for node in self.subscribed.clone() {
                    // It was written when it was subscribed to.
                    let _ = self.unsubscribe(now, &node);
                }
                self.stage = Stage::Leaving;
                self.leave(now);
            }
            _ => {
                self.deadline = now + FAREWELL;
                self.send_footer(now);
                self.stage = Stage::Footer;
            }
        }
    }

    fn ask(
        &mut self,
        now: Duration,
        kind: &str,
        request: Request,
        stanza: impl FnOnce(&str, &str, &str) -> Node,
    ) -> Result<(), Unasked> {
        if self.stage != Stage::Ready {
            return Err(Unasked::NotReady);
        }
        let id = self.next_id(kind);
        let stanza = stanza(&id, stanza::bare(&self.jid), &self.login.service);
        let text = self.framing.stanza(&stanza)?;
        self.send(now, text);
        self.pending.insert(id, (request, now));
        Ok(())
    }

    fn next_id(&mut self, kind: &str) -> String {
        self.asked += 1;
        format!("{kind}{}", self.asked)
    }

    fn tick_ready(&mut self, now: Duration) {
        if self.pending.values().any(|(_, since)| now >= *since + DEADLINE) {
            return self.lose(now, Reason::Silence("answer to a request"), true);
        }
        if now < self.last_sent + PING {
            return;
        }
        if self.unanswered >= UNANSWERED {
            return self.lose(now, Reason::Silence("answer to pings"), true);
        }
        self.unanswered += 1;
        let id = self.next_id("ping");
        let ping = Node::new(crate::ns::PING, "ping");
        let ping = stanza::addressed_iq("get", None, Some(&self.login.domain), &id, Some(ping));
        self.send_stanza(now, &ping);
    }

    /// Says good-bye when everything is taken back.
    fn leave(&mut self, now: Duration) {
        if self.pending.is_empty() {
            self.send_stanza(now, &stanza::unavailable());
            self.send_footer(now);
            self.stage = Stage::Footer;
        }
    }

    fn malformed(&mut self, now: Duration, malformed: Malformed) {
        // A server that has spoken XMPP once may do so again.
        let retry = self.stage.is_up();
        self.lose(now, Reason::Malformed(malformed), retry);
    }

    fn lose(&mut self, now: Duration, reason: Reason, retry: bool) {
        if self.stage == Stage::Footer {
            // Nothing counts any more but that it ends.
            return self.end(Event::Closed);
        }
        self.send_footer(now);
        self.end(Event::Lost { reason, retry });
    }

    fn refuse(&mut self, now: Duration, condition: String, text: String, credential: bool) {
        self.send_footer(now);
        self.end(Event::Refused {
            condition,
            text,
            credential,
        });
    }

    /// The first end is the one that counts.
    fn end(&mut self, end: Event) {
        if self.stage != Stage::Over {
            self.stage = Stage::Over;
            self.pending.clear();
            self.events.push_back(end);
        }
    }

    fn send_footer(&mut self, now: Duration) {
        let footer = self.framing.footer();
        self.send(now, footer);
    }

    /// Sends a stanza of our own making.
    fn send_stanza(&mut self, now: Duration, stanza: &Node) {
        // What of it is not ours came out of XML, or was looked at in the beginning.
        if let Ok(text) = self.framing.stanza(stanza) {
            self.send(now, text);
        }
    }

    fn send(&mut self, now: Duration, text: String) {
        self.last_sent = now;
        self.transmits.push_back(Transmit { text, secret: false });
    }
}

impl Transmit {
    /// The frame.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Drop for Transmit {
    fn drop(&mut self) {
        if self.secret {
            self.text.zeroize();
        }
    }
}

impl fmt::Debug for Transmit {
    /// Without a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.secret { "<auth …>" } else { &self.text })
    }
}

impl fmt::Debug for Login {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("domain", &self.domain)
            .field("service", &self.service)
            .field("user", &self.user)
            .field("resource", &self.resource)
            .field("plain", &self.plain)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("login", &self.login)
            .field("framing", &self.framing)
            .field("stage", &self.stage)
            .field("jid", &self.jid)
            .finish_non_exhaustive()
    }
}

fn said(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(" ({text})")
    }
}
