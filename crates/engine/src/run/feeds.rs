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
    /// A part of what is watched cannot be listened to; the rest is.
    Partly {
        /// Why.
        reason: Arc<str>,
    },
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
    /// Nodes that it comes to, once that is known; those of them that are subscribed to, and those that never will be.
    nodes: usize,
    live: usize,
    refused: usize,
    /// Came before it was said that events arrive again.
    next: Option<Arc<FeedEvent>>,
}

impl Watch {
    /// `listener` may say why nobody may listen.
    pub(crate) fn new(listener: Result<Listener, String>) -> Self {
        Self {
            listener: listener.map_err(|why| Some(Arc::from(why))),
            gap: false,
            listening: false,
            nodes: 0,
            live: 0,
            refused: 0,
            next: None,
        }
    }

    /// What comes next, as soon as it comes. After [`News::Refused`] nothing ever does.
    pub async fn next(&mut self) -> News {
        if let Some(event) = self.next.take() {
            return News::Event(event);
        }
        loop {
            // Only then is all of it heard.
            if !self.listening && self.live > 0 && self.live + self.refused >= self.nodes {
                (self.listening, self.gap) = (true, false);
                return News::Listening;
            }
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
            match heard {
                Heard::Scope(nodes) => self.nodes = nodes,
                Heard::Subscribed(_) => self.live += 1,
                Heard::Lost(_, reason) => {
                    self.live = self.live.saturating_sub(1);
                    self.listening = false;
                    if !std::mem::replace(&mut self.gap, true) {
                        return News::Gap { reason };
                    }
                }
                // Whoever could not take them all hears on without being subscribed anew, and may miss more.
                Heard::Event(event) if self.gap => {
                    (self.listening, self.gap) = (true, false);
                    self.next = Some(event);
                    return News::Listening;
                }
                Heard::Event(event) => return News::Event(event),
                Heard::Refused {
                    message,
                    cause,
                    is_part,
                    ..
                } => {
                    self.refused += 1;
                    if is_part && self.refused < self.nodes {
                        return News::Partly { reason: message };
                    }
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
