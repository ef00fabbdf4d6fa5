//! `signoff logout`: users of one connection, without a script.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use signoff_core::{Descriptor, Field, Record, User, Value};
use signoff_engine::call::{Answer, Call, Place};
use signoff_engine::journal::RunHeader;
use signoff_engine::people::PeopleError;
use signoff_engine::run::Run;

use super::guard::{self, Performed, Work};
use super::people::Listed;
use super::{help as help_text, read};
use crate::arguments::{General, Logout};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report;
use crate::setup::Setup;

/// How many users are begun at once; limits belong to the connection.
pub(super) const BEGUN: usize = 1_024;

/// Logs them out.
pub(crate) async fn logout(arguments: Logout, general: &General) -> Result<Exit, Failure> {
    let Logout {
        connection,
        users,
        team,
        from,
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
    if users.is_empty() && team.is_none() && from.path.is_none() {
        let known =
            Setup::for_help(general, &place).and_then(|setup| Ok(setup.engine.connection(&connection)?));
        let has_teams = known.is_ok_and(|(settings, _)| has_teams(settings.descriptor));
        let rest = if has_teams {
            ", `--from FILE` for those of a list, or `--team TEAM` for all who are signed in to it"
        } else {
            ", or `--from FILE` for those of a list"
        };
        return Err(Failure::usage(
            "no user is named",
            format!("write `signoff logout {connection} USER…`{rest}"),
        ));
    }
    let setup = Setup::prepare(general, &place).await?;
    let (settings, _) = setup.engine.connection(&connection)?;
    if team.is_some() && !has_teams(settings.descriptor) {
        return Err(Failure::usage(
            format!("{} has no teams", settings.descriptor.name),
            "name users, or those of a list with `--from FILE`",
        ));
    }
    let mut given = read::options(&options, "-o", "wait=5m")?;
    if include_self {
        given.push(Field::new("include_self", true));
    }
    setup.check(&connection, "logout", &given)?;
    let listed = Listed::read(&from, &setup, &connection).await?;
    let whom = match (listed, team) {
        (Some(listed), _) => Whom::Listed(listed),
        (None, Some(team)) => Whom::Team(team),
        (None, None) => Whom::Users(users),
    };
    let work = LogoutWork {
        connection,
        whom,
        options: given,
    };
    guard::perform(&work, &setup, general, &guard).await
}

/// Whether those who are signed in to a team can be asked for.
fn has_teams(descriptor: &Descriptor) -> bool {
    let roster = descriptor.operation("roster");
    roster.is_some_and(|roster| {
        let has = |name: &str| roster.parameters.iter().any(|parameter| parameter.name == name);
        has("team") && has("signed_in")
    })
}

/// The same work as that of a run; `from` is a file in place of the one that it took its users from. `None`: the journal
/// says something that this signoff does not know.
pub(super) async fn of_run(
    header: &RunHeader,
    from: Option<&Path>,
    setup: &Setup,
) -> Result<Option<Box<dyn Work>>, Failure> {
    let [connection, whom, options @ ..] = header.arguments.as_slice() else {
        return Ok(None);
    };
    let (true, Some(connection)) = (connection.name == "connection", connection.value.as_text()) else {
        return Ok(None);
    };
    let mut options = options.to_vec();
    let whom = match (whom.name.as_str(), &whom.value) {
        ("users", Value::List(users)) => {
            let users = users.iter().filter_map(|user| user.as_text().map(str::to_owned));
            Whom::Users(users.collect())
        }
        ("team", Value::Text(team)) => Whom::Team(team.clone()),
        ("from", Value::Text(_)) => {
            let given = &header.arguments[1..];
            let (listed, rest) = Listed::again(given, from, setup, connection).await?;
            options = rest;
            Whom::Listed(listed)
        }
        _ => return Ok(None),
    };
    if from.is_some() && !matches!(whom, Whom::Listed(_)) {
        return Err(Failure::usage(
            "the run took its users from no file",
            "leave out --from",
        ));
    }
    Ok(Some(Box::new(LogoutWork {
        connection: connection.to_owned(),
        whom,
        options,
    })))
}

struct LogoutWork {
    connection: String,
    whom: Whom,
    options: Vec<Field>,
}

enum Whom {
    Users(Vec<String>),
    Team(String),
    Listed(Listed),
}

impl Work for LogoutWork {
    fn header(&self) -> RunHeader {
        let mut arguments = vec![Field::new("connection", self.connection.as_str())];
        let mut inputs = Vec::new();
        match &self.whom {
            Whom::Users(users) => {
                let users = users.iter().map(|user| Value::from(user.as_str())).collect();
                arguments.push(Field {
                    name: "users".to_owned(),
                    value: Value::List(users),
                });
            }
            Whom::Team(team) => arguments.push(Field::new("team", team.as_str())),
            Whom::Listed(listed) => {
                arguments.extend(listed.arguments());
                inputs.push(listed.people.input().clone());
            }
        }
        arguments.extend(self.options.iter().cloned());
        RunHeader {
            workflow: "logout".to_owned(),
            arguments,
            inputs,
            ..RunHeader::default()
        }
    }

    fn at_most(&self) -> Option<u64> {
        match &self.whom {
            Whom::Users(users) => Some(users.len() as u64),
            Whom::Team(_) => None,
            Whom::Listed(listed) => Some(listed.people.count()),
        }
    }

    fn perform(&self, run: Arc<Run>) -> BoxFuture<'_, Result<Performed, Failure>> {
        async move {
            match &self.whom {
                Whom::Users(ids) => {
                    let mut users: Vec<User> = Vec::new();
                    for id in ids {
                        if !users.iter().any(|user| user.id == *id) {
                            users.push(User::new(id.as_str()));
                        }
                    }
                    self.log_out(&run, || Ok(users.iter().cloned().map(Ok)), users.len() == 1)
                        .await?;
                }
                Whom::Team(team) => {
                    if let Some(users) = self.members(&run, team).await? {
                        self.log_out(&run, || Ok(users.iter().cloned().map(Ok)), false)
                            .await?;
                    }
                }
                Whom::Listed(Listed { people, .. }) => {
                    run.warn_of(people);
                    let users = || Ok(people.users().map_err(lost)?.map(|user| user.map_err(lost)));
                    self.log_out(&run, users, people.count() == 1).await?;
                }
            }
            Ok(Performed::Whole)
        }
        .boxed()
    }
}

impl LogoutWork {
    /// Logs users out: `users` gives them from the first on, each time. `alone`: there is but one.
    async fn log_out<I>(
        &self,
        run: &Run,
        users: impl Fn() -> Result<I, Failure>,
        alone: bool,
    ) -> Result<(), Failure>
    where
        I: Iterator<Item = Result<User, Failure>>,
    {
        for (number, user) in users()?.enumerate() {
            run.enter(Some(&self.connection), &user?);
            if number % BEGUN == BEGUN - 1 {
                // A long list leaves room for signals and the progress display.
                tokio::task::yield_now().await;
            }
        }
        // He who acts comes last: without him the others could not be logged out.
        let actor = run.connection(&self.connection, None)?.actor.unwrap_or_default();
        let is_actor = |user: &User| user.id.eq_ignore_ascii_case(&actor);
        let mut last = Vec::new();
        let first = users()?.filter_map(|user| match user {
            Ok(user) if is_actor(&user) => {
                last.push(user);
                None
            }
            other => Some(other),
        });
        self.call_all(run, first, alone).await?;
        self.call_all(run, last.into_iter().map(Ok), alone).await
    }

    async fn call_all(
        &self,
        run: &Run,
        users: impl Iterator<Item = Result<User, Failure>>,
        alone: bool,
    ) -> Result<(), Failure> {
        let call = |user: Result<User, Failure>| async move {
            let call = self.call(user?, !alone);
            Ok::<_, Failure>(run.call(call).await?)
        };
        let mut calls = stream::iter(users).map(call).buffer_unordered(BEGUN);
        while let Some(answer) = calls.next().await {
            answer?;
        }
        Ok(())
    }

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

/// The file is not what it was when the run began: the rest of its users are not tried.
fn lost(error: PeopleError) -> Failure {
    Failure {
        exit: Exit::Unfinished,
        ..error.into()
    }
}
