//! Whether a library is whole, as far as its head tells. The system's loader does not ask: it maps what the head
//! promises, and the process dies of a bus error where a download was cut short.

/// What is wrong with the file, if it says that it is an ELF library (of Linux and its kin) and is not all there. What
/// else may be wrong with it, the system's loader says.
pub(super) fn check(file: &[u8]) -> Result<(), &'static str> {
    if !file.starts_with(MAGIC) {
        return Ok(());
    }
    let head = Head { file };
    let machine = head.number(18, 2);
    if THIS_MACHINE.is_some_and(|this| machine.is_some_and(|machine| machine != this)) {
        return Err("it is made for another kind of processor");
    }
    let parts = head.parts().ok_or("it ends before its head does")?;
    if parts.iter().any(|end| *end > file.len() as u64) {
        return Err("it is cut short: its head tells of more than there is");
    }
    Ok(())
}

const MAGIC: &[u8] = b"\x7fELF";

/// `e_machine` of libraries that run here, where that is known.
const THIS_MACHINE: Option<u64> = if cfg!(target_arch = "x86_64") {
    Some(62)
} else if cfg!(target_arch = "aarch64") {
    Some(183)
} else {
    None
};

/// The kind of part that is loaded.
const LOAD: u64 = 1;

struct Head<'a> {
    file: &'a [u8],
}

impl Head<'_> {
    /// Where the parts that are loaded end, as the table of parts has it.
    fn parts(&self) -> Option<Vec<u64>> {
        // In the order of the members `e_phoff`, `e_phentsize`, `e_phnum`; `p_offset`, `p_filesz`.
        let [table, size, count, offset, length] = if self.is_wide()? {
            [32, 54, 56, 8, 32]
        } else {
            [28, 42, 44, 4, 16]
        };
        let first = self.word(table)?;
        let size = self.number(size, 2)?;
        let mut ends = Vec::new();
        for index in 0..self.number(count, 2)? {
            let part = usize::try_from(first.checked_add(index.checked_mul(size)?)?).ok()?;
            let end = self
                .word(part.checked_add(offset)?)?
                .saturating_add(self.word(part.checked_add(length)?)?);
            if self.number(part, 4)? == LOAD {
                ends.push(end);
            }
        }
        Some(ends)
    }

    /// Whether it is of 64 bits.
    fn is_wide(&self) -> Option<bool> {
        Some(*self.file.get(4)? == 2)
    }

    /// An address or offset.
    fn word(&self, at: usize) -> Option<u64> {
        self.number(at, if self.is_wide()? { 8 } else { 4 })
    }

    /// A number of so many bytes, least significant first unless the file says otherwise.
    fn number(&self, at: usize, bytes: usize) -> Option<u64> {
        let bytes = self.file.get(at..at.checked_add(bytes)?)?;
        let push = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if *self.file.get(5)? == 2 {
            bytes.iter().fold(0, push)
        } else {
            bytes.iter().rev().fold(0, push)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::check;

    /// The head of a library of 64 bits with one part, which ends there.
    fn library(end: u64) -> Vec<u8> {
        let mut file = vec![0; 120];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[18] = super::THIS_MACHINE.unwrap_or_default().to_le_bytes()[0];
        file[32] = 64;
        file[54] = 56;
        file[56] = 1;
        file[64] = 1;
        file[96..104].copy_from_slice(&end.to_le_bytes());
        file
    }

    #[test]
    fn a_library_is_whole() {
        assert_eq!(check(&library(120)), Ok(()));
        assert_eq!(check(b"MZ"), Ok(()));
        let cut = Err("it is cut short: its head tells of more than there is");
        assert_eq!(check(&library(121)), cut);
        assert_eq!(check(&library(u64::MAX)), cut);
        assert_eq!(
            check(&library(120)[..119]),
            cut,
            "a byte less than the head tells of"
        );
        let mut other = library(120);
        other[19] = 0xca;
        assert!(
            super::THIS_MACHINE.is_none() || check(&other) == Err("it is made for another kind of processor")
        );
        assert_eq!(check(&library(120)[..80]), Err("it ends before its head does"));
        assert_eq!(check(b"\x7fELF"), Err("it ends before its head does"));
    }

    #[test]
    fn this_program_is_whole() {
        let file = std::fs::read(std::env::current_exe().unwrap_or_default()).unwrap_or_default();
        assert!(!file.is_empty());
        assert_eq!(check(&file), Ok(()));
    }

    proptest! {
        #[test]
        fn any_head_is_read(mut head in prop::collection::vec(any::<u8>(), 0..200)) {
            head.splice(0..4.min(head.len()), b"\x7fELF".iter().copied());
            let _ = check(&head);
        }
    }
}
