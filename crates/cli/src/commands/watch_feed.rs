//! `signoff watch-feed`: what happens to users, as the vendor tells it, until somebody ends it. Nothing is changed.

use std::collections::{BTreeMap, HashSet};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use signoff_core::{FeedEvent, Field, Record};
use signoff_engine::call::{Answer, Call, Place};
use signoff_engine::event::Status;
use signoff_engine::journal::RunHeader;
use signoff_engine::json;
use signoff_engine::run::{News, Run, RunSettings};

use super::signal;
use crate::arguments::{Format, General, WatchFeed};
use crate::environment::command_line;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{self, Errors};
use crate::setup::Setup;
use crate::text::{column, safe};

/// Shows events as they come. Being ended by a person is how it ends well.
pub(crate) async fn watch_feed(arguments: WatchFeed, general: &General) -> Result<Exit, Failure> {
    let WatchFeed {
        connection,
        team,
        place,
    } = arguments;
    let setup = Setup::prepare(general, &place).await?;
    let header = RunHeader {
        workflow: "watch-feed".to_owned(),
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
    let shown = show(&run, &connection, team.as_deref(), general).await;
    let status = match &shown {
        Ok(()) => Status::Completed,
        Err(_) => Status::Failed,
    };
    tokio::select! {
        finished = run.finish(status) => { finished?; }
        // The vendor may take its time to say good-bye.
        () = signal::received() => return Ok(Exit::Interrupted),
    }
    shown.map(|()| Exit::Success)
}

async fn show(run: &Run, connection: &str, team: Option<&str>, general: &General) -> Result<(), Failure> {
    let mut watch = run.watch(connection, None, team.unwrap_or_default())?;
    let mut states = States::default();
    let mut reading: Option<BoxFuture<'_, Option<Vec<Record>>>> = None;
    let ended = signal::received();
    tokio::pin!(ended);
    loop {
        let read = async {
            match &mut reading {
                Some(reading) => reading.await,
                None => pending().await,
            }
        };
        let is_read = tokio::select! {
            news = watch.next() => {
                match &news {
                    News::Refused { reason, lasting } => return Err(refused(connection, reason, *lasting)),
                    News::Listening => reading = Some(states.read(run, connection, team)),
                    News::Event(event) => states.hear(event),
                    News::Gap { .. } | News::Partly { .. } => {}
                }
                match general.format {
                    Format::Json => report::data_if_read(&json_line(connection, &news).to_string()),
                    Format::Human => human(connection, &news, general.quiet),
                }
            }
            rows = read => {
                reading = None;
                states.compare(rows.as_deref()).iter().all(|row| match general.format {
                    Format::Json => report::data_if_read(&json_of_row(connection, row).to_string()),
                    Format::Human => report::data_if_read(&line_of_row(row)),
                })
            }
            () = &mut ended => return Ok(()),
        };
        if !is_read {
            // Nobody is there any more to show them to.
            return Ok(());
        }
    }
}

/// What is read may have been answered so long ago, and what is read after a gap must not be older than that.
const AGE: Duration = Duration::from_secs(2);

/// How everybody was seen last. What happens in a gap is not told afterwards, so it is read and compared.
#[derive(Default)]
struct States {
    known: BTreeMap<String, String>,
    /// Who was heard of while it was read.
    heard: HashSet<String>,
    /// What was begun to be read: at the beginning there is nothing to compare with.
    reads: u64,
}

impl States {
    /// Gives `None` if it cannot be read, which the run has said.
    fn read<'a>(
        &mut self,
        run: &'a Run,
        connection: &str,
        team: Option<&str>,
    ) -> BoxFuture<'a, Option<Vec<Record>>> {
        self.heard.clear();
        self.reads += 1;
        let call = Call {
            place: Place(Arc::from(self.reads.to_string())),
            source: String::new(),
            connection: connection.to_owned(),
            credential: None,
            operation: "roster".to_owned(),
            user: None,
            arguments: team.map(|team| Field::new("team", team)).into_iter().collect(),
            in_fan_out: false,
        };
        let age = if self.reads > 1 { AGE } else { Duration::ZERO };
        async move {
            tokio::time::sleep(age).await;
            match run.call(call).await {
                Ok(Answer::Records(rows)) => Some(rows.to_vec()),
                _ => None,
            }
        }
        .boxed()
    }

    fn hear(&mut self, event: &FeedEvent) {
        self.heard.insert(event.user.clone());
        if !event.state.is_empty() {
            self.known.insert(event.user.clone(), event.state.clone());
        }
    }

    /// The rows that show what nobody was told of.
    fn compare<'r>(&mut self, rows: Option<&'r [Record]>) -> Vec<&'r Record> {
        let mut changed = Vec::new();
        for row in rows.unwrap_or_default() {
            let Some(state) = text(row, "state") else {
                continue;
            };
            // What was heard meanwhile is newer.
            if self.heard.contains(&row.id) {
                continue;
            }
            let before = self.known.insert(row.id.clone(), state.to_owned());
            if self.reads > 1 && before.as_deref() != Some(state) {
                changed.push(row);
            }
        }
        changed
    }
}

fn text<'r>(row: &'r Record, name: &str) -> Option<&'r str> {
    let field = row.attributes.iter().find(|field| field.name == name);
    field.and_then(|field| field.value.as_text())
}

fn refused(connection: &str, reason: &str, lasting: bool) -> Failure {
    let message = format!("connection `{connection}`: nothing can be listened to: {reason}");
    if lasting {
        Failure::configuration(message, "`signoff doctor` says what is missing")
    } else {
        Failure::new(Exit::Untried, message, "`signoff doctor` looks closer")
    }
}

/// Says whether somebody still reads.
fn human(connection: &str, news: &News, quiet: bool) -> bool {
    match news {
        News::Listening if quiet => {}
        News::Listening => report::diagnostic(&format!("listening on `{connection}`; Ctrl-C ends it")),
        // Why has been said by the run.
        News::Gap { .. } => report::diagnostic(
            "warning: events may be missed; when they come again, states are read, and what has changed is shown",
        ),
        News::Partly { reason } => report::diagnostic(&format!(
            "warning: a part of it cannot be listened to: {}",
            safe(reason)
        )),
        News::Event(event) => return report::data_if_read(&human_line(event)),
        News::Refused { .. } => {}
    }
    true
}

fn human_line(event: &FeedEvent) -> String {
    let user = column(&event.user, 12);
    let what = if event.error_code.is_empty() {
        column(&event.state, 12)
    } else {
        format!("error {}", safe(&event.error_code))
    };
    let mut line = format!("{}  {user} {what}", time(event.unix_ms));
    let more = [
        ("then ", &event.pending_state),
        ("", &event.reason),
        ("", &event.error_message),
    ];
    for (before, text) in more.into_iter().filter(|(_, text)| !text.is_empty()) {
        line.push_str(&format!(" {before}{}", safe(text)));
    }
    line.trim_end().to_owned()
}

fn json_line(connection: &str, news: &News) -> serde_json::Value {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    match news {
        News::Event(event) => serde_json::json!({
            "event": "change",
            "connection": connection,
            "user": event.user,
            "state": some(&event.state),
            "pending_state": some(&event.pending_state),
            "reason": some(&event.reason),
            "request_id": some(&event.request_id),
            "error_code": some(&event.error_code),
            "error_type": some(&event.error_kind),
            "error_message": some(&event.error_message),
            "time": (event.unix_ms != 0).then(|| json::timestamp(event.unix_ms)),
            "seen_by": "event",
        }),
        News::Partly { reason } => serde_json::json!({
            "event": "partly", "connection": connection, "message": &**reason,
        }),
        News::Gap { reason } => serde_json::json!({
            "event": "gap", "connection": connection, "message": &**reason,
        }),
        News::Listening | News::Refused { .. } => serde_json::json!({
            "event": "listening", "connection": connection,
        }),
    }
}

/// What was missed in a gap, as if it had been heard.
fn json_of_row(connection: &str, row: &Record) -> serde_json::Value {
    serde_json::json!({
        "event": "change",
        "connection": connection,
        "user": row.id,
        "state": text(row, "state"),
        "pending_state": text(row, "pending_state"),
        "reason": null,
        "request_id": null,
        "error_code": null,
        "error_type": null,
        "error_message": null,
        "time": text(row, "since"),
        "seen_by": "status",
    })
}

fn line_of_row(row: &Record) -> String {
    let time = text(row, "since").and_then(|since| since.get(11..19));
    let state = text(row, "state").unwrap_or_default();
    let (user, state) = (column(&row.id, 12), column(state, 12));
    format!(
        "{:8}  {user} {state} (read after the gap)",
        safe(time.unwrap_or_default())
    )
}

/// The vendor's time of day, in UTC.
fn time(unix_ms: i64) -> String {
    if unix_ms == 0 {
        return " ".repeat(8);
    }
    let moment = json::timestamp(unix_ms);
    moment.get(11..19).unwrap_or_default().to_owned()
}
