//! What the engine may know of the process around it: environment variables, and the person at the terminal.

use std::io::{self, IsTerminal};

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
        rpassword::prompt_password(format!("{label}: ")).map(Secret::new)
    }
}
