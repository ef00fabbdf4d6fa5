//! A credential at work: resolved when it is first needed, and placed into exchanges. What its login wants beside user name
//! and password is looked up for each login.

mod login;
mod placement;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use signoff_core::{CredentialKind, LoginFlow, Placement};
use tokio::sync::{Mutex, OnceCell};
use zeroize::Zeroizing;

use crate::redact::Redactor;
use crate::secret::{Environment, Secret, SecretError, SecretReference};
use crate::transport::Exchange;

pub use login::{ClientAuthentication, LoginMistake, LoginSettings, OAuthSettings};
pub(crate) use login::{Grant, Life, Recipe, TokenRequest, oauth_endpoint, words};
pub use placement::PlacementError;
use placement::place_basic;
pub(crate) use placement::{place, with_member_redacted};

/// A named credential, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialSettings {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// What kind it is.
    pub kind: CredentialKind,
    /// Its public name: the user name, or the credential's own name where it has none.
    pub actor: String,
    /// Where the password, token, key or client's secret is to be found.
    pub secret: SecretReference,
    /// How user name and password become a token, where the provider wants one.
    pub login: LoginSettings,
    /// The client as which tokens are fetched; the secret is then the client's.
    pub oauth: Option<OAuthSettings>,
}

/// A credential that can be used. One for each name and process, shared by all connections that use it.
pub struct Credential {
    settings: CredentialSettings,
    environment: Arc<dyn Environment>,
    folder: PathBuf,
    redactor: Arc<Redactor>,
    // A failure is kept like a secret: a thousand agents are not to run a failing command, or ask a person
    // who declined, a thousand times.
    secret: OnceCell<Found>,
    /// In the order of the settings.
    fields: Vec<Mutex<Field>>,
}

/// What is known of a field of a login. It is good for one login: a code that was sent is spent.
#[derive(Default)]
enum Field {
    /// Nothing.
    #[default]
    Open,
    /// It was looked up ahead, and not sent yet.
    Ready(Secret),
    /// It was sent.
    Sent(Secret),
    /// It could not be had, and is not asked for again.
    Failed(SecretError),
}

type Found = Result<Secret, SecretError>;

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
        let fields = settings.login.fields.iter().map(|_| Mutex::default()).collect();
        Self {
            settings,
            environment,
            folder: folder.to_owned(),
            redactor,
            secret: OnceCell::new(),
            fields,
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

    /// As configured.
    #[must_use]
    pub const fn settings(&self) -> &CredentialSettings {
        &self.settings
    }

    /// Looks its secrets up, if that has not been done: once for all who wait, and once for all time; the fields of its
    /// login for the next one.
    ///
    /// # Errors
    /// One cannot be had; every later call says the same.
    pub async fn resolve(&self) -> Result<(), CredentialError> {
        self.secret().await?;
        for number in 0..self.fields.len() {
            self.field(number, false).await?;
        }
        Ok(())
    }

    /// How it becomes a token with a provider that has these flows, to be placed there; `None` where it is placed as it
    /// is.
    pub(crate) fn recipe(
        &self,
        placement: &Placement,
        logins: &'static [LoginFlow],
    ) -> Result<Option<Recipe<'_>>, LoginMistake> {
        if *placement == Placement::Basic {
            return Ok(None);
        }
        self.settings.recipe("the provider", logins)
    }

    /// The request that makes a token of it. The fields of the login are looked up anew for each, for a code that was sent
    /// once is not taken again.
    pub(crate) async fn token_request(&self, recipe: Recipe<'_>) -> Result<TokenRequest, CredentialError> {
        let secret = self.secret().await?;
        let flow = match recipe {
            Recipe::Flow(flow) => flow,
            Recipe::OAuth(oauth) => return Ok(TokenRequest::oauth(self.name(), oauth, secret)),
        };
        let mut fields = Vec::new();
        for (number, (name, _)) in self.settings.login.fields.iter().enumerate() {
            fields.push((name, self.field(number, true).await?));
        }
        let value = |wanted: &str| match wanted {
            "username" => self.settings.actor.as_str(),
            "password" => secret.expose(),
            other => {
                let field = fields.iter().find(|(name, _)| *name == other);
                field.map_or("", |(_, secret)| secret.expose())
            }
        };
        Ok(TokenRequest::login(flow, value))
    }

    /// A login was never processed: what a person typed in for it is good for the next. Whatever can be asked again
    /// without a person may be another by then.
    pub(crate) async fn unspent(&self) {
        let fields = self.settings.login.fields.iter().zip(&self.fields);
        for ((_, reference), field) in fields {
            let mut field = field.lock().await;
            if let (SecretReference::Prompt, Field::Sent(typed)) = (reference, &*field) {
                *field = Field::Ready(typed.clone());
            }
        }
    }

    /// What was fetched with it is a secret as well.
    pub(crate) fn learn(&self, token: &Secret) {
        self.redactor.add(&self.settings.name, token);
    }

    /// The text without any secret.
    pub(crate) fn redacted(&self, text: &str) -> String {
        self.redactor.redact(text).into_owned()
    }

    /// Why it cannot be sent.
    pub(crate) fn unsendable(&self, problem: PlacementError) -> CredentialError {
        CredentialError::Placement {
            credential: self.settings.name.to_string(),
            reference: self.settings.secret.to_string(),
            problem,
        }
    }

    /// Puts it into an exchange as it is.
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
        placed.map_err(|problem| self.unsendable(problem))
    }

    /// Its password, for a login that is no exchange.
    ///
    /// # Errors
    /// It cannot be had.
    pub(crate) async fn password(&self) -> Result<Zeroizing<String>, CredentialError> {
        Ok(Zeroizing::new(self.secret().await?.expose().to_owned()))
    }

    async fn secret(&self) -> Result<&Secret, CredentialError> {
        let name = &self.settings.name;
        let resolved = self.secret.get_or_init(async || {
            let secret = self.found(&self.settings.secret, name).await?;
            if self.settings.kind == CredentialKind::Basic {
                self.redactor.add_basic(&self.settings.actor, &secret);
            }
            if let Some(oauth) = &self.settings.oauth {
                let encoded = Secret::new(login::form_encoded(secret.expose()));
                self.redactor
                    .add_basic(&login::form_encoded(&oauth.client_id), &encoded);
            }
            Ok(secret)
        });
        let resolved = resolved.await.as_ref();
        resolved.map_err(|error| CredentialError::Secret(error.clone()))
    }

    /// A field of the login. Who takes it sends it; until then it is kept.
    async fn field(&self, number: usize, takes: bool) -> Result<Secret, CredentialError> {
        let settings = self.settings.login.fields.get(number);
        let (Some(field), Some((name, reference))) = (self.fields.get(number), settings) else {
            return self.secret().await.cloned();
        };
        // Over the look-up as well: who comes meanwhile waits for it.
        let mut field = field.lock().await;
        let found = match std::mem::take(&mut *field) {
            Field::Ready(secret) => Ok(secret),
            Field::Failed(error) => Err(error),
            // A person who is asked is told which.
            Field::Open | Field::Sent(_) => {
                let whose = format!("{}.{name}", self.settings.name);
                self.found(reference, &whose).await
            }
        };
        *field = match &found {
            Ok(secret) if takes => Field::Sent(secret.clone()),
            Ok(secret) => Field::Ready(secret.clone()),
            Err(error) => Field::Failed(error.clone()),
        };
        Ok(found?)
    }

    async fn found(&self, reference: &SecretReference, whose: &str) -> Found {
        let secret = reference.resolve(whose, &self.environment, &self.folder).await?;
        self.redactor.add(whose, &secret);
        Ok(secret)
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
