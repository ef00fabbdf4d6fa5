//! A provider that does what no provider should.

use std::borrow::Cow;
use std::time::Duration;

use signoff_core::{
    ActsOn, Args, Class, Context, Descriptor, Effect, EndpointSpec, Error, Finished, InDoubt, Input, Limits,
    Monotonic, Now, Operation, OperationSpec, Options, Outcome, Provider, Request, RequestId, Response, Step,
    Target, Wait, Yields,
};

pub(crate) const DESCRIPTOR: Descriptor = Descriptor {
    id: "odd",
    name: "Odd",
    version: "1.0.0",
    summary: "a provider that does what no provider should",
    options: &[],
    operations: &[
        operation("deaf"),
        operation("stuck"),
        operation("hasty"),
        operation("broken"),
        operation("told"),
    ],
    endpoints: &[EndpointSpec {
        name: "api",
        required: true,
        help: "where it is",
    }],
    credentials: &[],
    logins: &[],
    limits: Limits {
        rate: 0.0,
        concurrency: 8,
    },
    timeout: Duration::from_secs(1),
    settle: Duration::from_millis(100),
    state_can_be_asked: false,
    acts_on: ActsOn::User,
    secret_attributes: &[],
};

const fn operation(name: &'static str) -> OperationSpec {
    OperationSpec {
        name,
        summary: "does what it should not",
        writes: true,
        target: Target::User,
        yields: Yields::Outcome,
        parameters: &[],
    }
}

pub(crate) struct Odd;

pub(crate) struct OddOperation {
    kind: String,
    requests: u64,
    cancelled: bool,
    logged_out: bool,
}

impl Provider for Odd {
    type Op = OddOperation;

    fn new(_options: Options<'_>) -> Result<Self, Error> {
        Ok(Self)
    }

    fn start(
        &self,
        operation: &str,
        _args: Args<'_>,
        context: Context<'_>,
        _now: Now,
    ) -> Result<OddOperation, Error> {
        Ok(OddOperation {
            kind: operation.to_owned(),
            requests: 0,
            cancelled: false,
            logged_out: context.logged_out,
        })
    }

    fn classify(&self, response: &Response<'_>) -> Class {
        match response.status {
            200..=299 => Class::Ok,
            _ => Class::Other,
        }
    }
}

impl OddOperation {
    fn write(&mut self) -> Step {
        self.requests += 1;
        let mut request = Request::read(RequestId(self.requests), "api", "/finesse/api/User/1");
        request.method = "PUT".to_owned();
        request.effect = Effect::Write {
            part: format!("part:{}", self.requests),
            in_doubt: InDoubt::Report,
            request_id: Some(format!("odd-{}", self.requests)),
        };
        Step::Request(request)
    }
}

impl Operation for OddOperation {
    fn next(&mut self, now: Now) -> Step {
        let wait = |until| {
            Step::Wait(Wait {
                until,
                reason: Cow::Borrowed(""),
            })
        };
        match self.kind.as_str() {
            // Never ends.
            "deaf" => wait(now.monotonic + Duration::from_millis(50)),
            // Waits for what cannot come.
            "stuck" => wait(Monotonic::NEVER),
            // Ends before its write is answered.
            "hasty" if self.requests == 0 => self.write(),
            "hasty" if self.cancelled => Step::Finished(Finished::new(Outcome::Cancelled)),
            "hasty" => wait(now.monotonic + Duration::from_millis(100)),
            // Ends at once, and says what it was told of an earlier logout.
            "told" => Step::Finished(Finished {
                code: Some(self.logged_out.to_string()),
                ..Finished::new(Outcome::Done)
            }),
            // Breaks down after its write.
            _ if self.requests == 0 => self.write(),
            _ => wait(Monotonic::NEVER),
        }
    }

    fn input(&mut self, _now: Now, input: Input<'_>) {
        match input {
            Input::Cancel(_) => self.cancelled = true,
            Input::Response(_) if self.kind == "broken" => panic!("broken down"),
            _ => {}
        }
    }
}
