//! The documents: User, Team, Users, Teams, ReasonCodes, SystemInfo, with their children in the order of captures.

use std::borrow::Cow;
use std::time::Duration;

use super::behaviour::Deployment;
use super::population::ReasonCode;
use super::state::State;
use super::xml::Element;
use super::{Account, Finesse, ROOT};
use crate::notify;

impl Finesse {
    pub(super) fn user_document(&self, who: usize) -> Element {
        let account = &self.accounts[who];
        let user = &account.user;
        let wrap_up = match self.behaviour.deployment {
            Deployment::Ucce => Element::new("settings")
                .text("wrapUpOnIncoming", "OPTIONAL")
                .text("wrapUpOnOutgoing", "OPTIONAL"),
            Deployment::Uccx => Element::new("settings").text("wrapUpOnIncoming", ""),
        };
        let mut element = Element::new("User");
        if let Some(code) = self.reason_of(account, "ReasonCode") {
            element = element.child(code);
        }
        element = element
            .text("dialogs", format!("{ROOT}/User/{}/Dialogs", user.id))
            .text("extension", extension(account))
            .text("firstName", user.first_name.clone())
            .text("lastName", user.last_name.clone())
            .text("loginId", user.id.clone())
            .text("loginName", user.login_name.clone())
            .text("mediaType", "1");
        if let Some(mobile) = &user.mobile {
            element = element.child(
                Element::new("mobileAgent")
                    .text("mode", mobile.mode.clone())
                    .text("dialNumber", mobile.dial_number.clone()),
            );
        }
        element = element.text("pendingState", pending(account));
        if account.state != State::Ready {
            let reason = account
                .reason
                .map_or(Cow::Borrowed("-1"), |id| id.to_string().into());
            element = element.text("reasonCodeId", reason);
        }
        let mut roles = Element::new("roles").text("role", "Agent");
        if !user.supervises.is_empty() {
            roles = roles.text("role", "Supervisor");
        }
        let team = self.teams.iter().find(|team| team.id == user.team);
        element = element
            .child(roles)
            .child(wrap_up)
            .text("state", self.shown(account.state).name())
            .text("stateChangeTime", self.changed(account))
            .text("teamId", user.team.clone())
            .text("teamName", team.map(|team| team.name.clone()).unwrap_or_default());
        if !user.supervises.is_empty() {
            let teams = user.supervises.iter().filter_map(|id| self.team_summary(id));
            element = element.child(Element::new("teams").children(teams));
        }
        element = element.text("uri", format!("{ROOT}/User/{}", user.id));
        if self.behaviour.deployment == Deployment::Ucce {
            element = element.text("wrapUpTimer", "7200");
        }
        element
    }

    pub(super) fn users_document(&self) -> Element {
        let agents = (0..self.accounts.len()).filter(|&who| self.accounts[who].user.agent);
        Element::new("Users").children(agents.map(|who| self.user_document(who)))
    }

    /// `None` if there is no such team.
    pub(super) fn team_document(&self, id: &str, logged_out: bool) -> Option<Element> {
        let team = self.teams.iter().find(|team| team.id == id)?;
        let members = self.accounts.iter().filter(|account| {
            account.user.agent
                && account.user.team == team.id
                && (logged_out || account.state != State::Logout)
        });
        Some(
            Element::new("Team")
                .text("id", team.id.clone())
                .text("name", team.name.clone())
                .text("uri", format!("{ROOT}/Team/{}", team.id))
                .child(Element::new("users").children(members.map(|account| self.member(account)))),
        )
    }

    pub(super) fn teams_document(&self) -> Element {
        Element::new("Teams").children(self.teams.iter().filter_map(|team| self.team_summary(&team.id)))
    }

    pub(super) fn reason_codes_document(&self, category: &str) -> Element {
        let codes = self
            .reason_codes
            .iter()
            .filter(|code| category == "ALL" || code.category == category);
        Element::new("ReasonCodes")
            .attribute("category", category)
            .children(codes.map(|code| reason_code(code, "ReasonCode")))
    }

    pub(super) fn reason_code_document(&self, id: &str) -> Option<Element> {
        let code = self.reason_codes.iter().find(|code| code.id.to_string() == id)?;
        Some(reason_code(code, "ReasonCode"))
    }

    /// The system as whoever calls this host sees it.
    pub(super) fn system_info(&self, host: &str, now: Duration) -> Element {
        let (host, port) = host.rsplit_once(':').unwrap_or((host, ""));
        let port = port.parse().ok();
        let ports = self
            .ports
            .iter()
            .find(|ports| Some(ports.http) == port || Some(ports.https) == port);
        let mut primary = Element::new("primaryNode").text("host", host.to_owned());
        if let Some(ports) = ports.filter(|_| self.behaviour.names_ports) {
            primary = primary
                .text("httpsPort", ports.https.to_string())
                .text("xmppPort", ports.xmpp.to_string())
                .text("xmppSecurePort", ports.xmpp_tls.to_string());
        }
        let (deployment, license) = match self.behaviour.deployment {
            Deployment::Ucce => ("UCCE", ""),
            Deployment::Uccx => ("UCCX", "Cisco Unified CCX Premium"),
        };
        Element::new("SystemInfo")
            .text("currentTimestamp", timestamp(self.unix_ms(now)))
            .text("deploymentType", deployment)
            .text("license", license)
            .text("peripheralId", "")
            .child(primary)
            .child(Element::new("secondaryNode").text("host", ""))
            .text("status", self.behaviour.status.name())
            .text("systemAuthMode", "NON_SSO")
            .text("timezoneOffset", "0")
            .text("uri", format!("{ROOT}/SystemInfo"))
            .text("xmppDomain", notify::DOMAIN)
            .text("xmppPubSubDomain", notify::SERVICE)
    }

    /// A user as a Team lists him: less than a User has.
    pub(super) fn member(&self, account: &Account) -> Element {
        let user = &account.user;
        let mut element = Element::new("User")
            .text("dialogs", format!("{ROOT}/User/{}/Dialogs", user.id))
            .text("extension", extension(account))
            .text("firstName", user.first_name.clone())
            .text("lastName", user.last_name.clone())
            .text("loginId", user.id.clone());
        if self.behaviour.deployment == Deployment::Uccx {
            element = element.text(
                "mediaState",
                if account.state.on_call() { "BUSY" } else { "IDLE" },
            );
        }
        element = element
            .text("mediaType", "1")
            .text("pendingState", pending(account));
        if let Some(code) = self.reason_of(account, "reasonCode") {
            element = element.child(code);
        }
        element
            .text("state", self.shown(account.state).name())
            .text("stateChangeTime", self.changed(account))
            .text("uri", format!("{ROOT}/User/{}", user.id))
    }

    fn team_summary(&self, id: &str) -> Option<Element> {
        let team = self.teams.iter().find(|team| team.id == id)?;
        Some(
            Element::new("Team")
                .text("id", team.id.clone())
                .text("name", team.name.clone())
                .text("uri", format!("{ROOT}/Team/{}", team.id)),
        )
    }

    /// Why he is in his state, if that was said.
    fn reason_of(&self, account: &Account, name: &'static str) -> Option<Element> {
        if let Some(code) = account.system_code {
            let (category, label) = match account.state {
                State::Logout => ("LOGOUT", "Connection Failure"),
                _ => ("NOT_READY", "Supervisor Initiated"),
            };
            return Some(
                Element::new(name)
                    .text("category", category)
                    .text("code", code.to_string())
                    .text("forAll", "true")
                    .text("id", "-1")
                    .text("label", label)
                    .text("systemCode", "true")
                    .text("uri", ""),
            );
        }
        let id = account.reason?;
        self.reason_codes
            .iter()
            .find(|code| code.id == id)
            .map(|code| reason_code(code, name))
    }

    /// UCCX has neither HOLD nor WORK_READY.
    fn shown(&self, state: State) -> State {
        match (self.behaviour.deployment, state) {
            (Deployment::Uccx, State::Hold) => State::Talking,
            (Deployment::Uccx, State::WorkReady) => State::Work,
            _ => state,
        }
    }

    /// Empty if no state event has been seen.
    fn changed(&self, account: &Account) -> String {
        account.changed_ms.map_or_else(String::new, |at| {
            timestamp(at.saturating_add(self.behaviour.clock_skew_millis))
        })
    }
}

fn reason_code(code: &ReasonCode, name: &'static str) -> Element {
    Element::new(name)
        .text("uri", format!("{ROOT}/ReasonCode/{}", code.id))
        .text("id", code.id.to_string())
        .text("category", code.category)
        .text("code", code.code.to_string())
        .text("label", code.label.clone())
        .text("forAll", "true")
        .text("systemCode", "false")
}

fn extension(account: &Account) -> Cow<'static, str> {
    if account.state == State::Logout {
        Cow::Borrowed("")
    } else {
        Cow::Owned(account.user.extension.clone())
    }
}

fn pending(account: &Account) -> &'static str {
    account.pending.as_ref().map_or("", |(state, _)| state.name())
}

/// ISO 8601 in UTC with milliseconds.
fn timestamp(unix_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(unix_ms).map_or_else(|_| String::new(), |at| format!("{at:.3}"))
}
