//! A workflow: a script, checked and ready to be run.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use mlua::{Table, Value as Luau};
use signoff_engine::journal::JournalError;
use tokio::sync::{mpsc as tokio_mpsc, oneshot};

use crate::argument::{self, Argument, ArgumentError, ArgumentKind, Arguments, ConnectionsOf, default_of};
use crate::bridge::{BATCHES, serve};
use crate::driver::Driver;
use crate::error::ScriptError;
use crate::host::Host;
use crate::limits::Limits;
use crate::machine::{Machine, Setting, Wanted, argument_kind};
use crate::source::{Source, Sources};
use crate::value;

/// A script that returns a workflow, with what it declares.
#[derive(Debug)]
pub struct Workflow {
    sources: Arc<Mutex<Sources>>,
    limits: Limits,
    summary: String,
    arguments: Vec<Argument>,
}

/// How a workflow ended, if not by a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Its `run` returned.
    Completed,
    /// Its `run` returned, and `stop_on` or `max_fail` of a `signoff.each` had stopped it on its way.
    Limited,
    /// The run was stopped around it.
    Stopped,
}

/// Why a workflow did not come to its end.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RunError {
    /// The script is at fault.
    #[error("{0}")]
    Script(Box<ScriptError>),
    /// The journal cannot be written, so nothing more may be sent.
    #[error(transparent)]
    Journal(JournalError),
    /// The host is at fault.
    #[error("{0}")]
    Fault(String),
}

impl Workflow {
    /// Reads a script, and what it declares. Its `run` is not called.
    ///
    /// # Errors
    /// If it cannot be read, does not compile, or returns no workflow.
    pub fn load(path: &Path, limits: Limits) -> Result<Self, ScriptError> {
        Self::from_sources(Sources::open(path)?, limits)
    }

    /// The same for a script that is no file; `name` stands for it in errors. It can require nothing but `@signoff`.
    ///
    /// # Errors
    /// As [`Workflow::load`].
    pub fn from_text(name: &str, text: &str, limits: Limits) -> Result<Self, ScriptError> {
        Self::from_sources(Sources::embedded(name, text), limits)
    }

    fn from_sources(sources: Sources, limits: Limits) -> Result<Self, ScriptError> {
        let sources = Arc::new(Mutex::new(sources));
        let abandoned = Arc::new(AtomicBool::new(false));
        let machine = machine(&sources, limits, Setting::default(), abandoned)?;
        let table = machine.load(Wanted::Workflow)?;
        let declared = declared(&table).map_err(|error| machine.error(&error))?;
        let summary = table.raw_get("summary").map_err(|error| machine.error(&error))?;
        Ok(Self {
            sources,
            limits,
            summary,
            arguments: declared,
        })
    }

    /// Whether a script's thread is still there: for a moment after a run was abandoned.
    #[must_use]
    pub fn is_running(&self) -> bool {
        Arc::strong_count(&self.sources) > 1
    }

    /// What the script says of itself, in one line; may be empty.
    #[must_use]
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// The arguments that it declares, in the order of its text.
    #[must_use]
    pub fn arguments(&self) -> &[Argument] {
        &self.arguments
    }

    /// The texts it is made of, as far as they were read: the script, and what it required.
    #[must_use]
    pub fn sources(&self) -> Vec<Source> {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.all().cloned().collect()
    }

    /// Checks what arguments are set to, and completes them: by their defaults, and a connection by the only one of
    /// its provider.
    ///
    /// # Errors
    /// With every mistake, in the order in which a person would look for them.
    pub fn check_arguments(
        &self,
        settings: &[(&str, &str)],
        connections_of: ConnectionsOf<'_>,
    ) -> Result<Arguments, Vec<ArgumentError>> {
        argument::check(&self.arguments, settings, connections_of)
    }

    /// What `signoff run SCRIPT --help` shows: the summary and the arguments.
    #[must_use]
    pub fn help(&self) -> String {
        let mut help = String::new();
        if !self.summary.is_empty() {
            help.push_str(&self.summary);
            help.push_str("\n\n");
        }
        if self.arguments.is_empty() {
            help.push_str("This script takes no arguments.\n");
            return help;
        }
        help.push_str("Arguments (--set NAME=VALUE):\n");
        let left: Vec<String> = self
            .arguments
            .iter()
            .map(|argument| format!("{}={}", argument.name, argument.kind))
            .collect();
        let width = left.iter().map(|text| text.chars().count()).max().unwrap_or(0);
        for (argument, left) in self.arguments.iter().zip(&left) {
            // Writing to a text cannot fail.
            let _ = write!(help, "  {left:width$}");
            let mut notes = Vec::new();
            if !argument.help.is_empty() {
                notes.push(argument.help.clone());
            }
            match (&argument.kind, &argument.default) {
                (_, Some(default)) if default.to_string().is_empty() => {}
                (_, Some(default)) => notes.push(format!("[default: {default}]")),
                (ArgumentKind::Connection(provider), None) => notes.push(format!(
                    "a connection of the provider `{provider}`; may be omitted if there is just one"
                )),
                (_, None) => notes.push("[required]".to_owned()),
            }
            if !notes.is_empty() {
                let _ = write!(help, "  {}", notes.join(" "));
            }
            help.push('\n');
        }
        help
    }

    /// Runs it against a host. When this returns, every call it made has ended.
    ///
    /// Dropping the future abandons the script: its thread ends by itself.
    ///
    /// # Errors
    /// If the script or the host is at fault.
    pub async fn run<H: Host>(&self, host: Arc<H>, arguments: &Arguments) -> Result<Ending, RunError> {
        let (order_sender, orders) = tokio_mpsc::channel(BATCHES);
        let (completions, inbox) = mpsc::channel();
        let (result_sender, result) = oneshot::channel();
        let abandoned = Arc::new(AtomicBool::new(false));
        let _guard = Abandon(Arc::clone(&abandoned));
        let setting = Setting {
            seed: host.seed(),
            planning: host.planning(),
        };
        let keys = host.keys();
        let sources = Arc::clone(&self.sources);
        let limits = self.limits;
        let arguments = arguments.clone();
        thread::Builder::new()
            .name("signoff-script".to_owned())
            .spawn(move || {
                let run = || {
                    let machine = machine(&sources, limits, setting, abandoned)?;
                    let workflow = machine.load(Wanted::Workflow)?;
                    let table = machine
                        .arguments(&arguments)
                        .map_err(|error| machine.error(&error))?;
                    Ok((machine, workflow, table))
                };
                let ended = match run() {
                    Ok((machine, workflow, table)) => {
                        Driver::new(machine, setting, keys, order_sender, inbox).run(&workflow, table)
                    }
                    Err(error) => Err(RunError::Script(Box::new(error))),
                };
                // Whoever abandoned the run does not ask for its result.
                let _ = result_sender.send(ended);
            })
            .map_err(|error| RunError::Fault(format!("no thread for the script: {error}")))?;
        serve(host, orders, completions).await;
        result
            .await
            .unwrap_or_else(|_| Err(RunError::Fault("the script's thread broke down".to_owned())))
    }
}

/// Stops the script's thread when nobody waits for it any more.
struct Abandon(Arc<AtomicBool>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn machine(
    sources: &Arc<Mutex<Sources>>,
    limits: Limits,
    setting: Setting,
    abandoned: Arc<AtomicBool>,
) -> Result<Machine, ScriptError> {
    Machine::new(Arc::clone(sources), limits, setting, abandoned)
        .map_err(|error| ScriptError::new(format!("the script's machine cannot be made: {error}"), ""))
}

/// The arguments that a workflow declares, in the order of its text.
fn declared(workflow: &Table) -> mlua::Result<Vec<Argument>> {
    let mut found = Vec::new();
    for pair in workflow.raw_get::<Table>("args")?.pairs::<String, Table>() {
        let (name, table) = pair?;
        let kind = argument_kind(&table)?;
        let default: Luau = table.raw_get("default")?;
        // Luau checked it where it was declared.
        let default = match default {
            Luau::Nil => None,
            default => value::from_luau(&default)
                .and_then(|default| default_of(&kind, &default))
                .ok(),
        };
        let source: String = table.raw_get("source")?;
        let line = source
            .rsplit(':')
            .next()
            .and_then(|line| line.parse::<usize>().ok());
        let help: Option<String> = table.raw_get("help")?;
        let argument = Argument {
            name,
            kind,
            default,
            help: help.unwrap_or_default(),
        };
        found.push((line, argument));
    }
    // The order of a table is an accident; that of its text is what the author meant.
    found.sort_by(|(line, one), (other_line, other)| (line, &one.name).cmp(&(other_line, &other.name)));
    Ok(found.into_iter().map(|(_, argument)| argument).collect())
}
