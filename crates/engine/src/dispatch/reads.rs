//! Shared reads: one answer for all who ask the same, so that a thousand operations that watch a team cost the vendor one
//! request a second.
//!
//! A read is carried out by a task of its own, its *flight*, which lives as long as anybody waits for it. Whoever asks
//! the same joins a flight that has not left yet, or has left after the moment from which his answer counts; or reuses
//! the last answer; or begins the next flight, which leaves no sooner than the spacing allows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use signoff_core::{Class, Monotonic, Request};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::admission::Admission;
use super::retry::is_breakdown;
use super::{Delivered, Delivery, DispatchError};

/// Bytes of answers that are kept for reuse, on one connection.
const KEPT_BYTES: usize = 16 << 20;

/// What an answer costs besides its body, roughly.
const ANSWER_OVERHEAD: usize = 1 << 10;

/// The longest distance to a request that brought nothing to reuse. A long `max_age` says how long an answer is good
/// for; it is no reason to wait as long after a failure.
const SPACING_UNANSWERED: Duration = Duration::from_millis(1_100);

/// How often what is too old is looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// What a read comes to.
pub(super) type Landing = Result<Delivery, DispatchError>;

/// The reads of one connection.
#[derive(Debug, Default)]
pub(super) struct Reads {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    entries: HashMap<Key, Entry>,
    flights: HashMap<u64, Flight>,
    next: u64,
    kept_bytes: usize,
    swept_at: Monotonic,
}

/// What is known of one read.
#[derive(Debug, Default)]
struct Entry {
    /// The latest flight, until it has landed.
    flight: Option<u64>,
    last_sent: Option<Monotonic>,
    /// Whether the latest request brought an answer that may be reused.
    answered: bool,
    answer: Option<Delivered>,
    /// From then on nobody can ask for what is kept here.
    keep_until: Monotonic,
}

#[derive(Debug)]
struct Flight {
    key: Key,
    terms: Terms,
    last_sent: Option<Monotonic>,
    /// Whether that request brought an answer that may be reused.
    answered: bool,
    /// When the attempt under way left; `None` while it waits.
    sent: Option<Monotonic>,
    /// Its number in the queue, while it waits.
    queued: Option<u64>,
    /// One for each who waits.
    operations: Vec<u64>,
    landed: watch::Receiver<Option<Landing>>,
    task: Option<AbortHandle>,
}

/// What those who wait for a flight want of it, taken together.
#[derive(Debug, Clone, Copy)]
struct Terms {
    /// The lowest number of their operations.
    order: u64,
    /// The shortest distance between two requests.
    spacing: Duration,
    /// The longest time for which the answer may be reused.
    max_age: Duration,
}

/// Tells reads apart: requests with the same key are the same to the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

impl Key {
    pub(super) fn new(request: &Request, credential: Option<&str>) -> Self {
        let mut digest = Sha256::new();
        let mut add = |part: &[u8]| {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        };
        let placement = request.credential.as_ref().map(|wanted| &wanted.placement);
        add(format!("{credential:?} {placement:?} {:?}", request.secrets).as_bytes());
        // Limits and the role at the gate are part of what was asked: who joins gets no less than he asked for.
        let terms = (request.timeout, request.answer_cap, request.proves_credential);
        add(format!("{terms:?}").as_bytes());
        for text in [&request.method, &request.endpoint, &request.path] {
            add(text.as_bytes());
        }
        for pairs in [&request.query, &request.headers] {
            add(&(pairs.len() as u64).to_le_bytes());
            for (name, value) in pairs {
                add(name.as_bytes());
                add(value.as_bytes());
            }
        }
        add(&request.body);
        Self(digest.finalize().into())
    }
}

/// One who asks for a read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) key: Key,
    pub(super) order: u64,
    pub(super) operation: u64,
    pub(super) max_age: Duration,
    /// Must have passed.
    pub(super) not_before: Monotonic,
}

/// What an asker gets.
pub(super) enum Share {
    /// An answer that is young enough.
    Known(Delivered),
    /// A seat in a flight.
    Seat(Seat),
    /// A seat in a new flight, which the asker is to start.
    First(Seat, Start),
}

/// What becomes of a flight that wants to leave.
pub(super) enum Queued<T> {
    /// It waits for its turn.
    Waiting(T),
    /// A later flight serves its passengers too.
    Follow(Seat),
    /// Nobody waits for it any more.
    Abandoned,
}

/// A flight that is to be started.
pub(super) struct Start {
    pub(super) flight: u64,
    pub(super) landing: watch::Sender<Option<Landing>>,
}

impl Wish {
    const fn terms(self) -> Terms {
        Terms {
            order: self.order,
            spacing: self.max_age,
            max_age: self.max_age,
        }
    }
}

impl Reads {
    /// Finds what the asker may share.
    pub(super) fn share(self: &Arc<Self>, admission: &Arc<Admission>, wish: Wish, now: Monotonic) -> Share {
        let mut table = self.lock();
        table.sweep(now);
        let table = &mut *table;
        let entry = table.entries.entry(wish.key).or_default();
        let is_young =
            |answer: &&Delivered| answer.sent > wish.not_before && now.since(answer.sent) < wish.max_age;
        if let Some(answer) = entry.answer.as_ref().filter(is_young) {
            return Share::Known(answer.clone());
        }
        let joined = entry.flight.filter(|flight| {
            let flight = table.flights.get_mut(flight);
            flight.is_some_and(|flight| flight.join(admission, wish))
        });
        if let Some(flight) = joined {
            let landed = table.flights.get(&flight).map(|flight| flight.landed.clone());
            if let Some(landed) = landed {
                return Share::Seat(self.seat(flight, vec![wish.operation], landed));
            }
        }
        let number = table.next;
        table.next += 1;
        let landing = watch::Sender::new(None);
        let flight = Flight {
            key: wish.key,
            terms: wish.terms(),
            last_sent: entry.last_sent,
            answered: entry.answered,
            sent: None,
            queued: None,
            operations: vec![wish.operation],
            landed: landing.subscribe(),
            task: None,
        };
        let seat = self.seat(number, vec![wish.operation], flight.landed.clone());
        entry.flight = Some(number);
        table.flights.insert(number, flight);
        Share::First(
            seat,
            Start {
                flight: number,
                landing,
            },
        )
    }

    /// The task that carries a flight out; it is aborted when nobody waits for it any more.
    pub(super) fn started(&self, flight: u64, task: AbortHandle) {
        match self.lock().flights.get_mut(&flight) {
            Some(flight) => flight.task = Some(task),
            None => task.abort(),
        }
    }

    /// Lets a flight queue up. `queue` gets its order and the earliest moment to leave, and gives its number there. A
    /// flight that is to leave again, and was overtaken by a later one, is not needed any more: two would leave where
    /// one serves all.
    pub(super) fn queue_up<T>(
        self: &Arc<Self>,
        admission: &Arc<Admission>,
        flight: u64,
        queue: impl FnOnce(u64, Monotonic) -> (u64, T),
    ) -> Queued<T> {
        let mut table = self.lock();
        let table = &mut *table;
        let Some(own) = table.flights.get(&flight) else {
            return Queued::Abandoned;
        };
        let entry = table.entries.entry(own.key).or_default();
        let later = *entry.flight.get_or_insert(flight);
        if later != flight {
            let (operations, terms) = (own.operations.clone(), own.terms);
            if let Some(other) = table.flights.get_mut(&later) {
                other.take_along(admission, &operations, terms);
                return Queued::Follow(self.seat(later, operations, other.landed.clone()));
            }
        }
        let Some(own) = table.flights.get_mut(&flight) else {
            return Queued::Abandoned;
        };
        own.last_sent = own.last_sent.max(entry.last_sent);
        own.answered = entry.answered;
        own.sent = None;
        let (number, waiting) = queue(own.terms.order, own.earliest());
        own.queued = Some(number);
        Queued::Waiting(waiting)
    }

    /// An attempt of a flight leaves.
    pub(super) fn left(&self, flight: u64, at: Monotonic) {
        let mut table = self.lock();
        let table = &mut *table;
        let Some(flight) = table.flights.get_mut(&flight) else {
            return;
        };
        flight.queued = None;
        flight.sent = Some(at);
        flight.last_sent = Some(at);
        if let Some(entry) = table.entries.get_mut(&flight.key) {
            entry.last_sent = entry.last_sent.max(Some(at));
            entry.answered = false;
            entry.keep_until = entry.keep_until.max(at + flight.terms.max_age);
        }
    }

    /// The operations that wait for a flight.
    pub(super) fn operations(&self, flight: u64) -> Vec<u64> {
        self.lock()
            .flights
            .get(&flight)
            .map(|flight| flight.operations.clone())
            .unwrap_or_default()
    }

    /// A flight has landed; what it brought is kept as long as somebody may reuse it.
    pub(super) fn land(&self, start: &Start, landing: Landing) {
        {
            let mut table = self.lock();
            let table = &mut *table;
            let Some(flight) = table.flights.remove(&start.flight) else {
                return;
            };
            if let Some(entry) = table.entries.get_mut(&flight.key) {
                if entry.flight == Some(start.flight) {
                    entry.flight = None;
                }
                if let Ok(Delivery::Response(answer)) = &landing
                    && matches!(answer.class, Class::Ok | Class::Other)
                    && !is_breakdown(answer.class, answer.status)
                    && !flight.terms.max_age.is_zero()
                {
                    // Some who came along under way may reuse it for longer than those for whom it left.
                    entry.keep_until = entry.keep_until.max(answer.sent + flight.terms.max_age);
                    table.keep(flight.key, answer.clone());
                }
            }
            table.drop_if_useless(flight.key);
        }
        start.landing.send_replace(Some(landing));
    }

    fn seat(
        self: &Arc<Self>,
        flight: u64,
        operations: Vec<u64>,
        landed: watch::Receiver<Option<Landing>>,
    ) -> Seat {
        Seat {
            reads: Arc::clone(self),
            flight,
            operations,
            landed,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Keeps an answer, unless it alone is more than is kept: then whoever needs it next asks again.
    fn keep(&mut self, key: Key, answer: Delivered) {
        let size = size_of_answer(&answer);
        if size > KEPT_BYTES {
            return;
        }
        if self.kept_bytes + size > KEPT_BYTES {
            self.make_room(size);
        }
        let Some(entry) = self.entries.get_mut(&key) else {
            return;
        };
        entry.answered = true;
        if entry
            .answer
            .as_ref()
            .is_none_or(|known| known.sent <= answer.sent)
        {
            self.kept_bytes += size;
            self.kept_bytes -= entry.answer.replace(answer).as_ref().map_or(0, size_of_answer);
        }
    }

    /// Gives up answers until half of the room is free, and enough for so many bytes: first those that could be reused for
    /// the shortest time, since an answer that is good for a minute serves everybody.
    fn make_room(&mut self, size: usize) {
        let most = (KEPT_BYTES / 2).min(KEPT_BYTES.saturating_sub(size));
        let kept = self.entries.iter().filter(|(_, entry)| entry.answer.is_some());
        let mut kept: Vec<(Monotonic, Key)> = kept.map(|(key, entry)| (entry.keep_until, *key)).collect();
        kept.sort_unstable_by_key(|(keep_until, _)| *keep_until);
        for (_, key) in kept {
            if self.kept_bytes <= most {
                break;
            }
            if let Some(entry) = self.entries.get_mut(&key) {
                let given_up = entry.answer.take();
                self.kept_bytes -= given_up.as_ref().map_or(0, size_of_answer);
                // Nobody is to wait out the age of an answer that is not there any more.
                entry.answered = false;
            }
        }
    }

    /// Forgets reads that nobody spaces or reuses.
    fn drop_if_useless(&mut self, key: Key) {
        let is_useless = |entry: &Entry| {
            entry.flight.is_none() && entry.last_sent.is_none_or(|sent| entry.keep_until <= sent)
        };
        if self.entries.get(&key).is_some_and(is_useless)
            && let Some(entry) = self.entries.remove(&key)
        {
            self.kept_bytes -= entry.answer.as_ref().map_or(0, size_of_answer);
        }
    }

    fn sweep(&mut self, now: Monotonic) {
        if now.since(self.swept_at) < SWEEP_EVERY {
            return;
        }
        self.swept_at = now;
        self.entries
            .retain(|_, entry| entry.flight.is_some() || entry.keep_until > now);
        self.kept_bytes = self
            .entries
            .values()
            .filter_map(|entry| entry.answer.as_ref())
            .map(size_of_answer)
            .sum();
    }
}

impl Flight {
    /// Takes someone along, if the flight suits him.
    fn join(&mut self, admission: &Arc<Admission>, wish: Wish) -> bool {
        if self.sent.is_some_and(|sent| sent <= wish.not_before) {
            return false;
        }
        self.take_along(admission, &[wish.operation], wish.terms());
        true
    }

    fn take_along(&mut self, admission: &Arc<Admission>, operations: &[u64], terms: Terms) {
        self.operations.extend(operations);
        self.terms = Terms {
            order: self.terms.order.min(terms.order),
            spacing: self.terms.spacing.min(terms.spacing),
            max_age: self.terms.max_age.max(terms.max_age),
        };
        if let Some(number) = self.queued {
            admission.hasten(number, self.terms.order, self.earliest());
        }
    }

    fn earliest(&self) -> Monotonic {
        let spacing = if self.answered {
            self.terms.spacing
        } else {
            self.terms.spacing.min(SPACING_UNANSWERED)
        };
        self.last_sent.map_or(Monotonic::ZERO, |sent| sent + spacing)
    }
}

fn size_of_answer(answer: &Delivered) -> usize {
    answer.body.len() + ANSWER_OVERHEAD
}

/// A seat in a flight. The flight ends when nobody sits in it any more.
pub(super) struct Seat {
    reads: Arc<Reads>,
    flight: u64,
    operations: Vec<u64>,
    landed: watch::Receiver<Option<Landing>>,
}

impl Seat {
    /// Waits for the end of the flight.
    pub(super) async fn landing(&mut self) -> Landing {
        let landed = self.landed.wait_for(Option::is_some).await;
        match landed.as_deref() {
            Ok(Some(landing)) => landing.clone(),
            Ok(None) | Err(_) => Err(DispatchError::Fault(
                "a shared read ended without an answer".into(),
            )),
        }
    }

    /// Whether it waits for its turn.
    pub(super) fn is_waiting(&self) -> bool {
        self.reads
            .lock()
            .flights
            .get(&self.flight)
            .is_some_and(|flight| flight.sent.is_none())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let abandoned = {
            let mut table = self.reads.lock();
            let table = &mut *table;
            let Some(flight) = table.flights.get_mut(&self.flight) else {
                return;
            };
            for operation in &self.operations {
                if let Some(index) = flight.operations.iter().position(|one| one == operation) {
                    flight.operations.swap_remove(index);
                }
            }
            if !flight.operations.is_empty() {
                return;
            }
            let flight = table.flights.remove(&self.flight);
            if let Some(flight) = &flight {
                if let Some(entry) = table.entries.get_mut(&flight.key)
                    && entry.flight == Some(self.flight)
                {
                    entry.flight = None;
                }
                table.drop_if_useless(flight.key);
            }
            flight
        };
        if let Some(task) = abandoned.and_then(|flight| flight.task) {
            task.abort();
        }
    }
}
