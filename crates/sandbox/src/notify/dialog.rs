//! What the service says to one client: login, address, presence, and the requests that clients of Finesse make.

use std::sync::Arc;

use signoff_xmpp::{Decoder, Frame, Framing, Limits, Malformed, Node, ns, stanza};
use tokio::sync::mpsc;

use super::trouble::{Moment, Trouble};
use super::{DOMAIN, Out, SERVICE, SYSTEM_NODE, address};
use crate::finesse::{Deployment, Hearing};
use crate::server::Shared;

/// What has to come next.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    Header,
    Login,
    /// The header after the login.
    Again(Arc<str>),
    Bind(Arc<str>),
    Up(Session),
    Over,
}

/// A session with an address.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Session {
    user: Arc<str>,
    jid: String,
    number: u64,
}

/// One client's conversation. When it is dropped, the client is gone.
#[derive(Debug)]
pub(super) struct Dialog {
    shared: Arc<Shared>,
    framing: Framing,
    decoder: Decoder,
    stage: Stage,
    /// For what is to be sent unasked; the hub gets it.
    queue: Option<mpsc::Sender<Out>>,
    /// What is to be sent.
    out: Vec<String>,
}

impl Dialog {
    pub(super) fn new(shared: Arc<Shared>, framing: Framing, queue: mpsc::Sender<Out>) -> Self {
        Self {
            shared,
            framing,
            decoder: framing.decoder(Limits::default()),
            stage: Stage::Header,
            queue: Some(queue),
            out: Vec::new(),
        }
    }

    /// Takes what the client sent: bytes, or a message.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while self.stage != Stage::Over {
            match self.decoder.next(&mut rest) {
                Ok(Some(frame)) => self.frame(frame),
                Ok(None) => break,
                Err(malformed) => return self.malformed(&malformed),
            }
        }
        if self.framing == Framing::WebSocket
            && let Err(malformed) = self.decoder.end_of_message()
        {
            self.malformed(&malformed);
        }
    }

    /// The frames to send, in order.
    pub(super) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.out)
    }

    /// Whether all is said.
    pub(super) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// Whether the client is known and has an address.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.stage, Stage::Up(_))
    }

    /// Ends it with a stream error.
    pub(super) fn end(&mut self, condition: &str) {
        self.say(&stanza::stream_error(condition));
        self.over();
    }

    fn malformed(&mut self, malformed: &Malformed) {
        self.end(match malformed {
            Malformed::Depth(_) | Malformed::Bytes(_) | Malformed::Nodes(_) => "policy-violation",
            _ => "not-well-formed",
        });
    }

    fn frame(&mut self, frame: Frame) {
        match (frame, self.stage.clone()) {
            (Frame::Close, _) => self.over(),
            (Frame::Open(_), Stage::Header) => {
                let troubles = self.shared.faults().feed(Moment::Offer, "");
                self.header();
                self.say(&stanza::mechanisms(if troubles.contains(&Trouble::NoPlain) {
                    &["SCRAM-SHA-1"]
                } else {
                    &["PLAIN"]
                }));
                self.stage = Stage::Login;
            }
            (Frame::Open(_), Stage::Again(user)) => {
                self.header();
                self.say(&stanza::bindable());
                self.stage = Stage::Bind(user);
            }
            (Frame::Stanza(stanza), Stage::Login) => self.login(&stanza),
            (Frame::Stanza(stanza), Stage::Bind(user)) => self.bind(user, &stanza),
            (Frame::Stanza(stanza), Stage::Up(session)) => match &*stanza.name {
                "iq" => self.iq(&session, &stanza),
                "presence" => self.presence(&session, &stanza),
                _ => {}
            },
            _ => self.end("not-authorized"),
        }
    }

    fn header(&mut self) {
        let header = self.framing.header(&[("from", DOMAIN), ("id", "sandbox")]);
        // Both are XML.
        self.out.extend(header);
    }

    fn login(&mut self, auth: &Node) {
        if !auth.is(ns::SASL, "auth") {
            return self.end("not-authorized");
        }
        let troubles = self.shared.faults().feed(Moment::Login, "");
        let Some((user, password)) = stanza::read_plain(auth) else {
            return self.refuse("invalid-mechanism");
        };
        if troubles.contains(&Trouble::TemporaryFailure) {
            return self.refuse("temporary-auth-failure");
        }
        let known = self.shared.finesse().login(&user, &password);
        let refused = troubles
            .iter()
            .any(|trouble| matches!(trouble, Trouble::NotAuthorized(_)));
        match known.filter(|_| !refused) {
            Some(user) => {
                self.say(&Node::new(ns::SASL, "success"));
                self.decoder = self.framing.decoder(Limits::default());
                self.stage = Stage::Again(user);
            }
            None => {
                self.shared.ledger.feed_refused(&user);
                self.refuse("not-authorized");
            }
        }
    }

    /// One try a connection.
    fn refuse(&mut self, condition: &str) {
        self.say(&stanza::failure(condition));
        self.over();
    }

    fn bind(&mut self, user: Arc<str>, request: &Node) {
        let bind = request
            .get(ns::BIND, "bind")
            .filter(|_| request.attr("type") == Some("set"));
        let Some(bind) = bind else {
            return self.end("not-authorized");
        };
        let resource = bind.get(ns::BIND, "resource");
        let resource = resource.map_or("", |resource| resource.text.trim());
        let made_up = format!("sandbox-{:x}", self.shared.clock.now().as_nanos());
        let resource = if resource.is_empty() { &*made_up } else { resource };
        let Some(queue) = self.queue.take() else { return };
        let (number, jid) = self.shared.hub.bind(&user, resource, self.framing, queue);
        self.say(&stanza::bound(request, &jid));
        self.stage = Stage::Up(Session { user, jid, number });
    }

    fn presence(&mut self, session: &Session, presence: &Node) {
        let priority = presence
            .get(ns::CLIENT, "priority")
            .and_then(|priority| priority.text.trim().parse::<i32>().ok())
            .unwrap_or(0);
        let available = match presence.attr("type") {
            None => priority >= 0,
            Some("unavailable") => false,
            Some(_) => return,
        };
        let (changed, service) = self.shared.hub.set_available(session.number, available);
        if changed {
            self.shared.finesse().presence(&session.user, available);
        }
        if available {
            let own = Node::new(ns::CLIENT, "presence")
                .with("from", &*session.jid)
                .with("to", &*session.jid);
            self.say(&own);
            self.say(&service_presence(&session.jid, service));
        }
    }

    fn iq(&mut self, session: &Session, iq: &Node) {
        let kind = iq.attr("type");
        let Some(content) = iq
            .children
            .first()
            .filter(|_| matches!(kind, Some("get" | "set")))
        else {
            return;
        };
        let to = iq.attr("to").unwrap_or(DOMAIN);
        let answer = match (&*content.ns, &*content.name) {
            (ns::PUBSUB, "pubsub") if to == SERVICE => self.pubsub(session, iq, content),
            (ns::PING, "ping") | (ns::SESSION, "session") => stanza::result(iq, None),
            (ns::ROSTER, "query") => stanza::result(iq, Some(Node::new(ns::ROSTER, "query"))),
            (ns::DISCO_INFO, "query") if to == DOMAIN => info(iq, ("server", "im"), &[ns::PING]),
            (ns::DISCO_INFO, "query") if to == SERVICE => info(iq, ("pubsub", "service"), &[ns::PUBSUB]),
            (ns::DISCO_ITEMS, "query") if matches!(to, DOMAIN | SERVICE) => {
                let service = Node::new(ns::DISCO_ITEMS, "item").with("jid", SERVICE);
                let items = Node::new(ns::DISCO_ITEMS, "query").children((to == DOMAIN).then_some(service));
                stanza::result(iq, Some(items))
            }
            _ => stanza::error(iq, "cancel", "service-unavailable", None),
        };
        // Who asks is told as the server knows him.
        let mut answer = answer;
        answer.attrs.retain(|(name, _)| &**name != "to");
        self.say(&answer.with("to", &*session.jid));
    }

    fn pubsub(&self, session: &Session, iq: &Node, pubsub: &Node) -> Node {
        let Some(what) = pubsub.children.first() else {
            return stanza::error(iq, "modify", "bad-request", None);
        };
        let (node, jid) = (
            what.attr("node").unwrap_or_default(),
            what.attr("jid").unwrap_or_default(),
        );
        match &*what.name {
            "subscriptions" => {
                let all = self.subscriptions(session);
                stanza::listed(iq, all.iter().map(|(node, jid)| (&**node, &**jid)))
            }
            "subscribe" | "unsubscribe" if stanza::bare(jid) != stanza::bare(&session.jid) => {
                stanza::error(iq, "modify", "bad-request", Some("invalid-jid"))
            }
            "subscribe" => {
                let hearing = self.shared.finesse().hears(&session.user, node);
                match hearing {
                    Hearing::Granted => {
                        self.shared.hub.subscribe(node, jid);
                        stanza::subscribed(iq, node, jid)
                    }
                    Hearing::Forbidden => stanza::error(iq, "auth", "forbidden", None),
                    Hearing::Unknown => stanza::error(iq, "cancel", "item-not-found", None),
                }
            }
            "unsubscribe" if self.shared.hub.unsubscribe(node, jid) => stanza::result(iq, None),
            "unsubscribe" => stanza::error(iq, "cancel", "unexpected-request", Some("not-subscribed")),
            _ => stanza::error(iq, "cancel", "feature-not-implemented", None),
        }
    }

    /// All subscriptions of a user: first what everybody has, under the bare address, in the order of a capture.
    fn subscriptions(&self, session: &Session) -> Vec<(String, String)> {
        let own = address(&session.user);
        let node = format!("/finesse/api/User/{}", session.user);
        let mut all = vec![(format!("{node}/Dialogs"), own.clone()), (node, own.clone())];
        let made = self.shared.hub.subscriptions();
        all.extend(made.into_iter().filter(|(_, jid)| stanza::bare(jid) == own));
        if self.shared.finesse().behaviour.deployment == Deployment::Uccx {
            all.push((
                format!("uccx.api.agent.{}", session.user),
                format!("{own}/desktop"),
            ));
        }
        all.push((SYSTEM_NODE.to_owned(), own));
        all
    }

    fn say(&mut self, stanza: &Node) {
        // What the client wrote was XML, and so is what is made of it.
        let Ok(mut frame) = self.framing.stanza(stanza) else {
            return;
        };
        if stanza.is(ns::STREAMS, "features") && self.shared.finesse().behaviour.bare_features {
            frame = frame.replacen(&format!(" xmlns:stream='{}'", ns::STREAMS), "", 1);
        }
        self.out.push(frame);
    }

    fn over(&mut self) {
        if self.stage != Stage::Over {
            self.leave();
            self.out.push(self.framing.footer());
            self.stage = Stage::Over;
        }
    }

    fn leave(&mut self) {
        if let Stage::Up(session) = &self.stage
            && self.shared.hub.leave(session.number)
        {
            self.shared.finesse().presence(&session.user, false);
        }
    }
}

impl Drop for Dialog {
    fn drop(&mut self) {
        self.leave();
    }
}

/// How the user `finesse` is, who stands for the service.
pub(super) fn service_presence(to: &str, available: bool) -> Node {
    let presence = Node::new(ns::CLIENT, "presence")
        .with("from", format!("finesse@{DOMAIN}/finesse"))
        .with("to", to);
    presence.with_some("type", (!available).then_some("unavailable"))
}

fn info(iq: &Node, identity: (&str, &str), features: &[&str]) -> Node {
    let (category, kind) = identity;
    let identity = Node::new(ns::DISCO_INFO, "identity")
        .with("category", category)
        .with("type", kind);
    let features = features
        .iter()
        .chain(&[ns::DISCO_INFO, ns::DISCO_ITEMS])
        .map(|feature| Node::new(ns::DISCO_INFO, "feature").with("var", *feature));
    let query = Node::new(ns::DISCO_INFO, "query")
        .child(identity)
        .children(features);
    stanza::result(iq, Some(query))
}
