//! How to listen to Finesse: its notification service, an XMPP server with publish-subscribe nodes.
//!
//! *The danger of presence.* When the session of a signed-in user ends, politely or not, Finesse takes him for gone:
//! it waits a minute and logs him out, reason 255 ("Desktop Presence and Forced Logout"). So the state of whoever would
//! listen is read first, and only who reads LOGOUT, or has no user of Finesse at all, may listen.
//!
//! Domain and service come from SystemInfo, never from a host's name ("Managing Notifications in Third-Party
//! Applications"); on the wire a domain may be one that no name service knows.

use std::time::Duration;

use signoff_core::{
    CredentialKind, Error, FeedPlan, FeedProtocol, FeedTransport, FeedWay, FeedWish, Finished, Now, Outcome,
};

use crate::errors::{VendorError, ended, unanswered};
use crate::model::{Activity, Person, SystemInfo};
use crate::request::{Desk, STATE_AGE, check_id};
use crate::runner::{Actor, Answer, Task};

/// The service takes a client that is silent for longer for gone: 12.5 asks for a sign of life every 10 s, 12.6 for one
/// every 20 s.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// XMPP in TLS from its first byte, unless SystemInfo names another port.
const TLS_PORT: u16 = 5223;
/// XMPP over WebSocket up to release 12.5; from 12.6 on it is at the port of the REST API.
const WEBSOCKET_PORT: u16 = 7443;

/// The node of a team's users.
pub(crate) fn team_node(team: &str) -> String {
    format!("/finesse/api/Team/{team}/Users")
}

/// The node of a user.
pub(crate) fn user_node(user: &str) -> String {
    format!("/finesse/api/User/{user}")
}

/// Finds out how to listen.
#[derive(Debug)]
pub(crate) struct Feed {
    actor: String,
    named: bool,
    only_nodes: bool,
    /// Id or name of a team; empty: every team of the actor.
    scope: String,
    own: Option<Person>,
    reads: Read,
    plan: Option<FeedPlan>,
}

/// What is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    OwnState,
    SystemInfo,
}

impl Feed {
    pub(crate) fn new(wish: FeedWish<'_>) -> Result<Self, Error> {
        if wish.actor_kind != CredentialKind::Basic && !wish.only_nodes {
            let message = "notifications want a user name and a password, not a token: name such a credential, `feed = { credential = \"…\" }`";
            return Err(Error::Arguments(message.to_owned()));
        }
        let scope = wish.scope.trim();
        if !scope.is_empty() {
            check_id("the team", scope)?;
        }
        Ok(Self {
            actor: wish.actor.to_owned(),
            named: wish.named,
            only_nodes: wish.only_nodes,
            scope: scope.to_owned(),
            own: None,
            reads: Read::OwnState,
            plan: None,
        })
    }

    /// How to listen, once that is known.
    pub(crate) fn plan(&self) -> Option<FeedPlan> {
        self.plan.clone()
    }

    fn known(&mut self, desk: &mut Desk, own: Person) {
        if own.activity() != Activity::Out && !self.only_nodes {
            return desk.finish(ended(Outcome::Refused, "signed_in", self.danger(&own)));
        }
        self.own = Some(own);
        self.read_system(desk);
    }

    fn read_system(&mut self, desk: &mut Desk) {
        self.reads = Read::SystemInfo;
        desk.read_deployment();
    }

    fn danger(&self, own: &Person) -> String {
        let advice = if self.named {
            "sign him out, or name another user"
        } else {
            "name another user for them, `feed = { credential = \"…\" }`"
        };
        format!(
            "`{}` is signed in ({}), and Finesse logs out whoever is signed in when his session of notifications ends (reason 255): {advice}",
            self.actor, own.state.0
        )
    }

    fn system(&mut self, desk: &mut Desk, info: &SystemInfo) {
        let Some(domain) = info.text("xmppDomain") else {
            let message = "SystemInfo names no `xmppDomain`, so there is no notification service";
            return desk.finish(ended(Outcome::Failed, "no_notifications", message));
        };
        let service = info
            .text("xmppPubSubDomain")
            .map_or_else(|| format!("pubsub.{domain}"), str::to_owned);
        let tls_port = info.port("primaryNode", "xmppSecurePort").unwrap_or(TLS_PORT);
        let web = |port: Option<u16>| FeedWay {
            transport: FeedTransport::WebSocket("/ws/".to_owned()),
            port,
        };
        self.plan = Some(FeedPlan {
            protocol: FeedProtocol::Xmpp,
            keep_alive: KEEP_ALIVE,
            user: self.actor.clone(),
            domain: domain.to_owned(),
            service,
            endpoint: "api".to_owned(),
            ways: vec![
                FeedWay {
                    transport: FeedTransport::Tls,
                    port: Some(tls_port),
                },
                web(None),
                web(Some(WEBSOCKET_PORT)),
            ],
            nodes: self.nodes(),
        });
        desk.finish(Finished::new(Outcome::Done));
    }

    fn nodes(&self) -> Vec<String> {
        let teams = self.own.as_ref().map_or(&[][..], |own| &own.supervises);
        if self.scope.is_empty() {
            return teams.iter().map(|team| team_node(&team.id)).collect();
        }
        let named = teams.iter().find(|team| {
            team.id == self.scope
                || team
                    .name
                    .as_deref()
                    .is_some_and(|name| name.eq_ignore_ascii_case(&self.scope))
        });
        vec![team_node(named.map_or(&self.scope, |team| &team.id))]
    }
}

impl Task for Feed {
    fn begin(&mut self, desk: &mut Desk, now: Now, actor: Actor) {
        match actor.own {
            // Who he is may have been read a minute ago: how he is must be known now.
            Ok(_) if !self.only_nodes && now.monotonic.since(actor.sent) > STATE_AGE => {
                desk.read_own_state(now.monotonic);
            }
            Ok(own) => self.known(desk, own),
            // The application's administrator is no user, and cannot be signed in.
            Err(_) => self.read_system(desk),
        }
    }

    fn answer(&mut self, desk: &mut Desk, _now: Now, answer: Answer<'_>) {
        let response = match answer {
            Answer::Response(response) => response,
            Answer::Failure(failure) => return desk.finish(unanswered(Outcome::Failed, failure)),
            Answer::Held => return,
        };
        if !matches!(response.status, 200..=299) {
            let error = VendorError::read(response);
            return desk.finish(error.finished(error.outcome()));
        }
        let unreadable = match self.reads {
            Read::OwnState => match Person::parse(response.body) {
                Ok(own) => return self.known(desk, own),
                Err(why) => format!("the User object of `{}`: {why}", self.actor),
            },
            Read::SystemInfo => match SystemInfo::parse(response.body) {
                Ok(info) => return self.system(desk, &info),
                Err(why) => format!("the SystemInfo object: {why}"),
            },
        };
        desk.finish(ended(Outcome::Failed, "unreadable_answer", unreadable));
    }
}
