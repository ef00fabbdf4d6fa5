//! Pages in the dialect of the labs, with its quirks and mistakes: beside each stands how every sentence of it is
//! understood, and what comes of it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use proptest::collection::vec;
use proptest::prelude::*;
use signoff_replay::lab::{self, Lab};
use signoff_replay::tutorial::{Action, FeedAction, Task};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages")
}

#[test]
fn every_page_is_understood_as_stated_beside_it() {
    let mut pages: Vec<PathBuf> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.sort();
    assert!(pages.len() >= 12, "there are {} pages", pages.len());
    for page in pages {
        let lab = lab::read(&page).unwrap_or_else(|error| panic!("{error}"));
        expect_file![page.with_extension("txt")].assert_eq(&shown(&page, &lab));
    }
}

const GOOD: &str = "## Step 1: Look\n1. Construct a REST **GET** request. Put the URL ``http://{{u}}/`` there.\n2. Click **Send**.\n";

#[test]
fn what_stands_in_no_step_keeps_a_lab_from_being_replayed() {
    for heading in [
        "",
        "# Look",
        "## 1. Look",
        "**Step 1: Look**",
        "##Step 1: Look",
        "<h2>Step 1: Look</h2>",
        "Step 1: Look\n------------",
    ] {
        let page = GOOD.replace("## Step 1: Look", heading);
        let before = page.lines().take_while(|line| !line.starts_with('1')).count();
        // Alone, and in a folder after a page that is as it should be.
        for pages in [vec![page.clone()], vec![GOOD.to_owned(), page.clone()]] {
            let named = pages.into_iter().enumerate();
            let named: Vec<_> = named
                .map(|(number, text)| (PathBuf::from(format!("{number}.md")), text))
                .collect();
            let last = named.len() - 1;
            let lab = lab::from_texts("folder", &named);
            let problems: Vec<String> = lab
                .problems
                .iter()
                .map(|one| format!("{}: {}", one.place, one.message))
                .collect();
            let expected = format!(
                "{last}.md:{}: this stands before any heading such as `## Step 1: …`",
                before + 1
            );
            assert_eq!(problems, [expected], "{heading}");
        }
    }
}

#[test]
fn a_byte_order_mark_hides_no_heading() {
    let lab = lab::from_texts("marked", &[(PathBuf::from("1.md"), format!("\u{feff}{GOOD}"))]);
    assert_eq!(lab.problems, []);
    assert_eq!(lab.tutorial.steps[0].tasks.len(), 1);
}

/// Pieces of the dialect, in any order.
const PIECES: [&str; 16] = [
    "## Step 1: A\n",
    "1. In **Postman**, construct a REST **PUT** request.",
    " * Put the URL ``http://{{u}}/{x}`` there.\n",
    "```xml\n",
    "   <User><state>LOGOUT</state></User>\n",
    "> ```http\n",
    "2. Click **Send**. ",
    "Put the following XML:\n",
    "You should see a HTTP status of 202 and an empty body and the `<state>` tag value of X. ",
    "In **Pidgin**, you should not see any notifications.\n",
    "Copy the value of the `<id>` tag.\n",
    "Repeat steps 1-2 with the following XML:\n",
    "**username** ``é`` `",
    "\u{130}should see\u{130} status of 999 ",
    "{{",
    "\n",
];

/// A page of that size is read while one waits; the slowest computer is given a hundred times what it takes.
#[test]
fn a_large_page_is_read_in_time_that_grows_with_it() {
    let lines = PIECES.map(str::trim_end);
    let one_paragraph = lines.join(" ");
    for page in [
        PIECES.concat().repeat(5_000_000 / PIECES.concat().len()),
        format!(
            "## Step 1: A\n1. {}",
            format!("{one_paragraph}\n").repeat(5_000_000 / one_paragraph.len())
        ),
        "> ".repeat(2_500_000),
        "**`".repeat(1_600_000),
    ] {
        let begun = std::time::Instant::now();
        let lab = lab::from_texts("large", &[(PathBuf::from("large.md"), page)]);
        let _ = lab.check(Path::new("large.md"));
        assert!(
            begun.elapsed() < std::time::Duration::from_secs(100),
            "{:?}",
            begun.elapsed()
        );
    }
}

/// Letters that mean something in Markdown, in the dialect, or in Unicode.
const LETTERS: &str = "[\\PC\\n\\t>#*`{}<&!.,: \u{130}\u{df}\u{1f468}\u{200d}\u{301}]{0,200}";

proptest! {
    #[test]
    fn any_text_is_read_and_nothing_of_it_is_sent_without_being_asked(text in LETTERS, pieces in vec(0..PIECES.len(), 0..8)) {
        let mut page = text;
        for piece in pieces {
            // Everything but what sends.
            page.push_str(&PIECES[piece].replace("Click **Send**", "Look").replace("Repeat", "Recall"));
        }
        let lab = lab::from_texts("noise", &[(PathBuf::from("noise.md"), page)]);
        let tasks = lab.tutorial.steps.iter().flat_map(|step| &step.tasks);
        prop_assert_eq!(tasks.filter(|task| matches!(task.action, Action::Request(_))).count(), 0);
    }

    #[test]
    fn any_page_is_read_to_its_end(pieces in vec(0..PIECES.len(), 0..40), noise in "\\PC{0,20}") {
        let page: String = pieces.into_iter().map(|piece| PIECES[piece]).chain([noise.as_str()]).collect();
        let lab = lab::from_texts("noise", &[(PathBuf::from("noise.md"), page)]);
        let _ = lab.check(Path::new("noise.md"));
    }
}

/// A lab as text: each sentence with its meaning, then what is to be replayed, then what keeps it from that.
fn shown(page: &Path, lab: &Lab) -> String {
    let mut text = String::new();
    for one in &lab.understood {
        let _ = write!(text, "{:>3} {}\n      {}", one.place.line, one.text, one.meaning);
        if let Some(note) = &one.note {
            let _ = write!(text, " ({note})");
        }
        text.push('\n');
    }
    for step in &lab.tutorial.steps {
        let _ = writeln!(text, "\n== {} {}", step.number, step.title);
        for task in &step.tasks {
            task_shown(&mut text, task);
        }
    }
    for problem in &lab.problems {
        let _ = writeln!(
            text,
            "\nproblem in line {}: {}",
            problem.place.line, problem.message
        );
    }
    if let Err(error) = lab.check(Path::new(page.file_name().unwrap())) {
        let _ = writeln!(text, "\n{error}");
    }
    text
}

fn task_shown(text: &mut String, task: &Task) {
    match &task.action {
        Action::Request(request) => {
            let _ = writeln!(text, "{} {}", request.method, request.url);
            for (name, value) in &request.headers {
                let _ = writeln!(text, "  {name}: {value}");
            }
            if let Some(login) = request.basic() {
                let _ = writeln!(text, "  as {} / {}", login.username, login.password);
            }
            for line in request.body.iter().flat_map(|body| body.as_str().lines()) {
                let _ = writeln!(text, "  | {line}");
            }
        }
        Action::Feed(FeedAction::Connect(feed)) => {
            let or_none =
                |template: &Option<_>| template.as_ref().map_or("-".to_owned(), ToString::to_string);
            let (server, domain) = (or_none(&feed.server), or_none(&feed.domain));
            let _ = writeln!(
                text,
                "connect {server} {domain} as {} / {}",
                feed.login.username, feed.login.password
            );
        }
        Action::Feed(FeedAction::Disconnect) => text.push_str("disconnect\n"),
        Action::Feed(FeedAction::Subscribe(node)) => {
            let _ = writeln!(text, "subscribe {node}");
        }
        Action::Feed(FeedAction::Unsubscribe(node)) => {
            let _ = writeln!(text, "unsubscribe {node}");
        }
        Action::Feed(FeedAction::ListSubscriptions) => text.push_str("list subscriptions\n"),
        Action::Human(words) => {
            let _ = writeln!(text, "person: {words}");
        }
    }
    for expectation in &task.expectations {
        let _ = writeln!(text, "  ? {}", expectation.check);
    }
    for capture in &task.captures {
        let _ = writeln!(text, "  {{{}}} = {}", capture.variable, capture.source);
    }
}
