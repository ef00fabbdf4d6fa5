//! Who works in the simulated contact centre: made up for a test, or the demo that `--sandbox` serves.

use std::time::Duration;

use super::error::AsyncError;
use super::state::State;
use crate::random::Random;

/// Teams, users and reason codes, in the order in which lists show them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Population {
    /// The teams.
    pub teams: Vec<Team>,
    /// Agents, supervisors and administrators.
    pub users: Vec<User>,
    /// The reason codes.
    pub reason_codes: Vec<ReasonCode>,
}

/// A team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// Its id, a number in real systems.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A configured reason for NOT_READY or LOGOUT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonCode {
    /// The database id, which `reasonCodeId` names.
    pub id: u32,
    /// The code that people see, 1 to 65535.
    pub code: u32,
    /// What it means.
    pub label: String,
    /// `NOT_READY` or `LOGOUT`.
    pub category: &'static str,
}

/// Somebody who can log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The loginId.
    pub id: String,
    /// The loginName; usually the same.
    pub login_name: String,
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// The password.
    pub password: String,
    /// The extension he is or would be signed in at.
    pub extension: String,
    /// The id of the team he belongs to; empty for an administrator who is no agent.
    pub team: String,
    /// The ids of the teams he supervises.
    pub supervises: Vec<String>,
    /// Whether he may use the configuration APIs.
    pub administrator: bool,
    /// Whether the CTI server knows him. An administrator's account need not be an agent's.
    pub agent: bool,
    /// His state at the start.
    pub state: State,
    /// How long he has been in it; `None` if the service has not seen a state event of his yet.
    pub since: Option<Duration>,
    /// How he is connected if he is a mobile agent who is signed in.
    pub mobile: Option<MobileAgent>,
    /// When the call that he is on at the start ends; `None`: never by itself.
    pub call_ends: Option<Duration>,
    /// Calls that will come, if he is READY then: after how long, and how long they last.
    pub calls: Vec<(Duration, Duration)>,
    /// A call comes again and again, if he is READY then: every so often, and how long it lasts.
    pub regular_call: Option<(Duration, Duration)>,
    /// His state after a call; WORK needs [`Self::wrap_up`] to end.
    pub after_call: State,
    /// How long he stays in WORK after a call before he is READY.
    pub wrap_up: Option<Duration>,
    /// What every change of his state fails with on the feed.
    pub cti_error: Option<AsyncError>,
}

/// How a mobile agent is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MobileAgent {
    /// `CALL_BY_CALL` or `NAILED_CONNECTION`.
    pub mode: String,
    /// The number that is dialled.
    pub dial_number: String,
}

impl User {
    /// An agent of this team, READY for ten minutes. His password is `ID-password`.
    #[must_use]
    pub fn agent(id: impl Into<String>, team: impl Into<String>) -> Self {
        let id = id.into();
        Self {
            login_name: id.clone(),
            first_name: "Agent".to_owned(),
            last_name: id.clone(),
            password: format!("{id}-password"),
            extension: "1000".to_owned(),
            team: team.into(),
            supervises: Vec::new(),
            administrator: false,
            agent: true,
            state: State::Ready,
            since: Some(Duration::from_secs(600)),
            mobile: None,
            call_ends: None,
            calls: Vec::new(),
            regular_call: None,
            after_call: State::Ready,
            wrap_up: None,
            cti_error: None,
            id,
        }
    }

    /// A supervisor of these teams, who belongs to the first of them and is NOT_READY.
    #[must_use]
    pub fn supervisor(id: impl Into<String>, teams: &[&str]) -> Self {
        let team = teams.first().copied().unwrap_or_default();
        let mut user = Self::agent(id, team).state(State::NotReady);
        user.supervises = teams.iter().map(|&team| team.to_owned()).collect();
        user
    }

    /// An administrator who is no agent.
    #[must_use]
    pub fn administrator(id: impl Into<String>) -> Self {
        let mut user = Self::agent(id, "").state(State::Logout);
        user.administrator = true;
        user.agent = false;
        user
    }

    /// The same with this name.
    #[must_use]
    pub fn named(mut self, first: impl Into<String>, last: impl Into<String>) -> Self {
        self.first_name = first.into();
        self.last_name = last.into();
        self
    }

    /// The same in this state.
    #[must_use]
    pub fn state(mut self, state: State) -> Self {
        self.state = state;
        self
    }

    /// The same, in his state for so long.
    #[must_use]
    pub fn since(mut self, since: Duration) -> Self {
        self.since = Some(since);
        self
    }

    /// The same at this extension.
    #[must_use]
    pub fn extension(mut self, extension: impl Into<String>) -> Self {
        self.extension = extension.into();
        self
    }

    /// The same with this password.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = password.into();
        self
    }

    /// The same in this state on a call that ends after this time.
    #[must_use]
    pub fn on_call(mut self, state: State, ends: Duration) -> Self {
        self.state = state;
        self.call_ends = Some(ends);
        self
    }

    /// The same with a call coming, if he is READY then.
    #[must_use]
    pub fn call(mut self, after: Duration, lasts: Duration) -> Self {
        self.calls.push((after, lasts));
        self
    }

    /// The same with a call coming every so often, if he is READY then.
    #[must_use]
    pub fn calls_every(mut self, period: Duration, last: Duration) -> Self {
        self.regular_call = Some((period, last));
        self
    }

    /// The same, wrapping up for so long after a call.
    #[must_use]
    pub fn wraps_up(mut self, time: Duration) -> Self {
        self.after_call = State::Work;
        self.wrap_up = Some(time);
        self
    }

    /// The same as a mobile agent.
    #[must_use]
    pub fn mobile(mut self, mode: impl Into<String>, dial_number: impl Into<String>) -> Self {
        self.mobile = Some(MobileAgent {
            mode: mode.into(),
            dial_number: dial_number.into(),
        });
        self
    }

    /// The same, with every change of his state failing like this on the feed.
    #[must_use]
    pub fn failing(mut self, error: AsyncError) -> Self {
        self.cti_error = Some(error);
        self
    }
}

impl Population {
    /// Nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more team.
    #[must_use]
    pub fn with_team(mut self, id: impl Into<String>, name: impl Into<String>) -> Self {
        self.teams.push(Team {
            id: id.into(),
            name: name.into(),
        });
        self
    }

    /// The same with one more user.
    #[must_use]
    pub fn with(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// The same with these users.
    #[must_use]
    pub fn with_all(mut self, users: impl IntoIterator<Item = User>) -> Self {
        self.users.extend(users);
        self
    }

    /// The same with one more reason code.
    #[must_use]
    pub fn with_reason(
        mut self,
        id: u32,
        code: u32,
        category: &'static str,
        label: impl Into<String>,
    ) -> Self {
        self.reason_codes.push(ReasonCode {
            id,
            code,
            label: label.into(),
            category,
        });
        self
    }

    /// Team `1` with so many READY agents (`10001` and on), `supervisor`, who is on its list, and `administrator`.
    #[must_use]
    pub fn team(size: usize) -> Self {
        let agents = (1..=size)
            .map(|n| User::agent(format!("{}", 10_000 + n), "1").extension(format!("{}", 50_000 + n)));
        Self::new()
            .with_team("1", "Team 1")
            .with(User::supervisor("supervisor", &["1"]).extension("2001"))
            .with(User::administrator("administrator"))
            .with_all(agents)
    }

    /// As [`Self::team`], but the agents are in all states, those on a call for up to half a second.
    #[must_use]
    pub fn mixed(size: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut population = Self::team(size);
        let agents = population
            .users
            .iter_mut()
            .filter(|user| user.agent && user.supervises.is_empty());
        for (state, user) in State::IN_USE.into_iter().cycle().zip(agents) {
            user.state = state;
            user.since = Some(Duration::from_secs(random.below(36_000)));
            if state.on_call() {
                user.call_ends = Some(Duration::from_millis(random.below(500)));
            }
        }
        random.shuffle(&mut population.users);
        population
    }

    /// The contact centre of the demo: two teams and their supervisor, the users of Cisco's learning labs, calls that end
    /// after two to four seconds and come again every half minute, and names that are hard on a client.
    #[must_use]
    pub fn demo(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut password = || format!("demo-{:08x}", random.next() >> 32);
        let s = Duration::from_secs_f64;
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let users = [
            User::supervisor("supervisorA", &["1", "2"])
                .named("Sunita", "Rao")
                .extension("2001"),
            User::administrator("administrator").named("Ada", "Admin"),
            User::agent("agentA", "1")
                .named("Alice", "Martin")
                .extension("1001")
                .state(State::NotReady)
                .since(minutes(3)),
            User::agent("agentC", "1")
                .named("Carlos", "Núñez")
                .extension("1003")
                .since(minutes(41)),
            User::agent("00123", "1")
                .named("Siobhán", "O'Neil & Daughters")
                .extension("1004")
                .since(minutes(95))
                .on_call(State::Talking, s(2.2))
                .calls_every(s(20.0), s(4.0)),
            User::agent("1005", "1")
                .named("田中", "さくら")
                .extension("1005")
                .since(minutes(2))
                .on_call(State::Talking, s(3.4))
                .calls_every(s(23.0), s(4.0))
                .wraps_up(s(1.0)),
            User::agent("1006", "1")
                .named("Fatima", "al-Zahra \"Fay\"")
                .extension("1006")
                .state(State::Work)
                .since(minutes(1)),
            User::agent("1007", "1")
                .named("Γιώργος", "Παπαδόπουλος")
                .extension("1007")
                .on_call(State::Hold, s(2.8)),
            User::agent("1008", "1")
                .named("Grace", "<script>")
                .extension("1008")
                .state(State::Logout)
                .since(minutes(600)),
            User::agent("2101", "2")
                .named("Hans", "Größer")
                .extension("2101")
                .on_call(State::Reserved, s(2.0)),
            User::agent("2102", "2")
                .named("Ибрагим", "Ёлкин")
                .extension("2102")
                .state(State::NotReady)
                .since(minutes(17))
                .mobile("CALL_BY_CALL", "+441632960123"),
            User::agent("2103", "2")
                .named("Joy", "D'Souza, Jr.")
                .extension("2103")
                .state(State::WorkReady),
            User::agent("2104", "2")
                .named("Kofi", "Mensah")
                .extension("2104")
                .on_call(State::Talking, s(3.8))
                .calls_every(s(17.0), s(6.0)),
            User::agent("2105", "2")
                .named("Lena", "Åström")
                .extension("2105")
                .calls_every(s(29.0), s(3.0)),
            User::agent("2106", "2")
                .named("Miguel", "Ángel; DROP")
                .extension("2106")
                .state(State::Logout)
                .since(minutes(900)),
        ];
        Self::new()
            .with_team("1", "Service & Support")
            .with_team("2", "Sales “North”")
            .with_all(users.into_iter().map(|user| user.password(password())))
            .with_reason(55, 222, "LOGOUT", "End of Shift")
            .with_reason(56, 223, "LOGOUT", "Training")
            .with_reason(61, 301, "NOT_READY", "Lunch & Break")
    }
}
