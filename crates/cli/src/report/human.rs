//! What a person reads: a line for each user as he ends, and a summary that says who is left, why, and what to do.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anstyle::{AnsiColor, Style};
use signoff_core::{ConfirmedBy, Field, Outcome};
use signoff_engine::call::OutcomeRow;
use signoff_engine::event::{Event, Level, Observer, Status, Summary};
use signoff_engine::json;
use unicode_width::UnicodeWidthStr;

use super::not_out::{NotOut, cause};
use super::words::{advice_for_all, counted, elapsed, happened, would};
use super::{Progress, data};
use crate::arguments::General;
use crate::text::{column, safe};

/// Prints for people.
pub(crate) struct Human {
    least: Level,
    quiet: bool,
    can_resume: bool,
    progress: Progress,
    /// Ids are never cut, so their column grows.
    id_width: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    plan: bool,
    left: NotOut,
    /// Said when they came up, and once more at the end, where they are still in sight.
    warnings: Vec<String>,
}

impl Human {
    pub(crate) fn new(general: &General, progress: Progress, can_resume: bool) -> Self {
        Self {
            least: general.least_level(),
            quiet: general.quiet,
            can_resume,
            progress,
            id_width: AtomicUsize::new(ID_WIDTH),
            state: Mutex::default(),
        }
    }
}

impl Observer for Human {
    fn event(&self, event: &Event) {
        self.progress.event(event);
        match event {
            Event::Started { run, workflow, plan } => {
                self.state.lock().unwrap_or_else(PoisonError::into_inner).plan = *plan;
                let what = if *plan { "plan" } else { "run" };
                if !self.quiet {
                    self.progress.line(&format!("{what} {run}: {}", safe(workflow)));
                }
            }
            Event::Outcome(row) => {
                self.state
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .left
                    .note(row);
                let width = self
                    .id_width
                    .fetch_max(safe(&row.user).width(), Ordering::Relaxed);
                let width = width.max(safe(&row.user).width());
                self.progress.above(|| data(&outcome_line(row, width)));
            }
            Event::Log { level, text, fields } => {
                let line = log_line(*level, text, fields);
                if *level >= self.least {
                    self.progress.line(&line);
                }
                let warnings = &mut self.state.lock().unwrap_or_else(PoisonError::into_inner).warnings;
                if *level == Level::Warn && warnings.len() < WARNINGS && !warnings.contains(&line) {
                    warnings.push(line);
                }
            }
            Event::Entered { .. } => {}
            Event::Finished(summary) => {
                let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(text) = summary_lines(summary, &state) {
                    self.progress.above(|| data(&text));
                }
                let goes_on = self.can_resume && !state.plan && is_unfinished(summary);
                if !self.quiet {
                    for line in next_steps(summary, &state.left, goes_on) {
                        self.progress.line(&line);
                    }
                }
            }
        }
    }
}

/// How wide the columns of ids and names are. Longer ids widen theirs, longer names are cut.
const ID_WIDTH: usize = 12;
const NAME_WIDTH: usize = 24;

/// Up to so many users everybody's line is in sight, and those who are left need not be listed again.
const IN_SIGHT: u64 = 10;

/// How many warnings are said once more.
const WARNINGS: usize = 10;

/// A user of a plan that somebody is asked about.
pub(crate) fn planned_line(row: &OutcomeRow) -> String {
    let user = column(&row.user, ID_WIDTH.max(safe(&row.user).width()));
    let name = column(row.name.as_deref().unwrap_or_default(), NAME_WIDTH);
    format!("  {user} {name} {}", safe(&note(row)))
        .trim_end()
        .to_owned()
}

/// One user on one line: what became of him, who he is, and how that is known or why it is so.
fn outcome_line(row: &OutcomeRow, id_width: usize) -> String {
    let style = style(row.outcome);
    let outcome = column(row.outcome.name(), 9);
    let user = column(&row.user, id_width);
    let name = column(row.name.as_deref().unwrap_or_default(), NAME_WIDTH);
    let line = format!(
        "{style}{} {outcome}{style:#} {user} {name} {}",
        symbol(row.outcome),
        safe(&note(row))
    );
    line.trim_end().to_owned()
}

/// The end of a run in a few lines; none if it ended before it knew of anybody, which has been said then.
fn summary_lines(summary: &Summary, state: &State) -> Option<String> {
    if summary.total == 0 && matches!(summary.status, Status::Failed | Status::Interrupted) {
        return None;
    }
    let bold = Style::new().bold();
    let status = match summary.status {
        Status::Completed if state.plan => "planned",
        Status::Completed => "completed",
        Status::Stopped => "stopped",
        Status::Interrupted => "interrupted",
        Status::Failed => "failed",
    };
    let words = if state.plan { would } else { happened };
    let counts = counted(&summary.counts, words);
    let users = if summary.total == 1 { "user" } else { "users" };
    let mut text = format!("\n{bold}{} {users}{bold:#}", summary.total);
    if !counts.is_empty() {
        let _ = write!(text, ": {counts}");
    }
    let run = &summary.run;
    let _ = write!(text, "\n{status} in {}, run {run}", elapsed(summary.elapsed));
    if state.plan {
        text.push_str("; nothing was changed");
    }
    for warning in &state.warnings {
        let _ = write!(text, "\n{warning}");
    }
    if summary.total > IN_SIGHT && !state.left.is_empty() {
        let _ = write!(text, "\n\n{bold}not out:{bold:#}");
        for line in state.left.lines() {
            let _ = write!(text, "\n{line}");
        }
    }
    Some(text)
}

/// Whether somebody is left whom `resume` would try.
fn is_unfinished(summary: &Summary) -> bool {
    let is_left = summary.untried.is_none() && summary.cancelled > 0;
    summary.status == Status::Interrupted || summary.status == Status::Completed && is_left
}

/// What to do about those who are not out, the most important first. Of a run that can be gone on with, which is said last,
/// what must be done before that.
fn next_steps(summary: &Summary, left: &NotOut, goes_on: bool) -> Vec<String> {
    let next = |text: &str| format!("next: {text}");
    if goes_on {
        return left
            .credential_stopped()
            .map(advice_for_all)
            .map(next)
            .into_iter()
            .collect();
    }
    if summary.status == Status::Interrupted && summary.total == 0 {
        return Vec::new();
    }
    if let Some(cause) = summary.untried {
        return vec![next(advice_for_all(cause))];
    }
    if summary.status == Status::Failed {
        return Vec::new();
    }
    left.advice().into_iter().map(next).collect()
}

/// A line of the log.
pub(super) fn log_line(level: Level, text: &str, fields: &[Field]) -> String {
    let (word, style) = match level {
        Level::Debug => ("debug", Style::new().dimmed()),
        Level::Info => ("info", Style::new()),
        Level::Warn => ("warning", AnsiColor::Yellow.on_default()),
        Level::Error => ("error", AnsiColor::Red.on_default().bold()),
    };
    let mut line = format!("{style}{word}:{style:#} {}", safe(text));
    for field in fields {
        let _ = write!(
            line,
            " {}={}",
            safe(&field.name),
            safe(&json::value(&field.value).to_string())
        );
    }
    line
}

/// How an outcome is known, or why it is so.
pub(super) fn note(row: &OutcomeRow) -> String {
    let mut note = match row.confirmed_by {
        Some(ConfirmedBy::Response) => "confirmed by the answer".to_owned(),
        Some(ConfirmedBy::Status) => "confirmed by a status read".to_owned(),
        Some(ConfirmedBy::Event) => "confirmed by an event".to_owned(),
        None => cause(row),
    };
    if row.repeated {
        note.push_str(", repeated");
    }
    // What was left out, although the outcome is the one that was wanted.
    let more = row.details.iter().find(|field| field.name == "note");
    if let (true, Some(more)) = (row.outcome.is_out(), more.and_then(|field| field.value.as_text())) {
        note.push_str("; ");
        note.push_str(more);
    }
    note
}

const fn symbol(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done | Outcome::Already => "✓",
        Outcome::Skipped | Outcome::Planned => "-",
        Outcome::Accepted | Outcome::Pending | Outcome::Busy => "~",
        Outcome::Refused
        | Outcome::NotFound
        | Outcome::Denied
        | Outcome::Failed
        | Outcome::Unknown
        | Outcome::Cancelled => "✗",
    }
}

fn style(outcome: Outcome) -> Style {
    match symbol(outcome) {
        "✓" => AnsiColor::Green.on_default(),
        "~" => AnsiColor::Yellow.on_default(),
        "✗" => AnsiColor::Red.on_default(),
        _ => Style::new().dimmed(),
    }
}
