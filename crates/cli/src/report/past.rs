//! Runs as their journals tell of them: in a list, one in full, and one person's way through it.

use std::fmt::Write as _;

use anstyle::Style;
use serde_json::{Map, Value, json};
use signoff_core::Record;
use signoff_engine::call::OutcomeRow;
use signoff_engine::journal::{
    Disposition, Doubt, ExchangeRecord, IntentRecord, JournalError, Moment, Overview, RecordedAnswer,
    RunHeader, SessionRecord, Standing,
};
use signoff_engine::json::{self, timestamp};

use super::human::note;
use super::not_out::NotOut;
use super::table::table;
use super::words::{counted, elapsed, happened, would};
use crate::text::{column, safe};

/// The line of a run for programs.
pub(crate) fn run_line(run: &str, read: &Result<Overview, JournalError>, can_be_resumed: bool) -> String {
    let line = match read {
        Err(error) => json!({
            "event": "run", "run": run, "status": "unreadable", "resumable": false,
            "error": error.to_string(), "hint": error.hint(),
        }),
        Ok(overview) => {
            let (ended, process) = match &overview.standing {
                Standing::Ended(end) => (Some(timestamp(end.at_ms)), None),
                Standing::Running(by) => (None, by.clone()),
                Standing::BrokenOff => (None, None),
            };
            let counts = overview.counts.iter();
            let counts: Map<String, Value> = counts
                .map(|(outcome, count)| (outcome.name().to_owned(), (*count).into()))
                .collect();
            json!({
                "event": "run",
                "run": overview.run,
                "workflow": overview.workflow,
                "plan": overview.plan,
                "status": overview.standing.name(),
                "resumable": can_be_resumed,
                "began": timestamp(overview.created_ms),
                "ended": ended,
                "process": process,
                "connections": overview.connections,
                "sandbox": overview.sandbox,
                "reason": overview.reason,
                "total": overview.total,
                "counts": counts,
                "in_doubt": overview.in_doubt,
            })
        }
    };
    line.to_string()
}

/// The row of a run for people; [`list`] lines them up.
pub(crate) fn row(run: &str, read: &Result<Overview, JournalError>, can_be_resumed: bool) -> Vec<String> {
    let overview = match read {
        Ok(overview) => overview,
        Err(error) => {
            let what = safe(&error.to_string()).into_owned();
            return [safe(run).into_owned(), "unreadable".to_owned()]
                .into_iter()
                .chain([String::new(), String::new(), what])
                .collect();
        }
    };
    let mut parts = Vec::new();
    if overview.total > 0 {
        parts.push(users(overview));
    }
    parts.extend(in_doubt(overview.in_doubt));
    if let Standing::Running(Some(by)) = &overview.standing {
        parts.push(safe(by).into_owned());
    }
    if can_be_resumed {
        parts.push("can be resumed".to_owned());
    }
    if overview.sandbox {
        parts.push("on a sandbox".to_owned());
    }
    let workflow = overview.workflow.rsplit(['/', '\\']).next();
    vec![
        safe(run).into_owned(),
        status(overview),
        column(workflow.unwrap_or_default(), WIDEST).trim_end().to_owned(),
        safe(&overview.connections.join(", ")).into_owned(),
        parts.join("; "),
    ]
}

/// Scripts have names of any length.
const WIDEST: usize = 32;

/// The rows of runs, and how many they are.
pub(crate) fn list(rows: Vec<Vec<String>>, resumable: usize) -> String {
    let count = rows.len();
    let mut text = table(&["run", "status", "what", "on", "users"], rows);
    let runs = if count == 1 { "run" } else { "runs" };
    let _ = write!(text, "\n\n{count} {runs}");
    if resumable > 0 {
        let _ = write!(text, "; `signoff resume RUN` goes on with {resumable} of them");
    }
    text
}

fn status(overview: &Overview) -> String {
    match &overview.standing {
        Standing::Ended(end)
            if overview.plan && end.summary.status == signoff_engine::event::Status::Completed =>
        {
            "planned".to_owned()
        }
        standing => standing.name().replace('_', " "),
    }
}

/// `200 users: 198 logged out, 2 refused`
fn users(overview: &Overview) -> String {
    let words = if overview.plan { would } else { happened };
    let counts = counted(&overview.counts, words);
    let users = if overview.total == 1 { "user" } else { "users" };
    let mut text = format!("{} {users}", overview.total);
    if !counts.is_empty() {
        let _ = write!(text, ": {counts}");
    }
    text
}

fn in_doubt(count: u64) -> Option<String> {
    (count > 0).then(|| format!("{count} in doubt"))
}

/// One run in full.
pub(crate) struct Whole<'a> {
    pub(crate) overview: &'a Overview,
    pub(crate) header: &'a RunHeader,
    pub(crate) sessions: &'a [SessionRecord],
    pub(crate) doubts: &'a [Doubt],
    pub(crate) not_out: NotOut,
    pub(crate) can_be_resumed: bool,
}

impl Whole<'_> {
    /// What is known of it.
    pub(crate) fn text(&self) -> String {
        let overview = self.overview;
        let bold = Style::new().bold();
        let what = if overview.plan { "plan" } else { "run" };
        let mut text = format!(
            "{bold}{what} {}: {}{bold:#}",
            overview.run,
            safe(&overview.workflow)
        );
        let mut fact = |name: &str, value: &str| {
            if !value.is_empty() {
                let _ = write!(text, "\n  {name:<11}  {}", safe(value));
            }
        };
        fact("typed", &self.header.command_line.join(" "));
        fact("reason", overview.reason.as_deref().unwrap_or_default());
        fact("connections", &overview.connections.join(", "));
        fact("began", &timestamp(overview.created_ms));
        for session in self.sessions.iter().skip(1) {
            fact("resumed", &timestamp(session.at_ms));
            for change in &session.overridden {
                fact("  by force", change);
            }
        }
        fact("status", &self.status());
        if overview.total > 0 {
            let _ = write!(text, "\n\n{bold}{}{bold:#}", users(overview));
        }
        let settled = overview.counts.values().sum::<u64>();
        if let Some(open) = overview.total.checked_sub(settled).filter(|open| *open > 0)
            && !matches!(overview.standing, Standing::Ended(_))
        {
            let _ = write!(text, "\n{open} not finished");
        }
        if !self.not_out.is_empty() {
            let _ = write!(text, "\n\n{bold}not out:{bold:#}");
            for line in self.not_out.lines() {
                let _ = write!(text, "\n{line}");
            }
        }
        if !self.doubts.is_empty() {
            let heading = match overview.standing {
                Standing::Running(_) => "on their way:",
                _ => "in doubt: a request may have been processed, and nothing more is known",
            };
            let _ = write!(text, "\n\n{bold}{heading}{bold:#}");
            for doubt in self.doubts {
                let _ = write!(text, "\n  {}", doubt_text(doubt));
            }
        }
        text
    }

    /// What to do next, the most important first. Of a run that can be gone on with that is all: what is left then is told
    /// at its end.
    pub(crate) fn next(&self) -> Vec<String> {
        let run = &self.overview.run;
        if let Standing::Running(_) = self.overview.standing {
            return vec![format!("it goes on; `signoff show {run}` looks again")];
        }
        if self.can_be_resumed {
            return vec![format!("`signoff resume {run}` goes on with it")];
        }
        let steps = self.not_out.advice().into_iter();
        steps.map(str::to_owned).collect()
    }

    fn status(&self) -> String {
        let words = status(self.overview);
        match &self.overview.standing {
            Standing::Ended(end) => format!("{words} in {}", elapsed(end.summary.elapsed)),
            Standing::Running(Some(by)) => format!("{words}, {by}"),
            Standing::Running(None) | Standing::BrokenOff => words,
        }
    }
}

fn doubt_text(doubt: &Doubt) -> String {
    let on = doubt.connection.as_deref().map(|name| format!(" on {name}"));
    let sent = if doubt.sent { "sent" } else { "sent or about to be" };
    let text = format!(
        "{}{}: {} {sent} at {}",
        doubt.user,
        on.unwrap_or_default(),
        doubt.operation,
        timestamp(doubt.intent.at_ms)
    );
    safe(&text).into_owned()
}

/// The line of somebody in doubt for programs.
pub(crate) fn doubt_line(run: &str, doubt: &Doubt) -> String {
    let mut line = json!({
        "event": "in_doubt", "run": run, "connection": doubt.connection.as_deref(), "operation": doubt.operation,
        "user": doubt.user, "sent": doubt.sent,
    });
    extend(&mut line, intent_fields(&doubt.intent));
    line.to_string()
}

/// One person's way through a run, a line for each thing that is known.
pub(crate) fn story(run: &str, user: &str, moments: &[Moment]) -> String {
    let bold = Style::new().bold();
    let mut text = format!("{bold}{}{bold:#} in run {run}", safe(user));
    if moments.is_empty() {
        text.push_str("\n  nothing was asked about him");
    }
    for moment in moments {
        let words = match moment {
            Moment::Listed {
                connection, record, ..
            } => format!("listed{}: {}", on(connection.as_deref()), attributes(record)),
            Moment::Asked { call, .. } => {
                let again = if call.again.is_some() { ", once more" } else { "" };
                let connection = on(call.connection.as_deref());
                format!("{} asked for{connection}{again}", call.operation)
            }
            Moment::Sent(intent) => format!("  {}", intent_words(intent)),
            Moment::Settled { intent, result } => {
                let status = result.http_status.map(|status| format!(": HTTP {status}"));
                format!(
                    "  {} {}{}",
                    intent.part,
                    match result.disposition {
                        Disposition::Answered => "answered",
                        Disposition::NotProcessed => "answered, and not processed",
                        Disposition::NotSent => "never left",
                        Disposition::MaybeSent => "not answered: it may have been processed",
                    },
                    status.unwrap_or_default()
                )
            }
            Moment::Exchanged(exchange) => format!("  {}", exchange_words(exchange)),
            Moment::Given { answer, .. } => answer_words(answer),
        };
        let _ = write!(text, "\n  {}  {}", timestamp(moment.at_ms()), safe(&words));
        if let Moment::Exchanged(exchange) = moment {
            for line in exchange_lines(exchange) {
                let _ = write!(text, "\n{:32}{}", "", safe(&line));
            }
        }
        let details = match moment {
            Moment::Given { answer, .. } => outcome_of(answer).map_or(&[][..], |row| &row.details),
            _ => &[],
        };
        for field in details {
            // What the vendor was seen to say: it is why the outcome is this one.
            let value = json::value(&field.value);
            if let Some(value) = shown(&value) {
                let _ = write!(text, "\n{:28}{}: {}", "", safe(&field.name), safe(&value));
            }
        }
    }
    text
}

/// The same for programs, one line each.
pub(crate) fn story_lines(run: &str, user: &str, moments: &[Moment]) -> Vec<String> {
    let of =
        |event: &str, at_ms: i64| json!({ "event": event, "run": run, "user": user, "at": timestamp(at_ms) });
    let lines = moments.iter().map(|moment| {
        let mut line = match moment {
            Moment::Listed {
                at_ms,
                connection,
                record,
            } => {
                let mut line = of("listed", *at_ms);
                extend(&mut line, json!({ "connection": connection.as_deref(), "record": json::record(record) }));
                line
            }
            Moment::Asked { id, call } => {
                let mut line = of("call", call.at_ms);
                extend(
                    &mut line,
                    json!({
                        "call": id.0, "again": call.again.map(|first| first.0), "place": call.place.to_string(),
                        "connection": call.connection.as_deref(), "operation": call.operation,
                    }),
                );
                line
            }
            Moment::Sent(intent) => {
                let mut line = of("intent", intent.at_ms);
                extend(&mut line, intent_fields(intent));
                line
            }
            Moment::Settled { intent, result } => {
                let mut line = of("result", result.at_ms);
                let disposition = match result.disposition {
                    Disposition::Answered => "answered",
                    Disposition::NotProcessed => "not_processed",
                    Disposition::NotSent => "not_sent",
                    Disposition::MaybeSent => "maybe_sent",
                };
                extend(
                    &mut line,
                    json!({
                        "call": intent.call.0, "part": intent.part, "attempt": intent.attempt,
                        "disposition": disposition, "http_status": result.http_status,
                    }),
                );
                line
            }
            Moment::Exchanged(exchange) => {
                let mut line = of("exchange", moment.at_ms());
                extend(
                    &mut line,
                    json!({
                        "call": exchange.call.0, "request": exchange.request, "body": exchange.body,
                        "ended": timestamp(exchange.at_ms), "http_status": exchange.http_status,
                        "answer": exchange.answer,
                    }),
                );
                line
            }
            Moment::Given { answer, .. } if outcome_of(answer).is_some() => {
                return outcome_of(answer).map(json::outcome_line).unwrap_or_default();
            }
            Moment::Given {
                at_ms,
                connection,
                answer,
            } => {
                let mut line = of("answer", *at_ms);
                let value = match answer {
                    RecordedAnswer::Record(record) => json::record(record),
                    RecordedAnswer::Records(records) => records.iter().map(json::record).collect(),
                    RecordedAnswer::Value(value) => json::value(value),
                    RecordedAnswer::Outcome(_) => Value::Null,
                };
                extend(&mut line, json!({ "connection": connection.as_deref(), "value": value }));
                line
            }
        };
        line.take().to_string()
    });
    lines.collect()
}

fn exchange_words(exchange: &ExchangeRecord) -> String {
    match &exchange.request {
        Some(request) if exchange.body.is_empty() => request.clone(),
        Some(request) => format!("{request}  {}", in_one_line(&exchange.body)),
        None => format!("the vendor said: {}", in_one_line(&exchange.answer)),
    }
}

/// What came back.
fn exchange_lines(exchange: &ExchangeRecord) -> Vec<String> {
    let said = in_one_line(&exchange.answer);
    match (&exchange.request, exchange.http_status) {
        (None, _) => Vec::new(),
        (Some(_), None) => vec![format!("no answer: {said}")],
        (Some(_), Some(status)) => {
            let first = format!("HTTP {status}");
            [first, said]
                .into_iter()
                .filter(|line| !line.is_empty())
                .collect()
        }
    }
}

/// Without the line breaks and the indentation that a vendor gives its XML.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn outcome_of(answer: &RecordedAnswer) -> Option<&OutcomeRow> {
    match answer {
        RecordedAnswer::Outcome(row) => Some(row),
        _ => None,
    }
}

fn answer_words(answer: &RecordedAnswer) -> String {
    match answer {
        RecordedAnswer::Outcome(row) => {
            let note = note(row);
            let colon = if note.is_empty() { "" } else { ": " };
            format!("{}{colon}{note}", row.outcome)
        }
        RecordedAnswer::Record(record) => format!("read: {}", attributes(record)),
        RecordedAnswer::Records(records) => format!("read: {} rows", records.len()),
        RecordedAnswer::Value(value) => format!("gave {}", json::value(value)),
    }
}

fn intent_words(intent: &IntentRecord) -> String {
    let mut words = format!("{} sent, attempt {}", intent.part, intent.attempt);
    if let Some(id) = &intent.request_id {
        let _ = write!(words, ", request {id}");
    }
    words
}

fn intent_fields(intent: &IntentRecord) -> Value {
    json!({
        "call": intent.call.0, "part": intent.part, "attempt": intent.attempt, "request_id": intent.request_id,
        "at": timestamp(intent.at_ms), "server_offset_ms": intent.server_offset_ms,
    })
}

/// What is known of somebody, on one line.
fn attributes(record: &Record) -> String {
    let known = record
        .attributes
        .iter()
        .filter_map(|field| Some(format!("{} {}", field.name, shown(&json::value(&field.value))?)));
    known.collect::<Vec<_>>().join(", ")
}

/// A value in words; nothing of one that is absent.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn on(connection: Option<&str>) -> String {
    connection.map(|name| format!(" on {name}")).unwrap_or_default()
}

fn extend(line: &mut Value, more: Value) {
    if let (Value::Object(line), Value::Object(more)) = (line, more) {
        line.extend(more);
    }
}
