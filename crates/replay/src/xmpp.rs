//! Feeds over XMPP, as the engine speaks it.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use signoff_engine::feed::{Account, Client, ClientError, Place};
use signoff_engine::transport::TransportSettings;

use crate::feed::{FeedLogin, FeedSession, Feeds, OpenFeed};

/// Opens feeds with the trust and the proxies of these settings.
pub struct XmppFeeds(TransportSettings);

impl XmppFeeds {
    /// Opens nothing yet.
    #[must_use]
    pub const fn new(settings: TransportSettings) -> Self {
        Self(settings)
    }
}

impl Feeds for XmppFeeds {
    fn open(&self, login: FeedLogin) -> BoxFuture<'_, Result<OpenFeed, ClientError>> {
        async move {
            let place = Place {
                host: login.address.host,
                port: login.address.port,
                tls: login.address.tls,
            };
            let account = Account {
                domain: login.domain,
                user: login.username,
                password: login.password,
            };
            let (client, notifications) = Client::connect(self.0.clone(), &place, account).await?;
            Ok(OpenFeed {
                session: Box::new(XmppSession(client)),
                notifications,
            })
        }
        .boxed()
    }
}

struct XmppSession(Client);

impl FeedSession for XmppSession {
    fn subscribe<'a>(&'a mut self, node: &'a str) -> BoxFuture<'a, Result<(), ClientError>> {
        async move { self.0.subscribe(node).await }.boxed()
    }

    fn unsubscribe<'a>(&'a mut self, node: &'a str) -> BoxFuture<'a, Result<(), ClientError>> {
        async move { self.0.unsubscribe(node).await }.boxed()
    }

    fn subscriptions(&mut self) -> BoxFuture<'_, Result<Vec<String>, ClientError>> {
        async move { self.0.subscriptions().await }.boxed()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        self.0.close().boxed()
    }
}
