//! What a sandbox is started with, and the configuration that it hands to its users.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::fault::Fault;
use crate::finesse::{Behaviour, Population, User};
use crate::hotdesk::{self, DeskState, Person};
use crate::notify::Certificate;
use crate::{uiza, zap};

/// What a sandbox is started with. The default is the demo that `--sandbox` serves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The simulated Finesse.
    pub finesse: FinesseSettings,
    /// The simulated Hotdesk.
    pub hotdesk: HotdeskSettings,
    /// The simulated ZAP.
    pub zap: ZapSettings,
    /// The simulated Uiza.
    pub uiza: UizaSettings,
    /// Where to listen, on loopback; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How many nodes serve the same state, at least 1; the others than the first listen on free ports.
    pub nodes: u8,
    /// From which all randomness comes.
    pub seed: u64,
    /// What proves in TLS who it is; `None`: a certificate of its own making.
    pub certificate: Option<Certificate>,
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

/// A simulated ZAP.
#[derive(Debug, Clone)]
pub struct ZapSettings {
    /// Who has an account.
    pub users: Vec<zap::User>,
    /// How it behaves.
    pub behaviour: zap::Behaviour,
}

/// A simulated Uiza.
#[derive(Debug, Clone)]
pub struct UizaSettings {
    /// Who has an account, and a key.
    pub users: Vec<uiza::User>,
    /// How it behaves.
    pub behaviour: uiza::Behaviour,
}

impl ZapSettings {
    /// With these people; [`zap::people`] makes many, [`zap::demo`] are those of the demo.
    #[must_use]
    pub fn with(users: Vec<zap::User>) -> Self {
        Self {
            users,
            behaviour: zap::Behaviour::default(),
        }
    }
}

impl UizaSettings {
    /// With these people; [`uiza::people`] makes many, [`uiza::demo`] are those of the demo.
    #[must_use]
    pub fn with(users: Vec<uiza::User>) -> Self {
        Self {
            users,
            behaviour: uiza::Behaviour::default(),
        }
    }
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
    /// A Finesse with these people, and the other services of the demo, that apply changes at once, on a free port, for a
    /// test.
    #[must_use]
    pub fn with(population: Population) -> Self {
        Self {
            finesse: FinesseSettings {
                population,
                behaviour: Behaviour::default(),
            },
            hotdesk: HotdeskSettings::demo(),
            zap: ZapSettings::with(zap::demo()),
            uiza: UizaSettings::with(uiza::demo()),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            nodes: 1,
            seed: 1,
            certificate: None,
            faults: Vec::new(),
        }
    }

    /// The `signoff.toml` that a sandbox with these settings has at these origins; none need be running there.
    #[must_use]
    pub fn configuration(&self, origins: &[String]) -> String {
        Credentials::of(self).configuration(origins)
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

/// Whom the configuration names.
#[derive(Debug)]
pub(crate) struct Credentials {
    /// The first supervisor, administrator and agent of Finesse.
    finesse: Vec<Credential>,
    /// Email and password of ZAP's first administrator.
    zap: Option<(String, String)>,
    /// The key of Uiza's first administrator.
    uiza: Option<String>,
}

#[derive(Debug)]
struct Credential {
    name: &'static str,
    about: &'static str,
    username: String,
    password: String,
}

/// The credential that listens to notifications.
const LISTENS: &str = "administrator";

/// Whether a credential of a kind may be this user's.
type IsIt = fn(&User) -> bool;

impl Credentials {
    pub(crate) fn of(settings: &Settings) -> Self {
        let mut zap = settings.zap.users.iter();
        let zap = zap.find(|user| user.role == zap::Role::Administrator);
        let mut uiza = settings.uiza.users.iter();
        Self {
            finesse: Self::of_finesse(&settings.finesse.population),
            zap: zap.map(|user| (user.email.clone(), user.password.clone())),
            uiza: uiza.find(|user| user.admin).map(|user| user.key.clone()),
        }
    }

    fn of_finesse(population: &Population) -> Vec<Credential> {
        let kinds: [(&str, &str, IsIt); 3] = [
            ("supervisor", "supervises teams: logs their members out", |user| {
                !user.supervises.is_empty()
            }),
            (
                LISTENS,
                "reads every user, and hears of all of them; logs nobody out",
                |user| user.administrator,
            ),
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
        found.collect()
    }

    /// Names and passwords of the credentials for Finesse.
    pub(crate) fn passwords(&self) -> impl Iterator<Item = (&str, &str)> {
        self.finesse
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
        if let Some(first) = self.finesse.first() {
            push(
                &mut text,
                format_args!(
                    "credential = {}    # or another of those below, by `--as NAME`\n",
                    quoted(first.name)
                ),
            );
        }
        // A session of notifications does something to its user if he is signed in, and an administrator never is.
        if self.finesse.iter().any(|credential| credential.name == LISTENS) {
            push(
                &mut text,
                format_args!(
                    "feed = {{ credential = {} }}    # who listens to notifications\n",
                    quoted(LISTENS)
                ),
            );
        }
        for credential in &self.finesse {
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
        self.push_zap(&mut text, &origins);
        self.push_uiza(&mut text, &origins);
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

    fn push_zap(&self, text: &mut String, origins: &str) {
        push(
            text,
            format_args!("\n[connections.zap]\nprovider = \"zap\"\napi = [{origins}]\n"),
        );
        if let Some((email, password)) = &self.zap {
            push(
                text,
                format_args!(
                    "credential = \"site-admin\"\n\n\
                     # logs others out, on the web and on their devices\n\
                     [credentials.site-admin]\nusername = {}\npassword = {{ command = [\"printf\", \"%s\", {}] }}\n",
                    quoted(email),
                    quoted(password)
                ),
            );
        }
    }

    fn push_uiza(&self, text: &mut String, origins: &str) {
        push(
            text,
            format_args!("\n[connections.uiza]\nprovider = \"uiza\"\napi = [{origins}]\n"),
        );
        if let Some(key) = &self.uiza {
            push(
                text,
                format_args!(
                    "credential = \"workspace\"\n\n\
                     # sees everybody; whom a logout concerns is told by the key of each user\n\
                     [credentials.workspace]\nkey = {{ command = [\"printf\", \"%s\", {}] }}\n",
                    quoted(key)
                ),
            );
        }
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
