//! The users of a team, of every team of the supervisor, or of the whole site.

use std::collections::{HashSet, VecDeque};

use signoff_core::{Args, Error, Finished, Monotonic, Now, Outcome, Response};

use crate::errors::{VendorError, ended, unanswered};
use crate::model::{Activity, Person, TeamName, Unreadable};
use crate::record::{add_whole, record};
use crate::request::{Desk, check_id};
use crate::runner::{Actor, Answer, Task};

/// One roster under way.
#[derive(Debug)]
pub(crate) struct Roster {
    /// Id or name; empty: every team.
    team: String,
    signed_in: bool,
    all: bool,
    /// Teams still to be read; the first is being read.
    teams: VecDeque<TeamName>,
    /// Users given already: somebody may be in several teams.
    given: HashSet<String>,
}

impl Roster {
    pub(crate) fn new(args: Args<'_>) -> Result<Self, Error> {
        let team = args.text("team").trim();
        let all = args.text("scope") == "all";
        if !team.is_empty() {
            check_id("the team", team)?;
            if all {
                let message = format!("`scope = \"all\"` lists everybody: leave out `team = \"{team}\"`");
                return Err(Error::Arguments(message));
            }
        }
        Ok(Self {
            team: team.to_owned(),
            signed_in: args.boolean("signed_in"),
            all,
            teams: VecDeque::new(),
            given: HashSet::new(),
        })
    }

    fn ask(&self, desk: &mut Desk) {
        match self.teams.front() {
            Some(team) => desk.read_team(&team.id, Monotonic::ZERO),
            None => desk.finish(Finished::new(Outcome::Done)),
        }
    }

    fn give(&mut self, desk: &mut Desk, person: &Person, whole: bool) {
        if self.signed_in && person.activity() == Activity::Out {
            return;
        }
        if self.given.insert(person.id.clone()) {
            let mut row = record(person);
            if whole {
                add_whole(&mut row, person);
            }
            desk.record(row);
        }
    }

    fn team(&mut self, desk: &mut Desk, asked: &TeamName, response: &Response<'_>) -> Result<(), Unreadable> {
        let team = desk.answers.team(response, asked)?;
        for member in &team.members {
            self.give(desk, member, false);
        }
        self.ask(desk);
        Ok(())
    }

    fn everybody(&mut self, desk: &mut Desk, response: &Response<'_>) -> Result<(), Unreadable> {
        for person in Person::parse_list(response.body)? {
            self.give(desk, &person, true);
        }
        desk.finish(Finished::new(Outcome::Done));
        Ok(())
    }
}

impl Task for Roster {
    fn begin(&mut self, desk: &mut Desk, _now: Now, actor: Actor) {
        if self.all {
            desk.read_users();
            return;
        }
        let supervises = actor.own.map(|own| own.supervises).unwrap_or_default();
        if self.team.is_empty() {
            self.teams = supervises.into();
            if self.teams.is_empty() {
                let message = format!("`{}` supervises no team: name one", desk.actor);
                desk.finish(ended(Outcome::Refused, "no_team", message));
                return;
            }
        } else {
            let by_id = supervises.iter().find(|team| team.id == self.team);
            let by_name = || {
                let named = |team: &&TeamName| {
                    team.name
                        .as_deref()
                        .is_some_and(|name| name.eq_ignore_ascii_case(&self.team))
                };
                supervises.iter().find(named)
            };
            let team = by_id.or_else(by_name).cloned().unwrap_or_else(|| TeamName {
                id: self.team.clone(),
                name: None,
            });
            self.teams.push_back(team);
        }
        self.ask(desk);
    }

    fn answer(&mut self, desk: &mut Desk, _now: Now, answer: Answer<'_>) {
        let response = match answer {
            Answer::Response(response) => response,
            Answer::Failure(failure) => return desk.finish(unanswered(Outcome::Failed, failure)),
            Answer::Held => return,
        };
        if !matches!(response.status, 200..=299) {
            let error = VendorError::read(response);
            let mut finished = error.finished(error.outcome());
            if finished.outcome == Outcome::NotFound && !self.team.is_empty() {
                let words = finished.message.map_or_else(String::new, |words| words + "; ");
                finished.message = Some(format!(
                    "{words}`{}` is no team: one is named by its id, or by its name if `{}` supervises it",
                    self.team, desk.actor
                ));
            }
            return desk.finish(finished);
        }
        let (what, read) = match self.teams.pop_front() {
            Some(asked) => (
                format!("the Team object {}", asked.shown()),
                self.team(desk, &asked, response),
            ),
            None => ("the list of users".to_owned(), self.everybody(desk, response)),
        };
        if let Err(why) = read {
            desk.finish(ended(
                Outcome::Failed,
                "unreadable_answer",
                format!("{what}: {why}"),
            ));
        }
    }
}
