//! `signoff completions` and `signoff man`: what the command line's own table says, for shells and for `man`.

use clap_complete::Shell;
use clap_mangen::Man;
use signoff_engine::parameters::nearest;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::report;

/// Prints a completion script.
pub(crate) fn completions(shell: Shell) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut crate::command(), "signoff", &mut script);
    report::data(String::from_utf8_lossy(&script).trim_end());
    Exit::Success
}

/// Prints a manual page: of the whole, or of one command.
pub(crate) fn man(command: Option<&str>) -> Result<Exit, Failure> {
    let mut whole = crate::command();
    whole.build();
    let subject = match command {
        None => whole,
        Some(name) => whole.find_subcommand(name).cloned().ok_or_else(|| {
            let names: Vec<&str> = whole.get_subcommands().map(clap::Command::get_name).collect();
            let hint = nearest(name, names.iter().copied()).map_or_else(
                || format!("the commands are `{}`", names.join("`, `")),
                |nearest| format!("did you mean `{nearest}`?"),
            );
            Failure::usage(format!("there is no command `{name}`"), hint)
        })?,
    };
    let mut page = Vec::new();
    Man::new(subject)
        .manual("signoff")
        .render(&mut page)
        .map_err(|error| Failure::new(Exit::Bug, format!("the page cannot be made: {error}"), ""))?;
    report::data(String::from_utf8_lossy(&page).trim_end());
    Ok(Exit::Success)
}
