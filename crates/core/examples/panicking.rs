//! A provider that panics where its option says, as a library: what a mistake in a plugin looks like to its host. The
//! engine's tests of misuse load it.

#![expect(clippy::panic, reason = "to panic is what it is for")]

use std::borrow::Cow;
use std::panic::panic_any;
use std::time::Duration;

use signoff_core::{
    ActsOn, Args, Class, Context, CredentialKind, CredentialUse, Descriptor, EndpointSpec, Error, Finished,
    Input, Limits, Monotonic, Now, Operation, OperationSpec, Options, Outcome, Parameter, ParameterKind,
    Placement, Provider, Request, RequestId, Response, Step, Target, Wait, Yields,
};

signoff_core::export_provider!(Panicking, DESCRIPTOR);

static DESCRIPTOR: Descriptor = Descriptor {
    id: "misfit",
    name: "Misfit",
    version: "1.0.0",
    summary: "panics where its option says",
    options: &[Parameter {
        name: "at",
        kind: ParameterKind::Text,
        default: None,
        required: true,
        choices: &[],
        help: "where it panics",
    }],
    operations: &[OperationSpec {
        name: "logout",
        summary: "asks once, and is done",
        writes: true,
        target: Target::User,
        yields: Yields::Outcome,
        parameters: &[],
    }],
    endpoints: &[EndpointSpec {
        name: "api",
        required: true,
        help: "where it is",
    }],
    credentials: &[CredentialKind::Basic],
    logins: &[],
    limits: Limits {
        rate: 0.0,
        concurrency: 4,
    },
    timeout: Duration::from_secs(5),
    settle: Duration::from_millis(100),
    state_can_be_asked: true,
    acts_on: ActsOn::User,
    secret_attributes: &[],
};

/// Where it shows a credential, and panics with what was answered to it.
const ANSWER: &str = "the answer";

struct Panicking(Trap);

struct Asking {
    trap: Trap,
    has_asked: bool,
    is_answered: bool,
}

/// Where it panics.
#[derive(Clone)]
struct Trap(String);

impl Trap {
    fn step_on(&self, place: &str) {
        assert!(self.0 != place, "the trap in `{place}`");
    }
}

impl Provider for Panicking {
    type Op = Asking;

    fn new(options: Options<'_>) -> Result<Self, Error> {
        let trap = Trap(options.text("at").to_owned());
        trap.step_on("new");
        Ok(Self(trap))
    }

    fn start(
        &self,
        _operation: &str,
        _args: Args<'_>,
        _context: Context<'_>,
        _now: Now,
    ) -> Result<Asking, Error> {
        self.0.step_on("start");
        Ok(Asking {
            trap: self.0.clone(),
            has_asked: false,
            is_answered: false,
        })
    }

    fn classify(&self, _response: &Response<'_>) -> Class {
        self.0.step_on("classify");
        Class::Ok
    }
}

impl Drop for Panicking {
    fn drop(&mut self) {
        self.0.step_on("dropping the provider");
    }
}

impl Operation for Asking {
    fn next(&mut self, _now: Now) -> Step {
        self.trap.step_on("next");
        if self.trap.0 == "next with a number" {
            panic_any(7);
        }
        if self.is_answered {
            return Step::Finished(Finished::new(Outcome::Done));
        }
        if self.has_asked {
            return Step::Wait(Wait {
                until: Monotonic::NEVER,
                reason: Cow::Borrowed(""),
            });
        }
        self.has_asked = true;
        let mut request = Request::read(RequestId(1), "api", "/users");
        if self.trap.0 == ANSWER {
            request.credential = Some(CredentialUse::actor(Placement::Basic));
        }
        Step::Request(request)
    }

    fn input(&mut self, _now: Now, input: Input<'_>) {
        self.trap.step_on("input");
        if let (ANSWER, Input::Response(response)) = (&*self.trap.0, &input) {
            panic!("{} {input:?}", String::from_utf8_lossy(response.body));
        }
        self.is_answered = true;
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.trap.step_on("dropping the operation");
    }
}
