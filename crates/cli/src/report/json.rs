//! One JSON object a line, for programs: the run, each outcome, the summary. Logs go to standard error.

use signoff_engine::event::{Event, Level, Observer};
use signoff_engine::json;

use super::human::log_line;
use super::{Progress, data};
use crate::arguments::General;

/// Prints JSON lines.
pub(crate) struct Json {
    least: Level,
    progress: Progress,
}

impl Json {
    pub(crate) fn new(general: &General, progress: Progress) -> Self {
        Self {
            least: general.least_level(),
            progress,
        }
    }
}

impl Observer for Json {
    fn event(&self, event: &Event) {
        self.progress.event(event);
        match event {
            Event::Started { run, workflow, plan } => {
                self.progress
                    .above(|| data(&json::run_line(run, workflow, *plan)));
            }
            Event::Outcome(row) => self.progress.above(|| data(&json::outcome_line(row))),
            Event::Finished(summary) => self.progress.above(|| data(&json::summary_line(summary))),
            Event::Log { level, text, fields } if *level >= self.least => {
                self.progress.line(&log_line(*level, text, fields));
            }
            Event::Log { .. } | Event::Entered { .. } => {}
        }
    }
}
