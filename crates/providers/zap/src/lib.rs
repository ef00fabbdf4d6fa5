//! ZAP (Zap Africa, zap.africa): users of its platform, logged out through its HTTP API.
//!
//! ZAP has two logouts on one path: `GET /v1/users/logout/:id`, by which an administrator ends a user's web session, and
//! `PUT` on the same, which logs the app on one device out and wants that device's token. So a logout here is several
//! writes, each a part with a result of its own. The `GET` is a write like the others.
//!
//! *What is not documented*: any way to ask whether a user is signed in, what a second logout of the same session does,
//! the shape of errors, and limits. So nothing here is confirmed by a read, nobody is ever `already` out, and what may
//! have been sent is repeated only for a short while (see [`logout`]).
//!
//! *Architecture invariant.* No state machine here has more than one request outstanding, and no name of a part holds
//! anything of a device token.
//!
//! Source of the vendor's rules, unless said otherwise: "Welcome to ZapAPI!", chapters "User Service" and
//! "Authentication", as of March 2024.

mod answer;
mod descriptor;
mod logout;
mod request;
mod roster;

use signoff_core::{Args, Class, Context, Error, Input, Now, Operation, Options, Provider, Response, Step};

pub use descriptor::DESCRIPTOR;

use logout::Logout;
use roster::Roster;

/// The provider, with the options of one connection.
#[derive(Debug)]
pub struct Zap {
    /// Users on a page of the list.
    page_size: u32,
}

impl Provider for Zap {
    type Op = ZapOperation;

    fn new(options: Options<'_>) -> Result<Self, Error> {
        Ok(Self {
            page_size: roster::page_size(options)?,
        })
    }

    fn start(
        &self,
        operation: &str,
        args: Args<'_>,
        context: Context<'_>,
        now: Now,
    ) -> Result<ZapOperation, Error> {
        request::check_credential(&context)?;
        Ok(ZapOperation(match operation {
            "logout" => Machine::Logout(Logout::new(args, context, now)?),
            "roster" => Machine::Roster(Roster::new(self.page_size)),
            other => return Err(Error::UnknownOperation(other.to_owned())),
        }))
    }

    fn classify(&self, response: &Response<'_>) -> Class {
        answer::classify(response)
    }
}

/// One operation under way.
#[derive(Debug)]
pub struct ZapOperation(Machine);

#[derive(Debug)]
enum Machine {
    Logout(Logout),
    Roster(Roster),
}

impl Operation for ZapOperation {
    fn next(&mut self, now: Now) -> Step {
        match &mut self.0 {
            Machine::Logout(logout) => logout.next(now),
            Machine::Roster(roster) => roster.next(),
        }
    }

    fn input(&mut self, now: Now, input: Input<'_>) {
        match &mut self.0 {
            Machine::Logout(logout) => logout.input(now, &input),
            Machine::Roster(roster) => roster.input(&input),
        }
    }
}
