//! Step tests run on a provider behind the C table as on one without it: there, a rule that the provider breaks is an
//! error of the call that met it, and here it fails the test.

#![expect(clippy::panic, reason = "a test may fail")]

use signoff_core::abi::host::{Instance, Op};
use signoff_core::testing::Subject;
use signoff_core::{
    Args, Class, Context, Error, FeedEvent, FeedPlan, FeedWish, Input, Notification, Now, Operation,
    Response, Step,
};

/// A provider under test, behind the table.
pub(crate) struct Tabled(pub(crate) Instance);

impl Subject for Tabled {
    fn start(
        &self,
        operation: &str,
        args: Args<'_>,
        context: Context<'_>,
        now: Now,
    ) -> Result<Box<dyn Operation>, Error> {
        let op = self.0.start(operation, args, context, now)?;
        Ok(Box::new(Unforgiving(op)))
    }

    fn classify(&self, response: &Response<'_>) -> Class {
        self.0.classify(response).unwrap_or_else(|error| broken(&error))
    }

    fn feed(&self, wish: FeedWish<'_>, now: Now) -> Result<Box<dyn Operation>, Error> {
        Ok(Box::new(Unforgiving(self.0.feed(wish, now)?)))
    }
}

struct Unforgiving(Op);

impl Operation for Unforgiving {
    fn next(&mut self, now: Now) -> Step {
        self.0.next(now).unwrap_or_else(|error| broken(&error))
    }

    fn input(&mut self, now: Now, input: Input<'_>) {
        self.0.input(now, input).unwrap_or_else(|error| broken(&error));
    }

    fn feed_plan(&mut self) -> Option<FeedPlan> {
        Some(self.0.feed_plan().unwrap_or_else(|error| broken(&error)))
    }

    fn decode(&mut self, notification: Notification<'_>) -> Vec<FeedEvent> {
        self.0.decode(notification).unwrap_or_else(|error| broken(&error))
    }
}

fn broken(error: &Error) -> ! {
    panic!("{error}")
}
