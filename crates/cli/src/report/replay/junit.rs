//! JUnit, for build servers: a suite for each step, a case for each expectation.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use signoff_replay::event::{Event, TaskResult, Verdict};
use signoff_replay::tutorial::{Place, Tutorial};

use crate::failure::Failure;

/// Gathers a report, and writes it in the end.
pub(super) struct Junit {
    path: PathBuf,
    file: File,
    tutorial: Arc<Tutorial>,
    suites: Vec<TestSuite>,
}

impl Junit {
    /// Creates the file, so that whether it can be written is known before anything is sent.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        Ok(Self {
            path: path.to_owned(),
            file: File::create(path).map_err(|error| unwritable(path, &error.to_string()))?,
            tutorial: Arc::default(),
            suites: Vec::new(),
        })
    }

    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::Begun(tutorial) => {
                self.tutorial = Arc::clone(tutorial);
                self.suites = (0..tutorial.steps.len())
                    .map(|step| TestSuite::new(self.name(step)))
                    .collect();
            }
            Event::Checked {
                step,
                task,
                expectation,
                expected,
                verdict,
            } => {
                let place = self.tutorial.steps[*step].tasks[*task].expectations[*expectation]
                    .place
                    .clone();
                let name = format!("{}.{} {expected}", task + 1, expectation + 1);
                self.case(*step, &place, TestCase::new(name, of_verdict(expected, verdict)));
            }
            Event::TaskEnded {
                step,
                task,
                result: TaskResult::Broken { message, hint },
                elapsed,
            } => {
                let stated = &self.tutorial.steps[*step].tasks[*task];
                let (name, place) = (format!("{} {}", task + 1, stated.action), stated.place.clone());
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
                status.set_type("not carried out");
                status.set_message(message.as_str());
                status.set_description(hint.as_str());
                let mut case = TestCase::new(name, status);
                case.set_time(*elapsed);
                self.case(*step, &place, case);
            }
            Event::Captured {
                step,
                task,
                variable,
                value: Err(problem),
            } => {
                let place = self.tutorial.steps[*step].tasks[*task].place.clone();
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_type("not copied");
                status.set_message(problem.as_str());
                let name = format!("{} a value for {{{variable}}}", task + 1);
                self.case(*step, &place, TestCase::new(name, status));
            }
            Event::StepEnded {
                step,
                passed,
                elapsed,
            } => self.step_ended(*step, *passed, *elapsed),
            _ => {}
        }
    }

    pub(super) fn write(mut self) -> Result<(), Failure> {
        let mut report = Report::new(self.tutorial.title.as_str());
        report.add_test_suites(self.suites);
        let written = report.to_string().map_err(|error| error.to_string());
        let written = written.and_then(|text| {
            let written = self.file.write_all(text.as_bytes());
            written.map_err(|error| error.to_string())
        });
        written.map_err(|error| unwritable(&self.path, &error))
    }

    fn step_ended(&mut self, step: usize, passed: bool, elapsed: Duration) {
        let Some(suite) = self.suites.get_mut(step) else {
            return;
        };
        suite.set_time(elapsed);
        // What was merely not reached is no failure of its own; that it was not is one of the step.
        if !passed && suite.failures + suite.errors == 0 {
            let place = self.tutorial.steps[step].place.clone();
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type("unfinished");
            status.set_message("it did not come to its end");
            self.case(step, &place, TestCase::new("the step", status));
        }
    }

    /// What a step is called.
    fn name(&self, step: usize) -> String {
        let step = &self.tutorial.steps[step];
        format!("{} {}", step.number, step.title).trim().to_owned()
    }

    fn case(&mut self, step: usize, place: &Place, mut case: TestCase) {
        case.set_classname(self.name(step));
        for (name, value) in [
            ("file", place.file.display().to_string()),
            ("line", place.line.to_string()),
        ] {
            case.extra.insert(name.into(), value.into());
        }
        if let Some(suite) = self.suites.get_mut(step) {
            suite.add_test_case(case);
        }
    }
}

fn unwritable(path: &Path, error: &str) -> Failure {
    Failure::usage(
        format!(
            "the JUnit report cannot be written to {}: {error}",
            path.display()
        ),
        "name a file in a folder that you may write to",
    )
}

fn of_verdict(expected: &str, verdict: &Verdict) -> TestCaseStatus {
    match verdict {
        Verdict::Held(_) => TestCaseStatus::success(),
        Verdict::Failed { .. } => {
            let came = verdict.came().unwrap_or_default();
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type("not as expected");
            status.set_message(format!("expected {expected}, and came {came}"));
            status
        }
        Verdict::Skipped => skipped("only a person can see it, and none looked"),
        Verdict::NotReached => skipped("not reached: what it rests on did not happen"),
    }
}

fn skipped(why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(why);
    status
}
