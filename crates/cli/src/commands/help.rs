//! Help for commands that know more once they know what they are about: a script, a connection.

use std::fmt::Write as _;

use signoff_core::{OperationSpec, Parameter};

/// The help of a command, followed by what else there is to say.
pub(super) fn of(command: &str, after: Option<String>) -> String {
    let mut whole = crate::command();
    if let Some(after) = after {
        whole = whole.mut_subcommand(command, |command| command.after_help(after));
    }
    whole.build();
    let help = whole.find_subcommand_mut(command).map(clap::Command::render_help);
    help.map(|help| help.ansi().to_string())
        .unwrap_or_default()
        .trim_end()
        .to_owned()
}

/// The options of an operation, from the provider's own table; nothing for those that `leave_out` names, since the
/// command line has words of its own for them.
pub(super) fn options(operation: &OperationSpec, vendor: &str, leave_out: &[&str]) -> String {
    let parameters: Vec<&Parameter> = operation
        .parameters
        .iter()
        .filter(|parameter| !leave_out.contains(&parameter.name))
        .collect();
    if parameters.is_empty() {
        return format!("`{}` has no further options at {vendor}.", operation.name);
    }
    let width = parameters
        .iter()
        .map(|parameter| parameter.name.len())
        .max()
        .unwrap_or(0);
    let mut text = format!("Options at {vendor} (-o NAME=VALUE):");
    for parameter in parameters {
        let mut note = parameter.help.to_owned();
        if !parameter.choices.is_empty() {
            let _ = write!(note, " [{}]", parameter.choices.join(", "));
        }
        if let Some(default) = parameter.default.filter(|default| !default.is_empty()) {
            let _ = write!(note, " [default: {default}]");
        }
        for (number, line) in wrapped(&note, 76 - width).into_iter().enumerate() {
            let name = if number == 0 { parameter.name } else { "" };
            let _ = write!(text, "\n  {name:width$}  {line}");
        }
    }
    text
}

/// The words in lines of at most so many characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_and_none_is_lost() {
        assert_eq!(wrapped("a bc def g", 4), ["a bc", "def", "g"]);
        assert_eq!(wrapped("unbreakable a", 4), ["unbreakable", "a"]);
    }
}
