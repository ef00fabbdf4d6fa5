//! What the ledger knows of the notification service.

use std::collections::HashMap;

use super::Ledger;

/// What passed through the notification service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedRecord {
    /// Sessions that got an address.
    pub sessions: u64,
    /// Those that are open.
    pub open: u64,
    /// The most that were open at the same time.
    pub most_open: u64,
    /// Subscriptions that clients made; those that everybody has are not counted.
    pub subscribed: u64,
    /// Those that they took back.
    pub unsubscribed: u64,
    /// Events that were sent, once for each session.
    pub events: u64,
    /// Logins that were refused, by user name.
    pub refused: HashMap<String, u32>,
}

impl Ledger {
    /// What passed through Finesse's notification service.
    #[must_use]
    pub fn feed(&self) -> FeedRecord {
        self.records().feed.clone()
    }

    pub(crate) fn feed_opened(&self) {
        let feed = &mut self.records().feed;
        feed.sessions += 1;
        feed.open += 1;
        feed.most_open = feed.most_open.max(feed.open);
    }

    pub(crate) fn feed_closed(&self) {
        let feed = &mut self.records().feed;
        feed.open = feed.open.saturating_sub(1);
    }

    pub(crate) fn feed_subscribed(&self) {
        self.records().feed.subscribed += 1;
    }

    pub(crate) fn feed_unsubscribed(&self) {
        self.records().feed.unsubscribed += 1;
    }

    pub(crate) fn feed_event(&self) {
        self.records().feed.events += 1;
    }

    pub(crate) fn feed_refused(&self, user: &str) {
        *self.records().feed.refused.entry(user.to_owned()).or_default() += 1;
    }
}
