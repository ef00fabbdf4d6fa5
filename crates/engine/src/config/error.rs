//! What is wrong with a configuration, where, and what to do about it.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// Everything that is wrong with a configuration, in the order of the file; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    errors: Vec<ConfigError>,
}

/// One mistake in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file; the path as it was given.
    pub path: PathBuf,
    /// From 1; 0 where the file as a whole is at fault.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// `connections.finesse-prod.rate`; empty where no key is at fault.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it; may be empty.
    pub hint: String,
    excerpt: Option<Excerpt>,
}

/// The line at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Excerpt {
    line: String,
    /// How many characters stand before what is underlined.
    before: usize,
    /// How many characters to underline; at least 1.
    length: usize,
}

impl ConfigErrors {
    /// The mistakes, in the order of the file.
    #[must_use]
    pub fn errors(&self) -> &[ConfigError] {
        &self.errors
    }

    /// The full text for a person: each mistake with its line, underlined, and what to do. No colours, and no line
    /// break at the end.
    #[must_use]
    pub fn render(&self) -> String {
        self.to_string()
    }

    /// All of these as one; `None` if there are none.
    pub(super) fn merge(all: Vec<Self>) -> Option<Self> {
        let mut errors: Vec<ConfigError> = Vec::new();
        // Two connections may stumble over one credential.
        for error in all.into_iter().flat_map(|one| one.errors) {
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
        (!errors.is_empty()).then_some(Self { errors })
    }

    /// A file that could not be read.
    pub(super) fn unreadable(path: PathBuf, message: String, hint: String) -> Self {
        Self {
            errors: vec![ConfigError {
                path,
                line: 0,
                column: 0,
                key: String::new(),
                message,
                hint,
                excerpt: None,
            }],
        }
    }
}

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        let margin = " ".repeat(self.line.to_string().len());
        if let Some(excerpt) = &self.excerpt {
            let before: String = excerpt
                .line
                .chars()
                .take(excerpt.before)
                // A tab keeps its width, so that the underline stays beneath what it means.
                .map(|character| if character == '\t' { '\t' } else { ' ' })
                .collect();
            write!(
                f,
                "\n{margin}--> {}:{}:{}\n{margin} |\n{} | {}\n{margin} | {before}{}",
                self.path.display(),
                self.line,
                self.column,
                self.line,
                excerpt.line,
                "^".repeat(excerpt.length),
            )?;
        } else if self.line > 0 {
            write!(
                f,
                "\n{margin}--> {}:{}:{}",
                self.path.display(),
                self.line,
                self.column
            )?;
        } else {
            write!(f, "\n --> {}", self.path.display())?;
        }
        if !self.key.is_empty() {
            write!(f, "\n{margin} = key: `{}`", self.key)?;
        }
        if !self.hint.is_empty() {
            write!(f, "\n{margin} = help: {}", self.hint)?;
        }
        Ok(())
    }
}

/// The text of a configuration, for pointing into it.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// Collects mistakes, so that all of them are reported at once.
#[derive(Debug)]
pub(super) struct Mistakes {
    source: Arc<Source>,
    found: Vec<(usize, ConfigError)>,
}

impl Mistakes {
    pub(super) fn new(source: &Arc<Source>) -> Self {
        Self {
            source: Arc::clone(source),
            found: Vec::new(),
        }
    }

    /// Notes a mistake at a place of the text. Its line is shown, and of the values in it only the one that is at fault.
    /// Of a credential none is.
    pub(super) fn at(
        &mut self,
        span: &Range<usize>,
        key: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let key = key.into();
        let show = if key.split('.').next() == Some("credentials") {
            Show::Keys
        } else {
            Show::Fault
        };
        self.note(span, key, message.into(), hint.into(), show);
    }

    /// Notes a mistake in a line that may hold a secret: none of its values is shown.
    pub(super) fn hidden(
        &mut self,
        span: &Range<usize>,
        key: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.note(span, key.into(), message.into(), hint.into(), Show::Keys);
    }

    /// Notes a place where the text is no TOML. What is a key and what a value there can only be guessed, so the line is
    /// shown where nothing secret belongs, or not at all.
    pub(super) fn no_toml(&mut self, span: &Range<usize>, message: String, hint: &str) {
        self.note(span, String::new(), message, hint.to_owned(), Show::Line);
    }

    fn note(&mut self, span: &Range<usize>, key: String, message: String, hint: String, show: Show) {
        let text = &self.source.text;
        let start = floor(text, span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line = text[line_start..line_end].trim_end_matches('\r');
        let end = floor(text, span.end).clamp(start, start.max(line_start + line.len()));
        let fault = start - line_start..end - line_start;
        self.found.push((
            start,
            ConfigError {
                path: self.source.path.clone(),
                line: text[..start].matches('\n').count() + 1,
                column: text[line_start..start].chars().count() + 1,
                key,
                message,
                hint,
                excerpt: excerpt(&text[..line_start], line, &fault, show),
            },
        ));
    }

    /// Notes a mistake of the file as a whole.
    pub(super) fn whole(&mut self, message: impl Into<String>, hint: impl Into<String>) {
        self.found.push((
            0,
            ConfigError {
                path: self.source.path.clone(),
                line: 0,
                column: 0,
                key: String::new(),
                message: message.into(),
                hint: hint.into(),
                excerpt: None,
            },
        ));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// What was made of the text, unless something is wrong with it.
    pub(super) fn or<T>(self, made: T) -> Result<T, ConfigErrors> {
        if self.found.is_empty() {
            Ok(made)
        } else {
            Err(self.into_errors())
        }
    }

    /// The mistakes, in the order of the file.
    pub(super) fn into_errors(mut self) -> ConfigErrors {
        self.found.sort_by_key(|(start, _)| *start);
        ConfigErrors {
            errors: self.found.into_iter().map(|(_, error)| error).collect(),
        }
    }
}

/// How much of a line is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Show {
    /// Its keys, and the one value at fault.
    Fault,
    /// Its keys.
    Keys,
    /// All of it.
    Line,
}

/// What is shown of a line, if anything; `fault` is where in it the mistake is.
fn excerpt(before: &str, line: &str, fault: &Range<usize>, show: Show) -> Option<Excerpt> {
    // A line may be the middle of a text of several, where nothing tells keys from values.
    if [before, line]
        .iter()
        .any(|text| text.contains("\"\"\"") || text.contains("'''"))
    {
        return None;
    }
    let shown = match show {
        Show::Fault => blank(line, Some(fault)),
        Show::Keys => blank(line, None),
        Show::Line if may_hold_secret(before, line) => return None,
        Show::Line => line.char_indices().collect(),
    };
    let count = |range: Range<usize>| shown.iter().filter(|(at, _)| range.contains(at)).count();
    Some(Excerpt {
        before: count(0..fault.start),
        length: count(fault.clone()).max(1),
        line: shown.into_iter().map(|(_, character)| character).collect(),
    })
}

/// A line of TOML without its comment, and with each value blanked except the one that is `shown`: each character with
/// the place in the line that it stands for.
fn blank(line: &str, shown: Option<&Range<usize>>) -> Vec<(usize, char)> {
    let is_header = is_header(line);
    let mut kept = Vec::new();
    let mut at = 0;
    while let Some(first) = line[at..].chars().next() {
        let end = at + token(&line[at..]);
        let rest = line[end..].trim_start();
        let word = &line[at..end];
        let is_key =
            is_header || rest.starts_with(['=', '.']) || word.ends_with('.') && rest.starts_with(['"', '\'']);
        // A list or a table may hold more than the mistake is about.
        let is_fault = shown.is_some_and(|fault| fault.start == at);
        match first {
            '#' => break,
            '"' | '\'' if !is_key && !is_fault => {
                kept.extend([(at, first), (at, '…'), (end - 1, first)]);
            }
            _ if !is_bare(first) || is_key || is_fault || matches!(word, "true" | "false") => {
                kept.extend(word.char_indices().map(|(offset, one)| (at + offset, one)));
            }
            _ => kept.push((at, '…')),
        }
        at = end;
    }
    while kept.last().is_some_and(|(_, last)| last.is_whitespace()) {
        kept.pop();
    }
    kept
}

/// The length of what a text begins with: a text in quotes, a bare word, or a character of another kind.
fn token(text: &str) -> usize {
    let mut characters = text.char_indices();
    let Some((_, first)) = characters.next() else {
        return 0;
    };
    if matches!(first, '"' | '\'') {
        let mut is_escaped = false;
        for (at, character) in characters {
            if character == first && !is_escaped {
                return at + 1;
            }
            is_escaped = first == '"' && character == '\\' && !is_escaped;
        }
        return text.len();
    }
    if is_bare(first) {
        return text.find(|one| !is_bare(one)).unwrap_or(text.len());
    }
    first.len_utf8()
}

/// Whether a character can stand in a bare key, a number or a date.
fn is_bare(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '+' | ':')
}

/// Whether a line is the head of a table, such as `[connections.a]`.
fn is_header(line: &str) -> bool {
    let line = line.split('#').next().unwrap_or_default().trim();
    let inner = line.trim_start_matches('[');
    inner.len() < line.len()
        && inner.starts_with(char::is_alphabetic)
        && inner.ends_with(']')
        && !inner.contains(',')
}

/// Whether a line that cannot be taken apart may hold a secret: outside of the tables where none belongs, or with
/// something in it that looks like the name of one.
fn may_hold_secret(before: &str, line: &str) -> bool {
    const NAMES: [&str; 11] = [
        "pas", "pw", "pin", "otp", "tok", "key", "secr", "auth", "cred", "client", "login",
    ];
    let heads = before.lines().chain([line]).map(str::trim_start);
    let table = heads.filter_map(|line| line.strip_prefix('[')).next_back();
    let is_plain = table.is_some_and(|table| {
        let table = table.trim_start_matches(['[', ' ', '"', '\'']);
        table.starts_with("connections") || table.starts_with("limits")
    });
    let line = line.to_lowercase();
    !is_plain || NAMES.iter().any(|name| line.contains(name)) || line.contains(['@', '?'])
}

/// The nearest place at or before this one that is no middle of a character.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
