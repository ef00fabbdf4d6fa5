//! The one error of the binary: what is wrong, what to do about it, and what the process ends with.

use signoff_engine::call::CallError;
use signoff_engine::engine::EngineError;
use signoff_engine::journal::JournalError;
use signoff_engine::people::PeopleError;
use signoff_engine::run::Refused;

use crate::exit::Exit;
use crate::text::safe_lines;

/// Why a command could not do its work. What happened to users is never one of these.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// A lower-case fragment, or a text that is already set out in lines.
    pub(crate) message: String,
    /// May be empty.
    pub(crate) hint: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            hint: hint.into(),
        }
    }

    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message, hint)
    }

    pub(crate) fn configuration(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Exit::Configuration, message, hint)
    }

    /// As it is printed: the message after `error: ` unless it brings its own heading, then what to do.
    pub(crate) fn render(&self) -> String {
        let heading = if self.message.starts_with("error: ") {
            ""
        } else {
            "error: "
        };
        let mut text = format!("{heading}{}", safe_lines(self.message.trim_end()));
        if !self.hint.is_empty() {
            text.push_str("\n  = help: ");
            text.push_str(&safe_lines(&self.hint));
        }
        text
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::configuration(error.to_string(), error.hint())
    }
}

impl From<PeopleError> for Failure {
    /// A list with mistakes is one of the command line: nothing has begun.
    fn from(error: PeopleError) -> Self {
        let mistakes: Vec<String> = error
            .to_string()
            .lines()
            .map(|line| format!("error: {line}"))
            .collect();
        Self::usage(mistakes.join("\n"), error.hint().replace('\n', "\n  = help: "))
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::new(Exit::Unfinished, error.to_string(), error.hint())
    }
}

impl From<Refused> for Failure {
    fn from(error: Refused) -> Self {
        match error {
            Refused::Journal(error) => error.into(),
            Refused::Changed { run, changes } => Self::configuration(
                format!("run {run} cannot go on as it began:\n  {}", changes.join("\n  ")),
                "undo the change, or say --force; nothing was sent",
            ),
        }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Misuse { message, hint } => Self::configuration(message, hint),
            CallError::Stopped => Self::new(Exit::Interrupted, "the run was stopped", ""),
            CallError::Journal(error) => error.into(),
            CallError::Fault(message) => Self::configuration(message, ""),
        }
    }
}
