//! What the engine may know of the process around it: environment variables, the command line, and the person at the
//! terminal.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};

use signoff_engine::secret::{Environment, Secret};

/// The process's own environment and terminal.
pub(crate) struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Option<Secret> {
        std::env::var(name).ok().map(Secret::new)
    }

    fn prompt(&self, label: &str) -> io::Result<Secret> {
        if !io::stdin().is_terminal() {
            return Err(io::Error::other("there is no terminal to ask at"));
        }
        ASKING.store(true, Ordering::Relaxed);
        // A line of progress may stand where the question is to be.
        let answer = rpassword::prompt_password(format!("{CLEAR_LINE}password of `{label}`: "));
        ASKING.store(false, Ordering::Relaxed);
        answer.map(Secret::new)
    }
}

/// What this process was begun with, for the journal. A path need not be UTF-8, and a text has to do for it there.
pub(crate) fn command_line() -> Vec<String> {
    let arguments = std::env::args_os();
    arguments
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect()
}

/// To the first column, and nothing in any.
const CLEAR_LINE: &str = "\r\u{1b}[K";

/// Whether a secret is being asked for.
static ASKING: AtomicBool = AtomicBool::new(false);

/// Whether a person is being asked for a secret, so that nothing may be drawn on the terminal.
pub(crate) fn is_asking() -> bool {
    ASKING.load(Ordering::Relaxed)
}
