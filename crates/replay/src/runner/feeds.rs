//! What a tutorial does with feeds, and what it is to hear on them.

use std::time::Duration;

use signoff_core::xml;
use signoff_engine::feed::{Fault, Published};
use signoff_engine::secret::Secret;
use signoff_engine::transport::is_loopback;
use tokio::time::Instant;

use super::{Broken, Given, Runner, UNTRUSTED, request};
use crate::aim;
use crate::check::{self, Answer};
use crate::event::{Answered, Sending, Verdict};
use crate::feed::{FeedLogin, Found, Listening};
use crate::template::Template;
use crate::tutorial::{Action, Check, FeedAction, Login, Notification, Task};

impl Runner<'_> {
    /// Opens the feed that a task needs, if no earlier step has: a step that is replayed alone gets what the others would
    /// have made.
    pub(super) async fn prepare(&mut self, task: &Task) -> Result<(), Broken> {
        let listens = task.expectations.iter().any(|expectation| {
            matches!(
                expectation.check,
                Check::Notification(_) | Check::NoNotification { .. }
            )
        });
        let Action::Request(request) = &task.action else {
            return Ok(());
        };
        let (Some(login), url) = (request.basic(), &request.url) else {
            return Ok(());
        };
        if !listens || !self.feeds.is_empty() {
            return Ok(());
        }
        let host = url::Url::parse(&self.fill_whole(url)?)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned))
            .ok_or_else(|| Broken::new(format!("`{url}` names no host for a feed")))?;
        let domain = match self.settings.variables.get("xmpp-domain") {
            Some(domain) => domain.to_owned(),
            None => self.domain(url).await?,
        };
        let words = format!(
            "{} at {domain}, because no earlier step has",
            self.fill(&login.username)?
        );
        self.tell_sent(Sending::FeedBefore(words));
        self.connect(login, &host, domain).await
    }

    /// The XMPP domain, as the server says: Finesse's SystemInfo has it in `xmppDomain` (Developer Guide, SystemInfo).
    async fn domain(&mut self, url: &Template) -> Result<String, Broken> {
        let mut url = self
            .settings
            .aim
            .request(&self.fill_whole(url)?)
            .map_err(|error| Broken::new(error.to_string()))?;
        url.set_path("/finesse/api/SystemInfo");
        url.set_query(None);
        let reply = request::get(&self.settings, url).await?;
        let root = xml::parse(&reply.body).ok();
        let domain = root.as_ref().and_then(|root| root.child_text("xmppDomain"));
        domain.map(str::to_owned).ok_or_else(|| {
            Broken::with_hint(
                "the XMPP domain of the feed is not known: SystemInfo does not say it",
                "give it: `--var xmpp-domain=abc.inc`",
            )
        })
    }

    pub(super) async fn feed(&mut self, action: &FeedAction) -> Result<Given, Broken> {
        let mut given = Given {
            confirmed: true,
            ..Given::default()
        };
        let begun = Instant::now();
        match action {
            FeedAction::Connect(feed) => {
                let server = match &feed.server {
                    Some(server) => self.fill_whole(server)?,
                    None => self
                        .settings
                        .variables
                        .get("web-url")
                        .map(str::to_owned)
                        .ok_or_else(|| {
                            Broken::with_hint(
                                "the text names no server for the feed",
                                "give one: `--var web-url=HOST`",
                            )
                        })?,
                };
                // Labs name the domain of a server that is long gone; whoever replays one knows better.
                let domain = match (self.settings.variables.get("xmpp-domain"), &feed.domain) {
                    (Some(domain), _) => domain.to_owned(),
                    (None, Some(domain)) => self.fill_whole(domain)?,
                    (None, None) => host_of(&server),
                };
                let username = self.fill(&feed.login.username)?;
                self.tell_sent(Sending::Feed(format!(
                    "sign in to the feed as {username} at {domain}"
                )));
                self.connect(&feed.login, &server, domain).await?;
            }
            FeedAction::Disconnect => {
                self.tell_sent(Sending::Feed("sign out of the feed".to_owned()));
                let feed = self.feeds.pop().ok_or_else(not_signed_in)?;
                feed.session.close().await;
            }
            FeedAction::Subscribe(node) => {
                let node = self.fill_whole(node)?;
                self.tell_sent(Sending::Feed(format!("subscribe to {node}")));
                self.session()?.session.subscribe(&node).await?;
            }
            FeedAction::Unsubscribe(node) => {
                let node = self.fill_whole(node)?;
                self.tell_sent(Sending::Feed(format!("unsubscribe from {node}")));
                self.session()?.session.unsubscribe(&node).await?;
            }
            FeedAction::ListSubscriptions => {
                self.tell_sent(Sending::Feed("list the subscriptions".to_owned()));
                given.subscriptions = Some(self.session()?.session.subscriptions().await?);
            }
        }
        given.elapsed = begun.elapsed();
        let body = given
            .subscriptions
            .as_ref()
            .map_or_else(String::new, |nodes| nodes.join("\n"));
        self.tell_answered(Answered {
            status: None,
            headers: Vec::new(),
            body: self.redacted(&body),
            elapsed: given.elapsed,
        });
        Ok(given)
    }

    async fn connect(&mut self, login: &Login, server: &str, domain: String) -> Result<(), Broken> {
        let address = self
            .settings
            .aim
            .feed(server)
            .map_err(|error| Broken::new(error.to_string()))?;
        let username = self.fill(&login.username)?;
        let password = Secret::new(self.fill(&login.password)?);
        self.settings.redactor.add(login.password.as_str(), &password);
        self.settings.redactor.add_basic(&username, &password);
        if !address.tls && !self.settings.danger_plain_http && !is_loopback(&address.host) {
            return Err(Broken::with_hint(
                format!("the password would go to `{}` in clear", address.host),
                "map the port to one with TLS: `--map-port 5222=5223/tls`; or give `--danger-plain-http`",
            ));
        }
        let opened = self.settings.feeds.open(FeedLogin {
            address,
            domain: domain.clone(),
            username: username.clone(),
            password,
        });
        let feed = opened.await.map_err(|error| {
            let hint = match error.fault {
                Fault::Unreachable => format!(
                    "check that the notification service is there; `--map-port {}=PORT/tls` names another port",
                    aim::port_of(server)
                ),
                Fault::Untrusted => UNTRUSTED.to_owned(),
                Fault::Login => format!(
                    "check the user `{username}` and his password{}; the domain was `{domain}`; \
                     `--var xmpp-domain=DOMAIN` names another",
                    named(&login.password)
                ),
                Fault::Domain => {
                    format!("the domain was `{domain}`; `--var xmpp-domain=DOMAIN` names another")
                }
                Fault::Session => format!(
                    "check that XMPP is spoken at this port, and whether in TLS: `--map-port {}=PORT/tls`, or `/tcp`",
                    aim::port_of(server)
                ),
            };
            Broken::with_hint(error.message, hint)
        })?;
        self.feeds.push(Listening::new(username, feed));
        Ok(())
    }

    pub(super) async fn notification(&mut self, wanted: &Notification, given: &Given) -> Verdict {
        let within = wanted.within.unwrap_or(self.settings.notification_time);
        let Some(feed) = self.listening(given) else {
            return check::failed("no feed is signed in to");
        };
        match feed.find(within, |heard| check::is_wanted(heard, wanted)).await {
            Found::This(heard) => {
                self.learn(&Answer::heard(&heard));
                let told = check::told(&heard);
                self.heard = Some(heard);
                Verdict::Held(Some(told))
            }
            Found::Nothing(others) => check::failed(self.others(&others, within)),
            Found::Lost(others) => {
                let others = match others.as_slice() {
                    [] => "nothing".to_owned(),
                    _ => self.others(&others, within),
                };
                check::failed(format!("the feed was lost; before that came {others}"))
            }
        }
    }

    pub(super) async fn no_notification(&mut self, within: Duration, given: &Given) -> Verdict {
        let Some(feed) = self.listening(given) else {
            return check::failed("no feed is signed in to, so nothing could have come");
        };
        match feed.find(within, |_| true).await {
            Found::This(heard) => check::failed(check::told(&heard)),
            Found::Nothing(_) => Verdict::Held(Some(format!("none within {} s", within.as_secs_f64()))),
            Found::Lost(_) => check::failed("the feed was lost"),
        }
    }

    /// The feed on which something is to be seen: that of whoever sent the request, else the one that was opened last.
    fn listening(&mut self, given: &Given) -> Option<&mut Listening> {
        let own = self
            .feeds
            .iter()
            .rposition(|feed| Some(&feed.username) == given.user.as_ref());
        let index = own.or_else(|| self.feeds.len().checked_sub(1))?;
        self.feeds.get_mut(index)
    }

    fn session(&mut self) -> Result<&mut Listening, Broken> {
        self.feeds.last_mut().ok_or_else(not_signed_in)
    }

    fn others(&self, others: &[Published], within: Duration) -> String {
        let seconds = within.as_secs_f64();
        match others {
            [] => format!("none within {seconds} s"),
            others => {
                let told: Vec<String> = others.iter().map(check::told).collect();
                format!("within {seconds} s only: {}", told.join("; "))
            }
        }
    }
}

/// The host of `host` or `host:port`; an IPv6 address keeps its brackets.
fn host_of(server: &str) -> String {
    let parsed = url::Url::parse(&format!("xmpp://{server}")).ok();
    let host = parsed.as_ref().and_then(url::Url::host_str);
    host.unwrap_or(server).to_owned()
}

/// The variables that a password comes from; a password itself is not shown.
fn named(password: &Template) -> String {
    let names: Vec<String> = password
        .variables()
        .map(|variable| format!("`{{{{{}}}}}`", variable.name))
        .collect();
    match names.as_slice() {
        [] => String::new(),
        names => format!(", {}", names.join(" and ")),
    }
}

fn not_signed_in() -> Broken {
    Broken::new("no feed is signed in to")
}

pub(super) fn subscribed(given: &Given, node: &str, expected: bool) -> Verdict {
    let Some(nodes) = &given.subscriptions else {
        return Verdict::NotReached;
    };
    if nodes.iter().any(|known| known == node) == expected {
        return Verdict::Held(None);
    }
    check::failed(match nodes.as_slice() {
        [] => "no subscriptions".to_owned(),
        nodes => format!("subscriptions to {}", nodes.join(", ")),
    })
}
