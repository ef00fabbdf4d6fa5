//! Where the state of a user is read, and in which teams he is looked for.

use std::sync::Arc;

use signoff_core::{Monotonic, Response, User};

use crate::errors::VendorError;
use crate::model::{Person, TeamName, Unreadable};
use crate::request::Desk;

/// Reads the state of one user, as often as it is asked to.
#[derive(Debug)]
pub(crate) struct Finder {
    target: String,
    way: Way,
    /// The actor is an administrator too: who is in none of his teams has an object that he may read.
    administrator: bool,
    /// What is read in this round counts only if it was sent after this.
    floor: Monotonic,
    /// When the last answer was asked for.
    last_sent: Option<Monotonic>,
}

#[derive(Debug)]
enum Way {
    /// He is the actor: his own User object.
    Own,
    /// The actor supervises: the Team objects of his teams, one after another.
    Teams { teams: Vec<TeamName>, at: usize },
    /// Anybody else has to be an administrator: the user's own object.
    Direct,
}

/// A user, when he was read.
#[derive(Debug, Clone)]
pub(crate) struct Sighting {
    pub(crate) person: Arc<Person>,
    /// When that was asked.
    pub(crate) sent: Monotonic,
    /// The same by the clock of Finesse.
    pub(crate) sent_unix_ms: i64,
    /// Whether it comes from a User object, which tells more than a Team object.
    pub(crate) whole: bool,
}

/// What an answer says of him.
#[derive(Debug)]
pub(crate) enum Found {
    /// Here he is.
    Here(Sighting),
    /// Not in this team; the next one is being read.
    Searching,
    /// In none of the teams.
    Nowhere,
}

/// Why an answer says nothing of him.
#[derive(Debug)]
pub(crate) enum Trouble {
    Vendor(VendorError),
    Unreadable { what: String, why: Unreadable },
}

impl Finder {
    /// For the actor himself.
    pub(crate) fn own(target: &str) -> Self {
        Self::new(target, Way::Own)
    }

    /// For somebody else.
    pub(crate) fn other(user: &User, actor: Option<&Person>) -> Self {
        let way = match actor {
            Some(actor) if actor.is_supervisor() => Way::Teams {
                teams: teams_to_search(user, actor),
                at: 0,
            },
            _ => Way::Direct,
        };
        Self {
            administrator: actor.is_some_and(Person::is_administrator),
            ..Self::new(&user.id, way)
        }
    }

    fn new(target: &str, way: Way) -> Self {
        Self {
            target: target.to_owned(),
            way,
            administrator: false,
            floor: Monotonic::ZERO,
            last_sent: None,
        }
    }

    /// The teams in which he is looked for, for a message.
    pub(crate) fn teams(&self) -> String {
        match &self.way {
            Way::Teams { teams, .. } => teams.iter().map(TeamName::shown).collect::<Vec<_>>().join(", "),
            Way::Own | Way::Direct => String::new(),
        }
    }

    /// Asks where he is, with an answer that is newer than the last one and was sent after this. False if
    /// there is nowhere to ask.
    pub(crate) fn ask(&mut self, desk: &mut Desk, not_before: Monotonic) -> bool {
        let newer = self.last_sent.map_or(0, |sent| sent.0.saturating_add(1));
        self.floor = not_before.max(Monotonic(newer));
        match &mut self.way {
            Way::Own => desk.read_own_state(self.floor),
            Way::Direct => desk.read_user(&self.target, self.floor),
            Way::Teams { teams, at } => {
                *at = 0;
                match teams.first() {
                    Some(team) => desk.read_team(&team.id, self.floor),
                    None => return self.ask_directly(desk),
                }
            }
        }
        true
    }

    /// Turns to the user's own object, if the actor may read it.
    fn ask_directly(&mut self, desk: &mut Desk) -> bool {
        if self.administrator {
            self.way = Way::Direct;
            desk.read_user(&self.target, self.floor);
        }
        self.administrator
    }

    /// Takes the answer to what was asked.
    pub(crate) fn answer(&mut self, desk: &mut Desk, response: &Response<'_>) -> Result<Found, Trouble> {
        self.last_sent = Some(response.sent);
        let ok = matches!(response.status, 200..=299);
        let sighting = |person: Arc<Person>, whole: bool| {
            Found::Here(Sighting {
                person,
                sent: response.sent,
                sent_unix_ms: response.sent_unix_ms,
                whole,
            })
        };
        let Way::Teams { teams, at } = &mut self.way else {
            if !ok {
                return Err(Trouble::Vendor(VendorError::read(response)));
            }
            return match Person::parse(response.body) {
                Ok(person) => Ok(sighting(Arc::new(person), true)),
                Err(why) => Err(Trouble::Unreadable {
                    what: format!("the User object of `{}`", self.target),
                    why,
                }),
            };
        };
        let Some(asked) = teams.get(*at) else {
            return Ok(Found::Nowhere);
        };
        if ok {
            let team = desk
                .answers
                .team(response, asked)
                .map_err(|why| Trouble::Unreadable {
                    what: format!("the Team object {}", asked.shown()),
                    why,
                })?;
            if let Some(member) = team.member(&self.target) {
                // He is looked for in this team first from now on.
                teams.swap(0, *at);
                return Ok(sighting(Arc::clone(member), false));
            }
        } else if response.status != 404 {
            return Err(Trouble::Vendor(VendorError::read(response)));
        }
        // A team that is gone has no members.
        *at += 1;
        let asked = match teams.get(*at) {
            Some(next) => {
                desk.read_team(&next.id, self.floor);
                true
            }
            None => self.ask_directly(desk),
        };
        Ok(if asked { Found::Searching } else { Found::Nowhere })
    }
}

/// The teams of a supervisor; the one that the user is known to be in comes first. A team that the supervisor
/// does not have is tried only if Finesse names none of his.
fn teams_to_search(user: &User, actor: &Person) -> Vec<TeamName> {
    let hint = user
        .attribute("team")
        .and_then(signoff_core::Value::as_text)
        .filter(|team| !matches!(*team, "" | "." | ".."));
    let mut teams = actor.supervises.clone();
    match (hint, teams.is_empty()) {
        (Some(hint), true) => teams.push(TeamName {
            id: hint.to_owned(),
            name: None,
        }),
        (Some(hint), false) => teams.sort_by_key(|team| team.id != hint),
        (None, _) => {}
    }
    teams
}
