//! Lists of users for a run's script.

use std::path::PathBuf;
use std::sync::Arc;

use signoff_core::ActsOn;

use super::Run;
use crate::call::CallError;
use crate::event::Level;
use crate::people::{Content, People, PeopleError, PeopleSettings};

/// A list of users that a script wants to read.
#[derive(Debug, Clone)]
pub struct PeopleRequest {
    /// Where it is.
    pub path: PathBuf,
    /// What its bytes must hash to: the run is one with these.
    pub sha256: String,
    /// The connection whose users they are; `None`: they may be those of any.
    pub connection: Option<String>,
    /// What its columns mean. What providers say of secrets and keys is added.
    pub settings: PeopleSettings,
}

impl Run {
    /// The connections on which a logout ends the sessions of whoever owns a key, each with the secret attributes that
    /// hold such keys.
    #[must_use]
    pub fn keys(&self) -> Vec<(String, &'static [&'static str])> {
        // One that cannot be used is told when it is.
        let connections = self.engine.config.connections.iter();
        let usable = connections.filter_map(|connection| self.engine.connection(&connection.name).ok());
        let by_key = usable.filter(|(settings, _)| settings.descriptor.acts_on == ActsOn::CredentialOwner);
        by_key
            .map(|(settings, _)| (settings.name.to_string(), settings.descriptor.secret_attributes))
            .collect()
    }

    /// Reads a list of users through. It is not journaled: its hash, which belongs to the run, fixes all that it gives.
    ///
    /// # Errors
    /// [`CallError::Misuse`] with the mistakes of the list, or if it is not the one that was given to the run.
    pub async fn people(&self, request: PeopleRequest) -> Result<Arc<People>, CallError> {
        let PeopleRequest {
            path,
            sha256,
            connection,
            mut settings,
        } = request;
        match connection {
            Some(connection) => settings.mark_target(self.open(&connection)?.settings.descriptor),
            None => {
                for connection in &self.engine.config.connections {
                    // One that cannot be used is told when it is.
                    if let Ok((connection, _)) = self.engine.connection(&connection.name) {
                        settings.mark(connection.descriptor);
                    }
                }
            }
        }
        let secrets = Arc::clone(&self.engine.user_secrets);
        let name = path.display().to_string();
        let reading = move || People::check(Content::open(&path)?, settings, &secrets);
        let people = tokio::task::spawn_blocking(reading)
            .await
            .map_err(|error| self.failed(&format!("a list of users could not be read: {error}")))??;
        if people.input().sha256 != sha256 {
            return Err(CallError::Misuse {
                message: format!("`{name}` was changed since this run began"),
                hint: "begin again, with a file that stays as it is".to_owned(),
            });
        }
        self.warn_of(&people);
        Ok(Arc::new(people))
    }

    /// Says what is odd about a list of users, though no mistake.
    pub fn warn_of(&self, people: &People) {
        for note in people.notes() {
            self.log(Level::Warn, note, Vec::new());
        }
        if people.secrets_lie_open() && !self.sandbox {
            let name = &people.input().path;
            let text = format!("`{name}` holds secrets, and others may read it: chmod 600 {name}");
            self.log(Level::Warn, &text, Vec::new());
        }
    }
}

impl From<PeopleError> for CallError {
    fn from(error: PeopleError) -> Self {
        Self::Misuse {
            message: error.to_string(),
            hint: error.hint(),
        }
    }
}
