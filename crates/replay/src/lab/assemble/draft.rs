//! What has been said of a request, or of a feed, before it is sent.

use signoff_core::xml;

use super::super::blocks::Fence;
use super::super::meaning::Meaning;
use crate::template::Template;
use crate::tutorial::{Action, Auth, FeedAction, FeedLogin, Login, Place, Request};

/// A request, or a stanza, of which not everything has been said.
#[derive(Debug, Default)]
pub(super) struct Draft {
    method: Option<String>,
    /// Whether the method was stated for this request, and not for one before it.
    method_is_new: bool,
    url: Option<Template>,
    basic: bool,
    username: Option<Template>,
    password: Option<Template>,
    domain: Option<Template>,
    server: Option<Template>,
    port: Option<Template>,
    content_type: Option<String>,
    /// Whether a body was announced.
    announced: bool,
    bodies: Vec<(Place, Fence)>,
    /// What was said of it and not understood.
    unclear: Vec<(Place, String)>,
    /// Whether it has been sent: what is said of the next one changes it, what is not said stays (the same window).
    sent: bool,
}

/// What is wrong with a request, and where, if that is not where it is sent.
pub(super) type Problems = Vec<(Option<Place>, String)>;

impl Draft {
    /// Forgets what was entered; what was not understood of it stays to be told.
    pub(super) fn begins_anew(&mut self) {
        *self = Self {
            unclear: std::mem::take(&mut self.unclear),
            ..Self::default()
        };
    }

    /// What was said after all was sent, and not understood.
    pub(super) fn not_understood(self) -> Vec<(Place, String)> {
        self.unclear
    }

    pub(super) fn take(&mut self, meaning: &Meaning, place: &Place) {
        match meaning {
            Meaning::Reset => self.begins_anew(),
            Meaning::Method(method) => {
                self.next_begins();
                let earlier = self.method.replace(method.clone());
                if let Some(earlier) = earlier.filter(|earlier| self.method_is_new && earlier != method) {
                    let message =
                        format!("it is said to be a {earlier} request, and then a {method} request");
                    self.unclear.push((place.clone(), message));
                }
                self.method_is_new = true;
            }
            Meaning::Url(url) => {
                self.next_begins();
                self.url = Some(url.clone());
            }
            Meaning::Basic => self.basic = true,
            Meaning::NoAuthentication => self.basic = false,
            Meaning::Username(username) => self.username = Some(username.clone()),
            Meaning::Password(password) => self.password = Some(password.clone()),
            Meaning::Jid { username, domain } => {
                self.username = Some(username.clone());
                self.domain = Some(domain.clone());
            }
            Meaning::Domain(domain) => self.domain = Some(domain.clone()),
            Meaning::Server(server) => self.server = Some(server.clone()),
            Meaning::Port(port) => self.port = Some(port.clone()),
            Meaning::ContentType(content_type) => self.content_type = Some(content_type.clone()),
            Meaning::BodyFollows => self.body_follows(),
            _ => {}
        }
    }

    /// A body is announced: one that was there before is another's.
    pub(super) fn body_follows(&mut self) {
        self.next_begins();
        self.announced = true;
        self.bodies.clear();
    }

    pub(super) const fn wants_body(&self) -> bool {
        self.announced
    }

    pub(super) fn body(&mut self, place: Place, fence: Fence) {
        self.bodies.push((place, fence));
    }

    pub(super) fn unclear(&mut self, place: Place, why: &str, text: &str) {
        self.unclear.push((place, format!("{why}: {text}")));
    }

    /// What is sent, now that it is; and where the blocks stand that were taken for its body and only illustrate it.
    pub(super) fn sent(&mut self) -> (Result<Action, Problems>, Vec<Place>) {
        let deepest = self.bodies.iter().map(|(_, fence)| fence.depth).max();
        let illustrations = self
            .bodies
            .iter()
            .filter(|(_, fence)| Some(fence.depth) != deepest);
        let illustrations = illustrations.map(|(place, _)| place.clone()).collect();
        (self.action(), illustrations)
    }

    fn action(&mut self) -> Result<Action, Problems> {
        let mut problems: Problems = std::mem::take(&mut self.unclear)
            .into_iter()
            .map(|(place, message)| (Some(place), message))
            .collect();
        let body = self.chosen_body(&mut problems);
        if let Some(action) = body.as_ref().and_then(|body| stanza(body.as_str())) {
            self.sent = true;
            self.announced = false;
            return if problems.is_empty() {
                Ok(action)
            } else {
                Err(problems)
            };
        }
        let mut require = |missing: bool, what: &str| {
            if missing {
                problems.push((None, format!("a request is sent of which {what}")));
            }
        };
        require(self.method.is_none(), "no method is stated");
        require(self.url.is_none(), "no URL is stated");
        require(
            self.announced && body.is_none(),
            "the body is announced and does not follow",
        );
        require(self.basic && self.username.is_none(), "no user name is stated");
        require(self.basic && self.password.is_none(), "no password is stated");
        let (Some(method), Some(url), true) = (&self.method, &self.url, problems.is_empty()) else {
            return Err(problems);
        };
        self.sent = true;
        self.announced = false;
        let login = || {
            Some(Login {
                username: self.username.clone()?,
                password: self.password.clone()?,
            })
        };
        let content_type = self.content_type.iter().filter(|_| body.is_some());
        Ok(Action::Request(Request {
            method: method.clone(),
            url: url.clone(),
            headers: content_type
                .map(|content_type| ("Content-Type".to_owned(), Template::new(content_type.as_str())))
                .collect(),
            auth: login().filter(|_| self.basic).map(Auth::Basic),
            body,
        }))
    }

    /// Signing in to a feed, or out of it.
    pub(super) fn feed(&mut self, connects: bool) -> Result<Action, String> {
        if !connects {
            return Ok(Action::Feed(FeedAction::Disconnect));
        }
        let (Some(username), Some(password)) = (self.username.take(), self.password.take()) else {
            return Err("the feed is signed in to, and no user name and password are stated".to_owned());
        };
        let server = match (self.server.take(), self.port.take()) {
            (server, None) => server,
            (Some(server), Some(port)) => Some(Template::new(format!("{server}:{port}"))),
            (None, Some(_)) => {
                return Err("the feed is signed in to at a port, and no server is stated".to_owned());
            }
        };
        Ok(Action::Feed(FeedAction::Connect(FeedLogin {
            server,
            domain: self.domain.take(),
            login: Login { username, password },
        })))
    }

    /// The deeper of several: the others illustrate.
    fn chosen_body(&self, problems: &mut Problems) -> Option<Template> {
        let deepest = self.bodies.iter().map(|(_, fence)| fence.depth).max()?;
        let mut chosen = self.bodies.iter().filter(|(_, fence)| fence.depth == deepest);
        let (_, body) = chosen.next()?;
        if let Some((place, _)) = chosen.next() {
            problems.push((
                Some(place.clone()),
                "there are two bodies, and neither lies deeper".to_owned(),
            ));
        }
        Some(Template::new(body.text.trim()))
    }

    /// A tab in which something was sent is used again: what is not said anew stays, except for the body.
    fn next_begins(&mut self) {
        if std::mem::take(&mut self.sent) {
            self.bodies.clear();
            self.announced = false;
            self.method_is_new = false;
        }
    }
}

/// What is to be done with a feed, if a body is a stanza that asks for it (XEP-0060).
fn stanza(body: &str) -> Option<Action> {
    let iq = xml::parse(body.as_bytes()).ok().filter(|root| root.is("iq"))?;
    let pubsub = iq.child("pubsub")?;
    let node = |name: &str| pubsub.child(name)?.attribute("node").map(Template::new);
    let action = if let Some(node) = node("subscribe") {
        FeedAction::Subscribe(node)
    } else if let Some(node) = node("unsubscribe") {
        FeedAction::Unsubscribe(node)
    } else {
        pubsub.child("subscriptions")?;
        FeedAction::ListSubscriptions
    };
    Some(Action::Feed(action))
}

/// The names of copied values that an action needs.
pub(super) fn copied_names(action: &Action) -> Vec<String> {
    let names = |template: &Template| -> Vec<String> {
        let variables = template.variables().filter(|variable| !variable.given);
        variables.map(|variable| variable.name.to_owned()).collect()
    };
    match action {
        Action::Request(request) => names(&request.url),
        Action::Feed(FeedAction::Subscribe(node) | FeedAction::Unsubscribe(node)) => names(node),
        Action::Feed(_) | Action::Human(_) => Vec::new(),
    }
}
