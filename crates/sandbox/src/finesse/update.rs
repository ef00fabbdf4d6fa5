//! What the notification service hears of: changes of users, and errors of the CTI server, which no answer shows
//! (developer guide 12.5, Notifications). And who may hear it, and what the loss of his presence does to a user.

use std::sync::Arc;
use std::time::Duration;

use super::behaviour::{Behaviour, ServiceStatus};
use super::error::AsyncError;
use super::state::State;
use super::xml::Element;
use super::{Finesse, Happening, ROOT};
use crate::ledger::Cause;
use crate::notify::{SYSTEM_NODE, Update};

/// The reason of a logout that the loss of presence brings about (developer guide 12.6, Desktop Presence and Forced Logout).
const PRESENCE_LOST: u32 = 255;

/// Whether somebody may subscribe to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hearing {
    Granted,
    Forbidden,
    /// There is no such node.
    Unknown,
}

impl Finesse {
    /// The user with this name and password; wrong ones count as in the REST API.
    pub(crate) fn login(&mut self, name: &str, password: &str) -> Option<Arc<str>> {
        let now = self.advance();
        let who = self.admit(name, password, now)?;
        Some(Arc::clone(&self.accounts[who].id))
    }

    /// Whether this user may subscribe to this node.
    pub(crate) fn hears(&self, user: &str, node: &str) -> Hearing {
        let Some(who) = self.index(user) else {
            return Hearing::Forbidden;
        };
        let myself = &self.accounts[who].user;
        let granted = |granted| {
            if granted {
                Hearing::Granted
            } else {
                Hearing::Forbidden
            }
        };
        let segments: Vec<&str> = node
            .strip_prefix(ROOT)
            .unwrap_or_default()
            .split('/')
            .skip(1)
            .collect();
        match *segments {
            ["SystemInfo"] => Hearing::Granted,
            ["User", id, ref below @ ..] => match self.index(id).map(|who| &self.accounts[who].user) {
                None => Hearing::Unknown,
                Some(_) if id == user || myself.administrator => Hearing::Granted,
                Some(other) => granted(
                    below.is_empty()
                        && self.behaviour.supervisor_hears_users
                        && myself.supervises.contains(&other.team),
                ),
            },
            ["Team", id, "Users"] if self.teams.iter().any(|team| team.id == id) => {
                granted(myself.administrator || myself.supervises.iter().any(|team| team == id))
            }
            _ => Hearing::Unknown,
        }
    }

    /// One of a user's sessions became available, or is so no more. When the last one is gone, so is he, after a while.
    pub(crate) fn presence(&mut self, user: &str, available: bool) {
        let now = self.advance();
        let Some(who) = self.index(user) else { return };
        let account = &mut self.accounts[who];
        if available {
            account.present += 1;
            return;
        }
        account.present = account.present.saturating_sub(1);
        if account.present == 0 && account.state != State::Logout {
            account.absences += 1;
            let lost = Happening::PresenceLost(who, account.absences);
            self.timeline.add(now + self.behaviour.presence_timeout, lost);
        }
    }

    pub(super) fn presence_lost(&mut self, who: usize, absence: u64, at: Duration) {
        let account = &self.accounts[who];
        if account.present > 0 || account.absences != absence || account.state == State::Logout {
            return;
        }
        self.change(who, State::Logout, at, Cause::PresenceLost);
        self.accounts[who].system_code = Some(PRESENCE_LOST);
        self.announce(who, None);
    }

    /// Changes how the service behaves. Whether it is in service, it tells; and coming back, how everybody is (developer
    /// guide 12.6, Finesse Failover).
    pub(crate) fn behave(&mut self, change: impl FnOnce(&mut Behaviour)) {
        let now = self.advance();
        let before = self.behaviour.status;
        change(&mut self.behaviour);
        if self.behaviour.status == before || !self.hub.is_heard() {
            return;
        }
        let system = self.system_info("localhost", now).named("systemInfo");
        let document = update(system, SYSTEM_NODE, None);
        self.publish(SYSTEM_NODE.to_owned(), document);
        if self.behaviour.status == ServiceStatus::InService {
            for who in 0..self.accounts.len() {
                if self.accounts[who].user.agent {
                    self.announce(who, None);
                }
            }
        }
    }

    /// Tells how a user is now, to whoever listens to him or to his team.
    pub(super) fn announce(&mut self, who: usize, request_id: Option<&str>) {
        // Without its CTI server, Finesse knows of nothing to tell.
        if !self.hub.is_heard() || self.behaviour.status != ServiceStatus::InService {
            return;
        }
        let account = &self.accounts[who];
        let source = format!("{ROOT}/User/{}", account.user.id);
        let team = format!("{ROOT}/Team/{}/Users", account.user.team);
        let of_team = update(self.member(account).named("user"), &source, request_id);
        let of_user = update(self.user_document(who).named("user"), &source, request_id);
        self.publish(source, of_user);
        self.publish(team, of_team);
    }

    /// Tells that the CTI server refused what had been accepted: on the user's own node alone.
    pub(super) fn announce_error(&mut self, who: usize, error: &AsyncError, request_id: Option<&str>) {
        if !self.hub.is_heard() {
            return;
        }
        let source = format!("{ROOT}/User/{}", self.accounts[who].user.id);
        let error = Element::new("apiError")
            .text("errorData", error.data)
            .text("errorMessage", error.message)
            .text("errorType", error.error_type);
        // The order and the letter case of a capture, which are not those of other events.
        let document = Element::new("Update")
            .child(Element::new("data").child(Element::new("apiErrors").child(error)))
            .text("requestId", request_id.unwrap_or_default().to_owned())
            .text("source", source.clone())
            .text("event", "put");
        self.publish(source, document);
    }

    fn publish(&mut self, node: String, document: Element) {
        let payload = document.document(&self.behaviour.writing, &mut self.random);
        self.hub.publish(Update {
            node,
            payload,
            space: self.behaviour.notification.name(),
        });
    }
}

fn update(data: Element, source: &str, request_id: Option<&str>) -> Element {
    Element::new("Update")
        .child(Element::new("data").child(data))
        .text("event", "PUT")
        .text("requestId", request_id.unwrap_or_default().to_owned())
        .text("source", source.to_owned())
}
