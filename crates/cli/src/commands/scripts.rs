//! `signoff scripts`: the workflows that come with signoff, to be run as `@name` or changed as a copy.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use signoff_engine::parameters::nearest;
use signoff_script::{Limits, Workflow};

use super::replay;
use super::run::script_failure;
use crate::arguments::{Format, General, Scripts};
use crate::bundled::{self, Bundled, SCRIPTS, TUTORIALS};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report;

/// Lists them, or copies one.
pub(crate) fn scripts(command: Scripts, general: &General) -> Result<Exit, Failure> {
    match command {
        Scripts::List => list(general.format)?,
        Scripts::Copy { name, folder } => {
            let name = name.strip_prefix('@').unwrap_or(&name);
            let tutorial = TUTORIALS.into_iter().find(|tutorial| tutorial.name == name);
            let script = tutorial.map_or_else(|| find(name), Ok)?;
            let folder = folder.unwrap_or_default();
            let path = copy(&format!("{}.luau", script.name), script.text, &folder)?;
            let shown = path.display();
            report::data(&format!("copied to `{shown}`"));
            let mut next = format!("next: signoff run {shown}");
            if let Some(people) = script.people {
                let path = copy(people.file, people.text, &folder)?;
                let shown = path.display();
                report::data(&format!(
                    "copied to `{shown}`: users of the sandbox, for you to write your own list"
                ));
                next.push_str(&format!(" --sandbox --set people={shown}"));
            }
            if !general.quiet {
                report::diagnostic(&match tutorial {
                    Some(_) => format!("next: signoff replay {shown} --sandbox"),
                    None => format!("{next} --plan"),
                });
            }
        }
    }
    Ok(Exit::Success)
}

/// The bundled script of that name, without `@`.
pub(super) fn find(name: &str) -> Result<Bundled, Failure> {
    bundled::find(name).ok_or_else(|| {
        let listed = "`signoff scripts list` shows those there are";
        let hint = nearest(name, SCRIPTS.iter().map(|script| script.name)).map_or_else(
            || listed.to_owned(),
            |nearest| format!("did you mean `@{nearest}`? {listed}"),
        );
        Failure::configuration(format!("no script `@{name}` comes with signoff"), hint)
    })
}

fn list(format: Format) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for script in SCRIPTS {
        let name = format!("@{}", script.name);
        let workflow = Workflow::from_text(&name, script.text, Limits::default())
            .map_err(|error| script_failure(&error))?;
        rows.push(vec![name, workflow.summary().to_owned()]);
    }
    for tutorial in TUTORIALS {
        let name = format!("@{}", tutorial.name);
        rows.push(vec![
            name.clone(),
            format!("tutorial: {}", replay::title(&name, tutorial)?),
        ]);
    }
    match format {
        Format::Human => report::data(&report::table(&["script", "summary"], rows)),
        Format::Json => {
            for row in rows {
                let line = serde_json::json!({ "event": "script", "name": row[0], "summary": row[1] });
                report::data(&line.to_string());
            }
        }
    }
    Ok(())
}

/// Writes it as a new file; one that is there is somebody's work.
fn copy(name: &str, text: &str, folder: &Path) -> Result<PathBuf, Failure> {
    let path = folder.join(name);
    let created = OpenOptions::new().write(true).create_new(true).open(&path);
    created
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Failure::configuration(
                format!("`{}` is there already, and is left as it is", path.display()),
                "name another folder, or move the file away first",
            ),
            ErrorKind::NotFound => Failure::configuration(
                format!("there is no folder `{}`", folder.display()),
                "make it first, or leave it out for the current one",
            ),
            _ => Failure::configuration(
                format!("`{}` cannot be written: {error}", path.display()),
                "name a folder in which you may write",
            ),
        })?;
    Ok(path)
}
