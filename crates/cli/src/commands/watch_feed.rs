//! `signoff watch-feed`: what happens to users, as the vendor tells it, until somebody ends it. Nothing is changed.

use std::sync::Arc;

use signoff_core::FeedEvent;
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
    let ended = signal::received();
    tokio::pin!(ended);
    loop {
        let news = tokio::select! {
            news = watch.next() => news,
            () = &mut ended => return Ok(()),
        };
        if let News::Refused { reason, lasting } = &news {
            return Err(refused(connection, reason, *lasting));
        }
        let is_read = match general.format {
            Format::Json => report::data_if_read(&json_line(connection, &news).to_string()),
            Format::Human => human(connection, &news, general.quiet),
        };
        if !is_read {
            // Nobody is there any more to show them to.
            return Ok(());
        }
    }
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
        News::Gap { reason } => report::diagnostic(&format!(
            "warning: the feed was lost, and what happens meanwhile is not shown: {}",
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
        }),
        News::Gap { reason } => serde_json::json!({
            "event": "gap", "connection": connection, "message": &**reason,
        }),
        News::Listening | News::Refused { .. } => serde_json::json!({
            "event": "listening", "connection": connection,
        }),
    }
}

/// The vendor's time of day, in UTC.
fn time(unix_ms: i64) -> String {
    if unix_ms == 0 {
        return " ".repeat(8);
    }
    let moment = json::timestamp(unix_ms);
    moment.get(11..19).unwrap_or_default().to_owned()
}
