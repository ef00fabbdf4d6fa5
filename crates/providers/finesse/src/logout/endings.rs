//! How a logout ends, in words.

use std::time::Duration;

use signoff_core::{ConfirmedBy, Field, Finished, Outcome};

use super::{Logout, Phase};
use crate::errors::ended;
use crate::model::Person;
use crate::record::field;

impl Logout {
    /// He is logged out: who did it?
    pub(super) fn out(&self) -> Finished {
        if self.maybe_applied {
            done()
        } else {
            Finished::new(Outcome::Already)
        }
    }

    pub(super) fn busy(&self) -> Finished {
        let state = self
            .before
            .as_ref()
            .map_or("UNKNOWN", |before| &before.person.state.0);
        let why = if self.settings.wait.is_zero() {
            format!("on a call ({state}), and not to be waited for")
        } else {
            format!("still on a call ({state}) after {}", shown(self.settings.wait))
        };
        if self.maybe_applied {
            self.unknown(&why)
        } else {
            ended(Outcome::Busy, "on_call", format!("{why}; left alone"))
        }
    }

    /// He is in none of the teams. Nothing is sent blind, in the hope that Finesse refuses it: whose state cannot be
    /// read may be on a call.
    pub(super) fn nowhere(&self) -> Finished {
        let user = &self.settings.user.id;
        let actor = &self.actor;
        let message = match self.finder.teams() {
            teams if teams.is_empty() => {
                format!("`{actor}` supervises no team, so not that of `{user}` either")
            }
            teams => format!("`{user}` is in no team of `{actor}`; read: {teams}"),
        };
        ended(Outcome::Refused, "not_in_team", message)
    }

    /// Nobody can say what became of the change.
    pub(super) fn unknown(&self, why: &str) -> Finished {
        match &self.phase {
            Phase::Doubt(doubt) => {
                let message = format!("{}; {why}", doubt.message);
                ended(Outcome::Unknown, &doubt.code, message)
            }
            _ => ended(Outcome::Unknown, "unanswered", why),
        }
    }

    /// What is known at the end of the time to look for the logout.
    pub(super) fn unconfirmed(pends: bool) -> Finished {
        if pends {
            ended(
                Outcome::Pending,
                "pending_logout",
                "Finesse logs him out when his call ends",
            )
        } else {
            let message = "Finesse accepted it, and it was not seen to take effect";
            ended(Outcome::Accepted, "unconfirmed", message)
        }
    }
}

pub(super) fn done() -> Finished {
    Finished {
        confirmed_by: Some(ConfirmedBy::Status),
        ..Finished::new(Outcome::Done)
    }
}

pub(super) fn described(person: &Person, state: &str, since: &str) -> Vec<Field> {
    let mut fields = vec![Field::new(state, person.state.0.as_str())];
    if person.since.is_some() {
        fields.push(field(since, person.since.as_deref()));
    }
    fields
}

/// A length of time in the notation of configuration files.
pub(super) fn shown(time: Duration) -> String {
    let milliseconds = time.as_millis();
    match (milliseconds % 1_000, milliseconds % 60_000) {
        (0, 0) => format!("{}m", milliseconds / 60_000),
        (0, _) => format!("{}s", milliseconds / 1_000),
        _ => format!("{milliseconds}ms"),
    }
}
