//! What a command that only reads has to say besides its answer.

use signoff_engine::event::{Event, Level, Observer};

use super::diagnostic;
use super::human::log_line;
use crate::arguments::General;

/// Prints the log, and nothing else.
pub(crate) struct Errors {
    least: Level,
}

impl Errors {
    pub(crate) fn new(general: &General) -> Self {
        Self {
            least: general.least_level(),
        }
    }
}

impl Observer for Errors {
    fn event(&self, event: &Event) {
        if let Event::Log { level, text, fields } = event
            && *level >= self.least
        {
            diagnostic(&log_line(*level, text, fields));
        }
    }
}
