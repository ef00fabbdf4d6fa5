//! What a script may use: memory, and the time it computes between two host calls.
//!
//! Time that has run out cannot be caught: from then on every interrupt of the machine raises again, so that a
//! `pcall` in a loop only meets the next one.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mlua::{Lua, VmState};

use crate::error::INTERNAL;

/// What a script may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory.
    pub memory: usize,
    /// How long it may compute without a host call.
    pub cpu: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 64 << 20,
            cpu: Duration::from_secs(10),
        }
    }
}

/// Why a script may not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exceeded {
    Cpu,
    Memory,
    /// Nobody waits for it any more.
    Abandoned,
}

/// Keeps a script within its limits.
#[derive(Debug)]
pub(crate) struct Budget {
    cpu: Duration,
    epoch: Instant,
    /// When the machine was last entered, in nanoseconds since the epoch.
    entered: AtomicU64,
    /// What earlier entries used since the last host call, in nanoseconds.
    spent: AtomicU64,
    /// Bytes that lie outside the machine for the script's sake.
    held: AtomicUsize,
    memory: usize,
    exceeded: AtomicU8,
    abandoned: Arc<AtomicBool>,
    /// `FILE:LINE` of the interrupt that found the limit exceeded.
    place: Mutex<String>,
}

impl Budget {
    /// Sets the limits of a machine; `abandoned` stops it from another thread.
    pub(crate) fn install(lua: &Lua, limits: Limits, abandoned: Arc<AtomicBool>) -> mlua::Result<Arc<Self>> {
        lua.set_memory_limit(limits.memory)?;
        let budget = Arc::new(Self {
            cpu: limits.cpu,
            epoch: Instant::now(),
            entered: AtomicU64::new(0),
            spent: AtomicU64::new(0),
            held: AtomicUsize::new(0),
            memory: limits.memory,
            exceeded: AtomicU8::new(0),
            abandoned,
            place: Mutex::new(String::new()),
        });
        Ok(budget)
    }

    /// From now on it is the script that computes.
    pub(crate) fn watch(self: &Arc<Self>, lua: &Lua) {
        let watched = Arc::clone(self);
        lua.set_interrupt(move |lua| watched.interrupt(lua));
    }

    /// The machine begins to compute.
    pub(crate) fn enter(&self) {
        self.entered.store(self.now(), Ordering::Relaxed);
    }

    /// The machine rests.
    pub(crate) fn leave(&self) {
        let used = self.now().saturating_sub(self.entered.load(Ordering::Relaxed));
        self.spent.fetch_add(used, Ordering::Relaxed);
    }

    /// A host call was made: the count begins anew. Gives what it was, in nanoseconds.
    pub(crate) fn renew(&self) -> u64 {
        self.spent.swap(0, Ordering::Relaxed)
    }

    /// Takes a renewal back.
    pub(crate) fn spend(&self, nanoseconds: u64) {
        self.spent.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// So many bytes are kept outside the machine for the script: a list of one text a million times is small only
    /// inside.
    pub(crate) fn hold(&self, bytes: usize, place: &str) {
        let held = self.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if held > self.memory {
            self.out_of_memory(place.to_owned());
        }
    }

    /// They are no longer kept.
    pub(crate) fn release(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether the script may go on, asked between two spells of work that the host does for it.
    pub(crate) fn allows_rest(&self, place: &str) -> bool {
        self.enter();
        self.allows(|| place.to_owned())
    }

    /// Whether the script may go on, asked while it computes.
    fn allows(&self, place: impl FnOnce() -> String) -> bool {
        if self.exceeded().is_some() {
            return false;
        }
        if self.abandoned.load(Ordering::Relaxed) {
            self.exceed(Exceeded::Abandoned, String::new());
            return false;
        }
        let used = self.spent.load(Ordering::Relaxed)
            + self.now().saturating_sub(self.entered.load(Ordering::Relaxed));
        if u128::from(used) > self.cpu.as_nanos() {
            self.exceed(Exceeded::Cpu, place());
            return false;
        }
        true
    }

    /// Memory has run out.
    pub(crate) fn out_of_memory(&self, place: String) {
        if self.exceeded().is_none() {
            self.exceed(Exceeded::Memory, place);
        }
    }

    /// Whether, and which, limit is exceeded.
    pub(crate) fn exceeded(&self) -> Option<Exceeded> {
        match self.exceeded.load(Ordering::Relaxed) {
            1 => Some(Exceeded::Cpu),
            2 => Some(Exceeded::Memory),
            3 => Some(Exceeded::Abandoned),
            _ => None,
        }
    }

    /// Where that was found; may be empty.
    pub(crate) fn place(&self) -> String {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn interrupt(&self, lua: &Lua) -> mlua::Result<VmState> {
        // The clock is read each time: a single step of a script may be a search that takes a while.
        if self.allows(|| place(lua)) {
            Ok(VmState::Continue)
        } else {
            Err(stop())
        }
    }

    fn exceed(&self, what: Exceeded, place: String) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
        let code = match what {
            Exceeded::Cpu => 1,
            Exceeded::Memory => 2,
            Exceeded::Abandoned => 3,
        };
        self.exceeded.store(code, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// `FILE:LINE` of the innermost frame that is the script's own; empty if there is none.
pub(crate) fn place(lua: &Lua) -> String {
    for level in 0..200 {
        let frame = lua.inspect_stack(level, |frame| {
            let source = frame.source();
            (source.short_src.map(Cow::into_owned), frame.current_line())
        });
        match frame {
            None => break,
            Some((Some(source), Some(line))) if source != INTERNAL => return format!("{source}:{line}"),
            Some(_) => {}
        }
    }
    String::new()
}

fn stop() -> mlua::Error {
    mlua::Error::runtime("the script was stopped")
}
