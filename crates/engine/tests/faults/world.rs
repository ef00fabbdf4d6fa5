//! A run of a linked provider against its simulated vendor, through the proxy or straight.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use signoff_core::abi::host::Library;
use signoff_core::{Field, User, Value};
use signoff_engine::call::{Answer, Call, Place};
use signoff_engine::config::Config;
use signoff_engine::engine::Engine;
use signoff_engine::event::{Event, Observer};
use signoff_engine::journal::RunHeader;
use signoff_engine::plugin::{Registry, SearchPath};
use signoff_engine::run::{Run, RunSettings};
use signoff_engine::secret::{Environment, Secret, UserSecrets};
use signoff_sandbox::{Population, Sandbox, Settings, State};

use crate::proxy::{self, Fault};

/// A vendor, the proxy before it, and a run.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) run: Arc<Run>,
    pub(crate) logs: Arc<Logs>,
    secrets: Arc<UserSecrets>,
    _state: tempfile::TempDir,
}

/// The lines that the run had to say.
#[derive(Default)]
pub(crate) struct Logs(pub(crate) Mutex<Vec<String>>);

impl Observer for Logs {
    fn event(&self, event: &Event) {
        if let Event::Log { text, .. } = event {
            self.0.lock().unwrap().push(text.clone());
        }
    }
}

/// The passwords of the sandbox go by the names of the users; one other variable may be set.
struct Variables(Option<(&'static str, String)>);

impl Environment for Variables {
    fn variable(&self, name: &str) -> Option<Secret> {
        let set = self.0.as_ref().filter(|(set, _)| *set == name);
        let value = set.map_or(name, |(_, value)| value);
        (set.is_some() || name.ends_with("-password")).then(|| Secret::new(value.to_owned()))
    }

    fn prompt(&self, _: &str) -> io::Result<Secret> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl World {
    /// A team of so many agents, who are NOT_READY so that each may sign himself out.
    pub(crate) async fn start(agents: usize, choose: impl Fn(&str) -> Fault + Send + Sync + 'static) -> Self {
        let mut population = Population::team(agents);
        for user in &mut population.users {
            if user.agent && user.supervises.is_empty() {
                user.state = State::NotReady;
            }
        }
        let sandbox = Sandbox::start(Settings::with(population)).await.unwrap();
        let origin = proxy::start(&sandbox.origin(), choose).await.unwrap();
        Self::connected(sandbox, &[origin])
    }

    /// A run against a vendor that is reached at these origins.
    pub(crate) fn connected(sandbox: Sandbox, origins: &[String]) -> Self {
        Self::with_variable(sandbox, origins, None)
    }

    /// The same, with this environment variable.
    pub(crate) fn with_variable(
        sandbox: Sandbox,
        origins: &[String],
        variable: Option<(&'static str, String)>,
    ) -> Self {
        let configuration = format!(
            "[connections.site]\nprovider = \"finesse\"\napi = [\"{}\"]\ncredential = \"supervisor\"\nrate = \"none\"\n\
             danger_plain_http = true\n\
             timeout = \"250ms\"\nsettle = \"100ms\"\n\
             [credentials.supervisor]\nusername = \"supervisor\"\npassword = {{ env = \"supervisor-password\" }}\n\
             [credentials.agent]\nusername = \"10001\"\npassword = {{ env = \"10001-password\" }}\n",
            origins.join("\", \"")
        );
        Self::configured(sandbox, &configuration, variable)
    }

    /// A run with this configuration, which has a connection `site`.
    pub(crate) fn configured(
        sandbox: Sandbox,
        configuration: &str,
        variable: Option<(&'static str, String)>,
    ) -> Self {
        let config = Config::parse(configuration, Path::new("signoff.toml")).unwrap();
        let finesse = Library::linked::<signoff_finesse::Finesse>(&signoff_finesse::DESCRIPTOR).unwrap();
        let zap = Library::linked::<signoff_zap::Zap>(&signoff_zap::DESCRIPTOR).unwrap();
        let uiza = Library::linked::<signoff_uiza::Uiza>(&signoff_uiza::DESCRIPTOR).unwrap();
        let search = SearchPath {
            command_line: Vec::new(),
            environment: Vec::new(),
            user: None,
            system: Vec::new(),
        };
        let registry = Registry::new(vec![finesse, zap, uiza], search, PathBuf::from("plugins.lock"));
        let engine = Engine::new(
            config,
            PathBuf::from("."),
            registry,
            Arc::new(Variables(variable)),
            None,
        );
        let settings = RunSettings {
            header: RunHeader::default(),
            approved: None,
        };
        let state = tempfile::tempdir().unwrap();
        let logs = Arc::new(Logs::default());
        let secrets = Arc::clone(&engine.user_secrets);
        let run = Run::begin(Arc::new(engine), settings, state.path(), Arc::clone(&logs) as _).unwrap();
        Self {
            sandbox,
            run,
            logs,
            secrets,
            _state: state,
        }
    }

    /// What became of an operation, in a few words.
    pub(crate) async fn call(&self, operation: &str, user: Option<&str>, own: bool) -> String {
        self.call_on(operation, user.map(User::new), own, 1).await
    }

    /// The same for a user with secret attributes.
    pub(crate) async fn call_with_secret(
        &self,
        operation: &str,
        user: &str,
        attribute: &str,
        secret: &str,
        number: usize,
    ) -> String {
        let handle = self.secrets.keep(attribute, Secret::new(secret.to_owned()));
        let mut user = User::new(user);
        user.attributes = vec![Field::new(attribute, Value::Secret(handle))];
        self.call_on(operation, Some(user), false, number).await
    }

    async fn call_on(&self, operation: &str, user: Option<User>, own: bool, number: usize) -> String {
        let id = user.as_ref().map_or("-", |user| user.id.as_str());
        let call = Call {
            place: Place(format!("1[{id}]{number}").into()),
            source: String::new(),
            connection: "site".to_owned(),
            credential: own.then(|| "agent".to_owned()),
            operation: operation.to_owned(),
            user,
            arguments: Vec::new(),
            in_fan_out: !own,
        };
        let answer = tokio::time::timeout(Duration::from_secs(20), self.run.call(call)).await;
        match answer {
            Err(_) => "never ends".to_owned(),
            Ok(Err(error)) => format!("error: {error}"),
            Ok(Ok(Answer::Record(_))) => "a record".to_owned(),
            Ok(Ok(Answer::Records(records))) => format!("{} records", records.len()),
            Ok(Ok(Answer::Outcome(row))) => {
                let by = row.confirmed_by.map_or("", signoff_core::ConfirmedBy::name);
                let code = row.code.as_deref().unwrap_or_default();
                let repeated = if row.repeated { " repeated" } else { "" };
                format!("{} {by}{code}{repeated}", row.outcome).trim().to_owned()
            }
        }
    }

    /// Nobody's logout was accepted twice, and whoever is said to be out is.
    pub(crate) fn check(&self, user: &str, result: &str) {
        let logouts = self.sandbox.ledger().logouts_of(user);
        assert!(
            logouts.accepted <= 1 && logouts.applied <= 1,
            "{user}: {result}: {logouts:?}"
        );
        if result.starts_with("done") {
            assert_eq!(
                self.sandbox.state_of(user),
                Some(State::Logout),
                "{user}: {result}"
            );
        }
    }
}
