//! What a journal holds: the records, before they become rows.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use signoff_core::{Field, Outcome, Record, Value};

use crate::call::{Call, OutcomeRow, Place};
use crate::event::{Level, Summary};
use crate::hexadecimal;
use crate::json;

/// What a run is, written before anything else.
#[derive(Debug, Clone, Default)]
pub struct RunHeader {
    /// The run's id; the name of the file.
    pub run: String,
    /// When it began, in Unix milliseconds.
    pub created_ms: i64,
    /// Of the machine's present boot, if it has such an id: wall clocks of two boots may disagree.
    pub boot_id: Option<String>,
    /// Time since that boot, in milliseconds, if known.
    pub uptime_ms: Option<u64>,
    /// The script's name, or the command.
    pub workflow: String,
    /// The script and its modules, the script first; empty for a command.
    pub sources: Vec<SourceText>,
    /// What it was given.
    pub arguments: Vec<Field>,
    /// The files it reads beside its script: their hashes, never what is in them.
    pub inputs: Vec<InputFile>,
    /// The connections it may use, resolved, without secrets.
    pub configuration: Vec<Field>,
    /// Of signoff, its providers and plugins: `signoff` = `0.1.0`, `finesse` = `0.1.0`, …
    pub versions: Vec<(String, String)>,
    /// Whether every effect is held back.
    pub plan: bool,
    /// Seeds the script's random numbers.
    pub seed: u64,
    /// As it was typed; secrets are never on it.
    pub command_line: Vec<String>,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// The folder that paths were taken from.
    pub folder: Option<String>,
    /// The file of the configuration.
    pub config: Option<String>,
    /// Where plugins were looked for first, by the command line.
    pub plugin_path: Vec<String>,
    /// Who acts in place of every connection's own credential.
    pub act_as: Option<String>,
    /// Whether the vendors were simulated by the process itself.
    pub sandbox: bool,
    /// The only users who may be acted on, by (connection, id), if somebody agreed to a plan.
    pub approved: Option<Vec<(String, String)>>,
}

/// A process takes a run up again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionRecord {
    /// When, in Unix milliseconds.
    pub at_ms: i64,
    /// As [`RunHeader::boot_id`].
    pub boot_id: Option<String>,
    /// As [`RunHeader::uptime_ms`].
    pub uptime_ms: Option<u64>,
    /// Its number.
    pub process: Option<u32>,
    /// As it was typed.
    pub command_line: Vec<String>,
    /// What had changed since the run began, and was overridden.
    pub overridden: Vec<String>,
}

/// One file of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceText {
    /// Its path, as messages name it.
    pub name: String,
    /// What it held.
    pub text: String,
}

impl SourceText {
    /// The SHA-256 of the text, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        hexadecimal::encode(&Sha256::digest(self.text.as_bytes()))
    }
}

/// A file that a run reads. A later execution that finds other bytes there would be another run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// As it was named; `-` for what came by standard input.
    pub path: String,
    /// Of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// How many rows of users it has; `None` if it was not read for users.
    pub rows: Option<u64>,
}

/// Names a call within its journal; ascending in the order of the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub i64);

/// Names an intent within its journal; ascending in the order of the intents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntentId(pub i64);

/// A host call, where it stands and what it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// Where it stands.
    pub place: Place,
    /// Tells whether a later execution asks the same there.
    pub digest: CallDigest,
    /// What kind of call it is.
    pub kind: CallKind,
    /// The name of its connection; `None` where it has none.
    pub connection: Option<Arc<str>>,
    /// The operation; of a host function, its name: `sleep`, `now`.
    pub operation: String,
    /// Whom it is about.
    pub user: Option<String>,
    /// When, in Unix milliseconds.
    pub at_ms: i64,
    /// The first call at this place, if it was begun before.
    pub again: Option<CallId>,
}

/// What kind of call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallKind {
    /// An operation that may act.
    Act,
    /// An operation that reads.
    Read,
    /// A function of the host that sees the world: time, files, a user left out.
    Host,
}

/// A fingerprint of what a call asks: its connection, operation, user and arguments, but not what is merely known
/// of the user.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallDigest(pub [u8; 16]);

impl CallDigest {
    /// Of an operation.
    #[must_use]
    pub fn of(call: &Call) -> Self {
        Self::new(
            &call.connection,
            call.credential.as_deref(),
            &call.operation,
            call.user.as_ref().map(|user| user.id.as_str()),
            &call.arguments,
        )
    }

    /// Of a function of the host, with what it was given.
    #[must_use]
    pub fn of_host(function: &str, arguments: &[Field]) -> Self {
        Self::new("", None, function, None, arguments)
    }

    fn new(
        connection: &str,
        credential: Option<&str>,
        operation: &str,
        user: Option<&str>,
        arguments: &[Field],
    ) -> Self {
        let arguments = json::fields(arguments);
        // As JSON, so that no two different calls can give the same bytes.
        let text = serde_json::json!([connection, credential, operation, user, arguments]).to_string();
        let mut digest = [0; 16];
        for (byte, hashed) in digest.iter_mut().zip(Sha256::digest(text.as_bytes())) {
            *byte = hashed;
        }
        Self(digest)
    }
}

impl fmt::Display for CallDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hexadecimal::encode(&self.0))
    }
}

impl fmt::Debug for CallDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallDigest({self})")
    }
}

/// A write that is about to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentRecord {
    /// The call it belongs to.
    pub call: CallId,
    /// Which write of the operation.
    pub part: String,
    /// From 1; which intent of this part it is, also of those that were withdrawn or belong to an earlier process.
    pub attempt: u32,
    /// The id under which the vendor is told of it.
    pub request_id: Option<String>,
    /// When, in Unix milliseconds by the host's clock.
    pub at_ms: i64,
    /// The vendor's clock less the host's, in milliseconds; `None`: not known yet.
    pub server_offset_ms: Option<i64>,
    /// Time since the machine's boot, in milliseconds, if known. Of the wall clock nobody knows who sets it.
    pub uptime_ms: Option<u64>,
    /// How long it may be under way from then on, in milliseconds; `None`: not recorded.
    pub under_way_ms: Option<u64>,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResultRecord {
    /// When, in Unix milliseconds.
    pub at_ms: i64,
    /// Whether it was answered.
    pub disposition: Disposition,
    /// The HTTP status of the answer.
    pub http_status: Option<u16>,
}

/// Whether a write was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Disposition {
    /// It was; the operation knows what the answer means.
    Answered,
    /// The answer proves that it was not processed.
    NotProcessed,
    /// It never left.
    NotSent,
    /// It may have been processed, and no answer came that tells: still in doubt.
    MaybeSent,
}

/// What a call gave.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerRecord {
    /// When, in Unix milliseconds.
    pub at_ms: i64,
    /// What.
    pub answer: RecordedAnswer,
    /// Whether it stands when the run is taken up again. What was stopped, or failed for a reason that lies with all, is
    /// tried again.
    pub is_final: bool,
}

/// What a call gave: of whichever kind.
#[derive(Debug, Clone, PartialEq)]
pub enum RecordedAnswer {
    /// An outcome.
    Outcome(Arc<OutcomeRow>),
    /// One record.
    Record(Record),
    /// Many records.
    Records(Arc<Vec<Record>>),
    /// What a function of the host gave.
    Value(Value),
}

impl RecordedAnswer {
    /// The outcome, if it is one.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Outcome(row) => Some(row.outcome),
            _ => None,
        }
    }

    /// The number of its kind in the file.
    pub(super) const fn code(&self) -> i64 {
        match self {
            Self::Outcome(_) => OUTCOME,
            Self::Record(_) => RECORD,
            Self::Records(_) => RECORDS,
            Self::Value(_) => VALUE,
        }
    }

    /// An answer as it was kept; `None` if it cannot have been written by [`super::Journal`].
    pub(super) fn from_parts(code: i64, body: &str, cause: Option<&str>) -> Option<Self> {
        if code == OUTCOME {
            let mut row = json::outcome_from(body)?;
            row.cause = match cause {
                Some(name) => Some(json::cause_from(name)?),
                None => None,
            };
            return Some(Self::Outcome(Arc::new(row)));
        }
        let body: serde_json::Value = serde_json::from_str(body).ok()?;
        match code {
            RECORD => json::kept_record_from(&body).map(Self::Record),
            RECORDS => {
                let rows: Option<Vec<Record>> = body.as_array()?.iter().map(json::kept_record_from).collect();
                rows.map(|rows| Self::Records(Arc::new(rows)))
            }
            VALUE => Some(Self::Value(json::kept_from(&body))),
            _ => None,
        }
    }
}

const OUTCOME: i64 = 1;
const RECORD: i64 = 2;
const RECORDS: i64 = 3;
const VALUE: i64 = 4;

/// A user who came into scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeRecord {
    /// The name of the connection; `None` where it is not known yet.
    pub connection: Option<Arc<str>>,
    /// His id.
    pub user: String,
    /// His display name.
    pub name: Option<String>,
    /// He was in scope as a mere text, and it turned out to be nobody's id.
    pub gone: bool,
}

/// A request and its answer, or what the vendor told of unasked: for whoever looks at it afterwards. Without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeRecord {
    /// What it was sent for.
    pub call: CallId,
    /// When the answer came, or it was clear that none would, in Unix milliseconds.
    pub at_ms: i64,
    /// When the request left, if that is known; before the call began if an answer to somebody else was good enough.
    pub sent_ms: Option<i64>,
    /// Method, path and query: `PUT /finesse/api/User/1001`. `None`: nothing was asked.
    pub request: Option<String>,
    /// What went with it; of a long one its length, as of the answer.
    pub body: String,
    /// `None`: no answer came.
    pub http_status: Option<u16>,
    /// What it said; else why there is none; or what the vendor told of.
    pub answer: String,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRecord {
    /// When, in Unix milliseconds.
    pub at_ms: i64,
    /// How grave it is.
    pub level: Level,
    /// One line.
    pub text: String,
    /// What goes with it.
    pub fields: Vec<Field>,
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct EndRecord {
    /// When, in Unix milliseconds.
    pub at_ms: i64,
    /// How.
    pub summary: Summary,
}

macro_rules! coded {
    ($type:ty { $($member:ident = $code:literal),+ }) => {
        impl $type {
            /// The number in the file; never changed, never reused.
            pub(super) const fn code(self) -> i64 {
                match self { $(Self::$member => $code),+ }
            }

            pub(super) const fn from_code(code: i64) -> Option<Self> {
                match code { $($code => Some(Self::$member),)+ _ => None }
            }
        }
    };
}
coded!(CallKind { Act = 1, Read = 2, Host = 3 });
coded!(Disposition { Answered = 1, NotProcessed = 2, NotSent = 3, MaybeSent = 4 });
