//! What a run looks like from outside: one stream of events, shown to a person or as JSON lines.

mod errors;
mod human;
mod json;
mod not_out;
pub(crate) mod past;
mod progress;
pub(crate) mod replay;
mod table;
mod words;

use std::io::{self, Write};
use std::sync::Arc;

use signoff_engine::event::Observer;

use crate::arguments::{Format, General};

pub(crate) use errors::Errors;
use human::Human;
pub(crate) use human::planned_line;
use json::Json;
pub(crate) use not_out::NotOut;
pub(crate) use progress::Progress;
pub(crate) use table::{table, users};
pub(crate) use words::{advice_for_all, lasted};

/// The reporter for what was asked for on the command line. `can_resume`: what is left of a run can be gone on with later.
pub(crate) fn reporter(general: &General, progress: &Progress, can_resume: bool) -> Arc<dyn Observer> {
    match general.format {
        Format::Human => Arc::new(Human::new(general, progress.clone(), can_resume)),
        Format::Json => Arc::new(Json::new(general, progress.clone())),
    }
}

/// Writes a line of data. A reader that has gone away (`| head`) ends nothing: the work goes on, and the exit code
/// tells how it went.
pub(crate) fn data(line: &str) {
    let _ = data_if_read(line);
}

/// The same for a command that is nothing without its reader: says whether the line could be written.
#[must_use]
pub(crate) fn data_if_read(line: &str) -> bool {
    let mut stdout = anstream::stdout().lock();
    let written = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    written.is_ok()
}

/// Writes a line of diagnostics.
pub(crate) fn diagnostic(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// Writes a question, and leaves the answer its place on the same line.
pub(crate) fn question(text: &str) {
    let mut stderr = anstream::stderr().lock();
    let _ = write!(stderr, "{text}").and_then(|()| stderr.flush());
}

/// Whether a person sits in front of both ends of a question.
pub(crate) fn can_ask() -> bool {
    use io::IsTerminal as _;
    io::stdin().is_terminal() && io::stderr().is_terminal()
}
