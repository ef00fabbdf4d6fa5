//! What a plugin, or its files, may do that they should not.

use std::fs;

use crate::child::Sanitized;
use crate::compiled;
use crate::home::{Home, How, LIBRARY, MANIFEST};

/// One misbehaviour.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Case {
    /// Of the provider in C, by the name that its source has.
    C(&'static str),
    /// Of the provider in Rust, which panics there.
    Panic(&'static str),
    /// Of the files, which this changes once the plugin is pinned.
    Files(&'static str, fn(&Home)),
    /// Of the library, which is this; pinned as it is.
    Library(&'static str, fn(Sanitized) -> Vec<u8>),
}

impl Case {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::C(name) | Self::Panic(name) | Self::Files(name, _) | Self::Library(name, _) => name,
        }
    }
}

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    let c = compiled::names().into_iter().map(Case::C);
    FILES
        .into_iter()
        .chain(LIBRARIES)
        .chain(c)
        .chain(PANICS.map(Case::Panic))
        .collect()
}

/// What is said of it.
pub(crate) fn told(case: &Case, sanitized: Sanitized) -> String {
    match *case {
        Case::C(name) => pinned(&compiled::misfit(name, sanitized)).told(how(name), ""),
        Case::Panic(name) => {
            let at = name
                .trim_start_matches("works: ")
                .trim_start_matches("panics in ");
            pinned(&compiled::panicking()).told(How::default(), &format!("options = {{ at = \"{at}\" }}"))
        }
        Case::Files(_, change) => {
            let home = pinned(&compiled::misfit("", sanitized));
            change(&home);
            home.told(How::default(), "")
        }
        Case::Library(_, library) => pinned(&library(sanitized)).told(How::default(), ""),
    }
}

fn pinned(library: &[u8]) -> Home {
    let home = Home::new(library);
    home.trust().unwrap();
    home
}

/// What stands before the colon.
fn how(name: &str) -> How {
    let words = name.split_once(':').map_or("", |(words, _)| words);
    How {
        is_roster: words.contains("roster"),
        is_plan: words.contains("plan"),
        is_stopped: words.contains("stopped"),
    }
}

const FILES: [Case; 13] = [
    Case::Files("works: nothing is wrong", |_| {}),
    Case::Files("the library is another than was pinned", |home| {
        let mut library = fs::read(home.path(LIBRARY)).unwrap();
        library.push(0);
        home.write(LIBRARY, &library);
    }),
    Case::Files("the library is gone", |home| {
        fs::remove_file(home.path(LIBRARY)).unwrap();
    }),
    Case::Files("the library is a folder", |home| {
        fs::remove_file(home.path(LIBRARY)).unwrap();
        fs::create_dir(home.path(LIBRARY)).unwrap();
        home.mode(LIBRARY, 0o700);
    }),
    Case::Files("the library may be written to by all", |home| {
        home.mode(LIBRARY, 0o666);
    }),
    Case::Files("the manifest may be written to by all", |home| {
        home.mode(MANIFEST, 0o666);
    }),
    Case::Files("its folder may be written to by all", |home| {
        home.mode("plugins/misfit", 0o777);
    }),
    Case::Files("the folder of plugins may be written to by all", |home| {
        home.mode("plugins", 0o777);
    }),
    Case::Files("the manifest has another id", |home| {
        rewrite(home, "misfit\"\nv", "other\"\nv");
    }),
    Case::Files("the manifest has another version", |home| {
        rewrite(home, "1.0.0", "2.0.0");
    }),
    Case::Files("the manifest has another abi", |home| {
        rewrite(home, "abi = 1", "abi = 2");
    }),
    Case::Files("the manifest has another hash", |home| {
        let hash = format!("\"libmisfit.so\", sha256 = \"{}\"", "0".repeat(64));
        rewrite(home, "\"libmisfit.so\"", &hash);
    }),
    Case::Files("the manifest names a library elsewhere", |home| {
        rewrite(home, "libmisfit.so", "../misfit/libmisfit.so");
    }),
];

fn rewrite(home: &Home, old: &str, new: &str) {
    let manifest = home.manifest();
    assert!(manifest.contains(old), "{manifest}");
    home.write(MANIFEST, manifest.replace(old, new).as_bytes());
}

const LIBRARIES: [Case; 7] = [
    Case::Library("it is empty", |_| Vec::new()),
    Case::Library("it is no library", |_| b"#!/bin/sh\nexit 0\n".to_vec()),
    Case::Library("it is for another machine", |sanitized| {
        let mut library = compiled::misfit("", sanitized);
        // `e_machine`: one that there is no computer of.
        library[18..20].copy_from_slice(&[0xfe, 0xca]);
        library
    }),
    Case::Library("it is cut off in its middle", |sanitized| {
        let mut library = compiled::misfit("", sanitized);
        library.truncate(library.len() / 2);
        library
    }),
    Case::Library("it is cut off behind its head", |sanitized| {
        let mut library = compiled::misfit("", sanitized);
        library.truncate(64);
        library
    }),
    Case::Library("its head lies about where things are", |sanitized| {
        let mut library = compiled::misfit("", sanitized);
        // `e_phoff`, where the list of its parts begins.
        library[32..40].copy_from_slice(&[0xff; 8]);
        library
    }),
    Case::Library("it exports no entry point", compiled::without_entry_point),
];

const PANICS: [&str; 9] = [
    "works: panics in nothing",
    "panics in new",
    "panics in start",
    "panics in next",
    "panics in input",
    "panics in classify",
    "panics in next with a number",
    "works: panics in dropping the operation",
    "works: panics in dropping the provider",
];
