//! The users of Cisco's learning labs for Finesse, and the variables by which tutorials name them.

use std::time::Duration;

use crate::{Population, Sandbox, Settings, State, User};

/// The labs' variables for a user: the name before `_username`, `_password` and `_dn`; and his id here.
const USERS: [(&str, &str); 5] = [
    ("agentA", "agentA"),
    ("agentB", "agentB"),
    ("agentC", "agentC"),
    ("supervisor", "supervisorA"),
    ("admin", "administrator"),
];

impl Population {
    /// Those whom the labs know: agentA is signed in, ready to be signed out; agentB, agentC and the supervisor are out.
    #[must_use]
    pub fn lab() -> Self {
        Self::new()
            .with_team("1", "Service & Support")
            .with(
                User::supervisor("supervisorA", &["1"])
                    .named("Sunita", "Rao")
                    .extension("2001")
                    .state(State::Logout),
            )
            .with(User::administrator("administrator").named("Ada", "Admin"))
            .with(
                User::agent("agentA", "1")
                    .named("Alice", "Martin")
                    .extension("1001")
                    .state(State::NotReady)
                    .since(Duration::from_secs(180)),
            )
            .with(
                User::agent("agentB", "1")
                    .named("Bálint", "Kovács & Sons")
                    .extension("1002")
                    .state(State::Logout),
            )
            .with(
                User::agent("agentC", "1")
                    .named("Carlos", "Núñez")
                    .extension("1003")
                    .state(State::Logout),
            )
    }
}

impl Settings {
    /// The users of the labs, on a Finesse that takes a moment to apply a change, as real ones do.
    #[must_use]
    pub fn lab() -> Self {
        let mut settings = Self::default();
        settings.finesse.population = Population::lab();
        settings
    }
}

impl Sandbox {
    /// The values of the labs' variables here, by name.
    #[must_use]
    pub fn lab_variables(&self) -> Vec<(String, String)> {
        let mut variables = vec![
            ("web-url".to_owned(), "127.0.0.1".to_owned()),
            ("xmpp-domain".to_owned(), crate::notify::DOMAIN.to_owned()),
        ];
        let finesse = self.shared.finesse();
        for (name, id) in USERS {
            let Some(user) = finesse.user(id) else {
                continue;
            };
            for (what, value) in [
                ("username", &user.id),
                ("password", &user.password),
                ("dn", &user.extension),
            ] {
                variables.push((format!("{name}_{what}"), value.clone()));
            }
        }
        variables
    }

    /// Where the ports that the labs name are here, as `8082=43211/http`: REST without and with TLS, and XMPP.
    #[must_use]
    pub fn lab_ports(&self) -> Vec<String> {
        let port_of = |origin: String| {
            let port = origin.rsplit(':').next().map(str::to_owned);
            port.unwrap_or_default()
        };
        vec![
            format!("8082={}/http", port_of(self.origin())),
            format!("8445={}/https", port_of(self.https_origin())),
            format!("5222={}/tcp", self.xmpp_address().port()),
            format!("5223={}/tls", self.xmpp_tls_address().port()),
        ]
    }
}
