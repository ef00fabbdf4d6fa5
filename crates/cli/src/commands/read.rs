//! `signoff roster` and `signoff status`: who is signed in; nothing is changed.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use signoff_core::{Field, Record, User};
use signoff_engine::call::{Answer, Call, Cause, OutcomeRow, Place};
use signoff_engine::event::Status as RunStatus;
use signoff_engine::journal::RunHeader;
use signoff_engine::json;
use signoff_engine::run::{Run, RunSettings};

use super::logout::BEGUN;
use super::people::Listed;
use crate::arguments::{Format, General, Roster, Status};
use crate::environment::command_line;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{self, Errors};
use crate::setup::Setup;
use crate::text::safe;

/// Lists users.
pub(crate) async fn roster(arguments: Roster, general: &General) -> Result<Exit, Failure> {
    let Roster {
        connection,
        team,
        signed_in,
        options: given,
        place,
    } = arguments;
    let setup = Setup::prepare(general, &place).await?;
    let mut arguments = options(&given, "-o", "wait=5m")?;
    if let Some(team) = team {
        arguments.push(Field::new("team", team));
    }
    if signed_in {
        arguments.push(Field::new("signed_in", true));
    }
    setup.check(&connection, "roster", &arguments)?;
    let reader = Reader::begin(&setup, general, "roster", &connection, None)?;
    let answer = reader.ask("roster", None, arguments).await;
    let exit = match &answer {
        Ok(Answer::Records(records)) => {
            reader.print(records, false);
            Exit::Success
        }
        Ok(Answer::Record(record)) => {
            reader.print(std::slice::from_ref(record), false);
            Exit::Success
        }
        Ok(Answer::Outcome(row)) => {
            // What is wrong has been logged; only a credential gets worse by trying again.
            if let Some(cause @ (Cause::Credential | Cause::Login)) = row.cause
                && !general.quiet
            {
                report::diagnostic(&format!("next: {}", report::advice_for_all(cause)));
            }
            Exit::Untried
        }
        Err(_) => Exit::Configuration,
    };
    reader.end(exit == Exit::Success).await?;
    answer.map(|_| exit)
}

/// Shows the state of users.
pub(crate) async fn status(arguments: Status, general: &General) -> Result<Exit, Failure> {
    let Status {
        connection,
        users,
        from,
        place,
    } = arguments;
    let setup = Setup::prepare(general, &place).await?;
    setup.check(&connection, "status", &[])?;
    let listed = Listed::read(&from, &setup, &connection).await?;
    let users: Box<dyn Iterator<Item = Result<User, Failure>>> = match &listed {
        Some(listed) => Box::new(listed.people.users()?.map(|user| Ok(user?))),
        None => {
            let mut known = HashSet::new();
            let once = users.into_iter().filter(move |user| known.insert(user.clone()));
            Box::new(once.map(|user| Ok(User::new(user))))
        }
    };
    let reader = Reader::begin(&setup, general, "status", &connection, listed.as_ref())?;
    let ask = async |user: Result<User, Failure>| reader.ask("status", Some(user?), Vec::new()).await;
    let mut answers = stream::iter(users).map(ask).buffered(BEGUN);
    let mut shown = Shown::default();
    let mut failed: Vec<Arc<OutcomeRow>> = Vec::new();
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(Answer::Records(rows)) => shown.add(&reader, &rows),
            Ok(Answer::Record(record)) => shown.add(&reader, &[record]),
            Ok(Answer::Outcome(row)) => failed.push(row),
            Err(failure) => {
                drop(answers);
                reader.end(false).await?;
                return Err(failure);
            }
        }
    }
    drop(answers);
    shown.end(&reader);
    for row in &failed {
        report::diagnostic(&format!("error: {}", safe(&failure_line(row))));
    }
    reader.end(failed.is_empty()).await?;
    Ok(
        match (
            failed.is_empty(),
            !shown.any && failed.iter().all(|row| row.cause.is_some()),
        ) {
            (true, _) => Exit::Success,
            (false, true) => Exit::Untried,
            (false, false) => Exit::NotOut,
        },
    )
}

/// The states of users, on their way to standard output. A table wants all of them; lines are told at once.
#[derive(Default)]
struct Shown {
    any: bool,
    kept: Vec<Record>,
}

impl Shown {
    fn add(&mut self, reader: &Reader, records: &[Record]) {
        self.any |= !records.is_empty();
        match reader.format {
            Format::Json => reader.print(records, true),
            Format::Human => self.kept.extend_from_slice(records),
        }
    }

    fn end(&self, reader: &Reader) {
        if !self.kept.is_empty() {
            reader.print(&self.kept, true);
        }
    }
}

/// `NAME=VALUE`, as the command line gives options after `flag`, for example `example`.
pub(crate) fn options(given: &[String], flag: &str, example: &str) -> Result<Vec<Field>, Failure> {
    let option = |text: &String| match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok(Field::new(name.trim(), value)),
        _ => Err(Failure::usage(
            format!("`{flag} {text}` has no value: it is not of the form NAME=VALUE"),
            format!("for example `{flag} {example}`"),
        )),
    };
    given.iter().map(option).collect()
}

struct Reader {
    run: Arc<Run>,
    connection: String,
    format: Format,
}

impl Reader {
    fn begin(
        setup: &Setup,
        general: &General,
        workflow: &str,
        connection: &str,
        listed: Option<&Listed>,
    ) -> Result<Self, Failure> {
        let header = RunHeader {
            workflow: workflow.to_owned(),
            arguments: listed.map(Listed::arguments).unwrap_or_default(),
            inputs: listed
                .map(|listed| listed.people.input().clone())
                .into_iter()
                .collect(),
            versions: setup.versions(),
            command_line: command_line(),
            sandbox: setup.config.is_none(),
            ..RunHeader::default()
        };
        let settings = RunSettings {
            header,
            approved: None,
        };
        let observer = Arc::new(Errors::new(general));
        let run = setup.begin(settings, observer)?;
        Ok(Self {
            run,
            connection: connection.to_owned(),
            format: general.format,
        })
    }

    async fn ask(
        &self,
        operation: &str,
        user: Option<User>,
        arguments: Vec<Field>,
    ) -> Result<Answer, Failure> {
        let place = user
            .as_ref()
            .map_or_else(|| "0".to_owned(), |user| format!("0[{}]0", user.id));
        let call = Call {
            place: Place(Arc::from(place)),
            source: String::new(),
            connection: self.connection.clone(),
            credential: None,
            operation: operation.to_owned(),
            user,
            arguments,
            in_fan_out: false,
        };
        Ok(self.run.call(call).await?)
    }

    async fn end(&self, well: bool) -> Result<(), Failure> {
        self.run
            .finish(if well {
                RunStatus::Completed
            } else {
                RunStatus::Failed
            })
            .await?;
        Ok(())
    }

    fn print(&self, records: &[Record], in_full: bool) {
        match self.format {
            Format::Json => {
                for record in records {
                    report::data(&self.json_line(record));
                }
            }
            Format::Human => report::data(&report::users(records, in_full)),
        }
    }

    fn json_line(&self, record: &Record) -> String {
        let mut line = serde_json::Map::new();
        line.insert("event".to_owned(), "user".into());
        line.insert("connection".to_owned(), self.connection.clone().into());
        if let serde_json::Value::Object(fields) = json::record(record) {
            line.extend(fields);
        }
        serde_json::Value::Object(line).to_string()
    }
}

fn failure_line(row: &OutcomeRow) -> String {
    let mut line = format!("the status of `{}` could not be read: {}", row.user, row.outcome);
    for part in [&row.code, &row.message].into_iter().flatten() {
        line.push_str(": ");
        line.push_str(part);
    }
    line
}
