//! A simulated Cisco Finesse: who is in which state, what has been asked for and is not applied yet, and whose calls
//! end when. It is driven by requests and by time: every access first lets happen what is due.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

mod behaviour;
mod change;
mod error;
mod population;
mod render;
mod rest;
mod state;
mod update;
mod xml;

pub use behaviour::{
    Behaviour, Deployment, Empty, NameSpace, NotificationSpace, Order, RootCase, ServiceStatus, Setting,
    TalkingLogout, TextForm, WhenChecked, Writing,
};
pub use error::AsyncError;
pub use population::{MobileAgent, Population, ReasonCode, Team, User};
pub use state::State;
pub(crate) use update::Hearing;

use crate::clock::Clock;
use crate::ledger::{Cause, Effect, Ledger};
use crate::notify::Hub;
use crate::random::Random;
use crate::settings::FinesseSettings;
use change::Change;

/// Where the API begins.
pub(crate) const ROOT: &str = "/finesse/api";

/// The simulated service.
#[derive(Debug)]
pub(crate) struct Finesse {
    pub(crate) behaviour: Behaviour,
    accounts: Vec<Account>,
    by_id: HashMap<Arc<str>, usize>,
    by_login_name: HashMap<String, usize>,
    teams: Vec<Team>,
    reason_codes: Vec<ReasonCode>,
    timeline: Timeline,
    clock: Clock,
    ledger: Ledger,
    hub: Arc<Hub>,
    /// The ports of each node.
    ports: Vec<Ports>,
    random: Random,
}

/// Where a node serves what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) http: u16,
    pub(crate) https: u16,
    pub(crate) xmpp: u16,
    pub(crate) xmpp_tls: u16,
}

/// A user and how he is doing.
#[derive(Debug)]
struct Account {
    user: User,
    id: Arc<str>,
    state: State,
    /// In Unix milliseconds of our clock.
    changed_ms: Option<i64>,
    pending: Option<(State, Cause)>,
    /// The database id of the reason for his state.
    reason: Option<u32>,
    /// A code that the system has stamped on his state.
    system_code: Option<u32>,
    /// Accepted changes that are not applied yet, and when the last of them will be.
    queued: u32,
    last_due: Duration,
    /// Counts calls, so that the end of an earlier one does not end a later one.
    call: u64,
    wrong_passwords: u32,
    locked_until: Option<Duration>,
    /// His available sessions of notifications, and how often there came to be none.
    present: u32,
    absences: u64,
}

impl Finesse {
    pub(crate) fn new(settings: FinesseSettings, hub: Arc<Hub>, ports: Vec<Ports>, base: Base) -> Self {
        let Base { clock, ledger, seed } = base;
        let FinesseSettings {
            population,
            behaviour,
        } = settings;
        let mut finesse = Self {
            behaviour,
            accounts: Vec::with_capacity(population.users.len()),
            by_id: HashMap::with_capacity(population.users.len()),
            by_login_name: HashMap::with_capacity(population.users.len()),
            teams: population.teams,
            reason_codes: population.reason_codes,
            timeline: Timeline::new(hub.wake()),
            clock,
            ledger,
            hub,
            ports,
            random: Random::new(seed),
        };
        for user in population.users {
            finesse.add(user);
        }
        finesse
    }

    /// Lets happen what is due by now, in order.
    pub(crate) fn advance(&mut self) -> Duration {
        let now = self.clock.now();
        while let Some((at, happening)) = self.timeline.take_due(now) {
            match happening {
                Happening::Apply(who, change) => self.apply(who, *change, at),
                Happening::CallBegins(who, lasts) => {
                    if self.accounts[who].state == State::Ready {
                        self.call_begins(who, State::Talking, Some(lasts), at, Cause::Call);
                    }
                }
                Happening::RegularCall(who) => self.regular_call(who, at),
                Happening::CallEnds(who, call) => {
                    if self.accounts[who].call == call {
                        self.call_ends(who, at, Cause::Call);
                    }
                }
                Happening::WrapUpEnds(who, call) => {
                    if self.accounts[who].call == call && self.accounts[who].state == State::Work {
                        self.enter(who, State::Ready, at, Cause::Call);
                    }
                }
                Happening::PresenceLost(who, absence) => self.presence_lost(who, absence, at),
            }
        }
        now
    }

    /// When something happens by itself, next.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.timeline.next_due()
    }

    pub(crate) fn state_of(&self, user: &str) -> Option<State> {
        self.index(user).map(|who| self.accounts[who].state)
    }

    /// A user, as he was at the start.
    pub(crate) fn user(&self, id: &str) -> Option<&User> {
        Some(&self.accounts[self.index(id)?].user)
    }

    pub(crate) fn pending_state_of(&self, user: &str) -> Option<State> {
        let account = &self.accounts[self.index(user)?];
        account.pending.as_ref().map(|(state, _)| *state)
    }

    pub(crate) fn is_locked(&self, user: &str, now: Duration) -> bool {
        self.index(user)
            .is_some_and(|who| self.accounts[who].locked_until.is_some_and(|until| now < until))
    }

    /// Everybody whose state is not LOGOUT, in the order of the population.
    pub(crate) fn signed_in(&self) -> Vec<String> {
        self.accounts
            .iter()
            .filter(|account| account.state != State::Logout)
            .map(|account| account.user.id.clone())
            .collect()
    }

    /// Puts a user into a state, whatever the rules say; `false` if there is no such user.
    pub(crate) fn set_state(&mut self, user: &str, state: State) -> bool {
        let at = self.advance();
        let Some(who) = self.index(user) else { return false };
        self.accounts[who].call += 1;
        self.accounts[who].pending = None;
        self.enter(who, state, at, Cause::Test);
        true
    }

    pub(crate) fn begin_call(&mut self, user: &str, lasts: Option<Duration>) -> bool {
        let at = self.advance();
        let Some(who) = self.index(user) else { return false };
        self.call_begins(who, State::Talking, lasts, at, Cause::Test);
        true
    }

    pub(crate) fn end_call(&mut self, user: &str) -> bool {
        let at = self.advance();
        let Some(who) = self.index(user) else { return false };
        self.call_ends(who, at, Cause::Test);
        true
    }

    /// The service's own wall clock, in Unix milliseconds.
    pub(crate) fn unix_ms(&self, at: Duration) -> i64 {
        self.clock
            .unix_ms(at)
            .saturating_add(self.behaviour.clock_skew_millis)
    }

    fn add(&mut self, user: User) {
        let who = self.accounts.len();
        let id: Arc<str> = user.id.as_str().into();
        self.by_id.insert(Arc::clone(&id), who);
        self.by_login_name.insert(user.login_name.clone(), who);
        let start_ms = self.clock.unix_ms(Duration::ZERO);
        let mut account = Account {
            id,
            state: user.state,
            changed_ms: user
                .since
                .map(|since| start_ms.saturating_sub(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))),
            pending: None,
            reason: None,
            system_code: None,
            queued: 0,
            last_due: Duration::ZERO,
            call: 0,
            wrong_passwords: 0,
            locked_until: None,
            present: 0,
            absences: 0,
            user,
        };
        if let Some(ends) = account.user.call_ends {
            account.call = 1;
            self.timeline.add(ends, Happening::CallEnds(who, 1));
        }
        for (after, lasts) in std::mem::take(&mut account.user.calls) {
            self.timeline.add(after, Happening::CallBegins(who, lasts));
        }
        if let Some((period, _)) = account.user.regular_call {
            self.timeline.add(period, Happening::RegularCall(who));
        }
        self.accounts.push(account);
    }

    fn index(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    fn call_begins(&mut self, who: usize, state: State, lasts: Option<Duration>, at: Duration, cause: Cause) {
        self.accounts[who].call += 1;
        self.enter(who, state, at, cause);
        if let Some(lasts) = lasts {
            let call = self.accounts[who].call;
            self.timeline.add(at + lasts, Happening::CallEnds(who, call));
        }
    }

    fn regular_call(&mut self, who: usize, at: Duration) {
        let Some((period, lasts)) = self.accounts[who].user.regular_call else {
            return;
        };
        if self.accounts[who].state == State::Ready {
            self.call_begins(who, State::Talking, Some(lasts), at, Cause::Call);
        }
        // A period of nothing would never let time pass.
        let next = at + period.max(Duration::from_millis(1));
        self.timeline.add(next, Happening::RegularCall(who));
    }

    fn call_ends(&mut self, who: usize, at: Duration, cause: Cause) {
        let account = &mut self.accounts[who];
        if !account.state.on_call() {
            return;
        }
        if let Some((state, cause)) = account.pending.take() {
            self.enter(who, state, at, cause);
            return;
        }
        let (after_call, wrap_up, call) = (account.user.after_call, account.user.wrap_up, account.call);
        self.enter(who, after_call, at, cause);
        if let (State::Work, Some(time)) = (after_call, wrap_up) {
            self.timeline.add(at + time, Happening::WrapUpEnds(who, call));
        }
    }

    fn enter(&mut self, who: usize, to: State, at: Duration, cause: Cause) {
        let request_id = match &cause {
            Cause::Request { request_id, .. } => request_id.clone(),
            _ => None,
        };
        self.change(who, to, at, cause);
        self.announce(who, request_id.as_deref());
    }

    /// The one place where a state changes. What else changes with it is the caller's, who then announces it.
    fn change(&mut self, who: usize, to: State, at: Duration, cause: Cause) {
        let changed_ms = self.clock.unix_ms(at);
        let account = &mut self.accounts[who];
        let from = std::mem::replace(&mut account.state, to);
        account.changed_ms = Some(changed_ms);
        account.reason = None;
        account.system_code = None;
        if to == State::Logout {
            account.user.mobile = None;
            account.pending = None;
        }
        self.ledger.effect(Effect {
            at,
            user: Arc::clone(&account.id),
            from,
            to,
            cause,
        });
    }
}

/// What will happen by itself. Of what happens at the same time, what was planned first comes first.
#[derive(Debug)]
struct Timeline {
    heap: BinaryHeap<Reverse<Planned>>,
    planned: u64,
    /// Told of everything that is planned.
    wake: Arc<Notify>,
}

/// What every service is made with.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) clock: Clock,
    pub(crate) ledger: Ledger,
    pub(crate) seed: u64,
}

#[derive(Debug)]
enum Happening {
    Apply(usize, Box<Change>),
    CallBegins(usize, Duration),
    RegularCall(usize),
    CallEnds(usize, u64),
    WrapUpEnds(usize, u64),
    PresenceLost(usize, u64),
}

#[derive(Debug)]
struct Planned {
    at: Duration,
    number: u64,
    happening: Happening,
}

impl Timeline {
    fn new(wake: Arc<Notify>) -> Self {
        Self {
            heap: BinaryHeap::new(),
            planned: 0,
            wake,
        }
    }

    fn next_due(&self) -> Option<Duration> {
        self.heap.peek().map(|Reverse(planned)| planned.at)
    }

    fn add(&mut self, at: Duration, happening: Happening) {
        let number = self.planned;
        self.planned += 1;
        self.heap.push(Reverse(Planned {
            at,
            number,
            happening,
        }));
        self.wake.notify_one();
    }

    fn take_due(&mut self, now: Duration) -> Option<(Duration, Happening)> {
        if self.heap.peek()?.0.at > now {
            return None;
        }
        self.heap
            .pop()
            .map(|Reverse(planned)| (planned.at, planned.happening))
    }
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}
