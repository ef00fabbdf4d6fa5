//! How every sentence of a lab was understood, for whoever wants to know why something is sent, or why not.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde_json::json;
use signoff_engine::redact::Redactor;
use signoff_replay::lab::{Lab, Meaning, Understood};
use signoff_replay::tutorial::{Step, Task, Tutorial};

use super::super::data;
use crate::arguments::Format;
use crate::commands::replay::Read;
use crate::text::safe;

/// Prints it.
pub(crate) fn explain(read: &Read, format: Format) {
    // A password that stands in a text does so more than once.
    let redactor = Redactor::new();
    let data = |text: &str| data(&redactor.redact(text));
    let lab = match read {
        Read::Lab(lab) => lab,
        // What is declared has no second meaning.
        Read::Declared(declared) => {
            declared.tutorial.teach(&redactor);
            if format == Format::Human {
                return data(outline(&declared.tutorial).trim_end());
            }
            for step in &declared.tutorial.steps {
                for task in &step.tasks {
                    data(&task_line(step, task).to_string());
                }
            }
            return;
        }
    };
    lab.tutorial.teach(&redactor);
    match format {
        Format::Json => {
            for one in &lab.understood {
                data(&line(one).to_string());
            }
            for problem in &lab.problems {
                let place = problem.place.to_string();
                data(&json!({"event": "problem", "place": place, "message": problem.message}).to_string());
            }
        }
        Format::Human => data(shown(lab).trim_end()),
    }
}

fn line(one: &Understood) -> serde_json::Value {
    json!({
        "event": "sentence", "place": one.place.to_string(), "step": one.step, "text": one.text,
        "meaning": one.meaning.to_string(), "understood": !is_unclear(one), "note": one.note,
    })
}

fn task_line(step: &Step, task: &Task) -> serde_json::Value {
    let expects = task.expectations.iter().map(|one| one.check.to_string());
    let keeps = task.captures.iter();
    let keeps = keeps.map(|one| json!({"variable": one.variable, "from": one.source.to_string()}));
    json!({
        "event": "task", "place": task.place.to_string(), "step": step.number, "title": step.title,
        "action": task.action.to_string(), "expects": expects.collect::<Vec<_>>(), "keeps": keeps.collect::<Vec<_>>(),
    })
}

fn shown(lab: &Lab) -> String {
    let mut text = String::new();
    let mut step = None;
    for one in &lab.understood {
        if step != Some(&one.step) {
            step = Some(&one.step);
            let title = match one.step.as_str() {
                "" => one.place.file.display().to_string(),
                step => format!("Step {step}"),
            };
            let _ = writeln!(text, "\n{BOLD}{}{BOLD:#}", safe(&title));
        }
        let note = one
            .note
            .as_ref()
            .map(|note| format!(" ({note})"))
            .unwrap_or_default();
        let meaning = format!("{}{note}", one.meaning);
        let style = match one.meaning {
            _ if is_unclear(one) => RED,
            Meaning::Explains | Meaning::Window | Meaning::Illustrates => DIM,
            _ => GREEN,
        };
        let _ = writeln!(
            text,
            "{:>4}  {}\n      {style}→ {}{style:#}",
            one.place.line,
            safe(&one.text),
            safe(&meaning)
        );
    }
    let unclear = lab.unclear().count();
    let steps = &lab.tutorial.steps;
    let tasks: usize = steps.iter().map(|step| step.tasks.len()).sum();
    let _ = writeln!(
        text,
        "\nsentences: {}, not understood: {unclear}, steps: {}, things to do: {tasks}",
        lab.understood.len(),
        steps.len(),
    );
    for problem in &lab.problems {
        let _ = writeln!(
            text,
            "{RED}{}: {}{RED:#}",
            safe(&problem.place.to_string()),
            safe(&problem.message)
        );
    }
    if !lab.problems.is_empty() {
        text.push_str("nothing is sent until this is mended\n");
    }
    text.trim_start_matches('\n').to_owned()
}

/// What a tutorial does, step by step.
fn outline(tutorial: &Tutorial) -> String {
    let mut text = format!("{BOLD}{}{BOLD:#}\n", safe(&tutorial.title));
    for step in &tutorial.steps {
        let _ = writeln!(
            text,
            "\n{BOLD}Step {}: {}{BOLD:#}",
            safe(&step.number),
            safe(&step.title)
        );
        for words in &step.prose {
            let _ = writeln!(text, "  {DIM}{}{DIM:#}", safe(words));
        }
        for task in &step.tasks {
            let _ = writeln!(text, "  → {}", safe(&task.action.to_string()));
            for expectation in &task.expectations {
                let _ = writeln!(
                    text,
                    "    {GREEN}expects {}{GREEN:#}",
                    safe(&expectation.check.to_string())
                );
            }
            for capture in &task.captures {
                let _ = writeln!(
                    text,
                    "    keeps {} as {{{}}}",
                    safe(&capture.source.to_string()),
                    safe(&capture.variable)
                );
            }
        }
    }
    text
}

fn is_unclear(one: &Understood) -> bool {
    match &one.meaning {
        Meaning::Unclear(_) => true,
        Meaning::Expects(_, unclear) => !unclear.is_empty(),
        _ => false,
    }
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();
