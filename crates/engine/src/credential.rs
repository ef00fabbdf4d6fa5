//! A credential at work: resolved when it is first needed, and placed into exchanges.

mod placement;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use signoff_core::{CredentialKind, Placement};
use tokio::sync::OnceCell;

use crate::redact::Redactor;
use crate::secret::{Environment, Secret, SecretError, SecretReference};
use crate::transport::Exchange;

pub use placement::PlacementError;
pub(crate) use placement::place;
use placement::place_basic;

/// A named credential, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialSettings {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// What kind it is.
    pub kind: CredentialKind,
    /// Its public name: the user name, or the credential's own name where it has none.
    pub actor: String,
    /// Where the password, token or key is to be found.
    pub secret: SecretReference,
}

/// A credential that can be used. One for each name and process, shared by all connections that use it.
pub struct Credential {
    settings: CredentialSettings,
    environment: Arc<dyn Environment>,
    folder: PathBuf,
    redactor: Arc<Redactor>,
    // A failure is kept like a secret: a thousand agents are not to run a failing command, or ask a person
    // who declined, a thousand times.
    secret: OnceCell<Result<Secret, SecretError>>,
}

impl Credential {
    /// Looks nothing up yet. Paths are relative to `folder`, the configuration's; `redactor` learns the
    /// secret before anything is sent with it.
    #[must_use]
    pub fn new(
        settings: CredentialSettings,
        environment: Arc<dyn Environment>,
        folder: &Path,
        redactor: Arc<Redactor>,
    ) -> Self {
        Self {
            settings,
            environment,
            folder: folder.to_owned(),
            redactor,
            secret: OnceCell::new(),
        }
    }

    /// Its name in the configuration.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.settings.name
    }

    /// Its public name: the user name, or its own where it has none.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.settings.actor
    }

    /// What kind it is.
    #[must_use]
    pub const fn kind(&self) -> CredentialKind {
        self.settings.kind
    }

    /// Looks its secret up, if that has not been done: once for all who wait, and once for all time.
    ///
    /// # Errors
    /// It cannot be had; every later call says the same.
    pub async fn resolve(&self) -> Result<(), CredentialError> {
        self.secret().await.map(|_| ())
    }

    /// Puts it into an exchange.
    ///
    /// # Errors
    /// The secret cannot be had, or not be written there. The exchange is then not to be sent.
    pub async fn place(&self, placement: &Placement, exchange: &mut Exchange) -> Result<(), CredentialError> {
        let secret = self.secret().await?;
        let placed = match (placement, self.settings.kind) {
            (Placement::Basic, CredentialKind::Basic) => place_basic(&self.settings.actor, secret, exchange),
            (Placement::Basic, _) => Err(PlacementError::NoUsername),
            (Placement::Bearer, CredentialKind::Basic) => Err(PlacementError::NoToken),
            (other, _) => place(secret, other, exchange),
        };
        placed.map_err(|problem| CredentialError::Placement {
            credential: self.settings.name.to_string(),
            reference: self.settings.secret.to_string(),
            problem,
        })
    }

    async fn secret(&self) -> Result<&Secret, CredentialError> {
        let resolved = self.secret.get_or_init(async || {
            let secret = self
                .settings
                .secret
                .resolve(&self.settings.name, &self.environment, &self.folder)
                .await?;
            self.redactor.add(&self.settings.name, &secret);
            if self.settings.kind == CredentialKind::Basic {
                self.redactor.add_basic(&self.settings.actor, &secret);
            }
            Ok(secret)
        });
        resolved
            .await
            .as_ref()
            .map_err(|error| CredentialError::Secret(error.clone()))
    }
}

/// Why a request cannot have its credential. Names credential and reference, never the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// The secret cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The secret, or the request, is not of the form that the placement needs.
    #[error("credential `{credential}` ({reference}) cannot be sent: {problem}")]
    Placement {
        /// The credential's name.
        credential: String,
        /// Where its secret comes from.
        reference: String,
        /// What stands in the way.
        problem: PlacementError,
    },
}

impl CredentialError {
    /// What to do about it; may be empty.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Secret(error) => error.hint(),
            Self::Placement { problem, .. } => problem.hint(),
        }
    }
}

#[cfg(test)]
mod tests;
