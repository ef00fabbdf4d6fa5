//! Whether a user's own key is still valid.

use signoff_core::{Args, Error, Failure, Field, Monotonic, Now, Outcome, Record, Response};

use crate::answer::{Answer, field};
use crate::api::Topic;
use crate::desk::{Desk, Owner, Task, unanswered};

/// One question under way.
#[derive(Debug)]
pub(crate) struct Status {
    owner: Owner,
}

impl Status {
    pub(crate) fn new(args: Args<'_>) -> Result<Self, Error> {
        let owner = Owner::of("status", args)?;
        Ok(Self { owner })
    }

    /// A key that is not valid may have been ended or have run out, or may never have been one: Uiza says no more.
    fn row(&self, answer: &Answer, is_valid: bool) -> Record {
        let expires = answer.envelope().pointer("/data/expired");
        let name = self.owner.user.attribute("name").cloned().unwrap_or_default();
        Record {
            id: self.owner.user.id.clone(),
            attributes: vec![
                Field {
                    name: "name".to_owned(),
                    value: name,
                },
                Field::new("state", if is_valid { "KEY_VALID" } else { "KEY_NOT_VALID" }),
                Field::new("signed_in", is_valid),
                // As it came: `11/06/2018 04:29:22` is one of two days, and no page says which.
                field("expires", expires.filter(|_| is_valid)),
            ],
        }
    }
}

impl Task for Status {
    fn begin(&mut self, desk: &mut Desk, _now: Now) {
        match self.owner.key {
            Ok(key) => desk.send("", |api, number| api.check(number, key, Monotonic::ZERO)),
            Err(missing) => desk.finish(missing.finished()),
        }
    }

    fn answer(&mut self, desk: &mut Desk, _now: Now, response: &Response<'_>) {
        let answer = Answer::read(response);
        let outcome = if answer.is_success() || answer.refuses_key() {
            Outcome::Done
        } else {
            answer.outcome()
        };
        if outcome == Outcome::Done {
            desk.record(self.row(&answer, answer.is_success()));
        }
        let finished = answer.finished(outcome, &desk.api, Topic::CheckToken);
        desk.finish(finished);
    }

    fn failure(&mut self, desk: &mut Desk, _now: Now, failure: &Failure<'_>) {
        desk.finish(unanswered(Outcome::Failed, failure));
    }
}
