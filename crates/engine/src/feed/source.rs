//! What a session is opened from, and what it has to say to its run.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use signoff_core::abi::host::Instance;
use tokio::sync::watch;

use super::installation::Installation;
use crate::clock::Clock;
use crate::config::ConnectionSettings;
use crate::credential::Credential;
use crate::dispatch::Dispatcher;
use crate::event::Level;
use crate::journal;
use crate::transport::Dialer;

/// A connection, as whoever listens on it sees it.
pub(crate) struct Source {
    pub(super) settings: ConnectionSettings,
    pub(super) provider: Arc<Instance>,
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) credential: Arc<Credential>,
    /// Whether the configuration names the credential for feeds.
    pub(super) named: bool,
    pub(super) dialer: Dialer,
    pub(super) clock: Clock,
    pub(super) stopped: watch::Receiver<bool>,
    pub(super) installation: Arc<Installation>,
    pub(super) run: String,
    pub(super) state: PathBuf,
    pub(super) tell: Tell,
    pub(super) told: AtomicBool,
    /// The resources of the sessions that this process has, of whatever connection.
    pub(super) resources: Arc<Mutex<HashSet<String>>>,
}

/// Has the run say something.
pub(crate) type Tell = Arc<dyn Fn(Level, &str) + Send + Sync>;

impl Source {
    pub(super) fn say(&self, level: Level, text: &str) {
        (self.tell)(level, &format!("connection `{}`: {text}", self.settings.name));
    }

    /// Says it unless something was said already: one line for a thousand users.
    pub(super) fn say_once(&self, level: Level, text: &str) {
        if !self.told.swap(true, Ordering::Relaxed) {
            self.say(level, text);
        }
    }

    /// Why the password must not be shown, if so. One gate stands before a credential of a connection, whichever way it is shown.
    pub(super) fn refusal(&self) -> Option<Arc<str>> {
        self.dispatcher.refusal(self.credential.name())
    }

    /// The password was refused; why.
    pub(super) fn refused(&self, why: &str) {
        let name = self.credential.name();
        let message = format!("the vendor refused the credential `{name}`: {why}");
        self.dispatcher.refuse(name, &message.into());
    }

    /// Whether this one can read states without notifications.
    pub(super) fn can_read(&self, actor: &Credential) -> bool {
        self.dispatcher.refusal(actor.name()).is_none()
    }

    pub(super) fn opened(&self, address: &str) {
        self.told.store(false, Ordering::Relaxed);
        let who = self.credential.actor();
        self.say(Level::Debug, &format!("listening as `{who}` at `{address}`"));
    }

    /// What tells this session from others of its user: the installation, the run, and chance.
    pub(super) fn resource(&self) -> String {
        let chance = uuid::Uuid::new_v4().as_fields().0;
        let resource = format!("{}{}-{chance:08x}", self.installation.prefix(), self.run);
        self.resources().insert(resource.clone());
        resource
    }

    /// The session under this address has ended.
    pub(super) fn ended(&self, address: &str) {
        if let Some((_, resource)) = address.split_once('/') {
            self.resources().remove(resource);
        }
    }

    fn resources(&self) -> MutexGuard<'_, HashSet<String>> {
        self.resources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a subscription under this address is one that a run of this installation left behind.
    pub(super) fn is_left_over(&self, address: &str, own: &str) -> bool {
        let (Some((user, resource)), Some((own_user, own_resource))) =
            (address.split_once('/'), own.split_once('/'))
        else {
            return false;
        };
        let Some(rest) = resource.strip_prefix(self.installation.prefix()) else {
            return false;
        };
        let Some((run, _chance)) = rest.rsplit_once('-') else {
            return false;
        };
        // This process alone carries the run out, so what it has no session of is left from one that has ended, or
        // from an earlier process.
        let is_over = if run == self.run {
            !self.resources().contains(resource)
        } else {
            !journal::is_being_written(&self.state, run)
        };
        user.eq_ignore_ascii_case(own_user) && resource != own_resource && is_over
    }
}
