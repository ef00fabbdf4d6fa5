//! A folder with a plugin, its pin and a configuration, and runs that use it.

use std::env::consts::{ARCH, OS};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use signoff_core::{Field, User};
use signoff_engine::call::{Answer, Call, CallError, OutcomeRow, Place};
use signoff_engine::config::Config;
use signoff_engine::engine::Engine;
use signoff_engine::event::{Event, Observer, Status};
use signoff_engine::journal::RunHeader;
use signoff_engine::plugin::{PluginError, Registry, SearchPath};
use signoff_engine::run::{Run, RunSettings};
use signoff_engine::secret::{Environment, Secret};
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::time::{self, sleep, timeout};

use crate::vendor;

/// A folder with the plugin `misfit`, and nothing else.
pub(crate) struct Home {
    folder: TempDir,
}

/// How a run goes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct How {
    pub(crate) is_roster: bool,
    pub(crate) is_plan: bool,
    /// Stopped once it is under way.
    pub(crate) is_stopped: bool,
}

impl Home {
    /// With this library.
    pub(crate) fn new(library: &[u8]) -> Self {
        let home = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let folder = home.path("plugins/misfit");
        fs::create_dir_all(&folder).unwrap();
        for folder in ["", "plugins", "plugins/misfit"] {
            home.mode(folder, 0o700);
        }
        home.write(LIBRARY, library);
        home.write(MANIFEST, home.manifest().as_bytes());
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    /// What the manifest says.
    pub(crate) fn manifest(&self) -> String {
        format!(
            "id = \"misfit\"\nversion = \"1.0.0\"\nabi = 1\n[library]\n{OS}-{ARCH} = {{ file = \"libmisfit.so\" }}\n"
        )
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.path(name), content).unwrap();
        self.mode(name, 0o600);
    }

    pub(crate) fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn registry(&self) -> Registry {
        let search = SearchPath {
            command_line: vec![self.path("plugins")],
            ..SearchPath::default()
        };
        Registry::new(Vec::new(), search, self.path("plugins.lock"))
    }

    /// Pins it as it is.
    pub(crate) fn trust(&self) -> Result<(), PluginError> {
        self.registry().trust("misfit").map(drop)
    }

    /// What is said when it is loaded, and if nothing is wrong, when it is run.
    pub(crate) fn told(&self, how: How, options: &str) -> String {
        let registry = self.registry();
        if let Err(error) = registry.provider("misfit") {
            return self.hide(&format!("refused: {error}\n"));
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let told = runtime.block_on(self.run(registry, how, options));
        // Whatever is still under way is not waited for.
        runtime.shutdown_background();
        self.hide(&told)
    }

    async fn run(&self, registry: Registry, how: How, options: &str) -> String {
        let arrived = Arc::new(Notify::new());
        let address = vendor::start(Arc::clone(&arrived)).await;
        let text = configuration(&address.to_string(), options);
        let config = Config::parse(&text, Path::new("signoff.toml")).unwrap();
        let engine = Engine::new(config, self.path(""), registry, Arc::new(Variables), None);
        let settings = RunSettings {
            header: RunHeader {
                workflow: "misuse".to_owned(),
                plan: how.is_plan,
                ..RunHeader::default()
            },
            approved: None,
        };
        let seen = Arc::new(Seen::default());
        let observer = Arc::clone(&seen) as Arc<dyn Observer>;
        let run = Run::begin(Arc::new(engine), settings, &self.path("state"), observer).unwrap();
        let stop = async {
            if how.is_stopped {
                // Not all of them come to send anything.
                let _ = timeout(Duration::from_secs(1), arrived.notified()).await;
                sleep(Duration::from_millis(100)).await;
                run.stop();
                // It is given seconds to come to its end.
                time::pause();
            }
        };
        let (answer, ()) = tokio::join!(run.call(call(how)), stop);
        if how.is_stopped {
            time::resume();
        }
        let mut told = said(&answer);
        let status = if answer.is_ok() {
            Status::Completed
        } else {
            Status::Failed
        };
        run.finish(status).await.unwrap();
        for row in seen.0.lock().unwrap().iter() {
            told += &format!("row: {}\n", shown(row));
        }
        told
    }

    /// The text without what differs from run to run.
    fn hide(&self, text: &str) -> String {
        let text = text.replace(self.path("").to_str().unwrap().trim_end_matches('/'), "HOME");
        let text = text.replace(&format!("{OS}-{ARCH}"), "PLATFORM");
        text.split_inclusive([' ', ',', '\n', '`'])
            .map(|word| {
                let bare = word.trim_end_matches([' ', ',', '\n', '`']);
                let is_hash = bare.len() == 64 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
                if is_hash {
                    word.replace(bare, "HASH")
                } else {
                    word.to_owned()
                }
            })
            .collect()
    }
}

/// The library, and the manifest, as they are found in a home.
pub(crate) const LIBRARY: &str = "plugins/misfit/libmisfit.so";
pub(crate) const MANIFEST: &str = "plugins/misfit/provider.toml";

#[derive(Default)]
struct Seen(Mutex<Vec<Arc<OutcomeRow>>>);

impl Observer for Seen {
    fn event(&self, event: &Event) {
        if let Event::Outcome(row) = event {
            self.0.lock().unwrap().push(Arc::clone(row));
        }
    }
}

struct Variables;

impl Environment for Variables {
    fn variable(&self, _name: &str) -> Option<Secret> {
        Some(Secret::new("secret".to_owned()))
    }

    fn prompt(&self, _label: &str) -> io::Result<Secret> {
        Err(io::Error::other("nobody is there"))
    }
}

fn configuration(address: &str, options: &str) -> String {
    format!(
        r#"
        [connections.here]
        provider = "misfit"
        api = "http://{address}"
        credential = "supervisor"
        {options}
        [credentials.supervisor]
        username = "sup"
        password = {{ env = "PASSWORD" }}
        "#
    )
}

fn call(how: How) -> Call {
    Call {
        place: Place("1".into()),
        source: String::new(),
        connection: "here".to_owned(),
        credential: None,
        operation: if how.is_roster { "roster" } else { "logout" }.to_owned(),
        user: (!how.is_roster).then(|| User::new("mara")),
        arguments: Vec::<Field>::new(),
        in_fan_out: true,
    }
}

fn said(answer: &Result<Answer, CallError>) -> String {
    match answer {
        Ok(Answer::Outcome(row)) => format!("outcome: {}\n", shown(row)),
        Ok(Answer::Record(record)) => format!("record: {}\n", record.id),
        Ok(Answer::Records(records)) => format!("records: {}\n", records.len()),
        Err(CallError::Misuse { message, hint }) => {
            format!("misuse: {message} {hint}").trim_end().to_owned() + "\n"
        }
        Err(error) => format!("fault: {error}\n"),
    }
}

fn shown(row: &OutcomeRow) -> String {
    let text = format!(
        "{} attempts={} code={} {}",
        row.outcome,
        row.attempts,
        row.code.as_deref().unwrap_or("-"),
        row.message.as_deref().unwrap_or_default(),
    );
    text.trim_end().to_owned()
}
