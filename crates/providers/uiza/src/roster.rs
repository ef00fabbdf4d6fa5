//! The users that the connection's own key may see: all for an administrator's, himself for anybody else's.

use std::collections::HashSet;

use signoff_core::{Failure, Field, Finished, Now, Outcome, Record, Response, Value, json};

use crate::answer::{Answer, Page, field, shown};
use crate::api::Topic;
use crate::desk::{Desk, Task, unanswered};

/// So many users are read at most: what a service that is not trusted can make of this.
const MOST_USERS: usize = 1_000_000;

/// One list under way.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    /// The page that is being read, from 1.
    page: u64,
    /// How many users the page before had.
    before: Option<usize>,
    /// Users given already: the pages move when somebody is added, newest first.
    given: HashSet<String>,
}

impl Roster {
    fn ask(&mut self, desk: &mut Desk) {
        self.page += 1;
        let page = self.page;
        desk.send("", |api, number| api.users(number, page));
    }

    /// Takes a page; gives how the operation ends, if the page was the last.
    ///
    /// With a count it is the last when all were given; without one (v4) when it is empty or shorter than the one before.
    /// A page that brings nobody new is the last too: a service that ignores `page`, as one SDK lets it, gives the same
    /// for ever.
    fn take(&mut self, desk: &mut Desk, page: &Page<'_>) -> Option<Finished> {
        let mut new = 0;
        for user in page.users {
            let Some(id) = user.get("id").filter(|id| !id.is_null()).map(shown) else {
                let message = format!("page {} of the list of users has one without an `id`", self.page);
                return Some(Finished::with(Outcome::Failed, "unreadable_answer", message));
            };
            if self.given.insert(id.clone()) {
                new += 1;
                desk.record(row(id, user));
            }
        }
        if self.given.len() > MOST_USERS {
            let message = format!("the list of users has more than {MOST_USERS}");
            return Some(Finished::with(Outcome::Failed, "too_many", message));
        }
        let given = self.given.len() as u64;
        let was_last = match page.total {
            Some(total) if given >= total => true,
            Some(total) if new == 0 => {
                let message = format!(
                    "Uiza counts {total} users and listed {given}: the list changed while it was read; read it again"
                );
                return Some(Finished::with(Outcome::Failed, "incomplete_list", message));
            }
            Some(_) => false,
            None => new == 0 || self.before.is_some_and(|before| page.users.len() < before),
        };
        self.before = Some(page.users.len());
        was_last.then(|| Finished::new(Outcome::Done))
    }
}

impl Task for Roster {
    fn begin(&mut self, desk: &mut Desk, _now: Now) {
        self.ask(desk);
    }

    fn answer(&mut self, desk: &mut Desk, _now: Now, response: &Response<'_>) {
        let answer = Answer::read(response);
        if !answer.is_success() {
            let finished = answer.finished(answer.outcome(), &desk.api, Topic::Users);
            return desk.finish(finished);
        }
        let Some(page) = Page::of(&answer) else {
            let message = format!("page {} of the list of users has no list in `data`", self.page);
            return desk.finish(Finished::with(Outcome::Failed, "unreadable_answer", message));
        };
        match self.take(desk, &page) {
            Some(finished) => desk.finish(finished),
            None => self.ask(desk),
        }
    }

    fn failure(&mut self, desk: &mut Desk, _now: Now, failure: &Failure<'_>) {
        desk.finish(unanswered(Outcome::Failed, failure));
    }
}

/// A user of the list ("List all users", "The user object").
fn row(id: String, user: &json::Value) -> Record {
    let name = json::text(user, "/fullname").or_else(|| json::text(user, "/username"));
    Record {
        id,
        attributes: vec![
            Field {
                name: "name".to_owned(),
                value: name.map_or(Value::Null, Value::from),
            },
            field("login_name", user.get("username")),
            field("email", user.get("email")),
            Field {
                name: "is_admin".to_owned(),
                value: is_admin(user.get("isAdmin")),
            },
            field("created_at", user.get("createdAt")),
            field("updated_at", user.get("updatedAt")),
        ],
    }
}

/// 1 is an administrator: the page of the list says the opposite, its own example and the other pages say this.
fn is_admin(flag: Option<&json::Value>) -> Value {
    match flag {
        Some(json::Value::Bool(boolean)) => Value::Boolean(*boolean),
        Some(flag) if matches!(shown(flag).as_str(), "0" | "1") => Value::Boolean(shown(flag) == "1"),
        _ => Value::Null,
    }
}
