//! From the command line to an engine: finding the configuration, the state folder and the plugins.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use etcetera::BaseStrategy;
use signoff_core::abi::host::Library;
use signoff_core::{Descriptor, Field, OperationSpec};
use signoff_engine::config::{Config, ConnectionSettings};
use signoff_engine::engine::Engine;
use signoff_engine::event::Observer;
use signoff_engine::parameters;
use signoff_engine::plugin::{Registry, SearchPath};
use signoff_engine::run::{Run, RunSettings};
use signoff_sandbox::{Sandbox, Settings};

use crate::arguments::{General, Place};
use crate::environment::ProcessEnvironment;
use crate::failure::Failure;

/// What every command that works on connections needs.
pub(crate) struct Setup {
    pub(crate) engine: Arc<Engine>,
    /// Holds `runs/`.
    pub(crate) state: PathBuf,
    /// The file that the configuration comes from; `None`: a sandbox of this process.
    pub(crate) config: Option<PathBuf>,
    /// The folders of plugins that the command line names.
    pub(crate) plugin_path: Vec<PathBuf>,
    /// Serves as long as this lives.
    _sandbox: Option<Sandbox>,
}

impl Setup {
    /// Reads the configuration, or starts a sandbox in its place.
    pub(crate) async fn prepare(general: &General, place: &Place) -> Result<Self, Failure> {
        if place.sandbox {
            return Self::on_sandbox(general).await;
        }
        Self::configured(general)
    }

    /// Enough to describe operations: nothing is served, no secret is looked up, nothing is sent. Without any
    /// configuration that of the sandbox stands in for it, so that help is to be had before one is written.
    pub(crate) fn for_help(general: &General, place: &Place) -> Result<Self, Failure> {
        let named = general.config.is_some();
        if !named && (place.sandbox || configuration(general).is_err()) {
            let nowhere = [String::from("http://127.0.0.1:1")];
            let config = sandbox_config(&Settings::default().configuration(&nowhere))?;
            return Self::with(general, config, PathBuf::from("."), None);
        }
        Self::configured(general)
    }

    /// Reads the configuration.
    pub(crate) fn configured(general: &General) -> Result<Self, Failure> {
        let path = configuration(general)?;
        let config = Config::read(&path).map_err(|errors| {
            let origin = if general.config.is_none() && std::env::var_os(CONFIG_VARIABLE).is_some() {
                format!("the environment variable `{CONFIG_VARIABLE}` names this file")
            } else {
                String::new()
            };
            Failure::configuration(errors.render(), origin)
        })?;
        let folder = folder_of(&path);
        let path = absolute(path);
        let setup = Self::with(general, config, folder, None)?;
        Ok(Self {
            config: Some(path),
            ..setup
        })
    }

    async fn on_sandbox(general: &General) -> Result<Self, Failure> {
        if general.config.is_some() {
            return Err(Failure::usage(
                "--sandbox brings its own configuration, and --config names another",
                "leave one of them out",
            ));
        }
        let sandbox = Sandbox::start(Settings::default())
            .await
            .map_err(|error| Failure::configuration(format!("the sandbox cannot start: {error}"), ""))?;
        let config = sandbox_config(&sandbox.configuration())?;
        Self::with(general, config, PathBuf::from("."), Some(sandbox))
    }

    fn with(
        general: &General,
        config: Config,
        folder: PathBuf,
        sandbox: Option<Sandbox>,
    ) -> Result<Self, Failure> {
        let registry = registry(general, &folder)?;
        let engine = Engine::new(
            config,
            folder,
            registry,
            Arc::new(ProcessEnvironment),
            general.act_as.clone(),
        );
        if let Some(name) = &general.act_as {
            engine.credential(name)?;
        }
        Ok(Self {
            engine: Arc::new(engine),
            state: state(general)?,
            config: None,
            plugin_path: general.plugin_path.iter().cloned().map(absolute).collect(),
            _sandbox: sandbox,
        })
    }

    /// Begins a run, whose journal is on disk then.
    pub(crate) fn begin(
        &self,
        settings: RunSettings,
        observer: Arc<dyn Observer>,
    ) -> Result<Arc<Run>, Failure> {
        let begun = Run::begin(Arc::clone(&self.engine), settings, &self.state, observer);
        // There is nothing to resume: the folder is at fault.
        begun.map_err(|error| Failure::configuration(error.to_string(), error.hint()))
    }

    /// What is known of an operation before anything is opened.
    pub(crate) fn operation(
        &self,
        connection: &str,
        name: &str,
    ) -> Result<(ConnectionSettings, &'static OperationSpec), Failure> {
        let (settings, _) = self.engine.connection(connection)?;
        let descriptor = settings.descriptor;
        match descriptor.operation(name) {
            Some(operation) => Ok((settings, operation)),
            None if name == "status" && !descriptor.state_can_be_asked => Err(Failure::configuration(
                format!("{} cannot be asked who is signed in", descriptor.name),
                "",
            )),
            None => Err(Failure::configuration(
                format!(
                    "the provider `{}` of `{connection}` has no `{name}`",
                    descriptor.id
                ),
                "",
            )),
        }
    }

    /// Finds the mistakes of a command line before a run is begun for it.
    pub(crate) fn check(&self, connection: &str, operation: &str, given: &[Field]) -> Result<(), Failure> {
        let (settings, operation) = self.operation(connection, operation)?;
        if let Some(credential) = &settings.credential {
            self.engine.credential(credential)?;
        }
        let (_, mistakes) = parameters::check(operation.parameters, given);
        if mistakes.is_empty() {
            return Ok(());
        }
        let mistakes: Vec<String> = mistakes
            .iter()
            .map(|mistake| Failure::usage(mistake.to_string(), mistake.hint()).render())
            .collect();
        Err(Failure::usage(mistakes.join("\n"), ""))
    }

    /// Of signoff and of the providers that are linked in.
    pub(crate) fn versions(&self) -> Vec<(String, String)> {
        let mut versions = vec![("signoff".to_owned(), env!("CARGO_PKG_VERSION").to_owned())];
        versions.extend(self.engine.registry.linked_versions());
        versions
    }
}

/// Names the configuration, unless `--config` does.
const CONFIG_VARIABLE: &str = "SIGNOFF_CONFIG";

fn sandbox_config(text: &str) -> Result<Config, Failure> {
    Config::parse(text, Path::new("sandbox.toml"))
        .map_err(|errors| Failure::configuration(errors.render(), ""))
}

/// What the providers that are linked in say of themselves.
pub(crate) const LINKED: [&Descriptor; 3] = [
    &signoff_finesse::DESCRIPTOR,
    &signoff_zap::DESCRIPTOR,
    &signoff_uiza::DESCRIPTOR,
];

/// The providers: those linked in, and the plugins that can be found.
pub(crate) fn registry(general: &General, folder: &Path) -> Result<Registry, Failure> {
    let linked = [
        Library::linked::<signoff_finesse::Finesse>(&signoff_finesse::DESCRIPTOR),
        Library::linked::<signoff_zap::Zap>(&signoff_zap::DESCRIPTOR),
        Library::linked::<signoff_uiza::Uiza>(&signoff_uiza::DESCRIPTOR),
    ];
    let linked = linked
        .into_iter()
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Failure::configuration(error.to_string(), ""))?;
    Ok(Registry::new(
        linked,
        search_path(general),
        folder.join("plugins.lock"),
    ))
}

/// A configuration file, and why it is this one.
pub(crate) struct Located {
    pub(crate) path: PathBuf,
    pub(crate) origin: &'static str,
}

/// The file that the command line names, or else the environment.
pub(crate) fn named_configuration(general: &General) -> Option<PathBuf> {
    let variable = || std::env::var_os(CONFIG_VARIABLE).map(PathBuf::from);
    general.config.clone().or_else(variable)
}

/// The configuration file that is meant.
pub(crate) fn configuration(general: &General) -> Result<PathBuf, Failure> {
    locate(general).map(|located| located.path)
}

/// The same, with who named it.
pub(crate) fn locate(general: &General) -> Result<Located, Failure> {
    let named = named_configuration(general).map(|path| match general.config {
        Some(_) => (path, "--config"),
        None => (path, "$SIGNOFF_CONFIG"),
    });
    if let Some((path, origin)) = named {
        return Ok(Located { path, origin });
    }
    let mut tried = vec![(PathBuf::from("signoff.toml"), "the current folder")];
    tried.extend(folders().map(|folders| {
        let path = folders.config_dir().join("signoff").join("signoff.toml");
        (path, "the user's configuration folder")
    }));
    if let Some((path, origin)) = tried.iter().find(|(path, _)| path.is_file()) {
        let path = path.clone();
        return Ok(Located { path, origin });
    }
    let tried: Vec<String> = tried
        .iter()
        .map(|(path, _)| format!("`{}`", path.display()))
        .collect();
    Err(Failure::configuration(
        format!("there is no configuration: tried {}", tried.join(" and ")),
        "`signoff init PROVIDER URL` writes one, --config FILE names one, --sandbox needs none",
    ))
}

/// The folder that a file is in; never empty.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
        .to_owned()
}

/// The same path from wherever one is.
pub(crate) fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// Where runs are kept.
pub(crate) fn state(general: &General) -> Result<PathBuf, Failure> {
    if let Some(state) = &general.state {
        return Ok(state.clone());
    }
    let folder = folders().map(|folders| folders.state_dir().unwrap_or_else(|| folders.data_dir()));
    folder.map(|folder| folder.join("signoff")).ok_or_else(|| {
        Failure::configuration(
            "there is no home folder to keep runs in",
            "name a folder with --state DIR",
        )
    })
}

fn search_path(general: &General) -> SearchPath {
    SearchPath {
        command_line: general.plugin_path.clone(),
        environment: std::env::var_os("SIGNOFF_PLUGIN_PATH")
            .map(|paths| std::env::split_paths(&paths).collect())
            .unwrap_or_default(),
        user: folders().map(|folders| folders.data_dir().join("signoff").join("plugins")),
        system: vec![
            PathBuf::from("/usr/local/lib/signoff/plugins"),
            PathBuf::from("/usr/lib/signoff/plugins"),
        ],
    }
}

fn folders() -> Option<impl BaseStrategy> {
    etcetera::choose_base_strategy().ok()
}
