//! Who is not out in the end, grouped by why, and what to do about it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use signoff_core::{Descriptor, Outcome};
use signoff_engine::call::{Cause, OutcomeRow};

use super::words::{advice, happened};
use crate::setup;
use crate::text::safe;

/// Who is not out, by connection and id; each once, by his last outcome.
#[derive(Default)]
pub(crate) struct NotOut(BTreeMap<(Option<String>, String), Left>);

struct Left {
    outcome: Outcome,
    code: Option<String>,
    /// If it is linked in.
    provider: Option<&'static Descriptor>,
    cause: String,
    /// Where it lies with all.
    common: Option<Cause>,
    name: Option<String>,
}

/// How many of those with the same reason are listed.
const LISTED: usize = 10;

impl NotOut {
    /// What became of somebody now.
    pub(crate) fn note(&mut self, row: &OutcomeRow) {
        let key = (row.connection.clone(), row.user.clone());
        if row.outcome.is_out() || matches!(row.outcome, Outcome::Skipped | Outcome::Planned) {
            self.0.remove(&key);
            return;
        }
        let left = Left {
            outcome: row.outcome,
            code: row.code.clone(),
            provider: setup::LINKED
                .into_iter()
                .find(|linked| row.provider.as_deref() == Some(linked.id)),
            cause: cause(row),
            common: row.cause,
            name: row.name.clone(),
        };
        self.0.insert(key, left);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Why somebody was not tried because of a credential, if somebody was.
    pub(crate) fn credential_stopped(&self) -> Option<Cause> {
        let mut stopped = self.0.values();
        let stopped = stopped.find(|left| left.code.as_deref() == Some("credential_stopped"));
        stopped.map(|left| left.common.unwrap_or(Cause::Credential))
    }

    /// Two lines for each outcome and reason: who, and why.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut groups: BTreeMap<(Outcome, &str), Vec<String>> = BTreeMap::new();
        for ((_, user), one) in &self.0 {
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

    /// What to do about them.
    pub(crate) fn advice(&self) -> Vec<&'static str> {
        let mut steps = Vec::new();
        for left in self.0.values() {
            let advice = advice(left.outcome, left.code.as_deref(), left.provider);
            if !advice.is_empty() && !steps.contains(&advice) {
                steps.push(advice);
            }
        }
        steps
    }
}

/// Why it is so. The codes of what was not tried are ours, and say nothing that the message does not.
pub(super) fn cause(row: &OutcomeRow) -> String {
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
