//! The words of a run: ids, error texts, and what is taken out before anything is reported.

use signoff_core::{Field, OperationSpec, Outcome, Target, User, Value};

use super::links::Link;
use super::writes::Tally;
use crate::call::{Call, CallError, Cause, OutcomeRow};
use crate::json;
use crate::operation::Ended;
use crate::parameters::nearest;
use crate::redact::Redactor;

/// `20261120-213221-k3vq`: the start in UTC, and four letters that tell runs of the same second apart. Sorts by time.
pub(super) fn run_id(unix_ms: i64, unique: u128) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let start: String = json::timestamp(unix_ms)
        .chars()
        .take(19)
        .filter_map(|character| match character {
            'T' => Some('-'),
            '0'..='9' => Some(character),
            _ => None,
        })
        .collect();
    let letter = |place: u32| char::from(LETTERS[(unique >> (5 * place)) as usize & 31]);
    format!("{start}-{}", (0..4).map(letter).collect::<String>())
}

/// The operation that a call names, if the call fits it.
pub(super) fn operation(link: &Link, call: &Call) -> Result<&'static OperationSpec, CallError> {
    let descriptor = link.settings.descriptor;
    let Some(operation) = descriptor.operation(&call.operation) else {
        let names = || descriptor.operations.iter().map(|operation| operation.name);
        return Err(CallError::Misuse {
            message: format!("`{}` has no operation `{}`", descriptor.id, call.operation),
            hint: nearest(&call.operation, names()).map_or_else(
                || {
                    format!(
                        "its operations are `{}`",
                        names().collect::<Vec<_>>().join("`, `")
                    )
                },
                |nearest| format!("did you mean `{nearest}`?"),
            ),
        });
    };
    let misuse = |message: String, hint: &str| {
        Err(CallError::Misuse {
            message,
            hint: hint.to_owned(),
        })
    };
    match (operation.target, &call.user) {
        (Target::User, None) => misuse(
            format!("`{}` is about a user, and none is given", operation.name),
            "",
        ),
        (Target::User, Some(user)) if user.id.is_empty() => misuse(
            format!("`{}` is about a user, and his id is empty", operation.name),
            "",
        ),
        (Target::Connection, Some(_)) => misuse(
            format!("`{}` is not about a user", operation.name),
            "give it options only",
        ),
        _ => Ok(operation),
    }
}

/// Whether this is the user's id or login name; people's names are compared without case.
pub(super) fn is_called(user: &User, name: &str) -> bool {
    let same = |own: &str| own.to_lowercase() == name.to_lowercase();
    let login = user.attribute("login_name").and_then(Value::as_text);
    same(&user.id) || login.is_some_and(same)
}

/// Puts what was written into its row.
pub(super) fn fill_writes(row: &mut OutcomeRow, tally: Option<Tally>) {
    if let Some(tally) = tally {
        (row.attempts, row.repeated, row.request_id) = (tally.attempts, tally.repeated, tally.request_id);
    }
}

/// Puts the end of an operation into its row.
pub(super) fn fill(row: &mut OutcomeRow, ended: Ended) {
    let finished = ended.finished;
    row.outcome = finished.outcome;
    row.confirmed_by = finished.confirmed_by;
    row.http_status = ended.http_status;
    row.code = finished.code;
    row.message = finished.message;
    row.request_id = finished.request_id.or(row.request_id.take());
    row.name = finished.name.or(row.name.take());
    row.details = finished.fields;
    row.cause = match finished.outcome {
        Outcome::Denied | Outcome::Cancelled if ended.credential_stopped => Some(if ended.is_unanswered {
            Cause::Login
        } else {
            Cause::Credential
        }),
        Outcome::Failed | Outcome::Cancelled if ended.unreachable && row.attempts == 0 => {
            Some(Cause::Unreachable)
        }
        // Nothing was sent, as nothing else would have told of it.
        Outcome::Failed if row.attempts == 0 => ended.feed_trouble,
        _ => None,
    };
    if finished.outcome == Outcome::Cancelled && row.code.is_none() {
        let code = if ended.credential_stopped {
            "credential_stopped"
        } else {
            "stopped"
        };
        row.code = Some(code.to_owned());
    }
    // Which credential, and what the vendor said of it: an operation that was only told to stop cannot know.
    if finished.outcome == Outcome::Cancelled
        && let Some(reason) = ended.stopped_because
    {
        row.message = Some(reason.to_string());
    }
    if finished_untold(row) {
        row.message = Some("the run was stopped before anything was sent".to_owned());
    }
}

/// Whether an outcome stands when the run is taken up again: not what was stopped on its way, nor what failed for a
/// reason that lies with all, nor what is still in doubt if that can be settled.
pub(super) fn is_final(row: &OutcomeRow, cut_off: bool, can_be_settled: bool) -> bool {
    let by_itself = !cut_off || row.outcome.is_out() || row.outcome == Outcome::Skipped;
    let is_in_doubt = row.outcome == Outcome::Unknown
        && can_be_settled
        && row.code.as_deref() != Some(MAYBE_SIGNED_IN_AGAIN);
    by_itself && !is_in_doubt && row.cause.is_none() && row.outcome != Outcome::Cancelled
}

/// Of this the vendor has said all that it can say: what is to be done about it is the operator's to decide.
const MAYBE_SIGNED_IN_AGAIN: &str = "maybe_signed_in_again";

/// A provider that was told to stop need not say so.
fn finished_untold(row: &OutcomeRow) -> bool {
    row.outcome == Outcome::Cancelled && row.message.is_none() && row.attempts == 0
}

/// The line that tells of a list that could not be read.
pub(super) fn read_failed(row: &OutcomeRow) -> String {
    let mut text = format!(
        "the {} of `{}` could not be read: {}",
        row.operation.as_deref().unwrap_or("list"),
        row.connection.as_deref().unwrap_or_default(),
        row.outcome,
    );
    for part in [&row.code, &row.message].into_iter().flatten() {
        text.push_str(": ");
        text.push_str(part);
    }
    text
}

/// Takes secrets out of everything that a vendor may have echoed.
pub(super) fn redact(redactor: &Redactor, row: &mut OutcomeRow) {
    for text in [
        &mut row.code,
        &mut row.message,
        &mut row.request_id,
        &mut row.name,
    ]
    .into_iter()
    .flatten()
    {
        *text = redactor.redact(text).into_owned();
    }
    row.details = redacted_fields(redactor, std::mem::take(&mut row.details));
}

/// The fields without secrets.
pub(super) fn redacted_fields(redactor: &Redactor, fields: Vec<Field>) -> Vec<Field> {
    let redacted = |field: Field| Field {
        name: field.name,
        value: redacted_value(redactor, field.value),
    };
    fields.into_iter().map(redacted).collect()
}

fn redacted_value(redactor: &Redactor, value: Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(redactor.redact(&text).into_owned()),
        Value::List(items) => Value::List(
            items
                .into_iter()
                .map(|item| redacted_value(redactor, item))
                .collect(),
        ),
        Value::Map(fields) => Value::Map(redacted_fields(redactor, fields)),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_id_tells_when() {
        assert_eq!(run_id(1_795_210_341_123, 0), "20261120-213221-aaaa");
        assert_eq!(run_id(1_795_210_341_123, u128::MAX), "20261120-213221-9999");
    }
}
