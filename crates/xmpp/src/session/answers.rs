//! What comes when the login is over: answers, events, presence, and what the server asks of us.

use std::time::Duration;

use super::{Event, Request, Session};
use crate::node::Node;
use crate::session::negotiation::Stage;
use crate::{ns, stanza};

/// The user whose presence says whether events come at all (developer guide 12.5, Desktop Failover).
const SERVICE_USER: &str = "finesse";

impl Session {
    /// A stanza, in whatever order: an event may come before the answer that it depends on.
    pub(super) fn stanza(&mut self, now: Duration, stanza: &Node) {
        if &*stanza.ns != ns::CLIENT {
            return;
        }
        match &*stanza.name {
            "iq" => self.iq(now, stanza),
            "message" => self.message(stanza),
            "presence" => self.presence(stanza),
            _ => {}
        }
    }

    fn iq(&mut self, now: Duration, iq: &Node) {
        match iq.attr("type") {
            Some("get" | "set") => {
                let ping = iq.attr("type") == Some("get") && iq.get(ns::PING, "ping").is_some();
                // An answer goes back to the sender, whom the server knows without being told who we are.
                let mut answer = if ping {
                    stanza::result(iq, None)
                } else {
                    stanza::error(iq, "cancel", "service-unavailable", None)
                };
                answer.attrs.retain(|(name, _)| &**name != "from");
                self.send_stanza(now, &answer);
            }
            Some("result" | "error") if self.is_trusted(iq.attr("from")) => {
                let id = iq.attr("id").unwrap_or_default();
                match (&self.stage, id) {
                    (Stage::Bound { .. }, "bind") | (Stage::Session, "session") => self.settled(now, iq),
                    _ => {
                        if let Some((request, _)) = self.pending.remove(id) {
                            self.answered(request, iq);
                        }
                        if self.stage == Stage::Leaving {
                            self.leave(now);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn answered(&mut self, request: Request, answer: &Node) {
        let failed = answer.attr("type") == Some("error");
        if failed {
            if let Request::Subscribe { node } = &request {
                self.subscribed.remove(node);
            }
            let error = stanza::read_error(answer);
            self.events.push_back(Event::Failed { request, error });
            return;
        }
        let event = match request {
            Request::Subscribe { node } => match subscription_state(answer) {
                None | Some("subscribed") => Event::Subscribed { node },
                // Somebody has to approve it, or to configure it: there are no events until then.
                Some(state) => Event::Failed {
                    error: stanza::StanzaError {
                        condition: state.to_owned(),
                        ..Default::default()
                    },
                    request: Request::Subscribe { node },
                },
            },
            Request::Unsubscribe { node, jid } => {
                if jid == self.jid {
                    self.subscribed.remove(&node);
                }
                Event::Unsubscribed { node, jid }
            }
            Request::List => Event::Subscriptions(stanza::read_listed(answer).collect()),
        };
        self.events.push_back(event);
    }

    /// Events count only from the service: any user could send a message that looks like one.
    fn message(&mut self, message: &Node) {
        let from_service = message
            .attr("from")
            .is_none_or(|from| from.eq_ignore_ascii_case(&self.login.service));
        if from_service && self.stage.is_up() && message.attr("type") != Some("error") {
            let events = stanza::read_event(message).map(Event::Notification);
            self.events.extend(events);
        }
    }

    fn presence(&mut self, presence: &Node) {
        let Some(from) = presence.attr("from") else { return };
        let is_service = stanza::bare(from).split_once('@').is_some_and(|(user, domain)| {
            user.eq_ignore_ascii_case(SERVICE_USER) && domain.eq_ignore_ascii_case(&self.login.domain)
        });
        let available = match presence.attr("type") {
            None => true,
            Some("unavailable") => false,
            Some(_) => return,
        };
        if is_service && self.stage.is_up() {
            self.events.push_back(Event::Service { available });
        }
    }

    /// Whether an answer may come from there. The server writes who sent a stanza; some leave it out for themselves.
    fn is_trusted(&self, from: Option<&str>) -> bool {
        from.is_none_or(|from| {
            [
                &*self.login.service,
                &self.login.domain,
                &self.jid,
                stanza::bare(&self.jid),
            ]
            .iter()
            .any(|known| from.eq_ignore_ascii_case(known))
                || self.jid.is_empty()
        })
    }
}

/// What an answer says about the subscription that was asked for.
fn subscription_state(answer: &Node) -> Option<&str> {
    answer
        .get(ns::PUBSUB, "pubsub")?
        .get(ns::PUBSUB, "subscription")?
        .attr("subscription")
}
