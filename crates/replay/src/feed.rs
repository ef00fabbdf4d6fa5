//! Notification feeds, as far as a tutorial uses one: behind a narrow trait, so that the runner knows no sockets.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::BoxFuture;
use signoff_engine::feed::{ClientError, Published};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::aim::FeedAddress;

/// Opens feeds.
pub trait Feeds: Send + Sync {
    /// Signs in to one. A refused password is not tried again.
    fn open(&self, login: FeedLogin) -> BoxFuture<'_, Result<OpenFeed, ClientError>>;
}

/// Where and as whom. Deliberately without `Debug`: it holds a password.
pub struct FeedLogin {
    /// Where.
    pub address: FeedAddress,
    /// The XMPP domain.
    pub domain: String,
    /// Without the domain.
    pub username: String,
    /// His password.
    pub password: signoff_engine::secret::Secret,
}

/// A feed that is signed in to.
pub struct OpenFeed {
    /// What can be asked of it.
    pub session: Box<dyn FeedSession>,
    /// What it says; ends when the feed is lost.
    pub notifications: mpsc::Receiver<Published>,
}

/// What can be asked of a feed.
pub trait FeedSession: Send {
    /// Listens to a node.
    fn subscribe<'a>(&'a mut self, node: &'a str) -> BoxFuture<'a, Result<(), ClientError>>;

    /// Listens to it no more.
    fn unsubscribe<'a>(&'a mut self, node: &'a str) -> BoxFuture<'a, Result<(), ClientError>>;

    /// What is listened to.
    fn subscriptions(&mut self) -> BoxFuture<'_, Result<Vec<String>, ClientError>>;

    /// Signs out, politely.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// A feed that is open, and what it has said.
pub(crate) struct Listening {
    pub(crate) username: String,
    pub(crate) session: Box<dyn FeedSession>,
    notifications: mpsc::Receiver<Published>,
    lost: bool,
    heard: VecDeque<Published>,
    /// How many were heard before the first of those.
    forgotten: u64,
}

/// What is kept of what a feed has said: a tutorial looks back no further than its last action.
const KEPT: usize = 1_024;

impl Listening {
    pub(crate) fn new(username: String, feed: OpenFeed) -> Self {
        Self {
            username,
            session: feed.session,
            notifications: feed.notifications,
            lost: false,
            heard: VecDeque::new(),
            forgotten: 0,
        }
    }

    /// Forgets what has come up to now: it is no consequence of what is done next.
    pub(crate) fn forget(&mut self) {
        while self.notifications.try_recv().is_ok() {}
        self.forgotten += self.heard.len() as u64;
        self.heard.clear();
    }

    /// Waits until a notification that came since the last [`forget`](Self::forget) is the one that is looked for.
    pub(crate) async fn find(
        &mut self,
        within: Duration,
        mut wanted: impl FnMut(&Published) -> bool,
    ) -> Found {
        let until = Instant::now() + within;
        let mut seen = Vec::new();
        let mut next = self.forgotten;
        loop {
            while let Some(heard) = next
                .checked_sub(self.forgotten)
                .and_then(|index| self.heard.get(usize::try_from(index).ok()?))
            {
                next += 1;
                if wanted(heard) {
                    return Found::This(heard.clone());
                }
                seen.push(heard.clone());
            }
            if self.lost {
                return Found::Lost(seen);
            }
            match tokio::time::timeout_at(until, self.notifications.recv()).await {
                Ok(Some(heard)) => self.keep(heard),
                Ok(None) => self.lost = true,
                Err(_) => return Found::Nothing(seen),
            }
        }
    }

    fn keep(&mut self, heard: Published) {
        self.heard.push_back(heard);
        if self.heard.len() > KEPT {
            self.heard.pop_front();
            self.forgotten += 1;
        }
    }
}

/// What came of looking for a notification.
pub(crate) enum Found {
    This(Published),
    /// Only others came.
    Nothing(Vec<Published>),
    /// The feed was lost; these came before.
    Lost(Vec<Published>),
}
