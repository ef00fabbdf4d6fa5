//! What is wrong with a list of users, where, and what to do about it. What stands in a cell is never shown, but for
//! ids: it may be a key.

use std::fmt;
use std::io;

use super::Words;
use crate::parameters::format_size;

/// Why a list of users cannot be used: its mistakes in their order, the first ten of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeopleError {
    name: String,
    mistakes: Vec<Mistake>,
    count: u64,
    words: Words,
}

/// So many mistakes are shown.
const SHOWN: usize = 10;

impl PeopleError {
    /// The list as a whole is at fault.
    pub(super) fn whole(name: &str, problem: Problem) -> Self {
        let mut error = Self::new(name, Words::default());
        error.add(Mistake::of(problem));
        error
    }

    /// Of a list of that name; without a mistake yet.
    pub(super) fn new(name: &str, words: Words) -> Self {
        Self {
            name: name.to_owned(),
            mistakes: Vec::new(),
            count: 0,
            words,
        }
    }

    pub(super) fn add(&mut self, mistake: Mistake) {
        self.count += 1;
        if self.mistakes.len() < SHOWN {
            self.mistakes.push(mistake);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What to do about it, each piece of advice once, one a line; may be empty.
    #[must_use]
    pub fn hint(&self) -> String {
        let mut hints: Vec<String> = Vec::new();
        for mistake in &self.mistakes {
            let hint = mistake.problem.hint(self.words);
            if !hint.is_empty() && !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        hints.join("\n")
    }
}

impl std::error::Error for PeopleError {}

impl fmt::Display for PeopleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{}{mistake}", self.name)?;
        }
        match self.count.saturating_sub(self.mistakes.len() as u64) {
            0 => Ok(()),
            1 => write!(f, "\nand 1 more mistake in `{}`", self.name),
            more => write!(f, "\nand {more} more mistakes in `{}`", self.name),
        }
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    /// From 1.
    line: Option<u64>,
    /// From 1, the header not counted.
    row: Option<u64>,
    column: Option<Box<str>>,
    /// In the file, from 0; told from 1, as lines and rows are.
    byte: Option<u64>,
    problem: Box<Problem>,
}

impl Mistake {
    pub(super) fn of(problem: Problem) -> Self {
        Self {
            line: None,
            row: None,
            column: None,
            byte: None,
            problem: Box::new(problem),
        }
    }

    pub(super) fn at_line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }

    pub(super) fn in_row(mut self, row: u64) -> Self {
        self.row = Some(row);
        self
    }

    pub(super) fn in_column(mut self, column: &str) -> Self {
        self.column = Some(column.into());
        self
    }

    pub(super) fn at_byte(mut self, byte: u64) -> Self {
        self.byte = Some(byte);
        self
    }

    /// Whether nothing beyond it can be read.
    pub(super) fn ends_reading(&self) -> bool {
        matches!(
            *self.problem,
            Problem::Unreadable(_)
                | Problem::Unclosed
                | Problem::LongRow { .. }
                | Problem::ManyColumns { .. }
        ) || self.row.is_none()
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        let parts = [
            self.row.map(|row| format!("row {row}")),
            self.column.as_ref().map(|column| format!("column `{column}`")),
            self.byte.map(|byte| format!("byte {}", byte + 1)),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if !parts.is_empty() {
            write!(f, "{}: ", parts.join(", "))?;
        }
        self.problem.fmt(f)
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("cannot be read: {0}")]
    Unreadable(String),
    #[error("is a folder, not a file")]
    Folder,
    #[error("gives more than {}, which is the most that is held in memory", format_size(*limit))]
    TooMuch { limit: u64 },
    #[error("is UTF-16, and UTF-8 is wanted")]
    Utf16,
    #[error("is a workbook or an archive, and text is wanted")]
    Archive,
    #[error("not UTF-8")]
    NotUtf8,
    #[error("there is nothing in it, not even a line of column names")]
    Empty,
    #[error("the first line looks like data, and should name the columns")]
    NoHeader,
    #[error("the first line tells a spreadsheet what separates the cells, and should name the columns")]
    SeparatorLine,
    #[error("the first line is a comment, and should name the columns")]
    Comment,
    #[error("the cells are separated by `{0}`")]
    Separator(char),
    #[error("is a JSON array, and one object a line is wanted")]
    JsonArray,
    #[error("no column is called `id`{}", columns(known))]
    NoId { known: Vec<String> },
    #[error("there is no column `{name}`{}", columns(known))]
    NoColumn {
        name: String,
        nearest: Option<String>,
        known: Vec<String>,
    },
    #[error("a column is mapped to `{attribute}`, and none to `{nearest}`")]
    NearAttribute { attribute: String, nearest: String },
    #[error("the column `{column}` holds the ids, and ids are no secrets: they are shown and recorded")]
    SecretId { column: String },
    #[error("no column is called `{attribute}`, and each user needs his own")]
    NoKeyColumn { attribute: String },
    #[error("the columns `{one}` and `{other}` are both `{attribute}`")]
    TwoColumns {
        one: String,
        other: String,
        attribute: String,
    },
    #[error("{found} where the header has {expected}", found = cells(*.found))]
    Cells { found: usize, expected: usize },
    #[error("more than {most} columns")]
    ManyColumns { most: usize },
    #[error("the quote that begins here is never closed")]
    Unclosed,
    #[error("there is text behind the quote that ends the cell")]
    BehindQuote,
    #[error("the cell holds a NUL, which no text does")]
    Nul,
    #[error("the row is longer than {}", format_size(*limit))]
    LongRow { limit: u64 },
    #[error("there is no id")]
    NoIdGiven,
    #[error("the id is longer than {}", format_size(*limit as u64))]
    LongId { limit: usize },
    #[error("the {0} holds a control character, such as a line break")]
    ControlIn(&'static str),
    #[error("there are blanks around the {0}")]
    BlanksAround(&'static str),
    #[error("the {what} is {found}, and text is wanted")]
    NotText { what: &'static str, found: &'static str },
    #[error("the id is a number that is not written in digits alone")]
    IdNotDigits,
    #[error("no JSON: {0}")]
    NotJson(String),
    #[error("no JSON object")]
    NotObject,
    #[error("nested more than {most} deep")]
    Deep { most: usize },
    #[error("a secret is text, or a list of texts")]
    SecretNotText,
    #[error("`{user}` has no `{attribute}`, and each user needs his own")]
    NoKey { user: String, attribute: String },
    #[error(
        "`{user}` has the same `{attribute}` as `{other}` in line {line}, and a logout ends the sessions of whoever \
         owns it: one of the two is not who would be logged out"
    )]
    SharedKey {
        user: String,
        attribute: String,
        other: String,
        line: u64,
    },
    #[error("`{user}` has another `{attribute}` than in line {line}")]
    TwoKeys {
        user: String,
        attribute: String,
        line: u64,
    },
    #[error("was changed since it was first read")]
    Changed,
}

impl Problem {
    pub(super) fn unreadable(error: &io::Error) -> Self {
        Self::Unreadable(error.to_string())
    }

    fn hint(&self, words: Words) -> String {
        match self {
            Self::Unreadable(_) => {
                "name a file that is there, and that you may read; `-` is standard input".to_owned()
            }
            Self::TooMuch { .. } => "put it into a file, which is read piece by piece".to_owned(),
            Self::Utf16 | Self::NotUtf8 => {
                "save it as UTF-8; a spreadsheet calls that \"CSV UTF-8\"".to_owned()
            }
            Self::Archive => "export the sheet as \"CSV UTF-8\"".to_owned(),
            Self::Empty | Self::NoHeader => {
                "begin with a line of column names, such as `id,name`; or write one JSON object a line"
                    .to_owned()
            }
            Self::SeparatorLine | Self::Comment => {
                "leave that line out, and begin with one of column names, such as `id,name`".to_owned()
            }
            Self::Separator(_) => "separate them by commas, semicolons or tabs".to_owned(),
            Self::JsonArray => "`jq -c '.[]' FILE` writes it so".to_owned(),
            Self::NoId { .. } => format!("say which column holds the ids: {}", words.id_column()),
            Self::NoColumn { nearest, .. } => nearest
                .as_ref()
                .map(|nearest| format!("did you mean `{nearest}`?"))
                .unwrap_or_default(),
            Self::NearAttribute { nearest, .. } => format!("did you mean `{nearest}`?"),
            Self::SecretId { .. } => format!("name the columns of secrets alone: {}", words.secret_column()),
            Self::NoKeyColumn { attribute } => {
                format!("say which column holds it: {}", words.map(attribute))
            }
            Self::TwoColumns { .. } => "rename one of them, or leave it out".to_owned(),
            Self::Cells { .. } => "a cell that holds a comma or a line break stands in quotes".to_owned(),
            Self::Unclosed | Self::BehindQuote => "a quote within a cell is written twice".to_owned(),
            Self::NoIdGiven => "every row names a user; leave the others out".to_owned(),
            Self::BlanksAround(_) => "take them away: they are no part of it".to_owned(),
            Self::IdNotDigits => "write it in quotes, as it is to be sent".to_owned(),
            Self::NoKey { .. } => "put it into the row, or leave the row out".to_owned(),
            Self::SharedKey { .. } => "give each user the key that is his own".to_owned(),
            Self::TwoKeys { .. } => "leave the row out whose key is not his, or no longer".to_owned(),
            Self::Changed => "begin again, with a file that stays as it is".to_owned(),
            _ => String::new(),
        }
    }
}

fn columns(known: &[String]) -> String {
    if known.is_empty() {
        return String::new();
    }
    let shown: Vec<&str> = known.iter().take(SHOWN).map(String::as_str).collect();
    let more = if known.len() > SHOWN { ", …" } else { "" };
    format!("; the columns are `{}`{more}", shown.join("`, `"))
}

fn cells(count: usize) -> String {
    format!("{count} {}", if count == 1 { "cell" } else { "cells" })
}
