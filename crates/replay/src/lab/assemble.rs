//! From sentences to steps and tasks: what is said bit by bit is gathered until it is sent.

mod draft;
mod repeat;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::blocks::{self, Fence, Kind};
use super::sentences::{self, Sentence};
use super::understand::{self, Program};
use super::{Lab, Meaning, Problem, Understood};
use crate::template::Template;
use crate::tutorial::{Action, Capture, CaptureSource, Check, Expectation, FeedAction, Place, Step, Task};
use draft::Draft;
use repeat::Item;

/// Characters of a block that are shown.
const SHOWN: usize = 300;

/// Reads pages into one lab.
pub(super) fn assemble(title: &str, pages: &[(PathBuf, String)]) -> Lab {
    let mut assembler = Assembler::default();
    assembler.lab.tutorial.title = title.to_owned();
    for (path, text) in pages {
        assembler.page(path, text);
    }
    assembler.step_ends();
    name_copies(&mut assembler.lab);
    assembler.lab
}

#[derive(Default)]
struct Assembler {
    lab: Lab,
    file: PathBuf,
    /// The step that is being read, and for each of its tasks the item that sent it.
    step: Option<(Step, Vec<Item>)>,
    draft: Draft,
    /// What is in use: said once, until another is.
    program: Option<Program>,
    /// The item that is being read; `None` before the first of a step.
    item: Option<Item>,
    /// How many numbered items the step has had.
    numbered: u32,
    /// Whether the step has a request that cannot be sent.
    unsent: bool,
    /// How many kinds of computer the step has had instructions for; 0: it makes no difference.
    alternatives: u32,
    /// The path of an element that was described last: a value that is copied from its innermost one is meant.
    described: Option<String>,
    /// A repetition whose body is still to come: its items, and where it stands.
    repeats: Option<((u32, u32), Place)>,
    /// What the step says should be seen before it says what to do.
    early: Vec<Expectation>,
    /// Whether something of the page was found to stand in no step.
    homeless: bool,
}

impl Assembler {
    fn page(&mut self, path: &Path, text: &str) {
        // What stands on another page goes on with no step of an earlier one.
        self.step_ends();
        path.clone_into(&mut self.file);
        self.homeless = false;
        // Editors on Windows begin a file with a byte order mark, which would hide the first heading.
        for block in blocks::blocks(text.trim_start_matches('\u{feff}')) {
            match block.kind {
                Kind::Heading(text) => self.heading(block.line, &text),
                Kind::Item { number, text } => {
                    self.item_begins(number);
                    self.sentences(&sentences::sentences(&text));
                }
                Kind::Paragraph(text) => self.sentences(&sentences::sentences(&text)),
                Kind::Quote(text) => {
                    for sentence in sentences::sentences(&text) {
                        self.note(sentence.line, &sentence.text, Meaning::Explains);
                    }
                }
                Kind::Fence(fence) => self.fence(block.line, fence),
            }
        }
    }

    /// "Step 7: Sign out userA"; any other heading is a title within whatever it stands in.
    fn heading(&mut self, line: usize, text: &str) {
        let Some((number, title)) = step_heading(text) else {
            if self.step.is_none() && self.lab.tutorial.steps.is_empty() {
                text.clone_into(&mut self.lab.tutorial.title);
            }
            return;
        };
        self.step_ends();
        let step = Step {
            number: number.to_owned(),
            title: title.to_owned(),
            place: self.place(line),
            ..Step::default()
        };
        self.step = Some((step, Vec::new()));
    }

    fn step_ends(&mut self) {
        if let Some((_, place)) = self.repeats.take() {
            self.problem(
                &place,
                "items are to be repeated with another body, and none follows",
            );
        }
        for (place, message) in std::mem::take(&mut self.draft).not_understood() {
            self.problem(&place, &message);
        }
        let early = std::mem::take(&mut self.early);
        if let Some((mut step, _)) = self.step.take() {
            let is_human = |task: &Task| matches!(task.action, Action::Human(_));
            match step.tasks.iter_mut().find(|task| !is_human(task)) {
                Some(first) => _ = first.expectations.splice(0..0, early),
                None if self.unsent => {}
                None => {
                    for expectation in early {
                        self.problem(
                            &expectation.place,
                            "something is to be seen, and nothing of this step is sent",
                        );
                    }
                }
            }
            self.lab.tutorial.steps.push(step);
        }
        self.program = None;
        self.item = None;
        self.numbered = 0;
        self.unsent = false;
        self.alternatives = 0;
        self.described = None;
    }

    fn item_begins(&mut self, number: Option<u32>) {
        let Some(number) = number else {
            return;
        };
        self.numbered += 1;
        self.item = Some(Item {
            number,
            position: self.numbered,
        });
    }

    fn sentences(&mut self, sentences: &[Sentence]) {
        for sentence in sentences {
            if understand::is_alternative(sentence) {
                self.alternatives += 1;
                self.note(sentence.line, &sentence.text, Meaning::Alternative);
                continue;
            }
            if self.alternatives > 1 {
                self.note(sentence.line, &sentence.text, Meaning::PassedOver);
                continue;
            }
            self.program = understand::program(sentence).or(self.program);
            let is_expectation = understand::is_expectation(sentence);
            let program = self
                .program
                .unwrap_or_else(|| self.default_program(is_expectation));
            let meaning = match understand::understand(sentence, program) {
                deed if self.step.is_none() && understand::is_deed(sentence, &deed) => {
                    self.without_step(sentence)
                }
                other if self.item.is_some() => other,
                // What stands before the first item tells what the step is about, and is not to be done.
                _ if is_expectation => {
                    Meaning::Unclear("it says what should be seen before anything is done")
                }
                deed if understand::is_deed(sentence, &deed) => {
                    Meaning::Unclear("it says what to do, and is no item of a numbered list")
                }
                _ => Meaning::Explains,
            };
            self.take(sentence, meaning);
        }
    }

    /// What is to be done or seen, and belongs to no step: one such sentence of a page tells what is wrong with all.
    fn without_step(&mut self, sentence: &Sentence) -> Meaning {
        if !std::mem::replace(&mut self.homeless, true) {
            let place = self.place(sentence.line);
            self.problem(&place, "this stands before any heading such as `## Step 1: …`");
        }
        Meaning::Unclear("it stands before any heading such as `## Step 1: …`")
    }

    /// What is to be seen without a word of where is to be seen where something was sent last.
    fn default_program(&self, is_expectation: bool) -> Program {
        let last = self.step.as_ref().and_then(|(step, _)| step.tasks.last());
        match last.map(|task| &task.action) {
            Some(Action::Feed(_)) if is_expectation => Program::Feed,
            _ => Program::Requests,
        }
    }

    fn take(&mut self, sentence: &Sentence, meaning: Meaning) {
        let place = self.place(sentence.line);
        let text = without_password(sentence, &meaning);
        self.note(sentence.line, &text, meaning.clone());
        if self.step.is_none() {
            return;
        }
        match meaning {
            Meaning::Explains if self.item.is_none() => {
                if let Some((step, _)) = &mut self.step {
                    step.prose.push(sentence.text.clone());
                }
            }
            Meaning::Send => self.send(place),
            Meaning::Connect | Meaning::Disconnect => {
                let action = self.draft.feed(matches!(meaning, Meaning::Connect));
                self.act(place, action);
            }
            Meaning::Expects(checks, unclear) => {
                let unclear = unclear.into_iter().map(Check::Unclear);
                for check in checks.into_iter().chain(unclear) {
                    self.expect(&place, check);
                }
            }
            Meaning::Unclear(_) if sentence.says_any(&["should", "must", "will see"]) => {
                self.expect(&place, Check::Unclear(sentence.text.clone()));
            }
            Meaning::Unclear(why) => self.draft.unclear(place, why, &sentence.text),
            Meaning::ListsSubscribed => {
                for node in self.subscribed() {
                    self.expect(&place, Check::Subscribed(node));
                }
            }
            Meaning::Copies {
                element,
                variable,
                notified,
            } => self.copy(place, element, variable, notified),
            Meaning::Repeats { from, to } => {
                self.repeats = Some(((from, to), place));
                self.draft.body_follows();
            }
            Meaning::Person => self.by_a_person(place, &sentence.text),
            Meaning::PersonSees => self.expect_of_a_person(place, &sentence.text),
            Meaning::Explains => self.described = understand::described(sentence).or(self.described.take()),
            other => self.draft.take(&other, &place),
        }
    }

    /// What the tutorial has subscribed to up to here.
    fn subscribed(&self) -> Vec<Template> {
        let mut nodes = Vec::new();
        let steps = self.lab.tutorial.steps.iter();
        for task in steps
            .chain(self.step.as_ref().map(|(step, _)| step))
            .flat_map(|step| &step.tasks)
        {
            match &task.action {
                Action::Feed(FeedAction::Subscribe(node)) => nodes.push(node.clone()),
                Action::Feed(FeedAction::Unsubscribe(node)) => nodes.retain(|known| known != node),
                _ => {}
            }
        }
        nodes
    }

    fn fence(&mut self, line: usize, fence: Fence) {
        let text = on_one_line(&fence.text);
        let place = self.place(line);
        if self.alternatives > 1 {
            return self.note(line, &text, Meaning::PassedOver);
        }
        if fence.quoted || !self.draft.wants_body() {
            return self.note(line, &text, Meaning::Illustrates);
        }
        self.note(line, &text, Meaning::Body);
        match self.repeats.take() {
            Some((items, place)) => self.repeat(items, &place, &fence.text),
            None => self.draft.body(place, fence),
        }
    }

    fn send(&mut self, place: Place) {
        let (action, illustrations) = self.draft.sent();
        if !illustrations.is_empty() {
            for one in &mut self.lab.understood {
                if illustrations.contains(&one.place) {
                    one.meaning = Meaning::Illustrates;
                }
            }
        }
        match action {
            Ok(action) => self.task(place, action),
            Err(problems) => {
                self.unsent = true;
                for (at, message) in problems {
                    self.problem(at.as_ref().unwrap_or(&place), &message);
                }
            }
        }
    }

    fn act(&mut self, place: Place, action: Result<Action, String>) {
        match action {
            Ok(action) => self.task(place, action),
            Err(message) => self.problem(&place, &message),
        }
    }

    fn task(&mut self, place: Place, action: Action) {
        if let (Some((step, items)), Some(item)) = (&mut self.step, self.item) {
            items.push(item);
            step.tasks.push(Task {
                place,
                action,
                expectations: Vec::new(),
                captures: Vec::new(),
            });
        }
    }

    fn expect(&mut self, place: &Place, check: Check) {
        let Some((step, _)) = &mut self.step else {
            return;
        };
        let is_human = |task: &Task| matches!(task.action, Action::Human(_));
        let heard = matches!(check, Check::Notification(_) | Check::NoNotification { .. });
        // What a person does in a desktop can be heard of as well as what is sent.
        let by_a_person = heard && step.tasks.iter().all(is_human);
        let tasks = step.tasks.iter_mut().rev();
        let expectation = Expectation {
            place: place.clone(),
            check,
        };
        match tasks.into_iter().find(|task| by_a_person || !is_human(task)) {
            Some(task) => task.expectations.push(expectation),
            None if self.item.is_none() => self.early.push(expectation),
            None if self.unsent => {}
            None => self.problem(place, "something is to be seen before anything is sent"),
        }
    }

    /// What a person does for one item is one thing to do.
    fn by_a_person(&mut self, place: Place, text: &str) {
        if let Some((step, items)) = &mut self.step
            && let Some(task) = step.tasks.last_mut()
            && let Action::Human(words) = &mut task.action
            && task.expectations.is_empty()
            && items.last() == self.item.as_ref()
        {
            words.push(' ');
            words.push_str(text);
            return;
        }
        self.task(place, Action::Human(text.to_owned()));
    }

    /// What only a person can see belongs to what only a person can do, if that comes first.
    fn expect_of_a_person(&mut self, place: Place, text: &str) {
        let Some((step, _)) = &mut self.step else {
            return;
        };
        let check = Check::Seen(text.to_owned());
        match step.tasks.last_mut() {
            Some(task) if matches!(task.action, Action::Human(_)) => {
                task.expectations.push(Expectation { place, check });
            }
            _ => self.task(place, Action::Human(text.to_owned())),
        }
    }

    fn copy(&mut self, place: Place, element: String, variable: Option<String>, notified: bool) {
        let Some(task) = self.step.as_mut().and_then(|(step, _)| step.tasks.last_mut()) else {
            return self.problem(&place, "a value is to be copied before anything is sent");
        };
        let is_heard = |one: &Expectation| matches!(one.check, Check::Notification(_));
        if notified && !task.expectations.iter().any(is_heard) {
            return self.problem(
                &place,
                "a value is to be copied from a notification, and none is expected",
            );
        }
        let described = self.described.take();
        let path = described.filter(|path| path.ends_with(&format!("/{element}")));
        if let Some(path) = &path
            && let Some(sentence) = self.lab.understood.last_mut()
        {
            sentence.note = Some(format!("the <{path}> that was described"));
        }
        let path = path.unwrap_or(element);
        task.captures.push(Capture {
            place,
            variable: variable.unwrap_or_default(),
            source: if notified {
                CaptureSource::Notified(path)
            } else {
                CaptureSource::Element(path)
            },
        });
    }

    fn repeat(&mut self, items: (u32, u32), place: &Place, body: &str) {
        self.draft.begins_anew();
        let (Some((step, sent_by)), Some(item)) = (&mut self.step, self.item) else {
            return;
        };
        match repeat::repeated(&step.tasks, sent_by, items, body, place) {
            Ok(task) => {
                step.tasks.push(task);
                sent_by.push(item);
            }
            Err(message) => self.problem(place, message),
        }
    }

    fn problem(&mut self, place: &Place, message: &str) {
        self.lab.problems.push(Problem {
            place: place.clone(),
            message: message.to_owned(),
            hint: "`--explain` shows how each sentence was understood; nothing is sent until this is mended"
                .to_owned(),
        });
    }

    fn note(&mut self, line: usize, text: &str, meaning: Meaning) {
        let step = self.step.as_ref().map(|(step, _)| match step.number.as_str() {
            "" => step.title.clone(),
            number => format!("{number}: {}", step.title),
        });
        self.lab.understood.push(Understood {
            place: self.place(line),
            step: step.unwrap_or_default(),
            text: text.to_owned(),
            meaning,
            note: None,
        });
    }

    fn place(&self, line: usize) -> Place {
        Place {
            file: self.file.clone(),
            line,
        }
    }
}

/// A sentence as it may be shown: a password that stands in it in clear is still one.
fn without_password<'a>(sentence: &'a Sentence, meaning: &Meaning) -> Cow<'a, str> {
    match meaning {
        Meaning::Password(password) if password.variables().next().is_none() => {
            Cow::Owned(sentence.text.replace(password.as_str(), "[redacted]"))
        }
        _ => Cow::Borrowed(&sentence.text),
    }
}

/// A block as it is shown to whoever asks how it was understood: what is sent must be told from what illustrates it.
fn on_one_line(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let line = lines.join(" ").replace("> <", "><");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// The number and the title of "Step 7: Sign out userA".
fn step_heading(text: &str) -> Option<(&str, &str)> {
    let rest = text
        .get(..4)
        .filter(|word| word.eq_ignore_ascii_case("step"))
        .map(|_| &text[4..])?;
    let rest = rest.trim_start();
    let digits = rest
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(rest.len());
    let (number, title) = rest.split_at(digits);
    (!number.is_empty()).then(|| (number, title.trim_start_matches([':', '.', '-', ' ', '–']).trim()))
}

/// Gives a value that is copied under no name the one name that is used and that nothing else gives. Where there are
/// several of either, nobody can tell.
fn name_copies(lab: &mut Lab) {
    let mut given: HashSet<String> = HashSet::new();
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    let mut nameless = Vec::new();
    for (number, step) in lab.tutorial.steps.iter().enumerate() {
        for (index, task) in step.tasks.iter().enumerate() {
            for name in draft::copied_names(&task.action) {
                if !given.contains(&name) {
                    wanted.insert(name);
                }
            }
            for (capture, one) in task.captures.iter().enumerate() {
                if one.variable.is_empty() {
                    nameless.push((number, index, capture));
                } else {
                    given.insert(one.variable.clone());
                }
            }
        }
    }
    wanted.retain(|name| !given.contains(name));
    let name = match (wanted.len(), nameless.len()) {
        (_, 0) => return,
        (1, 1) => wanted.pop_first(),
        _ => None,
    };
    for (step, task, capture) in nameless {
        let captures = &mut lab.tutorial.steps[step].tasks[task].captures;
        let place = captures[capture].place.clone();
        match &name {
            Some(name) => {
                captures[capture].variable.clone_from(name);
                let sentence = lab
                    .understood
                    .iter_mut()
                    .find(|one| one.place == place && matches!(one.meaning, Meaning::Copies { .. }));
                if let Some(sentence) = sentence {
                    let note = format!("as {{{name}}}, the only name that is used and not given");
                    sentence.note = Some(match sentence.note.take() {
                        Some(earlier) => format!("{earlier}; {note}"),
                        None => note,
                    });
                }
            }
            None => lab.problems.push(Problem {
                place,
                message: "a value is to be copied, and the text does not tell under which name".to_owned(),
                hint: "name it in the sentence: `as {teamId}`".to_owned(),
            }),
        }
    }
}
