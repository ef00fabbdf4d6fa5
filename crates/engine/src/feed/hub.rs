//! Who listens to which node: wishes become subscriptions, and notifications find their listeners. A plain state machine.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use signoff_core::FeedEvent;

use super::listener::{Ear, Heard};
use crate::call::Cause;
use crate::credential::Credential;

/// Requests to subscribe under way at once: two thousand at a time would be rude.
const AT_ONCE: usize = 32;
/// Nodes that nobody listens to and whose subscription stays, because the next operation often wants the same.
const IDLE: usize = 16;

/// Everything that is listened to on one session.
#[derive(Default)]
pub(super) struct Hub {
    nodes: BTreeMap<String, Node>,
    /// Where each listener has ears.
    of_listener: HashMap<u64, HashSet<(String, String)>>,
    /// Nodes to subscribe to.
    to_ask: VecDeque<String>,
    asked: usize,
    /// Subscribed nodes without listeners, the one longest without first.
    idle: VecDeque<String>,
}

#[derive(Default)]
struct Node {
    state: State,
    /// By the user whom events are about, in lower case; `""`: all.
    ears: HashMap<String, Vec<Ear>>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Wanted,
    Asked,
    Live,
}

impl Hub {
    /// Somebody wants the events of a node.
    pub(super) fn listen(&mut self, node: String, user: Option<String>, ear: Ear) {
        if ear.mailbox.is_closed() {
            return;
        }
        let user = user.unwrap_or_default();
        let place = (node.clone(), user.clone());
        self.of_listener.entry(ear.listener).or_default().insert(place);
        let is_new = !self.nodes.contains_key(&node);
        let entry = self.nodes.entry(node.clone()).or_default();
        if entry.state == State::Live {
            ear.mailbox.put(Heard::Subscribed(ear.id));
        }
        entry.ears.entry(user).or_default().push(ear);
        self.idle.retain(|idle| *idle != node);
        if is_new {
            self.to_ask.push_back(node);
        }
    }

    /// A listener is gone. Gives the nodes that are not to be subscribed to any longer.
    pub(super) fn leave(&mut self, listener: u64) -> Vec<String> {
        let mut over = Vec::new();
        for (name, user) in self.of_listener.remove(&listener).unwrap_or_default() {
            let Some(node) = self.nodes.get_mut(&name) else {
                continue;
            };
            if let Some(ears) = node.ears.get_mut(&user) {
                ears.retain(|ear| ear.listener != listener);
                if ears.is_empty() {
                    node.ears.remove(&user);
                }
            }
            over.extend(self.settle(&name));
        }
        over
    }

    /// Whether there is something to subscribe to.
    pub(super) fn is_wanted(&self) -> bool {
        !self.to_ask.is_empty()
    }

    /// Whether somebody listens across gaps.
    pub(super) fn is_lasting(&self) -> bool {
        let mut ears = self.nodes.values().flat_map(|node| node.ears.values().flatten());
        ears.any(|ear| ear.lasting)
    }

    /// Whether somebody who listens could do without, and may read instead.
    pub(super) fn has_other_way(&self, may_read: impl Fn(&Credential) -> bool) -> bool {
        let mut ears = self.nodes.values().flat_map(|node| node.ears.values().flatten());
        ears.any(|ear| !ear.needed && may_read(&ear.actor))
    }

    /// The next node to subscribe to, if it is time for one.
    pub(super) fn next(&mut self) -> Option<String> {
        while self.asked < AT_ONCE {
            let name = self.to_ask.pop_front()?;
            if let Some(node) = self.nodes.get_mut(&name)
                && node.state == State::Wanted
            {
                node.state = State::Asked;
                self.asked += 1;
                return Some(name);
            }
        }
        None
    }

    /// A subscription stands. Gives the nodes that nobody wants any longer.
    pub(super) fn subscribed(&mut self, name: &str) -> Option<String> {
        self.asked = self.asked.saturating_sub(1);
        let node = self.nodes.get_mut(name)?;
        node.state = State::Live;
        for ear in node.ears.values().flatten() {
            ear.mailbox.put(Heard::Subscribed(ear.id));
        }
        self.settle(name)
    }

    /// There will be no subscription to this node.
    pub(super) fn refused(&mut self, name: &str, why: &Arc<str>) {
        self.asked = self.asked.saturating_sub(1);
        let node = self.nodes.remove(name);
        for ear in node
            .into_iter()
            .flat_map(|node| node.ears.into_values().flatten())
        {
            if let Some(places) = self.of_listener.get_mut(&ear.listener) {
                places.retain(|(node, _)| node != name);
            }
            ear.mailbox.put(Heard::Refused {
                id: ear.id,
                message: Arc::clone(why),
                cause: Some(Cause::Unreachable),
                is_part: true,
            });
        }
    }

    /// Brings an event to those who listen for it on this node.
    pub(super) fn event(&mut self, name: &str, event: &Arc<FeedEvent>) {
        let Some(node) = self.nodes.get_mut(name) else {
            return;
        };
        for user in [event.user.to_lowercase(), String::new()] {
            let Some(ears) = node.ears.get_mut(&user) else {
                continue;
            };
            ears.retain(|ear| {
                let fits = ear.mailbox.put(Heard::Event(Arc::clone(event)));
                if !fits {
                    let why = Arc::from("more events came than could be taken");
                    ear.mailbox.put(Heard::Lost(ear.id, why));
                }
                fits || ear.lasting
            });
        }
    }

    /// The session is gone: who listens up to the first gap has come to it; the others will be subscribed anew.
    pub(super) fn lost(&mut self, why: &Arc<str>) {
        self.asked = 0;
        self.idle.clear();
        self.to_ask.clear();
        for (name, node) in &mut self.nodes {
            for (user, ears) in &mut node.ears {
                ears.retain(|ear| {
                    if node.state == State::Live {
                        ear.mailbox.put(Heard::Lost(ear.id, Arc::clone(why)));
                    } else if !ear.lasting {
                        refuse(ear, why, Some(Cause::Unreachable));
                    }
                    if !ear.lasting
                        && let Some(places) = self.of_listener.get_mut(&ear.listener)
                    {
                        places.remove(&(name.clone(), user.clone()));
                    }
                    ear.lasting
                });
            }
            node.ears.retain(|_, ears| !ears.is_empty());
            node.state = State::Wanted;
        }
        self.nodes.retain(|_, node| !node.ears.is_empty());
        self.of_listener.retain(|_, places| !places.is_empty());
        self.to_ask.extend(self.nodes.keys().cloned());
    }

    /// There is no session, and none will be.
    pub(super) fn refuse_all(&mut self, why: &Arc<str>, cause: Option<Cause>) {
        let hub = std::mem::take(self);
        let ears = hub
            .nodes
            .into_values()
            .flat_map(|node| node.ears.into_values().flatten());
        for ear in ears {
            refuse(&ear, why, cause);
        }
    }

    /// What becomes of a node that may have no listeners any more: the one to be given up, if one is.
    fn settle(&mut self, name: &str) -> Option<String> {
        let node = self.nodes.get(name)?;
        if !node.ears.is_empty() || node.state == State::Asked {
            return None;
        }
        if node.state == State::Wanted {
            self.nodes.remove(name);
            return None;
        }
        self.idle.push_back(name.to_owned());
        if self.idle.len() <= IDLE {
            return None;
        }
        let over = self.idle.pop_front()?;
        self.nodes.remove(&over);
        Some(over)
    }
}

pub(super) fn refuse(ear: &Ear, why: &Arc<str>, cause: Option<Cause>) {
    ear.mailbox.put(Heard::Refused {
        id: ear.id,
        message: Arc::clone(why),
        cause,
        is_part: false,
    });
}
