//! What a replay looks like from outside: for a learner at a terminal, as JSON lines, as JUnit.

mod explain;
mod human;
mod json;
mod junit;

use std::path::Path;

use signoff_replay::event::{Event, Observer};

use crate::arguments::{Format, General};
use crate::failure::Failure;

pub(crate) use explain::explain;

/// The reporter for what was asked for; with a JUnit file beside it, if there is to be one.
///
/// # Errors
/// If that file cannot be written: better before anything is sent than after it.
pub(crate) fn reporter(general: &General, junit: Option<&Path>) -> Result<Reporter, Failure> {
    let shown: Box<dyn Observer> = match general.format {
        Format::Human => Box::new(human::Human::new(general)),
        Format::Json => Box::new(json::Json::default()),
    };
    Ok(Reporter {
        shown,
        junit: junit.map(junit::Junit::create).transpose()?,
    })
}

/// Watches a replay: shows it, and writes down what is to be kept of it.
pub(crate) struct Reporter {
    shown: Box<dyn Observer>,
    junit: Option<junit::Junit>,
}

impl Observer for Reporter {
    fn event(&mut self, event: &Event) {
        self.shown.event(event);
        if let Some(junit) = &mut self.junit {
            junit.event(event);
        }
    }
}

impl Reporter {
    /// The replay is over, or was ended.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self.junit {
            Some(junit) => junit.write(),
            None => Ok(()),
        }
    }
}
