//! What a sandbox is started with, and the configuration that it hands to its users.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::fault::Fault;
use crate::finesse::{Behaviour, Population, User};
use crate::hotdesk::{self, DeskState, Person};

/// What a sandbox is started with. The default is the demo that `--sandbox` serves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The simulated Finesse.
    pub finesse: FinesseSettings,
    /// The simulated Hotdesk.
    pub hotdesk: HotdeskSettings,
    /// Where to listen, on loopback; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How many nodes serve the same state, at least 1; the others than the first listen on free ports.
    pub nodes: u8,
    /// From which all randomness comes.
    pub seed: u64,
    /// Faults that are in force from the start.
    pub faults: Vec<Fault>,
}

/// A simulated Finesse.
#[derive(Debug, Clone)]
pub struct FinesseSettings {
    /// Who works there.
    pub population: Population,
    /// How it behaves.
    pub behaviour: Behaviour,
}

/// A simulated Hotdesk.
#[derive(Debug, Clone)]
pub struct HotdeskSettings {
    /// Who may sign in there.
    pub people: Vec<Person>,
    /// How long a phone takes to let go of somebody.
    pub lag: Duration,
}

impl HotdeskSettings {
    /// Two floors of a small office.
    #[must_use]
    pub fn demo() -> Self {
        let person = |id: &str, name: &str, floor, state| Person {
            id: id.to_owned(),
            name: name.to_owned(),
            floor,
            state,
        };
        Self {
            people: vec![
                person("mara", "Mara Lind", 3, DeskState::In),
                person("tomo", "Tomo Okafor", 3, DeskState::In),
                person("zoë", "Zoë Martens", 3, DeskState::In),
                person("jia", "贾佳", 2, DeskState::Call),
                person("pavel", "Pavel \"Pasha\" Novák", 2, DeskState::Out),
                person("ines.d", "Inês Duarte", 2, DeskState::In),
            ],
            lag: Duration::ZERO,
        }
    }
}

/// How long the demo takes to apply a change: long enough for a 202 to be no success yet.
const DEMO_LAG: Duration = Duration::from_millis(60);

impl Default for Settings {
    fn default() -> Self {
        let seed = 1;
        let mut settings = Self::with(Population::demo(seed));
        settings.seed = seed;
        settings.finesse.behaviour.lag = DEMO_LAG;
        settings.hotdesk.lag = DEMO_LAG;
        settings
    }
}

impl Settings {
    /// A Finesse with these people, and the Hotdesk of the demo, that apply changes at once, on a free port, for a test.
    #[must_use]
    pub fn with(population: Population) -> Self {
        Self {
            finesse: FinesseSettings {
                population,
                behaviour: Behaviour::default(),
            },
            hotdesk: HotdeskSettings::demo(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            nodes: 1,
            seed: 1,
            faults: Vec::new(),
        }
    }

    /// The same with one more fault.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// The same with so many nodes.
    #[must_use]
    pub fn nodes(mut self, nodes: u8) -> Self {
        self.nodes = nodes;
        self
    }

    /// The same on this port.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.listen.set_port(port);
        self
    }
}

/// Whom the configuration names: the first supervisor, administrator and agent.
#[derive(Debug)]
pub(crate) struct Credentials(Vec<Credential>);

#[derive(Debug)]
struct Credential {
    name: &'static str,
    about: &'static str,
    username: String,
    password: String,
}

/// Whether a credential of a kind may be this user's.
type IsIt = fn(&User) -> bool;

impl Credentials {
    pub(crate) fn of(population: &Population) -> Self {
        let kinds: [(&str, &str, IsIt); 3] = [
            ("supervisor", "supervises teams: logs their members out", |user| {
                !user.supervises.is_empty()
            }),
            ("administrator", "reads every user; logs nobody out", |user| {
                user.administrator
            }),
            ("agent", "signs himself out", |user| {
                user.agent && user.supervises.is_empty() && !user.administrator
            }),
        ];
        let found = kinds.into_iter().filter_map(|(name, about, is_it)| {
            let user = population.users.iter().find(|user| is_it(user))?;
            Some(Credential {
                name,
                about,
                username: user.id.clone(),
                password: user.password.clone(),
            })
        });
        Self(found.collect())
    }

    /// Names and passwords of the credentials.
    pub(crate) fn passwords(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|credential| (credential.username.as_str(), credential.password.as_str()))
    }

    pub(crate) fn configuration(&self, origins: &[String]) -> String {
        let origins: Vec<String> = origins.iter().map(|origin| quoted(origin)).collect();
        let origins = origins.join(", ");
        let mut text = format!(
            "# A signoff.toml for the sandbox, which simulates vendor services on this machine. Its passwords protect\n\
             # nothing, so they stand here; a real one comes from an `env`, a `file` or a `command`.\n\n\
             [connections.finesse]\n\
             provider = \"finesse\"\n\
             api = [{origins}]\n"
        );
        if let Some(first) = self.0.first() {
            push(
                &mut text,
                format_args!(
                    "credential = {}    # or another of those below, by `--as NAME`\n",
                    quoted(first.name)
                ),
            );
        }
        for credential in &self.0 {
            push(
                &mut text,
                format_args!(
                    "\n# {}\n[credentials.{}]\nusername = {}\npassword = {{ command = [\"printf\", \"%s\", {}] }}\n",
                    credential.about,
                    credential.name,
                    quoted(&credential.username),
                    quoted(&credential.password)
                ),
            );
        }
        push(
            &mut text,
            format_args!(
                "\n# An invented vendor with a provider in C, which has to be built and trusted before this can be used:\n\
                 # see `A provider in C` in the README.\n\
                 [connections.hotdesk]\n\
                 provider = \"plugin:hotdesk\"\n\
                 api = [{origins}]\n\
                 credential = \"reception\"\n\n\
                 [credentials.reception]\n\
                 key = {{ command = [\"printf\", \"%s\", {}] }}\n",
                quoted(hotdesk::TOKEN)
            ),
        );
        text
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control.is_control() => push(&mut out, format_args!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(more);
}
