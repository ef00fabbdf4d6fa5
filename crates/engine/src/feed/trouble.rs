//! Why there is no session: whether it may come about later, and whose turn it is until then.

use std::sync::Arc;

use super::address::Address;
use super::client::Fault;
use crate::call::Cause;
use crate::credential::Credential;
use crate::transport::NoStream;

/// Why there is no session.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) why: Arc<str>,
    /// What somebody has to change before it can go better. Waiting does not help.
    pub(super) cure: Option<String>,
    /// It is how things are, rather than something that went wrong.
    pub(super) is_lasting: bool,
    /// It is not to be tried again.
    pub(super) is_final: bool,
    /// The password may have been shown.
    pub(super) was_shown: bool,
    /// What somebody can do something about.
    pub(super) fault: Fault,
}

impl Trouble {
    pub(super) fn passing(why: impl Into<Arc<str>>) -> Self {
        Self {
            why: why.into(),
            cure: None,
            is_lasting: false,
            is_final: false,
            was_shown: false,
            fault: Fault::Session,
        }
    }

    pub(super) fn lasting(why: impl Into<Arc<str>>) -> Self {
        Self {
            is_lasting: true,
            is_final: true,
            ..Self::passing(why)
        }
    }

    /// Somebody's secret is refused, in these words.
    pub(super) fn of_login(credential: &Credential, words: &str) -> Self {
        let (name, user) = (credential.name(), credential.actor());
        Self {
            is_final: true,
            fault: Fault::Login,
            ..Self::passing(format!(
                "the credential `{name}` (user `{user}`) was refused: {words}"
            ))
        }
    }

    /// The service refuses the login.
    pub(super) fn refused(condition: &str, text: &str) -> Self {
        let words = if text.is_empty() { condition } else { text };
        Self {
            is_final: true,
            was_shown: true,
            fault: Fault::Login,
            ..Self::passing(format!("the notification service refuses the login: {words}"))
        }
    }

    /// None of the addresses would do: one that somebody can do something about counts, wherever it is in the row.
    pub(super) fn of_all(met: Vec<(&Address, Self)>, is_reached: bool) -> Self {
        let words: Vec<String> = met
            .iter()
            .map(|(address, trouble)| format!("`{address}`: {}", trouble.why))
            .collect();
        let words = words.join("; ");
        let why = match (met.is_empty(), is_reached) {
            (true, _) => "no address is known for the notification service".to_owned(),
            (false, false) => format!("the notification service cannot be reached: {words}"),
            (false, true) => words,
        };
        let is_final = !met.is_empty() && met.iter().all(|(_, trouble)| trouble.is_final);
        let cure = met.into_iter().find_map(|(_, trouble)| trouble.cure);
        Self {
            is_final: is_final || cure.is_some(),
            cure,
            ..Self::passing(why)
        }
    }

    /// What went wrong; `None` if it is how things are, or are configured.
    pub(super) fn cause(&self) -> Option<Cause> {
        match self.fault {
            _ if self.is_lasting || self.cure.is_some() => None,
            Fault::Login => Some(Cause::Credential),
            _ => Some(Cause::Unreachable),
        }
    }

    /// Why, and what to do about it.
    pub(super) fn told(&self) -> Arc<str> {
        match &self.cure {
            Some(cure) => format!("{}; {cure}", self.why).into(),
            None => Arc::clone(&self.why),
        }
    }
}

impl From<NoStream> for Trouble {
    fn from(none: NoStream) -> Self {
        Self {
            cure: none.cure,
            ..Self::passing(none.words)
        }
    }
}
