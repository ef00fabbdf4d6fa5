//! `signoff resume`: goes on with a run that was stopped or broke off.

use std::path::{Path, PathBuf};

use signoff_core::InDoubtPolicy;
use signoff_engine::event::{Event, Summary};
use signoff_engine::journal::RunHeader;

use super::guard::{self, Performed, Work};
use super::history::Found;
use super::{logout, run};
use crate::arguments::{General, InDoubt, Place, Resume};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{self, Progress};
use crate::setup::{self, Setup, absolute};

/// Goes on with it, or prints its report once more if nothing is left to do.
pub(crate) async fn resume(arguments: Resume, general: &General) -> Result<Exit, Failure> {
    let state = absolute(setup::state(general)?);
    let found = match &arguments.run {
        Some(name) => Found::named(&state, name)?,
        None => Found::latest(&state, arguments.in_doubt.is_some())?,
    };
    if let Some(summary) = found.finished(arguments.in_doubt.is_some())? {
        return report_again(&found, general, summary);
    }
    let Found { run: id, header, .. } = found;
    if header.sandbox {
        return Err(Failure::usage(
            format!("run {id} was on a sandbox of its own, which ended with it"),
            "there is nobody left to log out; to try resuming, run `signoff sandbox` in another terminal, \
             and work on the `signoff.toml` that it prints",
        ));
    }
    let general = General {
        config: general
            .config
            .clone()
            .map(absolute)
            .or_else(|| header.config.as_ref().map(PathBuf::from)),
        act_as: general.act_as.clone().or_else(|| header.act_as.clone()),
        plugin_path: if general.plugin_path.is_empty() {
            header.plugin_path.iter().map(PathBuf::from).collect()
        } else {
            general.plugin_path.iter().cloned().map(absolute).collect()
        },
        state: Some(state),
        ..general.clone()
    };
    let from = arguments.from.map(absolute);
    if let Some(folder) = &header.folder {
        // Paths of scripts and their files start there.
        std::env::set_current_dir(folder).map_err(|error| {
            Failure::configuration(
                format!("run {id} began in the folder `{folder}`, and that cannot be entered: {error}"),
                "",
            )
        })?;
    }
    let setup = Setup::prepare(&general, &Place { sandbox: false }).await?;
    let work = work(&header, from.as_deref(), arguments.force, &setup).await?;
    let in_doubt = arguments.in_doubt.map(|how| match how {
        InDoubt::Verify => InDoubtPolicy::Verify,
        InDoubt::Skip => InDoubtPolicy::Skip,
        InDoubt::Repeat => InDoubtPolicy::Repeat,
    });
    guard::resume(&*work, &setup, &general, id, in_doubt, arguments.force).await
}

/// The work of a run, made again from what its journal says.
async fn work(
    header: &RunHeader,
    from: Option<&Path>,
    force: bool,
    setup: &Setup,
) -> Result<Box<dyn Work>, Failure> {
    if !header.sources.is_empty() {
        return run::of_run(header, from, force, setup);
    }
    let work = match header.workflow.as_str() {
        "logout" => logout::of_run(header, from, setup).await?,
        _ => None,
    };
    work.ok_or_else(|| {
        Failure::configuration(
            format!(
                "run {} is of a kind that this signoff does not know: {}",
                header.run, header.workflow
            ),
            "use the version of signoff that began it",
        )
    })
}

/// Prints what it printed at its end.
fn report_again(found: &Found, general: &General, summary: Summary) -> Result<Exit, Failure> {
    let progress = Progress::new(general);
    let observer = report::reporter(general, &progress, false);
    observer.event(&Event::Started {
        run: found.run.clone(),
        workflow: found.header.workflow.clone(),
        plan: found.header.plan,
    });
    found
        .reader
        .standing(|row| observer.event(&Event::Outcome(row)))?;
    let exit = guard::exit(&summary, Performed::Whole);
    observer.event(&Event::Finished(summary));
    report::diagnostic("this run is finished; nothing was sent");
    Ok(exit)
}
