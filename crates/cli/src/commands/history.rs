//! The runs that there are, as their journals tell of them.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use signoff_core::Outcome;
use signoff_engine::engine::Engine;
use signoff_engine::event::{Status, Summary};
use signoff_engine::journal::{
    JournalReader, Overview, RunHeader, RunName, Standing, find_run, is_being_written, journal_path,
    overview, runs,
};
use signoff_engine::run::changes;

use crate::failure::Failure;
use crate::report;

/// A run, as its journal tells of it.
pub(super) struct Found {
    pub(super) run: String,
    pub(super) header: RunHeader,
    pub(super) reader: JournalReader,
}

impl Found {
    fn open(state: &Path, run: String) -> Result<Self, Failure> {
        let reader = JournalReader::open(&journal_path(state, &run)?)?;
        let header = reader.meta()?;
        Ok(Self { run, header, reader })
    }

    /// The run that is called so.
    pub(super) fn named(state: &Path, name: &str) -> Result<Self, Failure> {
        match find_run(state, name)? {
            RunName::Run(run) => Self::open(state, run),
            RunName::None => Err(Failure::usage(
                format!("there is no run `{name}` in `{}`", state.display()),
                "runs are named by as much of their id as tells them apart; --state DIR names another folder",
            )),
            RunName::Several(runs) => Err(Failure::usage(
                format!("`{name}` could be any of {}", listed(&runs)),
                "write more of the id",
            )),
        }
    }

    /// The latest that is not finished and that nobody works on. One that failed before anything was sent hides no older
    /// one that was stopped on its way.
    pub(super) fn latest(state: &Path, doubts_are_to_be_settled: bool) -> Result<Self, Failure> {
        let (mut latest, mut running) = (None, None);
        for run in runs(state)?.into_iter().rev() {
            if is_being_written(state, &run) {
                running.get_or_insert(run);
                continue;
            }
            // One that cannot be read is named when it is asked for.
            let Ok(found) = Self::open(state, run) else {
                continue;
            };
            if !found.can_go_on() || found.finished(doubts_are_to_be_settled)?.is_some() {
                continue;
            }
            let is_vain = found.is_vain()?;
            if !is_vain || latest.is_none() {
                latest = Some(found);
            }
            if !is_vain {
                break;
            }
        }
        let Some(found) = latest else {
            let hint = running.map_or_else(
                || "name a run to see its report again".to_owned(),
                |run| format!("run {run} goes on in another process; `signoff show {run}` looks at it"),
            );
            let message = format!("there is no unfinished run in `{}`", state.display());
            return Err(Failure::usage(message, hint));
        };
        report::diagnostic(&format!(
            "resuming run {}, begun {}: {}",
            found.run,
            found.began(),
            found.header.workflow
        ));
        Ok(found)
    }

    /// The latest that acts; without one, the latest.
    pub(super) fn newest(state: &Path) -> Result<Self, Failure> {
        let mut newest = None;
        for run in runs(state)?.into_iter().rev() {
            let found = Self::open(state, run)?;
            if acts(&found.header.workflow, !found.header.sources.is_empty()) {
                return Ok(found);
            }
            newest.get_or_insert(found);
        }
        newest.ok_or_else(|| {
            Failure::usage(
                format!("there are no runs in `{}`", state.display()),
                "--state DIR names another folder",
            )
        })
    }

    /// How long ago it began.
    pub(super) fn began(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let created = Duration::from_millis(u64::try_from(self.header.created_ms).unwrap_or_default());
        let ago = now.saturating_sub(created);
        if ago < Duration::from_secs(60) {
            return "just now".to_owned();
        }
        format!("{} ago", report::lasted(ago))
    }

    /// What has changed since it began.
    pub(super) fn changes(&self, engine: &Engine, today: &RunHeader) -> Result<Vec<String>, Failure> {
        Ok(changes(engine, &self.reader, &self.header, today)?)
    }

    /// Whether it failed before anything was sent that changes anything: to begin it anew is as good as to go on.
    fn is_vain(&self) -> Result<bool, Failure> {
        let end = self.reader.end()?;
        Ok(end.is_some_and(|end| end.summary.status == Status::Failed) && !self.reader.has_intents()?)
    }

    fn can_go_on(&self) -> bool {
        let RunHeader {
            plan,
            sandbox,
            workflow,
            sources,
            ..
        } = &self.header;
        !plan && !sandbox && acts(workflow, !sources.is_empty())
    }

    /// How it ended, if nothing is left to do.
    pub(super) fn finished(&self, doubts_are_to_be_settled: bool) -> Result<Option<Summary>, Failure> {
        let Some(end) = self.reader.end()? else {
            return Ok(None);
        };
        let summary = end.summary;
        let is_left = somebody_is_left(&summary)
            || (doubts_are_to_be_settled && summary.counts.contains_key(&Outcome::Unknown));
        Ok((!is_left).then_some(summary))
    }
}

/// Whether `resume` has something to do, and can.
pub(super) fn can_be_resumed(run: &Overview) -> bool {
    let is_left = match &run.standing {
        Standing::Ended(end) => somebody_is_left(&end.summary),
        Standing::Running(_) => false,
        Standing::BrokenOff => true,
    };
    is_left && !run.plan && !run.sandbox && acts(&run.workflow, run.is_script)
}

/// Whether nobody could have been acted on in it.
pub(super) fn only_read(run: &Overview) -> bool {
    !acts(&run.workflow, run.is_script)
}

/// Whether it is work that can be taken up again. What was only read is read again as easily.
fn acts(workflow: &str, is_script: bool) -> bool {
    is_script || workflow == "logout"
}

fn somebody_is_left(summary: &Summary) -> bool {
    summary.status != Status::Completed || summary.cancelled > 0
}

/// The latest run of this work, if it is not finished and nobody works on it. An older one is of no use: what it knows of
/// people is no longer so.
pub(super) fn unfinished_like(state: &Path, today: &RunHeader) -> Option<Found> {
    // One that lies further back has been seen and left alone.
    const LATEST: usize = 20;
    let runs = runs(state).ok()?;
    let mut known = runs.into_iter().rev().take(LATEST);
    let found = known.find_map(|run| {
        let found = Found::open(state, run).ok()?;
        let is_it = is_same(&found.header, today) && matches!(found.is_vain(), Ok(false));
        is_it.then_some(found)
    })?;
    let is_left = matches!(found.finished(false), Ok(None)) && !is_being_written(state, &found.run);
    is_left.then_some(found)
}

/// How many users of a run are finished, and of how many.
pub(super) fn progress(state: &Path, run: &str) -> Option<(u64, u64)> {
    let overview = overview(state, run).ok()?;
    let is_open = |outcome: &Outcome| matches!(outcome, Outcome::Cancelled | Outcome::Unknown);
    let counts = overview.counts.iter().filter(|(outcome, _)| !is_open(outcome));
    Some((counts.map(|(_, count)| count).sum(), overview.total))
}

fn is_same(before: &RunHeader, today: &RunHeader) -> bool {
    let work = |header: &RunHeader| {
        let header = header.clone();
        (
            header.workflow,
            header.arguments,
            header.folder,
            header.config,
            header.act_as,
        )
    };
    !before.plan && !before.sandbox && work(before) == work(today)
}

fn listed(runs: &[String]) -> String {
    const MOST: usize = 5;
    let mut text = runs
        .iter()
        .rev()
        .take(MOST)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    if let Some(more) = runs.len().checked_sub(MOST).filter(|more| *more > 0) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}
