//! Which origin of an endpoint is used. An endpoint has its origins in an order of preference; the second is the vendor's
//! failover node, behind which stands the same system.
//!
//! An origin is left at once when it cannot be reached. When it answers that it is out of service, times out or breaks
//! off, it is left only after [`ROUNDS`] rounds and [`MOMENT`] without any good answer in between: requests that were
//! under way at the same time are one round, so that neither a single failure nor a bad moment with many requests moves
//! anybody. What may be sent again is decided elsewhere; here it is only decided where the next request goes.
//!
//! The way back leads through reads alone: now and then one is sent to the earlier origin. If the answer is good, all
//! return; if not, nobody gets to see it, the same read goes to the origin in use, and the next try is put off. An origin
//! that relapses soon after such a return is waited for longer each time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use signoff_core::{Class, FailureKind, Monotonic};

use super::retry::Attempt;

/// So many rounds in vain, one after the other, and an origin counts as out of service.
const ROUNDS: u32 = 3;

/// What passes sooner is no reason to leave.
const MOMENT: Duration = Duration::from_secs(1);

/// Between leaving an origin and first trying it with a read; doubles with each failure.
const FIRST_TRY: Duration = Duration::from_secs(5);

/// The longest time between two such tries.
const LAST_TRY: Duration = Duration::from_secs(60);

/// An origin that serves for so long is not said to relapse when it fails again.
const STEADY: Duration = Duration::from_secs(60);

/// The endpoints of one connection, each with its origins.
#[derive(Debug)]
pub(super) struct Failover {
    endpoints: Vec<Endpoint>,
    /// Not told to anybody yet.
    moves: Vec<Move>,
}

#[derive(Debug)]
struct Endpoint {
    nodes: Vec<Node>,
    /// The one in use.
    current: usize,
    since: Monotonic,
    /// The one that was last said to be in use.
    announced: usize,
}

#[derive(Debug)]
struct Node {
    origin: Arc<str>,
    /// Rounds in vain since the last good answer.
    rounds: u32,
    /// When the first of them ended.
    vain_since: Monotonic,
    /// What left before this moment belongs to a round that was counted.
    counted_at: Monotonic,
    /// Whether it has given a good answer since it came into use.
    served: bool,
    /// How it last failed; `None` once it has answered well.
    trouble: Option<Arc<str>>,
    /// Set when it was left for failing.
    left: Option<Left>,
    /// From leaving it to the next try.
    wait: Duration,
}

#[derive(Debug)]
struct Left {
    try_at: Monotonic,
    trying: bool,
}

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Departure {
    /// The number of the endpoint.
    pub(super) endpoint: usize,
    /// The number of its origin.
    pub(super) origin: usize,
    /// Whether it finds out if an origin that was left is well again.
    pub(super) probe: bool,
}

/// How a request went, as far as it tells of the origin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sign<'a> {
    pub(super) attempt: Attempt,
    /// When it left.
    pub(super) sent: Monotonic,
    /// The failure in words, or the HTTP status.
    pub(super) words: Words<'a>,
}

/// What to say of a failure.
#[derive(Debug, Clone, Copy)]
pub(super) enum Words<'a> {
    Status(u16),
    Message(&'a Arc<str>),
}

/// Another origin of an endpoint is in use from now on. Displays as a sentence for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// `https://host:port`, the origin in use.
    pub origin: Arc<str>,
    /// Whether it is the first of its endpoint, the one that is preferred.
    pub back: bool,
    /// Why the other was left; names it. `None` if it is not known any more.
    pub reason: Option<Arc<str>>,
}

/// Is told when another origin comes into use. Must not block.
pub type OnMove = Box<dyn Fn(&Move) + Send + Sync>;

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = &self.origin;
        match &self.reason {
            _ if self.back => write!(f, "`{origin}` is well again, and in use again"),
            Some(reason) => write!(f, "{reason}; `{origin}` is used instead"),
            None => write!(f, "`{origin}` is used instead"),
        }
    }
}

/// An endpoint that does not use its first origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Elsewhere {
    pub(super) origin: Arc<str>,
    pub(super) since: Monotonic,
    pub(super) reason: Option<Arc<str>>,
}

impl Failover {
    /// The origins of each endpoint, as they are to be called in messages.
    pub(super) fn new(endpoints: Vec<Vec<Arc<str>>>) -> Self {
        let endpoint = |origins: Vec<Arc<str>>| Endpoint {
            nodes: origins.into_iter().map(Node::new).collect(),
            current: 0,
            since: Monotonic::ZERO,
            announced: 0,
        };
        Self {
            endpoints: endpoints.into_iter().map(endpoint).collect(),
            moves: Vec::new(),
        }
    }

    /// Where the next request goes; with `may_probe` perhaps to an origin that was left.
    pub(super) fn depart(&mut self, endpoint: usize, may_probe: bool, now: Monotonic) -> Departure {
        let mut departure = Departure {
            endpoint,
            origin: 0,
            probe: false,
        };
        if let Some(known) = self.endpoints.get_mut(endpoint) {
            departure.origin = known.current;
            if may_probe && let Some(origin) = known.begin_try(now) {
                (departure.origin, departure.probe) = (origin, true);
            }
        }
        departure
    }

    /// Learns from how a request went. Says whether another origin has come into use.
    pub(super) fn ended(&mut self, departure: Departure, sign: Sign<'_>, now: Monotonic) -> bool {
        let Some(endpoint) = self.endpoints.get_mut(departure.endpoint) else {
            return false;
        };
        let before = endpoint.current;
        let left = if departure.probe {
            endpoint.tried(departure.origin, sign, now)
        } else {
            endpoint.used(departure.origin, sign, now)
        };
        let moved = endpoint.current != before;
        self.moves.extend(left);
        moved
    }

    /// A request that had departed was given up.
    pub(super) fn abandoned(&mut self, departure: Departure) {
        let node = self
            .endpoints
            .get_mut(departure.endpoint)
            .and_then(|endpoint| endpoint.nodes.get_mut(departure.origin));
        if let Some(left) = node.and_then(|node| node.left.as_mut())
            && departure.probe
        {
            left.trying = false;
        }
    }

    /// Whether another origin is in use by now than the one that a request went to, and nothing speaks against it.
    pub(super) fn has_better(&self, departure: Departure) -> bool {
        let endpoint = self.endpoints.get(departure.endpoint);
        endpoint.is_some_and(|endpoint| {
            let current = endpoint.nodes.get(endpoint.current);
            endpoint.current != departure.origin && current.is_some_and(|node| node.trouble.is_none())
        })
    }

    /// How many origins an endpoint has; at least 1.
    pub(super) fn origins(&self, endpoint: usize) -> u32 {
        let nodes = self
            .endpoints
            .get(endpoint)
            .map_or(1, |endpoint| endpoint.nodes.len());
        u32::try_from(nodes).unwrap_or(u32::MAX).max(1)
    }

    /// What is wrong with each origin of an endpoint that has several, if something is wrong with all.
    pub(super) fn troubles(&self, endpoint: usize) -> Option<Arc<str>> {
        let nodes = &self.endpoints.get(endpoint)?.nodes;
        if nodes.len() < 2 {
            return None;
        }
        let troubles: Option<Vec<&str>> = nodes.iter().map(|node| node.trouble.as_deref()).collect();
        Some(troubles?.join("; ").into())
    }

    /// The endpoints that do not use their first origin.
    pub(super) fn elsewhere(&self) -> Vec<Elsewhere> {
        let elsewhere = |endpoint: &Endpoint| {
            let (first, current) = (endpoint.nodes.first()?, endpoint.nodes.get(endpoint.current)?);
            (endpoint.current != 0).then(|| Elsewhere {
                origin: Arc::clone(&current.origin),
                since: endpoint.since,
                reason: first.trouble.clone(),
            })
        };
        self.endpoints.iter().filter_map(elsewhere).collect()
    }

    /// What is to be told, once the lock is free.
    pub(super) fn take_moves(&mut self) -> Vec<Move> {
        std::mem::take(&mut self.moves)
    }
}

impl Endpoint {
    /// An earlier origin than the one in use whose time has come.
    fn begin_try(&mut self, now: Monotonic) -> Option<usize> {
        let earlier = self.nodes.iter_mut().take(self.current).enumerate();
        for (origin, node) in earlier {
            if let Some(left) = &mut node.left
                && !left.trying
                && left.try_at <= now
            {
                left.trying = true;
                return Some(origin);
            }
        }
        None
    }

    /// An origin that was left has answered a read, or not.
    fn tried(&mut self, origin: usize, sign: Sign<'_>, now: Monotonic) -> Option<Move> {
        let node = self.nodes.get_mut(origin)?;
        if sign.attempt == Attempt::Answered(Class::Ok) {
            node.recover();
            // By now an even earlier one may be in use.
            if origin >= self.current {
                return None;
            }
            let moved = self.enter(origin, now);
            if let Some(node) = self.nodes.get_mut(origin) {
                node.served = true;
            }
            return Some(moved);
        }
        node.trouble = Some(sign.words.of(&node.origin));
        node.put_off(now);
        None
    }

    /// The origin in use, or one that was in use when the request left, has answered, or not.
    fn used(&mut self, origin: usize, sign: Sign<'_>, now: Monotonic) -> Option<Move> {
        let is_current = origin == self.current;
        let node = self.nodes.get_mut(origin)?;
        match sign.kind() {
            Kind::Neither => return None,
            Kind::Good => {
                if !is_current {
                    return None;
                }
                node.recover();
                node.served = true;
                return (self.announced != origin).then(|| self.told(origin));
            }
            Kind::Gone => {}
            Kind::Vain if sign.sent >= node.counted_at => {
                if node.rounds == 0 {
                    node.vain_since = now;
                }
                node.rounds += 1;
                node.counted_at = now;
            }
            Kind::Vain => {}
        }
        node.trouble = Some(sign.words.of(&node.origin));
        let is_gone = matches!(sign.kind(), Kind::Gone);
        let is_out_of_service = node.rounds >= ROUNDS && now.since(node.vain_since) >= MOMENT;
        if is_current && self.nodes.len() > 1 && (is_gone || is_out_of_service) {
            return self.leave(now);
        }
        None
    }

    /// Moves on to the next origin that is not known to fail; if all are, simply to the next.
    fn leave(&mut self, now: Monotonic) -> Option<Move> {
        let (from, since) = (self.current, self.since);
        let node = self.nodes.get_mut(from)?;
        if !node.served || now.since(since) >= STEADY {
            node.wait = FIRST_TRY;
        }
        node.put_off(now);
        let count = self.nodes.len();
        let mut others = (1..count).map(|step| (from + step) % count);
        let well = others.find(|&other| self.nodes.get(other).is_some_and(|node| node.left.is_none()));
        match well {
            Some(next) => Some(self.enter(next, now)),
            None => {
                // Whoever serves first will be announced.
                self.take_up((from + 1) % count, now);
                None
            }
        }
    }

    fn enter(&mut self, origin: usize, now: Monotonic) -> Move {
        self.take_up(origin, now);
        self.told(origin)
    }

    fn take_up(&mut self, origin: usize, now: Monotonic) {
        self.current = origin;
        self.since = now;
        if let Some(node) = self.nodes.get_mut(origin) {
            node.left = None;
            node.rounds = 0;
            node.served = false;
            node.counted_at = now;
        }
    }

    fn told(&mut self, origin: usize) -> Move {
        let before = std::mem::replace(&mut self.announced, origin);
        let reason = self.nodes.get(before).and_then(|node| node.trouble.clone());
        Move {
            origin: self
                .nodes
                .get(origin)
                .map_or_else(|| "".into(), |node| Arc::clone(&node.origin)),
            back: origin == 0,
            reason,
        }
    }
}

impl Node {
    const fn new(origin: Arc<str>) -> Self {
        Self {
            origin,
            rounds: 0,
            vain_since: Monotonic::ZERO,
            counted_at: Monotonic::ZERO,
            served: false,
            trouble: None,
            left: None,
            wait: FIRST_TRY,
        }
    }

    fn recover(&mut self) {
        self.rounds = 0;
        self.trouble = None;
        self.left = None;
    }

    fn put_off(&mut self, now: Monotonic) {
        self.left = Some(Left {
            try_at: now + self.wait,
            trying: false,
        });
        self.wait = (self.wait * 2).min(LAST_TRY);
    }
}

/// What a request tells of the origin.
enum Kind {
    Good,
    Neither,
    Vain,
    Gone,
}

impl Sign<'_> {
    const fn kind(&self) -> Kind {
        match self.attempt {
            Attempt::Answered(Class::Unavailable)
            | Attempt::Failed(FailureKind::TimedOut | FailureKind::Broken, _) => Kind::Vain,
            Attempt::Answered(Class::Throttled(_)) => Kind::Neither,
            Attempt::Answered(_) => Kind::Good,
            Attempt::Failed(FailureKind::Unreachable, _) => Kind::Gone,
            Attempt::Failed(..) => Kind::Neither,
        }
    }
}

impl Words<'_> {
    fn of(self, origin: &str) -> Arc<str> {
        match self {
            Self::Status(status) => format!("`{origin}` answers with HTTP {status}").into(),
            Self::Message(message) => Arc::clone(message),
        }
    }
}
