//! Kills and disk faults at the N-th system call of a kind: the moments are counted through, not hit by chance.
//!
//! `strace` counts for each thread. A run is begun by one thread and written by another, so calls are counted through
//! twice: in a process that begins a run, and in one that takes up a run of which nothing was sent, where the first
//! thread writes next to nothing.

use std::fmt;
use std::fs;
use std::process::Command;

use crate::compare::{inspect, verdict};
use crate::site::{Ended, Site, Vendor};

/// What happens to the N-th call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blow {
    Kill,
    Eio,
    Enospc,
}

/// Which process is hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Begin,
    Resume,
}

/// Calls of one kind, in one process, hit in one way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Series {
    pub(crate) blow: Blow,
    pub(crate) stage: Stage,
    pub(crate) call: &'static str,
}

/// Everything that is written and can fail.
pub(crate) const DISK: [&str; 4] = ["fsync", "pwrite64", "ftruncate", "unlink"];

/// What else is seen from outside: the lock, what is printed, what is sent.
pub(crate) const OUTSIDE: [&str; 2] = ["write", "writev"];

/// How many people a run is for.
pub(crate) const USERS: usize = 20;

impl Series {
    /// Every one there is.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for stage in [Stage::Begin, Stage::Resume] {
            for blow in [Blow::Kill, Blow::Eio, Blow::Enospc] {
                all.extend(DISK.map(|call| Self { blow, stage, call }));
            }
            all.extend(OUTSIDE.map(|call| Self {
                blow: Blow::Kill,
                stage,
                call,
            }));
        }
        all
    }

    /// Hits the N-th call. `None`: there are not so many.
    pub(crate) fn hit(self, number: usize) -> Option<Result<(), String>> {
        let site = self.site();
        let words = match site.run() {
            None => site.logout(),
            Some(run) => site.resume(&run, "verify"),
        };
        let tracer = self.tracer(&site, Some(number));
        let ended = site.begin(&tracer, &words).wait();
        let was_hit = ended.code.is_none() || self.log(&site).contains("(INJECTED)");
        was_hit.then(|| {
            self.judge(&site, &ended)
                .map_err(|wrong| format!("{self} {number}: {wrong}"))
        })
    }

    /// How many calls one thread makes at most.
    pub(crate) fn count(self) -> usize {
        let site = self.site();
        let words = match site.run() {
            None => site.logout(),
            Some(run) => site.resume(&run, "verify"),
        };
        let ended = site.begin(&self.tracer(&site, None), &words).wait();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let mut threads = std::collections::BTreeMap::<String, usize>::new();
        for line in self.log(&site).lines().filter(|line| line.contains(self.call)) {
            let thread = line.split_whitespace().next().unwrap_or_default();
            *threads.entry(thread.to_owned()).or_default() += 1;
        }
        threads.into_values().max().unwrap_or_default()
    }

    fn site(self) -> Site {
        let site = Site::new(Vendor::Finesse, USERS, 1, &["delay=2ms"]);
        if self.stage == Stage::Resume {
            site.set_fault("hang_before");
            let mut running = site.begin(&[], &site.logout());
            running.until(|| site.sandbox.ledger().count("", "/") > 0);
            running.kill_after(std::time::Duration::ZERO);
            site.sandbox.clear_faults();
            site.set_fault("delay=2ms");
            assert!(site.run().is_some(), "a request was sent without a journal");
        }
        site
    }

    fn tracer(self, site: &Site, number: Option<usize>) -> Vec<String> {
        let call = self.call;
        let mut words: Vec<String> = ["strace", "-f", "-qq", "-o"].map(str::to_owned).to_vec();
        words.push(site.path("calls").to_string_lossy().into_owned());
        words.push(format!("--trace={call}"));
        if let Some(number) = number {
            let blow = match self.blow {
                Blow::Kill => "signal=KILL",
                Blow::Eio => "error=EIO",
                Blow::Enospc => "error=ENOSPC",
            };
            words.push(format!("--inject={call}:{blow}:when={number}"));
        }
        words
    }

    fn log(self, site: &Site) -> String {
        fs::read_to_string(site.path("calls")).unwrap_or_default()
    }

    /// How it ended, and whether the run can be brought to its end.
    fn judge(self, site: &Site, ended: &Ended) -> Result<(), String> {
        inspect(site, ended)?;
        match (self.blow, ended.code) {
            (Blow::Kill, None) => {}
            // What is tidied up after the end of a run may fail.
            (Blow::Eio | Blow::Enospc, Some(0)) if ended.outcomes().count() == USERS => {}
            // What could not even begin is not there to be taken up again.
            (Blow::Eio | Blow::Enospc, Some(code)) if code == 5 || (code == 3 && site.run().is_none()) => {
                // SQLite tells a full disk from others only where it writes a page of the journal.
                let is_told = ended.stderr.contains("the journal cannot be written")
                    || (self.blow == Blow::Enospc
                        && ended.stderr.contains("no space is left for the journal"));
                if !is_told {
                    return Err(format!("it does not say why: {}", ended.stderr));
                }
            }
            (_, code) => return Err(format!("it ended with {code:?}: {}", ended.stderr)),
        }
        let words = match site.run() {
            None => site.logout(),
            Some(run) => site.resume(&run, "verify"),
        };
        let resumed = site.begin(&[], &words).wait();
        inspect(site, &resumed)?;
        let (told, code) = (resumed.outcomes().count(), resumed.code);
        if code != Some(0) || told != USERS {
            return Err(format!(
                "resumed, it ended with {code:?} and told of {told} users: {}",
                resumed.stderr
            ));
        }
        let run = site.run().ok_or("the journal is gone")?;
        let verdict = verdict(site, &run);
        if !verdict.lost.is_empty() || !verdict.doubles.is_empty() {
            return Err(format!("{verdict:?}"));
        }
        Ok(())
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (blow, stage) = (self.blow, self.stage);
        let blow = match blow {
            Blow::Kill => "KILL",
            Blow::Eio => "EIO",
            Blow::Enospc => "ENOSPC",
        };
        let stage = match stage {
            Stage::Begin => "a first process",
            Stage::Resume => "a resume",
        };
        write!(f, "{blow} at {} of {stage}", self.call)
    }
}

/// Whether `strace` is there and may do its work.
pub(crate) fn strace_works() -> bool {
    let tried = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .status();
    tried.is_ok_and(|status| status.success())
}
