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
mod feed;
mod finder;
mod health;
mod logout;
mod model;
mod notification;
mod record;
mod request;
mod roster;
mod runner;
mod status;

use std::sync::Arc;

use signoff_core::{
    Args, Class, Context, Error, FeedEvent, FeedPlan, FeedWish, InDoubtPolicy, Input, Notification, Now,
    Operation, Options, Provider, Response, Step,
};

pub use descriptor::DESCRIPTOR;

use answers::Answers;
use feed::Feed;
use health::Health;
use logout::{Logout, UserNodes};
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
    nodes: Arc<UserNodes>,
}

impl Provider for Finesse {
    type Op = FinesseOperation;

    const HAS_FEED: bool = true;

    fn new(options: Options<'_>) -> Result<Self, Error> {
        let deployment = match options.text("deployment") {
            "" | "auto" => None,
            named => Some(Deployment::named(named)),
        };
        Ok(Self {
            deployment,
            answers: Arc::default(),
            nodes: Arc::default(),
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
                Logout::new(args, context, self.deployment, Arc::clone(&self.nodes), now)?,
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

    fn feed(&self, wish: FeedWish<'_>, _now: Now) -> Result<FinesseOperation, Error> {
        let feed = Feed::new(wish)?;
        let context = Context {
            actor: wish.actor,
            actor_kind: wish.actor_kind,
            plan: false,
            call: "feed",
            may_act_on_self: false,
            in_doubt: InDoubtPolicy::Verify,
            earlier: &[],
            logged_out: false,
        };
        let desk = Desk::new(&context, Arc::clone(&self.answers))?;
        Ok(FinesseOperation(Machine::Feed(Box::new(Runner::new(desk, feed)))))
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
    Feed(Box<Runner<Feed>>),
}

impl Operation for FinesseOperation {
    fn next(&mut self, now: Now) -> Step {
        match &mut self.0 {
            Machine::Logout(logout) => logout.next(now),
            Machine::Status(status) => status.next(now),
            Machine::Roster(roster) => roster.next(now),
            Machine::Health(health) => health.next(now),
            Machine::Feed(feed) => feed.next(now),
        }
    }

    fn input(&mut self, now: Now, input: Input<'_>) {
        match &mut self.0 {
            Machine::Logout(logout) => logout.input(now, &input),
            Machine::Status(status) => status.input(now, &input),
            Machine::Roster(roster) => roster.input(now, &input),
            Machine::Health(health) => health.input(now, &input),
            Machine::Feed(feed) => feed.input(now, &input),
        }
    }

    fn feed_plan(&mut self) -> Option<FeedPlan> {
        match &self.0 {
            Machine::Feed(feed) => feed.task().plan(),
            _ => None,
        }
    }

    fn decode(&mut self, notification: Notification<'_>) -> Vec<FeedEvent> {
        notification::decode(&notification)
    }
}
