//! Agent states, and what becomes of a wish to change one (developer guide 12.5, User—Change Agent State and
//! Agent State Transitions).

use std::fmt;

use super::behaviour::{Deployment, TalkingLogout};
use super::error::{AsyncError, Refusal};

/// An agent's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "Cisco's names")]
pub enum State {
    Logout,
    NotReady,
    Ready,
    Reserved,
    ReservedOutbound,
    ReservedOutboundPreview,
    Talking,
    Hold,
    Work,
    WorkReady,
    Unknown,
}

impl State {
    /// Every state that an agent can be known to be in.
    pub const IN_USE: [Self; 10] = [
        Self::Logout,
        Self::NotReady,
        Self::Ready,
        Self::Reserved,
        Self::ReservedOutbound,
        Self::ReservedOutboundPreview,
        Self::Talking,
        Self::Hold,
        Self::Work,
        Self::WorkReady,
    ];

    /// As on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logout => "LOGOUT",
            Self::NotReady => "NOT_READY",
            Self::Ready => "READY",
            Self::Reserved => "RESERVED",
            Self::ReservedOutbound => "RESERVED_OUTBOUND",
            Self::ReservedOutboundPreview => "RESERVED_OUTBOUND_PREVIEW",
            Self::Talking => "TALKING",
            Self::Hold => "HOLD",
            Self::Work => "WORK",
            Self::WorkReady => "WORK_READY",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Whether a call, or the offer of one, is at this agent.
    #[must_use]
    pub const fn on_call(self) -> bool {
        matches!(
            self,
            Self::Reserved
                | Self::ReservedOutbound
                | Self::ReservedOutboundPreview
                | Self::Talking
                | Self::Hold
        )
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a request may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Login,
    Ready,
    NotReady,
    Logout,
}

impl Wish {
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "LOGIN" => Some(Self::Login),
            "READY" => Some(Self::Ready),
            "NOT_READY" => Some(Self::NotReady),
            "LOGOUT" => Some(Self::Logout),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Login => "LOGIN",
            Self::Ready => "READY",
            Self::NotReady => "NOT_READY",
            Self::Logout => "LOGOUT",
        }
    }
}

/// Who wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Himself,
    Supervisor,
}

/// What becomes of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The state changes.
    Now(State),
    /// It changes when the call ends.
    AfterCall(State),
    /// It is fine, and nothing changes.
    Unchanged,
    /// Finesse itself refuses it.
    Refused(Refusal),
    /// Finesse passes it on, and the CTI server refuses it.
    Fails(AsyncError),
}

/// The rules for one wish, given the state that it meets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meeting {
    pub(super) deployment: Deployment,
    pub(super) talking: TalkingLogout,
    pub(super) by: By,
    pub(super) state: State,
    pub(super) pending: Option<State>,
}

impl Meeting {
    pub(super) fn verdict(self, wish: Wish) -> Verdict {
        match (wish, self.by) {
            (Wish::Login, _) if self.state == State::Logout => Verdict::Now(State::NotReady),
            // Signing in is forced: whoever is in already keeps his state.
            (Wish::Login, _) => Verdict::Unchanged,
            (Wish::Logout, By::Himself) => self.own_logout(),
            (Wish::Logout, By::Supervisor) => self.forced_logout(),
            (Wish::Ready | Wish::NotReady, _) if self.state == State::Logout => self.not_signed_in(wish),
            (Wish::Ready, By::Supervisor) => match self.state {
                State::Ready => Verdict::Unchanged,
                State::NotReady | State::Work | State::WorkReady => Verdict::Now(State::Ready),
                _ => Verdict::Refused(Refusal::UnsupportedState),
            },
            (Wish::NotReady, By::Supervisor) => match self.state {
                State::Ready | State::Work | State::WorkReady => Verdict::Now(State::NotReady),
                _ => Verdict::Refused(Refusal::UnsupportedState),
            },
            (Wish::Ready, By::Himself) => self.own_ready(),
            (Wish::NotReady, By::Himself) => self.own_not_ready(),
        }
    }

    fn own_logout(self) -> Verdict {
        match (self.state, self.deployment) {
            (State::NotReady, _) | (State::Ready, Deployment::Uccx) => Verdict::Now(State::Logout),
            (State::Logout, _) => Verdict::Refused(Refusal::InvalidState),
            (State::ReservedOutbound, Deployment::Uccx) => Verdict::Fails(AsyncError::internal()),
            _ => Verdict::Refused(Refusal::InvalidStateInput),
        }
    }

    fn forced_logout(self) -> Verdict {
        match (self.state, self.talking) {
            (State::Logout, _) => Verdict::Refused(Refusal::InvalidState),
            (State::Unknown, _) => Verdict::Refused(Refusal::UnsupportedState),
            (State::Talking | State::Hold, TalkingLogout::Pending) => Verdict::AfterCall(State::Logout),
            _ => Verdict::Now(State::Logout),
        }
    }

    fn own_ready(self) -> Verdict {
        match (self.state, self.deployment) {
            (State::Ready, _) => Verdict::Unchanged,
            (State::ReservedOutbound, Deployment::Uccx) => Verdict::Fails(AsyncError::internal()),
            (State::NotReady | State::Work | State::WorkReady, _)
            | (
                State::Reserved | State::ReservedOutbound | State::ReservedOutboundPreview,
                Deployment::Ucce,
            ) => Verdict::Now(State::Ready),
            (State::Talking | State::Hold, Deployment::Ucce) => Verdict::AfterCall(State::Ready),
            (State::Talking | State::Hold, Deployment::Uccx) => Verdict::Fails(AsyncError::work_mode()),
            _ => Verdict::Refused(Refusal::InvalidState),
        }
    }

    fn own_not_ready(self) -> Verdict {
        match (self.state, self.deployment) {
            (State::NotReady | State::Ready | State::Work | State::WorkReady, _)
            | (State::ReservedOutbound, Deployment::Ucce) => Verdict::Now(State::NotReady),
            (State::ReservedOutbound, Deployment::Uccx) => Verdict::Fails(AsyncError::internal()),
            (State::Talking | State::Hold, Deployment::Uccx) if self.pending == Some(State::NotReady) => {
                Verdict::Fails(AsyncError::work_mode())
            }
            (State::Talking | State::Hold, _) | (State::ReservedOutboundPreview, Deployment::Ucce) => {
                Verdict::AfterCall(State::NotReady)
            }
            _ => Verdict::Refused(Refusal::InvalidState),
        }
    }

    fn not_signed_in(self, wish: Wish) -> Verdict {
        Verdict::Fails(match (wish, self.deployment) {
            (Wish::NotReady, Deployment::Ucce) => AsyncError::password(),
            (Wish::NotReady, Deployment::Uccx) => AsyncError::parameter(),
            _ => AsyncError::object_state(),
        })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::{By, Meeting, State, Verdict, Wish};
    use crate::finesse::behaviour::{Deployment, TalkingLogout};

    /// One line a state: what becomes of LOGOUT, READY and NOT_READY.
    fn check(deployment: Deployment, by: By, talking: TalkingLogout, expected: &Expect) {
        let mut table = String::new();
        for state in State::IN_USE.into_iter().chain([State::Unknown]) {
            let meeting = Meeting {
                deployment,
                talking,
                by,
                state,
                pending: None,
            };
            let shown = [Wish::Logout, Wish::Ready, Wish::NotReady].map(|wish| match meeting.verdict(wish) {
                Verdict::Now(to) => to.name().to_owned(),
                Verdict::AfterCall(to) => format!("pending {to}"),
                Verdict::Unchanged => "unchanged".to_owned(),
                Verdict::Refused(refusal) => format!("{} {}", refusal.status(), refusal.error_type()),
                Verdict::Fails(error) => format!("async {}", error.data),
            });
            table.push_str(format!("{state}: {}\n", shown.join(" | ")).as_str());
        }
        expected.assert_eq(&table);
    }

    #[test]
    fn an_agent_himself() {
        check(
            Deployment::Ucce,
            By::Himself,
            TalkingLogout::Immediate,
            &expect![[r#"
            LOGOUT: 400 Bad Request Invalid State | async 22 | async 257
            NOT_READY: LOGOUT | READY | NOT_READY
            READY: 400 Bad Request Invalid Input | unchanged | NOT_READY
            RESERVED: 400 Bad Request Invalid Input | READY | 400 Bad Request Invalid State
            RESERVED_OUTBOUND: 400 Bad Request Invalid Input | READY | NOT_READY
            RESERVED_OUTBOUND_PREVIEW: 400 Bad Request Invalid Input | READY | pending NOT_READY
            TALKING: 400 Bad Request Invalid Input | pending READY | pending NOT_READY
            HOLD: 400 Bad Request Invalid Input | pending READY | pending NOT_READY
            WORK: 400 Bad Request Invalid Input | READY | NOT_READY
            WORK_READY: 400 Bad Request Invalid Input | READY | NOT_READY
            UNKNOWN: 400 Bad Request Invalid Input | 400 Bad Request Invalid State | 400 Bad Request Invalid State
        "#]],
        );
        check(
            Deployment::Uccx,
            By::Himself,
            TalkingLogout::Immediate,
            &expect![[r#"
            LOGOUT: 400 Bad Request Invalid State | async 22 | async 1010
            NOT_READY: LOGOUT | READY | NOT_READY
            READY: LOGOUT | unchanged | NOT_READY
            RESERVED: 400 Bad Request Invalid Input | 400 Bad Request Invalid State | 400 Bad Request Invalid State
            RESERVED_OUTBOUND: async  | async  | async 
            RESERVED_OUTBOUND_PREVIEW: 400 Bad Request Invalid Input | 400 Bad Request Invalid State | 400 Bad Request Invalid State
            TALKING: 400 Bad Request Invalid Input | async 265 | pending NOT_READY
            HOLD: 400 Bad Request Invalid Input | async 265 | pending NOT_READY
            WORK: 400 Bad Request Invalid Input | READY | NOT_READY
            WORK_READY: 400 Bad Request Invalid Input | READY | NOT_READY
            UNKNOWN: 400 Bad Request Invalid Input | 400 Bad Request Invalid State | 400 Bad Request Invalid State
        "#]],
        );
    }

    #[test]
    fn a_supervisor() {
        check(
            Deployment::Ucce,
            By::Supervisor,
            TalkingLogout::Immediate,
            &expect![[r#"
                LOGOUT: 400 Bad Request Invalid State | async 22 | async 257
                NOT_READY: LOGOUT | READY | 401 Unauthorized Invalid State
                READY: LOGOUT | unchanged | NOT_READY
                RESERVED: LOGOUT | 401 Unauthorized Invalid State | 401 Unauthorized Invalid State
                RESERVED_OUTBOUND: LOGOUT | 401 Unauthorized Invalid State | 401 Unauthorized Invalid State
                RESERVED_OUTBOUND_PREVIEW: LOGOUT | 401 Unauthorized Invalid State | 401 Unauthorized Invalid State
                TALKING: LOGOUT | 401 Unauthorized Invalid State | 401 Unauthorized Invalid State
                HOLD: LOGOUT | 401 Unauthorized Invalid State | 401 Unauthorized Invalid State
                WORK: LOGOUT | READY | NOT_READY
                WORK_READY: LOGOUT | READY | NOT_READY
                UNKNOWN: 401 Unauthorized Invalid State | 401 Unauthorized Invalid State | 401 Unauthorized Invalid State
            "#]],
        );
        check(
            Deployment::Ucce,
            By::Supervisor,
            TalkingLogout::Pending,
            &expect![[r#"
                LOGOUT: 400 Bad Request Invalid State | async 22 | async 257
                NOT_READY: LOGOUT | READY | 401 Unauthorized Invalid State
                READY: LOGOUT | unchanged | NOT_READY
                RESERVED: LOGOUT | 401 Unauthorized Invalid State | 401 Unauthorized Invalid State
                RESERVED_OUTBOUND: LOGOUT | 401 Unauthorized Invalid State | 401 Unauthorized Invalid State
                RESERVED_OUTBOUND_PREVIEW: LOGOUT | 401 Unauthorized Invalid State | 401 Unauthorized Invalid State
                TALKING: pending LOGOUT | 401 Unauthorized Invalid State | 401 Unauthorized Invalid State
                HOLD: pending LOGOUT | 401 Unauthorized Invalid State | 401 Unauthorized Invalid State
                WORK: LOGOUT | READY | NOT_READY
                WORK_READY: LOGOUT | READY | NOT_READY
                UNKNOWN: 401 Unauthorized Invalid State | 401 Unauthorized Invalid State | 401 Unauthorized Invalid State
            "#]],
        );
    }

    #[test]
    fn a_second_pending_not_ready_fails_on_uccx() {
        let meeting = |pending| Meeting {
            deployment: Deployment::Uccx,
            talking: TalkingLogout::Immediate,
            by: By::Himself,
            state: State::Talking,
            pending,
        };
        assert_eq!(
            meeting(None).verdict(Wish::NotReady),
            Verdict::AfterCall(State::NotReady)
        );
        assert!(matches!(
            meeting(Some(State::NotReady)).verdict(Wish::NotReady),
            Verdict::Fails(error) if error.data == "265"
        ));
    }
}
