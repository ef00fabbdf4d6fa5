//! What is wrong with a script: what, where, and what to do about it, without a frame of ours.

use std::fmt;

use crate::source::Sources;

/// How the Luau side of the host calls itself; its frames are never shown.
pub(crate) const INTERNAL: &str = "[signoff]";

const TRACEBACK: &str = "\nstack traceback:";
const HINT: &str = "\nhint: ";

/// A mistake of a script. Its `Display` is the full text for a person, without colours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError {
    /// What is wrong; one line, as a rule.
    pub message: String,
    /// What to do about it; may be empty.
    pub hint: String,
    /// Where; `None` if no line of the script is at fault.
    pub position: Option<Position>,
    /// How it came there, innermost first, without the position itself.
    pub stack: Vec<Frame>,
    /// The line at fault, unless its text is not known.
    excerpt: Option<Box<str>>,
}

/// A line of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The file, as it was given, or found from there.
    pub file: String,
    /// From 1.
    pub line: usize,
}

/// A call that was under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Where.
    pub position: Position,
    /// The name of the function, if it has one.
    pub function: Option<String>,
    /// How often in a row; more than once in a recursion.
    pub times: usize,
}

impl ScriptError {
    /// A mistake with no line.
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
            position: None,
            stack: Vec::new(),
            excerpt: None,
        }
    }

    /// A mistake at a place that is written `FILE:LINE`.
    pub(crate) fn at(
        place: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
        sources: &Sources,
    ) -> Self {
        let mut error = Self::new(message, hint);
        error.put(sources.position(place).map(|(position, _)| position), sources);
        error
    }

    /// What Luau says of an error that nothing caught.
    pub(crate) fn from_luau(text: &str, sources: &Sources) -> Self {
        let (head, trace) = text.split_once(TRACEBACK).unwrap_or((text, ""));
        let (message, hint) = head.split_once(HINT).unwrap_or((head, ""));
        let mut stack = frames(trace, sources);
        let (position, message) = match sources.position(message) {
            Some((position, rest)) => (Some(position), rest.trim_start_matches([':', ' '])),
            None => {
                let inner = message
                    .strip_prefix(INTERNAL)
                    .and_then(|rest| rest.trim_start_matches([':']).split_once(": "));
                (
                    stack.first().map(|frame| frame.position.clone()),
                    inner.map_or(message, |(_, rest)| rest),
                )
            }
        };
        if let Some(first) = stack.first_mut()
            && Some(&first.position) == position.as_ref()
        {
            first.times -= 1;
            if first.times == 0 {
                stack.remove(0);
            }
        }
        let mut error = Self::new(shorten(&explain(message)), shorten(hint));
        error.stack = stack;
        error.put(position, sources);
        if error.hint.is_empty() {
            error.hint = error.hint_of_excerpt().unwrap_or_default().to_owned();
        }
        error
    }

    fn put(&mut self, position: Option<Position>, sources: &Sources) {
        self.excerpt = position.as_ref().and_then(|position| sources.line(position));
        self.position = position;
    }

    /// Names that scripts know from elsewhere and do not find here.
    fn hint_of_excerpt(&self) -> Option<&'static str> {
        const REMOVED: [(&str, &str); 5] = [
            (
                "os.",
                "`os` is not available to scripts; for the time use `signoff.now()`",
            ),
            (
                "io.",
                "`io` is not available to scripts; for a file declare `signoff.arg.file`",
            ),
            (
                "loadstring",
                "`loadstring` is not available to scripts; use `require`",
            ),
            ("getfenv", "`getfenv` is not available to scripts"),
            ("setfenv", "`setfenv` is not available to scripts"),
        ];
        let line = self.excerpt.as_deref()?;
        REMOVED
            .iter()
            .find(|(name, _)| self.message.contains("nil") && line.contains(name))
            .map(|(_, hint)| *hint)
    }

    /// Which characters of the excerpt to underline: a name that the message quotes, or else the whole statement.
    fn underline(&self, line: &str) -> (usize, usize) {
        let names: Vec<&str> = self.message.split(['`', '\'']).skip(1).step_by(2).collect();
        let named = names.iter().rev().find_map(|name| find_word(line, name));
        let (at, length) = named.unwrap_or_else(|| {
            let start = line.len() - line.trim_start().len();
            (start, line.trim().len())
        });
        (
            line[..at].chars().count(),
            line[at..at + length].chars().count().max(1),
        )
    }
}

impl std::error::Error for ScriptError {}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        let mut margin = " ".to_owned();
        if let Some(position) = &self.position {
            margin = " ".repeat(position.line.to_string().len());
            write!(f, "\n{margin}--> {}:{}", position.file, position.line)?;
            if let Some(line) = &self.excerpt {
                let (column, length) = self.underline(line);
                let before: String = line
                    .chars()
                    .take(column)
                    // A tab keeps its width, so that the underline stays beneath what it means.
                    .map(|character| if character == '\t' { '\t' } else { ' ' })
                    .collect();
                write!(
                    f,
                    "\n{margin} |\n{} | {line}\n{margin} | {before}{}",
                    position.line,
                    "^".repeat(length)
                )?;
            }
        }
        for frame in &self.stack {
            write!(
                f,
                "\n{margin} = called from {}:{}",
                frame.position.file, frame.position.line
            )?;
            if let Some(function) = &frame.function {
                write!(f, ", in `{function}`")?;
            }
            if frame.times > 1 {
                write!(f, " ({} times)", frame.times)?;
            }
        }
        if !self.hint.is_empty() {
            write!(f, "\n{margin} = help: {}", self.hint)?;
        }
        Ok(())
    }
}

/// The text of an error without the stack that mlua appends: as a script's `pcall` would see it.
pub(crate) fn without_traceback(text: &str) -> &str {
    text.split_once(TRACEBACK).map_or(text, |(head, _)| head)
}

/// The script's own frames of a stack in Luau's notation: the innermost ones, and those of a recursion as one.
fn frames(trace: &str, sources: &Sources) -> Vec<Frame> {
    const MOST: usize = 20;
    let mut frames: Vec<Frame> = Vec::new();
    for line in trace.lines() {
        let Some((position, rest)) = sources.position(line.trim()) else {
            continue;
        };
        let function = rest
            .split_once("in function '")
            .and_then(|(_, name)| name.strip_suffix('\''))
            .map(str::to_owned);
        let full = frames.len() == MOST;
        match frames.last_mut() {
            Some(last) if last.position == position && last.function == function => last.times += 1,
            _ if full => break,
            _ => frames.push(Frame {
                position,
                function,
                times: 1,
            }),
        }
    }
    frames
}

/// A script can raise any text; a person reads the beginning.
fn shorten(text: &str) -> String {
    const LONGEST: usize = 2_000;
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(LONGEST)])
}

/// Where a name stands in a line, as a word of its own, and how long it is.
fn find_word(line: &str, name: &str) -> Option<(usize, usize)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    if !name.contains(is_word) {
        return None;
    }
    line.match_indices(name).find_map(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + name.len()..].chars().next();
        let apart = |outside: Option<char>, edge: Option<char>| {
            !(outside.is_some_and(is_word) && edge.is_some_and(is_word))
        };
        (apart(before, name.chars().next()) && apart(after, name.chars().next_back()))
            .then_some((at, name.len()))
    })
}

/// Luau's words, made ready to stand after `error: `.
fn explain(message: &str) -> String {
    let message = opaque(message);
    let mut characters = message.chars();
    match characters.next() {
        // The parser begins its sentences with a capital; names of scripts stay as they are.
        Some(first)
            if [
                "Expected",
                "Malformed",
                "Incomplete",
                "Exceeded",
                "Out of",
                "Cannot",
            ]
            .iter()
            .any(|word| message.starts_with(word)) =>
        {
            first.to_lowercase().chain(characters).collect()
        }
        _ => message.to_owned(),
    }
}

/// An error that is no text comes as its address, which is nobody's business.
pub(crate) fn opaque(message: &str) -> &str {
    if ADDRESSES.iter().any(|kind| message.starts_with(kind)) {
        "the script raised a value that is no text"
    } else {
        message
    }
}

const ADDRESSES: [&str; 4] = ["table: 0x", "function: 0x", "thread: 0x", "userdata: 0x"];
