//! `signoff show`: what became of a run, and of one person in it, from its journal alone.

use std::path::Path;

use signoff_engine::journal::{Overview, overview};
use signoff_engine::json;
use signoff_engine::parameters::nearest;

use super::history::{Found, can_be_resumed};
use crate::arguments::{Format, General, Show};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{self, past};
use crate::setup;

/// Shows it.
pub(crate) fn show(arguments: &Show, general: &General) -> Result<Exit, Failure> {
    let state = setup::state(general)?;
    let found = match &arguments.run {
        Some(name) => Found::named(&state, name)?,
        None => Found::newest(&state)?,
    };
    match &arguments.user {
        Some(user) => person(&found, user, general),
        None => whole(&state, &found, general),
    }
}

fn whole(state: &Path, found: &Found, general: &General) -> Result<Exit, Failure> {
    let overview: Overview = overview(state, &found.run)?;
    let doubts = found.reader.doubts()?;
    let sessions = found.reader.sessions()?;
    let can_be_resumed = can_be_resumed(&overview);
    if general.format == Format::Json {
        let run = overview.run.clone();
        report::data(&past::run_line(&run, &Ok(overview), can_be_resumed));
        found
            .reader
            .standing(|row| report::data(&json::outcome_line(&row)))?;
        for doubt in &doubts {
            report::data(&past::doubt_line(&run, doubt));
        }
        return Ok(Exit::Success);
    }
    let mut whole = past::Whole {
        overview: &overview,
        header: &found.header,
        sessions: &sessions,
        doubts: &doubts,
        not_out: report::NotOut::default(),
        can_be_resumed,
    };
    found.reader.standing(|row| whole.not_out.note(&row))?;
    report::data(&whole.text());
    if !general.quiet {
        for step in whole.next() {
            report::diagnostic(&format!("next: {step}"));
        }
    }
    Ok(Exit::Success)
}

fn person(found: &Found, user: &str, general: &General) -> Result<Exit, Failure> {
    let story = found.reader.story(user)?;
    if story.is_empty() {
        let ids = found.reader.user_ids()?;
        if !ids.iter().any(|id| id == user) {
            let hint = match nearest(user, ids.iter().map(String::as_str)) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("`signoff show {} --format json` lists everybody", found.run),
            };
            return Err(Failure::usage(
                format!("`{user}` is not in run {}", found.run),
                hint,
            ));
        }
    }
    match general.format {
        Format::Json => {
            for line in past::story_lines(&found.run, user, &story) {
                report::data(&line);
            }
        }
        Format::Human => report::data(&past::story(&found.run, user, &story)),
    }
    Ok(Exit::Success)
}
