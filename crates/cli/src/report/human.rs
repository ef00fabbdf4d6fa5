//! What a person reads: a line for each user as he ends, and a summary that says who is left, why, and what to do.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anstyle::{AnsiColor, Style};
use signoff_core::{ConfirmedBy, Descriptor, Field, Outcome};
use signoff_engine::call::OutcomeRow;
use signoff_engine::event::{Event, Level, Observer, Status, Summary};
use signoff_engine::json;
use unicode_width::UnicodeWidthStr;

use super::words::{advice, advice_for_all, elapsed, happened, would};
use super::{Progress, data};
use crate::arguments::General;
use crate::setup;
use crate::text::{column, safe};

/// Prints for people.
pub(crate) struct Human {
    least: Level,
    quiet: bool,
    progress: Progress,
    /// Ids are never cut, so their column grows.
    id_width: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    plan: bool,
    left: LeftByUser,
    /// Said when they came up, and once more at the end, where they are still in sight.
    warnings: Vec<String>,
}

/// Who is not out, by connection and id; each once, by his last outcome.
type LeftByUser = BTreeMap<(Option<String>, String), Left>;

struct Left {
    outcome: Outcome,
    /// If it is linked in.
    provider: Option<&'static Descriptor>,
    cause: String,
    name: Option<String>,
}

impl Human {
    pub(crate) fn new(general: &General, progress: Progress) -> Self {
        Self {
            least: general.least_level(),
            quiet: general.quiet,
            progress,
            id_width: AtomicUsize::new(ID_WIDTH),
            state: Mutex::default(),
        }
    }

    fn note(&self, row: &OutcomeRow) {
        let left = &mut self.state.lock().unwrap_or_else(PoisonError::into_inner).left;
        let key = (row.connection.clone(), row.user.clone());
        if row.outcome.is_out() || matches!(row.outcome, Outcome::Skipped | Outcome::Planned) {
            left.remove(&key);
        } else {
            left.insert(
                key,
                Left {
                    outcome: row.outcome,
                    provider: setup::LINKED
                        .into_iter()
                        .find(|linked| row.provider.as_deref() == Some(linked.id)),
                    cause: cause(row),
                    name: row.name.clone(),
                },
            );
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
                self.note(row);
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
                if *level == Level::Warn && warnings.len() < LISTED && !warnings.contains(&line) {
                    warnings.push(line);
                }
            }
            Event::Entered { .. } => {}
            Event::Finished(summary) => {
                let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(text) = summary_lines(summary, &state) {
                    self.progress.above(|| data(&text));
                }
                if !self.quiet {
                    for line in next_steps(summary, &state.left) {
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

/// How many of those with the same reason are listed.
const LISTED: usize = 10;

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
    let (first, second): (Vec<_>, Vec<_>) = summary
        .counts
        .iter()
        .partition(|(outcome, _)| matches!(outcome, Outcome::Done | Outcome::Planned));
    let counts: Vec<String> = first
        .into_iter()
        .chain(second)
        .map(|(outcome, count)| format!("{count} {}", words(*outcome)))
        .collect();
    let users = if summary.total == 1 { "user" } else { "users" };
    let mut text = format!("\n{bold}{} {users}{bold:#}", summary.total);
    if !counts.is_empty() {
        let _ = write!(text, ": {}", counts.join(", "));
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
        for line in grouped(&state.left) {
            let _ = write!(text, "\n{line}");
        }
    }
    Some(text)
}

/// What to do about those who are not out, the most important first.
fn next_steps(summary: &Summary, left: &LeftByUser) -> Vec<String> {
    let next = |text: &str| format!("next: {text}");
    if summary.status == Status::Interrupted && summary.total == 0 {
        return Vec::new();
    }
    if let Some(cause) = summary.untried {
        return vec![next(advice_for_all(cause))];
    }
    if summary.status == Status::Failed {
        return Vec::new();
    }
    let mut steps: Vec<&str> = Vec::new();
    for left in left.values() {
        let advice = advice(left.outcome, left.provider);
        if !advice.is_empty() && !steps.contains(&advice) {
            steps.push(advice);
        }
    }
    steps.into_iter().map(next).collect()
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

/// Two lines for each outcome and reason: who, and why.
fn grouped(left: &LeftByUser) -> Vec<String> {
    let mut groups: BTreeMap<(Outcome, &str), Vec<String>> = BTreeMap::new();
    for ((_, user), one) in left {
        let who = match &one.name {
            Some(name) => format!("{user} ({name})"),
            None => user.clone(),
        };
        groups.entry((one.outcome, &one.cause)).or_default().push(who);
    }
    let lines = groups.into_iter().map(|((outcome, cause), users)| {
        let shown: Vec<_> = users.iter().take(LISTED).map(|user| safe(user)).collect();
        let more = match users.len().saturating_sub(LISTED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let mut lines = format!(
            "  {} {}: {}{more}",
            users.len(),
            happened(outcome),
            shown.join(", ")
        );
        if !cause.is_empty() {
            let _ = write!(lines, "\n    {}", safe(cause));
        }
        lines
    });
    lines.collect()
}

fn note(row: &OutcomeRow) -> String {
    let mut note = match row.confirmed_by {
        Some(ConfirmedBy::Response) => "confirmed by the answer".to_owned(),
        Some(ConfirmedBy::Status) => "confirmed by a status read".to_owned(),
        Some(ConfirmedBy::Event) => "confirmed by an event".to_owned(),
        None => cause(row),
    };
    if row.repeated {
        note.push_str(", repeated");
    }
    note
}

/// Why it is so. The codes of what was not tried are ours, and say nothing that the message does not.
fn cause(row: &OutcomeRow) -> String {
    let ours = matches!(
        row.outcome,
        Outcome::Skipped | Outcome::Planned | Outcome::Cancelled
    );
    match (&row.code, &row.message) {
        // Why it was stopped is told once, not by everybody.
        (Some(code), _) if ours && code == "stopped" => "the run was stopped before".to_owned(),
        (Some(_), Some(message)) if ours => message.clone(),
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => String::new(),
    }
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
