//! Feeds: listening to a vendor's notifications.
//!
//! A provider says how to listen and what a notification means (`signoff.feed/1`); everything else is here: who may
//! listen, one [session](session) for a connection and a credential, [who listens to what](hub), and
//! [what carries it](wire).
//!
//! *Architecture invariants.* A plan opens no session. A session may do something to its own user (Finesse logs a
//! signed-in user out when his session ends), so none is opened unless the provider, who looks first, agrees. A password
//! is shown to one address at a time, and never again once it was refused.

mod address;
mod client;
mod hub;
mod installation;
mod listener;
mod open;
mod session;
mod source;
#[cfg(test)]
mod tests;
mod trouble;
mod wire;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use signoff_core::abi::host::Instance;
use tokio::sync::{mpsc, oneshot, watch};

use crate::call::Cause;
use crate::clock::Clock;
use crate::config::ConnectionSettings;
use crate::credential::Credential;
use crate::dispatch::Dispatcher;
use crate::transport::{Dialer, TransportSettings};
use installation::Installation;
use listener::Command;
use session::Feed;
use source::Source;

pub use client::{Account, Client, ClientError, Fault, Place, Published};
pub(crate) use listener::{Heard, Listener};
pub(crate) use source::Tell;

/// Events that wait for one operation; it takes them at once.
const OF_AN_OPERATION: usize = 64;
/// Events that wait for somebody who watches a team.
const OF_A_WATCHER: usize = 10_000;
/// The longest that a session may take to end, and another one to take back what it could not.
const ENDING: Duration = Duration::from_secs(10);

/// The feeds of a run.
pub(crate) struct Feeds {
    run: String,
    state: PathBuf,
    clock: Clock,
    stopped: watch::Receiver<bool>,
    tell: Tell,
    installation: OnceLock<Arc<Installation>>,
    sessions: Mutex<HashMap<Key, mpsc::UnboundedSender<Command>>>,
    /// Those of the sessions, by which they are told from what was left behind.
    resources: Arc<Mutex<HashSet<String>>>,
}

/// Connection and credential.
type Key = (Arc<str>, Arc<str>);

/// What there is of a connection already.
pub(crate) struct Base<'a> {
    pub(crate) settings: &'a ConnectionSettings,
    pub(crate) provider: &'a Arc<Instance>,
    pub(crate) dispatcher: &'a Arc<Dispatcher>,
    pub(crate) reach: TransportSettings,
    /// Who listens.
    pub(crate) credential: Arc<Credential>,
    /// Who acts: what he may hear of is what a scope comes to.
    pub(crate) actor: Option<Arc<Credential>>,
    /// Whether the configuration names him for that.
    pub(crate) named: bool,
}

/// Why nothing can be listened to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct NoFeed {
    /// In words for a person.
    pub why: String,
    /// What somebody has to change before there can be any, if that is known.
    pub cure: Option<String>,
    /// What went wrong; `None` if that is how things are, or are configured.
    pub cause: Option<Cause>,
}

impl Base<'_> {
    fn actor(&self) -> Arc<Credential> {
        Arc::clone(self.actor.as_ref().unwrap_or(&self.credential))
    }
}

impl Feeds {
    pub(crate) fn new(
        run: String,
        state: PathBuf,
        clock: Clock,
        stopped: watch::Receiver<bool>,
        tell: Tell,
    ) -> Self {
        Self {
            run,
            state,
            clock,
            stopped,
            tell,
            installation: OnceLock::new(),
            sessions: Mutex::default(),
            resources: Arc::default(),
        }
    }

    /// Somebody who listens for an operation; `needed`: which cannot do without.
    pub(crate) fn listener(&self, base: Base<'_>, needed: bool) -> Listener {
        let actor = base.actor();
        Listener::new(self.session(base), OF_AN_OPERATION, needed, actor)
    }

    /// Somebody who watches.
    pub(crate) fn watcher(&self, base: Base<'_>) -> Listener {
        let actor = base.actor();
        Listener::new(self.session(base), OF_A_WATCHER, true, actor)
    }

    /// Ends all sessions: subscriptions are taken back, and the services are told good-bye.
    pub(crate) async fn close(&self) {
        let sessions = std::mem::take(&mut *self.sessions.lock().unwrap_or_else(PoisonError::into_inner));
        let mut ends = Vec::new();
        for session in sessions.into_values() {
            let (closed, told) = oneshot::channel();
            if session.send(Command::Close(closed)).is_ok() {
                ends.push(told);
            }
        }
        // They end beside each other, so what one takes the others need not have again. What does not end in time has no
        // more to say.
        let _ = tokio::time::timeout(ENDING, join_all(ends)).await;
    }

    /// Opens a session and ends it again; gives where it was. For a look at a connection, outside of any run.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn try_out(base: Base<'_>, clock: Clock) -> Result<String, NoFeed> {
        let (_stop, stopped) = watch::channel(false);
        let (run, tell) = ("doctor".to_owned(), Arc::new(|_, _: &str| ()) as Tell);
        let feeds = Self::new(run, PathBuf::new(), clock, stopped, tell);
        let _ = feeds.installation.set(Arc::new(Installation::nameless()));
        let source = feeds.source(base);
        let live = open::open(&source).await.map_err(|trouble| NoFeed {
            cause: trouble.cause(),
            why: trouble.why.to_string(),
            cure: trouble.cure,
        })?;
        let address = live.address.clone();
        session::farewell(live).await;
        Ok(address)
    }

    fn session(&self, base: Base<'_>) -> mpsc::UnboundedSender<Command> {
        let key = (
            Arc::clone(&base.settings.name),
            Arc::clone(base.credential.name()),
        );
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let session = sessions
            .entry(key)
            .or_insert_with(|| Feed::start(Arc::new(self.source(base))));
        session.clone()
    }

    fn source(&self, base: Base<'_>) -> Source {
        let installation = self
            .installation
            .get_or_init(|| Arc::new(Installation::of(&self.state)));
        Source {
            settings: base.settings.clone(),
            provider: Arc::clone(base.provider),
            dispatcher: Arc::clone(base.dispatcher),
            credential: base.credential,
            named: base.named,
            dialer: Dialer::new(base.reach),
            clock: self.clock,
            stopped: self.stopped.clone(),
            installation: Arc::clone(installation),
            run: self.run.clone(),
            state: self.state.clone(),
            tell: Arc::clone(&self.tell),
            told: AtomicBool::new(false),
            resources: Arc::clone(&self.resources),
        }
    }
}
