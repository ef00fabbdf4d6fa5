//! The JSON lines of a run: `run` first, `outcome` for each operation that acts, `summary` last.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use signoff_core::{ConfirmedBy, Outcome};

use super::{fields, kept_fields, kept_fields_from};
use crate::call::{Cause, OutcomeRow};
use crate::event::{Status, Summary};

/// The first line of a run, without a line break.
#[must_use]
pub fn run_line(run: &str, workflow: &str, plan: bool) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        event: &'static str,
        run: &'a str,
        workflow: &'a str,
        plan: bool,
    }
    text(&Line {
        event: "run",
        run,
        workflow,
        plan,
    })
}

/// The line of an outcome, without a line break.
#[must_use]
pub fn outcome_line(row: &OutcomeRow) -> String {
    outcome_with(row, fields(&row.details))
}

/// The same for the journal, from which the details come back as they were.
pub(crate) fn kept_outcome(row: &OutcomeRow) -> String {
    outcome_with(row, kept_fields(&row.details))
}

fn outcome_with(row: &OutcomeRow, details: serde_json::Value) -> String {
    fn borrowed(text: Option<&String>) -> Option<Cow<'_, str>> {
        text.map(|text| Cow::Borrowed(text.as_str()))
    }
    text(&OutcomeLine {
        event: Cow::Borrowed(OUTCOME),
        run: Cow::Borrowed(&row.run),
        connection: borrowed(row.connection.as_ref()),
        provider: borrowed(row.provider.as_ref()),
        operation: borrowed(row.operation.as_ref()),
        user: Cow::Borrowed(&row.user),
        name: borrowed(row.name.as_ref()),
        outcome: Cow::Borrowed(row.outcome.name()),
        confirmed_by: row.confirmed_by.map(|by| Cow::Borrowed(by.name())),
        attempts: row.attempts,
        repeated: row.repeated,
        http_status: row.http_status,
        code: borrowed(row.code.as_ref()),
        message: borrowed(row.message.as_ref()),
        request_id: borrowed(row.request_id.as_ref()),
        started: Cow::Owned(timestamp(row.started_ms)),
        ended: Cow::Owned(timestamp(row.ended_ms)),
        details,
    })
}

/// The last line of a run, without a line break.
#[must_use]
pub fn summary_line(summary: &Summary) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        event: &'static str,
        run: &'a str,
        status: &'static str,
        total: u64,
        counts: serde_json::Value,
        elapsed_ms: u64,
    }
    text(&Line {
        event: "summary",
        run: &summary.run,
        status: status_name(summary.status),
        total: summary.total,
        counts: counts(&summary.counts),
        elapsed_ms: u64::try_from(summary.elapsed.as_millis()).unwrap_or(u64::MAX),
    })
}

/// An outcome from its line; its cause is not part of it. `None` if it is no such line.
#[must_use]
pub fn outcome_from(line: &str) -> Option<OutcomeRow> {
    fn owned(text: Option<Cow<'_, str>>) -> Option<String> {
        text.map(Cow::into_owned)
    }
    let line: OutcomeLine<'_> = serde_json::from_str(line).ok()?;
    if line.event != OUTCOME {
        return None;
    }
    Some(OutcomeRow {
        run: line.run.into_owned(),
        connection: owned(line.connection),
        provider: owned(line.provider),
        operation: owned(line.operation),
        user: line.user.into_owned(),
        name: owned(line.name),
        outcome: line.outcome.parse::<Outcome>().ok()?,
        confirmed_by: match line.confirmed_by {
            Some(by) => Some(by.parse::<ConfirmedBy>().ok()?),
            None => None,
        },
        attempts: line.attempts,
        repeated: line.repeated,
        http_status: line.http_status,
        code: owned(line.code),
        message: owned(line.message),
        request_id: owned(line.request_id),
        started_ms: milliseconds(&line.started)?,
        ended_ms: milliseconds(&line.ended)?,
        details: kept_fields_from(&line.details),
        cause: None,
    })
}

/// A moment in RFC 3339, UTC, with milliseconds: `2026-11-20T21:32:00.123Z`.
#[must_use]
pub fn timestamp(unix_ms: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(unix_ms).unwrap_or(if unix_ms < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    });
    format!("{moment:.3}")
}

/// The name of a status in the last line.
#[must_use]
pub const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Completed => "completed",
        Status::Stopped => "stopped",
        Status::Interrupted => "interrupted",
        Status::Failed => "failed",
    }
}

pub(crate) fn status_from(name: &str) -> Option<Status> {
    [
        Status::Completed,
        Status::Stopped,
        Status::Interrupted,
        Status::Failed,
    ]
    .into_iter()
    .find(|status| status_name(*status) == name)
}

pub(crate) const fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::Credential => "credential",
        Cause::Login => "login",
        Cause::Unreachable => "unreachable",
        Cause::Unreadable => "unreadable",
    }
}

pub(crate) fn cause_from(name: &str) -> Option<Cause> {
    [
        Cause::Credential,
        Cause::Login,
        Cause::Unreachable,
        Cause::Unreadable,
    ]
    .into_iter()
    .find(|cause| cause_name(*cause) == name)
}

/// How many of each outcome, in the order of reports; only those that occurred.
pub(crate) fn counts(counts: &BTreeMap<Outcome, u64>) -> serde_json::Value {
    serde_json::Value::Object(
        counts
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(outcome, count)| (outcome.name().to_owned(), (*count).into()))
            .collect(),
    )
}

pub(crate) fn counts_from(json: &serde_json::Value) -> Option<BTreeMap<Outcome, u64>> {
    json.as_object()?
        .iter()
        .map(|(name, count)| Some((name.parse().ok()?, count.as_u64()?)))
        .collect()
}

const OUTCOME: &str = "outcome";

/// The keys, in their order.
#[derive(Serialize, Deserialize)]
struct OutcomeLine<'a> {
    event: Cow<'a, str>,
    run: Cow<'a, str>,
    connection: Option<Cow<'a, str>>,
    provider: Option<Cow<'a, str>>,
    operation: Option<Cow<'a, str>>,
    user: Cow<'a, str>,
    name: Option<Cow<'a, str>>,
    outcome: Cow<'a, str>,
    confirmed_by: Option<Cow<'a, str>>,
    attempts: u32,
    repeated: bool,
    http_status: Option<u16>,
    code: Option<Cow<'a, str>>,
    message: Option<Cow<'a, str>>,
    request_id: Option<Cow<'a, str>>,
    started: Cow<'a, str>,
    ended: Cow<'a, str>,
    details: serde_json::Value,
}

fn milliseconds(timestamp: &str) -> Option<i64> {
    timestamp
        .parse::<jiff::Timestamp>()
        .ok()
        .map(jiff::Timestamp::as_millisecond)
}

fn text<T: Serialize>(line: &T) -> String {
    // These lines have text keys and finite numbers: there is nothing that JSON could not hold.
    serde_json::to_string(line).unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::time::Duration;

    use expect_test::expect;
    use signoff_core::{Field, Value};

    use super::*;

    fn row() -> OutcomeRow {
        OutcomeRow {
            run: "01run".to_owned(),
            connection: Some("finesse-prod".to_owned()),
            provider: Some("finesse".to_owned()),
            operation: Some("logout".to_owned()),
            user: "1001".to_owned(),
            name: Some("O'Neil & Co\u{1b}[31m".to_owned()),
            outcome: Outcome::Done,
            confirmed_by: Some(ConfirmedBy::Status),
            attempts: 2,
            repeated: true,
            http_status: Some(202),
            code: None,
            message: Some("two\nlines".to_owned()),
            request_id: Some("r1".to_owned()),
            started_ms: 1_790_000_000_123,
            ended_ms: 1_790_000_001_000,
            details: vec![
                Field::new("state", "LOGOUT"),
                Field::new("waited", Duration::from_millis(1500)),
                Field::new("token", Value::Secret(signoff_core::SecretHandle(1))),
            ],
            cause: None,
        }
    }

    #[test]
    fn the_keys_of_an_outcome_are_in_their_order() {
        expect![[r#"{"event":"outcome","run":"01run","connection":"finesse-prod","provider":"finesse","operation":"logout","user":"1001","name":"O'Neil & Co\u001b[31m","outcome":"done","confirmed_by":"status","attempts":2,"repeated":true,"http_status":202,"code":null,"message":"two\nlines","request_id":"r1","started":"2026-09-21T14:13:20.123Z","ended":"2026-09-21T14:13:21.000Z","details":{"state":"LOGOUT","waited":"1s500ms","token":null}}"#]].assert_eq(&outcome_line(&row()));
    }

    #[test]
    fn absent_is_null() {
        let bare = OutcomeRow {
            connection: None,
            provider: None,
            operation: None,
            name: None,
            outcome: Outcome::NotFound,
            confirmed_by: None,
            http_status: None,
            message: None,
            request_id: None,
            details: Vec::new(),
            ..row()
        };
        expect![[r#"{"event":"outcome","run":"01run","connection":null,"provider":null,"operation":null,"user":"1001","name":null,"outcome":"not_found","confirmed_by":null,"attempts":2,"repeated":true,"http_status":null,"code":null,"message":null,"request_id":null,"started":"2026-09-21T14:13:20.123Z","ended":"2026-09-21T14:13:21.000Z","details":{}}"#]].assert_eq(&outcome_line(&bare));
        assert_eq!(outcome_from(&outcome_line(&bare)), Some(bare));
    }

    #[test]
    fn an_outcome_that_is_written_is_read_again() {
        let read = outcome_from(&outcome_line(&row())).unwrap();
        let details = vec![
            Field::new("state", "LOGOUT"),
            Field::new("waited", "1s500ms"),
            Field::new("token", Value::Null),
        ];
        assert_eq!(read, OutcomeRow { details, ..row() });
        assert_eq!(outcome_from(&run_line("01run", "x", false)), None);
    }

    #[test]
    fn the_first_line_and_the_last() {
        expect![[r#"{"event":"run","run":"01run","workflow":"supervisor_logs_out_team.luau","plan":true}"#]]
            .assert_eq(&run_line("01run", "supervisor_logs_out_team.luau", true));
        let summary = Summary {
            run: "01run".to_owned(),
            status: Status::Completed,
            total: 3,
            counts: BTreeMap::from([(Outcome::Busy, 1), (Outcome::Done, 2), (Outcome::Failed, 0)]),
            elapsed: Duration::from_micros(1_234_567),
            unsatisfied: 1,
            cancelled: 0,
            unread: false,
            untried: None,
        };
        expect![[r#"{"event":"summary","run":"01run","status":"completed","total":3,"counts":{"done":2,"busy":1},"elapsed_ms":1234}"#]].assert_eq(&summary_line(&summary));
    }

    #[test]
    fn times_have_milliseconds_whatever_they_are() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(timestamp(1_790_000_000_120), "2026-09-21T14:13:20.120Z");
        assert_eq!(timestamp(-1), "1969-12-31T23:59:59.999Z");
        assert!(timestamp(i64::MAX).starts_with("9999-12-30"));
    }
}
