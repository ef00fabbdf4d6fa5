//! Scripts that watch: `connection:events` and `connection:wait_for` are made of two host calls, `events` and
//! `next_event`, which are recorded as reads are. On a re-execution what was heard is heard again, from the journal; what
//! comes after it is listened to anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use signoff_core::{Field, Parameter, ParameterKind, Record, Value};
use tokio::time::{Instant, sleep_until};

use super::feeds::{News, Watch};
use super::{Asked, Run, report};
use crate::call::{Answer, Call, CallError};
use crate::event::Level;
use crate::journal::{CallDigest, CallKind, CallRecord, RecordedAnswer};
use crate::parameters;

/// The names of the two host calls.
const EVENTS: &str = "events";
const NEXT: &str = "next_event";

const fn text(name: &'static str, help: &'static str) -> Parameter {
    Parameter {
        name,
        kind: ParameterKind::Text,
        default: Some(""),
        required: false,
        choices: &[],
        help,
    }
}

static OPTIONS: [Parameter; 4] = [
    text(
        "team",
        "whose events, in the vendor's terms; empty: all that may be heard",
    ),
    Parameter {
        default: None,
        kind: ParameterKind::Duration,
        ..text("within", "how long to listen")
    },
    text("of", "which of the listeners of a script"),
    Parameter {
        default: None,
        kind: ParameterKind::Duration,
        ..text("patience", "how long to wait for this one event")
    },
];

/// Those who watch in a run, by the place where they began.
#[derive(Default)]
pub(super) struct Watches(Mutex<HashMap<String, Arc<tokio::sync::Mutex<Watching>>>>);

struct Watching {
    watch: Watch,
    until: Option<Instant>,
    over: bool,
}

impl Run {
    /// Whether it is one of the calls by which scripts listen; a provider's own operations come first.
    pub(super) fn is_listening(&self, call: &Call) -> bool {
        matches!(call.operation.as_str(), EVENTS | NEXT)
            && self
                .open(&call.connection)
                .is_ok_and(|link| link.settings.descriptor.operation(&call.operation).is_none())
    }

    /// One of the calls by which scripts listen.
    pub(super) async fn listen_call(&self, call: &Call) -> Result<Answer, CallError> {
        let known = if call.operation == EVENTS {
            &OPTIONS[..2]
        } else {
            &OPTIONS[..]
        };
        let arguments = parameters::resolve(known, &call.arguments).map_err(|error| CallError::Misuse {
            hint: error.hint(),
            message: format!("`{EVENTS}`: {error}"),
        })?;
        let link = self.open(&call.connection)?;
        let record = CallRecord {
            place: call.place.clone(),
            digest: CallDigest::of(call),
            kind: CallKind::Read,
            connection: Some(Arc::clone(&link.settings.name)),
            operation: call.operation.clone(),
            user: None,
            at_ms: self.clock.now().unix_ms,
            again: None,
        };
        let id = match self.ask(record, &call.source)? {
            Asked::Before(RecordedAnswer::Record(record)) => return Ok(Answer::Record(record)),
            Asked::Before(RecordedAnswer::Records(records)) => return Ok(Answer::Records(records)),
            Asked::Before(_) => return Err(self.failed("what is recorded of a listener is no row")),
            Asked::Now(id, _) => id,
        };
        if call.operation == EVENTS {
            let place = call.place.0.to_string();
            self.begin_watching(call, &arguments, &place).await?;
            let began = Record {
                id: place,
                attributes: Vec::new(),
            };
            self.record(
                id,
                self.clock.now().unix_ms,
                RecordedAnswer::Record(began.clone()),
                true,
            )
            .await?;
            return Ok(Answer::Record(began));
        }
        let heard = self.next_event(call, &arguments).await?;
        let records = Arc::new(Vec::from_iter(heard));
        let answer = RecordedAnswer::Records(Arc::clone(&records));
        self.record(id, self.clock.now().unix_ms, answer, true).await?;
        Ok(Answer::Records(records))
    }

    async fn begin_watching(
        &self,
        call: &Call,
        arguments: &[Field],
        place: &str,
    ) -> Result<Arc<tokio::sync::Mutex<Watching>>, CallError> {
        let team = find(arguments, "team")
            .and_then(Value::as_text)
            .unwrap_or_default();
        let within = duration(arguments, "within");
        let mut watching = Watching {
            watch: self.watch(&call.connection, call.credential.as_deref(), team)?,
            until: within.map(|within| Instant::now() + within),
            over: self.plan,
        };
        if !watching.over {
            self.hear_first(call, &mut watching).await?;
        }
        let watching = Arc::new(tokio::sync::Mutex::new(watching));
        let mut all = self.watches.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(place.to_owned(), Arc::clone(&watching));
        Ok(watching)
    }

    /// Waits until events arrive: what happens after the call is heard.
    async fn hear_first(&self, call: &Call, watching: &mut Watching) -> Result<(), CallError> {
        let mut stopped = self.stopped.subscribe();
        tokio::select! {
            news = watching.watch.next() => match news {
                News::Refused { reason, lasting: true } => Err(CallError::Misuse {
                    message: format!("connection `{}`: nothing can be listened to: {reason}", call.connection),
                    hint: "`signoff doctor` says what is missing".to_owned(),
                }),
                News::Refused { reason, .. } | News::Gap { reason } => {
                    self.deaf(&call.connection, &reason);
                    watching.over = true;
                    Ok(())
                }
                News::Listening | News::Event(_) => Ok(()),
            },
            _ = stopped.wait_for(|stopped| *stopped) => Err(CallError::Stopped),
        }
    }

    /// The next event as a row; none once the time is over.
    async fn next_event(&self, call: &Call, arguments: &[Field]) -> Result<Option<Record>, CallError> {
        let place = find(arguments, "of").and_then(Value::as_text).unwrap_or_default();
        let known = {
            let all = self.watches.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.get(place).map(Arc::clone)
        };
        // An earlier process began to listen.
        let watching = match known {
            Some(watching) => watching,
            None => self.begin_watching(call, arguments, place).await?,
        };
        let mut watching = watching.lock().await;
        let mut stopped = self.stopped.subscribe();
        let patience = duration(arguments, "patience").map(|patience| Instant::now() + patience);
        while !watching.over {
            let until = watching.until.into_iter().chain(patience).min();
            let news = tokio::select! {
                news = watching.watch.next() => news,
                () = moment(until) => {
                    watching.over = until == watching.until;
                    return Ok(None);
                }
                _ = stopped.wait_for(|stopped| *stopped) => return Err(CallError::Stopped),
            };
            match news {
                News::Event(event) => {
                    let mut row = super::feeds::row(&event);
                    let attributes = std::mem::take(&mut row.attributes);
                    row.attributes = report::redacted_fields(&self.engine.redactor, attributes);
                    return Ok(Some(row));
                }
                News::Listening => {}
                News::Gap { reason } => self.deaf(&call.connection, &reason),
                News::Refused { reason, .. } => {
                    self.deaf(&call.connection, &reason);
                    break;
                }
            }
        }
        watching.over = true;
        Ok(None)
    }

    fn deaf(&self, connection: &str, reason: &str) {
        let text = format!("connection `{connection}`: events may be missed: {reason}");
        self.log(Level::Warn, &text, Vec::new());
    }
}

fn find<'a>(arguments: &'a [Field], name: &str) -> Option<&'a Value> {
    let field = arguments.iter().find(|field| field.name == name);
    field.map(|field| &field.value)
}

fn duration(arguments: &[Field], name: &str) -> Option<Duration> {
    match find(arguments, name) {
        Some(Value::Duration(duration)) => Some(*duration),
        _ => None,
    }
}

async fn moment(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
