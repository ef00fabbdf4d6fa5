//! `signoff runs`: the runs there were, the newest first; what cannot be read is told in its place, and keeps nothing else
//! from being listed.

use std::ops::RangeInclusive;
use std::time::{SystemTime, UNIX_EPOCH};

use signoff_engine::journal::{JournalError, Overview, Standing, overview, runs as known};
use signoff_engine::parameters::parse_duration;

use super::history::{can_be_resumed, only_read};
use crate::arguments::{Format, General, RunStatus, Runs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{self, past};
use crate::setup;
use crate::text::unix_seconds;

/// Lists them.
pub(crate) fn runs(arguments: &Runs, general: &General) -> Result<Exit, Failure> {
    let state = setup::state(general)?;
    let span = span(arguments)?;
    let mut rows = Vec::new();
    let mut resumable = 0;
    let mut reads = 0;
    let mut is_empty = true;
    for run in known(&state)?.into_iter().rev() {
        is_empty = false;
        if !span.contains(&began(&run).unwrap_or(*span.start())) {
            continue;
        }
        let read = overview(&state, &run);
        let can_be_resumed = read.as_ref().is_ok_and(can_be_resumed);
        if !is_wanted(arguments, &read, can_be_resumed) {
            continue;
        }
        if !arguments.all && read.as_ref().is_ok_and(only_read) {
            reads += 1;
            continue;
        }
        resumable += usize::from(can_be_resumed);
        match general.format {
            Format::Json => report::data(&past::run_line(&run, &read, can_be_resumed)),
            Format::Human => rows.push(past::row(&run, &read, can_be_resumed)),
        }
    }
    if general.format == Format::Human {
        if rows.is_empty() {
            let which = if is_empty { "" } else { " like this" };
            report::diagnostic(&format!("there are no runs{which} in `{}`", state.display()));
        } else {
            report::data(&past::list(rows, resumable));
        }
        if reads > 0 && !general.quiet {
            report::diagnostic(&format!("{reads} that only read: --all lists them too"));
        }
    }
    Ok(Exit::Success)
}

fn is_wanted(arguments: &Runs, read: &Result<Overview, JournalError>, can_be_resumed: bool) -> bool {
    if let Some(connection) = &arguments.connection
        && !read
            .as_ref()
            .is_ok_and(|run| run.connections.contains(connection))
    {
        return false;
    }
    let wanted = match arguments.status {
        None => return true,
        Some(RunStatus::Unfinished) => return can_be_resumed,
        Some(RunStatus::Unreadable) => return read.is_err(),
        Some(RunStatus::Completed) => "completed",
        Some(RunStatus::Stopped) => "stopped",
        Some(RunStatus::Interrupted) => "interrupted",
        Some(RunStatus::Failed) => "failed",
        Some(RunStatus::Running) => "running",
        Some(RunStatus::BrokenOff) => Standing::BrokenOff.name(),
    };
    read.as_ref().is_ok_and(|run| run.standing.name() == wanted)
}

/// The seconds in which a run has to have begun.
fn span(arguments: &Runs) -> Result<RangeInclusive<u64>, Failure> {
    let since = arguments.since.as_deref().map(|text| moment("--since", text));
    let until = arguments.until.as_deref().map(|text| moment("--until", text));
    let since = since.transpose()?.map_or(0, |moment| *moment.start());
    let until = until.transpose()?.map_or(u64::MAX, |moment| *moment.end());
    if since > until {
        return Err(Failure::usage(
            "`--since` is later than `--until`",
            "nothing can be between them",
        ));
    }
    Ok(since..=until)
}

/// The seconds that a text means: a day, a moment, or so long ago.
fn moment(flag: &str, text: &str) -> Result<RangeInclusive<u64>, Failure> {
    if let Some(day) = unix_seconds(&format!("{text}T00:00:00Z")) {
        return Ok(day..=day + 86_399);
    }
    let ago = || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ago = parse_duration(text).ok()?;
        Some(now.saturating_sub(ago).as_secs())
    };
    let second = unix_seconds(text).or_else(ago).ok_or_else(|| {
        Failure::usage(
            format!("`{flag} {text}` is no time"),
            "write it like `2026-11-20`, `2026-11-20T21:32:00Z` or, for so long ago, `48h`",
        )
    })?;
    Ok(second..=second)
}

/// When a run of this id began: `20261120-213221-k3vq`.
fn began(run: &str) -> Option<u64> {
    let (date, rest) = run.split_once('-')?;
    let (time, _) = rest.split_once('-')?;
    let part = |text: &'_ str, from: usize, to: usize| text.get(from..to).map(str::to_owned);
    unix_seconds(&format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(date, 0, 4)?,
        part(date, 4, 6)?,
        part(date, 6, 8)?,
        part(time, 0, 2)?,
        part(time, 2, 4)?,
        part(time, 4, 6)?
    ))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_run_is_in_its_id() {
        assert_eq!(began("20261120-213221-k3vq"), Some(1_795_210_341));
        for other in ["", "k3vq", "20261120-21-k3vq", "copy-of-a-run"] {
            assert_eq!(began(other), None, "{other}");
        }
    }

    #[test]
    fn a_day_lasts_until_its_end() {
        let day = moment("--since", "2026-11-20").unwrap();
        assert_eq!((*day.start(), *day.end()), (1_795_132_800, 1_795_219_199));
        let second = moment("--since", "2026-11-20T21:32:21Z").unwrap();
        assert_eq!((*second.start(), *second.end()), (1_795_210_341, 1_795_210_341));
        assert!(*moment("--since", "48h").unwrap().start() > 1_700_000_000);
        assert!(moment("--since", "yesterday").is_err());
    }
}
