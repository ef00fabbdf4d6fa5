//! The texts of a workflow: its script, and what that requires. Each is read once, so that what was checked is
//! what runs; each is named in errors as a person would name it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use signoff_engine::hexadecimal;

use crate::error::{Position, ScriptError};

/// Longer texts are no scripts: to compile one takes up to a hundred times as much memory, which no limit of the
/// machine's counts.
const LONGEST: u64 = 256 << 10;
/// All texts of a workflow together.
const LONGEST_ALL: usize = 4 << 20;
/// Names of modules are quoted in errors.
const LONGEST_NAME: usize = 256;

/// A text that a workflow is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As it is called in errors.
    pub name: String,
    /// The text.
    pub text: Arc<str>,
    /// Of the text, in hexadecimal digits.
    pub sha256: String,
}

/// The texts of one workflow.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    entry: String,
    /// The script's own folder, with no symbolic link in its path; `None`: it has none.
    root: Option<PathBuf>,
    /// By name.
    texts: BTreeMap<String, Source>,
}

/// Why a module is not there: the message, and the hint.
pub(crate) type Refusal = (String, String);

impl Sources {
    /// A script in a file.
    pub(crate) fn open(path: &Path) -> Result<Self, ScriptError> {
        let name = path.display().to_string();
        let text = read(path).map_err(|reason| {
            ScriptError::new(
                format!("cannot read the script `{name}`: {reason}"),
                "a path is taken from the current folder",
            )
        })?;
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let mut sources = Self::embedded(&name, &text);
        sources.root = fs::canonicalize(folder).ok();
        Ok(sources)
    }

    /// A script that is no file.
    pub(crate) fn embedded(name: &str, text: &str) -> Self {
        let mut sources = Self {
            entry: name.to_owned(),
            root: None,
            texts: BTreeMap::new(),
        };
        sources.add(name, text);
        sources
    }

    /// The script itself.
    pub(crate) fn entry(&self) -> &str {
        &self.entry
    }

    /// The text of that name.
    pub(crate) fn text(&self, name: &str) -> Option<Arc<str>> {
        self.texts.get(name).map(|source| Arc::clone(&source.text))
    }

    /// Everything that was read so far, by name.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Source> {
        self.texts.values()
    }

    /// Splits a text that begins with `FILE:LINE`, where the file is one of these.
    pub(crate) fn position<'a>(&self, text: &'a str) -> Option<(Position, &'a str)> {
        self.texts.keys().rev().find_map(|name| {
            let rest = text.strip_prefix(name.as_str())?.strip_prefix(':')?;
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let line = rest[..end].parse().ok()?;
            let file = name.clone();
            Some((Position { file, line }, &rest[end..]))
        })
    }

    /// A line, without its end.
    pub(crate) fn line(&self, position: &Position) -> Option<Box<str>> {
        let source = self.texts.get(&position.file)?;
        let line = source.text.lines().nth(position.line.checked_sub(1)?)?;
        Some(line.trim_end().into())
    }

    /// Finds the module that one of these texts requires, and gives its name.
    pub(crate) fn module(&mut self, wanted: &str, from: &str) -> Result<String, Refusal> {
        if wanted.len() > LONGEST_NAME {
            return Err((
                "the name of a module is longer than 256 characters".to_owned(),
                String::new(),
            ));
        }
        let relative = wanted.starts_with("./") || wanted.starts_with("../");
        if !relative {
            return Err((
                format!("there is no module `{wanted}`"),
                "write `./name` for a file beside the script, or `@signoff`".to_owned(),
            ));
        }
        let Some(root) = self.root.clone() else {
            return Err((
                format!("this script has no folder to find `{wanted}` in"),
                "copy it into a folder of your own first".to_owned(),
            ));
        };
        let outside = || {
            (
                format!("`{wanted}` lies outside the script's own folder"),
                format!("modules live in `{}` and below", self.folder().display()),
            )
        };
        let here = Path::new(from)
            .strip_prefix(self.folder())
            .unwrap_or(Path::new(from))
            .parent()
            .unwrap_or(Path::new(""));
        let below = normalise(&here.join(wanted)).ok_or_else(outside)?;
        let candidates = ["", ".luau", ".lua", "/init.luau"]
            .map(|ending| PathBuf::from(format!("{}{ending}", below.display())));
        let Some(found) = candidates.iter().find(|path| root.join(path).is_file()) else {
            return Err((
                format!("there is no module `{wanted}`"),
                format!(
                    "no file `{}.luau` in `{}`",
                    below.display(),
                    self.folder().display()
                ),
            ));
        };
        let name = self.folder().join(found).display().to_string();
        if self.texts.contains_key(&name) {
            return Ok(name);
        }
        let real = fs::canonicalize(root.join(found)).map_err(|error| (error.to_string(), String::new()))?;
        if !real.starts_with(&root) {
            return Err(outside());
        }
        let text = read(&real).map_err(|reason| {
            (
                format!("cannot read the module `{wanted}`: {reason}"),
                String::new(),
            )
        })?;
        let known: usize = self.texts.values().map(|source| source.text.len()).sum();
        if known + text.len() > LONGEST_ALL {
            return Err((
                format!("with `{wanted}` this script is longer than 4MiB"),
                "what is data belongs into a file: declare `signoff.arg.file`".to_owned(),
            ));
        }
        self.add(&name, &text);
        Ok(name)
    }

    /// The script's own folder, as errors name it; empty for the current one.
    fn folder(&self) -> &Path {
        Path::new(&self.entry).parent().unwrap_or(Path::new(""))
    }

    fn add(&mut self, name: &str, text: &str) {
        let sha256 = hexadecimal::encode(&Sha256::digest(text.as_bytes()));
        let source = Source {
            name: name.to_owned(),
            text: text.into(),
            sha256,
        };
        self.texts.insert(name.to_owned(), source);
    }
}

/// A path without `.` and `..`; `None` if it leads out of where it starts.
fn normalise(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !plain.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(plain)
}

/// The text of a file; an error is a reason in a few words.
fn read(path: &Path) -> Result<String, String> {
    let file = fs::File::open(path).map_err(|error| reason(&error))?;
    let mut bytes = Vec::new();
    file.take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| reason(&error))?;
    if bytes.len() as u64 > LONGEST {
        return Err("it is longer than 256KiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
