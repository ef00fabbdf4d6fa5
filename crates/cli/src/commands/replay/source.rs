//! What is replayed: a lab text, or a tutorial that a script declares.

use std::path::Path;

use signoff_engine::parameters::nearest;
use signoff_replay::declared::{self, DeclaredTutorial, Mistake};
use signoff_replay::lab::{self, Lab, LabError, Problem};
use signoff_replay::tutorial::Tutorial;
use signoff_script::{Declared, Limits};

use crate::bundled::{Bundled, TUTORIALS};
use crate::commands::run::script_failure;
use crate::failure::Failure;

/// What was read.
pub(crate) enum Read {
    /// A lab text, with what was understood of it.
    Lab(Lab),
    /// What a script declares.
    Declared(DeclaredTutorial),
}

/// Reads a file, a folder, or, with `@`, what comes with signoff.
pub(super) fn read(path: &Path) -> Result<Read, Failure> {
    if let Some(name) = path.to_str().and_then(|path| path.strip_prefix('@')) {
        return named(name);
    }
    if path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("luau"))
    {
        let script = Declared::load(path, Limits::default()).map_err(|error| script_failure(&error))?;
        return declared(path, &script);
    }
    lab::read(path).map(Read::Lab).map_err(|error| unreadable(&error))
}

impl Read {
    /// Finds out whether there is anything to replay.
    pub(super) fn check(&self, path: &Path) -> Result<(), Failure> {
        match self {
            Self::Lab(lab) => lab.check(path).map_err(|error| unreadable(&error)),
            Self::Declared(_) => Ok(()),
        }
    }

    /// What keeps it from being replayed.
    pub(super) fn problems(&self) -> &[Problem] {
        match self {
            Self::Lab(lab) => &lab.problems,
            Self::Declared(_) => &[],
        }
    }

    /// What there is to replay, and the values that it brings along.
    pub(super) fn into_parts(self) -> (Tutorial, Vec<(String, String)>) {
        match self {
            Self::Lab(lab) => (lab.tutorial, Vec::new()),
            Self::Declared(declared) => (declared.tutorial, declared.variables),
        }
    }
}

fn named(name: &str) -> Result<Read, Failure> {
    let Some(tutorial) = TUTORIALS.into_iter().find(|tutorial| tutorial.name == name) else {
        let names: Vec<String> = TUTORIALS
            .iter()
            .map(|tutorial| format!("`@{}`", tutorial.name))
            .collect();
        let hint = match nearest(name, TUTORIALS.iter().map(|tutorial| tutorial.name)) {
            Some(nearest) => format!("did you mean `@{nearest}`?"),
            None => format!("there are {}", names.join(" and ")),
        };
        return Err(Failure::configuration(
            format!("no tutorial `@{name}` comes with signoff"),
            hint,
        ));
    };
    bundled(&format!("@{name}"), tutorial)
}

/// What comes with signoff; `name` stands for it in messages.
pub(super) fn bundled(name: &str, tutorial: Bundled) -> Result<Read, Failure> {
    let script = Declared::from_text(name, tutorial.text, Limits::default())
        .map_err(|error| script_failure(&error))?;
    declared(Path::new(name), &script)
}

fn declared(path: &Path, script: &Declared) -> Result<Read, Failure> {
    let text = script.sources.first().map_or("", |source| &*source.text);
    declared::read(path, text, &script.parts)
        .map(Read::Declared)
        .map_err(|mistakes| {
            let line = |mistake: &Mistake| format!("error: {}: {mistake}", path.display());
            let lines: Vec<String> = mistakes.iter().map(line).collect();
            Failure::configuration(
                lines.join("\n"),
                "`scripts/types/signoff.luau` has the types of a tutorial",
            )
        })
}

fn unreadable(error: &LabError) -> Failure {
    Failure::configuration(error.to_string(), error.hint())
}
