//! Finesse's notification service: an XMPP server with publish-subscribe nodes, over TCP, TLS and WebSocket
//! (`/ws/`). Here is who listens to what; [`dialog`] speaks with one client, [`carrier`] carries what they say.
//!
//! A subscription that a client makes is durable: it outlives the session, until it is taken back.

mod carrier;
mod certificate;
mod dialog;
mod trouble;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use signoff_xmpp::{Framing, stanza};
use tokio::sync::{Notify, mpsc};

pub(crate) use carrier::{accept_key, stream, web_socket};
pub use certificate::{Certificate, CertificateError};
pub(crate) use trouble::Moment;
pub use trouble::{FeedEnd, Trouble};

use crate::clock::Clock;
use crate::fault::Faults;
use crate::ledger::Ledger;
use crate::random::Random;
use crate::service::Later;

/// The XMPP domain: as arbitrary as real ones.
pub(crate) const DOMAIN: &str = "finesse.sandbox";
/// The publish-subscribe service.
pub(crate) const SERVICE: &str = "pubsub.finesse.sandbox";
/// How many frames may wait for a client that does not read; then its session is dropped, not the event.
const QUEUE: usize = 256;

/// What is published.
#[derive(Debug, Clone)]
pub(crate) struct Update {
    pub(crate) node: String,
    pub(crate) payload: String,
    /// The namespace of `<notification>`.
    pub(crate) space: &'static str,
}

/// For the carrier of one session.
#[derive(Debug)]
pub(crate) enum Out {
    Frame(String),
    /// The end; with the event that it comes instead of.
    End(FeedEnd, String),
}

/// Sessions, subscriptions, and the way between them.
#[derive(Debug)]
pub(crate) struct Hub {
    routes: Mutex<Routes>,
    /// How many sessions there are: what nobody hears is not even written.
    open: AtomicUsize,
    faults: Arc<Mutex<Faults>>,
    clock: Clock,
    ledger: Ledger,
    /// Told when something falls due earlier than was known.
    wake: Arc<Notify>,
}

#[derive(Debug)]
struct Routes {
    begun: u64,
    sessions: HashMap<u64, Connected>,
    by_user: HashMap<Arc<str>, BTreeSet<u64>>,
    /// Explicit subscriptions: the addresses of each node.
    nodes: BTreeMap<String, BTreeSet<String>>,
    late: Later<Update>,
    /// Whether the user `finesse` is available.
    service: bool,
    random: Random,
}

/// A session with an address.
#[derive(Debug)]
struct Connected {
    user: Arc<str>,
    jid: String,
    framing: Framing,
    /// With a priority that lets events through.
    available: bool,
    queue: mpsc::Sender<Out>,
}

impl Hub {
    pub(crate) fn new(clock: Clock, ledger: Ledger, faults: Arc<Mutex<Faults>>, seed: u64) -> Self {
        Self {
            routes: Mutex::new(Routes {
                begun: 0,
                sessions: HashMap::new(),
                by_user: HashMap::new(),
                nodes: BTreeMap::new(),
                late: Later::default(),
                service: true,
                random: Random::new(seed),
            }),
            open: AtomicUsize::new(0),
            faults,
            clock,
            ledger,
            wake: Arc::new(Notify::new()),
        }
    }

    /// What tells the keeper of time to look again.
    pub(crate) fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Whether anybody could hear an event.
    pub(crate) fn is_heard(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn queue() -> (mpsc::Sender<Out>, mpsc::Receiver<Out>) {
        mpsc::channel(QUEUE)
    }

    /// Gives a session its address. Another one that has it is thrown out.
    fn bind(
        &self,
        user: &Arc<str>,
        resource: &str,
        framing: Framing,
        queue: mpsc::Sender<Out>,
    ) -> (u64, String) {
        let mut routes = self.routes();
        let jid = format!("{}/{resource}", address(user));
        let same = routes.sessions.values().find(|session| session.jid == jid);
        if let Some(same) = same {
            // If its queue is full, it goes all the sooner.
            let _ = same.queue.try_send(Out::End(FeedEnd::Conflict, String::new()));
        }
        routes.begun += 1;
        let number = routes.begun;
        routes.by_user.entry(Arc::clone(user)).or_default().insert(number);
        routes.sessions.insert(
            number,
            Connected {
                user: Arc::clone(user),
                jid: jid.clone(),
                framing,
                available: false,
                queue,
            },
        );
        self.ledger.feed_opened();
        self.open.fetch_add(1, Ordering::Relaxed);
        (number, jid)
    }

    /// Whether a session is available, from now on; true if that is new. And whether `finesse` is.
    fn set_available(&self, number: u64, available: bool) -> (bool, bool) {
        let mut routes = self.routes();
        let service = routes.service;
        let Some(session) = routes.sessions.get_mut(&number) else {
            return (false, service);
        };
        let changed = session.available != available;
        session.available = available;
        (changed, service)
    }

    /// Forgets a session; true if it was available.
    fn leave(&self, number: u64) -> bool {
        let mut routes = self.routes();
        let Some(session) = routes.sessions.remove(&number) else {
            return false;
        };
        if let Some(of_user) = routes.by_user.get_mut(&session.user) {
            of_user.remove(&number);
            if of_user.is_empty() {
                routes.by_user.remove(&session.user);
            }
        }
        self.ledger.feed_closed();
        self.open.fetch_sub(1, Ordering::Relaxed);
        session.available
    }

    fn subscribe(&self, node: &str, jid: &str) {
        let mut routes = self.routes();
        let of_node = routes.nodes.entry(node.to_owned()).or_default();
        if of_node.insert(jid.to_owned()) {
            self.ledger.feed_subscribed();
        }
    }

    /// False if there was no such subscription.
    fn unsubscribe(&self, node: &str, jid: &str) -> bool {
        let mut routes = self.routes();
        let Some(of_node) = routes.nodes.get_mut(node) else {
            return false;
        };
        let was = of_node.remove(jid);
        if of_node.is_empty() {
            routes.nodes.remove(node);
        }
        if was {
            self.ledger.feed_unsubscribed();
        }
        was
    }

    /// The subscriptions that somebody made, of all, in order: nodes and addresses.
    pub(crate) fn subscriptions(&self) -> Vec<(String, String)> {
        let routes = self.routes();
        let all = routes.nodes.iter();
        all.flat_map(|(node, jids)| jids.iter().map(|jid| (node.clone(), jid.clone())))
            .collect()
    }

    /// Sends an event to all that listen to its node, as far as nothing goes wrong.
    pub(crate) fn publish(&self, update: Update) {
        let now = self.clock.now();
        let mut times = 1;
        let mut end = None;
        let troubles = self.faults().feed(Moment::Event, &update.node);
        for trouble in troubles {
            match trouble {
                Trouble::Lost => return,
                Trouble::Doubled => times = 2,
                Trouble::Late(delay) => {
                    self.routes().late.add(now + delay, update);
                    return self.wake.notify_one();
                }
                Trouble::End(how) => end = end.or(Some(how)),
                _ => {}
            }
        }
        for _ in 0..times {
            self.deliver(&update, end);
        }
    }

    /// Sends the events whose time has come.
    pub(crate) fn advance(&self) {
        let due = self.routes().late.take_due(self.clock.now());
        for (_, update) in due {
            self.deliver(&update, None);
        }
    }

    /// When that is, next.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.routes().late.next_due()
    }

    /// Says to everybody whether `finesse` is available, if that is new.
    pub(crate) fn set_service(&self, available: bool) {
        let mut routes = self.routes();
        if std::mem::replace(&mut routes.service, available) == available {
            return;
        }
        for session in routes.sessions.values().filter(|session| session.available) {
            let presence = dialog::service_presence(&session.jid, available);
            if let Ok(frame) = session.framing.stanza(&presence) {
                let _ = session.queue.try_send(Out::Frame(frame));
            }
        }
    }

    /// Ends all sessions.
    pub(crate) fn end_all(&self, how: FeedEnd) {
        for session in self.routes().sessions.values() {
            let _ = session.queue.try_send(Out::End(how, String::new()));
        }
    }

    fn deliver(&self, update: &Update, end: Option<FeedEnd>) {
        let mut routes = self.routes();
        let id = format!("{:08x}", routes.random.next() >> 32);
        let item = format!("{:016x}", routes.random.next());
        let mut written = Written::new(update, &id, &item);
        for (number, to) in routes.listeners(&update.node) {
            let Some(session) = routes.sessions.get_mut(&number) else {
                continue;
            };
            // What XML cannot carry is in no event.
            let Some(frame) = written.to(session.framing, &to) else {
                continue;
            };
            let out = match end {
                Some(how) => Out::End(how, frame),
                None => Out::Frame(frame),
            };
            match session.queue.try_send(out) {
                Ok(()) => self.ledger.feed_event(),
                // It reads no more, or is gone: without its queue, the session ends.
                Err(_) => session.queue = mpsc::channel(1).0,
            }
        }
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn routes(&self) -> MutexGuard<'_, Routes> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An event, written once for each framing, with a gap for whom it is sent to.
struct Written<'a> {
    update: &'a Update,
    id: &'a str,
    item: &'a str,
    parts: HashMap<Framing, Option<(String, String)>>,
}

impl<'a> Written<'a> {
    fn new(update: &'a Update, id: &'a str, item: &'a str) -> Self {
        Self {
            update,
            id,
            item,
            parts: HashMap::new(),
        }
    }

    fn to(&mut self, framing: Framing, to: &str) -> Option<String> {
        const GAP: &str = "GAP";
        let Self { update, id, item, .. } = *self;
        let parts = self.parts.entry(framing).or_insert_with(|| {
            let notification = (update.space, &*update.payload);
            let event = stanza::event(SERVICE, GAP, id, &update.node, item, notification);
            let written = framing.stanza(&event).ok()?;
            // The first is that of `to`: before it are our own words alone.
            let (before, after) = written.split_once(GAP)?;
            Some((before.to_owned(), after.to_owned()))
        });
        let (before, after) = parts.as_ref()?;
        let mut frame = String::with_capacity(before.len() + to.len() + after.len());
        frame.push_str(before);
        stanza::escape(to, &mut frame).ok()?;
        frame.push_str(after);
        Some(frame)
    }
}

impl Routes {
    /// The available sessions that hear of a node, each with the address that it hears of it under. Nobody subscribes to
    /// his own node or to that of the system: these are everybody's (developer guide 12.5, Subscription Management).
    fn listeners(&self, node: &str) -> Vec<(u64, String)> {
        let mut found = Vec::new();
        let mut add = |numbers: &mut dyn Iterator<Item = u64>, to: &str| {
            for number in numbers {
                if self
                    .sessions
                    .get(&number)
                    .is_some_and(|session| session.available)
                {
                    found.push((number, to.to_owned()));
                }
            }
        };
        if let Some(user) = own_node(node)
            && let Some(numbers) = self.by_user.get(user)
        {
            add(&mut numbers.iter().copied(), &address(user));
        }
        if node == SYSTEM_NODE {
            for (user, numbers) in &self.by_user {
                add(&mut numbers.iter().copied(), &address(user));
            }
        }
        for jid in self.nodes.get(node).into_iter().flatten() {
            let user = user_of(jid);
            let numbers = self.by_user.get(user).into_iter().flatten().copied();
            let is_bare = stanza::bare(jid) == jid;
            let mut meant = numbers.filter(|number| {
                is_bare
                    || self
                        .sessions
                        .get(number)
                        .is_some_and(|session| session.jid == *jid)
            });
            add(&mut meant, jid);
        }
        found
    }
}

/// The node of the system.
pub(crate) const SYSTEM_NODE: &str = "/finesse/api/SystemInfo";

/// The user whose node this is.
fn own_node(node: &str) -> Option<&str> {
    let user = node.strip_prefix("/finesse/api/User/")?;
    (!user.contains('/')).then_some(user)
}

fn address(user: &str) -> String {
    format!("{user}@{DOMAIN}")
}

/// The user of an address of ours.
fn user_of(jid: &str) -> &str {
    stanza::bare(jid).rsplit_once('@').map_or("", |(user, _)| user)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use std::sync::{Arc, Mutex};

    use signoff_xmpp::Framing;

    use super::{Hub, Out, QUEUE, Update};
    use crate::clock::Clock;
    use crate::fault::Faults;
    use crate::ledger::Ledger;

    fn hub() -> Hub {
        Hub::new(
            Clock::start(),
            Ledger::default(),
            Arc::new(Mutex::new(Faults::new(1))),
            1,
        )
    }

    fn publish(hub: &Hub, payload: &str) {
        hub.publish(Update {
            node: "/finesse/api/User/1".to_owned(),
            payload: payload.to_owned(),
            space: "urn:x",
        });
    }

    #[tokio::test]
    async fn who_does_not_read_loses_his_session_and_nobody_else_anything() {
        let hub = hub();
        let (slow, mut unread) = Hub::queue();
        let (quick, mut read) = Hub::queue();
        let user: Arc<str> = "1".into();
        for (queue, resource, framing) in [
            (slow, "slow", Framing::Stream),
            (quick, "quick", Framing::WebSocket),
        ] {
            let (number, _) = hub.bind(&user, resource, framing, queue);
            assert_eq!(hub.set_available(number, true), (true, true));
        }
        for n in 0..QUEUE + 10 {
            publish(&hub, &n.to_string());
            let Some(Out::Frame(frame)) = read.recv().await else {
                unreachable!("every event is read");
            };
            assert!(frame.contains(&format!(">{n}</notification>")), "{frame}");
        }
        let mut kept = 0;
        while unread.recv().await.is_some() {
            kept += 1;
        }
        assert_eq!(kept, QUEUE);
    }

    #[tokio::test]
    async fn an_event_is_the_same_for_all_but_for_whom_it_is() {
        let hub = hub();
        hub.subscribe("/finesse/api/User/1", "GAP & Co@finesse.sandbox/'a'");
        let mut queues = Vec::new();
        for (user, resource) in [("1", "GAP"), ("GAP & Co", "'a'"), ("2", "b")] {
            let (sender, queue) = Hub::queue();
            let (number, _) = hub.bind(&user.into(), resource, Framing::Stream, sender);
            hub.set_available(number, true);
            queues.push(queue);
        }
        publish(&hub, "GAP");
        let mut frames = Vec::new();
        for queue in &mut queues {
            if let Ok(Out::Frame(frame)) = queue.try_recv() {
                frames.push(frame);
            }
        }
        let [own, subscribed] = &frames[..] else {
            unreachable!("two of three hear it: {frames:?}");
        };
        assert!(own.contains(" to='1@finesse.sandbox' "), "{own}");
        let expected = own.replace(
            "'1@finesse.sandbox'",
            "'GAP &amp; Co@finesse.sandbox/&apos;a&apos;'",
        );
        assert_eq!(*subscribed, expected);
        let mut decoder = Framing::Stream.decoder(signoff_xmpp::Limits::default());
        let stream = format!(
            "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>{own}"
        );
        let mut rest = stream.as_bytes();
        decoder.next(&mut rest).unwrap();
        assert!(decoder.next(&mut rest).unwrap().is_some());
    }
}
