//! A simulated Uiza, the video platform, by the documents of its public API (v3, and v4 where it differs) and the fixtures
//! of its SDKs. Its logout ends the session of the *key* that a request shows: it has no parameter and no body that it
//! reads, and a key that has been logged out is no key any more.
//!
//! No logout error and no body of a 401 has been captured anywhere. They are made up here in the envelope that other
//! errors have.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

mod behaviour;
mod population;
mod rest;

pub use behaviour::{Behaviour, LogoutBody, Retrieve, Setting};
pub use population::{User, demo, people};

use crate::clock::Clock;
use crate::ledger::Ledger;
use crate::random::Random;
use crate::service::Later;
use crate::settings::UizaSettings;

/// An answer in the vendor's own words instead of what was asked for; nothing is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// HTTP 200 with code 401 in the body, for which the SDKs of Ruby, Node and PHP are written.
    OkWithCode401,
    /// HTTP 200, code 200, and a type that is not `SUCCESS`.
    OkWithTypeError,
    /// 400 with a string as `data`.
    BadRequest,
    /// 401 although the key is good.
    Unauthorized,
    /// 404 with null as `data`.
    NotFound,
    /// 422 with an array as `data`.
    Unprocessable,
    /// 400 with an object as `data`.
    Object,
    /// 500.
    Internal,
    /// 503, which says that it may be retried.
    Retryable,
}

/// Whether a request is for this service.
pub(crate) fn serves(path: &str) -> bool {
    path.starts_with(ROOT)
}

const ROOT: &str = "/api/public/";

/// How long a key lives that a login gave (documents of v3, Create token).
const KEY_LIFE: Duration = Duration::from_secs(30 * 24 * 3_600);

/// The simulated service.
#[derive(Debug)]
pub(crate) struct Uiza {
    pub(crate) behaviour: Behaviour,
    accounts: Vec<Account>,
    by_id: HashMap<Arc<str>, usize>,
    keys: HashMap<String, Key>,
    /// Keys whose removal was accepted and has not taken effect yet.
    accepted: Later<String>,
    clock: Clock,
    ledger: Ledger,
    random: Random,
}

#[derive(Debug)]
struct Account {
    user: User,
    id: Arc<str>,
}

/// A key that is or was good.
#[derive(Debug)]
struct Key {
    who: usize,
    expires: Duration,
    /// Keys that were logged out are remembered, so that the ledger can tell whose they were.
    removed: bool,
}

impl Uiza {
    pub(crate) fn new(settings: UizaSettings, clock: Clock, ledger: Ledger, seed: u64) -> Self {
        let UizaSettings { users, behaviour } = settings;
        let mut uiza = Self {
            behaviour,
            accounts: Vec::with_capacity(users.len()),
            by_id: HashMap::with_capacity(users.len()),
            keys: HashMap::with_capacity(users.len()),
            accepted: Later::default(),
            clock,
            ledger,
            random: Random::new(seed),
        };
        for user in users {
            let who = uiza.accounts.len();
            let id: Arc<str> = Arc::from(user.id.as_str());
            uiza.by_id.insert(Arc::clone(&id), who);
            uiza.add_key(user.key.clone(), who);
            uiza.accounts.push(Account { user, id });
        }
        uiza
    }

    /// How many good keys somebody has; `None` if there is no such user.
    pub(crate) fn keys_of(&self, user: &str) -> Option<usize> {
        let who = *self.by_id.get(user)?;
        let now = self.clock.now();
        let his = self.keys.values().filter(|key| key.who == who);
        Some(his.filter(|key| key.is_good(now)).count())
    }

    fn add_key(&mut self, key: String, who: usize) {
        let key_entry = Key {
            who,
            expires: self.clock.now() + KEY_LIFE,
            removed: false,
        };
        self.keys.insert(key, key_entry);
    }

    /// Accepts a logout, which takes effect after so long.
    fn accept(&mut self, key: &str, lag: Option<Duration>) {
        let at = self.clock.now() + lag.unwrap_or_default();
        self.accepted.add(at, key.to_owned());
        self.apply_accepted();
    }

    fn apply_accepted(&mut self) {
        for (_, text) in self.accepted.take_due(self.clock.now()) {
            let Some(key) = self.keys.get_mut(&text) else {
                continue;
            };
            if !std::mem::replace(&mut key.removed, true) {
                self.ledger.uiza_key_removed(&self.accounts[key.who].id);
            }
        }
    }
}

impl Key {
    fn is_good(&self, now: Duration) -> bool {
        !self.removed && now < self.expires
    }
}
