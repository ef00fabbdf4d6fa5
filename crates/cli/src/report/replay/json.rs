//! One JSON object a line, for programs: what was sent, what came, and each expectation.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use signoff_replay::event::{Event, Observer, Sending, TaskResult, Verdict};
use signoff_replay::tutorial::{Step, Tutorial};

use super::super::data;

/// Prints JSON lines.
#[derive(Default)]
pub(super) struct Json {
    tutorial: Arc<Tutorial>,
}

impl Observer for Json {
    fn event(&mut self, event: &Event) {
        if let Event::Begun(tutorial) = event {
            self.tutorial = Arc::clone(tutorial);
        }
        if let Some(line) = line(event, &self.tutorial) {
            data(&line.to_string());
        }
    }
}

fn line(event: &Event, tutorial: &Tutorial) -> Option<Value> {
    let step = |step: usize| number(&tutorial.steps[step]);
    Some(match event {
        Event::Begun(tutorial) => {
            json!({"event": "replay", "title": tutorial.title, "steps": tutorial.steps.len()})
        }
        Event::StepBegun(index) => {
            let step = &tutorial.steps[*index];
            json!({"event": "step", "step": number(step), "title": step.title, "place": step.place.to_string()})
        }
        Event::StepNotRun(index) => {
            json!({"event": "step_not_run", "step": step(*index), "title": tutorial.steps[*index].title})
        }
        Event::Sent {
            step: index,
            task,
            what,
        } => {
            let mut line = json!({"event": "sent", "step": step(*index), "task": task});
            extend(&mut line, sent(what));
            line
        }
        Event::Answered {
            step: index,
            task,
            answer,
        } => json!({
            "event": "answer", "step": step(*index), "task": task, "http_status": answer.status,
            "headers": answer.headers, "body": answer.body, "elapsed_ms": ms(answer.elapsed),
        }),
        Event::Checked {
            step: index,
            task,
            expectation,
            expected,
            verdict,
        } => {
            let stated = &tutorial.steps[*index].tasks[*task].expectations[*expectation];
            let mut line = json!({
                "event": "expectation", "step": step(*index), "task": task, "place": stated.place.to_string(),
                "expected": expected,
            });
            extend(&mut line, checked(verdict));
            line
        }
        Event::Captured {
            step: index,
            task,
            variable,
            value,
        } => {
            let (value, problem) = match value {
                Ok(value) => (Some(value), None),
                Err(problem) => (None, Some(problem)),
            };
            json!({"event": "copied", "step": step(*index), "task": task, "variable": variable, "value": value, "problem": problem})
        }
        Event::TaskEnded {
            step: index,
            task,
            result,
            elapsed,
        } => {
            let mut line =
                json!({"event": "task", "step": step(*index), "task": task, "elapsed_ms": ms(*elapsed)});
            extend(&mut line, ended(result));
            line
        }
        Event::StepEnded {
            step: index,
            passed,
            elapsed,
        } => {
            json!({"event": "step_ended", "step": step(*index), "passed": passed, "elapsed_ms": ms(*elapsed)})
        }
        Event::Finished(summary) => json!({
            "event": "summary", "passed": summary.passed(), "interrupted": summary.interrupted, "steps": summary.steps, "failed_steps": summary.failed_steps,
            "steps_not_run": summary.steps_not_run, "expectations": summary.expectations, "held": summary.held,
            "failed": summary.failed, "skipped": summary.skipped, "not_reached": summary.not_reached,
            "broken": summary.broken, "elapsed_ms": ms(summary.elapsed),
        }),
    })
}

fn sent(what: &Sending) -> Value {
    match what {
        Sending::Request {
            method,
            url,
            user,
            headers,
            body,
        } => {
            json!({"what": "request", "method": method, "url": url, "user": user, "headers": headers, "body": body})
        }
        Sending::Feed(words) => json!({"what": "feed", "words": words}),
        Sending::FeedBefore(words) => json!({"what": "feed_before", "words": words}),
        Sending::Human(words) => json!({"what": "person", "words": words}),
        Sending::Redirect(url) => json!({"what": "redirect", "url": url}),
    }
}

fn checked(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Held(seen) => json!({"result": "held", "seen": seen}),
        Verdict::Failed { .. } => json!({"result": "failed", "came": verdict.came()}),
        Verdict::Skipped => json!({"result": "skipped"}),
        Verdict::NotReached => json!({"result": "not_reached"}),
    }
}

fn ended(result: &TaskResult) -> Value {
    match result {
        TaskResult::Passed => json!({"result": "passed"}),
        TaskResult::Failed => json!({"result": "failed"}),
        TaskResult::Broken { message, hint } => json!({"result": "broken", "message": message, "hint": hint}),
        TaskResult::Skipped => json!({"result": "skipped"}),
        TaskResult::NotRun => json!({"result": "not_run"}),
    }
}

fn extend(line: &mut Value, more: Value) {
    if let (Value::Object(line), Value::Object(more)) = (line, more) {
        line.extend(more);
    }
}

fn number(step: &Step) -> &str {
    &step.number
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
