//! A run on a vendor, and what those who watch it and its journal saw.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use signoff_core::abi::host::Library;
use signoff_core::{Field, User};
use signoff_engine::call::{Answer, Call, CallError, OutcomeRow, Place};
use signoff_engine::config::Config;
use signoff_engine::engine::Engine;
use signoff_engine::event::{Event, Level, Observer};
use signoff_engine::journal::RunHeader;
use signoff_engine::plugin::{Registry, SearchPath};
use signoff_engine::run::{Run, RunSettings};
use signoff_engine::secret::{Environment, Secret};

use crate::providers;
use crate::vendor::Vendor;

pub(crate) const PASSWORD: &str = "c4n4ry-s3cr3t";

/// A run, and who watches it.
pub(crate) struct World {
    pub(crate) run: Arc<Run>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) seen: Arc<Seen>,
    state: tempfile::TempDir,
}

/// Everything that was told.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) outcomes: Mutex<Vec<Arc<OutcomeRow>>>,
    pub(crate) logs: Mutex<Vec<(Level, String)>>,
}

impl Observer for Seen {
    fn event(&self, event: &Event) {
        match event {
            Event::Outcome(row) => self.outcomes.lock().unwrap().push(Arc::clone(row)),
            Event::Log { level, text, .. } => self.logs.lock().unwrap().push((*level, text.clone())),
            Event::Started { .. } | Event::Entered { .. } | Event::Finished(_) => {}
        }
    }
}

struct Variables;

impl Environment for Variables {
    fn variable(&self, name: &str) -> Option<Secret> {
        (name == "PASSWORD").then(|| Secret::new(PASSWORD.to_owned()))
    }

    fn prompt(&self, _label: &str) -> io::Result<Secret> {
        Err(io::Error::other("nobody is there"))
    }
}

/// A configuration for this vendor; `connection` and `limits` are more lines of theirs.
pub(crate) fn configuration(vendor: &Vendor, connection: &str, limits: &str) -> String {
    configuration_at(&format!("http://{}", vendor.address), connection, limits)
}

/// The same for a vendor at this origin.
pub(crate) fn configuration_at(origin: &str, connection: &str, limits: &str) -> String {
    format!(
        r#"
        [connections.here]
        provider = "finesse"
        api = "{origin}"
        credential = "supervisor"
        timeout = "400ms"
        settle = "100ms"
        {connection}
        [credentials.supervisor]
        username = "sup"
        password = {{ env = "PASSWORD" }}
        [credentials.unset]
        username = "sup"
        password = {{ env = "UNSET" }}
        [credentials.key]
        key = {{ env = "PASSWORD" }}
        [limits]
        {limits}
        "#
    )
}

/// What a run is to be, besides its configuration.
#[derive(Default, Clone, Copy)]
pub(crate) struct With {
    pub(crate) plan: bool,
    pub(crate) approved: Option<&'static [&'static str]>,
    pub(crate) act_as: Option<&'static str>,
}

impl World {
    pub(crate) fn on(vendor: &Vendor) -> Self {
        Self::configured(&configuration(vendor, "", ""), With::default())
    }

    pub(crate) fn configured(configuration: &str, with: With) -> Self {
        let config = Config::parse(configuration, Path::new("signoff.toml")).unwrap();
        let linked = vec![
            Library::linked::<signoff_finesse::Finesse>(&signoff_finesse::DESCRIPTOR).unwrap(),
            Library::linked::<signoff_uiza::Uiza>(&signoff_uiza::DESCRIPTOR).unwrap(),
            Library::linked::<providers::Odd>(&providers::DESCRIPTOR).unwrap(),
        ];
        let search = SearchPath {
            command_line: Vec::new(),
            environment: Vec::new(),
            user: None,
            system: Vec::new(),
        };
        let registry = Registry::new(linked, search, PathBuf::from("plugins.lock"));
        let engine = Arc::new(Engine::new(
            config,
            PathBuf::from("."),
            registry,
            Arc::new(Variables),
            with.act_as.map(str::to_owned),
        ));
        let state = tempfile::tempdir().unwrap();
        let seen = Arc::new(Seen::default());
        let settings = RunSettings {
            header: RunHeader {
                workflow: "test".to_owned(),
                plan: with.plan,
                ..RunHeader::default()
            },
            approved: with.approved.map(|ids| {
                ids.iter()
                    .map(|id| ("here".to_owned(), (*id).to_owned()))
                    .collect()
            }),
        };
        let observer = Arc::clone(&seen) as Arc<dyn Observer>;
        let run = Run::begin(Arc::clone(&engine), settings, state.path(), observer).unwrap();
        Self {
            run,
            engine,
            seen,
            state,
        }
    }

    /// Logs a user out, as one of several.
    pub(crate) async fn logout(
        &self,
        user: &str,
        arguments: &[(&str, &str)],
    ) -> Result<Arc<OutcomeRow>, CallError> {
        match self
            .run
            .call(call("logout", Some(User::new(user)), arguments))
            .await?
        {
            Answer::Outcome(row) => Ok(row),
            Answer::Record(_) | Answer::Records(_) => panic!("a logout gives an outcome"),
        }
    }

    /// What this installation calls itself to notification services.
    pub(crate) fn name_installation(&self, name: &str) {
        std::fs::write(self.state.path().join("installation"), name).unwrap();
    }

    /// The file of the journal.
    pub(crate) fn journal(&self) -> PathBuf {
        self.state
            .path()
            .join("runs")
            .join(format!("{}.sqlite", self.run.id()))
    }

    /// One text from the journal.
    pub(crate) fn journaled(&self, query: &str) -> String {
        let connection = rusqlite::Connection::open(self.journal()).unwrap();
        connection.query_row(query, [], |row| row.get(0)).unwrap()
    }

    /// The warnings that were told.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let logs = self.seen.logs.lock().unwrap();
        let warnings = logs.iter().filter(|(level, _)| *level == Level::Warn);
        warnings.map(|(_, text)| text.clone()).collect()
    }
}

/// A call, as one of several.
pub(crate) fn call(operation: &str, user: Option<User>, arguments: &[(&str, &str)]) -> Call {
    let place = user
        .as_ref()
        .map_or("1".to_owned(), |user| format!("1[{}]1", user.id));
    Call {
        place: Place(place.into()),
        source: String::new(),
        connection: "here".to_owned(),
        credential: None,
        operation: operation.to_owned(),
        user,
        arguments: arguments
            .iter()
            .map(|(name, value)| Field::new(*name, *value))
            .collect(),
        in_fan_out: true,
    }
}

/// What reports say of a row, in one line.
pub(crate) fn shown(row: &OutcomeRow) -> String {
    format!(
        "{} by={:?} attempts={} repeated={} http={:?} id={} code={:?} cause={:?}",
        row.outcome,
        row.confirmed_by.map(signoff_core::ConfirmedBy::name),
        row.attempts,
        row.repeated,
        row.http_status,
        row.request_id
            .as_deref()
            .map_or("-", |id| id.rsplit_once('-').map_or(id, |(_, n)| n)),
        row.code.as_deref().unwrap_or_default(),
        row.cause,
    )
}
