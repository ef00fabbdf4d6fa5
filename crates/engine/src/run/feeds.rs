//! How the operations of a run come to listen: on which connection, and as whom.

use std::sync::{Arc, Weak};

use signoff_core::{FeedEvent, Field, Record, RequestId, Value};

use super::Run;
use super::links::Link;
use crate::call::CallError;
use crate::credential::Credential;
use crate::feed::{Base, Heard, Listener, Tell};
use crate::json;
use crate::operation::Listens;

/// The way to listen for one operation.
pub(super) struct ListensOn<'a> {
    run: &'a Run,
    link: &'a Link,
    /// The actor's.
    credential: Option<&'a Arc<Credential>>,
    needed: bool,
}

impl Run {
    /// How an operation of this actor listens; `needed`: which cannot do without.
    pub(super) const fn listens<'a>(
        &'a self,
        link: &'a Link,
        credential: Option<&'a Arc<Credential>>,
        needed: bool,
    ) -> ListensOn<'a> {
        ListensOn {
            run: self,
            link,
            credential,
            needed,
        }
    }

    /// What a session on this connection is opened from: the credential that the configuration names for it, else the
    /// actor's.
    fn base<'a>(&self, link: &'a Link, actor: Option<&Arc<Credential>>) -> Result<Base<'a>, String> {
        let named = link.settings.feed.credential.as_deref();
        let credential = match named {
            Some(name) => Some(self.engine.credential(name).map_err(|error| error.to_string())?),
            None => actor.map(Arc::clone),
        };
        let credential = credential.ok_or_else(|| "there is no credential to listen with".to_owned())?;
        Ok(Base {
            settings: &link.settings,
            provider: &link.provider,
            dispatcher: &link.dispatcher,
            reach: self.engine.transport(&link.settings),
            credential,
            actor: actor.map(Arc::clone),
            named: named.is_some(),
        })
    }
}

impl Listens for ListensOn<'_> {
    fn listener(&self) -> Result<Listener, String> {
        if self.run.plan {
            return Err("a plan listens to nothing".to_owned());
        }
        let base = self.run.base(self.link, self.credential)?;
        Ok(self.run.feeds.listener(base, self.needed))
    }
}

/// What somebody hears who watches a vendor's users.
#[derive(Debug, Clone)]
pub enum News {
    /// Events arrive from here on: at the beginning, and after a gap.
    Listening,
    /// The feed was lost; events may have been missed. It goes on by itself.
    Gap {
        /// Why.
        reason: Arc<str>,
    },
    /// Something happened to a user.
    Event(Arc<FeedEvent>),
    /// There is no feed, and there will be none.
    Refused {
        /// Why.
        reason: Arc<str>,
        /// Whether that is how things are, rather than something that went wrong.
        lasting: bool,
    },
}

/// Somebody who watches. Dropping it ends that.
pub struct Watch {
    /// `None` where nobody may listen, and why.
    listener: Result<Listener, Option<Arc<str>>>,
    gap: bool,
    listening: bool,
}

impl Watch {
    /// `listener` may say why nobody may listen.
    pub(crate) fn new(listener: Result<Listener, String>) -> Self {
        Self {
            listener: listener.map_err(|why| Some(Arc::from(why))),
            gap: false,
            listening: false,
        }
    }

    /// What comes next, as soon as it comes. After [`News::Refused`] nothing ever does.
    pub async fn next(&mut self) -> News {
        loop {
            let heard = match &mut self.listener {
                Ok(listener) => listener.heard().await,
                Err(reason) => match reason.take() {
                    Some(reason) => {
                        return News::Refused {
                            reason,
                            lasting: true,
                        };
                    }
                    None => std::future::pending().await,
                },
            };
            // A scope may be several nodes, which come and go together.
            match heard {
                Heard::Subscribed(_) if self.listening => {}
                Heard::Subscribed(_) => {
                    (self.listening, self.gap) = (true, false);
                    return News::Listening;
                }
                Heard::Lost(..) if self.gap => {}
                Heard::Lost(_, reason) => {
                    (self.listening, self.gap) = (false, true);
                    return News::Gap { reason };
                }
                Heard::Event(event) => {
                    // Whoever could not take them all hears on without being subscribed anew, and may miss more.
                    self.gap = false;
                    return News::Event(event);
                }
                Heard::Refused { message, cause, .. } => {
                    self.listener = Err(None);
                    return News::Refused {
                        reason: message,
                        lasting: cause.is_none(),
                    };
                }
            }
        }
    }
}

impl Run {
    /// Watches the users of a scope, in the vendor's terms (for Finesse a team); `""`: all that the one who listens may
    /// hear of. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`CallError::Misuse`] if the connection cannot be used.
    pub fn watch(&self, connection: &str, credential: Option<&str>, scope: &str) -> Result<Watch, CallError> {
        let link = self.open(connection)?;
        let credential = self.links.credential(&link, credential)?;
        let listener = if self.plan {
            Err("a plan listens to nothing".to_owned())
        } else {
            self.base(&link, credential.as_ref())
                .map(|base| self.feeds.watcher(base))
        };
        if let Ok(listener) = &listener {
            listener.watch(RequestId(0), scope.to_owned());
        }
        Ok(Watch::new(listener))
    }
}

/// An event as a row of a script.
pub(super) fn row(event: &FeedEvent) -> Record {
    let text = |name: &str, text: &str| Field {
        name: name.to_owned(),
        value: if text.is_empty() {
            Value::Null
        } else {
            Value::from(text)
        },
    };
    let time = (event.unix_ms != 0).then(|| json::timestamp(event.unix_ms));
    Record {
        id: event.user.clone(),
        attributes: vec![
            text("state", &event.state),
            text("pending_state", &event.pending_state),
            text("reason", &event.reason),
            text("request_id", &event.request_id),
            text("error_code", &event.error_code),
            text("error_type", &event.error_kind),
            text("error_message", &event.error_message),
            text("time", time.as_deref().unwrap_or_default()),
        ],
    }
}

/// Has the run say what feeds have to say.
pub(super) fn tell(run: Weak<Run>) -> Tell {
    Arc::new(move |level, text| {
        if let Some(run) = run.upgrade() {
            run.log(level, text, Vec::new());
        }
    })
}
