//! Builds the library, and loads it as a user's would be.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::{env, fs};

use signoff_core::abi::host::Library;
use signoff_engine::plugin::{Registry, SearchPath};

use crate::sanitized::{FLAGS, IS_SANITIZED};
use crate::tabled::Tabled;

/// The provider, built and pinned once for all tests.
pub(crate) fn hotdesk() -> &'static Library {
    &HOTDESK
}

/// A connection to it.
pub(crate) fn open() -> Tabled {
    Tabled(HOTDESK.open(&[]).unwrap())
}

static HOTDESK: LazyLock<Library> = LazyLock::new(|| {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("plugins/hotdesk");
    fs::create_dir_all(&folder).unwrap();
    let flags: &[&str] = if env::var_os(IS_SANITIZED).is_some() {
        &FLAGS
    } else {
        &["-O2"]
    };
    compile(flags, &folder.join("libhotdesk.so"));
    fs::copy(source().join("provider.toml"), folder.join("provider.toml")).unwrap();
    close(home.path());
    let search = SearchPath {
        command_line: vec![home.path().join("plugins")],
        ..SearchPath::default()
    };
    let registry = Registry::new(Vec::new(), search, home.path().join("plugins.lock"));
    registry.trust("hotdesk").unwrap();
    registry
        .provider("hotdesk")
        .unwrap_or_else(|error| panic!("{error}"))
});

/// Without a warning, whatever the compiler is asked to look for.
fn compile(flags: &[&str], library: &Path) {
    let strict = [
        "-std=c99",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Wshadow",
        "-Wconversion",
        "-Werror",
    ];
    let include = source().join("../../crates/core/include");
    let output = Command::new("cc")
        // The compiler itself is not watched.
        .env_remove("LD_PRELOAD")
        .args(strict)
        .args(["-shared", "-fPIC"])
        .args(flags)
        .args([OsStr::new("-I"), include.as_os_str()])
        .arg(source().join("hotdesk.c"))
        .args([OsStr::new("-o"), library.as_os_str()])
        .output()
        .unwrap_or_else(|error| panic!("this test needs a C compiler; `cc` cannot be run: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    assert_eq!(complaint, "");
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/hotdesk")
}

/// Whatever the umask is here: others than the owner may not write.
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
