//! Rows of JSON lines: one object a line. Numbers come as the text that was written, digit for digit, so that a CSV
//! and JSON lines say the same, and no number loses what a double cannot hold.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use signoff_core::{Field, Value};
use zeroize::Zeroizing;

use super::columns::{Columns, Role};
use super::content::Bytes;
use super::mistake::{Mistake, Problem};
use super::{Cell, LONGEST_ROW, Row};

pub(super) struct JsonRows {
    pub(super) bytes: Bytes,
    row: u64,
    line: Zeroizing<Vec<u8>>,
}

/// Deeper values are no data.
const DEEPEST: usize = 16;

impl JsonRows {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self {
            bytes,
            row: 0,
            line: Zeroizing::default(),
        }
    }

    /// The next row; none at the end.
    pub(super) fn next(&mut self, columns: &mut Columns) -> Option<Result<Row, Mistake>> {
        loop {
            let (offset, line) = (self.bytes.offset(), self.bytes.line());
            match self.read() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(mistake) => return Some(Err(mistake)),
            }
            if self.line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            self.row += 1;
            let row = self.row;
            let cells = cells(&self.line, offset, columns);
            return Some(match cells {
                Ok(cells) => Ok(Row {
                    number: row,
                    line,
                    cells,
                }),
                Err(mistake) => Err(mistake.at_line(line).in_row(row)),
            });
        }
    }

    /// Reads a line; says whether there was one.
    fn read(&mut self) -> Result<bool, Mistake> {
        self.line.clear();
        let number = self.bytes.line();
        loop {
            let input = self.bytes.look()?;
            if input.is_empty() {
                return Ok(!self.line.is_empty());
            }
            let end = input.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(input.len(), |end| end + 1);
            if (self.line.len() + count) as u64 > LONGEST_ROW {
                return Err(Mistake::of(Problem::LongRow { limit: LONGEST_ROW }).at_line(number));
            }
            self.line.extend_from_slice(&input[..count]);
            self.bytes.take(count);
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

/// The cells of one object. `offset` is that of the line in the file.
fn cells(line: &[u8], offset: u64, columns: &mut Columns) -> Result<Vec<Cell>, Mistake> {
    let text = std::str::from_utf8(line)
        .map_err(|error| Mistake::of(Problem::NotUtf8).at_byte(offset + error.valid_up_to() as u64))?;
    let text = text.trim_end();
    let indent = (text.len() - text.trim_start().len()) as u64;
    if !text.trim_start().starts_with('{') {
        return Err(Mistake::of(Problem::NotObject).at_byte(offset + indent));
    }
    let mut parser = serde_json::Deserializer::from_str(text);
    let members = parser
        .deserialize_map(Members)
        .and_then(|members| parser.end().map(|()| members))
        .map_err(|error| {
            let byte = offset + error.column().saturating_sub(1) as u64;
            Mistake::of(Problem::NotJson(words(&error))).at_byte(byte)
        })?;
    let mut cells: Vec<Cell> = Vec::with_capacity(members.len());
    for (name, raw) in members {
        let byte = offset + (raw.get().as_ptr() as usize - text.as_ptr() as usize) as u64;
        let at = |problem| Mistake::of(problem).in_column(&name).at_byte(byte);
        let index = columns.intern(&name).map_err(at)?;
        let column = columns.get(index);
        let same = |cell: &&Cell| columns.get(cell.column).attribute == column.attribute;
        if let Some(other) = cells.iter().find(same) {
            return Err(at(Problem::TwoColumns {
                one: columns.get(other.column).name.clone(),
                other: column.name.clone(),
                attribute: column.attribute.clone(),
            }));
        }
        let value = value(raw, 0).map_err(at)?;
        if column.role == Role::Id && raw.get().starts_with(is_number) && !is_plain(raw.get()) {
            return Err(at(Problem::IdNotDigits));
        }
        if column.role != Role::Unused && value != Value::Null {
            cells.push(Cell {
                column: index,
                offset: byte,
                value,
            });
        }
    }
    Ok(cells)
}

/// What the parser says, without the place, which is told otherwise. None of its words for syntax quote what they
/// found.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(place) => text[..place].to_owned(),
        None => text,
    }
}

fn is_number(character: char) -> bool {
    character == '-' || character.is_ascii_digit()
}

fn is_plain(number: &str) -> bool {
    number.bytes().all(|byte| byte.is_ascii_digit())
}

fn value(raw: &RawValue, depth: usize) -> Result<Value, Problem> {
    if depth > DEEPEST {
        return Err(Problem::Deep { most: DEEPEST });
    }
    let text = raw.get();
    let broken = |error: serde_json::Error| Problem::NotJson(words(&error));
    Ok(match text.as_bytes().first() {
        Some(b'n') => Value::Null,
        Some(b't') => Value::Boolean(true),
        Some(b'f') => Value::Boolean(false),
        Some(b'"') => Value::Text(serde_json::from_str(text).map_err(broken)?),
        Some(b'[') => {
            let items = serde_json::Deserializer::from_str(text)
                .deserialize_seq(Items)
                .map_err(broken)?;
            let items = items.into_iter().map(|item| value(item, depth + 1));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        Some(b'{') => {
            let members = serde_json::Deserializer::from_str(text)
                .deserialize_map(Members)
                .map_err(broken)?;
            let member = |(name, raw): (String, &RawValue)| Ok(Field::new(name, value(raw, depth + 1)?));
            Value::Map(members.into_iter().map(member).collect::<Result<_, _>>()?)
        }
        _ => Value::Text(text.to_owned()),
    })
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

struct Items;

impl<'de> Visitor<'de> for Items {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(items)
    }
}
