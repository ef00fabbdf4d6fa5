//! The state of one user.

use std::sync::Arc;

use signoff_core::{Args, Error, Field, Finished, Monotonic, Now, Outcome, User, Value};

use crate::errors::{ended, unanswered};
use crate::finder::{Finder, Found, Sighting, Trouble};
use crate::model::Mobile;
use crate::record::{add_whole, field, record};
use crate::request::{Desk, STATE_AGE, check_id};
use crate::runner::{Actor, Answer, Task};

/// "User—Get User": only the node that a mobile agent signed in to knows his telephone, and a failover
/// forgets it.
const MOBILE_CAVEAT: &str = "only the Finesse node that a mobile agent signed in to knows his telephone, and a \
                             failover of any kind loses it: without these fields he may be a mobile agent all the same";

/// One status under way.
#[derive(Debug)]
pub(crate) struct Status {
    user: User,
    finder: Finder,
}

impl Status {
    pub(crate) fn new(args: Args<'_>) -> Result<Self, Error> {
        let user = args
            .user()
            .ok_or_else(|| Error::Arguments("a status needs a user".to_owned()))?;
        check_id("the id of the user", &user.id)?;
        Ok(Self {
            finder: Finder::own(&user.id),
            user: user.clone(),
        })
    }

    fn nowhere(&self, desk: &mut Desk) {
        let (user, actor) = (&self.user.id, &desk.actor);
        let message = format!(
            "`{user}` is in no team of `{actor}`; read: {}",
            self.finder.teams()
        );
        desk.finish(ended(Outcome::Refused, "not_in_team", message));
    }
}

impl Task for Status {
    fn begin(&mut self, desk: &mut Desk, now: Now, actor: Actor) {
        let own = actor.own.as_ref().ok();
        let on_self = self.user.id.eq_ignore_ascii_case(&desk.actor)
            || own.is_some_and(|own| own.is_called(&self.user.id));
        if on_self {
            match actor.own {
                Err(error) => desk.finish(error.finished(error.outcome())),
                Ok(person) if now.monotonic.since(actor.sent) <= STATE_AGE => {
                    let sighting = Sighting {
                        person: Arc::new(person),
                        sent: actor.sent,
                        sent_unix_ms: actor.sent_unix_ms,
                        whole: true,
                    };
                    give(desk, &sighting);
                }
                // `Finder::own` asks for the actor's own object, whatever name he was given here.
                Ok(_) => {
                    self.finder.ask(desk, Monotonic::ZERO);
                }
            }
            return;
        }
        self.finder = Finder::other(&self.user, own);
        if !self.finder.ask(desk, Monotonic::ZERO) {
            self.nowhere(desk);
        }
    }

    fn answer(&mut self, desk: &mut Desk, _now: Now, answer: Answer<'_>) {
        let response = match answer {
            Answer::Response(response) => response,
            Answer::Failure(failure) => return desk.finish(unanswered(Outcome::Failed, failure)),
            Answer::Held => return,
        };
        match self.finder.answer(desk, response) {
            Ok(Found::Here(sighting)) => give(desk, &sighting),
            Ok(Found::Searching) => {}
            Ok(Found::Nowhere) => self.nowhere(desk),
            Err(Trouble::Vendor(error)) => desk.finish(error.finished(error.outcome())),
            Err(Trouble::Unreadable { what, why }) => {
                desk.finish(ended(
                    Outcome::Failed,
                    "unreadable_answer",
                    format!("{what}: {why}"),
                ));
            }
        }
    }
}

fn give(desk: &mut Desk, sighting: &Sighting) {
    let person = &sighting.person;
    let mut row = record(person);
    if sighting.whole {
        add_whole(&mut row, person);
        let mobile = person.mobile.as_ref().map_or(Value::Null, |mobile| {
            let Mobile { mode, dial_number } = mobile;
            Value::Map(vec![
                field("mode", mode.as_deref()),
                field("dial_number", dial_number.as_deref()),
            ])
        });
        row.attributes.push(Field {
            name: "mobile_agent".to_owned(),
            value: mobile,
        });
        row.attributes
            .push(field("mobile_agent_caveat", Some(MOBILE_CAVEAT)));
    }
    desk.record(row);
    desk.finish(Finished {
        name: person.name(),
        ..Finished::new(Outcome::Done)
    });
}
