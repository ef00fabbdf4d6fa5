//! Uiza, a video platform: its users, logged out through its public API (versions 3 and 4).
//!
//! Uiza's logout names no user. It ends the key that the request shows, and so logs out whoever owns that: each user is
//! logged out with his own key, a secret attribute of his, which the host puts into the raw `Authorization` header. The
//! connection's own credential is needed for the list of users alone.
//!
//! *What is known of a key.* A key that was ended is never valid again; who signs in anew gets another one. So a key that
//! still answers proves that no logout was applied, to repeat a logout can end no later session, and a 401 says that this
//! key logs nobody in. Whether it is 401 because *we* ended it, only the run's journal knows.
//!
//! *Architecture invariant.* No state machine here has more than one request outstanding, and none sends a logout after
//! one was accepted.
//!
//! Sources of the vendor's rules, unless said otherwise: the public documentation `uizaio/uiza-docs-api` (v3 at `be0eec2`,
//! v4 on the branch `new_api_docs_v4`), and the seven SDKs `uizaio/api-wrapper-*`. All of it stops in 2019.

mod answer;
mod api;
mod classify;
mod descriptor;
mod desk;
mod logout;
mod roster;
mod status;

use std::sync::Arc;

use signoff_core::{Args, Class, Context, Error, Input, Now, Operation, Options, Provider, Response, Step};

pub use descriptor::DESCRIPTOR;

use api::Api;
use desk::Runner;
use logout::Logout;
use roster::Roster;
use status::Status;

/// The provider: the options of one connection.
#[derive(Debug)]
pub struct Uiza {
    api: Arc<Api>,
}

impl Provider for Uiza {
    type Op = UizaOperation;

    fn new(options: Options<'_>) -> Result<Self, Error> {
        Ok(Self {
            api: Arc::new(Api::new(options)?),
        })
    }

    fn start(
        &self,
        operation: &str,
        args: Args<'_>,
        context: Context<'_>,
        now: Now,
    ) -> Result<UizaOperation, Error> {
        let api = Arc::clone(&self.api);
        Ok(UizaOperation(match operation {
            "logout" => Machine::Logout(Runner::begin(api, Logout::new(args, &context)?, now)),
            "status" => Machine::Status(Runner::begin(api, Status::new(args)?, now)),
            "roster" => Machine::Roster(Runner::begin(api, Roster::default(), now)),
            other => return Err(Error::UnknownOperation(other.to_owned())),
        }))
    }

    fn classify(&self, response: &Response<'_>) -> Class {
        classify::classify(response)
    }
}

/// One operation under way.
#[derive(Debug)]
pub struct UizaOperation(Machine);

#[derive(Debug)]
enum Machine {
    Logout(Runner<Logout>),
    Status(Runner<Status>),
    Roster(Runner<Roster>),
}

impl Operation for UizaOperation {
    fn next(&mut self, _now: Now) -> Step {
        match &mut self.0 {
            Machine::Logout(logout) => logout.next(),
            Machine::Status(status) => status.next(),
            Machine::Roster(roster) => roster.next(),
        }
    }

    fn input(&mut self, now: Now, input: Input<'_>) {
        match &mut self.0 {
            Machine::Logout(logout) => logout.input(now, &input),
            Machine::Status(status) => status.input(now, &input),
            Machine::Roster(roster) => roster.input(now, &input),
        }
    }
}
