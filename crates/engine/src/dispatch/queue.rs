//! Those who wait for their turn, in order: by the number of their operation, within an operation reads before writes,
//! then by arrival.
//!
//! The number of the operation comes first because a write rests on a state that is soon too old: were all reads served
//! first, a long list of users would be read again and again, and never acted on. Finishing what was begun costs the
//! fewest requests.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::task::Waker;

use signoff_core::Monotonic;

use super::turn::{Ask, Turn};

/// Those who wait, and where each of them stands.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiters: HashMap<u64, Waiter>,
    /// May go as soon as the limits allow.
    ready: BTreeSet<Rank>,
    /// Want to go later, soonest first.
    delayed: BTreeSet<(Monotonic, Rank)>,
    /// Wait until something is known of their credential.
    at_gate: HashMap<Arc<str>, AtGate>,
    /// Retries for which there is no budget yet.
    unbudgeted: BTreeSet<Rank>,
    next: u64,
    /// Of those whose turn was decided, to be woken when the lock is free.
    to_wake: Vec<Waker>,
}

#[derive(Debug, Default)]
struct AtGate {
    proofs: BTreeSet<Rank>,
    others: BTreeSet<Rank>,
}

#[derive(Debug)]
struct Waiter {
    ask: Ask,
    place: Place,
    turn: Option<Turn>,
    waker: Option<Waker>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Ready,
    Delayed,
    AtGate,
    Unbudgeted,
    /// Its turn is decided; it stands nowhere.
    Decided,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    order: u64,
    write: bool,
    arrival: u64,
}

impl Queue {
    /// Takes someone in, and gives the number under which he stands here.
    pub(super) fn push(&mut self, ask: Ask, now: Monotonic) -> u64 {
        let number = self.next;
        self.next += 1;
        let place = if ask.earliest > now {
            Place::Delayed
        } else {
            Place::Ready
        };
        self.waiters.insert(
            number,
            Waiter {
                ask,
                place,
                turn: None,
                waker: None,
            },
        );
        self.insert(number, place);
        number
    }

    /// How many wait for their turn.
    pub(super) fn waiting(&self) -> usize {
        let at_gate: usize = self
            .at_gate
            .values()
            .map(|gate| gate.proofs.len() + gate.others.len())
            .sum();
        self.ready.len() + self.delayed.len() + self.unbudgeted.len() + at_gate
    }

    /// How many wait for nothing but the limits.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// How many retries wait for budget.
    pub(super) fn unbudgeted(&self) -> usize {
        self.unbudgeted.len()
    }

    /// The next who may go.
    pub(super) fn first(&self) -> Option<(u64, &Ask)> {
        let number = self.ready.first()?.arrival;
        Some((number, &self.waiters.get(&number)?.ask))
    }

    /// Makes those ready whose time has come; says when the next one's comes.
    pub(super) fn wake_delayed(&mut self, now: Monotonic) -> Option<Monotonic> {
        while let Some(&(at, rank)) = self.delayed.first() {
            if at > now {
                return Some(at);
            }
            self.place(rank.arrival, Place::Ready);
        }
        None
    }

    /// Lets him wait until something is known of his credential.
    pub(super) fn park_at_gate(&mut self, number: u64) {
        self.place(number, Place::AtGate);
    }

    /// Lets him wait for the retry budget.
    pub(super) fn park_unbudgeted(&mut self, number: u64) {
        self.place(number, Place::Unbudgeted);
    }

    /// The credentials that somebody waits for.
    pub(super) fn gates(&self) -> Vec<Arc<str>> {
        self.at_gate.keys().cloned().collect()
    }

    /// Makes the first who waits at a gate ready: the first proof, or the first of the others. Says whether there was
    /// one.
    pub(super) fn unpark_first(&mut self, credential: &str, proof: bool) -> bool {
        let parked = self.at_gate.get(credential);
        let first = parked.and_then(|gate| {
            if proof {
                gate.proofs.first()
            } else {
                gate.others.first()
            }
        });
        let Some(number) = first.map(|rank| rank.arrival) else {
            return false;
        };
        self.place(number, Place::Ready);
        true
    }

    /// Makes the first retry ready that waits for the budget.
    pub(super) fn unpark_unbudgeted(&mut self) {
        if let Some(number) = self.unbudgeted.first().map(|rank| rank.arrival) {
            self.place(number, Place::Ready);
        }
    }

    /// Makes all retries ready that wait for the budget.
    pub(super) fn unpark_all_unbudgeted(&mut self) {
        while !self.unbudgeted.is_empty() {
            self.unpark_unbudgeted();
        }
    }

    /// Tells him what became of his turn.
    pub(super) fn decide(&mut self, number: u64, turn: Turn) {
        self.place(number, Place::Decided);
        if let Some(waiter) = self.waiters.get_mut(&number) {
            waiter.turn = Some(turn);
            self.to_wake.extend(waiter.waker.take());
        }
    }

    /// Tells all whom `concerns` picks the same.
    pub(super) fn decide_all(&mut self, turn: &Turn, concerns: impl Fn(&Ask) -> bool) {
        let waiting = self
            .waiters
            .iter()
            .filter(|(_, waiter)| waiter.turn.is_none() && concerns(&waiter.ask));
        let numbers: Vec<u64> = waiting.map(|(&number, _)| number).collect();
        for number in numbers {
            self.decide(number, turn.clone());
        }
    }

    /// What became of his turn, if that is decided; he then stands here no longer. Otherwise he will be woken.
    pub(super) fn poll(&mut self, number: u64, waker: &Waker) -> Option<Turn> {
        let waiter = self.waiters.get_mut(&number)?;
        match waiter.turn.take() {
            Some(turn) => {
                self.waiters.remove(&number);
                Some(turn)
            }
            None => {
                match &mut waiter.waker {
                    Some(known) => known.clone_from(waker),
                    None => waiter.waker = Some(waker.clone()),
                }
                None
            }
        }
    }

    /// He waits no longer. Gives back the turn that he was told of and did not take.
    pub(super) fn remove(&mut self, number: u64) -> Option<Turn> {
        self.take_out(number);
        self.waiters.remove(&number)?.turn
    }

    /// Others came to wait for the same: he may go as soon as any of them might.
    pub(super) fn hasten(&mut self, number: u64, order: u64, earliest: Monotonic, now: Monotonic) {
        let Some(waiter) = self.waiters.get(&number) else {
            return;
        };
        let place = waiter.place;
        if place == Place::Decided || (order >= waiter.ask.order && earliest >= waiter.ask.earliest) {
            return;
        }
        self.take_out(number);
        if let Some(waiter) = self.waiters.get_mut(&number) {
            waiter.ask.order = waiter.ask.order.min(order);
            waiter.ask.earliest = waiter.ask.earliest.min(earliest);
            let is_due = waiter.ask.earliest <= now;
            self.insert(
                number,
                if place == Place::Delayed && is_due {
                    Place::Ready
                } else {
                    place
                },
            );
        }
    }

    /// Who is to be woken, once the lock is free.
    pub(super) fn take_to_wake(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.to_wake)
    }

    fn place(&mut self, number: u64, place: Place) {
        self.take_out(number);
        self.insert(number, place);
    }

    fn take_out(&mut self, number: u64) {
        let Some(waiter) = self.waiters.get(&number) else {
            return;
        };
        let rank = waiter.rank(number);
        match waiter.place {
            Place::Ready => {
                self.ready.remove(&rank);
            }
            Place::Delayed => {
                self.delayed.remove(&(waiter.ask.earliest, rank));
            }
            Place::Unbudgeted => {
                self.unbudgeted.remove(&rank);
            }
            Place::AtGate => {
                let credential = waiter.ask.credential.as_deref().unwrap_or_default();
                if let Some(gate) = self.at_gate.get_mut(credential) {
                    gate.side(waiter.ask.proof).remove(&rank);
                    if gate.proofs.is_empty() && gate.others.is_empty() {
                        self.at_gate.remove(credential);
                    }
                }
            }
            Place::Decided => {}
        }
    }

    fn insert(&mut self, number: u64, place: Place) {
        let Some(waiter) = self.waiters.get_mut(&number) else {
            return;
        };
        waiter.place = place;
        let rank = waiter.rank(number);
        match place {
            Place::Ready => {
                self.ready.insert(rank);
            }
            Place::Delayed => {
                self.delayed.insert((waiter.ask.earliest, rank));
            }
            Place::Unbudgeted => {
                self.unbudgeted.insert(rank);
            }
            Place::AtGate => {
                let credential = waiter.ask.credential.clone().unwrap_or_default();
                self.at_gate
                    .entry(credential)
                    .or_default()
                    .side(waiter.ask.proof)
                    .insert(rank);
            }
            Place::Decided => {}
        }
    }
}

impl AtGate {
    const fn side(&mut self, proof: bool) -> &mut BTreeSet<Rank> {
        if proof { &mut self.proofs } else { &mut self.others }
    }
}

impl Waiter {
    const fn rank(&self, arrival: u64) -> Rank {
        Rank {
            order: self.ask.order,
            write: self.ask.write,
            arrival,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Monotonic = Monotonic(1_000);

    fn ask(order: u64, write: bool) -> Ask {
        Ask {
            order,
            write,
            proof: false,
            credential: Some("supervisor".into()),
            not_after: Monotonic::NEVER,
            earliest: Monotonic::ZERO,
            retry: false,
            tried: None,
        }
    }

    /// Lets all go who are ready, in order.
    fn drain(queue: &mut Queue) -> Vec<u64> {
        let mut gone = Vec::new();
        while let Some((number, _)) = queue.first() {
            queue.decide(number, Turn::Stopped);
            gone.push(number);
        }
        gone
    }

    #[test]
    fn operations_come_in_their_order_and_read_before_they_write() {
        let mut queue = Queue::default();
        for (order, write) in [(2, true), (1, true), (2, false), (1, true), (1, false)] {
            queue.push(ask(order, write), NOW);
        }
        assert_eq!(drain(&mut queue), [4, 1, 3, 2, 0]);
    }

    #[test]
    fn who_wants_to_go_later_becomes_ready_in_time() {
        let mut queue = Queue::default();
        for earliest in [3_000, 2_000, 500] {
            queue.push(
                Ask {
                    earliest: Monotonic(earliest),
                    ..ask(1, false)
                },
                NOW,
            );
        }
        assert_eq!((queue.ready(), queue.waiting()), (1, 3));
        assert_eq!(queue.wake_delayed(Monotonic(2_000)), Some(Monotonic(3_000)));
        assert_eq!(drain(&mut queue), [1, 2]);
        assert_eq!(queue.wake_delayed(Monotonic(3_000)), None);
        assert_eq!(drain(&mut queue), [0]);
    }

    #[test]
    fn a_gate_lets_the_first_pass() {
        let mut queue = Queue::default();
        for order in [3, 1, 2] {
            let number = queue.push(ask(order, true), NOW);
            queue.park_at_gate(number);
        }
        let proof = queue.push(
            Ask {
                proof: true,
                ..ask(9, false)
            },
            NOW,
        );
        queue.park_at_gate(proof);
        assert_eq!(queue.gates(), ["supervisor".into()]);
        assert!(queue.unpark_first("supervisor", false));
        assert_eq!(drain(&mut queue), [1]);
        assert!(queue.unpark_first("supervisor", true));
        assert!(!queue.unpark_first("supervisor", true));
        assert_eq!(drain(&mut queue), [proof]);
        while queue.unpark_first("supervisor", false) {}
        assert_eq!(drain(&mut queue), [2, 0]);
        assert!(queue.gates().is_empty());
    }

    #[test]
    fn hastening_moves_forward_only() {
        let mut queue = Queue::default();
        queue.push(ask(5, false), NOW);
        let shared = queue.push(
            Ask {
                earliest: Monotonic(9_000),
                ..ask(7, false)
            },
            NOW,
        );
        queue.hasten(shared, 8, Monotonic(9_500), NOW);
        assert_eq!(queue.wake_delayed(NOW), Some(Monotonic(9_000)));
        queue.hasten(shared, 1, Monotonic(4_000), NOW);
        assert_eq!(queue.wake_delayed(NOW), Some(Monotonic(4_000)));
        queue.hasten(shared, 1, NOW, NOW);
        assert_eq!(drain(&mut queue), [shared, 0]);
        queue.hasten(shared, 0, NOW, NOW);
        assert_eq!(queue.waiting(), 0, "his turn is decided");
    }

    #[test]
    fn a_turn_that_was_not_taken_comes_back() {
        let mut queue = Queue::default();
        let gone = queue.push(ask(1, true), NOW);
        queue.decide(gone, Turn::Go { alone: true });
        assert_eq!(queue.remove(gone), Some(Turn::Go { alone: true }));
        let waiting = queue.push(ask(1, true), NOW);
        assert_eq!(queue.remove(waiting), None);
        assert_eq!(queue.waiting(), 0);
    }

    #[test]
    fn taking_a_turn_ends_the_wait() {
        let mut queue = Queue::default();
        let number = queue.push(ask(1, true), NOW);
        assert_eq!(queue.poll(number, Waker::noop()), None);
        queue.decide_all(&Turn::Stopped, |ask| ask.write);
        assert_eq!(queue.take_to_wake().len(), 1);
        assert_eq!(queue.poll(number, Waker::noop()), Some(Turn::Stopped));
        assert!(queue.remove(number).is_none());
    }
}
