//! A host that takes its time and keeps count, and the conditions under which every hostile script runs: next to an
//! honest one, on one thread of a runtime.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use signoff_core::{
    ActsOn, Descriptor, Field, Limits as ProviderLimits, OperationSpec, Outcome, Parameter, ParameterKind,
    Record, Target, User, Value, Yields,
};
use signoff_engine::call::{Answer, Call, CallError, OutcomeRow, Place};
use signoff_engine::event::Level;
use signoff_engine::parameters::resolve;
use signoff_engine::people::People;
use signoff_engine::run::PeopleRequest;
use signoff_script::{ConnectionInfo, Ending, Host, Limits, RunError, Skip, Source, Workflow};

static PROVIDER: Descriptor = Descriptor {
    id: "finesse",
    name: "Finesse",
    version: "0.0.0",
    summary: "",
    options: &[],
    operations: &[
        OperationSpec {
            name: "logout",
            summary: "",
            writes: true,
            target: Target::User,
            yields: Yields::Outcome,
            parameters: &[Parameter {
                name: "reason",
                kind: ParameterKind::Text,
                default: None,
                required: false,
                choices: &[],
                help: "",
            }],
        },
        OperationSpec {
            name: "roster",
            summary: "",
            writes: false,
            target: Target::Connection,
            yields: Yields::Records,
            parameters: &[],
        },
    ],
    endpoints: &[],
    credentials: &[],
    logins: &[],
    limits: ProviderLimits {
        rate: 0.0,
        concurrency: 8,
    },
    timeout: Duration::from_secs(10),
    settle: Duration::from_secs(10),
    state_can_be_asked: true,
    acts_on: ActsOn::User,
    secret_attributes: &[],
};

/// A host whose calls take a millisecond, and that notices when one is made too late or dropped.
#[derive(Default)]
pub(crate) struct Fake {
    begun: AtomicUsize,
    ended: AtomicUsize,
    over: AtomicBool,
    late: AtomicUsize,
    pub(crate) said: Mutex<Vec<String>>,
}

impl Fake {
    async fn take(&self) {
        self.touch();
        self.begun.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    fn touch(&self) {
        if self.over.load(Ordering::Relaxed) {
            self.late.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What is wrong with the host after the run; empty if nothing is.
    fn faults(&self) -> Vec<String> {
        let begun = self.begun.load(Ordering::Relaxed);
        let ended = self.ended.load(Ordering::Relaxed);
        let late = self.late.load(Ordering::Relaxed);
        let mut faults = Vec::new();
        if begun != ended {
            faults.push(format!("{begun} calls were begun, {ended} ended"));
        }
        if late > 0 {
            faults.push(format!("{late} calls after the end"));
        }
        faults
    }
}

impl Host for Fake {
    async fn call(&self, call: Call) -> Result<Answer, CallError> {
        self.take().await;
        checked(&call)?;
        let Some(user) = call.user else {
            let row = |id: &str| Record {
                id: id.to_owned(),
                attributes: vec![Field::new("state", "READY")],
            };
            return Ok(Answer::Records(Arc::new(vec![row("1001"), row("1002")])));
        };
        Ok(Answer::Outcome(outcome(&user.id, Outcome::Done)))
    }

    async fn skip(&self, skip: Skip) -> Result<Arc<OutcomeRow>, CallError> {
        self.take().await;
        Ok(outcome(&skip.user.id, Outcome::Skipped))
    }

    async fn now(&self, _: Place, _: String) -> Result<i64, CallError> {
        self.touch();
        Ok(1_700_000_000_500)
    }

    async fn sleep(&self, _: Place, _: String, duration: Duration) -> Result<(), CallError> {
        self.touch();
        if !duration.is_zero() {
            tokio::time::sleep(duration).await;
        }
        Ok(())
    }

    async fn each(&self, _place: Place, _source: String, _items: String) -> Result<(), CallError> {
        Ok(())
    }

    fn source(&self, source: Source) {
        drop(source);
    }

    async fn connection(&self, name: &str, _: Option<&str>) -> Result<ConnectionInfo, CallError> {
        self.touch();
        if name == "prod" {
            return Ok(ConnectionInfo {
                descriptor: &PROVIDER,
                actor: Some("sup01".to_owned()),
            });
        }
        Err(CallError::Misuse {
            message: format!("there is no connection `{name}`"),
            hint: String::new(),
        })
    }

    async fn people(&self, _: PeopleRequest) -> Result<Arc<People>, CallError> {
        self.touch();
        Err(CallError::Misuse {
            message: "there is no list".to_owned(),
            hint: String::new(),
        })
    }

    fn keys(&self) -> Vec<(String, &'static [&'static str])> {
        Vec::new()
    }

    fn enter(&self, _: Option<&str>, _: &User) {
        self.touch();
    }

    fn leave(&self, _: &User) {
        self.touch();
    }

    fn log(&self, level: Level, text: String, fields: Vec<Field>) {
        self.touch();
        let fields: Vec<String> = fields
            .iter()
            .map(|field| format!(" {}={:?}", field.name, field.value))
            .collect();
        let mut said = self.said.lock().unwrap();
        if said.len() < 100 {
            said.push(format!("{level:?}: {text}{}", fields.concat()));
        }
    }

    fn planning(&self) -> bool {
        false
    }

    fn seed(&self) -> u64 {
        7
    }
}

fn outcome(user: &str, outcome: Outcome) -> Arc<OutcomeRow> {
    Arc::new(OutcomeRow {
        run: "run".to_owned(),
        connection: Some("prod".to_owned()),
        provider: Some("finesse".to_owned()),
        operation: Some("logout".to_owned()),
        user: user.to_owned(),
        name: None,
        outcome,
        confirmed_by: None,
        attempts: 1,
        repeated: false,
        http_status: Some(202),
        code: None,
        message: None,
        request_id: None,
        started_ms: 1_700_000_000_000,
        ended_ms: 1_700_000_000_250,
        details: vec![Field::new("part", Value::Integer(1))],
        cause: None,
    })
}

/// What became of a hostile script.
pub(crate) struct Verdict {
    /// How it ended; empty if it came to its end like an honest one.
    pub(crate) error: String,
    /// What it did that no script may do.
    pub(crate) faults: Vec<String>,
    pub(crate) said: Vec<String>,
}

/// Beyond its time a script is under way only as long as others are that share the processors: on a busy machine that is
/// seconds, and a script that is not stopped goes on for ever.
const PATIENCE: Duration = Duration::from_secs(10);
/// The machine's memory, what the host holds for it, and what lies between the two.
const MEMORY: u64 = 40 << 20;

/// Runs the script at that path next to an honest one, and looks after everything that it might have damaged.
pub(crate) fn judge(path: &Path, limits: Limits) -> Verdict {
    let memory = Memory::mark();
    let began = Instant::now();
    let host = Arc::new(Fake::default());
    let mut faults = Vec::new();
    let mut error = match Workflow::load(path, limits) {
        Ok(workflow) => {
            let ended = run_beside_an_honest_one(&workflow, &host, &mut faults);
            host.over.store(true, Ordering::Relaxed);
            let waited = Instant::now();
            while workflow.is_running() && waited.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(1));
            }
            if workflow.is_running() {
                faults.push("its thread is still running".to_owned());
            }
            ended.map_or_else(|error| error.to_string(), |()| String::new())
        }
        Err(error) => error.to_string(),
    };
    if let Some(folder) = path.parent() {
        error = error.replace(&format!("{}/", folder.display()), "");
    }
    let took = began.elapsed();
    if took > limits.cpu + PATIENCE {
        faults.push(format!("it took {took:?}"));
    }
    let grown = memory.grown();
    if grown > MEMORY {
        faults.push(format!("the process grew by {} MiB", grown >> 20));
    }
    faults.extend(host.faults());
    let said = host.said.lock().unwrap().clone();
    Verdict { error, faults, said }
}

/// How the workflow ended.
fn run_beside_an_honest_one(
    workflow: &Workflow,
    host: &Arc<Fake>,
    faults: &mut Vec<String>,
) -> Result<(), RunError> {
    let arguments = match workflow.check_arguments(&[], &|_| vec!["prod".to_owned()]) {
        Ok(arguments) => arguments,
        Err(errors) => return Err(RunError::Fault(format!("{errors:?}"))),
    };
    let honest = Workflow::from_text("honest.luau", HONEST, Limits::default()).unwrap();
    let nothing = honest.check_arguments(&[], &|_| Vec::new()).unwrap();
    let other = Arc::new(Fake::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (hostile, undisturbed) = runtime.block_on(async {
        let both = async {
            tokio::join!(
                workflow.run(Arc::clone(host), &arguments),
                honest.run(Arc::clone(&other), &nothing)
            )
        };
        let ended = tokio::time::timeout(Duration::from_secs(5), both).await;
        let late = |_| {
            (
                Err(RunError::Fault("it did not end".to_owned())),
                Ok(Ending::Completed),
            )
        };
        ended.unwrap_or_else(late)
    });
    if let Err(error) = undisturbed {
        faults.push(format!("the honest script failed: {error}"));
    }
    if other.ended.load(Ordering::Relaxed) != 41 {
        faults.push("the honest script's calls are not all there".to_owned());
    }
    faults.extend(other.faults());
    hostile.map(drop)
}

/// Forty calls in a fan-out, and a roster.
const HONEST: &str = r#"
local signoff = require("@signoff")
return signoff.workflow({
    run = function()
        local finesse = signoff.connect("prod")
        finesse:roster()
        local ids = {}
        for id = 1, 40 do
            ids[id] = `{id}`
        end
        local totals = signoff.each(ids, function(id)
            return finesse:logout(id)
        end, { concurrency = 4 })
        assert(totals.out == 40)
    end,
})
"#;

/// How much memory the process needs at its most.
struct Memory(u64);

impl Memory {
    /// Forgets the most that there was so far.
    fn mark() -> Self {
        let _ = fs::write("/proc/self/clear_refs", "5");
        Self(Self::peak())
    }

    fn grown(&self) -> u64 {
        Self::peak().saturating_sub(self.0)
    }

    /// In bytes; zero where the system does not tell.
    fn peak() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kibibytes.unwrap_or_default() << 10
    }
}

/// A run checks options against the provider's table.
fn checked(call: &Call) -> Result<(), CallError> {
    let parameters = PROVIDER
        .operation(&call.operation)
        .map_or(&[][..], |operation| operation.parameters);
    resolve(parameters, &call.arguments)
        .map(|_| ())
        .map_err(|mistake| CallError::Misuse {
            message: format!("`{}`: {mistake}", call.operation),
            hint: mistake.hint(),
        })
}
