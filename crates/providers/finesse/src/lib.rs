//! Cisco Finesse: agents and supervisors of a contact centre, logged out through its REST API.
//!
//! Finesse queues a change of state and answers 202 before anything has happened, and it refuses or forgets
//! it later without a word to the caller. So a logout here is read, write, read: what state the agent is in,
//! the change, and what state he is in then. Reads are made so that the host can share them: a thousand
//! agents of a team that wait for their calls to end cost one Team read a second.
//!
//! *Who reads what.* Everybody may read his own User object, and the first request of every operation reads
//! it: a wrong password costs one refusal, and the teams of a supervisor come from it. A supervisor sees the
//! state of others in his Team objects alone; other people's User objects are for administrators.
//!
//! *Architecture invariant.* No state machine here has more than one request outstanding, and none acts on a
//! state that was read more than two seconds before.
//!
//! Source of the vendor's rules, unless said otherwise: Cisco Finesse Web Services Developer and JavaScript
//! Guide, Release 12.5(1), chapter "Cisco Finesse Desktop APIs".

mod answers;
mod classify;
mod descriptor;
mod errors;
mod finder;
mod health;
mod logout;
mod model;
mod record;
mod request;
mod roster;
mod runner;
mod status;

use std::sync::Arc;

use signoff_core::{Args, Class, Context, Error, Input, Now, Operation, Options, Provider, Response, Step};

pub use descriptor::DESCRIPTOR;

use answers::Answers;
use health::Health;
use logout::Logout;
use model::Deployment;
use request::Desk;
use roster::Roster;
use runner::Runner;
use status::Status;

/// The provider: the options of one connection, and what its operations share.
#[derive(Debug)]
pub struct Finesse {
    /// `None`: asked from Finesse where it matters.
    deployment: Option<Deployment>,
    answers: Arc<Answers>,
}

impl Provider for Finesse {
    type Op = FinesseOperation;

    fn new(options: Options<'_>) -> Result<Self, Error> {
        let deployment = match options.text("deployment") {
            "" | "auto" => None,
            named => Some(Deployment::named(named)),
        };
        Ok(Self {
            deployment,
            answers: Arc::default(),
        })
    }

    fn start(
        &self,
        operation: &str,
        args: Args<'_>,
        context: Context<'_>,
        now: Now,
    ) -> Result<FinesseOperation, Error> {
        let desk = Desk::new(&context, Arc::clone(&self.answers))?;
        Ok(FinesseOperation(match operation {
            "logout" => Machine::Logout(Box::new(Runner::new(
                desk,
                Logout::new(args, context, self.deployment, now)?,
            ))),
            "status" => Machine::Status(Runner::new(desk, Status::new(args)?)),
            "roster" => Machine::Roster(Runner::new(desk, Roster::new(args)?)),
            "health" => Machine::Health(Health::new(desk)),
            other => return Err(Error::UnknownOperation(other.to_owned())),
        }))
    }

    fn classify(&self, response: &Response<'_>) -> Class {
        classify::classify(response)
    }
}

/// One operation under way.
#[derive(Debug)]
pub struct FinesseOperation(Machine);

#[derive(Debug)]
enum Machine {
    Logout(Box<Runner<Logout>>),
    Status(Runner<Status>),
    Roster(Runner<Roster>),
    Health(Health),
}

impl Operation for FinesseOperation {
    fn next(&mut self, now: Now) -> Step {
        match &mut self.0 {
            Machine::Logout(logout) => logout.next(now),
            Machine::Status(status) => status.next(now),
            Machine::Roster(roster) => roster.next(now),
            Machine::Health(health) => health.next(now),
        }
    }

    fn input(&mut self, now: Now, input: Input<'_>) {
        match &mut self.0 {
            Machine::Logout(logout) => logout.input(now, &input),
            Machine::Status(status) => status.input(now, &input),
            Machine::Roster(roster) => roster.input(now, &input),
            Machine::Health(health) => health.input(now, &input),
        }
    }
}
