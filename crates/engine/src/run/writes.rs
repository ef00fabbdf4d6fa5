//! The writes of one call: journaled before they leave and after they are answered, and counted for its report.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::recorded::EarlierWrites;
use crate::clock::Clock;
use crate::dispatch::{DispatchError, Disposition, Intent, WriteLog};
use crate::journal::{self, CallId, IntentId, IntentRecord, Journal, JournalError, ResultRecord};
use crate::operation::Writing;
use crate::platform;

/// Journals the writes of one call.
pub(super) struct CallWrites {
    journal: Journal,
    call: CallId,
    clock: Clock,
    account: Mutex<Account>,
}

/// What reports say of the writes of a call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Tally {
    /// How often a write was sent.
    pub(super) attempts: u32,
    /// Whether one was sent again after one that may have been processed.
    pub(super) repeated: bool,
    /// The id under which the vendor was told of the last.
    pub(super) request_id: Option<String>,
}

#[derive(Debug, Default)]
struct Account {
    tally: Tally,
    /// How many intents there were of each part.
    intended: HashMap<String, u32>,
    /// Parts of which a write may have been processed.
    processed: HashSet<String>,
    /// Those between intent and result, by the number of the intent, with the part and the id that the vendor is told.
    under_way: HashMap<u64, (String, Option<String>)>,
    /// Those whose intent or result is being put on disk.
    being_journaled: u32,
}

impl CallWrites {
    pub(super) fn new(journal: Journal, call: CallId, clock: Clock) -> Self {
        Self {
            journal,
            call,
            clock,
            account: Mutex::default(),
        }
    }

    /// The same for a call that an earlier process wrote for.
    pub(super) fn after(journal: Journal, call: CallId, clock: Clock, earlier: &EarlierWrites) -> Self {
        let parts = earlier.parts.iter();
        let account = Account {
            tally: Tally {
                attempts: earlier.attempts,
                repeated: earlier.repeated,
                request_id: earlier.request_id.clone(),
            },
            intended: parts
                .clone()
                .map(|(name, part)| (name.clone(), part.intents))
                .collect(),
            processed: parts
                .filter(|(_, part)| part.is_in_doubt())
                .map(|(name, _)| name.clone())
                .collect(),
            ..Account::default()
        };
        Self {
            account: Mutex::new(account),
            ..Self::new(journal, call, clock)
        }
    }

    /// What became of them; one without a result counts as sent.
    pub(super) fn tally(&self) -> Tally {
        let mut account = self.lock();
        for (part, request_id) in std::mem::take(&mut account.under_way).into_values() {
            account.left(part, request_id, true);
        }
        account.tally.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin_journaling(&self) -> Journaling<'_> {
        self.lock().being_journaled += 1;
        Journaling(self)
    }
}

/// Something is being put on disk.
struct Journaling<'a>(&'a CallWrites);

impl Drop for Journaling<'_> {
    fn drop(&mut self) {
        self.0.lock().being_journaled -= 1;
    }
}

impl Writing for CallWrites {
    fn is_under_way(&self) -> bool {
        let account = self.lock();
        account.being_journaled > 0 || !account.under_way.is_empty()
    }

    fn has_left(&self) -> bool {
        let account = self.lock();
        !account.processed.is_empty() || !account.under_way.is_empty()
    }
}

impl WriteLog for CallWrites {
    fn intent<'a>(&'a self, intent: Intent<'a>) -> BoxFuture<'a, Result<u64, DispatchError>> {
        async move {
            let _journaling = self.begin_journaling();
            let part = intent.part.to_owned();
            let attempt = {
                let mut account = self.lock();
                let intended = account.intended.entry(part.clone()).or_default();
                *intended += 1;
                *intended
            };
            let record = IntentRecord {
                call: self.call,
                part: part.clone(),
                attempt,
                request_id: intent.request_id.map(str::to_owned),
                at_ms: intent.at_unix_ms,
                server_offset_ms: intent.server_offset_ms,
                uptime_ms: platform::uptime_ms(),
                under_way_ms: u64::try_from(intent.under_way.as_millis()).ok(),
            };
            let IntentId(number) = self
                .journal
                .intent(record)
                .await
                .map_err(|error| journal_fault(&error))?;
            let number = number.cast_unsigned();
            let request_id = intent.request_id.map(str::to_owned);
            self.lock().under_way.insert(number, (part, request_id));
            Ok(number)
        }
        .boxed()
    }

    fn result(&self, intent: u64, disposition: Disposition) -> BoxFuture<'_, Result<(), DispatchError>> {
        async move {
            let _journaling = self.begin_journaling();
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

impl Account {
    fn end(&mut self, intent: u64, disposition: Disposition) {
        let Some((part, request_id)) = self.under_way.remove(&intent) else {
            return;
        };
        match disposition {
            Disposition::NotSent => {}
            Disposition::NotProcessed { .. } => self.left(part, request_id, false),
            Disposition::Answered { .. } | Disposition::MaybeSent => self.left(part, request_id, true),
        }
    }

    /// A write has left, and was perhaps processed.
    fn left(&mut self, part: String, request_id: Option<String>, processed: bool) {
        self.tally.attempts += 1;
        self.tally.repeated |= self.processed.contains(&part);
        self.tally.request_id = request_id;
        if processed {
            self.processed.insert(part);
        }
    }
}

fn journal_fault(error: &JournalError) -> DispatchError {
    DispatchError::Journal(error.to_string().into())
}
