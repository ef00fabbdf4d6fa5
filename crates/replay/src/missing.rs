//! What a tutorial cannot be replayed without: found before anything is sent, so that no lab ends in its middle for want
//! of a value.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::template::{Filled, Template};
use crate::tutorial::{Action, Auth, FeedAction, FeedLogin, Place, Task, Tutorial};
use crate::variables::Variables;

/// A variable that nobody gives a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its name.
    pub name: String,
    /// Where it is used first.
    pub place: Place,
    /// Whether it stands in single braces, and an earlier step would have copied it.
    pub copied: bool,
}

/// The variables that neither an environment nor an earlier step gives a value, each where it is used first.
#[must_use]
pub fn missing(tutorial: &Tutorial, variables: &Variables) -> Vec<Missing> {
    let mut known = variables.clone();
    let mut names = BTreeSet::new();
    let mut missing = Vec::new();
    for task in tutorial.steps.iter().flat_map(|step| &step.tasks) {
        let mut note = |known: &Variables, place: &Place, template: &Template, is_whole: bool| {
            // What goes in a circle is told where it is sent.
            let Filled { left, unknown, .. } = known.filled(template).unwrap_or_default();
            let left = left.into_iter().filter(|_| is_whole).map(|name| (name, true));
            for (name, copied) in unknown.into_iter().map(|name| (name, false)).chain(left) {
                if names.insert(name.clone()) {
                    let place = place.clone();
                    missing.push(Missing { name, place, copied });
                }
            }
        };
        uses(task, &known, &mut |template, is_whole| {
            note(&known, &task.place, template, is_whole);
        });
        for capture in &task.captures {
            known.capture(capture.variable.as_str(), "");
        }
        for expectation in &task.expectations {
            let texts = RefCell::new(Vec::new());
            let _ = expectation.check.filled(&|template| {
                texts.borrow_mut().push(template.clone());
                template.clone()
            });
            for text in texts.into_inner() {
                note(&known, &expectation.place, &text, false);
            }
        }
    }
    missing
}

/// The texts that a task is done with, and whether nothing in braces is text there.
fn uses(task: &Task, variables: &Variables, note: &mut dyn FnMut(&Template, bool)) {
    match &task.action {
        Action::Request(request) => {
            note(&request.url, true);
            for (_, value) in &request.headers {
                note(value, false);
            }
            match &request.auth {
                Some(Auth::Basic(login)) => {
                    note(&login.username, false);
                    note(&login.password, false);
                }
                Some(Auth::Bearer(token)) => note(token, false),
                None => {}
            }
            if let Some(body) = &request.body {
                note(body, false);
            }
        }
        Action::Feed(FeedAction::Connect(FeedLogin {
            server,
            domain,
            login,
        })) => {
            // Unless another is named, it is where the requests go.
            note(server.as_ref().unwrap_or(&"{{web-url}}".into()), true);
            // The environment knows better than the text.
            if let Some(domain) = domain.as_ref().filter(|_| variables.get("xmpp-domain").is_none()) {
                note(domain, true);
            }
            note(&login.username, false);
            note(&login.password, false);
        }
        Action::Feed(FeedAction::Subscribe(node) | FeedAction::Unsubscribe(node)) => note(node, true),
        Action::Feed(FeedAction::Disconnect | FeedAction::ListSubscriptions) | Action::Human(_) => {}
    }
}
