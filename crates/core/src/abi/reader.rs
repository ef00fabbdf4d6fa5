//! From C structures to the vocabulary, checking everything on the way: the primitives.
//!
//! What memory holds cannot be checked; everything else is: NULL, alignment, sizes, counts, UTF-8, kinds, depth.

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::time::Duration;
use std::{ptr, slice, str};

use super::codes::Code;
use super::layout::{self as c, Growable};
use crate::{Field, SecretHandle, Value};

/// How deep lists and maps may nest.
const DEPTH: usize = 16;

/// How many things (values, headers, rows of arrays) one call may bring. It also ends structures that refer to
/// themselves.
const NODES: usize = 1_000_000;

/// No structure is shorter, in bytes.
const LEAST: u32 = 8;

/// What a side is to be blamed for: completes "the provider breaks the plugin interface: …".
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Violation(pub(super) String);

/// Reads what the other side passes in one call.
pub(super) struct Reader<'a> {
    nodes: usize,
    bytes: usize,
    memory: PhantomData<&'a [u8]>,
}

impl<'a> Reader<'a> {
    /// A reader that takes at most so many bytes of arrays and texts.
    ///
    /// # Safety
    /// Every pointer that is handed to this reader, and every one that is found behind it within the stated sizes and
    /// lengths, is NULL or points to initialised memory of the declared type that nobody changes or frees during `'a`.
    pub(super) const unsafe fn new(bytes: usize) -> Self {
        Self {
            nodes: NODES,
            bytes,
            memory: PhantomData,
        }
    }

    /// The structure, as far as the other side has it; the rest is zero.
    pub(super) fn structure<T: Growable>(&self, pointer: *const T, what: &str) -> Result<T, Violation> {
        let stated = self.stated_size(pointer, what)?;
        let common = stated.min(T::SIZE) as usize;
        let mut structure = MaybeUninit::<T>::zeroed();
        // SAFETY: the other side has at least `stated` bytes there, and `structure` at least `T::SIZE`; they are
        // different objects.
        unsafe {
            ptr::copy_nonoverlapping(pointer.cast::<u8>(), structure.as_mut_ptr().cast::<u8>(), common);
        };
        // SAFETY: zero bytes are a valid `T` by the contract of `Growable`, and what was copied over them is the
        // start of one.
        Ok(unsafe { structure.assume_init() })
    }

    /// What the structure says of its size; nothing else of it need be initialised.
    pub(super) fn stated_size<T: Growable>(&self, pointer: *const T, what: &str) -> Result<u32, Violation> {
        check_pointer(pointer, what)?;
        // SAFETY: not NULL and aligned, and by the contract of `new` there is a structure, which by the contract of
        // `Growable` starts with its size.
        let stated = unsafe { pointer.cast::<u32>().read() };
        if stated < LEAST {
            return Err(Violation(format!("`{what}` states a size of {stated}")));
        }
        Ok(stated)
    }

    /// The array of pointers to structures.
    pub(super) fn structures<T: Growable + 'a>(
        &mut self,
        data: *const *const T,
        count: usize,
        what: &str,
    ) -> Result<Vec<T>, Violation> {
        let pointers = self.slice(data, count, what)?;
        pointers
            .iter()
            .map(|pointer| self.structure(*pointer, what))
            .collect()
    }

    /// The array.
    pub(super) fn slice<T>(
        &mut self,
        data: *const T,
        length: usize,
        what: &str,
    ) -> Result<&'a [T], Violation> {
        if length == 0 {
            return Ok(&[]);
        }
        check_pointer(data, what)?;
        self.nodes = self
            .nodes
            .checked_sub(if size_of::<T>() == 1 { 1 } else { length })
            .ok_or_else(|| Violation(format!("`{what}`: more than {NODES} values at once")))?;
        self.bytes = length
            .checked_mul(size_of::<T>())
            .and_then(|bytes| self.bytes.checked_sub(bytes))
            .ok_or_else(|| Violation(format!("`{what}`: too long, with {length} members")))?;
        // SAFETY: not NULL, aligned, in all less than `isize::MAX` bytes because budgets are; by the contract of `new`
        // the array is there, and unchanged during `'a`.
        Ok(unsafe { slice::from_raw_parts(data, length) })
    }

    pub(super) fn bytes(&mut self, bytes: c::Bytes, what: &str) -> Result<&'a [u8], Violation> {
        self.slice(bytes.data, bytes.length, what)
    }

    pub(super) fn text(&mut self, text: c::Text, what: &str) -> Result<&'a str, Violation> {
        let bytes = self.slice(text.data.cast::<u8>(), text.length, what)?;
        str::from_utf8(bytes).map_err(|_| Violation(format!("`{what}` is not UTF-8")))
    }

    pub(super) fn owned(&mut self, text: c::Text, what: &str) -> Result<String, Violation> {
        self.text(text, what).map(str::to_owned)
    }

    /// `None` where the data is NULL.
    pub(super) fn optional(&mut self, text: c::Text, what: &str) -> Result<Option<&'a str>, Violation> {
        if text.data.is_null() && text.length == 0 {
            return Ok(None);
        }
        self.text(text, what).map(Some)
    }

    /// As [`Self::optional`], as a text of its own.
    pub(super) fn optional_owned(&mut self, text: c::Text, what: &str) -> Result<Option<String>, Violation> {
        Ok(self.optional(text, what)?.map(str::to_owned))
    }

    pub(super) fn texts(&mut self, texts: c::Texts, what: &str) -> Result<Vec<&'a str>, Violation> {
        let texts = self.slice(texts.data, texts.length, what)?;
        texts.iter().map(|text| self.text(*text, what)).collect()
    }

    pub(super) fn pairs(&mut self, pairs: c::Pairs, what: &str) -> Result<Vec<(String, String)>, Violation> {
        let pairs = self.slice(pairs.data, pairs.length, what)?;
        pairs
            .iter()
            .map(|pair| Ok((self.owned(pair.name, what)?, self.owned(pair.value, what)?)))
            .collect()
    }

    pub(super) fn fields(&mut self, fields: c::Fields, what: &str) -> Result<Vec<Field>, Violation> {
        self.fields_at(fields, what, 0)
    }

    fn fields_at(&mut self, fields: c::Fields, what: &str, depth: usize) -> Result<Vec<Field>, Violation> {
        let fields = self.slice(fields.data, fields.length, what)?;
        fields
            .iter()
            .map(|field| {
                Ok(Field {
                    name: self.owned(field.name, what)?,
                    value: self.value(field.value, what, depth)?,
                })
            })
            .collect()
    }

    fn value(&mut self, value: c::Value, what: &str, depth: usize) -> Result<Value, Violation> {
        if depth > DEPTH {
            return Err(Violation(format!("`{what}` nests deeper than {DEPTH}")));
        }
        let payload = value.payload;
        Ok(match value.kind {
            c::VALUE_NULL => Value::Null,
            c::VALUE_BOOLEAN => {
                // SAFETY: the kind says that this member was written; any bits are a number.
                Value::Boolean(truth(unsafe { payload.boolean }, what)?)
            }
            c::VALUE_INTEGER => {
                // SAFETY: as above.
                Value::Integer(unsafe { payload.integer })
            }
            c::VALUE_NUMBER => {
                // SAFETY: as above.
                Value::Number(finite(unsafe { payload.number }, what)?)
            }
            c::VALUE_DURATION => {
                // SAFETY: as above.
                Value::Duration(Duration::from_nanos(unsafe { payload.duration }))
            }
            c::VALUE_TEXT => {
                // SAFETY: the kind says that this member was written; what it points to is checked as any text.
                Value::Text(self.owned(unsafe { payload.text }, what)?)
            }
            c::VALUE_LIST => {
                // SAFETY: as above, with an array.
                let list = unsafe { payload.list };
                let items = self.slice(list.data, list.length, what)?;
                let items = items.iter().map(|item| self.value(*item, what, depth + 1));
                Value::List(items.collect::<Result<_, _>>()?)
            }
            c::VALUE_MAP => {
                // SAFETY: as above.
                let map = unsafe { payload.map };
                Value::Map(self.fields_at(map, what, depth + 1)?)
            }
            c::VALUE_SECRET => {
                // SAFETY: the kind says that this member was written; any bits are a number.
                Value::Secret(SecretHandle(unsafe { payload.secret }))
            }
            kind => return Err(unknown(kind, "a value", what)),
        })
    }
}

/// The kind of that number.
pub(super) fn code<T: Code>(code: u32, what: &str) -> Result<T, Violation> {
    T::from_code(code).ok_or_else(|| Violation(format!("`{what}` is of the unknown kind {code}")))
}

/// The truth value.
pub(super) fn truth(number: u32, what: &str) -> Result<bool, Violation> {
    match number {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Violation(format!(
            "`{what}` is {number}, which is neither 0 nor 1"
        ))),
    }
}

/// The number, unless it is infinite or none.
pub(super) fn finite(number: f64, what: &str) -> Result<f64, Violation> {
    if number.is_finite() {
        Ok(number)
    } else {
        Err(Violation(format!(
            "`{what}` is {number}, which is not a finite number"
        )))
    }
}

/// The error for a kind that is not known.
pub(super) fn unknown(kind: u32, of: &str, what: &str) -> Violation {
    Violation(format!("`{what}`: {of} is of the unknown kind {kind}"))
}

fn check_pointer<T>(pointer: *const T, what: &str) -> Result<(), Violation> {
    if pointer.is_null() {
        Err(Violation(format!("`{what}` is NULL")))
    } else if pointer.is_aligned() {
        Ok(())
    } else {
        Err(Violation(format!("`{what}` is not aligned")))
    }
}
