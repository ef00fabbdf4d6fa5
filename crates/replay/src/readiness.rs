//! What can be found out about a tutorial and its variables before anything is sent, so that no lab ends in its middle for
//! want of a value.

use std::cell::RefCell;
use std::collections::BTreeSet;

use url::Url;

use crate::aim::port_of;
use crate::template::{Filled, Template};
use crate::tutorial::{Action, Auth, Check, Expectation, FeedAction, FeedLogin, Place, Task, Tutorial};
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
            for text in texts_of(&expectation.check) {
                note(&known, &expectation.place, &text, false);
            }
        }
    }
    missing
}

/// Those of the names of which the tutorial makes nothing, not even by way of the value of another variable.
pub fn unused<'a>(
    names: impl Iterator<Item = &'a str>,
    tutorial: &Tutorial,
    variables: &Variables,
) -> Vec<&'a str> {
    // It is asked for wherever a feed is opened.
    let mut open = vec!["xmpp-domain".to_owned()];
    let mut note = |template: &Template| {
        open.extend(template.variables().map(|variable| variable.name.to_owned()));
    };
    for task in tutorial.steps.iter().flat_map(|step| &step.tasks) {
        uses(task, variables, &mut |template, _| note(template));
        if let Action::Human(words) = &task.action {
            note(&Template::new(words));
        }
        for text in task.expectations.iter().flat_map(|one| texts_of(&one.check)) {
            note(&text);
        }
    }
    let mut used = BTreeSet::new();
    while let Some(name) = open.pop() {
        if let Some(value) = variables.get(&name).filter(|_| !used.contains(&name)) {
            let inner = Template::new(value);
            open.extend(inner.variables().map(|variable| variable.name.to_owned()));
        }
        used.insert(name);
    }
    names.filter(|name| !used.contains(*name)).collect()
}

/// A variable that stands for the host of a request, and holds a whole address.
#[must_use]
pub fn not_a_host(tutorial: &Tutorial, variables: &Variables) -> Option<String> {
    let tasks = tutorial.steps.iter().flat_map(|step| &step.tasks);
    let hosts = tasks.filter_map(|task| match &task.action {
        Action::Request(request) => request.url.as_str().split_once("://"),
        _ => None,
    });
    hosts
        .filter(|(_, host)| host.starts_with('{'))
        .filter_map(|(_, host)| {
            Template::new(host)
                .variables()
                .next()
                .map(|host| host.name.to_owned())
        })
        .find(|name| variables.get(name).is_some_and(|value| value.contains("://")))
}

/// The ports that it names for requests and for feeds; `None` where that cannot be known before it runs.
#[must_use]
pub fn ports(tutorial: &Tutorial, variables: &Variables) -> Option<BTreeSet<u16>> {
    let text = |template: &Template| Some(variables.filled(template).ok()?.text);
    let mut ports = BTreeSet::new();
    for task in tutorial.steps.iter().flat_map(|step| &step.tasks) {
        match &task.action {
            Action::Request(request) => {
                let url = Url::parse(&text(&request.url)?).ok()?;
                ports.insert(url.port_or_known_default()?);
            }
            Action::Feed(FeedAction::Connect(feed)) => {
                let server = feed.server.clone().unwrap_or_default();
                ports.insert(port_of(&text(&server)?));
            }
            Action::Feed(_) | Action::Human(_) => {}
        }
        let heard =
            |one: &Expectation| matches!(one.check, Check::Notification(_) | Check::NoNotification { .. });
        // A feed that no step opens is opened for it.
        if task.expectations.iter().any(heard) {
            ports.insert(port_of(""));
        }
    }
    Some(ports)
}

fn texts_of(check: &Check) -> Vec<Template> {
    let texts = RefCell::new(Vec::new());
    let _ = check.filled(&|template| {
        texts.borrow_mut().push(template.clone());
        template.clone()
    });
    texts.into_inner()
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
