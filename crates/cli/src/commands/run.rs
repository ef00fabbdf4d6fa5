//! `signoff run`: a workflow script.

use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use signoff_core::{Field, User, Value};
use signoff_engine::call::{Answer, Call, CallError, OutcomeRow, Place};
use signoff_engine::event::Level;
use signoff_engine::journal::{InputFile, RunHeader, SourceText};
use signoff_engine::people::People;
use signoff_engine::run::{PeopleRequest, Run};
use signoff_script::{
    ArgumentError, ArgumentValue, Arguments, ConnectionInfo, Ending, Host, Limits, RunError, ScriptError,
    Skip, Source, Workflow,
};

use super::guard::{self, Performed, Work};
use super::{help as help_text, read, scripts};
use crate::arguments;
use crate::arguments::General;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report;
use crate::setup::{self, Setup};

/// Runs it.
pub(crate) async fn run(arguments: arguments::Run, general: &General) -> Result<Exit, Failure> {
    let arguments::Run {
        script,
        set,
        guard,
        place,
        help,
    } = arguments;
    let Some(script) = script else {
        if help {
            report::data(&help_text::of("run", None));
            return Ok(Exit::Success);
        }
        return Err(Failure::usage(
            "no script is named",
            "write `signoff run SCRIPT.luau`, or `signoff run @NAME` for one of `signoff scripts list`",
        ));
    };
    if help {
        let workflow = load(&script, Limits::default())?;
        report::data(&format!(
            "{}\nUsage: signoff run {script} [--set NAME=VALUE]… [--plan] [--yes] [--sandbox]\n\
             More: signoff run --help",
            workflow.help()
        ));
        return Ok(Exit::Success);
    }
    if script.starts_with('@') || !Path::new(&script).is_file() {
        // Whatever the configuration is like, this is the first thing to know.
        load(&script, Limits::default())?;
    }
    let setup = Setup::prepare(general, &place).await?;
    let settings = read::options(&set, "--set", "wait=5m")?;
    let workflow = load(&script, limits(&setup))?;
    let work = work(script, workflow, &settings, &setup)?;
    guard::perform(&work, &setup, general, &guard).await
}

/// The same work as that of a run; `from` is a file in place of the one that it was given. If its script is gone, `force`
/// makes do with the text that the journal has.
pub(super) fn of_run(
    header: &RunHeader,
    from: Option<&Path>,
    force: bool,
    setup: &Setup,
) -> Result<Box<dyn Work>, Failure> {
    let mut arguments = header.arguments.clone();
    if let Some(path) = from {
        let [input] = header.inputs.as_slice() else {
            return Err(Failure::usage(
                format!(
                    "the run was given {} files, and --from names one",
                    header.inputs.len()
                ),
                "leave out --from, and put the files where they were",
            ));
        };
        let path = path.display().to_string();
        for field in &mut arguments {
            if field.value.as_text() == Some(&input.path) {
                field.value = Value::from(path.as_str());
            }
        }
    }
    let workflow = again(header, force, limits(setup))?;
    let mut work = work(header.workflow.clone(), workflow, &arguments, setup)?;
    work.recorded = Some(header.arguments.clone());
    let known = work.workflow.sources();
    let late = header
        .sources
        .iter()
        .filter(|source| known.iter().all(|known| known.name != source.name));
    // What the script came to require while it ran; one that is gone is missed by the run.
    work.late = late
        .filter_map(|source| {
            let text = std::fs::read_to_string(&source.name).ok()?;
            let name = source.name.clone();
            Some(SourceText { name, text })
        })
        .collect();
    Ok(Box::new(work))
}

/// The script of a run.
fn again(header: &RunHeader, force: bool, limits: Limits) -> Result<Workflow, Failure> {
    let script = &header.workflow;
    if script.starts_with('@') || Path::new(script).is_file() {
        return load(script, limits);
    }
    let hint = match header.sources.as_slice() {
        [whole] if force => {
            report::diagnostic(&format!("`{script}` is gone: its copy in the journal is run"));
            return Workflow::from_text(script, &whole.text, limits).map_err(|error| script_failure(&error));
        }
        [_] => "put it back, or say --force to run its copy in the journal",
        _ => "put it back, with what it requires",
    };
    let path = setup::absolute(script.into());
    let message = format!(
        "the script of run {} is not there any more: `{}`",
        header.run,
        path.display()
    );
    Err(Failure::configuration(message, hint))
}

fn limits(setup: &Setup) -> Limits {
    let limits = &setup.engine.config.limits;
    Limits {
        memory: usize::try_from(limits.script_memory).unwrap_or(usize::MAX),
        cpu: limits.script_cpu,
    }
}

fn work(
    script: String,
    workflow: Workflow,
    settings: &[Field],
    setup: &Setup,
) -> Result<ScriptWork, Failure> {
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|field| (field.name.as_str(), field.value.as_text().unwrap_or_default()))
        .collect();
    let connections_of = |provider: &str| setup.engine.connections_of(provider);
    let arguments = workflow
        .check_arguments(&settings, &connections_of)
        .map_err(|errors| {
            let mistake = |error: ArgumentError| Failure::usage(error.message, error.hint).render();
            let mistakes: Vec<String> = errors.into_iter().map(mistake).collect();
            Failure::usage(
                mistakes.join("\n"),
                format!("`signoff run {script} --help` shows the arguments"),
            )
        })?;
    Ok(ScriptWork {
        script,
        workflow,
        arguments,
        recorded: None,
        late: Vec::new(),
    })
}

/// A file; or, with `@`, a script that comes with signoff.
fn load(script: &str, limits: Limits) -> Result<Workflow, Failure> {
    let loaded = match script.strip_prefix('@') {
        Some(name) => Workflow::from_text(script, scripts::find(name)?.text, limits),
        None => Workflow::load(Path::new(script), limits),
    };
    loaded.map_err(|error| script_failure(&error))
}

pub(super) fn script_failure(error: &ScriptError) -> Failure {
    // It is set out with its place and its hint already.
    Failure::configuration(error.to_string(), "")
}

struct ScriptWork {
    script: String,
    workflow: Workflow,
    arguments: Arguments,
    /// What the journal says of the arguments, if it does.
    recorded: Option<Vec<Field>>,
    /// Modules that only an earlier execution has required.
    late: Vec<SourceText>,
}

impl Work for ScriptWork {
    fn header(&self) -> RunHeader {
        let sources = self.workflow.sources().into_iter();
        let arguments = self.arguments.settings().into_iter();
        let inputs = self.arguments.iter().filter_map(|(_, value)| match value {
            ArgumentValue::File { path, sha256 } => Some(InputFile {
                path: path.display().to_string(),
                sha256: sha256.clone(),
                rows: None,
            }),
            _ => None,
        });
        RunHeader {
            inputs: inputs.collect(),
            workflow: self.script.clone(),
            sources: sources.map(text_of).chain(self.late.iter().cloned()).collect(),
            arguments: self
                .recorded
                .clone()
                .unwrap_or_else(|| arguments.map(|(name, value)| Field::new(name, value)).collect()),
            ..RunHeader::default()
        }
    }

    fn at_most(&self) -> Option<u64> {
        None
    }

    fn perform(&self, run: Arc<Run>) -> BoxFuture<'_, Result<Performed, Failure>> {
        async move {
            match self.workflow.run(Arc::new(RunHost(run)), &self.arguments).await {
                Ok(Ending::Completed | Ending::Stopped) => Ok(Performed::Whole),
                Ok(Ending::Limited) => Ok(Performed::Limited),
                Err(RunError::Script(error)) => Err(script_failure(&error)),
                Err(RunError::Journal(error)) => Err(error.into()),
                Err(RunError::Fault(message)) => Err(Failure::configuration(message, "")),
            }
        }
        .boxed()
    }
}

fn text_of(source: Source) -> SourceText {
    SourceText {
        name: source.name,
        text: source.text.to_string(),
    }
}

/// The engine's run, as a script sees it.
struct RunHost(Arc<Run>);

impl Host for RunHost {
    async fn call(&self, call: Call) -> Result<Answer, CallError> {
        self.0.call(call).await
    }

    async fn skip(&self, skip: Skip) -> Result<Arc<OutcomeRow>, CallError> {
        self.0
            .skip(
                skip.place,
                &skip.source,
                skip.connection.as_deref(),
                &skip.user,
                &skip.reason,
            )
            .await
    }

    async fn now(&self, place: Place, source: String) -> Result<i64, CallError> {
        self.0.now(place, &source).await
    }

    async fn sleep(
        &self,
        place: Place,
        source: String,
        duration: std::time::Duration,
    ) -> Result<(), CallError> {
        self.0.sleep(place, &source, duration).await
    }

    async fn each(&self, place: Place, source: String, items: String) -> Result<(), CallError> {
        self.0.each(place, &source, &items)
    }

    fn source(&self, source: Source) {
        self.0.source(text_of(source));
    }

    async fn connection(&self, name: &str, credential: Option<&str>) -> Result<ConnectionInfo, CallError> {
        let facts = self.0.connection(name, credential)?;
        Ok(ConnectionInfo {
            descriptor: facts.descriptor,
            actor: facts.actor,
        })
    }

    async fn people(&self, request: PeopleRequest) -> Result<Arc<People>, CallError> {
        self.0.people(request).await
    }

    fn keys(&self) -> Vec<(String, &'static [&'static str])> {
        self.0.keys()
    }

    fn enter(&self, connection: Option<&str>, user: &User) {
        self.0.enter(connection, user);
    }

    fn leave(&self, user: &User) {
        self.0.leave(user);
    }

    fn log(&self, level: Level, text: String, fields: Vec<Field>) {
        self.0.say(level, &text, fields);
    }

    fn planning(&self) -> bool {
        self.0.planning()
    }

    fn seed(&self) -> u64 {
        self.0.seed()
    }
}
