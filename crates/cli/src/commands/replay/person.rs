//! Whoever sits at the terminal does what only a person can do; or nobody does.

use std::io::BufRead as _;

use signoff_replay::runner::{Acted, Person, Seen};

use crate::report;
use crate::text::safe;

/// A person at the terminal.
pub(super) struct AtTerminal;

impl Person for AtTerminal {
    fn act(&self, _: &str) -> Acted {
        match answer("  do this, then press Enter; `s` passes over it: ").as_deref() {
            Some("") => Acted::Done,
            _ => Acted::Skipped,
        }
    }

    fn sees(&self, words: &str) -> Seen {
        match answer(&format!("  {} [y/n/s]: ", safe(words))).as_deref() {
            Some("y" | "yes") => Seen::Yes,
            Some("n" | "no") => Seen::No,
            _ => Seen::Skipped,
        }
    }
}

/// Nobody: `--yes` passes over everything that is for a person.
pub(super) struct Nobody;

impl Person for Nobody {
    fn act(&self, _: &str) -> Acted {
        Acted::Skipped
    }

    fn sees(&self, _: &str) -> Seen {
        Seen::Skipped
    }
}

/// A line from the terminal; `None` if there is none any more.
fn answer(question: &str) -> Option<String> {
    report::question(question);
    let mut line = String::new();
    match std::io::stdin().lock().read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim().to_lowercase()),
    }
}
