//! The connections that a run has opened: each provider made once, with its transport and its dispatcher.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use signoff_core::abi::host::Instance;
use signoff_core::{Class, Descriptor, Error, Response};

use crate::clock::Clock;
use crate::config::ConnectionSettings;
use crate::credential::Credential;
use crate::dispatch::{Classify, DispatchStatus, Dispatcher, DispatcherSettings, Move};
use crate::engine::{Engine, EngineError};
use crate::transport::HttpTransport;

/// What a script may know of a connection.
#[derive(Debug, Clone)]
pub struct ConnectionFacts {
    /// What its provider says of itself.
    pub descriptor: &'static Descriptor,
    /// The public name that operations run as; `None` where there is no credential.
    pub actor: Option<String>,
}

/// A connection at work.
pub(super) struct Link {
    pub(super) settings: ConnectionSettings,
    pub(super) provider: Arc<Instance>,
    pub(super) classifier: Arc<Classifier>,
    pub(super) dispatcher: Arc<Dispatcher>,
}

/// Is told when a connection comes to use another origin.
pub(super) type OnMove = Arc<dyn Fn(&str, &Move) + Send + Sync>;

/// Opens connections on first use, and keeps them.
pub(super) struct Links {
    engine: Arc<Engine>,
    clock: Clock,
    plan: bool,
    moved: OnMove,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    links: BTreeMap<Arc<str>, Arc<Link>>,
    stopped: bool,
}

impl Links {
    pub(super) fn new(engine: Arc<Engine>, clock: Clock, plan: bool, moved: OnMove) -> Self {
        Self {
            engine,
            clock,
            plan,
            moved,
            open: Mutex::default(),
        }
    }

    /// The connection of that name, and whether it was opened just now.
    pub(super) fn open(&self, name: &str) -> Result<(Arc<Link>, bool), EngineError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = open.links.get(name) {
            return Ok((Arc::clone(link), false));
        }
        let link = Arc::new(self.make(name)?);
        if open.stopped {
            link.dispatcher.stop();
        }
        open.links
            .insert(Arc::clone(&link.settings.name), Arc::clone(&link));
        Ok((link, true))
    }

    /// The credential of that name, else the connection's own, if it has one; of a kind that the provider takes.
    pub(super) fn credential(
        &self,
        link: &Link,
        name: Option<&str>,
    ) -> Result<Option<Arc<Credential>>, EngineError> {
        let Some(name) = name.or(link.settings.credential.as_deref()) else {
            return Ok(None);
        };
        let credential = self.engine.credential(name)?;
        let descriptor = link.settings.descriptor;
        let takes = descriptor.credentials;
        if takes.is_empty() || takes.contains(&credential.kind()) {
            let recipe = credential.settings().recipe(descriptor.name, descriptor.logins);
            return match recipe {
                Ok(_) => Ok(Some(credential)),
                Err(mistake) => Err(EngineError::Login {
                    connection: link.settings.name.to_string(),
                    credential: name.to_owned(),
                    mistake,
                }),
            };
        }
        Err(EngineError::CredentialKind {
            connection: link.settings.name.to_string(),
            provider: link.settings.descriptor.name,
            credential: name.to_owned(),
            kind: credential.kind(),
            takes,
        })
    }

    /// Nothing leaves any more, through any of them.
    pub(super) fn stop(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.stopped = true;
        for link in open.links.values() {
            link.dispatcher.stop();
        }
    }

    pub(super) fn status(&self) -> Vec<(Arc<str>, DispatchStatus)> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.links
            .iter()
            .map(|(name, link)| (Arc::clone(name), link.dispatcher.status()))
            .collect()
    }

    fn make(&self, name: &str) -> Result<Link, EngineError> {
        let (settings, library) = self.engine.connection(name)?;
        let at_fault = |error| EngineError::Provider {
            connection: name.to_owned(),
            error,
        };
        let provider = Arc::new(library.open(&settings.options).map_err(at_fault)?);
        let transport =
            HttpTransport::new(self.engine.transport(&settings)).map_err(|error| EngineError::Transport {
                connection: name.to_owned(),
                error,
            })?;
        let (moved, connection) = (Arc::clone(&self.moved), Arc::clone(&settings.name));
        let classifier = Arc::new(Classifier {
            provider: Arc::clone(&provider),
            fault: OnceLock::new(),
        });
        let dispatcher = Dispatcher::with_observer(
            DispatcherSettings {
                connection: Arc::clone(&settings.name),
                endpoints: self.engine.endpoints(&settings),
                rate: settings.rate,
                concurrency: settings.concurrency,
                window: settings.window,
                timeout: settings.timeout,
                settle: settings.settle,
                plan: self.plan,
                logins: settings.descriptor.logins,
                user_secrets: Arc::clone(&self.engine.user_secrets),
            },
            Arc::new(transport),
            Arc::clone(&classifier) as _,
            Some(Box::new(move |to| moved(&connection, to))),
            self.clock,
        );
        Ok(Link {
            settings,
            provider,
            classifier,
            dispatcher,
        })
    }
}

/// What answers mean, by the provider.
pub(super) struct Classifier {
    provider: Arc<Instance>,
    /// Why it could not say, the first time that it could not.
    fault: OnceLock<Error>,
}

impl Classifier {
    /// What the provider broke here, if it did.
    pub(super) fn fault(&self) -> Option<&Error> {
        self.fault.get()
    }
}

impl Classify for Classifier {
    /// A plugin that breaks its contract here is told of when an operation that got such an answer ends.
    fn classify(&self, response: &Response<'_>) -> Class {
        self.provider.classify(response).unwrap_or_else(|error| {
            let _ = self.fault.set(error);
            Class::Other
        })
    }
}
