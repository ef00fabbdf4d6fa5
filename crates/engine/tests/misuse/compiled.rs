//! The libraries: one in C for each misbehaviour, and one in Rust that panics.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::{env, fs};

use crate::child::Sanitized;

/// The names of what the provider in C may do, as its source has them, in order.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = SOURCE
        .split("BREAKS(\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .filter(|name| *name != "…")
        .collect();
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(*name));
    names
}

/// The provider in C that does this, and nothing else that is wrong.
pub(crate) fn misfit(name: &str, sanitized: Sanitized) -> Vec<u8> {
    compile(&[&format!("-DBAD=\"{name}\"")], sanitized)
}

/// It exports another name.
pub(crate) fn without_entry_point(sanitized: Sanitized) -> Vec<u8> {
    compile(
        &["-DBAD=\"\"", "-Dsignoff_provider_v1=signoff_provider_v2"],
        sanitized,
    )
}

/// The provider in Rust, which panics where an option says.
pub(crate) fn panicking() -> Vec<u8> {
    static LIBRARY: LazyLock<Vec<u8>> = LazyLock::new(|| fs::read(build()).unwrap());
    LIBRARY.clone()
}

const SOURCE: &str = include_str!("misfit.c");

fn compile(flags: &[&str], sanitized: Sanitized) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libmisfit.so");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("cc");
    // The compiler itself is not watched.
    command
        .env_remove("LD_PRELOAD")
        .args(["-std=c99", "-shared", "-fPIC"]);
    if sanitized == Sanitized::Yes {
        command.args(["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
    }
    let output = command
        .args([OsStr::new("-I"), here.join("../core/include").as_os_str()])
        .args(flags)
        .arg(here.join("tests/misuse/misfit.c"))
        .args([OsStr::new("-o"), library.as_os_str()])
        .output()
        .unwrap_or_else(|error| panic!("this test needs a C compiler; `cc` cannot be run: {error}"));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    fs::read(library).unwrap()
}

/// Builds the provider in Rust, and finds it.
fn build() -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .env_remove("LD_PRELOAD")
        .args([
            "build",
            "--locked",
            "--package",
            "signoff-core",
            "--example",
            "panicking",
        ])
        .args(["--message-format", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
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
        .filter(|message| message["target"]["name"] == "panicking")
        .find_map(|message| message["filenames"][0].as_str().map(PathBuf::from))
        .expect("the build says where the library is")
}
