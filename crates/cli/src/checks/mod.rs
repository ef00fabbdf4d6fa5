//! What `signoff doctor` and `signoff init` look at: each finding is one line that says how it is, and what to do.

mod connection;
mod credential;
mod feed;
mod values;

use std::collections::HashSet;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use signoff_engine::engine::Engine;
use signoff_engine::journal;

use crate::arguments::{Format, General};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report;
use crate::setup::Setup;
use crate::text::{column, safe};

pub(crate) use connection::connection;
pub(crate) use credential::{credential, key};
pub(crate) use values::configuration;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// As it should be.
    Ok,
    /// It may be meant so.
    Notice,
    /// It keeps work from being done, and this is what that would end with.
    Problem(Exit),
}

/// One line.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) check: String,
    pub(crate) level: Level,
    pub(crate) text: String,
    /// Where a value comes from.
    pub(crate) origin: Option<String>,
    /// What to do; may be empty.
    pub(crate) hint: String,
}

impl Finding {
    pub(crate) fn new(level: Level, check: &str, text: impl Into<String>) -> Self {
        Self {
            check: check.to_owned(),
            level,
            text: text.into(),
            origin: None,
            hint: String::new(),
        }
    }

    pub(crate) fn ok(check: &str, text: impl Into<String>) -> Self {
        Self::new(Level::Ok, check, text)
    }

    pub(crate) fn notice(check: &str, text: impl Into<String>) -> Self {
        Self::new(Level::Notice, check, text)
    }

    pub(crate) fn from(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// Prints findings as they are made, and counts them.
pub(crate) struct Checks {
    engine: Arc<Engine>,
    format: Format,
    subject: String,
    counts: [usize; 3],
    worst: Exit,
    /// Credentials that are not to be shown again: a vendor turned them away, or they cannot be had.
    pub(crate) spent: HashSet<Arc<str>>,
    /// How many connections could be opened.
    pub(crate) usable: usize,
}

impl Checks {
    pub(crate) fn new(setup: &Setup, general: &General) -> Self {
        Self {
            engine: Arc::clone(&setup.engine),
            format: general.format,
            subject: String::new(),
            counts: [0; 3],
            worst: Exit::Success,
            spent: HashSet::new(),
            usable: 0,
        }
    }

    /// What the findings from here on are about.
    pub(crate) fn about(&mut self, subject: impl Into<String>) {
        self.subject = subject.into();
        if self.format == Format::Human {
            let bold = Style::new().bold();
            report::data(&format!("{bold}{}{bold:#}", safe(&self.subject)));
        }
    }

    /// Prints a finding. What vendors say passes through here, and so do secrets that they repeat.
    pub(crate) fn add(&mut self, finding: &Finding) {
        let (index, name, symbol, style) = match finding.level {
            Level::Ok => (0, "ok", "✓", AnsiColor::Green.on_default()),
            Level::Notice => (1, "notice", "-", AnsiColor::Yellow.on_default()),
            Level::Problem(exit) => {
                if self.worst != Exit::Configuration {
                    self.worst = exit;
                }
                (2, "problem", "✗", AnsiColor::Red.on_default().bold())
            }
        };
        self.counts[index] += 1;
        let text = self.engine.redactor.redact(&finding.text);
        if self.format == Format::Json {
            let line = serde_json::json!({
                "event": "check",
                "subject": self.subject,
                "check": finding.check,
                "level": name,
                "text": text,
                "origin": finding.origin,
                "hint": Some(&finding.hint).filter(|hint| !hint.is_empty()),
            });
            return report::data(&line.to_string());
        }
        let check = column(&finding.check, 14);
        let mut line = format!("  {style}{symbol} {name:7}{style:#} {check} {}", safe(&text));
        if let Some(origin) = &finding.origin {
            line.push_str(&format!(" ({})", safe(origin)));
        }
        if !finding.hint.is_empty() {
            line.push_str(&format!("\n{:27}= help: {}", "", safe(&finding.hint)));
        }
        report::data(&line);
    }

    /// Whether there was no problem.
    pub(crate) fn are_well(&self) -> bool {
        self.counts[2] == 0
    }

    /// The last line, and what the process ends with.
    pub(crate) fn end(&self) -> Exit {
        let [ok, notices, problems] = self.counts;
        match self.format {
            Format::Json => {
                let line = serde_json::json!({
                    "event": "summary", "ok": ok, "notices": notices, "problems": problems,
                });
                report::data(&line.to_string());
            }
            Format::Human => {
                let counted = |count: usize, word: &str| match count {
                    0 => format!("no {word}s"),
                    1 => format!("1 {word}"),
                    _ => format!("{count} {word}s"),
                };
                report::data(&format!(
                    "\n{}, {}",
                    counted(problems, "problem"),
                    counted(notices, "notice")
                ));
            }
        }
        self.worst
    }
}

/// The folder of runs: whether it can be written, by whom it can be read, and for how long it will do.
pub(crate) fn state(checks: &mut Checks, setup: &Setup, general: &General) {
    /// A large run writes some tens of megabytes.
    const SCANT: u64 = 256 << 20;
    checks.about("state");
    let origin = match general.state {
        Some(_) => "--state",
        None => "default",
    };
    checks.add(&Finding::ok("folder", setup.state.display().to_string()).from(origin));
    let state = match journal::try_folder(&setup.state) {
        Ok(state) => state,
        Err(error) => {
            let level = Level::Problem(Exit::Configuration);
            return checks.add(&Finding::new(level, "journal", error.to_string()).hint(error.hint()));
        }
    };
    let flush = state.flush.as_millis();
    checks.add(&Finding::ok(
        "journal",
        format!("can be written, by you alone; on disk within {flush} ms"),
    ));
    let Some(free) = state.free else {
        return;
    };
    let text = format!("{} MiB free", free >> 20);
    checks.add(&if free < SCANT {
        Finding::notice("space", text).hint("make room, or name another folder with --state DIR")
    } else {
        Finding::ok("space", text)
    });
}

/// The message of an error of the engine, fit for one line.
pub(super) fn one_line(failure: &Failure) -> String {
    let message = failure
        .message
        .strip_prefix("error: ")
        .unwrap_or(&failure.message);
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
