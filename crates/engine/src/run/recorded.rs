//! What earlier processes recorded of a run: found by place, and never asked of the vendor again.
//!
//! A million calls are found through sixteen bytes each, and read from the file when their turn comes. What an answer
//! that does not stand (a `cancelled` one) led to is void: it is asked again, except that nobody who is out is logged
//! out twice.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use signoff_core::{Earlier, Monotonic, Now};

use crate::call::Place;
use crate::journal::{
    AnswerRecord, CallDigest, CallId, Disposition, JournalError, JournalReader, JournaledCall, JournaledWrite,
};

/// What earlier processes recorded.
pub(super) struct Recorded {
    reader: Mutex<JournalReader>,
    /// Of each call: the hash of its place, and its number. Sorted.
    calls: Vec<(u64, i64)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Of each of `calls`: whether the execution came there.
    visited: Vec<bool>,
    /// Of each task, by what the places of its calls begin with: the first number that was asked again although it had
    /// been answered.
    reopened: HashMap<String, u64>,
}

/// What is recorded at a place.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing that counts.
    Nothing,
    /// The same call was asked, and this is what it gave.
    Answered(AnswerRecord),
    /// The same call was begun, and is to be asked again.
    Begun(Begun),
    /// Another call was asked there.
    Another(JournaledCall),
}

/// A call that was begun, and is asked again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    /// The first call at its place.
    pub(super) first: CallId,
    /// When that was made, in Unix milliseconds.
    pub(super) at_ms: i64,
}

impl Recorded {
    /// Of everything that is in the journal now.
    pub(super) fn new(reader: JournalReader) -> Result<Self, JournalError> {
        let mut calls = Vec::new();
        reader.places(|id, place| calls.push((hash(place), id.0)))?;
        calls.sort_unstable();
        let state = State {
            visited: vec![false; calls.len()],
            reopened: HashMap::new(),
        };
        Ok(Self {
            reader: Mutex::new(reader),
            calls,
            state: Mutex::new(state),
        })
    }

    /// What stands at a place. `retry` says of an answer that it is to be asked again all the same.
    pub(super) fn find(
        &self,
        place: &Place,
        digest: CallDigest,
        retry: impl FnOnce(&AnswerRecord) -> bool,
    ) -> Result<Found, JournalError> {
        let Some(call) = self.latest(place)? else {
            return Ok(Found::Nothing);
        };
        let is_void = self.state().follows_reopened(place);
        if call.call.digest != digest {
            return Ok(if is_void {
                Found::Nothing
            } else {
                Found::Another(call)
            });
        }
        let begun = Begun {
            first: call.call.again.unwrap_or(call.id),
            at_ms: self.first_at(&call)?,
        };
        Ok(match call.answer {
            None => Found::Begun(begun),
            Some(answer) if !answer.is_final || retry(&answer) => {
                self.state().reopen(place);
                Found::Begun(begun)
            }
            Some(answer) if is_void && answer.answer.outcome().is_none() => Found::Begun(begun),
            Some(answer) => Found::Answered(answer),
        })
    }

    /// The writes of a call, by whichever process, if there are any.
    pub(super) fn writes(&self, begun: Begun) -> Result<EarlierWrites, JournalError> {
        let writes = self.reader().writes(begun.first)?;
        Ok(EarlierWrites::new(writes))
    }

    /// Each call that is recorded and to which the execution did not come, in order; the last of its place.
    pub(super) fn missed(&self, mut each: impl FnMut(JournaledCall)) -> Result<(), JournalError> {
        let mut missed: Vec<i64> = {
            let state = self.state();
            let calls = self.calls.iter().zip(&state.visited);
            calls
                .filter(|(_, visited)| !**visited)
                .map(|((_, id), _)| *id)
                .collect()
        };
        missed.sort_unstable();
        for id in missed {
            let call = self.reader().call(CallId(id))?;
            let Some(call) = call else { continue };
            if self
                .latest(&call.call.place)?
                .is_some_and(|last| last.id == call.id)
            {
                each(call);
            }
        }
        Ok(())
    }

    /// Whether something that had been answered was asked again.
    pub(super) fn has_reopened(&self) -> bool {
        !self.state().reopened.is_empty()
    }

    /// The last call at a place; the execution has come there.
    fn latest(&self, place: &Place) -> Result<Option<JournaledCall>, JournalError> {
        let hash = hash(&place.0);
        let begin = self.calls.partition_point(|(other, _)| *other < hash);
        let end = self.calls.partition_point(|(other, _)| *other <= hash);
        for index in (begin..end).rev() {
            let found = self.reader().call(CallId(self.calls[index].1))?;
            if let Some(call) = found.filter(|call| call.call.place == *place) {
                self.state().visited[begin..end].fill(true);
                return Ok(Some(call));
            }
        }
        Ok(None)
    }

    fn first_at(&self, call: &JournaledCall) -> Result<i64, JournalError> {
        let Some(first) = call.call.again else {
            return Ok(call.call.at_ms);
        };
        let first = self.reader().call(first)?;
        Ok(first.map_or(call.call.at_ms, |first| first.call.at_ms))
    }

    fn reader(&self) -> MutexGuard<'_, JournalReader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Notes that a call is asked again although a script may have seen its answer.
    fn reopen(&mut self, place: &Place) {
        for (task, number) in steps(&place.0) {
            let first = self.reopened.entry(task.to_owned()).or_insert(number);
            *first = number.min(*first);
        }
    }

    /// Whether a place comes after one that was asked again, in the same task or in one that waited for it.
    fn follows_reopened(&self, place: &Place) -> bool {
        !self.reopened.is_empty()
            && steps(&place.0)
                .any(|(task, number)| self.reopened.get(task).is_some_and(|reopened| *reopened < number))
    }
}

/// The tasks around a call, and its number in each: `2[1001]4` gives `` and 2, and `2[1001]` and 4.
fn steps(place: &str) -> impl Iterator<Item = (&str, u64)> {
    let ends = place.char_indices().filter(|(_, c)| *c == ']');
    std::iter::once(0)
        .chain(ends.map(|(at, _)| at + 1))
        .filter_map(|begin| {
            let (task, rest) = place.split_at(begin);
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            Some((task, rest[..end].parse().ok()?))
        })
}

fn hash(place: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    place.hash(&mut hasher);
    hasher.finish()
}

/// What earlier processes wrote for one call.
#[derive(Debug, Default)]
pub(super) struct EarlierWrites {
    pub(super) parts: BTreeMap<String, EarlierPart>,
    /// How many were sent.
    pub(super) attempts: u32,
    /// Whether one was sent again after one that may have been processed.
    pub(super) repeated: bool,
    /// Under which the vendor was told of the last.
    pub(super) request_id: Option<String>,
}

/// One write of it.
#[derive(Debug, Default)]
pub(super) struct EarlierPart {
    /// How many intents there were.
    pub(super) intents: u32,
    /// How often it was sent.
    sent: u32,
    /// The last that may have been processed.
    last: Option<JournaledWrite>,
}

impl EarlierWrites {
    fn new(writes: Vec<JournaledWrite>) -> Self {
        let mut earlier = Self::default();
        for write in writes {
            let part = earlier.parts.entry(write.intent.part.clone()).or_default();
            part.intents += 1;
            if write.disposition == Some(Disposition::NotSent) {
                continue;
            }
            part.sent += 1;
            earlier.attempts += 1;
            earlier.repeated |= part.last.is_some();
            earlier.request_id.clone_from(&write.intent.request_id);
            if may_have_been_processed(&write) {
                part.last = Some(write);
            }
        }
        earlier
    }

    /// Whether the vendor may have processed one.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.parts.values().any(EarlierPart::is_in_doubt)
    }

    /// As a provider is told of them. `under_way` is how long one may be under way if that was not recorded.
    pub(super) fn told(&self, now: Now, boot: &Boot, under_way: Duration) -> Vec<Earlier<'_>> {
        self.parts
            .iter()
            .filter_map(|(name, part)| {
                let write = part.last.as_ref()?;
                let intent = &write.intent;
                let age = boot.age(now, write);
                let under_way = intent.under_way_ms.map_or(under_way, Duration::from_millis);
                Some(Earlier {
                    part: name,
                    attempts: part.sent,
                    request_id: intent.request_id.as_deref().unwrap_or_default(),
                    sent_unix_ms: intent
                        .at_ms
                        .saturating_add(intent.server_offset_ms.unwrap_or_default()),
                    settled_at: settled_at(now.monotonic, under_way, age),
                    age,
                })
            })
            .collect()
    }
}

impl EarlierPart {
    pub(super) fn is_in_doubt(&self) -> bool {
        self.last.is_some()
    }
}

/// Of the machine, now.
#[derive(Debug, Clone, Default)]
pub(super) struct Boot {
    pub(super) id: Option<String>,
    /// Time since the boot, in milliseconds.
    pub(super) uptime_ms: Option<u64>,
}

impl Boot {
    /// How long ago a write was intended. Within one boot the wall clock is not asked: it may have been set.
    fn age(&self, now: Now, write: &JournaledWrite) -> Duration {
        let same_boot = self.id.is_some() && self.id == write.boot_id;
        if let (true, Some(then), Some(uptime)) = (same_boot, write.intent.uptime_ms, self.uptime_ms) {
            return Duration::from_millis(uptime.saturating_sub(then));
        }
        let passed = now.unix_ms.saturating_sub(write.intent.at_ms);
        Duration::from_millis(u64::try_from(passed).unwrap_or_default())
    }
}

fn settled_at(now: Monotonic, under_way: Duration, age: Duration) -> Monotonic {
    now + under_way.saturating_sub(age)
}

/// A refusal was not; of everything else without a word of the operation's own it is not known.
fn may_have_been_processed(write: &JournaledWrite) -> bool {
    match write.disposition {
        None | Some(Disposition::MaybeSent) => true,
        Some(Disposition::NotSent | Disposition::NotProcessed) => false,
        Some(Disposition::Answered) => !write
            .http_status
            .is_some_and(|status| (400..500).contains(&status)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::journal::{IntentId, IntentRecord};

    fn place(text: &str) -> Place {
        Place(Arc::from(text))
    }

    #[test]
    fn what_follows_a_reopened_call_is_void_and_what_ran_beside_it_is_not() {
        let mut state = State::default();
        assert!(!state.follows_reopened(&place("9")));
        state.reopen(&place("2[1001]4[x]1"));
        for (at, follows) in [
            ("1", false),
            ("2", false),
            ("3", true),
            ("3[1]1", true),
            ("2[1001]3", false),
            ("2[1001]4", false),
            ("2[1001]5", true),
            ("2[1001]4[x]1", false),
            ("2[1001]4[x]2", true),
            ("2[1001]4[y]2", false),
            ("2[1002]9", false),
            ("end[site:1]", false),
        ] {
            assert_eq!(state.follows_reopened(&place(at)), follows, "{at}");
        }
    }

    fn write(disposition: Option<Disposition>, http_status: Option<u16>, at_ms: i64) -> JournaledWrite {
        JournaledWrite {
            id: IntentId(1),
            intent: IntentRecord {
                call: CallId(1),
                part: "logout".to_owned(),
                attempt: 1,
                request_id: Some(format!("r{at_ms}")),
                at_ms,
                server_offset_ms: Some(500),
                uptime_ms: Some(10_000),
                under_way_ms: Some(3_000),
            },
            disposition,
            http_status,
            boot_id: Some("boot".to_owned()),
        }
    }

    fn now(unix_ms: i64) -> Now {
        Now {
            monotonic: Monotonic::ZERO + Duration::from_secs(100),
            unix_ms,
        }
    }

    #[test]
    fn only_what_may_have_been_processed_is_in_doubt() {
        let doubted = |writes: Vec<JournaledWrite>| EarlierWrites::new(writes).is_in_doubt();
        assert!(doubted(vec![write(None, None, 1)]));
        assert!(doubted(vec![write(Some(Disposition::MaybeSent), None, 1)]));
        assert!(doubted(vec![write(Some(Disposition::Answered), Some(202), 1)]));
        assert!(doubted(vec![write(Some(Disposition::Answered), Some(500), 1)]));
        assert!(!doubted(vec![write(Some(Disposition::Answered), Some(404), 1)]));
        assert!(!doubted(vec![write(
            Some(Disposition::NotProcessed),
            Some(503),
            1
        )]));
        assert!(!doubted(vec![write(Some(Disposition::NotSent), None, 1)]));

        let writes = EarlierWrites::new(vec![
            write(Some(Disposition::NotSent), None, 1),
            write(Some(Disposition::MaybeSent), None, 2),
            write(None, None, 3),
        ]);
        assert_eq!((writes.attempts, writes.repeated), (2, true));
        assert_eq!(writes.parts["logout"].intents, 3);
        let told = writes.told(now(10), &Boot::default(), Duration::ZERO);
        assert_eq!((told[0].attempts, told[0].request_id), (2, "r3"));
    }

    #[test]
    fn its_age_is_told_by_the_machine_and_after_a_boot_by_the_wall() {
        let writes = EarlierWrites::new(vec![write(None, None, 1_000_000)]);
        let told = |unix_ms: i64, id: &str, uptime_ms: u64| {
            let boot = Boot {
                id: Some(id.to_owned()),
                uptime_ms: Some(uptime_ms),
            };
            let told = writes.told(now(unix_ms), &boot, Duration::ZERO);
            let left = told[0].settled_at.since(now(0).monotonic);
            assert_eq!(told[0].sent_unix_ms, 1_000_500);
            (told[0].age.as_millis(), left.as_millis())
        };
        assert_eq!(told(0, "boot", 11_000), (1_000, 2_000));
        assert_eq!(told(9_000_000, "boot", 11_000), (1_000, 2_000));
        assert_eq!(told(1_002_000, "other", 5), (2_000, 1_000));
        // A clock that was set back says nothing: it is waited as long as it may take.
        assert_eq!(told(0, "other", 5), (0, 3_000));
        assert_eq!(told(2_000_000, "other", 5), (1_000_000, 0));
    }
}
