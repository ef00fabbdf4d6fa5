//! A fake host, and helpers that run a script against it.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use signoff_core::{
    ActsOn, Descriptor, Field, Limits as ProviderLimits, OperationSpec, Outcome, Parameter, ParameterKind,
    Record, Target, User, Value, Yields,
};
use signoff_engine::call::{Answer, Call, CallError, OutcomeRow, Place};
use signoff_engine::event::Level;
use signoff_engine::parameters::resolve;
use signoff_engine::people::{Content, People};
use signoff_engine::run::PeopleRequest;
use signoff_engine::secret::UserSecrets;
use signoff_script::{Arguments, ConnectionInfo, Ending, Host, Limits, RunError, Skip, Source, Workflow};

const fn parameter(name: &'static str, kind: ParameterKind) -> Parameter {
    Parameter {
        name,
        kind,
        default: None,
        required: false,
        choices: &[],
        help: "",
    }
}

/// A provider with the operations that scripts use.
pub(crate) static PROVIDER: Descriptor = Descriptor {
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
            parameters: &[
                Parameter {
                    choices: &["idle", "now"],
                    ..parameter("when", ParameterKind::Text)
                },
                parameter("wait", ParameterKind::Duration),
                parameter("confirm", ParameterKind::Text),
                parameter("confirm_within", ParameterKind::Duration),
                parameter("reason", ParameterKind::Text),
                parameter("include_self", ParameterKind::Boolean),
                parameter("force_not_ready", ParameterKind::Boolean),
            ],
        },
        OperationSpec {
            name: "status",
            summary: "",
            writes: false,
            target: Target::User,
            yields: Yields::Record,
            parameters: &[],
        },
        OperationSpec {
            name: "roster",
            summary: "",
            writes: false,
            target: Target::Connection,
            yields: Yields::Records,
            parameters: &[
                parameter("team", ParameterKind::Text),
                parameter("signed_in", ParameterKind::Boolean),
            ],
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

type Behaviour = dyn Fn(&Call) -> Result<Answer, CallError> + Send + Sync;

/// A host that notes everything, and answers as it is told.
pub(crate) struct Fake {
    pub(crate) notes: Mutex<Vec<String>>,
    pub(crate) behaviour: Box<Behaviour>,
    pub(crate) planning: bool,
    /// Answers come in another order than calls.
    pub(crate) shuffled: bool,
    pub(crate) calls: AtomicUsize,
    pub(crate) under_way: AtomicUsize,
    pub(crate) most_under_way: AtomicUsize,
    pub(crate) quiet: bool,
    pub(crate) limits: Limits,
    pub(crate) secrets: Arc<UserSecrets>,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            notes: Mutex::default(),
            behaviour: Box::new(answer),
            planning: false,
            shuffled: false,
            calls: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
            quiet: false,
            limits: limits(),
            secrets: Arc::default(),
        }
    }
}

impl Fake {
    pub(crate) fn note(&self, text: String) {
        if !self.quiet {
            self.notes.lock().unwrap().push(text);
        }
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap().clone()
    }
}

/// What the fake says unless a test says otherwise: a roster of three and the supervisor; who is named after an outcome has it.
pub(crate) fn answer(call: &Call) -> Result<Answer, CallError> {
    Ok(match call.operation.as_str() {
        "roster" => Answer::Records(Arc::new(
            ["sup01", "1001", "1002", "O'Neil & Co"]
                .iter()
                .map(|id| record(id, "READY"))
                .collect(),
        )),
        "status" => Answer::Record(record(&call.user.as_ref().unwrap().id, "TALKING")),
        _ => {
            let id = &call.user.as_ref().unwrap().id;
            Answer::Outcome(Arc::new(row(id, id.parse().unwrap_or(Outcome::Done))))
        }
    })
}

pub(crate) fn record(id: &str, state: &str) -> Record {
    Record {
        id: id.to_owned(),
        attributes: vec![
            Field::new("state", state),
            Field::new("name", format!("Agent {id}")),
        ],
    }
}

pub(crate) fn row(user: &str, outcome: Outcome) -> OutcomeRow {
    OutcomeRow {
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
        details: Vec::new(),
        cause: None,
    }
}

impl Host for Fake {
    fn call(&self, call: Call) -> impl Future<Output = Result<Answer, CallError>> + Send {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let now = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_under_way.fetch_max(now, Ordering::Relaxed);
        async move {
            if self.shuffled {
                for _ in 0..(number * 7) % 13 {
                    tokio::task::yield_now().await;
                }
            }
            let user = call.user.as_ref().map_or("", |user| user.id.as_str());
            let arguments: Vec<String> = call
                .arguments
                .iter()
                .map(|field| format!("{}={}", field.name, show(&field.value)))
                .collect();
            self.note(format!(
                "{} {} {}{}:{} {user} {}",
                call.place,
                call.source,
                call.connection,
                call.credential
                    .as_ref()
                    .map_or(String::new(), |name| format!(" as {name}")),
                call.operation,
                arguments.join(" "),
            ));
            let answer = checked(&call).and_then(|()| (self.behaviour)(&call));
            self.under_way.fetch_sub(1, Ordering::Relaxed);
            answer
        }
    }

    async fn skip(&self, skip: Skip) -> Result<Arc<OutcomeRow>, CallError> {
        self.note(format!("{} skip {} {}", skip.place, skip.user.id, skip.reason));
        Ok(Arc::new(row(&skip.user.id, Outcome::Skipped)))
    }

    async fn now(&self, place: Place, _source: String) -> Result<i64, CallError> {
        self.note(format!("{place} now"));
        Ok(1_700_000_000_500)
    }

    async fn sleep(&self, place: Place, _source: String, duration: Duration) -> Result<(), CallError> {
        self.note(format!("{place} sleep {duration:?}"));
        Ok(())
    }

    async fn each(&self, _place: Place, _source: String, _items: String) -> Result<(), CallError> {
        Ok(())
    }

    fn source(&self, source: Source) {
        self.note(format!("source {}", source.name));
    }

    async fn connection(&self, name: &str, credential: Option<&str>) -> Result<ConnectionInfo, CallError> {
        if !["prod", "lab"].contains(&name) {
            return Err(CallError::Misuse {
                message: format!("there is no connection `{name}`"),
                hint: "did you mean `prod`?".to_owned(),
            });
        }
        Ok(ConnectionInfo {
            descriptor: &PROVIDER,
            actor: Some(credential.unwrap_or("sup01").to_owned()),
        })
    }

    /// Its secrets are in the column `key`, and no two users of `prod` may share one.
    async fn people(&self, request: PeopleRequest) -> Result<Arc<People>, CallError> {
        let mut settings = request.settings;
        settings.secret_attributes = vec!["key".to_owned()];
        let people = People::check(Content::open(&request.path)?, settings, &self.secrets)?;
        assert_eq!(people.input().sha256, request.sha256);
        Ok(Arc::new(people))
    }

    fn keys(&self) -> Vec<(String, &'static [&'static str])> {
        vec![("prod".to_owned(), &["key"])]
    }

    fn enter(&self, connection: Option<&str>, user: &User) {
        self.note(format!("enter {}:{}", connection.unwrap_or("?"), user.id));
    }

    fn leave(&self, user: &User) {
        self.note(format!("leave {}", user.id));
    }

    fn log(&self, level: Level, text: String, fields: Vec<Field>) {
        let fields: Vec<String> = fields
            .iter()
            .map(|field| format!(" {}={}", field.name, show(&field.value)))
            .collect();
        self.note(format!("{level:?}: {text}{}", fields.concat()));
    }

    fn planning(&self) -> bool {
        self.planning
    }

    fn seed(&self) -> u64 {
        7
    }
}

/// The connections that are configured.
pub(crate) fn connections_of(provider: &str) -> Vec<String> {
    match provider {
        "finesse" => vec!["prod".to_owned()],
        "zap" => vec!["zap-a".to_owned(), "zap-b".to_owned()],
        _ => Vec::new(),
    }
}

fn show(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Boolean(boolean) => boolean.to_string(),
        Value::Integer(integer) => integer.to_string(),
        other => format!("{other:?}"),
    }
}

/// A script whose `run` has this body.
pub(crate) fn script(body: &str) -> String {
    format!(
        "local signoff = require(\"@signoff\")\nreturn signoff.workflow({{ run = function(args)\n{body}\nend }})\n"
    )
}

/// Small limits, so that no test takes long.
pub(crate) fn limits() -> Limits {
    Limits {
        memory: 16 << 20,
        cpu: Duration::from_millis(150),
    }
}

pub(crate) fn run_on(host: &Arc<Fake>, text: &str) -> Result<Ending, RunError> {
    let workflow = Workflow::from_text("test.luau", text, host.limits)
        .map_err(|error| RunError::Script(Box::new(error)))?;
    let arguments = workflow.check_arguments(&[], &connections_of).unwrap();
    run_workflow(host, &workflow, &arguments)
}

pub(crate) fn run_workflow(
    host: &Arc<Fake>,
    workflow: &Workflow,
    arguments: &Arguments,
) -> Result<Ending, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let run = workflow.run(Arc::clone(host), arguments);
        tokio::time::timeout(Duration::from_secs(20), run).await.unwrap()
    })
}

/// What the host notes while a script with this body runs, and how it ends.
pub(crate) fn transcript(host: Fake, body: &str) -> String {
    let host = Arc::new(host);
    let ended = run_on(&host, &script(body));
    let mut lines = host.notes();
    match ended {
        Ok(Ending::Completed) => {}
        Ok(other) => lines.push(format!("{other:?}")),
        Err(error) => lines.push(error.to_string()),
    }
    lines
        .iter()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

#[expect(clippy::needless_pass_by_value, reason = "as expect! gives it")]
pub(crate) fn check(body: &str, expected: expect_test::Expect) {
    expected.assert_eq(&transcript(Fake::default(), body));
}

/// A run checks options against the provider's table.
fn checked(call: &Call) -> Result<(), CallError> {
    // The host's own are none of the provider's.
    let Some(operation) = PROVIDER.operation(&call.operation) else {
        return Ok(());
    };
    let parameters = operation.parameters;
    resolve(parameters, &call.arguments)
        .map(|_| ())
        .map_err(|mistake| CallError::Misuse {
            message: format!("`{}`: {mistake}", call.operation),
            hint: mistake.hint(),
        })
}
