//! "Repeat steps 1-5 in this section with the following XML": the same request once more, with another body, and what is
//! to be seen then.

use signoff_core::xml::{self, Element};

use crate::template::Template;
use crate::tutorial::{Action, Check, Place, Task};

/// An item of a numbered list: the number it bears, and the one it should bear. Labs count wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) number: u32,
    pub(super) position: u32,
}

/// The one request of these items, with another body. What was to be seen after it is to be seen again: where that was an
/// element of the first body, it is now that of the second.
pub(super) fn repeated(
    tasks: &[Task],
    sent_by: &[Item],
    items: (u32, u32),
    body: &str,
    place: &Place,
) -> Result<Task, &'static str> {
    let requests = |number: fn(&Item) -> u32| -> Vec<usize> {
        let sent = sent_by.iter().zip(tasks).enumerate();
        sent.filter(|(_, (item, task))| {
            (items.0..=items.1).contains(&number(item)) && matches!(task.action, Action::Request(_))
        })
        .map(|(index, _)| index)
        .collect()
    };
    let (by_number, by_position) = (requests(|item| item.number), requests(|item| item.position));
    if by_number != by_position {
        return Err("items are to be repeated, and they are numbered so that it could mean two things");
    }
    let [only] = *by_number.as_slice() else {
        return Err("items are to be repeated with another body, and they do not send exactly one request");
    };
    let mut task = Task {
        place: place.clone(),
        captures: Vec::new(),
        ..tasks[only].clone()
    };
    if let Action::Request(request) = &mut task.action {
        let first = request.body.replace(Template::new(body.trim()));
        let first = first.map_or_else(Vec::new, |first| elements(first.as_str()));
        let second = elements(body);
        for expectation in &mut task.expectations {
            expectation.place = place.clone();
            expect_of_second(&mut expectation.check, &first, &second);
        }
    }
    Ok(task)
}

fn expect_of_second(check: &mut Check, first: &[(String, String)], second: &[(String, String)]) {
    fn text<'a>(body: &'a [(String, String)], path: &str) -> Option<&'a str> {
        let found = body.iter().find(|(name, _)| name == path);
        found.map(|(_, text)| text.as_str())
    }
    let change = |path: &str, equals: &mut Template| {
        if text(first, path) == Some(equals.as_str())
            && let Some(new) = text(second, path)
        {
            *equals = Template::new(new);
        }
    };
    match check {
        Check::Element { path, equals } => change(path, equals),
        Check::Notification(notification) => {
            for (path, equals) in &mut notification.elements {
                change(path, equals);
            }
        }
        _ => {}
    }
}

/// The names and texts of the elements of a body.
fn elements(body: &str) -> Vec<(String, String)> {
    fn walk(element: &Element, found: &mut Vec<(String, String)>) {
        if element.children.is_empty() {
            found.push((element.name.clone(), element.trimmed().to_owned()));
        }
        for child in &element.children {
            walk(child, found);
        }
    }
    let mut found = Vec::new();
    if let Ok(root) = xml::parse(body.trim().as_bytes()) {
        walk(&root, &mut found);
    }
    found
}
