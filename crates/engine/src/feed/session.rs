//! One session for a connection and a credential: opened when somebody first wants to listen, shared by all who do, opened
//! anew after a gap when somebody wants to listen again, and ended in good order.
//!
//! What was missed in a gap is not sent again, so who listened is told, and reads. Who wishes to listen while the service
//! cannot be had is told so at once: nobody waits for a feed that may never come.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use signoff_core::Notification;
use signoff_core::abi::host::Op;
use signoff_xmpp::{Event, Request, Session};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::hub::{Hub, refuse};
use super::listener::{Command, Ear, Heard};
use super::open::{Live, open, scope_nodes};
use super::source::Source;
use super::trouble::Trouble;
use super::wire::Wire;
use crate::call::Cause;
use crate::clock::until;
use crate::event::Level;
use crate::random::Random;

/// Between two tries to open a session, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// A session that lasted longer was a good one.
const LONG: Duration = Duration::from_secs(30);
/// How often in a row a password may be shown without an answer before it is shown no more: vendors lock accounts.
const MOST_SHOWN: u32 = 3;

/// How long the end waits for the list of what earlier sessions left.
const LISTING: Duration = Duration::from_secs(2);
/// Longer than any session takes to end.
const ENDLESS: Duration = Duration::from_secs(3_600);

/// The task of one session.
pub(super) struct Feed {
    source: Arc<Source>,
    commands: mpsc::UnboundedReceiver<Command>,
    /// For those who find out what a scope comes to. Weak, since the task ends when nobody can command it any more.
    own: mpsc::WeakUnboundedSender<Command>,
    hub: Hub,
    /// Why there is no session, and whether there will ever be one.
    trouble: Option<Trouble>,
    /// Sessions in a row that were short, or did not come about.
    tries: u32,
    /// Of those, how often the password may have been shown without having been accepted.
    shown: u32,
    next_try: Instant,
    random: Random,
    closing: Option<oneshot::Sender<()>>,
    /// Whether a session of ours has ended with subscriptions that it did not take back.
    left: bool,
    /// Whether there has been a session.
    was_up: bool,
}

impl Feed {
    /// Begins the task, which does nothing before somebody wants to listen.
    pub(super) fn start(source: Arc<Source>) -> mpsc::UnboundedSender<Command> {
        let (command, commands) = mpsc::unbounded_channel();
        let feed = Self {
            source,
            commands,
            own: command.downgrade(),
            hub: Hub::default(),
            trouble: None,
            tries: 0,
            shown: 0,
            next_try: Instant::now(),
            random: Random::new(),
            closing: None,
            left: false,
            was_up: false,
        };
        tokio::spawn(feed.run());
        command
    }

    async fn run(mut self) {
        while self.closing.is_none() {
            let is_due = self.hub.is_wanted() && Instant::now() >= self.next_try;
            if is_due && !self.is_final() {
                self.open().await;
                continue;
            }
            let again = (self.hub.is_wanted() && !self.is_final()).then_some(self.next_try);
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => self.command_without_session(command),
                    None => return,
                },
                () = until(again) => {}
            }
        }
        if self.left && !self.is_final() {
            self.clean_up().await;
        }
        if let Some(closed) = self.closing.take() {
            let _ = closed.send(());
        }
    }

    fn is_final(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.is_final)
    }

    async fn open(&mut self) {
        self.tries += 1;
        let source = Arc::clone(&self.source);
        let mut opening = Box::pin(open(&source));
        let opened = loop {
            tokio::select! {
                opened = &mut opening => break opened,
                command = self.commands.recv() => {
                    self.command_meanwhile(command);
                    if self.closing.is_some() {
                        return self.hub.refuse_all(&Arc::from("the run has ended"), None);
                    }
                }
            }
        };
        drop(opening);
        match opened {
            Ok(live) => {
                (self.shown, self.trouble, self.was_up) = (0, None, true);
                let began = live.began;
                let ended = self.listen(live).await;
                if began.elapsed() > LONG {
                    self.tries = 0;
                }
                self.pause();
                if let Some(trouble) = ended {
                    self.source
                        .say(Level::Warn, &format!("the feed was lost: {}", trouble.told()));
                    self.hub.lost(&trouble.told());
                    self.note(trouble);
                }
            }
            Err(mut trouble) => {
                self.shown += u32::from(trouble.was_shown);
                // What was right once may be right again: a server that starts does not know its domains at once.
                trouble.is_final &= trouble.cure.is_none() || !self.was_up;
                trouble.is_final |= self.shown >= MOST_SHOWN;
                self.pause();
                let level = if trouble.is_lasting {
                    Level::Info
                } else {
                    Level::Warn
                };
                let instead = if self.hub.has_other_way(|actor| self.source.can_read(actor)) {
                    ", states are read instead"
                } else {
                    ""
                };
                // A run that is stopped sends nothing any more, nor does it open feeds.
                if !*self.source.stopped.borrow() {
                    self.source
                        .say_once(level, &format!("no notifications{instead}: {}", trouble.told()));
                }
                if trouble.is_final || !self.hub.is_lasting() {
                    self.hub.refuse_all(&trouble.told(), trouble.cause());
                } else {
                    self.hub.lost(&trouble.told());
                }
                self.note(trouble);
            }
        }
    }

    /// One more session, only to take back what an earlier one could not. If the provider does not agree, or cannot look any
    /// more because the run is stopped, it is left to the next run.
    async fn clean_up(&mut self) {
        let source = Arc::clone(&self.source);
        if let Ok(live) = open(&source).await {
            self.listen(live).await;
        }
    }

    fn note(&mut self, trouble: Trouble) {
        if trouble.is_final {
            self.hub.refuse_all(&trouble.told(), trouble.cause());
        }
        self.trouble = Some(trouble);
    }

    /// The next try comes later the more tries there were; half of the time is left to chance.
    fn pause(&mut self) {
        let (first, most) = PAUSE;
        let full = most.min(first * 2_u32.saturating_pow(self.tries));
        self.next_try = Instant::now() + full.mul_f64(0.5 + self.random.unit() / 2.0);
    }

    fn command_without_session(&mut self, command: Command) {
        let trouble = self
            .trouble
            .as_ref()
            .filter(|_| self.is_final() || Instant::now() < self.next_try);
        match (command, trouble) {
            (Command::Listen { ear, .. } | Command::Nodes { ear, .. }, Some(trouble)) => {
                refuse(&ear, &trouble.told(), trouble.cause());
            }
            (command, _) => _ = self.command_meanwhile(Some(command)),
        }
    }

    /// What can be done whether there is a session or not. Gives what there is to be taken back.
    fn command_meanwhile(&mut self, command: Option<Command>) -> Vec<String> {
        match command {
            Some(Command::Listen { node, user, ear }) => self.hub.listen(node, user, ear),
            Some(Command::Nodes { nodes, ear }) => {
                ear.mailbox.put(Heard::Scope(nodes.len()));
                for node in nodes {
                    self.hub.listen(node, None, ear.clone());
                }
            }
            Some(Command::Watch { scope, ear }) => self.find_scope(scope, ear),
            Some(Command::Leave(listener)) => return self.hub.leave(listener),
            Some(Command::Close(closed)) => self.closing = Some(closed),
            // The run is gone without a word.
            None => self.closing = Some(oneshot::channel().0),
        }
        Vec::new()
    }

    fn find_scope(&self, scope: String, ear: Ear) {
        let (source, own) = (Arc::clone(&self.source), self.own.clone());
        tokio::spawn(async move {
            match scope_nodes(&source, &ear.actor, &scope).await {
                Ok(nodes) => {
                    // Without the run there is nobody to listen.
                    if let Some(own) = own.upgrade() {
                        let _ = own.send(Command::Nodes { nodes, ear });
                    }
                }
                Err(trouble) => refuse(&ear, &trouble.told(), trouble.cause()),
            }
        });
    }

    /// Serves a session to its end; gives why it ended, unless it was asked to.
    async fn listen(&mut self, live: Live) -> Option<Trouble> {
        let Live {
            mut session,
            mut wire,
            mut op,
            began,
            jid,
            ..
        } = live;
        let now = || began.elapsed();
        let _ = session.list(now());
        let mut book = Book::new(jid);
        let mut patience = None;
        let ended = loop {
            if let Some(ended) = self.events(&mut session, &mut op, &mut book, now()) {
                break ended;
            }
            if self.closing.is_some() {
                let until = *patience.get_or_insert_with(|| Instant::now() + LISTING);
                if book.listed || Instant::now() >= until {
                    patience = Some(until + ENDLESS);
                    session.close(now());
                }
            }
            while book.deaf.is_none()
                && let Some(node) = self.hub.next()
            {
                if let Err(error) = session.subscribe(now(), &node) {
                    self.hub.refused(&node, &Arc::from(error.to_string()));
                }
            }
            if let Err(why) = flush(&mut session, &mut wire).await {
                session.disconnected(why);
                continue;
            }
            let wake = session.wake().map(|wake| began + wake);
            let wake = wake.into_iter().chain(patience).min();
            tokio::select! {
                biased;
                command = self.commands.recv(), if self.closing.is_none() => match (command, &book.deaf) {
                    (Some(Command::Listen { ear, .. }), Some(why)) => refuse(&ear, why, Some(Cause::Unreachable)),
                    (command, _) => {
                        for node in self.command_meanwhile(command) {
                            let _ = session.unsubscribe(now(), &node);
                        }
                    }
                },
                read = wire.read() => match read {
                    Ok(Some(bytes)) => session.receive(now(), &bytes),
                    Ok(None) => session.disconnected("the server closed it"),
                    Err(why) => session.disconnected(why),
                },
                () = until(wake) => session.tick(now()),
            }
        };
        let _ = flush(&mut session, &mut wire).await;
        wire.end().await;
        self.source.ended(&book.jid);
        self.left = !(book.listed && book.mine.is_empty());
        ended
    }

    /// The user who stands for the service went, or came back.
    fn service(&mut self, book: &mut Book, available: bool) {
        if available {
            book.deaf = None;
        } else if book.deaf.is_none() {
            let why: Arc<str> = Arc::from("the service behind it is not available");
            self.source.say(Level::Warn, &format!("the feed was lost: {why}"));
            self.hub.lost(&why);
            book.deaf = Some(why);
        }
    }

    /// What the session has to say. `Some` at its end: with the reason, unless it was asked for.
    fn events(
        &mut self,
        session: &mut Session,
        op: &mut Op,
        book: &mut Book,
        now: Duration,
    ) -> Option<Option<Trouble>> {
        while let Some(event) = session.event() {
            match event {
                Event::Subscribed { node } => {
                    book.mine.insert(node.clone());
                    if let Some(over) = self.hub.subscribed(&node) {
                        let _ = session.unsubscribe(now, &over);
                    }
                }
                Event::Failed {
                    request: Request::Subscribe { node },
                    error,
                } => {
                    let why = format!("the service refuses `{node}`: {}", error.condition);
                    self.hub.refused(&node, &Arc::from(why));
                }
                Event::Subscriptions(listed) => {
                    for left in listed {
                        if self.source.is_left_over(&left.jid, &book.jid) {
                            let _ = session.remove(now, &left.node, &left.jid, left.id.as_deref());
                        }
                    }
                    book.listed = true;
                }
                Event::Notification(published) => {
                    // What is delivered late was published before anybody here asked.
                    if published.delayed {
                        continue;
                    }
                    let notification = Notification {
                        node: &published.node,
                        payload: published.payload.as_bytes(),
                    };
                    match op.decode(notification) {
                        Ok(events) => {
                            for event in events {
                                self.hub.event(&published.node, &Arc::new(event));
                            }
                        }
                        Err(error) => return Some(Some(Trouble::lasting(error.to_string()))),
                    }
                }
                // Events end with the service behind it, and the session stays.
                Event::Service { available } => self.service(book, available),
                Event::Refused { condition, text, .. } => {
                    return Some(Some(Trouble::refused(&condition, &text)));
                }
                Event::Lost { reason, retry } => {
                    let mut trouble = Trouble::passing(reason.to_string());
                    trouble.is_final = !retry;
                    return Some(Some(trouble));
                }
                Event::Closed => return Some(None),
                Event::Unsubscribed { node, jid } => {
                    if jid == book.jid {
                        book.mine.remove(&node);
                    }
                }
                // A service that has no list has no left-overs.
                Event::Failed {
                    request: Request::List,
                    ..
                } => book.listed = true,
                Event::Ready { .. } | Event::Failed { .. } => {}
            }
        }
        None
    }
}

/// What a session has with the service.
struct Book {
    /// Our address.
    jid: String,
    /// What it has subscribed to and not taken back.
    mine: HashSet<String>,
    /// Whether what earlier sessions left is known, and was taken back.
    listed: bool,
    /// Why nothing comes although the session is up.
    deaf: Option<Arc<str>>,
}

impl Book {
    fn new(jid: String) -> Self {
        Self {
            jid,
            mine: HashSet::new(),
            listed: false,
            deaf: None,
        }
    }
}

/// Ends a session that served no purpose but to be opened.
pub(super) async fn farewell(live: Live) {
    let Live {
        mut session,
        mut wire,
        began,
        ..
    } = live;
    session.close(began.elapsed());
    while !session.is_over() && flush(&mut session, &mut wire).await.is_ok() {
        let wake = session.wake().map(|wake| began + wake);
        tokio::select! {
            read = wire.read() => match read {
                Ok(Some(bytes)) => session.receive(began.elapsed(), &bytes),
                Ok(None) | Err(_) => break,
            },
            () = until(wake) => session.tick(began.elapsed()),
        }
    }
    wire.end().await;
}

/// Sends what there is to send.
pub(super) async fn flush(session: &mut Session, wire: &mut Wire) -> Result<(), String> {
    while let Some(frame) = session.transmit() {
        wire.write(frame.as_str()).await?;
    }
    Ok(())
}
