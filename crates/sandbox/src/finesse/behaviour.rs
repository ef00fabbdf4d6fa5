//! How the simulated Finesse behaves where deployments, releases and samples differ.

use std::time::Duration;

/// Everything that can be chosen. [`Behaviour::set`] changes one of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Behaviour {
    /// Which rules hold.
    pub deployment: Deployment,
    /// How much later than its acceptance a change is applied, unless the fault `lag` says otherwise.
    pub lag: Duration,
    /// What a supervisor's logout does to an agent on a call; Cisco's documents do not say.
    pub talking: TalkingLogout,
    /// What SystemInfo says. Unless in service, everything else is answered with 503.
    pub status: ServiceStatus,
    /// Whether a change that the user's state forbids fails at once or on the feed; both have been seen.
    pub state_check: WhenChecked,
    /// The status of an accepted change: captures show 202, one page of the developer guide says 200.
    pub accept_status: u16,
    /// How many wrong passwords in a row lock an account (developer guide 12.5, User—Sign In to Finesse).
    pub lockout_after: u32,
    /// How long it stays locked.
    pub lockout_for: Duration,
    /// How far the service's clock is ahead of ours, in milliseconds.
    pub clock_skew_millis: i64,
    /// Whether a supervisor may read `/User/{id}` of his team members; the guide names only oneself and administrators.
    pub supervisor_reads_users: bool,
    /// Whether signing out needs a reason where reason codes are configured; the guide is not clear.
    pub reason_required: bool,
    /// What a Team read without `includeLoggedOutAgents` gives; sources differ.
    pub logged_out_by_default: bool,
    /// Whether a refused login is called `Authentication Failure`, as one page has it, or `Authorization Failure`.
    pub authentication_failure: bool,
    /// How long after the end of a user's last session of notifications he is logged out.
    pub presence_timeout: Duration,
    /// Whether a supervisor may subscribe to the node of a member of his teams; the guide does not say.
    pub supervisor_hears_users: bool,
    /// The namespace of `<notification>`, which differs by release.
    pub notification: NotificationSpace,
    /// Whether `features` leaves out, over WebSocket too, what its prefix stands for, as some servers do.
    pub bare_features: bool,
    /// Whether the user `finesse`, who stands for the service behind the events, is available.
    pub service_available: bool,
    /// Whether SystemInfo names the ports of the notification service, as 12.6 does.
    pub names_ports: bool,
    /// How answers are written.
    pub writing: Writing,
}

/// How answers are written; clients must not depend on any of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Writing {
    /// The order of child elements.
    pub order: Order,
    /// The letter case of the root element.
    pub root_case: RootCase,
    /// Whether elements are in a namespace.
    pub name_space: NameSpace,
    /// How text is written.
    pub text: TextForm,
    /// How empty elements are written.
    pub empty: Empty,
    /// With an XML declaration, and every element on a line of its own.
    pub pretty: bool,
    /// Elements that are left out.
    pub omit: Vec<String>,
}

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $(#[$first_doc:meta])* $first:ident, $($(#[$variant_doc:meta])* $variant:ident),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub enum $name {
            $(#[$first_doc])* #[default] $first,
            $($(#[$variant_doc])* $variant),*
        }
    )*};
}

choices! {
    /// Which rules hold.
    Deployment {
        /// Stand-alone Finesse with Unified CCE or Packaged CCE.
        Ucce,
        /// Finesse on Unified CCX.
        Uccx,
    }
    /// What a supervisor's logout does to an agent on a call.
    TalkingLogout {
        /// He is logged out at once.
        Immediate,
        /// His pending state becomes LOGOUT, which he reaches when the call ends.
        Pending,
    }
    /// What SystemInfo says.
    ServiceStatus {
        /// `IN_SERVICE`.
        InService,
        /// `PARTIAL_SERVICE`.
        PartialService,
        /// `OUT_OF_SERVICE`.
        OutOfService,
    }
    /// The namespace of `<notification>`.
    NotificationSpace {
        /// `urn:xmpp:push:0`, as 12.5 has it.
        Push,
        /// That of publish-subscribe, as 11.x has it.
        PubSub,
    }
    /// When a change that the state forbids fails.
    WhenChecked {
        /// In the answer.
        Sync,
        /// On the feed, after a 202.
        Async,
    }
    /// The order of child elements.
    Order {
        /// As in captures of real servers: mostly alphabetical.
        Captured,
        /// The other way round.
        Reversed,
        /// Anew for every element.
        Shuffled,
    }
    /// The letter case of the root element.
    RootCase {
        /// `User`.
        Captured,
        /// `user`.
        Lower,
        /// `USER`.
        Upper,
    }
    /// Whether elements are in a namespace.
    NameSpace {
        /// They are not.
        None,
        /// In a default namespace.
        Default,
        /// With a prefix.
        Prefix,
    }
    /// How text is written.
    TextForm {
        /// With the predefined entities where needed.
        Escaped,
        /// In CDATA sections.
        Cdata,
        /// With a numeric reference for every character that is not a letter or digit of ASCII.
        Numeric,
    }
    /// How empty elements are written.
    Empty {
        /// `<a></a>`.
        Pair,
        /// `<a/>`.
        SelfClosing,
        /// Not at all.
        Omitted,
    }
}

/// One thing to choose.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    missing_docs,
    reason = "each is the field of `Behaviour` or `Writing` with its name"
)]
pub enum Setting {
    Deployment(Deployment),
    Talking(TalkingLogout),
    Status(ServiceStatus),
    StateCheck(WhenChecked),
    AcceptStatus(u16),
    LockoutAfter(u32),
    LockoutFor(Duration),
    ClockSkewMillis(i64),
    SupervisorReadsUsers(bool),
    ReasonRequired(bool),
    LoggedOutByDefault(bool),
    AuthenticationFailure(bool),
    PresenceTimeout(Duration),
    SupervisorHearsUsers(bool),
    Notification(NotificationSpace),
    BareFeatures(bool),
    ServiceAvailable(bool),
    NamesPorts(bool),
    Order(Order),
    RootCase(RootCase),
    NameSpace(NameSpace),
    Text(TextForm),
    Empty(Empty),
    Pretty(bool),
    Omit(Vec<String>),
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            deployment: Deployment::Ucce,
            lag: Duration::ZERO,
            talking: TalkingLogout::Immediate,
            status: ServiceStatus::InService,
            state_check: WhenChecked::Sync,
            accept_status: 202,
            lockout_after: 5,
            lockout_for: Duration::from_secs(300),
            clock_skew_millis: 0,
            supervisor_reads_users: false,
            reason_required: false,
            logged_out_by_default: true,
            authentication_failure: false,
            presence_timeout: Duration::from_secs(60),
            supervisor_hears_users: true,
            notification: NotificationSpace::Push,
            bare_features: false,
            service_available: true,
            names_ports: false,
            writing: Writing::default(),
        }
    }
}

impl Behaviour {
    /// Changes one thing.
    pub fn set(&mut self, setting: Setting) {
        match setting {
            Setting::Deployment(deployment) => self.deployment = deployment,
            Setting::Talking(talking) => self.talking = talking,
            Setting::Status(status) => self.status = status,
            Setting::StateCheck(when) => self.state_check = when,
            Setting::AcceptStatus(status) => self.accept_status = status,
            Setting::LockoutAfter(count) => self.lockout_after = count,
            Setting::LockoutFor(time) => self.lockout_for = time,
            Setting::ClockSkewMillis(skew) => self.clock_skew_millis = skew,
            Setting::SupervisorReadsUsers(may) => self.supervisor_reads_users = may,
            Setting::ReasonRequired(required) => self.reason_required = required,
            Setting::LoggedOutByDefault(listed) => self.logged_out_by_default = listed,
            Setting::AuthenticationFailure(named_so) => self.authentication_failure = named_so,
            Setting::PresenceTimeout(time) => self.presence_timeout = time,
            Setting::SupervisorHearsUsers(may) => self.supervisor_hears_users = may,
            Setting::Notification(space) => self.notification = space,
            Setting::BareFeatures(bare) => self.bare_features = bare,
            Setting::ServiceAvailable(available) => self.service_available = available,
            Setting::NamesPorts(named) => self.names_ports = named,
            Setting::Order(order) => self.writing.order = order,
            Setting::RootCase(case) => self.writing.root_case = case,
            Setting::NameSpace(name_space) => self.writing.name_space = name_space,
            Setting::Text(form) => self.writing.text = form,
            Setting::Empty(empty) => self.writing.empty = empty,
            Setting::Pretty(pretty) => self.writing.pretty = pretty,
            Setting::Omit(names) => self.writing.omit = names,
        }
    }
}

impl Setting {
    /// Its name among the faults.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Deployment(_) => "deployment",
            Self::Talking(_) => "talking",
            Self::Status(_) => "status",
            Self::StateCheck(_) => "state_check",
            Self::AcceptStatus(_) => "accept_status",
            Self::LockoutAfter(_) => "lockout_after",
            Self::LockoutFor(_) => "lockout_for",
            Self::ClockSkewMillis(_) => "clock_skew",
            Self::SupervisorReadsUsers(_) => "supervisor_reads_users",
            Self::ReasonRequired(_) => "reason_required",
            Self::LoggedOutByDefault(_) => "logged_out_by_default",
            Self::AuthenticationFailure(_) => "authentication_failure",
            Self::PresenceTimeout(_) => "presence_timeout",
            Self::SupervisorHearsUsers(_) => "supervisor_hears_users",
            Self::Notification(_) => "notification",
            Self::BareFeatures(_) => "bare_features",
            Self::ServiceAvailable(_) => "feed_service",
            Self::NamesPorts(_) => "names_ports",
            Self::Order(_) => "order",
            Self::RootCase(_) => "root_case",
            Self::NameSpace(_) => "namespace",
            Self::Text(_) => "text",
            Self::Empty(_) => "empty",
            Self::Pretty(_) => "pretty",
            Self::Omit(_) => "omit",
        }
    }
}

impl NotificationSpace {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Push => signoff_xmpp::ns::PUSH,
            Self::PubSub => signoff_xmpp::ns::PUBSUB,
        }
    }
}

impl ServiceStatus {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InService => "IN_SERVICE",
            Self::PartialService => "PARTIAL_SERVICE",
            Self::OutOfService => "OUT_OF_SERVICE",
        }
    }
}
