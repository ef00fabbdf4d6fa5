//! Rows of a CSV, as spreadsheets and scripts write it: separated by commas, tabs or semicolons.

use csv_core::{ReadFieldResult, Reader, ReaderBuilder};
use signoff_core::Value;
use zeroize::Zeroizing;

use super::columns::{Columns, Role};
use super::content::Bytes;
use super::mistake::{Mistake, Problem};
use super::{Cell, LONGEST_ROW, Row};

pub(super) struct CsvRows {
    pub(super) bytes: Bytes,
    parser: Reader,
    delimiter: u8,
    row: u64,
    raw: RawRow,
}

/// The cells of a row, as they were found.
#[derive(Default)]
struct RawRow {
    line: u64,
    cells: Vec<RawCell>,
    text: Zeroizing<Vec<u8>>,
}

struct RawCell {
    /// Of its first byte in the file, which is the quote if it is quoted.
    offset: u64,
    quoted: bool,
    /// Where in the file text stands behind the quote that ends it. The parser takes that for more of the cell.
    behind_quote: Option<u64>,
    /// Where it ends in the row's text.
    end: usize,
}

impl RawRow {
    /// The first cell with text behind its closing quote, and where in the file that stands.
    fn behind_quote(&self) -> Option<(usize, u64)> {
        let mut cells = self.cells.iter().enumerate();
        cells.find_map(|(index, cell)| Some((index, cell.behind_quote?)))
    }
}

impl CsvRows {
    /// Reads the header into the columns.
    pub(super) fn new(bytes: Bytes, columns: &mut Columns) -> Result<Self, Vec<Mistake>> {
        let delimiter = delimiter(bytes.head());
        let mut rows = Self {
            bytes,
            parser: ReaderBuilder::new().delimiter(delimiter).build(),
            delimiter,
            row: 0,
            raw: RawRow::default(),
        };
        if !rows.read().map_err(|mistake| vec![mistake])? {
            return Err(vec![Mistake::of(Problem::Empty)]);
        }
        let line = rows.raw.line;
        if let Some((_, byte)) = rows.raw.behind_quote() {
            return Err(vec![
                Mistake::of(Problem::BehindQuote).at_line(line).at_byte(byte),
            ]);
        }
        let mut names = Vec::new();
        for index in 0..rows.raw.cells.len() {
            let name = rows.text(index).map_err(|byte| {
                let mistake = Mistake::of(Problem::NotUtf8).at_line(line).at_byte(byte);
                vec![mistake]
            })?;
            names.push(name.trim().to_owned());
        }
        columns.header(&names).map_err(|problems| {
            let at = |problem| Mistake::of(problem).at_line(line);
            problems.into_iter().map(at).collect::<Vec<_>>()
        })?;
        Ok(rows)
    }

    /// The next row; none at the end.
    pub(super) fn next(&mut self, columns: &Columns) -> Option<Result<Row, Mistake>> {
        loop {
            match self.read() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(mistake) => return Some(Err(mistake)),
            }
            // Spreadsheets leave lines behind that hold nothing but commas.
            if !self.raw.text.iter().all(u8::is_ascii_whitespace) {
                break;
            }
        }
        self.row += 1;
        let row = self.row;
        Some(self.cells(columns).map_err(|mistake| mistake.in_row(row)))
    }

    fn cells(&self, columns: &Columns) -> Result<Row, Mistake> {
        let line = self.raw.line;
        let (found, expected) = (self.raw.cells.len(), columns.len());
        if let Some((index, byte)) = self.raw.behind_quote() {
            let mistake = Mistake::of(Problem::BehindQuote).at_line(line).at_byte(byte);
            return Err(if index < expected {
                mistake.in_column(&columns.get(index).name)
            } else {
                mistake
            });
        }
        if found != expected {
            return Err(Mistake::of(Problem::Cells { found, expected }).at_line(line));
        }
        let mut cells = Vec::with_capacity(found);
        for (index, raw) in self.raw.cells.iter().enumerate() {
            let column = columns.get(index);
            let text = self.text(index).map_err(|byte| {
                let mistake = Mistake::of(Problem::NotUtf8).at_line(line).at_byte(byte);
                mistake.in_column(&column.name)
            })?;
            if column.role != Role::Unused && !text.is_empty() {
                cells.push(Cell {
                    column: index,
                    offset: raw.offset,
                    value: Value::Text(unprotected(text).to_owned()),
                });
            }
        }
        Ok(Row {
            number: self.row,
            line,
            cells,
        })
    }

    /// A cell of the row; or the place in the file of the byte that is no text.
    fn text(&self, index: usize) -> Result<&str, u64> {
        let start = index
            .checked_sub(1)
            .and_then(|before| self.raw.cells.get(before))
            .map_or(0, |before| before.end);
        let cell = &self.raw.cells[index];
        let bytes = &self.raw.text[start..cell.end];
        std::str::from_utf8(bytes).map_err(|error| {
            let valid = &bytes[..error.valid_up_to()];
            // A quote within a quoted cell is written twice.
            let written_twice = valid.iter().filter(|byte| **byte == b'"').count();
            let more = if cell.quoted { 1 + written_twice } else { 0 };
            cell.offset + (valid.len() + more) as u64
        })
    }

    /// Reads a row; says whether there was one.
    fn read(&mut self) -> Result<bool, Mistake> {
        self.raw.cells.clear();
        self.raw.text.clear();
        loop {
            match self.bytes.look()?.first() {
                None => return Ok(false),
                Some(b'\r' | b'\n') => self.bytes.take(1),
                Some(_) => break,
            }
        }
        self.raw.line = self.bytes.line();
        let start = self.bytes.offset();
        while self.field(start)? {}
        Ok(true)
    }

    /// Reads a cell of the row that begins at `start`; says whether another follows.
    fn field(&mut self, start: u64) -> Result<bool, Mistake> {
        let (offset, line) = (self.bytes.offset(), self.bytes.line());
        let quoted = self.bytes.look()?.first() == Some(&b'"');
        let mut quotes = if quoted { Quotes::Begin } else { Quotes::None };
        let mut behind_quote = None;
        let mut output = Zeroizing::new([0; 4_096]);
        let at = |problem| Mistake::of(problem).at_line(line).at_byte(offset);
        let end = loop {
            let from = self.bytes.offset();
            let input = self.bytes.look()?;
            let at_end = input.is_empty();
            let (result, read, written) = self.parser.read_field(input, output.as_mut_slice());
            for (byte, place) in input[..read].iter().zip(from..).filter(|_| quoted) {
                let ends = [self.delimiter, b'\r', b'\n'].contains(byte);
                if quotes.take(*byte) && !ends {
                    behind_quote = Some(place);
                }
            }
            self.raw.text.extend_from_slice(&output[..written]);
            self.bytes.take(read);
            if at_end && quotes == Quotes::Inside {
                return Err(at(Problem::Unclosed));
            }
            if self.bytes.offset() - start > LONGEST_ROW {
                let problem = if quotes == Quotes::Inside {
                    Problem::Unclosed
                } else {
                    Problem::LongRow { limit: LONGEST_ROW }
                };
                return Err(at(problem));
            }
            match result {
                ReadFieldResult::InputEmpty | ReadFieldResult::OutputFull => {}
                ReadFieldResult::Field { record_end } => break record_end,
                ReadFieldResult::End => break true,
            }
        };
        self.raw.cells.push(RawCell {
            offset,
            quoted,
            behind_quote,
            end: self.raw.text.len(),
        });
        Ok(!end)
    }
}

/// How far a cell in quotes is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    /// It has none, or is behind them.
    None,
    /// Before the first.
    Begin,
    Inside,
    /// Behind one that ends it, or is the first of two.
    End,
}

impl Quotes {
    /// Takes the next byte; says whether it is the first behind the quote that ends the cell.
    fn take(&mut self, byte: u8) -> bool {
        let before = *self;
        *self = match (before, byte) {
            (Self::Begin, _) | (Self::End, b'"') => Self::Inside,
            (Self::Inside, b'"') => Self::End,
            (Self::End, _) => Self::None,
            (other, _) => other,
        };
        before == Self::End && *self == Self::None
    }
}

/// What separates the cells of the first line: a comma if there is one outside quotes, else a tab, else a semicolon.
fn delimiter(head: &[u8]) -> u8 {
    let mut quoted = false;
    let outside: Vec<u8> = head
        .iter()
        .copied()
        .skip_while(|byte| matches!(byte, b'\r' | b'\n'))
        .take_while(|byte| {
            quoted ^= *byte == b'"';
            quoted || !matches!(byte, b'\r' | b'\n')
        })
        .collect();
    let mut quoted = false;
    let outside: Vec<u8> = outside
        .into_iter()
        .filter(|byte| {
            quoted ^= *byte == b'"';
            !quoted
        })
        .collect();
    let found = [b',', b'\t', b';']
        .into_iter()
        .find(|byte| outside.contains(byte));
    found.unwrap_or(b',')
}

/// A cell without the apostrophe that keeps spreadsheets from taking it for a formula.
fn unprotected(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@']) => rest,
        _ => text,
    }
}
