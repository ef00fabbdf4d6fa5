//! A provider of `plugins/`, built, trusted and loaded as a user's would be.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use signoff_core::abi::host::Library;
use signoff_engine::plugin::{Registry, SearchPath};

/// The provider of that id, from its library.
pub(crate) fn library(id: &str) -> Library {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../plugins")
        .join(id);
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("plugins").join(id);
    fs::create_dir_all(&folder).unwrap();
    let library = build(id, &source);
    fs::copy(&library, folder.join(library.file_name().unwrap())).unwrap();
    fs::copy(source.join("provider.toml"), folder.join("provider.toml")).unwrap();
    close(home.path());
    let search = SearchPath {
        command_line: vec![home.path().join("plugins")],
        ..SearchPath::default()
    };
    let registry = Registry::new(Vec::new(), search, home.path().join("plugins.lock"));
    registry.trust(id).unwrap();
    registry
        .provider(&format!("plugin:{id}"))
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Builds the library as the manifest tells users to, and finds it.
fn build(id: &str, source: &Path) -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "build",
            "--locked",
            "--package",
            &format!("signoff-plugin-{id}"),
            "--message-format",
            "json",
        ])
        .current_dir(source)
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
        .filter(|message| message["target"]["name"] == format!("signoff_plugin_{id}"))
        .find_map(|message| message["filenames"][0].as_str().map(PathBuf::from))
        .expect("the build says where the library is")
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
