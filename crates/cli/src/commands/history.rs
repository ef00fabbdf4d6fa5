//! The runs that there are, as their journals tell of them.

use std::path::Path;

use signoff_core::Outcome;
use signoff_engine::event::{Status, Summary};
use signoff_engine::journal::{
    JournalReader, Overview, RunHeader, RunName, Standing, find_run, is_being_written, journal_path, runs,
};

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

    /// The latest that is not finished.
    pub(super) fn latest(state: &Path) -> Result<Self, Failure> {
        for run in runs(state)?.into_iter().rev() {
            // One that cannot be read is named when it is asked for.
            let Ok(found) = Self::open(state, run) else {
                continue;
            };
            if found.can_go_on() && found.finished(false)?.is_none() {
                report::diagnostic(&format!("resuming run {}: {}", found.run, found.header.workflow));
                return Ok(found);
            }
        }
        Err(Failure::usage(
            format!("there is no unfinished run in `{}`", state.display()),
            "name a run to see its report again",
        ))
    }

    /// The latest of all.
    pub(super) fn newest(state: &Path) -> Result<Self, Failure> {
        match runs(state)?.pop() {
            Some(run) => Self::open(state, run),
            None => Err(Failure::usage(
                format!("there are no runs in `{}`", state.display()),
                "--state DIR names another folder",
            )),
        }
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

/// Whether it is work that can be taken up again. What was only read is read again as easily.
fn acts(workflow: &str, is_script: bool) -> bool {
    is_script || workflow == "logout"
}

fn somebody_is_left(summary: &Summary) -> bool {
    summary.status != Status::Completed || summary.cancelled > 0
}

/// The latest run that is not finished, if its work is this.
pub(super) fn unfinished_like(state: &Path, today: &RunHeader) -> Option<String> {
    // One that lies further back has been seen and left alone.
    const LATEST: usize = 20;
    let runs = runs(state).ok()?;
    runs.into_iter().rev().take(LATEST).find_map(|run| {
        if is_being_written(state, &run) {
            return None;
        }
        let found = Found::open(state, run).ok()?;
        let is_left = matches!(found.finished(false), Ok(None));
        (is_left && is_same(&found.header, today)).then_some(found.run)
    })
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
