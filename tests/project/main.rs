//! Rules about the repository itself, held by tests: which crate may know which, where `unsafe` may stand, and
//! that every module says what it is for.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Which members of the workspace each may be built on. Tests may use more.
const LAYERS: &[(&str, &[&str])] = &[
    ("signoff-core", &[]),
    ("signoff-xmpp", &[]),
    ("signoff-finesse", &["signoff-core"]),
    ("signoff-uiza", &["signoff-core"]),
    ("signoff-zap", &["signoff-core"]),
    ("signoff-engine", &["signoff-core", "signoff-xmpp"]),
    (
        "signoff-replay",
        &["signoff-core", "signoff-engine", "signoff-xmpp"],
    ),
    ("signoff-script", &["signoff-core", "signoff-engine"]),
    (
        "signoff-sandbox",
        &["signoff-core", "signoff-engine", "signoff-xmpp"],
    ),
    (
        "signoff",
        &[
            "signoff-core",
            "signoff-engine",
            "signoff-finesse",
            "signoff-replay",
            "signoff-sandbox",
            "signoff-script",
            "signoff-uiza",
            "signoff-zap",
        ],
    ),
    ("signoff-plugin-finesse", &["signoff-core", "signoff-finesse"]),
    ("signoff-plugin-uiza", &["signoff-core", "signoff-uiza"]),
    ("signoff-plugin-zap", &["signoff-core", "signoff-zap"]),
];

/// Crates that do I/O, keep threads or read clocks, and so have no place below the engine.
const WORLDLY: [&str; 9] = [
    "tokio",
    "reqwest",
    "hyper",
    "mlua",
    "rusqlite",
    "libloading",
    "rustix",
    "etcetera",
    "async-std",
];

#[test]
fn arrows_point_down() {
    let dependencies = dependencies();
    let known: BTreeMap<&str, BTreeSet<&str>> = LAYERS
        .iter()
        .map(|&(name, below)| (name, below.iter().copied().collect()))
        .collect();
    let members: BTreeSet<&str> = dependencies.keys().map(String::as_str).collect();
    assert_eq!(members, known.keys().copied().collect(), "a member has no layer");
    for (member, uses) in &dependencies {
        let inside: BTreeSet<&str> = uses
            .iter()
            .map(String::as_str)
            .filter(|name| members.contains(name))
            .collect();
        let above: Vec<_> = inside.difference(&known[member.as_str()]).collect();
        assert!(above.is_empty(), "{member} must not be built on {above:?}");
    }
}

#[test]
fn core_and_providers_know_no_world() {
    for (member, uses) in dependencies() {
        if matches!(
            member.as_str(),
            "signoff-core" | "signoff-finesse" | "signoff-uiza" | "signoff-zap" | "signoff-xmpp"
        ) {
            let worldly: Vec<_> = uses
                .iter()
                .filter(|name| WORLDLY.contains(&name.as_str()))
                .collect();
            assert!(worldly.is_empty(), "{member} must not be built on {worldly:?}");
        }
    }
    for file in sources(&["crates/core/src", "crates/providers", "crates/xmpp"]) {
        let text = product(&file);
        for forbidden in [
            "std::net",
            "std::fs",
            "std::thread",
            "std::process",
            "SystemTime::now",
            "Instant::now",
        ] {
            assert!(!text.contains(forbidden), "{} uses {forbidden}", file.display());
        }
    }
}

#[test]
fn unsafe_stands_in_two_places() {
    let allowed = [
        "crates/core/src/abi/",
        // They read the table, and call it as a host does that breaks its rules.
        "crates/core/tests/",
        "crates/engine/src/plugin/",
    ];
    for file in sources(&["crates", "plugins", "tests"]) {
        let relative = file.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        if allowed.iter().any(|place| relative.starts_with(place)) || relative.starts_with("tests/project/") {
            continue;
        }
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let found = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"]
                .iter()
                .any(|word| code.contains(word));
            assert!(!found, "{relative}:{}: `unsafe` has no place here", number + 1);
        }
    }
}

#[test]
fn every_module_says_what_it_is_for() {
    for file in sources(&["crates", "plugins", "tests"]) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            text.starts_with("//! "),
            "{} does not open with `//!`",
            file.display()
        );
    }
}

#[test]
fn nothing_is_left_for_later() {
    for file in sources(&["crates", "plugins"]) {
        let text = fs::read_to_string(&file).unwrap();
        for word in ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!("] {
            assert!(!text.contains(word), "{} says {word}", file.display());
        }
    }
}

#[test]
fn only_the_binary_prints() {
    for file in sources(&["crates"]) {
        if file.starts_with(root().join("crates/cli")) {
            continue;
        }
        let text = product(&file);
        for word in ["println!(", "eprintln!(", "process::exit", "env::var"] {
            assert!(!text.contains(word), "{} uses {word}", file.display());
        }
    }
}

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .unwrap();
    let normal = |package: &cargo_metadata::Package| {
        let normal = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind == DependencyKind::Normal);
        normal.map(|dependency| dependency.name.clone()).collect()
    };
    metadata
        .packages
        .iter()
        .map(|package| (package.name.to_string(), normal(package)))
        .collect()
}

/// A source file without its tests.
fn product(file: &Path) -> String {
    if file.components().any(|part| part.as_os_str() == "tests") || file.ends_with("tests.rs") {
        return String::new();
    }
    let text = fs::read_to_string(file).unwrap();
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

fn sources(folders: &[&str]) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for folder in folders {
        walk(&root().join(folder), &mut found);
    }
    assert!(!found.is_empty(), "no sources under {folders:?}");
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap_or_else(|error| panic!("{error}"))
}
