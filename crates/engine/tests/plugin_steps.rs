//! The step cases of the Finesse provider against the library `plugins/finesse`, built and loaded as a user's would be:
//! the same transcripts as without a library.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::{env, fs};

use signoff_core::abi::host::Library;
use signoff_core::testing::Subject;
use signoff_core::{Field, Value};
use signoff_engine::plugin::{Registry, SearchPath};

#[path = "../../providers/finesse/tests/cases/mod.rs"]
mod cases;

#[test]
fn the_library_says_the_same_of_itself() {
    assert_eq!(*FINESSE.descriptor(), signoff_finesse::DESCRIPTOR);
}

/// The provider under test, with this value of its option `deployment`.
pub(crate) fn subject(deployment: &str) -> Box<dyn Subject> {
    let options = [Field::new("deployment", Value::from(deployment))];
    Box::new(FINESSE.open(&options).unwrap())
}

static FINESSE: LazyLock<Library> = LazyLock::new(|| {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("plugins/finesse");
    fs::create_dir_all(&folder).unwrap();
    let library = build();
    fs::copy(&library, folder.join(library.file_name().unwrap())).unwrap();
    fs::copy(source().join("provider.toml"), folder.join("provider.toml")).unwrap();
    close(home.path());
    let search = SearchPath {
        command_line: vec![home.path().join("plugins")],
        ..SearchPath::default()
    };
    let registry = Registry::new(Vec::new(), search, home.path().join("plugins.lock"));
    registry.trust("finesse").unwrap();
    registry
        .provider("plugin:finesse")
        .unwrap_or_else(|error| panic!("{error}"))
});

/// Builds the library as the manifest tells users to, and finds it.
fn build() -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "build",
            "--locked",
            "--package",
            "signoff-plugin-finesse",
            "--message-format",
            "json",
        ])
        .current_dir(source())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "signoff_plugin_finesse")
        .find_map(|message| message["filenames"][0].as_str().map(PathBuf::from))
        .expect("the build says where the library is")
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/finesse")
}

/// Whatever the umask is here: others than the owner may not write.
#[cfg(unix)]
fn close(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            close(&path);
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    }
}

#[cfg(not(unix))]
fn close(_folder: &Path) {}
