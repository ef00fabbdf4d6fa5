//! What every run of a process shares: the configuration, the providers, and the way to secrets.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use signoff_core::abi::host::Library;
use signoff_core::abi::layout::FEED_EXTENSION;
use signoff_core::{CredentialKind, Field};
use url::Url;

use crate::config::{Config, ConfigErrors, ConnectionSettings, FeedSettings, keys_of};
use crate::credential::{Credential, LoginMistake, oauth_endpoint};
use crate::parameters::nearest;
use crate::plugin::{PluginError, Registry};
use crate::redact::Redactor;
use crate::secret::{Environment, Secret, UserSecrets};
use crate::transport::{ProxyVariables, SettingsError, TransportSettings};

/// The configuration, the providers, and the way to secrets.
pub struct Engine {
    /// What may be connected to, and within which limits.
    pub config: Config,
    /// The folder that relative paths of the configuration start from.
    pub folder: PathBuf,
    /// The providers there are.
    pub registry: Registry,
    /// Where secrets are looked up.
    pub environment: Arc<dyn Environment>,
    /// Knows every secret that was looked up, and keeps them out of everything else.
    pub redactor: Arc<Redactor>,
    /// The secrets of users, which came with files of people.
    pub user_secrets: Arc<UserSecrets>,
    /// Acts in place of every connection's own credential.
    pub act_as: Option<String>,
    /// Those that were used: each looked up once, and a person asked once, for all runs of the process.
    credentials: Mutex<HashMap<Arc<str>, Arc<Credential>>>,
}

impl Engine {
    /// An engine that has opened nothing yet. Relative paths of the configuration start from `folder`.
    #[must_use]
    pub fn new(
        config: Config,
        folder: PathBuf,
        registry: Registry,
        environment: Arc<dyn Environment>,
        act_as: Option<String>,
    ) -> Self {
        let redactor = Arc::new(Redactor::new());
        let user_secrets = Arc::new(UserSecrets::new(Arc::clone(&redactor)));
        Self {
            config,
            folder,
            registry,
            environment,
            redactor,
            user_secrets,
            act_as,
            credentials: Mutex::default(),
        }
    }

    /// A connection, checked against its provider.
    ///
    /// # Errors
    /// If there is no such connection or provider, or its settings do not fit the provider.
    pub fn connection(&self, name: &str) -> Result<(ConnectionSettings, Library), EngineError> {
        let Some(connection) = self.config.connection(name) else {
            let names = || {
                self.config
                    .connections
                    .iter()
                    .map(|connection| connection.name.as_ref())
            };
            return Err(EngineError::NoConnection {
                name: name.to_owned(),
                nearest: nearest(name, names()).map(str::to_owned),
                known: names().map(str::to_owned).collect(),
            });
        };
        let library = self
            .registry
            .provider(&connection.provider)
            .map_err(|error| match error {
                PluginError::Unknown { .. } if !connection.provider.starts_with("plugin:") => {
                    let known = self.registry.linked_ids();
                    EngineError::Configuration(connection.unknown_provider(&known))
                }
                other => EngineError::Plugin(other),
            })?;
        let mut settings = connection.against(library.descriptor())?;
        if settings.feed != FeedSettings::default() && library.extension(FEED_EXTENSION).is_none() {
            return Err(EngineError::NoFeed {
                connection: name.to_owned(),
                provider: settings.descriptor.name,
            });
        }
        if let Some(act_as) = &self.act_as {
            settings.credential = Some(Arc::from(act_as.as_str()));
        }
        Ok((settings, library))
    }

    /// The connections that can be told of without loading a plugin, as the journal keeps them; those that are at fault
    /// are left out.
    #[must_use]
    pub fn describe(&self) -> Vec<Field> {
        let linked = self.registry.linked_ids();
        let connections = self.config.connections.iter();
        connections
            .filter(|connection| linked.contains(&connection.provider.as_str()))
            .filter_map(|connection| self.connection(&connection.name).ok())
            .map(|(settings, _)| settings.describe())
            .collect()
    }

    /// How a connection is reached, by its settings and the usual variables for proxies.
    #[must_use]
    pub fn transport(&self, settings: &ConnectionSettings) -> TransportSettings {
        let variable = |name: &str| self.environment.variable(name);
        let proxy_variables = ProxyVariables::read(|name| Some(variable(name)?.expose().to_owned()));
        for password in proxy_variables.passwords() {
            self.redactor.add("proxy", &Secret::new(password.to_owned()));
        }
        TransportSettings {
            ca_file: settings.tls.ca_file.clone(),
            client_certificate: settings.tls.client_certificate.clone(),
            danger_accept_invalid_certificates: settings.tls.danger_accept_invalid_certificates,
            proxy: settings.proxy.clone(),
            proxy_variables,
            timeout: settings.timeout,
            hands_over_redirects: false,
            clock_ahead: Duration::ZERO,
        }
    }

    /// Where requests of a connection may go, by endpoint: to its origins, and to the authorisation servers of credentials.
    #[must_use]
    pub fn endpoints(&self, settings: &ConnectionSettings) -> BTreeMap<String, Vec<Url>> {
        let own = settings.endpoints.iter();
        let own = own.map(|endpoint| (endpoint.name.to_owned(), endpoint.origins.clone()));
        let servers = self.config.credentials.iter().filter_map(|credential| {
            let oauth = credential.oauth.as_ref()?;
            let mut origin = oauth.token_url.clone();
            origin.set_path("");
            Some((oauth_endpoint(&credential.name), vec![origin]))
        });
        own.chain(servers).collect()
    }

    /// The names of the connections of a provider, in the order of the configuration.
    #[must_use]
    pub fn connections_of(&self, provider: &str) -> Vec<String> {
        let plugin = format!("plugin:{provider}");
        let same = |other: &str| other == provider || other == plugin;
        let connections = self
            .config
            .connections
            .iter()
            .filter(|connection| same(&connection.provider));
        connections
            .map(|connection| connection.name.to_string())
            .collect()
    }

    /// The credential of that name; its secret is looked up when it is first needed.
    ///
    /// # Errors
    /// If there is none.
    pub fn credential(&self, name: &str) -> Result<Arc<Credential>, EngineError> {
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(credential) = credentials.get(name) {
            return Ok(Arc::clone(credential));
        }
        let Some(settings) = self.config.credential(name) else {
            let names = || {
                self.config
                    .credentials
                    .iter()
                    .map(|credential| credential.name.as_ref())
            };
            return Err(EngineError::NoCredential {
                name: name.to_owned(),
                nearest: nearest(name, names()).map(str::to_owned),
                known: names().map(str::to_owned).collect(),
            });
        };
        let environment = Arc::clone(&self.environment);
        let redactor = Arc::clone(&self.redactor);
        let credential = Arc::new(Credential::new(
            settings.clone(),
            environment,
            &self.folder,
            redactor,
        ));
        credentials.insert(Arc::clone(credential.name()), Arc::clone(&credential));
        Ok(credential)
    }
}

/// Why a connection cannot be used: the configuration, the command line or a plugin is at fault.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// The configuration names no such connection.
    #[error("there is no connection `{name}`")]
    NoConnection {
        /// As it was asked for.
        name: String,
        /// What was probably meant.
        nearest: Option<String>,
        /// Those there are.
        known: Vec<String>,
    },
    /// The configuration names no such credential.
    #[error("there is no credential `{name}`")]
    NoCredential {
        /// As it was asked for.
        name: String,
        /// What was probably meant.
        nearest: Option<String>,
        /// Those there are.
        known: Vec<String>,
    },
    /// The configuration says how to listen to a vendor that says nothing by itself.
    #[error("connection `{connection}`: {provider} has no notifications to listen to")]
    NoFeed {
        /// The connection's name.
        connection: String,
        /// The provider's, for people.
        provider: &'static str,
    },
    /// The provider takes no credential of that kind.
    #[error("connection `{connection}`: {provider} does not take the credential `{credential}`, which has {}", keys_of(*.kind))]
    CredentialKind {
        /// The connection's name.
        connection: String,
        /// The provider's, for people.
        provider: &'static str,
        /// The credential's.
        credential: String,
        /// Its kind.
        kind: CredentialKind,
        /// The kinds that would do.
        takes: &'static [CredentialKind],
    },
    /// The provider has no such login for the credential.
    #[error("connection `{connection}`: the credential `{credential}` cannot be used: {mistake}")]
    Login {
        /// The connection's name.
        connection: String,
        /// The credential's.
        credential: String,
        /// What does not fit.
        mistake: LoginMistake,
    },
    /// The configuration does not fit the provider.
    #[error(transparent)]
    Configuration(#[from] ConfigErrors),
    /// The provider is a plugin that may not or cannot be used.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// The provider refuses its options.
    #[error("connection `{connection}`: {error}")]
    Provider {
        /// The connection's name.
        connection: String,
        /// In the provider's words.
        error: signoff_core::Error,
    },
    /// The connection's certificates or proxy cannot be used.
    #[error("connection `{connection}`: {error}")]
    Transport {
        /// The connection's name.
        connection: String,
        /// What is wrong with them.
        error: SettingsError,
    },
}

impl EngineError {
    /// What to do about it; may be empty.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoConnection { nearest, known, .. } => {
                suggest(nearest.as_deref(), known, "the connections are")
            }
            Self::NoCredential { nearest, known, .. } => {
                suggest(nearest.as_deref(), known, "the credentials are")
            }
            Self::CredentialKind { takes, .. } => {
                let takes: Vec<&str> = takes.iter().copied().map(keys_of).collect();
                format!("it takes {}", takes.join(", or "))
            }
            Self::Login { mistake, .. } => mistake.hint(),
            Self::NoFeed { .. } => "remove the line `feed`".to_owned(),
            Self::Plugin(error) => error.hint(),
            Self::Configuration(_) | Self::Provider { .. } | Self::Transport { .. } => String::new(),
        }
    }
}

fn suggest(nearest: Option<&str>, known: &[String], otherwise: &str) -> String {
    match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None if known.is_empty() => "the configuration has none".to_owned(),
        None => format!("{otherwise} `{}`", known.join("`, `")),
    }
}
