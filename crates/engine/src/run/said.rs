//! What a script says. Executed again, it says once more what an earlier process has told already, and nobody is to hear
//! that twice: not at the terminal, and not in the journal.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::PoisonError;

use signoff_core::Field;

use super::{Run, report};
use crate::event::{Event, Level};
use crate::journal::{JournalError, JournalReader, LogRecord};
use crate::json;

/// The lines that earlier processes told, by their hashes, and how often this one has not come to them yet.
#[derive(Default)]
pub(super) struct Said(HashMap<u64, u32>);

impl Said {
    pub(super) fn before(reader: &JournalReader) -> Result<Self, JournalError> {
        let mut said = Self::default();
        reader.log(|level, text, fields| *said.0.entry(hash(level, text, fields)).or_default() += 1)?;
        Ok(said)
    }

    /// Whether an earlier process has told this line; each of its lines counts once.
    fn take(&mut self, record: &LogRecord) -> bool {
        // Most runs are not taken up again, and have nothing to compare with.
        if self.0.is_empty() {
            return false;
        }
        let fields = json::fields(&record.fields).to_string();
        let told = self.0.get_mut(&hash(record.level.name(), &record.text, &fields));
        told.filter(|left| **left > 0).map(|left| *left -= 1).is_some()
    }
}

fn hash(level: &str, text: &str, fields: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (level, text, fields).hash(&mut hasher);
    hasher.finish()
}

impl Run {
    /// The run has something to say; secrets are taken out.
    pub fn log(&self, level: Level, text: &str, fields: Vec<Field>) {
        self.tell(self.line(level, text, fields));
    }

    /// Its script has; what an earlier process told of it is not told again.
    pub fn say(&self, level: Level, text: &str, fields: Vec<Field>) {
        let record = self.line(level, text, fields);
        let was_told = self
            .said
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(&record);
        if !was_told {
            self.tell(record);
        }
    }

    fn line(&self, level: Level, text: &str, fields: Vec<Field>) -> LogRecord {
        LogRecord {
            at_ms: self.clock.now().unix_ms,
            level,
            text: self.engine.redactor.redact(text).into_owned(),
            fields: report::redacted_fields(&self.engine.redactor, fields),
        }
    }

    fn tell(&self, record: LogRecord) {
        self.journal.log(record.clone());
        let LogRecord {
            level, text, fields, ..
        } = record;
        self.observer.event(&Event::Log { level, text, fields });
    }
}
