//! JUnit, for build servers: a suite for each step, a case for each expectation.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use signoff_replay::event::{Event, TaskResult, Verdict};
use signoff_replay::tutorial::Tutorial;

use crate::failure::Failure;

/// Gathers a report, and writes it in the end.
pub(super) struct Junit {
    path: PathBuf,
    tutorial: Arc<Tutorial>,
    suites: Vec<TestSuite>,
}

impl Junit {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            tutorial: Arc::default(),
            suites: Vec::new(),
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::Begun(tutorial) => {
                self.tutorial = Arc::clone(tutorial);
                let named = tutorial
                    .steps
                    .iter()
                    .map(|step| format!("{} {}", step.number, step.title));
                self.suites = named.map(|name| TestSuite::new(name.trim())).collect();
            }
            Event::Checked {
                step,
                task,
                expectation,
                expected,
                verdict,
            } => {
                let stated = &self.tutorial.steps[*step].tasks[*task].expectations[*expectation];
                let name = format!("{} {expected}", stated.place.line);
                self.case(*step, name, of_verdict(expected, verdict));
            }
            Event::TaskEnded {
                step,
                task,
                result: TaskResult::Broken { message, hint },
                ..
            } => {
                let name = self.tutorial.steps[*step].tasks[*task].action.to_string();
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
                status.set_message(message.as_str());
                status.set_description(hint.as_str());
                self.case(*step, name, status);
            }
            Event::StepEnded { step, elapsed, .. } => {
                if let Some(suite) = self.suites.get_mut(*step) {
                    suite.set_time(*elapsed);
                }
            }
            _ => {}
        }
    }

    pub(super) fn write(self) -> Result<(), Failure> {
        let mut report = Report::new(self.tutorial.title.as_str());
        report.add_test_suites(self.suites);
        let written = report.to_string().map_err(|error| error.to_string());
        let written =
            written.and_then(|text| std::fs::write(&self.path, text).map_err(|error| error.to_string()));
        written.map_err(|error| {
            Failure::usage(
                format!(
                    "the JUnit report cannot be written to {}: {error}",
                    self.path.display()
                ),
                "name a file in a folder that you may write to",
            )
        })
    }

    fn case(&mut self, step: usize, name: String, status: TestCaseStatus) {
        if let Some(suite) = self.suites.get_mut(step) {
            suite.add_test_case(TestCase::new(name, status));
        }
    }
}

fn of_verdict(expected: &str, verdict: &Verdict) -> TestCaseStatus {
    match verdict {
        Verdict::Held(_) => TestCaseStatus::success(),
        Verdict::Failed { came } => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(format!("expected {expected}, and came {came}"));
            status
        }
        Verdict::Skipped => TestCaseStatus::skipped(),
        Verdict::NotReached => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message("not reached: what it rests on did not happen");
            status
        }
    }
}
