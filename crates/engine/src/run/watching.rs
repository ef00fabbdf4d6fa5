//! Scripts that watch: `connection:events` and `connection:wait_for` are made of two host calls, `events` and
//! `next_event`, which are recorded as reads are. On a re-execution what was heard is heard again, from the journal; what
//! comes after it is listened to anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use signoff_core::{Field, Parameter, ParameterKind, Record, Value};
use tokio::time::Instant;

use super::feeds::{News, Watch};
use super::{Asked, Run, report};
use crate::call::{Answer, Call, CallError};
use crate::clock::until;
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

static OPTIONS: [Parameter; 5] = [
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
    Parameter {
        default: None,
        kind: ParameterKind::Boolean,
        ..text(
            "gaps",
            "whether a row without an id tells that events were missed",
        )
    },
];

/// The row that stands for what was missed: it is of nobody.
const GAP: Record = Record {
    id: String::new(),
    attributes: Vec::new(),
};

/// Those who watch in a run, by the place where they began.
#[derive(Default)]
pub(super) struct Watches(Mutex<HashMap<String, Shared>>);

type Shared = Arc<tokio::sync::Mutex<Watching>>;

struct Watching {
    /// `None` once it is over: nothing is listened to in vain.
    watch: Option<Watch>,
    until: Option<Instant>,
}

impl Watches {
    fn begin(&self, place: &str, watching: Watching) -> Shared {
        let watching = Arc::new(tokio::sync::Mutex::new(watching));
        let mut all = self.lock();
        // Who has heard what he waited for asks no more. Whatever is locked is being listened to.
        for known in all.values() {
            if let Ok(mut known) = known.try_lock()
                && known.until.is_some_and(|until| until <= Instant::now())
            {
                known.watch = None;
            }
        }
        all.insert(place.to_owned(), Arc::clone(&watching));
        watching
    }

    fn find(&self, place: &str) -> Option<Shared> {
        self.lock().get(place).map(Arc::clone)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Shared>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watching {
    /// What comes next; `None` when there is no more patience, or all is over.
    async fn next(&mut self, patience: Option<Instant>) -> Option<News> {
        let watch = self.watch.as_mut()?;
        let latest = self.until.into_iter().chain(patience).min();
        let news = tokio::select! {
            news = watch.next() => Some(news),
            () = until(latest) => None,
        };
        let is_over = match news {
            Some(News::Refused { .. }) => true,
            None => latest == self.until,
            Some(_) => false,
        };
        if is_over {
            self.watch = None;
        }
        news
    }
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
    ) -> Result<Shared, CallError> {
        let team = find(arguments, "team")
            .and_then(Value::as_text)
            .unwrap_or_default();
        let within = duration(arguments, "within");
        let mut watch = self.watch(&call.connection, call.credential.as_deref(), team)?;
        let until = within.map(|within| Instant::now() + within);
        let is_heard = !self.plan && self.hear_first(call, &mut watch).await?;
        let watching = Watching {
            watch: is_heard.then_some(watch),
            until,
        };
        Ok(self.watches.begin(place, watching))
    }

    /// Waits until events arrive: what happens after the call is heard. False if none will.
    async fn hear_first(&self, call: &Call, watch: &mut Watch) -> Result<bool, CallError> {
        let mut stopped = self.stopped.subscribe();
        loop {
            let news = tokio::select! {
                news = watch.next() => news,
                _ = stopped.wait_for(|stopped| *stopped) => return Err(CallError::Stopped),
            };
            match news {
                News::Refused {
                    reason,
                    lasting: true,
                } => {
                    return Err(CallError::Misuse {
                        message: format!(
                            "connection `{}`: nothing can be listened to: {reason}",
                            call.connection
                        ),
                        hint: "`signoff doctor` says what is missing".to_owned(),
                    });
                }
                News::Refused { reason, .. } | News::Gap { reason } => {
                    self.deaf(&call.connection, &reason);
                    return Ok(false);
                }
                News::Partly { reason } => self.deaf(&call.connection, &reason),
                News::Listening | News::Event(_) => return Ok(true),
            }
        }
    }

    /// The next event as a row; none once the time is over.
    async fn next_event(&self, call: &Call, arguments: &[Field]) -> Result<Option<Record>, CallError> {
        let place = find(arguments, "of").and_then(Value::as_text).unwrap_or_default();
        let tells_gaps = find(arguments, "gaps") == Some(&Value::Boolean(true));
        let watching = match self.watches.find(place) {
            Some(watching) => watching,
            // An earlier process began to listen.
            None => {
                let watching = self.begin_watching(call, arguments, place).await?;
                if tells_gaps {
                    return Ok(Some(GAP));
                }
                watching
            }
        };
        let mut watching = watching.lock().await;
        let mut stopped = self.stopped.subscribe();
        let patience = duration(arguments, "patience").map(|patience| Instant::now() + patience);
        loop {
            let news = tokio::select! {
                news = watching.next(patience) => news,
                _ = stopped.wait_for(|stopped| *stopped) => return Err(CallError::Stopped),
            };
            match news {
                None => return Ok(None),
                Some(News::Event(event)) => {
                    let mut row = super::feeds::row(&event);
                    let attributes = std::mem::take(&mut row.attributes);
                    row.attributes = report::redacted_fields(&self.engine.redactor, attributes);
                    return Ok(Some(row));
                }
                // What was missed is not told again. Whoever knows what he waits for looks for himself.
                Some(News::Listening) if tells_gaps => return Ok(Some(GAP)),
                Some(News::Listening) => {}
                Some(News::Gap { reason } | News::Partly { reason } | News::Refused { reason, .. }) => {
                    self.deaf(&call.connection, &reason);
                }
            }
        }
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn refused() -> Watch {
        Watch::new(Err("nobody may listen".to_owned()))
    }

    /// One that hears nothing for a second.
    async fn silent() -> Watching {
        let mut watch = refused();
        watch.next().await;
        Watching {
            watch: Some(watch),
            until: Some(Instant::now() + SECOND),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_listened_to_once_it_is_over() {
        let mut watching = silent().await;
        let patience = Instant::now() + SECOND / 2;
        assert!(watching.next(Some(patience)).await.is_none());
        assert!(watching.watch.is_some(), "there is time left");
        assert!(watching.next(None).await.is_none());
        assert!(watching.watch.is_none(), "the time is over");
        assert!(watching.next(None).await.is_none());

        let mut watching = Watching {
            watch: Some(refused()),
            until: None,
        };
        assert!(matches!(watching.next(None).await, Some(News::Refused { .. })));
        assert!(watching.watch.is_none(), "there is nothing to hear");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_no_more_is_not_listened_for_beyond_his_time() {
        let watches = Watches::default();
        let first = watches.begin("1", silent().await);
        let second = watches.begin("2", silent().await);
        assert!(first.lock().await.watch.is_some());
        let asks = second.lock().await;
        tokio::time::sleep(2 * SECOND).await;
        watches.begin("3", silent().await);
        assert!(first.lock().await.watch.is_none());
        assert!(asks.watch.is_some(), "he will find out for himself");
        assert!(watches.find("3").unwrap().lock().await.watch.is_some());
    }
}
