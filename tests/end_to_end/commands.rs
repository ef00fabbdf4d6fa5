//! What each command prints when all is well, to a person and to a program: held word by word, since operators and
//! their scripts read it.

mod help;
mod history;
mod reads;
mod runs;

use std::fs;

use expect_test::Expect;
use serde_json::{Value, json};
use signoff_sandbox::{Population, User};

use crate::support::{Ended, Site};

#[track_caller]
fn check(ended: Ended, code: i32, expected: &Expect) {
    expected.assert_eq(&ages(&ended.exits(code).printed()));
}

/// How long somebody has been in a state, replaced: a second more or less is no difference.
fn ages(text: &str) -> String {
    let mut masked = String::new();
    for line in text.split_inclusive('\n') {
        let words: Vec<&str> = line.split(' ').collect();
        let is_age = |at: usize| {
            words[at].bytes().all(|byte| byte.is_ascii_digit())
                && !words[at].is_empty()
                && words.get(at + 1).is_some_and(|unit| unit.trim() == "s")
        };
        let words: Vec<&str> = (0..words.len())
            .map(|at| if is_age(at) { "N" } else { words[at] })
            .collect();
        masked.push_str(&words.join(" "));
    }
    masked
}

/// JSON lines with what differs from run to run replaced, one field a line.
fn stable(ended: &Ended) -> String {
    let mut text = String::new();
    for mut line in ended.lines() {
        mask(&mut line);
        text.push_str(&line.to_string());
        text.push('\n');
    }
    text
}

fn mask(line: &mut Value) {
    let varies = ["run", "started", "ended", "elapsed_ms", "request_id"];
    for (key, value) in line.as_object_mut().unwrap() {
        if value.is_object() {
            mask(value);
        } else if (varies.contains(&key.as_str()) || key.starts_with("since")) && !value.is_null() {
            *value = json!("…");
        } else if key == "workflow" {
            *value = json!(value.as_str().unwrap().rsplit('/').next());
        }
    }
}

/// One agent, so that the order of lines is always the same, and the supervisor.
fn small() -> Site {
    Site::new(
        Population::team(0).with(
            User::agent("10001", "1")
                .named("Ann", "O'Neil")
                .extension("50001"),
        ),
    )
}

/// The journals that were left behind.
fn journals(site: &Site) -> usize {
    let files = fs::read_dir(site.path("state").join("runs")).unwrap();
    files
        .filter(|file| file.as_ref().unwrap().path().extension().unwrap() == "sqlite")
        .count()
}
