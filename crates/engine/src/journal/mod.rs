//! The journal: the file of one run, written before and as it happens.

mod error;
mod record;

pub use error::JournalError;
pub use record::{
    AnswerRecord, CallDigest, CallId, CallKind, CallRecord, Disposition, EndRecord, IntentId, IntentRecord,
    LogRecord, RecordedAnswer, ResultRecord, RunHeader, ScopeRecord, SourceText,
};
