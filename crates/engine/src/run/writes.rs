//! The writes of one call: journaled before they leave and after they are answered, and counted for its report.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::clock::Clock;
use crate::dispatch::{DispatchError, Disposition, Intent, WriteLog};
use crate::journal::{self, CallId, IntentId, IntentRecord, Journal, JournalError, ResultRecord};

/// Journals the writes of one call.
pub(super) struct CallWrites {
    journal: Journal,
    call: CallId,
    clock: Clock,
    tally: Mutex<Tally>,
}

/// What reports say of the writes of a call.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// How often a write was sent.
    pub(super) attempts: u32,
    /// Whether one was sent again after one that may have been processed.
    pub(super) repeated: bool,
    /// The id under which the vendor was told of the last.
    pub(super) request_id: Option<String>,
    sent_of_part: HashMap<String, u32>,
    /// Parts of which a write may have been processed.
    processed: HashSet<String>,
    under_way: HashMap<u64, String>,
}

impl CallWrites {
    pub(super) fn new(journal: Journal, call: CallId, clock: Clock) -> Self {
        Self {
            journal,
            call,
            clock,
            tally: Mutex::default(),
        }
    }

    pub(super) fn tally(&self) -> Tally {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WriteLog for CallWrites {
    fn intent<'a>(&'a self, intent: Intent<'a>) -> BoxFuture<'a, Result<u64, DispatchError>> {
        async move {
            let attempt = self.lock().begin(intent.part, intent.request_id);
            let record = IntentRecord {
                call: self.call,
                part: intent.part.to_owned(),
                attempt,
                request_id: intent.request_id.map(str::to_owned),
                at_ms: intent.at_unix_ms,
                server_offset_ms: Some(intent.server_offset_ms),
            };
            let IntentId(number) = self
                .journal
                .intent(record)
                .await
                .map_err(|error| journal_fault(&error))?;
            let number = number.cast_unsigned();
            self.lock().under_way.insert(number, intent.part.to_owned());
            Ok(number)
        }
        .boxed()
    }

    fn result(&self, intent: u64, disposition: Disposition) -> BoxFuture<'_, Result<(), DispatchError>> {
        async move {
            self.lock().end(intent, disposition);
            let (disposition, http_status) = match disposition {
                Disposition::NotSent => (journal::Disposition::NotSent, None),
                Disposition::NotProcessed { status } => (journal::Disposition::NotProcessed, Some(status)),
                Disposition::Answered { status } => (journal::Disposition::Answered, Some(status)),
                Disposition::MaybeSent => (journal::Disposition::MaybeSent, None),
            };
            let record = ResultRecord {
                at_ms: self.clock.now().unix_ms,
                disposition,
                http_status,
            };
            self.journal
                .result(IntentId(intent.cast_signed()), record)
                .await
                .map_err(|error| journal_fault(&error))
        }
        .boxed()
    }
}

impl Tally {
    /// Counts a write that is about to leave; gives its number within its part, from 1.
    fn begin(&mut self, part: &str, request_id: Option<&str>) -> u32 {
        self.attempts += 1;
        self.repeated |= self.processed.contains(part);
        self.request_id = request_id.map(str::to_owned);
        let sent = self.sent_of_part.entry(part.to_owned()).or_default();
        *sent += 1;
        *sent
    }

    fn end(&mut self, intent: u64, disposition: Disposition) {
        let Some(part) = self.under_way.remove(&intent) else {
            return;
        };
        match disposition {
            Disposition::NotSent => self.attempts -= 1,
            Disposition::NotProcessed { .. } => {}
            Disposition::Answered { .. } | Disposition::MaybeSent => {
                self.processed.insert(part);
            }
        }
    }
}

fn journal_fault(error: &JournalError) -> DispatchError {
    DispatchError::Journal(error.to_string().into())
}
