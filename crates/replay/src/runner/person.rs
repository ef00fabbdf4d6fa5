//! What only a person can do or see.

use std::sync::Arc;

use super::{Acted, Given, Person, Runner, Seen};
use crate::check;
use crate::event::{Sending, TaskResult, Verdict};
use crate::tutorial::{Check, Task};

impl Runner<'_> {
    pub(super) async fn by_a_person(&mut self, words: &str, task: &Task) -> TaskResult {
        self.tell_sent(Sending::Human(words.to_owned()));
        for feed in &mut self.feeds {
            feed.forget();
        }
        let acted = self.ask(words, <dyn Person>::act).await;
        if acted != Some(Acted::Done) {
            for (index, expectation) in task.expectations.iter().enumerate() {
                self.checked(index, &expectation.check, Verdict::Skipped);
            }
            return TaskResult::Skipped;
        }
        let mut passed = true;
        let given = Given::default();
        for (index, expectation) in task.expectations.iter().enumerate() {
            let (check, verdict) = match &expectation.check {
                Check::Seen(words) => {
                    let verdict = match self.ask(words, <dyn Person>::sees).await {
                        Some(Seen::Yes) => Verdict::Held(None),
                        Some(Seen::No) => check::failed("something else, as the person said"),
                        Some(Seen::Skipped) | None => Verdict::Skipped,
                    };
                    (expectation.check.clone(), verdict)
                }
                // What a person does can be heard of; anything else is seen in an answer, and there is none.
                check => self.check(check, &given).await,
            };
            passed &= verdict.passes();
            self.checked(index, &check, verdict);
        }
        if passed {
            TaskResult::Passed
        } else {
            TaskResult::Failed
        }
    }

    async fn ask<T: Send + 'static>(&self, words: &str, question: fn(&dyn Person, &str) -> T) -> Option<T> {
        let person = Arc::clone(&self.settings.person);
        let words = self.redacted(words);
        tokio::task::spawn_blocking(move || question(person.as_ref(), &words))
            .await
            .ok()
    }
}
