//! One `signoff.each` under way: its items, how many run, and what became of them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use mlua::{Function, Lua, Table, Value as Luau};
use sha2::{Digest as _, Sha256};
use signoff_core::{Outcome, SecretHandle, User, Value};
use signoff_engine::call::CallError;

use crate::bridge::TaskId;
use crate::limits::Budget;
use crate::request::{Each, Items, Threshold};
use crate::value;

/// One `signoff.each` under way.
pub(crate) struct Fanout {
    /// Whose coroutine called it.
    pub(crate) parent: TaskId,
    pub(crate) body: Function,
    /// Items that run.
    pub(crate) running: usize,
    /// What the parent waits for.
    pub(crate) waits: Waits,
    /// What an item raised; the first one.
    pub(crate) error: Option<String>,
    /// An outcome or too many failures stopped it.
    pub(crate) stopped: bool,
    /// Where the call stands; items append their keys.
    place: String,
    /// `FILE:LINE` of the call.
    source: String,
    /// How many fan-outs there are around it, itself included.
    depth: usize,
    budget: Arc<Budget>,
    /// What it keeps outside the machine, in bytes.
    held: usize,
    concurrency: usize,
    stop_on: Vec<Outcome>,
    max_fail: Option<Threshold>,
    /// The rest of the list; `None` for an iterator.
    list: Option<(Table, usize)>,
    /// The iterator has ended.
    exhausted: bool,
    /// Items of acting users: they come when all others have ended.
    last: VecDeque<Item>,
    /// How often each key came; by hash, since a million users must not be a million texts.
    keys: HashMap<u64, u32>,
    /// The sum of the hashes of the keys of a list, in whatever order it has them; `None` for an iterator.
    sum: Option<u128>,
    total: u64,
    ended: u64,
    failures: u64,
    counts: BTreeMap<Outcome, u64>,
    not_out: Table,
    /// Who holds which key, where no two may share one; the connection is empty where an item names none.
    holders: HashMap<(String, SecretHandle), String>,
}

/// A connection, and the attributes of its users that hold a key of which no two may have the same.
pub(crate) type KeysOf = (String, &'static [&'static str]);

/// What the coroutine that called `each` waits for.
pub(crate) enum Waits {
    /// It runs, or waits for a call that its iterator made.
    Nothing,
    /// Until there is room for this item.
    Room(Item),
    /// Until all items have ended.
    End,
}

/// An item that is to run.
pub(crate) struct Item {
    pub(crate) value: Luau,
    /// Its part of the place: unique among the items.
    pub(crate) place: String,
    /// The user that it is, with the connection it names.
    pub(crate) user: Option<(Option<String>, User)>,
}

impl Fanout {
    /// A fan-out that begins.
    pub(crate) fn new(
        lua: &Lua,
        budget: Arc<Budget>,
        parent: TaskId,
        place: String,
        source: String,
        depth: usize,
        each: Each,
    ) -> mlua::Result<Self> {
        let mut fanout = Self {
            parent,
            body: each.body,
            running: 0,
            waits: Waits::Nothing,
            error: None,
            stopped: false,
            place,
            source,
            depth,
            budget,
            held: 0,
            concurrency: each.concurrency,
            stop_on: each.stop_on,
            max_fail: each.max_fail,
            list: None,
            exhausted: false,
            last: VecDeque::new(),
            keys: HashMap::new(),
            sum: None,
            total: 0,
            ended: 0,
            failures: 0,
            counts: BTreeMap::new(),
            not_out: lua.create_table()?,
            holders: HashMap::new(),
        };
        match each.items {
            Items::List(list) => {
                fanout.list = Some((list, 0));
                fanout.sum = Some(0);
            }
            Items::Iterator => {}
            Items::Failed(row, outcome) => {
                // A read that failed: there is nobody to go through, and its outcome tells why.
                fanout.exhausted = true;
                fanout.counts.insert(outcome, 1);
                fanout.not_out.raw_push(row)?;
            }
        }
        Ok(fanout)
    }

    /// `FILE:LINE` of the call.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// How many fan-outs there are around its items.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Whether one more item may begin.
    pub(crate) fn has_room(&self) -> bool {
        !self.stopped && self.error.is_none() && self.running < self.concurrency
    }

    /// Whether the parent runs an iterator for it.
    pub(crate) fn is_fed(&self) -> bool {
        self.list.is_none() && !self.exhausted
    }

    /// The iterator has ended, or will not be asked any more.
    pub(crate) fn end_input(&mut self) {
        self.exhausted = true;
    }

    /// The next item of a list, or one that had to come last.
    pub(crate) fn next(
        &mut self,
        is_actor: impl Fn(Option<&str>, &User) -> bool,
    ) -> mlua::Result<Option<Item>> {
        // Items that have to come last are passed by, and no interrupt comes meanwhile.
        while self.budget.allows_rest(&self.source)
            && let Some((list, taken)) = &mut self.list
        {
            self.budget.enter();
            *taken += 1;
            let value: Luau = list.raw_get(*taken)?;
            if value.is_nil() {
                self.list = None;
                self.exhausted = true;
                break;
            }
            let item = self.admit(value, &is_actor);
            self.budget.leave();
            if item.is_some() {
                return Ok(item);
            }
        }
        if self.exhausted && self.running == 0 {
            return Ok(self.last.pop_front());
        }
        Ok(None)
    }

    /// Adds an item of the list to what [`Fanout::items`] tells.
    pub(crate) fn count_in(&mut self, value: &Luau, user: Option<&User>) {
        let key = key(value, user).unwrap_or_default();
        let mut bytes = [0; 16];
        for (byte, hashed) in bytes.iter_mut().zip(Sha256::digest(key.as_bytes())) {
            *byte = hashed;
        }
        let hash = u128::from_le_bytes(bytes);
        self.sum = self.sum.map(|sum| sum.wrapping_add(hash));
    }

    /// Which items there are, as far as that is known when they begin.
    pub(crate) fn items(&self) -> String {
        self.sum
            .map_or_else(|| "iterator".to_owned(), |sum| format!("{sum:032x}"))
    }

    /// Takes an item in; gives it back unless it has to come last.
    pub(crate) fn admit(
        &mut self,
        value: Luau,
        is_actor: impl Fn(Option<&str>, &User) -> bool,
    ) -> Option<Item> {
        self.total += 1;
        let user = value::user(&value).ok();
        let key =
            key(&value, user.as_ref().map(|(_, user)| user)).unwrap_or_else(|| format!("#{}", self.total));
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let known = self.keys.len();
        let times = self.keys.entry(hasher.finish()).or_insert(0);
        *times += 1;
        let times = *times;
        if self.keys.len() > known {
            self.hold(KEY);
        }
        let place = if times == 1 {
            format!("{}[{key}]", self.place)
        } else {
            format!("{}[{key}~{times}]", self.place)
        };
        let acting = user
            .as_ref()
            .is_some_and(|(connection, user)| is_actor(connection.as_deref(), user));
        let item = Item { value, place, user };
        if acting {
            let weight = item
                .user
                .as_ref()
                .map_or(0, |(_, user)| value::weight_of_user(user));
            self.hold(ITEM + item.place.len() + weight);
            self.last.push_back(item);
            return None;
        }
        Some(item)
    }

    /// Notes the keys of a user; gives the mistake if another item has one of them.
    pub(crate) fn hold_keys(
        &mut self,
        keys: &[KeysOf],
        connection: Option<&str>,
        user: &User,
    ) -> Option<CallError> {
        let known = keys
            .iter()
            .filter(|(name, _)| connection.is_none_or(|own| own == name));
        for attribute in known.flat_map(|(_, attributes)| attributes.iter()) {
            let held = user.attribute(attribute).map(Value::secrets).unwrap_or_default();
            for key in held {
                let place = (connection.unwrap_or_default().to_owned(), key);
                match self.holders.get(&place) {
                    Some(other) if *other == user.id => {}
                    Some(other) => return Some(CallError::shared_key(&user.id, attribute, other)),
                    None => {
                        self.hold(KEY + user.id.len() + place.0.len());
                        self.holders.insert(place, user.id.clone());
                    }
                }
            }
        }
        None
    }

    /// Notes what became of an item, with the table that tells of it.
    pub(crate) fn tally(&mut self, outcome: Option<(Outcome, Table)>) -> mlua::Result<()> {
        self.ended += 1;
        let Some((outcome, row)) = outcome else {
            return Ok(());
        };
        *self.counts.entry(outcome).or_insert(0) += 1;
        if !outcome.is_out() && !matches!(outcome, Outcome::Skipped | Outcome::Planned) {
            self.not_out.raw_push(row)?;
        }
        if is_failure(outcome) {
            self.failures += 1;
        }
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more")]
        let too_many = match self.max_fail {
            None => false,
            Some(Threshold::Items(most)) => self.failures > most,
            Some(Threshold::Percent(most)) => {
                let of = if self.list.is_some() || self.exhausted {
                    self.total
                } else {
                    self.ended
                };
                self.failures as f64 * 100.0 > most * of.max(self.ended) as f64
            }
        };
        if too_many || self.stop_on.contains(&outcome) {
            self.stopped = true;
        }
        Ok(())
    }

    fn hold(&mut self, bytes: usize) {
        self.held += bytes;
        self.budget.hold(bytes, &self.source);
    }

    /// Whether there is nothing left to begin and nothing that runs.
    pub(crate) fn is_over(&self) -> bool {
        let rest = self.list.is_some() || !self.last.is_empty() || !self.exhausted;
        self.running == 0 && (!rest || self.stopped || self.error.is_some())
    }

    /// What `each` gives back.
    pub(crate) fn result(&self, lua: &Lua) -> mlua::Result<Table> {
        let result = lua.create_table()?;
        let counts = lua.create_table()?;
        for (outcome, count) in &self.counts {
            counts.raw_set(outcome.name(), *count)?;
        }
        let out = |outcome: Outcome| self.counts.get(&outcome).copied().unwrap_or(0);
        result.raw_set("total", self.total)?;
        result.raw_set("counts", counts)?;
        result.raw_set("out", out(Outcome::Done) + out(Outcome::Already))?;
        result.raw_set("not_out", &self.not_out)?;
        result.raw_set("stopped", self.stopped)?;
        Ok(result)
    }
}

impl Drop for Fanout {
    fn drop(&mut self) {
        self.budget.release(self.held);
    }
}

/// What a key weighs in its map, and an item beside its texts.
const KEY: usize = 24;
const ITEM: usize = 256;

/// Outcomes that count against `max_fail`: something went wrong, rather than taking its time.
fn is_failure(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Refused | Outcome::NotFound | Outcome::Denied | Outcome::Failed | Outcome::Unknown
    )
}

/// What tells an item from others, if its value does.
fn key(value: &Luau, user: Option<&User>) -> Option<String> {
    match (user, value) {
        (Some(user), _) => Some(escape(&user.id)),
        (None, Luau::Integer(_) | Luau::Number(_) | Luau::Boolean(_)) => {
            Some(escape(&value.to_string().unwrap_or_default()))
        }
        _ => None,
    }
}

/// A key that cannot be mistaken for another part of a place.
fn escape(key: &str) -> String {
    let special = |c: char| matches!(c, '%' | '[' | ']' | '~' | '#') || c.is_control();
    if !key.contains(special) {
        return key.to_owned();
    }
    let mut escaped = String::with_capacity(key.len() + 8);
    for character in key.chars() {
        if special(character) {
            escaped.push_str(&format!("%{:02x}", u32::from(character)));
        } else {
            escaped.push(character);
        }
    }
    escaped
}
