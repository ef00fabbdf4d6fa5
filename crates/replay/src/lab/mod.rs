//! Lab texts: pages of Markdown that tell a person what to click in Postman, what to type, and what to see there and in an
//! XMPP console. The dialect is that of Cisco's learning labs for Finesse.
//!
//! Every sentence is given a [`Meaning`], and all of them are kept: whoever wants to know why something is sent, or why
//! not, sees how each was understood. What is not understood is listed; a request of which something is missing is not
//! replayed, and neither is anything else of its tutorial.

mod assemble;
mod blocks;
mod meaning;
mod sentences;
mod understand;
mod values;

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::tutorial::{Action, Place, Tutorial};

pub use meaning::Meaning;

/// Bytes of a page beyond which it is none.
const LARGEST: u64 = 16 << 20;

/// What came of reading a lab.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lab {
    /// What there is to replay.
    pub tutorial: Tutorial,
    /// Every sentence and every fence, in order, and how it was understood.
    pub understood: Vec<Understood>,
    /// What keeps it from being replayed: requests of which something is missing. Empty: nothing does.
    pub problems: Vec<Problem>,
}

/// A sentence, or the text between two fences, and how it was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Understood {
    /// Where it begins.
    pub place: Place,
    /// The number and title of its step; empty before the first.
    pub step: String,
    /// In plain text; of a fence, its beginning, on one line.
    pub text: String,
    /// What it says.
    pub meaning: Meaning,
    /// What followed from it beyond its meaning, where that needs words.
    pub note: Option<String>,
}

/// Something that keeps a tutorial from being replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The file or folder cannot be read.
    #[error("{path}: {error}", path = .path.display(), error = in_words(.error))]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A page is larger than any that a person would write.
    #[error("{} is larger than {} MiB", .path.display(), LARGEST >> 20)]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// The folder has no pages.
    #[error("{} has no numbered pages", .path.display())]
    NoPages {
        /// The folder.
        path: PathBuf,
    },
    /// It is no lab of this dialect.
    #[error("{path}: there is nothing to replay: {missing}", path = .path.display(), missing = .missing.join("; "))]
    NotALab {
        /// The file or folder.
        path: PathBuf,
        /// What a lab has, and this has not.
        missing: Vec<&'static str>,
    },
}

impl LabError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } | Self::TooLarge { .. } => {
                "name a file, or a folder of pages such as `1.md`, `2.md`"
            }
            Self::NoPages { .. } => "the pages of a lab are called `1.md`, `2.md`, …, or `01-title.md`",
            Self::NotALab { .. } => "`--explain` shows how each sentence was understood",
        }
    }
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        io::ErrorKind::InvalidData => "it is no text in UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

/// Reads a page, or a folder of numbered pages.
///
/// # Errors
/// If it cannot be read. What can be read and is no lab is found out by [`Lab::check`].
pub fn read(path: &Path) -> Result<Lab, LabError> {
    let unreadable = |path: &Path, error| LabError::Unreadable {
        path: path.to_owned(),
        error,
    };
    let pages = if path.is_dir() {
        pages_of(path)?
    } else {
        vec![path.to_owned()]
    };
    let mut texts = Vec::with_capacity(pages.len());
    for page in pages {
        let mut text = String::new();
        let read = fs::File::open(&page).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text));
        if read.map_err(|error| unreadable(&page, error))? as u64 > LARGEST {
            return Err(LabError::TooLarge { path: page });
        }
        texts.push((page, text));
    }
    let title = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(from_texts(&title, &texts))
}

/// Reads pages that are at hand; each has a name for messages.
#[must_use]
pub fn from_texts(title: &str, pages: &[(PathBuf, String)]) -> Lab {
    assemble::assemble(title, pages)
}

impl Lab {
    /// Finds out whether there is anything to replay.
    ///
    /// # Errors
    /// If it is no lab of this dialect: says what a lab has, and this has not.
    pub fn check(&self, path: &Path) -> Result<(), LabError> {
        let has = |wanted: fn(&Meaning) -> bool| self.understood.iter().any(|one| wanted(&one.meaning));
        let mut tasks = self.tutorial.steps.iter().flat_map(|step| &step.tasks);
        // What is wrong with a lab says more than what it has not.
        if !self.problems.is_empty() || tasks.any(|task| !matches!(task.action, Action::Human(_))) {
            return Ok(());
        }
        let mut missing = Vec::new();
        if self.tutorial.steps.is_empty() {
            missing.push("no heading such as `## Step 1: …`");
        }
        if !has(|meaning| matches!(meaning, Meaning::Method(_))) {
            missing.push("no sentence that states a method, such as `construct a REST **PUT** request`");
        }
        if !has(|meaning| matches!(meaning, Meaning::Url(_))) {
            missing.push("no URL in double backticks after `put the URL`");
        }
        missing.push("nothing is sent: no `Click **Send**`");
        Err(LabError::NotALab {
            path: path.to_owned(),
            missing,
        })
    }

    /// What asks for something and was not understood.
    pub fn unclear(&self) -> impl Iterator<Item = &Understood> {
        self.understood.iter().filter(|one| match &one.meaning {
            Meaning::Unclear(_) => true,
            Meaning::Expects(_, unclear) => !unclear.is_empty(),
            _ => false,
        })
    }
}

/// The pages of a folder, by the numbers in their names.
fn pages_of(folder: &Path) -> Result<Vec<PathBuf>, LabError> {
    let unreadable = |error| LabError::Unreadable {
        path: folder.to_owned(),
        error,
    };
    let mut pages = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
        let is_page = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("md"));
        if let Ok(number) = digits.parse::<u32>()
            && is_page
        {
            pages.push((number, path));
        }
    }
    pages.sort();
    if pages.is_empty() {
        return Err(LabError::NoPages {
            path: folder.to_owned(),
        });
    }
    Ok(pages.into_iter().map(|(_, page)| page).collect())
}
