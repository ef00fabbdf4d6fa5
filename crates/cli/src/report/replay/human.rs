//! What a learner reads: each step with what is sent, what comes, and each expectation with a tick or a cross.

use std::fmt::Write as _;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use signoff_core::xml::{self, Element};
use signoff_replay::event::{Event, Observer, Sending, Summary, TaskResult, Verdict};
use signoff_replay::tutorial::Tutorial;
use unicode_width::UnicodeWidthStr as _;

use super::super::data;
use super::super::words::elapsed;
use crate::arguments::General;
use crate::text::safe;

/// Lines of an answer that are shown; `-v` shows all.
const LINES: usize = 8;

/// Columns of what came that fit on a line of 80 behind what stands before it.
const SAME_LINE: usize = 64;

/// Prints for learners.
pub(super) struct Human {
    tutorial: Arc<Tutorial>,
    verbose: bool,
    quiet: bool,
    /// The step that is being told of, whose heading is not shown yet.
    unheaded: Option<usize>,
    /// Steps that were not begun, in order.
    not_run: Vec<usize>,
}

impl Human {
    pub(super) fn new(general: &General) -> Self {
        Self {
            tutorial: Arc::default(),
            verbose: general.verbose > 0,
            quiet: general.quiet,
            unheaded: None,
            not_run: Vec::new(),
        }
    }

    /// Says what is said even to those who want to hear little, and where that was.
    fn insist(&mut self, text: &str) {
        if let Some(step) = self.unheaded.take() {
            data(&self.heading(step));
        }
        data(text);
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            data(text);
        }
    }

    fn heading(&self, step: usize) -> String {
        let step = &self.tutorial.steps[step];
        let title = match step.number.as_str() {
            "" => safe(&step.title).into_owned(),
            number => format!("Step {}: {}", safe(number), safe(&step.title)),
        };
        format!("\n{}", painted(BOLD, &title))
    }

    /// Which steps were not run, in one line; they are the last ones.
    fn steps_not_run(&self) -> Option<String> {
        let name = |step: usize| {
            let step = &self.tutorial.steps[step];
            safe(if step.number.is_empty() {
                &step.title
            } else {
                &step.number
            })
            .into_owned()
        };
        Some(match self.not_run.as_slice() {
            [] => return None,
            [only] => format!("step {} was not run", name(*only)),
            [first, .., last] => format!("steps {}–{} were not run", name(*first), name(*last)),
        })
    }

    fn body(&self, text: &str) -> String {
        let lines: Vec<&str> = text.trim().lines().collect();
        let shown = if self.verbose {
            lines.len()
        } else {
            lines.len().min(LINES)
        };
        let mut body = String::new();
        for line in &lines[..shown] {
            let line = safe(line);
            let cut = line
                .char_indices()
                .nth(if self.verbose { usize::MAX } else { 160 });
            let _ = match cut {
                Some((end, _)) => write!(body, "\n      {}…", &line[..end]),
                None => write!(body, "\n      {line}"),
            };
        }
        if shown < lines.len() {
            let _ = write!(
                body,
                "\n      … {} more lines; `-v` shows them",
                lines.len() - shown
            );
        }
        body
    }
}

impl Observer for Human {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Begun(tutorial) => {
                self.tutorial = Arc::clone(tutorial);
                self.say(&format!("replaying {}", safe(&tutorial.title)));
            }
            Event::StepBegun(step) => {
                if self.quiet {
                    self.unheaded = Some(*step);
                }
                self.say(&self.heading(*step));
                if self.tutorial.steps[*step].tasks.is_empty() {
                    self.say(&painted(DIM, "  nothing to do but to read"));
                }
            }
            Event::Sent { what, .. } => self.say(&sent(what, |body| self.body(body))),
            Event::Answered { answer, .. } => {
                let time = format!("{} ms", answer.elapsed.as_millis());
                let text = match answer.status {
                    Some(status) => format!("  ← {status} after {time}{}", self.body(&set_out(&answer.body))),
                    None => format!("  ← confirmed after {time}{}", self.body(&set_out(&answer.body))),
                };
                self.say(&text);
            }
            Event::StepNotRun(step) => self.not_run.push(*step),
            // Of a step that was not begun, that alone is told.
            Event::Checked { step, .. } if self.not_run.contains(step) => {}
            Event::Checked {
                expected, verdict, ..
            } => {
                let line = checked(expected, verdict, self.quiet);
                if matches!(verdict, Verdict::Failed { .. }) {
                    self.insist(&line);
                } else {
                    self.say(&line);
                }
            }
            Event::Captured { variable, value, .. } => {
                let variable = safe(variable);
                match value {
                    Ok(value) => self.say(&format!("  {{{variable}}} is now {}", safe(value))),
                    Err(problem) => self.insist(&format!(
                        "  {} {{{variable}}} is not copied: {}",
                        painted(RED, "✗"),
                        safe(problem)
                    )),
                }
            }
            Event::TaskEnded { result, .. } => match result {
                TaskResult::Broken { message, hint } => {
                    let hint = match hint.as_str() {
                        "" => String::new(),
                        hint => format!("\n      = help: {}", safe(hint)),
                    };
                    self.insist(&format!("  {} {}{hint}", painted(RED, "✗"), safe(message)));
                }
                TaskResult::NotRun => self.say(&painted(DIM, "  not run: an earlier step failed")),
                TaskResult::Passed | TaskResult::Failed | TaskResult::Skipped => {}
            },
            Event::StepEnded { .. } => {}
            Event::Finished(summary) => {
                if let Some(steps) = self.steps_not_run() {
                    self.say(&painted(DIM, &format!("\n{steps}")));
                }
                data(&summary_line(summary));
            }
        }
    }
}

/// `alone`: the answer has not been shown.
fn checked(expected: &str, verdict: &Verdict, alone: bool) -> String {
    let expected = safe(expected);
    match verdict {
        Verdict::Held(seen) => {
            let seen = seen
                .as_ref()
                .map(|seen| painted(DIM, &format!("\n      {}", safe(seen))));
            format!("  {} {expected}{}", painted(GREEN, "✓"), seen.unwrap_or_default())
        }
        Verdict::Failed { came, .. } => {
            let came = verdict.came().filter(|_| alone).unwrap_or_else(|| came.clone());
            let came = safe(&came);
            let mut text = format!(
                "  {} {expected}\n      expected  {expected}\n      came      {came}",
                painted(RED, "✗")
            );
            if let Some(marks) = difference(&expected, &came) {
                let _ = write!(text, "\n                {}", painted(RED, &marks));
            }
            text
        }
        Verdict::Skipped => format!("  {} {expected}", painted(DIM, "- skipped  ")),
        Verdict::NotReached => format!("  {} {expected}", painted(DIM, "- not checked  ")),
    }
}

fn sent(what: &Sending, shown: impl Fn(&str) -> String) -> String {
    match what {
        Sending::Request {
            method,
            url,
            user,
            headers,
            body,
        } => {
            let mut text = format!("  → {} {}", safe(method), safe(url));
            if let Some(user) = user {
                let _ = write!(text, "   as {}", safe(user));
            }
            for (name, value) in headers {
                let _ = write!(text, "\n      {}: {}", safe(name), safe(value));
            }
            text + &body.as_deref().map(shown).unwrap_or_default()
        }
        Sending::Feed(words) => format!("  → {}", safe(words)),
        Sending::FeedBefore(words) => format!("  → listens first: {}", safe(words)),
        Sending::Human(words) => format!("  ☞ {}", safe(words)),
        Sending::Redirect(url) => format!("  → redirected to {}", safe(url)),
    }
}

/// A body as one would write it: XML and JSON that stand on one line, line by line.
fn set_out(body: &str) -> String {
    let body = body.trim();
    if body.lines().nth(1).is_some() {
        return body.to_owned();
    }
    if let Ok(root) = xml::parse(body.as_bytes()) {
        let mut text = String::new();
        indent(&root, 0, &mut text);
        return text;
    }
    match serde_json::from_str::<serde_json::Value>(body) {
        Ok(json) if json.is_object() || json.is_array() => format!("{json:#}"),
        _ => body.to_owned(),
    }
}

fn indent(element: &Element, depth: usize, text: &mut String) {
    let margin = "  ".repeat(depth);
    if element.children.is_empty() {
        let _ = writeln!(text, "{margin}{element}");
        return;
    }
    let _ = writeln!(text, "{margin}<{}>", element.name);
    for child in &element.children {
        indent(child, depth + 1, text);
    }
    let _ = writeln!(text, "{margin}</{}>", element.name);
}

fn summary_line(summary: &Summary) -> String {
    let passed = summary.steps - summary.failed_steps - summary.steps_not_run;
    let mut text = format!(
        "\n{passed} of {} steps passed; {} of {} expectations held",
        summary.steps, summary.held, summary.expectations
    );
    for (count, words) in [
        (summary.failed, "failed"),
        (summary.not_reached, "not checked"),
        (summary.skipped, "skipped, for a person"),
    ] {
        if count > 0 {
            let _ = write!(text, ", {count} {words}");
        }
    }
    let (style, word) = match summary {
        Summary {
            interrupted: true, ..
        } => (RED, "interrupted"),
        summary if summary.passed() => (GREEN, "passed"),
        _ => (RED, "failed"),
    };
    let _ = write!(text, "\n{} in {}", painted(style, word), elapsed(summary.elapsed));
    text
}

/// Marks under the part of what came that differs from what was expected, if the two have something in common.
fn difference(expected: &str, got: &str) -> Option<String> {
    let common = expected
        .chars()
        .zip(got.chars())
        .take_while(|(one, other)| one == other)
        .count();
    let rest = |text: &str| text.chars().count() - common;
    let behind = expected
        .chars()
        .rev()
        .zip(got.chars().rev())
        .take_while(|(one, other)| one == other)
        .count()
        .min(rest(expected))
        .min(rest(got));
    let differing = rest(got) - behind;
    // A handful of letters is no common ground.
    // Marks under a line that is broken by the terminal would mark something else.
    (common + behind >= 4 && differing > 0 && got.width() <= SAME_LINE).then(|| {
        let (before, marks) = got.split_at(got.char_indices().nth(common).map_or(got.len(), |(at, _)| at));
        let marked: String = marks.chars().take(differing).collect();
        format!("{}{}", " ".repeat(before.width()), "^".repeat(marked.width()))
    })
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();

fn painted(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_that_differs_is_marked() {
        for (expected, got, marks) in [
            ("<state> is LOGOUT", "<state> is READY", Some("           ^^^^^")),
            (
                "HTTP status 202",
                "HTTP status 401: no",
                Some("            ^^^^^^^"),
            ),
            ("an empty body", "7 bytes: <a></a>", None),
            ("<name> is 田中", "<name> is 田", None),
            ("<name> is x", "<name> is 田中", Some("          ^^^^")),
        ] {
            assert_eq!(difference(expected, got).as_deref(), marks, "{got}");
        }
    }
}
