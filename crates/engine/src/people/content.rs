//! Where rows come from: a file, which is read anew each time, or what was read from a stream once, in memory.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::mistake::{Mistake, PeopleError, Problem};
use crate::{hexadecimal, platform};

/// What holds the users: read once to check it, and again to act.
#[derive(Clone)]
pub struct Content {
    name: String,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    File(PathBuf),
    /// It can hold keys and tokens, which are not spooled to a disk.
    Held(Arc<Zeroizing<Vec<u8>>>),
}

/// What is held in memory is at most so long.
const MOST_HELD: u64 = 64 << 20;

impl Content {
    /// A file. A pipe can be read once only: it is held in memory.
    ///
    /// # Errors
    /// It cannot be read, is a folder, or a pipe that holds more than 64 MiB.
    pub fn open(path: &Path) -> Result<Self, PeopleError> {
        let name = path.display().to_string();
        let unreadable = |error: io::Error| PeopleError::whole(&name, Problem::unreadable(&error));
        let metadata = fs::metadata(path).map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(PeopleError::whole(&name, Problem::Folder));
        }
        if !metadata.is_file() {
            return Self::hold(&name, File::open(path).map_err(unreadable)?);
        }
        Ok(Self {
            name,
            kind: Kind::File(path.to_owned()),
        })
    }

    /// All that a stream gives, in memory; wiped when it is no longer needed. `name` stands for it in messages.
    ///
    /// # Errors
    /// It cannot be read, or holds more than 64 MiB.
    pub fn hold(name: &str, stream: impl Read) -> Result<Self, PeopleError> {
        let failed = |problem| PeopleError::whole(name, problem);
        let mut stream = stream.take(MOST_HELD + 1);
        let mut held = Zeroizing::new(Vec::new());
        let mut piece = Zeroizing::new(vec![0; PIECE]);
        loop {
            let read = match stream.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(Problem::unreadable(&error))),
            };
            if held.len() + read > held.capacity() {
                // Grown by hand: what a vector leaves behind when it moves is not wiped.
                let mut larger = Zeroizing::new(Vec::with_capacity((2 * held.capacity()).max(2 * PIECE)));
                larger.extend_from_slice(&held);
                held = larger;
            }
            held.extend_from_slice(&piece[..read]);
        }
        if held.len() as u64 > MOST_HELD {
            return Err(failed(Problem::TooMuch { limit: MOST_HELD }));
        }
        Ok(Self {
            name: name.to_owned(),
            kind: Kind::Held(Arc::new(held)),
        })
    }

    /// As messages name it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether others than its owner may read it.
    pub(super) fn readable_by_others(&self) -> bool {
        match &self.kind {
            Kind::File(path) => {
                fs::metadata(path).is_ok_and(|metadata| platform::readable_by_others(&metadata))
            }
            Kind::Held(_) => false,
        }
    }

    /// Its bytes, from the first on.
    pub(super) fn bytes(&self) -> Result<Bytes, Mistake> {
        let unreadable = |error: io::Error| Mistake::of(Problem::unreadable(&error));
        let source: Box<dyn Read + Send + Sync> = match &self.kind {
            Kind::File(path) => Box::new(File::open(path).map_err(unreadable)?),
            Kind::Held(bytes) => Box::new(Cursor::new(Shared(Arc::clone(bytes)))),
        };
        let mut source = Hashing {
            source,
            digest: Sha256::new(),
        };
        let mut head = Vec::with_capacity(PIECE);
        source
            .by_ref()
            .take(PIECE as u64)
            .read_to_end(&mut head)
            .map_err(unreadable)?;
        if let Some(problem) = no_text(&head) {
            return Err(Mistake::of(problem));
        }
        let mark = if head.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
        head.drain(..mark);
        let reader = BufReader::with_capacity(PIECE, Cursor::new(head.clone()).chain(source));
        Ok(Bytes {
            head: Zeroizing::new(head),
            reader,
            offset: mark as u64,
            line: 1,
        })
    }
}

/// Read at once.
const PIECE: usize = 64 << 10;

/// Bytes on their way, with where they stand.
pub(super) struct Bytes {
    /// What it begins with, for a guess at what it is.
    head: Zeroizing<Vec<u8>>,
    reader: BufReader<Chain<Cursor<Vec<u8>>, Hashing>>,
    /// Of the next byte in the file, from 0.
    offset: u64,
    /// Of the next byte, from 1.
    line: u64,
}

impl Bytes {
    /// What it begins with: up to 64 KiB, without a byte order mark.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The next bytes, some or none at the end; they stay until they are taken.
    pub(super) fn look(&mut self) -> Result<&[u8], Mistake> {
        let line = self.line;
        self.reader
            .fill_buf()
            .map_err(|error| Mistake::of(Problem::unreadable(&error)).at_line(line))
    }

    /// Takes so many of those that were looked at.
    pub(super) fn take(&mut self, count: usize) {
        let taken = self.reader.buffer().get(..count).unwrap_or_default();
        let breaks = taken.iter().filter(|byte| **byte == b'\n').count();
        self.line += breaks as u64;
        self.offset += count as u64;
        self.reader.consume(count);
    }

    /// The SHA-256 of the whole, in hexadecimal digits; the rest is read for it.
    pub(super) fn sha256(mut self) -> Result<String, Mistake> {
        while !self.look()?.is_empty() {
            let count = self.reader.buffer().len();
            self.take(count);
        }
        let (_, source) = self.reader.into_inner().into_inner();
        Ok(hexadecimal::encode(&source.digest.finalize()))
    }
}

struct Hashing {
    source: Box<dyn Read + Send + Sync>,
    digest: Sha256,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.digest.update(&buffer[..read]);
        Ok(read)
    }
}

struct Shared(Arc<Zeroizing<Vec<u8>>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Why this cannot be the text that is wanted, if its first bytes tell.
fn no_text(head: &[u8]) -> Option<Problem> {
    let marked = head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF");
    if marked || head.iter().take(4).any(|byte| *byte == 0) {
        return Some(Problem::Utf16);
    }
    head.starts_with(b"PK\x03\x04").then_some(Problem::Archive)
}
