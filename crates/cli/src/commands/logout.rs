//! `signoff logout`: users of one connection, without a script.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use signoff_core::{Field, Record, User, Value};
use signoff_engine::call::{Answer, Call, Place};
use signoff_engine::journal::RunHeader;
use signoff_engine::run::Run;

use super::guard::{self, Performed, Work};
use super::{help as help_text, read};
use crate::arguments::{General, Logout};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report;
use crate::setup::Setup;

/// How many users are begun at once; limits belong to the connection.
const BEGUN: usize = 1_024;

/// Logs them out.
pub(crate) async fn logout(arguments: Logout, general: &General) -> Result<Exit, Failure> {
    let Logout {
        connection,
        users,
        team,
        options,
        include_self,
        guard,
        place,
        help,
    } = arguments;
    let Some(connection) = connection else {
        if help {
            report::data(&help_text::of("logout", None));
            return Ok(Exit::Success);
        }
        return Err(Failure::usage(
            "no connection is named",
            "write `signoff logout CONNECTION USER…`; `signoff logout --help` says more",
        ));
    };
    if help {
        let setup = Setup::for_help(general, &place)?;
        let (settings, operation) = setup.operation(&connection, "logout")?;
        let options = help_text::options(operation, settings.descriptor.name, &["include_self"]);
        report::data(&help_text::of("logout", Some(options)));
        return Ok(Exit::Success);
    }
    if users.is_empty() && team.is_none() {
        return Err(Failure::usage(
            "no user is named",
            format!(
                "write `signoff logout {connection} USER…`, or `--team TEAM` for all who are signed in to it"
            ),
        ));
    }
    let setup = Setup::prepare(general, &place).await?;
    let mut given = read::options(&options, "-o")?;
    if include_self {
        given.push(Field::new("include_self", true));
    }
    setup.check(&connection, "logout", &given)?;
    let whom = team.map_or(Whom::Users(users), Whom::Team);
    let work = LogoutWork {
        connection,
        whom,
        options: given,
    };
    guard::perform(&work, &setup, general, &guard).await
}

struct LogoutWork {
    connection: String,
    whom: Whom,
    options: Vec<Field>,
}

enum Whom {
    Users(Vec<String>),
    Team(String),
}

impl Work for LogoutWork {
    fn header(&self) -> RunHeader {
        let mut arguments = vec![Field::new("connection", self.connection.as_str())];
        match &self.whom {
            Whom::Users(users) => {
                let users = users.iter().map(|user| Value::from(user.as_str())).collect();
                arguments.push(Field {
                    name: "users".to_owned(),
                    value: Value::List(users),
                });
            }
            Whom::Team(team) => arguments.push(Field::new("team", team.as_str())),
        }
        arguments.extend(self.options.iter().cloned());
        RunHeader {
            workflow: "logout".to_owned(),
            arguments,
            ..RunHeader::default()
        }
    }

    fn at_most(&self) -> Option<u64> {
        match &self.whom {
            Whom::Users(users) => Some(users.len() as u64),
            Whom::Team(_) => None,
        }
    }

    fn perform(&self, run: Arc<Run>) -> BoxFuture<'_, Result<Performed, Failure>> {
        async move {
            let (users, alone) = match &self.whom {
                Whom::Users(ids) => {
                    let mut users: Vec<User> = Vec::new();
                    for id in ids {
                        if !users.iter().any(|user| user.id == *id) {
                            users.push(User::new(id.as_str()));
                        }
                    }
                    let alone = users.len() == 1;
                    (users, alone)
                }
                Whom::Team(team) => match self.members(&run, team).await? {
                    Some(users) => (users, false),
                    None => return Ok(Performed::Whole),
                },
            };
            for user in &users {
                run.enter(Some(&self.connection), user);
            }
            // He who acts comes last: without him the others could not be logged out.
            let actor = run.connection(&self.connection, None)?.actor.unwrap_or_default();
            let (last, first): (Vec<User>, Vec<User>) = users
                .into_iter()
                .partition(|user| user.id.eq_ignore_ascii_case(&actor));
            for group in [first, last] {
                let mut calls = stream::iter(group)
                    .map(|user| run.call(self.call(user, !alone)))
                    .buffer_unordered(BEGUN);
                while let Some(answer) = calls.next().await {
                    answer?;
                }
            }
            Ok(Performed::Whole)
        }
        .boxed()
    }
}

impl LogoutWork {
    fn call(&self, user: User, in_fan_out: bool) -> Call {
        Call {
            place: Place(Arc::from(format!("1[{}]0", user.id))),
            source: String::new(),
            connection: self.connection.clone(),
            credential: None,
            operation: "logout".to_owned(),
            user: Some(user),
            arguments: self.options.clone(),
            in_fan_out,
        }
    }

    /// Those who are signed in to a team; `None` if that could not be read, which has then been reported.
    async fn members(&self, run: &Run, team: &str) -> Result<Option<Vec<User>>, Failure> {
        let call = Call {
            place: Place(Arc::from("0")),
            source: String::new(),
            connection: self.connection.clone(),
            credential: None,
            operation: "roster".to_owned(),
            user: None,
            arguments: vec![Field::new("team", team), Field::new("signed_in", true)],
            in_fan_out: false,
        };
        let user = |record: &Record| User {
            id: record.id.clone(),
            attributes: record.attributes.clone(),
        };
        Ok(match run.call(call).await? {
            Answer::Records(records) => Some(records.iter().map(user).collect()),
            Answer::Record(record) => Some(vec![user(&record)]),
            Answer::Outcome(_) => None,
        })
    }
}
