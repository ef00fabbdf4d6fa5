//! What only a person can do or see.

use std::sync::Arc;

use super::{Acted, Person, Runner, Seen};
use crate::check;
use crate::event::{Sending, TaskResult, Verdict};
use crate::tutorial::{Check, Task};

impl Runner<'_> {
    pub(super) async fn by_a_person(&mut self, words: &str, task: &Task) -> TaskResult {
        self.tell_sent(Sending::Human(words.to_owned()));
        let acted = self.ask(words, <dyn Person>::act).await;
        if acted != Some(Acted::Done) {
            for (index, expectation) in task.expectations.iter().enumerate() {
                self.checked(index, &expectation.check, Verdict::Skipped);
            }
            return TaskResult::Skipped;
        }
        let mut result = TaskResult::Passed;
        for (index, expectation) in task.expectations.iter().enumerate() {
            let (Check::Seen(words) | Check::Unclear(words)) = &expectation.check else {
                self.checked(index, &expectation.check, Verdict::NotReached);
                continue;
            };
            let verdict = match self.ask(words, <dyn Person>::sees).await {
                Some(Seen::Yes) => Verdict::Held(None),
                Some(Seen::No) => check::failed("something else, as the person said"),
                Some(Seen::Skipped) | None => Verdict::Skipped,
            };
            if matches!(verdict, Verdict::Failed { .. }) {
                result = TaskResult::Failed;
            }
            self.checked(index, &expectation.check, verdict);
        }
        result
    }

    async fn ask<T: Send + 'static>(&self, words: &str, question: fn(&dyn Person, &str) -> T) -> Option<T> {
        let person = Arc::clone(&self.settings.person);
        let words = words.to_owned();
        tokio::task::spawn_blocking(move || question(person.as_ref(), &words))
            .await
            .ok()
    }
}
