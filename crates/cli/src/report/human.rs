//! What a person reads: a line for each user as he ends, and a summary that says who is left and why.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use signoff_core::{ConfirmedBy, Field, Outcome};
use signoff_engine::call::OutcomeRow;
use signoff_engine::event::{Event, Level, Observer, Status, Summary};
use signoff_engine::json;

use super::{Progress, data};
use crate::arguments::General;
use crate::text::{column, safe};

/// Prints for people.
pub(crate) struct Human {
    least: Level,
    quiet: bool,
    progress: Progress,
    left: Mutex<LeftByCause>,
}

/// Who is not out, by outcome and the vendor's reason; each once, by his last outcome.
type LeftByCause = BTreeMap<(Option<String>, String), Left>;

struct Left {
    outcome: Outcome,
    cause: String,
    name: Option<String>,
}

impl Human {
    pub(crate) fn new(general: &General, progress: Progress) -> Self {
        Self {
            least: general.least_level(),
            quiet: general.quiet,
            progress,
            left: Mutex::default(),
        }
    }

    fn note(&self, row: &OutcomeRow) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (row.connection.clone(), row.user.clone());
        if row.outcome.is_out() || matches!(row.outcome, Outcome::Skipped | Outcome::Planned) {
            left.remove(&key);
        } else {
            left.insert(
                key,
                Left {
                    outcome: row.outcome,
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
                let what = if *plan { "plan" } else { "run" };
                if !self.quiet {
                    self.progress.line(&format!("{what} {run}: {}", safe(workflow)));
                }
            }
            Event::Outcome(row) => {
                self.note(row);
                self.progress.above(|| data(&outcome_line(row)));
            }
            Event::Log { level, text, fields } if *level >= self.least => {
                self.progress.line(&log_line(*level, text, fields));
            }
            Event::Log { .. } | Event::Entered { .. } => {}
            Event::Finished(summary) => {
                let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
                self.progress
                    .above(|| data(&summary_lines(summary, &grouped(&left))));
            }
        }
    }
}

/// One user on one line: what became of him, who he is, and how that is known or why it is so.
fn outcome_line(row: &OutcomeRow) -> String {
    let style = style(row.outcome);
    let outcome = column(row.outcome.name(), 9);
    let user = column(&row.user, 12);
    let name = column(row.name.as_deref().unwrap_or_default(), 24);
    let line = format!(
        "{style}{} {outcome}{style:#} {user} {name} {}",
        symbol(row.outcome),
        safe(&note(row))
    );
    line.trim_end().to_owned()
}

/// The end of a run in a few lines.
fn summary_lines(summary: &Summary, left: &[String]) -> String {
    let bold = Style::new().bold();
    let status = match summary.status {
        Status::Completed => "completed",
        Status::Stopped => "stopped",
        Status::Interrupted => "interrupted",
        Status::Failed => "failed",
    };
    let counts: Vec<String> = summary
        .counts
        .iter()
        .map(|(outcome, count)| format!("{count} {}", words(*outcome)))
        .collect();
    let users = if summary.total == 1 { "user" } else { "users" };
    let mut text = format!("\n{bold}{} {users}{bold:#}", summary.total);
    if !counts.is_empty() {
        let _ = write!(text, ": {}", counts.join(", "));
    }
    let _ = write!(
        text,
        "\n{status} in {}, run {}",
        elapsed(summary.elapsed),
        summary.run
    );
    if !left.is_empty() {
        let _ = write!(text, "\n\n{bold}not out:{bold:#}");
        for line in left {
            let _ = write!(text, "\n  {line}");
        }
    }
    text
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

fn grouped(left: &LeftByCause) -> Vec<String> {
    let mut groups: BTreeMap<(Outcome, &str), Vec<String>> = BTreeMap::new();
    for ((_, user), one) in left {
        let who = match &one.name {
            Some(name) => format!("{user} ({name})"),
            None => user.clone(),
        };
        groups.entry((one.outcome, &one.cause)).or_default().push(who);
    }
    let lines = groups.into_iter().map(|((outcome, cause), users)| {
        let shown = users
            .iter()
            .take(10)
            .map(|user| safe(user))
            .collect::<Vec<_>>()
            .join(", ");
        let more = match users.len().saturating_sub(10) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let cause = if cause.is_empty() {
            String::new()
        } else {
            format!(" ({})", safe(cause))
        };
        format!("{} {}{cause}: {shown}{more}", users.len(), words(outcome))
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

fn cause(row: &OutcomeRow) -> String {
    match (&row.code, &row.message) {
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

const fn words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "logged out",
        Outcome::Already => "already out",
        Outcome::Skipped => "skipped",
        Outcome::Planned => "planned",
        Outcome::Accepted => "accepted, not confirmed",
        Outcome::Pending => "out when the call ends",
        Outcome::Busy => "left on a call",
        Outcome::Refused => "refused",
        Outcome::NotFound => "not found",
        Outcome::Denied => "denied",
        Outcome::Failed => "failed",
        Outcome::Unknown => "unknown",
        Outcome::Cancelled => "not tried",
    }
}

fn elapsed(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match seconds {
        0..=59 => format!("{:.1} s", elapsed.as_secs_f64()),
        60..=3599 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}
