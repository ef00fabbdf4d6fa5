//! What a replay tells those who watch it: one stream, from which the terminal view, JSON lines and JUnit are made.
//! Everything in it is free of secrets.

use std::sync::Arc;
use std::time::Duration;

use crate::tutorial::Tutorial;

/// Receives the events of a replay, in order; must not block.
pub trait Observer: Send {
    /// Something happened.
    fn event(&mut self, event: &Event);
}

/// Something happened in a replay. Steps, tasks and expectations are named by their numbers in the tutorial, from 0.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It begins.
    Begun(Arc<Tutorial>),
    /// A step begins.
    StepBegun(usize),
    /// A step is not begun, because the replay was ended before it. Its expectations follow, none of them reached.
    StepNotRun(usize),
    /// A task begins: what is sent.
    Sent {
        /// Its step.
        step: usize,
        /// Which of the step's tasks.
        task: usize,
        /// What.
        what: Sending,
    },
    /// An answer came.
    Answered {
        /// Its step.
        step: usize,
        /// Which of the step's tasks.
        task: usize,
        /// What it said.
        answer: Answered,
    },
    /// An expectation was checked.
    Checked {
        /// Its step.
        step: usize,
        /// Which of the step's tasks.
        task: usize,
        /// Which of the task's expectations.
        expectation: usize,
        /// What was expected, with the values of variables.
        expected: String,
        /// What came of it.
        verdict: Verdict,
    },
    /// A value was copied.
    Captured {
        /// Its step.
        step: usize,
        /// Which of the step's tasks.
        task: usize,
        /// The variable that has it now.
        variable: String,
        /// The value; why there is none.
        value: Result<String, String>,
    },
    /// A task has ended.
    TaskEnded {
        /// Its step.
        step: usize,
        /// Which of the step's tasks.
        task: usize,
        /// How.
        result: TaskResult,
        /// How long it took.
        elapsed: Duration,
    },
    /// A step has ended.
    StepEnded {
        /// Which.
        step: usize,
        /// Whether everything in it held.
        passed: bool,
        /// How long it took.
        elapsed: Duration,
    },
    /// It has ended.
    Finished(Summary),
}

/// What is sent, or done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sending {
    /// A request.
    Request {
        /// Upper case.
        method: String,
        /// Where it goes.
        url: String,
        /// As whom.
        user: Option<String>,
        /// Names and values that the tutorial states.
        headers: Vec<(String, String)>,
        /// What it holds.
        body: Option<String>,
    },
    /// Something is done with a feed; in a few words.
    Feed(String),
    /// A feed is opened because what follows needs it, and no earlier step has done so.
    FeedBefore(String),
    /// A person is asked.
    Human(String),
    /// A redirect is followed to this URL.
    Redirect(String),
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The HTTP status; of a feed `None`.
    pub status: Option<u16>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// As text, untrusted.
    pub body: String,
    /// How long it took.
    pub elapsed: Duration,
}

/// What came of an expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It held; what was seen, where that says more than the expectation.
    Held(Option<String>),
    /// It did not.
    Failed {
        /// What came instead.
        came: String,
        /// The body that came with it, for those who are not shown the answer; empty where it says nothing.
        body: String,
    },
    /// A person would have to look, and none did.
    Skipped,
    /// It could not be checked, because what it rests on did not happen.
    NotReached,
}

impl Verdict {
    /// What came instead of what was expected, for those who are not shown the answer.
    #[must_use]
    pub fn came(&self) -> Option<String> {
        match self {
            Self::Failed { came, body } if body.is_empty() => Some(came.clone()),
            Self::Failed { came, body } => Some(format!("{came}: {body}")),
            _ => None,
        }
    }

    /// Whether a task with it can pass.
    #[must_use]
    pub const fn passes(&self) -> bool {
        matches!(self, Self::Held(_) | Self::Skipped)
    }
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskResult {
    /// Everything held.
    Passed,
    /// Something did not hold.
    Failed,
    /// It could not be done at all; why, and what to do about it.
    Broken {
        /// What went wrong.
        message: String,
        /// What to do; may be empty.
        hint: String,
    },
    /// Only a person could do it, and none did.
    Skipped,
    /// An earlier failure ended the replay.
    NotRun,
}

/// How a replay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// How many steps there are.
    pub steps: usize,
    /// Steps in which something did not hold, or could not be done.
    pub failed_steps: usize,
    /// Steps that were not begun.
    pub steps_not_run: usize,
    /// How many expectations there are.
    pub expectations: usize,
    /// Those that held.
    pub held: usize,
    /// Those that did not.
    pub failed: usize,
    /// Those that only a person can see.
    pub skipped: usize,
    /// Those that were not reached.
    pub not_reached: usize,
    /// Requests and feed actions that could not be carried out.
    pub broken: usize,
    /// Whether somebody ended it.
    pub interrupted: bool,
    /// From beginning to end.
    pub elapsed: Duration,
}

impl Summary {
    /// Whether every expectation held that signoff can check.
    #[must_use]
    pub const fn passed(&self) -> bool {
        self.failed == 0
            && self.not_reached == 0
            && self.broken == 0
            && self.steps_not_run == 0
            && !self.interrupted
    }
}
