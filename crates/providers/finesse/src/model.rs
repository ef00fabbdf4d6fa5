//! What Finesse says, as far as it is needed: users, teams, reason codes, the system.
//!
//! Everything is found by name, in any order and letter case, and everything may be missing but the id of a
//! user.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use signoff_core::xml::{self, Element};

/// An answer that was not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    /// No XML, or too much of it.
    #[error(transparent)]
    Xml(#[from] xml::Error),
    /// Another document.
    #[error("expected `<{expected}>`, found `<{found}>`")]
    Root { expected: &'static str, found: String },
    /// A user without an id.
    #[error("a `<User>` without `<loginId>`")]
    NoId,
}

/// What Finesse runs on; the two differ in how an agent signs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deployment {
    /// Unified or Packaged Contact Center Enterprise: Finesse on machines of its own.
    Ucce,
    /// Unified Contact Center Express: Finesse is part of it.
    Uccx,
}

impl Deployment {
    /// `deploymentType` of SystemInfo; only the Express edition is different.
    pub(crate) fn named(name: &str) -> Self {
        if name.eq_ignore_ascii_case("UCCX") {
            Self::Uccx
        } else {
            Self::Ucce
        }
    }

    /// Whether an agent may sign himself out of this state ("User—Sign Out of Finesse" and the state
    /// diagrams).
    pub(crate) fn signs_out_from(self, state: &State) -> bool {
        state.is("NOT_READY") || (self == Self::Uccx && state.is("READY"))
    }
}

/// The state of an agent, as Finesse spells it. New releases may have states that nobody knows yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State(pub(crate) String);

/// What a state means for somebody who wants to log its owner out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activity {
    /// Logged out.
    Out,
    /// Not on a call.
    Idle,
    /// On a call, about to be, or in a state that nobody knows.
    OnCall,
}

impl State {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }

    fn activity(&self) -> Activity {
        if self.is("LOGOUT") {
            Activity::Out
        } else if ["NOT_READY", "READY", "WORK", "WORK_READY"]
            .iter()
            .any(|name| self.is(name))
        {
            Activity::Idle
        } else {
            Activity::OnCall
        }
    }
}

/// A user, from a User object or from the short form in a Team object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) login_name: Option<String>,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) state: State,
    pub(crate) pending_state: Option<String>,
    /// `stateChangeTime` as it came; absent until Finesse has seen a change.
    pub(crate) since: Option<String>,
    /// The same in Unix milliseconds, if it can be read.
    pub(crate) since_unix_ms: Option<i64>,
    pub(crate) extension: Option<String>,
    pub(crate) team: Option<TeamName>,
    /// Empty in Team objects.
    pub(crate) roles: Vec<String>,
    /// The teams that he supervises; empty in Team objects.
    pub(crate) supervises: Vec<TeamName>,
    /// Why he is not ready: the label, where Finesse gives one.
    pub(crate) reason: Option<String>,
    pub(crate) mobile: Option<Mobile>,
    /// `mediaState` BUSY, which Unified CCX has in Team objects.
    media_busy: bool,
}

/// Id and name of a team.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TeamName {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
}

/// The telephone of a mobile agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mobile {
    pub(crate) mode: Option<String>,
    pub(crate) dial_number: Option<String>,
}

impl Person {
    /// Reads a `<User>` element.
    pub(crate) fn read(element: &Element) -> Result<Self, Unreadable> {
        let text = |name: &str| element.child_text(name).map(str::to_owned);
        let since = text("stateChangeTime");
        let team = text("teamId").map(|id| TeamName {
            id,
            name: text("teamName"),
        });
        Ok(Self {
            id: text("loginId").ok_or(Unreadable::NoId)?,
            login_name: text("loginName"),
            first_name: text("firstName"),
            last_name: text("lastName"),
            state: State(text("state").unwrap_or_else(|| "UNKNOWN".to_owned())),
            pending_state: text("pendingState"),
            since_unix_ms: since
                .as_deref()
                .and_then(|since| since.parse::<Timestamp>().ok())
                .map(Timestamp::as_millisecond),
            since,
            extension: text("extension"),
            team,
            roles: list(element, "roles", "role")
                .map(|role| role.trimmed().to_owned())
                .collect(),
            supervises: list(element, "teams", "Team")
                .filter_map(TeamName::read)
                .collect(),
            reason: element
                .child("reasonCode")
                .and_then(|reason| reason.child_text("label"))
                .map(str::to_owned),
            mobile: element
                .child("mobileAgent")
                .filter(|mobile| !mobile.children.is_empty())
                .map(|mobile| Mobile {
                    mode: mobile.child_text("mode").map(str::to_owned),
                    dial_number: mobile.child_text("dialNumber").map(str::to_owned),
                }),
            media_busy: element
                .child_text("mediaState")
                .is_some_and(|state| state.eq_ignore_ascii_case("BUSY")),
        })
    }

    /// The answer to "User—Get User".
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Unreadable> {
        Self::read(&document(body, "User")?)
    }

    /// The answer to "User—Get List".
    pub(crate) fn parse_list(body: &[u8]) -> Result<Vec<Self>, Unreadable> {
        document(body, "Users")?
            .children_named("User")
            .map(Self::read)
            .collect()
    }

    /// What his state means. On Unified CCX a call that did not come through a queue leaves the state alone,
    /// and shows in `mediaState` only.
    pub(crate) fn activity(&self) -> Activity {
        match self.state.activity() {
            Activity::Idle if self.media_busy && !self.state.is("WORK") => Activity::OnCall,
            activity => activity,
        }
    }

    /// Whether Finesse will log him out when his call ends.
    pub(crate) fn logout_pends(&self) -> bool {
        self.pending_state
            .as_deref()
            .is_some_and(|state| state.eq_ignore_ascii_case("LOGOUT"))
    }

    pub(crate) fn is_supervisor(&self) -> bool {
        !self.supervises.is_empty() || self.has_role("Supervisor")
    }

    pub(crate) fn is_administrator(&self) -> bool {
        self.has_role("Administrator")
    }

    /// First and last name, as far as there are any.
    pub(crate) fn name(&self) -> Option<String> {
        let parts: Vec<&str> = [&self.first_name, &self.last_name]
            .into_iter()
            .filter_map(|part| part.as_deref())
            .collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    /// Whether a person who types this means him. Letter case is no matter: Cisco does not say whether ids of
    /// the same letters can differ in it, and on a site they do not.
    pub(crate) fn is_called(&self, id: &str) -> bool {
        self.id.eq_ignore_ascii_case(id)
            || self
                .login_name
                .as_deref()
                .is_some_and(|name| name.eq_ignore_ascii_case(id))
    }

    fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own.eq_ignore_ascii_case(role))
    }
}

impl TeamName {
    fn read(element: &Element) -> Option<Self> {
        Some(Self {
            id: element.child_text("id")?.to_owned(),
            name: element.child_text("name").map(str::to_owned),
        })
    }

    /// Id and name, for a message.
    pub(crate) fn shown(&self) -> String {
        match &self.name {
            Some(name) => format!("{} ({name})", self.id),
            None => self.id.clone(),
        }
    }
}

/// A Team object, indexed: a thousand operations look for one member each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Team {
    /// In the order of the answer; each has this team as `team`. Who found his member keeps him alone.
    pub(crate) members: Vec<Arc<Person>>,
    by_id: HashMap<String, usize>,
    by_lower_case: HashMap<String, usize>,
}

impl Team {
    /// The answer to "Team—Get Team", asked for under this name.
    pub(crate) fn parse(body: &[u8], asked: &TeamName) -> Result<Self, Unreadable> {
        let root = document(body, "Team")?;
        let name = TeamName {
            id: asked.id.clone(),
            name: root
                .child_text("name")
                .map(str::to_owned)
                .or_else(|| asked.name.clone()),
        };
        let members: Vec<Arc<Person>> = list(&root, "users", "User")
            .map(|user| {
                let mut person = Person::read(user)?;
                person.team = Some(name.clone());
                Ok(Arc::new(person))
            })
            .collect::<Result<_, Unreadable>>()?;
        let mut by_id = HashMap::with_capacity(members.len());
        let mut by_lower_case = HashMap::with_capacity(members.len());
        for (n, member) in members.iter().enumerate() {
            by_id.entry(member.id.clone()).or_insert(n);
            by_lower_case.entry(member.id.to_ascii_lowercase()).or_insert(n);
        }
        Ok(Self {
            members,
            by_id,
            by_lower_case,
        })
    }

    /// The member of this id; if there is none, the first whose id differs in letter case only.
    pub(crate) fn member(&self, id: &str) -> Option<&Arc<Person>> {
        let place = self
            .by_id
            .get(id)
            .or_else(|| self.by_lower_case.get(&id.to_ascii_lowercase()))?;
        self.members.get(*place)
    }
}

/// A reason for signing out, or for not being ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReasonCode {
    /// The database id, which requests want; not the code that reports show.
    pub(crate) id: String,
    pub(crate) label: String,
}

impl ReasonCode {
    /// The answer to "User—Get Reason Codes List".
    pub(crate) fn parse_list(body: &[u8]) -> Result<Vec<Self>, Unreadable> {
        let root = document(body, "ReasonCodes")?;
        let read = |element: &Element| {
            let id = match element.child_text("id") {
                Some(id) => id,
                // Older releases have the id in the address alone: `/finesse/api/ReasonCode/55`.
                None => element
                    .child_text("uri")?
                    .trim_end_matches('/')
                    .rsplit('/')
                    .next()?,
            };
            Some(Self {
                id: id.to_owned(),
                label: element.child_text("label").unwrap_or_default().to_owned(),
            })
        };
        Ok(root.children_named("ReasonCode").filter_map(read).collect())
    }
}

/// The answer to "SystemInfo".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SystemInfo(Element);

impl SystemInfo {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Unreadable> {
        document(body, "SystemInfo").map(Self)
    }

    /// The text of that member.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.child_text(name)
    }

    /// The host of `primaryNode` or `secondaryNode`.
    pub(crate) fn host(&self, node: &str) -> Option<&str> {
        self.0.child(node)?.child_text("host")
    }

    /// A port that a node names; releases before 12.6 name none.
    pub(crate) fn port(&self, node: &str, name: &str) -> Option<u16> {
        let port = self.0.child(node)?.child_text(name)?.parse().ok()?;
        (port != 0).then_some(port)
    }

    pub(crate) fn deployment(&self) -> Option<Deployment> {
        self.text("deploymentType").map(Deployment::named)
    }

    pub(crate) fn in_service(&self) -> bool {
        self.text("status")
            .is_some_and(|status| status.eq_ignore_ascii_case("IN_SERVICE"))
    }
}

fn document(body: &[u8], expected: &'static str) -> Result<Element, Unreadable> {
    let root = xml::parse(body)?;
    if root.is(expected) {
        Ok(root)
    } else {
        let found = root.name.chars().take(60).collect();
        Err(Unreadable::Root { expected, found })
    }
}

/// The members of a list element: `<roles><role>…`.
fn list<'a>(element: &'a Element, outer: &str, inner: &'a str) -> impl Iterator<Item = &'a Element> {
    element
        .child(outer)
        .into_iter()
        .flat_map(move |list| list.children_named(inner))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::{Activity, Deployment, Person, ReasonCode, State, SystemInfo, Team, TeamName, Unreadable};

    fn person(children: &str) -> Person {
        let document = format!("<User><loginId>1001</loginId>{children}</User>");
        Person::parse(document.as_bytes()).unwrap()
    }

    #[test]
    fn a_user_needs_nothing_but_an_id() {
        let person = person("");
        assert_eq!(person.id, "1001");
        assert_eq!(person.state, State("UNKNOWN".to_owned()));
        assert_eq!((person.name(), &person.since, &person.team), (None, &None, &None));
        assert!(!person.logout_pends());
        assert_eq!(Person::parse(b"<User/>"), Err(Unreadable::NoId));
    }

    #[test]
    fn a_whole_user() {
        let person = person(
            "<firstName>Jane</firstName><lastName>O&apos;Neil &amp; Co</lastName><loginName>jane</loginName>\
             <state>TALKING</state><pendingState>logout</pendingState>\
             <stateChangeTime>2016-12-08T23:33:28.596Z</stateChangeTime><teamId>2</teamId><teamName>Sales</teamName>\
             <roles><role>Agent</role><role>Supervisor</role></roles>\
             <teams><Team><uri>/finesse/api/Team/2</uri><id>2</id><name>Sales</name></Team><Team/></teams>\
             <ReasonCode><id>7</id><label>Lunch</label></ReasonCode>\
             <mobileAgent><mode>CALL_BY_CALL</mode></mobileAgent>",
        );
        assert_eq!(person.name().as_deref(), Some("Jane O'Neil & Co"));
        assert_eq!(person.since_unix_ms, Some(1_481_240_008_596));
        assert_eq!(person.activity(), Activity::OnCall);
        assert!(person.logout_pends() && person.is_supervisor() && !person.is_administrator());
        assert_eq!(person.supervises.len(), 1);
        assert_eq!(person.reason.as_deref(), Some("Lunch"));
        assert_eq!(
            person.mobile.as_ref().unwrap().mode.as_deref(),
            Some("CALL_BY_CALL")
        );
        assert!(person.is_called("JANE") && person.is_called("1001") && !person.is_called("Jane Doe"));
    }

    #[test]
    fn times_that_are_none_are_no_times() {
        assert_eq!(person("<stateChangeTime/>").since_unix_ms, None);
        let odd = person("<stateChangeTime>yesterday</stateChangeTime>");
        assert_eq!(
            (odd.since.as_deref(), odd.since_unix_ms),
            (Some("yesterday"), None)
        );
    }

    #[test]
    fn media_count_where_the_state_does_not() {
        let activity = |state: &str, media: &str| {
            person(&format!("<state>{state}</state><mediaState>{media}</mediaState>")).activity()
        };
        assert_eq!(activity("NOT_READY", "BUSY"), Activity::OnCall);
        assert_eq!(activity("READY", "IDLE"), Activity::Idle);
        assert_eq!(activity("WORK", "BUSY"), Activity::Idle);
        assert_eq!(activity("LOGOUT", "BUSY"), Activity::Out);
    }

    #[test]
    fn members_are_found_exactly_first() {
        let team = Team::parse(
            b"<Team><users><User><loginId>AB</loginId></User><User><loginId>ab</loginId></User></users></Team>",
            &TeamName {
                id: "9".to_owned(),
                name: None,
            },
        )
        .unwrap();
        let found = |id: &str| team.member(id).map(|member| member.id.as_str());
        assert_eq!(found("ab"), Some("ab"));
        assert_eq!(found("AB"), Some("AB"));
        assert_eq!(found("Ab"), Some("AB"));
        assert_eq!(found("0ab"), None);
        assert_eq!(team.members[0].team.as_ref().unwrap().id, "9");
    }

    #[test]
    fn an_agent_signs_out_from_where_his_deployment_lets_him() {
        let from = |deployment: &str, state: &str| {
            Deployment::named(deployment).signs_out_from(&State(state.to_owned()))
        };
        assert!(from("UCCE", "NOT_READY") && from("uccx", "NOT_READY") && from("UCCX", "READY"));
        assert!(!from("UCCE", "READY") && !from("UCCX", "WORK"));
    }

    #[test]
    fn reasons_have_their_id_somewhere() {
        let codes = ReasonCode::parse_list(
            b"<ReasonCodes category='LOGOUT'><ReasonCode><uri>/finesse/api/ReasonCode/55/</uri><label>A</label></ReasonCode>\
              <ReasonCode><label>without</label></ReasonCode></ReasonCodes>",
        )
        .unwrap();
        assert_eq!(codes.len(), 1);
        assert_eq!((codes[0].id.as_str(), codes[0].label.as_str()), ("55", "A"));
    }

    #[test]
    fn a_system_may_say_little() {
        let info = SystemInfo::parse(b"<SystemInfo><status>in_service</status></SystemInfo>").unwrap();
        assert!(info.in_service());
        assert_eq!((info.deployment(), info.host("primaryNode")), (None, None));
    }
}
