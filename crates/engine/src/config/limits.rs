//! `[limits]`: what holds for every run.

use super::document::Section;
use super::error::Mistakes;
use super::settings::{Exempt, RunLimits};
use crate::parameters::parse_size;

const KEYS: [&str; 5] = [
    "confirm_above",
    "exempt",
    "script_memory",
    "script_cpu",
    "run_time",
];

/// A script with less than this cannot even be loaded.
const LEAST_MEMORY: u64 = 1 << 20;

pub(super) fn limits(section: &Section, mistakes: &mut Mistakes) -> RunLimits {
    section.only(&KEYS, mistakes);
    let defaults = RunLimits::default();
    RunLimits {
        confirm_above: section
            .count("confirm_above", 0, mistakes)
            .map_or(defaults.confirm_above, u64::from),
        exempt: exempt(section, mistakes),
        script_memory: memory(section, mistakes).unwrap_or(defaults.script_memory),
        script_cpu: section
            .duration("script_cpu", mistakes)
            .unwrap_or(defaults.script_cpu),
        run_time: section.duration("run_time", mistakes),
    }
}

fn memory(section: &Section, mistakes: &mut Mistakes) -> Option<u64> {
    let (text, span) = section.text("script_memory", mistakes)?;
    let (message, hint) = match parse_size(&text) {
        Ok(bytes) if bytes >= LEAST_MEMORY => return Some(bytes),
        Ok(_) => (
            format!("`{text}` is too little for any script"),
            "write at least `1MiB`".to_owned(),
        ),
        Err(error) => (error.to_string(), error.hint()),
    };
    mistakes.at(&span, section.key("script_memory"), message, hint);
    None
}

fn exempt(section: &Section, mistakes: &mut Mistakes) -> Exempt {
    let patterns = section.texts("exempt", false, mistakes).unwrap_or_default();
    let mut sound = true;
    for (pattern, span) in &patterns {
        let (message, hint) = if !pattern.contains(':') {
            // Without a colon it would match nobody, and those it was meant for would be touched.
            (
                format!("`{pattern}` names no connection"),
                format!("write `CONNECTION:{pattern}`, or `*:{pattern}` for all of them"),
            )
        } else if let Err(error) = Exempt::new([pattern.as_str()]) {
            (
                format!("`{pattern}` is no pattern: {}", error.kind()),
                "`*` stands for any text; `\\` before `[`, `{` or `?` takes them as they are".to_owned(),
            )
        } else {
            continue;
        };
        sound = false;
        mistakes.at(span, section.key("exempt"), message, hint);
    }
    let patterns = patterns.iter().map(|(pattern, _)| pattern.as_str());
    match Exempt::new(patterns) {
        Ok(exempt) if sound => exempt,
        _ => Exempt::default(),
    }
}
