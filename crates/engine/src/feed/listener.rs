//! Whoever listens: what he asked for, and what waits for him.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use signoff_core::{FeedEvent, RequestId};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::call::Cause;
use crate::credential::Credential;

/// What a session is told.
pub(super) enum Command {
    /// Somebody wants the events of a node.
    Listen {
        node: String,
        /// Those about this user; `None`: all.
        user: Option<String>,
        ear: Ear,
    },
    /// Somebody wants all events of a scope, in the vendor's terms.
    Watch { scope: String, ear: Ear },
    /// What a scope comes to.
    Nodes { nodes: Vec<String>, ear: Ear },
    /// Nobody will listen any more; told when the session has ended.
    Close(oneshot::Sender<()>),
    /// A listener is gone.
    Leave(u64),
}

/// One wish of one listener.
#[derive(Clone)]
pub(super) struct Ear {
    pub(super) listener: u64,
    pub(super) id: RequestId,
    /// Whether it is to hear on after a gap.
    pub(super) lasting: bool,
    /// Whether it cannot do without.
    pub(super) needed: bool,
    /// Who acts: what he may hear of is what a scope comes to. Several may share a session.
    pub(super) actor: Arc<Credential>,
    pub(super) mailbox: Arc<Mailbox>,
}

/// What comes from a feed.
#[derive(Debug, Clone)]
pub(crate) enum Heard {
    /// What is watched comes to so many nodes; each is subscribed to, refused and lost by itself.
    Scope(usize),
    /// Events arrive from here on.
    Subscribed(RequestId),
    /// There are no events.
    Refused {
        id: RequestId,
        message: Arc<str>,
        /// What went wrong; `None` if that is how things are.
        cause: Option<Cause>,
        /// Whether it is one node of several that may be listened to.
        is_part: bool,
    },
    /// Events may have been missed; whoever listens on is told when they arrive again.
    Lost(RequestId, Arc<str>),
    Event(Arc<FeedEvent>),
}

/// What waits for a listener; bounded.
pub(super) struct Mailbox {
    queue: Mutex<VecDeque<Heard>>,
    notify: Notify,
    most: usize,
    closed: AtomicBool,
}

impl Mailbox {
    fn new(most: usize) -> Self {
        Self {
            closed: AtomicBool::new(false),
            queue: Mutex::default(),
            notify: Notify::new(),
            most,
        }
    }

    /// False if there is no more room: then the events that wait are gone, and the listener has to be told.
    pub(super) fn put(&self, heard: Heard) -> bool {
        let mut queue = self.lock();
        let fits = !matches!(heard, Heard::Event(_)) || queue.len() < self.most;
        if fits {
            queue.push_back(heard);
        } else {
            queue.retain(|waiting| !matches!(waiting, Heard::Event(_)));
        }
        drop(queue);
        self.notify.notify_one();
        fits
    }

    /// Whether nobody will ever take anything out of it.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    fn take(&self) -> Option<Heard> {
        self.lock().pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Heard>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who listens. Dropping it ends that.
pub(crate) struct Listener {
    number: u64,
    commands: mpsc::UnboundedSender<Command>,
    needed: bool,
    actor: Arc<Credential>,
    mailbox: Arc<Mailbox>,
}

/// Of all listeners of the process.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

impl Listener {
    /// `needed`: nothing else will do for whoever listens.
    pub(super) fn new(
        commands: mpsc::UnboundedSender<Command>,
        most: usize,
        needed: bool,
        actor: Arc<Credential>,
    ) -> Self {
        Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            commands,
            needed,
            actor,
            mailbox: Arc::new(Mailbox::new(most)),
        }
    }

    /// Asks for the events of a node about a user, up to the first gap.
    pub(crate) fn listen(&self, id: RequestId, node: String, user: &str) {
        self.send(Command::Listen {
            node,
            user: Some(user.to_lowercase()),
            ear: self.ear(id, false),
        });
    }

    /// Asks for all events of a scope, across gaps.
    pub(crate) fn watch(&self, id: RequestId, scope: String) {
        self.send(Command::Watch {
            scope,
            ear: self.ear(id, true),
        });
    }

    /// What comes next, as soon as it comes.
    pub(crate) async fn heard(&self) -> Heard {
        loop {
            let told = self.mailbox.notify.notified();
            if let Some(heard) = self.mailbox.take() {
                return heard;
            }
            told.await;
        }
    }

    fn ear(&self, id: RequestId, lasting: bool) -> Ear {
        Ear {
            listener: self.number,
            id,
            lasting,
            needed: self.needed,
            actor: Arc::clone(&self.actor),
            mailbox: Arc::clone(&self.mailbox),
        }
    }

    fn send(&self, command: Command) {
        if let Err(mpsc::error::SendError(Command::Listen { ear, .. } | Command::Watch { ear, .. })) =
            self.commands.send(command)
        {
            ear.mailbox.put(Heard::Refused {
                id: ear.id,
                message: Arc::from("the run has ended"),
                cause: None,
                is_part: false,
            });
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.mailbox.closed.store(true, Ordering::Relaxed);
        let _ = self.commands.send(Command::Leave(self.number));
    }
}
