//! A provider for tests: it plays the steps it is given, and remembers its inputs.

#![allow(dead_code, clippy::allow_attributes, reason = "each test uses a part")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "it is a test"
)]

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use signoff_core::abi::host::{Instance, Library, Op};
use signoff_core::{
    ActsOn, Args, Class, Context, CredentialKind, Descriptor, EndpointSpec, Error, Field, InDoubtPolicy,
    Input, Limits, LoginFlow, Monotonic, Now, Operation, OperationSpec, Options, Parameter, ParameterKind,
    Provider, RefreshFlow, Response, Step, Target, Yields,
};

pub(crate) const NOW: Now = Now {
    monotonic: Monotonic(5_000_000_000),
    unix_ms: 1_700_000_000_000,
};

pub(crate) static DESCRIPTOR: Descriptor = Descriptor {
    id: "player",
    name: "Player",
    version: "1.2.3",
    summary: "plays what it is given",
    options: &[Parameter {
        name: "tone",
        kind: ParameterKind::Text,
        default: Some("kind"),
        required: false,
        choices: &["kind", "harsh"],
        help: "how it speaks",
    }],
    operations: &[
        operation("logout", true, Yields::Outcome),
        operation("status", false, Yields::Record),
        operation("roster", false, Yields::Records),
    ],
    endpoints: &[EndpointSpec {
        name: "api",
        required: true,
        help: "where it is",
    }],
    credentials: &[CredentialKind::Basic, CredentialKind::Key],
    logins: &[LoginFlow {
        name: "token",
        endpoint: "api",
        method: "POST",
        path: "/login",
        content_type: "application/json",
        body: r#"{"user":"{username}","password":"{password}"}"#,
        token_pointer: "/token",
        expires_pointer: "",
        refresh_pointer: "/again",
        refresh: Some(RefreshFlow {
            method: "PUT",
            path: "/refresh",
            content_type: "application/x-www-form-urlencoded",
            body: "token={refresh_token}",
            token_pointer: "/data/token",
        }),
    }],
    limits: Limits {
        rate: 2.5,
        concurrency: 3,
    },
    timeout: Duration::from_secs(10),
    settle: Duration::from_millis(1500),
    state_can_be_asked: true,
    acts_on: ActsOn::CredentialOwner,
    secret_attributes: &["device_token"],
};

const fn operation(name: &'static str, writes: bool, yields: Yields) -> OperationSpec {
    OperationSpec {
        name,
        summary: "plays",
        writes,
        target: Target::User,
        yields,
        parameters: &[Parameter {
            name: "wait",
            kind: ParameterKind::Duration,
            default: None,
            required: true,
            choices: &[],
            help: "",
        }],
    }
}

/// Plays [`STEPS`]; its option `tone` says what goes wrong.
#[derive(Debug)]
pub(crate) struct Player {
    tone: String,
}

/// What the next operation is to play. Tests that use it hold [`STAGE`].
pub(crate) static STEPS: Mutex<Vec<Step>> = Mutex::new(Vec::new());
/// What was told to a player, and what it was started with.
pub(crate) static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// What `classify` is to say.
pub(crate) static CLASS: Mutex<Class> = Mutex::new(Class::Ok);
/// Held by a test while it plays.
pub(crate) static STAGE: LazyLock<Mutex<()>> = LazyLock::new(Mutex::default);

impl Provider for Player {
    type Op = Playing;

    fn new(options: Options<'_>) -> Result<Self, Error> {
        hear(format!("{:?}", options.fields()));
        match options.text("tone") {
            "refused" => Err(Error::Options("`tone` is not a tone".to_owned())),
            "panics" => panic!("no tone"),
            tone => Ok(Self {
                tone: tone.to_owned(),
            }),
        }
    }

    fn start(
        &self,
        operation: &str,
        args: Args<'_>,
        context: Context<'_>,
        now: Now,
    ) -> Result<Playing, Error> {
        hear(format!("{operation} {args:?} {context:?} {now:?}"));
        match self.tone.as_str() {
            "start refused" => Err(Error::Arguments("`wait` is too long".to_owned())),
            "start talks" => Err(Error::Arguments("é".repeat(5_000))),
            tone => {
                let mut steps = std::mem::take(&mut *lock(&STEPS));
                steps.reverse();
                Ok(Playing {
                    tone: tone.to_owned(),
                    steps,
                })
            }
        }
    }

    fn classify(&self, response: &Response<'_>) -> Class {
        hear(format!("{response:?}"));
        assert!(self.tone != "classify panics", "no class");
        *lock(&CLASS)
    }
}

#[derive(Debug)]
pub(crate) struct Playing {
    tone: String,
    steps: Vec<Step>,
}

impl Operation for Playing {
    fn next(&mut self, now: Now) -> Step {
        hear(format!("{now:?}"));
        self.steps.pop().expect("there is a step")
    }

    fn input(&mut self, now: Now, input: Input<'_>) {
        hear(format!("{now:?} {input:?}"));
        assert!(self.tone != "input panics", "no {input:?}");
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        assert!(self.tone != "drop panics", "no end");
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn hear(what: String) {
    lock(&HEARD).push(what);
}

pub(crate) fn heard() -> Vec<String> {
    std::mem::take(&mut *lock(&HEARD))
}

pub(crate) fn library() -> Library {
    Library::linked::<Player>(&DESCRIPTOR).unwrap()
}

pub(crate) fn open(tone: &str) -> Instance {
    library().open(&[Field::new("tone", tone)]).unwrap()
}

pub(crate) const fn context() -> Context<'static> {
    Context {
        actor: "sup01",
        actor_kind: CredentialKind::Basic,
        plan: false,
        call: "run/1",
        may_act_on_self: false,
        in_doubt: InDoubtPolicy::Verify,
        earlier: &[],
        logged_out: false,
    }
}

/// An operation that plays these steps.
pub(crate) fn play(operation: &str, steps: Vec<Step>) -> Op {
    *lock(&STEPS) = steps;
    open("kind")
        .start(operation, Args::new(None, &[]), context(), NOW)
        .unwrap()
}
