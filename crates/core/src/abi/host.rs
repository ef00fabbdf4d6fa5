//! The host's side: a provider behind the C table, safe to use.
//!
//! Everything that a provider gives is copied and checked before anybody sees it: structures by the reader, conduct
//! by the rules of the header. What is wrong is an [`Error::Contract`] that names the provider and the rule.

mod feed;

use std::any::TypeId;
use std::collections::HashMap;
use std::ffi::{c_char, c_void};
use std::ptr::{self, NonNull};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use super::conduct::Conduct;
use super::encode::{self, Arena};
use super::guest;
use super::layout::{self as c, Growable};
use super::reader::{Reader, Violation};
use crate::{Args, Class, Context, Descriptor, Error, Field, Input, Now, Provider, Response, Step};

/// A provider's checked table: linked in, or of a shared library.
#[derive(Debug, Clone, Copy)]
pub struct Library {
    table: Table,
    descriptor: &'static Descriptor,
}

impl Library {
    /// A provider that is linked in, called through the same table that a shared library exports. The same at every
    /// call.
    ///
    /// # Errors
    /// [`Error::Contract`] if the descriptor breaks a rule.
    pub fn linked<P: Provider>(descriptor: &'static Descriptor) -> Result<Self, Error> {
        let mut linked = LINKED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(library) = linked.get(&TypeId::of::<P>()) {
            return Ok(*library);
        }
        let table = ptr::from_ref(guest::table::<P>(descriptor));
        // SAFETY: the table is ours, keeps to the header, and is never freed.
        let library = unsafe { Self::from_table(table) }?;
        linked.insert(TypeId::of::<P>(), library);
        Ok(library)
    }

    /// The provider behind a table that an exported function gave.
    ///
    /// # Errors
    /// [`Error::Contract`] if the table or the descriptor breaks a rule.
    ///
    /// # Safety
    /// `table` is NULL, or it and everything that is reached from it keeps to the memory, thread and lifetime rules of
    /// `signoff_provider.h` until the process ends. What the structures then say is checked and need not be trusted.
    pub unsafe fn from_table(table: *const c::Api) -> Result<Self, Error> {
        // SAFETY: the caller vouches for all that is reached from the table.
        let mut reader = unsafe { Reader::<'static>::new(ANSWER_BYTES) };
        let api = reader.structure(table, "table")?;
        let table = Table::new(&api)?;
        // SAFETY: the caller vouches for the function.
        let descriptor = reader.descriptor(unsafe { (table.describe)() })?;
        Ok(Self { table, descriptor })
    }

    /// What the provider says of itself.
    #[must_use]
    pub const fn descriptor(&self) -> &'static Descriptor {
        self.descriptor
    }

    /// A provider with these options of a connection, which have been checked against the descriptor.
    ///
    /// # Errors
    /// [`Error::Options`] if the provider does not take them; [`Error::Contract`], [`Error::Poisoned`].
    pub fn open(&self, options: &[Field]) -> Result<Instance, Error> {
        let mut arena = Arena::default();
        let options = arena.fields(options);
        let mut provider = ptr::null_mut();
        self.call(|error, capacity| {
            // SAFETY: all arguments are valid during the call, and the function keeps to the header.
            unsafe { (self.table.provider_new)(options, &raw mut provider, error, capacity) }
        })?;
        let provider = NonNull::new(provider).ok_or_else(|| self.contract("provider_new gave NULL"))?;
        Ok(Instance {
            opened: Arc::new(Opened {
                library: *self,
                provider,
            }),
        })
    }

    /// The extension of that id, in a form that its own header describes.
    #[must_use]
    pub fn extension(&self, id: &str) -> Option<NonNull<c_void>> {
        // SAFETY: the id is valid during the call, and the function keeps to the header.
        let extension = unsafe { (self.table.extension)(encode::text(id)) };
        NonNull::new(extension.cast_mut())
    }

    /// Calls a function that may fail, and makes an error of what it says.
    fn call(&self, function: impl FnOnce(*mut c_char, usize) -> u32) -> Result<(), Error> {
        let mut buffer = [0_u8; ERROR_BYTES + MARGIN_BYTES];
        let code = function(buffer.as_mut_ptr().cast(), ERROR_BYTES);
        if code == c::OK {
            return Ok(());
        }
        let (buffer, margin) = buffer.split_at(ERROR_BYTES);
        if margin.iter().any(|byte| *byte != 0) {
            return Err(self.contract("an error text is longer than the buffer for it"));
        }
        let text = error_text(buffer);
        Err(match code {
            c::ERROR_OPTIONS | c::ERROR_ARGUMENTS if text.is_empty() => {
                self.contract("it refuses what it is given, and does not say why")
            }
            c::ERROR_OPTIONS => Error::Options(text),
            c::ERROR_UNKNOWN_OPERATION => Error::UnknownOperation(text),
            c::ERROR_ARGUMENTS => Error::Arguments(text),
            c::ERROR_POISONED if text.is_empty() => Error::Poisoned(format!("`{}`", self.descriptor.id)),
            c::ERROR_POISONED => Error::Poisoned(format!("`{}`: {text}", self.descriptor.id)),
            c::ERROR_CONTRACT => self.contract(format!("it says that the host breaks a rule: `{text}`")),
            code => self.contract(format!("the unknown result code {code}, with the text `{text}`")),
        })
    }

    fn contract(&self, rule: impl AsRef<str>) -> Error {
        Error::Contract(format!("`{}`: {}", self.descriptor.id, rule.as_ref()))
    }

    fn violation(&self, Violation(rule): Violation) -> Error {
        self.contract(rule)
    }
}

/// A provider with the options of one connection. Clones are the same provider.
#[derive(Debug, Clone)]
pub struct Instance {
    opened: Arc<Opened>,
}

impl Instance {
    /// What the provider says of itself.
    #[must_use]
    pub fn descriptor(&self) -> &'static Descriptor {
        self.opened.library.descriptor
    }

    /// Begins an operation; arguments have been checked against the descriptor.
    ///
    /// # Errors
    /// [`Error::UnknownOperation`] if the descriptor does not have it, [`Error::Arguments`] if the provider does not
    /// take them; [`Error::Contract`], [`Error::Poisoned`].
    pub fn start(
        &self,
        operation: &str,
        args: Args<'_>,
        context: Context<'_>,
        now: Now,
    ) -> Result<Op, Error> {
        let library = self.opened.library;
        let spec = library
            .descriptor
            .operation(operation)
            .ok_or_else(|| Error::UnknownOperation(operation.to_owned()))?;
        let mut arena = Arena::default();
        let encoded_args = arena.args(args);
        let encoded_context = arena.context(&context);
        let mut op = ptr::null_mut();
        library
            .call(|error, capacity| {
                // SAFETY: the provider lives, all arguments are valid during the call, and the function keeps to the
                // header.
                unsafe {
                    (library.table.op_new)(
                        self.opened.provider.as_ptr(),
                        encode::text(operation),
                        encoded_args,
                        encoded_context,
                        encode::now(now),
                        &raw mut op,
                        error,
                        capacity,
                    )
                }
            })
            .map_err(|error| match error {
                Error::UnknownOperation(_) => {
                    library.contract(format!("op_new does not know `{operation}`, which is declared"))
                }
                other => other,
            })?;
        let op = NonNull::new(op).ok_or_else(|| library.contract("op_new gave NULL"))?;
        Ok(Op {
            op,
            conduct: Conduct::new(library.descriptor, spec, args),
            broken: None,
            opened: Arc::clone(&self.opened),
        })
    }

    /// What an answer means.
    ///
    /// # Errors
    /// [`Error::Contract`], [`Error::Poisoned`].
    pub fn classify(&self, response: &Response<'_>) -> Result<Class, Error> {
        let library = self.opened.library;
        let mut arena = Arena::default();
        let response = arena.response(response);
        let mut class = c::Class {
            size: c::Class::SIZE,
            kind: 0,
            has_after: 0,
            reserved: 0,
            after: 0,
        };
        library.call(|error, capacity| {
            // SAFETY: the provider lives, all arguments are valid during the call, and the function keeps to the
            // header.
            unsafe {
                (library.table.classify)(
                    self.opened.provider.as_ptr(),
                    response,
                    &raw mut class,
                    error,
                    capacity,
                )
            }
        })?;
        // SAFETY: the class is ours.
        let mut reader = unsafe { Reader::new(ANSWER_BYTES) };
        reader
            .class(&raw const class)
            .map_err(|rule| library.violation(rule))
    }
}

/// An operation under way. Dropping it ends it, finished or not.
#[derive(Debug)]
pub struct Op {
    op: NonNull<c::Op>,
    conduct: Conduct,
    /// Once something was wrong, nothing more is asked of it.
    broken: Option<Error>,
    opened: Arc<Opened>,
}

// SAFETY: by the header an operation is used by one thread at a time, though not always the same one.
unsafe impl Send for Op {}

impl Op {
    /// What its provider says of itself.
    #[must_use]
    pub fn descriptor(&self) -> &'static Descriptor {
        self.opened.library.descriptor
    }

    /// What it wants next; to be asked until [`Step::Wait`] or [`Step::Finished`].
    ///
    /// # Errors
    /// [`Error::Contract`] if the step breaks a rule, or the operation has finished; [`Error::Poisoned`]. The same
    /// again at every later call.
    pub fn next(&mut self, now: Now) -> Result<Step, Error> {
        self.check()?;
        let step = self.poll(now).and_then(|step| {
            let judged = self.conduct.step(&step, now);
            judged.map_err(|rule| self.opened.library.violation(rule))?;
            Ok(step)
        });
        self.note(step)
    }

    /// Tells it what happened.
    ///
    /// # Errors
    /// [`Error::Contract`], [`Error::Poisoned`]. The same again at every later call.
    #[expect(clippy::needless_pass_by_value, reason = "as `Operation::input`")]
    pub fn input(&mut self, now: Now, input: Input<'_>) -> Result<(), Error> {
        self.check()?;
        self.conduct.input(&input);
        let library = self.opened.library;
        let mut arena = Arena::default();
        let input = arena.input(&input);
        let taken = library.call(|error, capacity| {
            // SAFETY: the operation lives and nobody else uses it, all arguments are valid during the call, and the
            // function keeps to the header.
            unsafe { (library.table.op_input)(self.op.as_ptr(), encode::now(now), input, error, capacity) }
        });
        self.note(taken)
    }

    fn poll(&self, now: Now) -> Result<Step, Error> {
        let library = self.opened.library;
        let mut step = ptr::null();
        library.call(|error, capacity| {
            // SAFETY: the operation lives and nobody else uses it, all arguments are valid during the call, and the
            // function keeps to the header.
            unsafe {
                (library.table.op_poll)(self.op.as_ptr(), encode::now(now), &raw mut step, error, capacity)
            }
        })?;
        // SAFETY: by the header the step is valid until the next call on this operation; it is copied here.
        let mut reader = unsafe { Reader::new(ANSWER_BYTES) };
        reader.step(step).map_err(|rule| library.violation(rule))
    }

    fn check(&self) -> Result<(), Error> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        if self.conduct.is_finished() {
            return Err(self.opened.library.contract("used after FINISHED, by the host"));
        }
        Ok(())
    }

    fn note<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result {
            self.broken = Some(error.clone());
        }
        result
    }
}

impl Drop for Op {
    fn drop(&mut self) {
        // SAFETY: it comes from `op_new` of this table, and is freed here alone.
        unsafe { (self.opened.library.table.op_free)(self.op.as_ptr()) };
    }
}

/// Those that were asked for: what a descriptor is read into is never freed, so it is read once.
static LINKED: LazyLock<Mutex<HashMap<TypeId, Library>>> = LazyLock::new(Mutex::default);

/// What a provider may give in one call: more than the largest request, and than the largest answer made into rows.
const ANSWER_BYTES: usize = 256 << 20;

/// What room a provider is told that there is for an error text.
const ERROR_BYTES: usize = 1024;

/// What room there is behind it: a text that is not cut to fit is the mistake that C invites most, and here it is found
/// instead of being written over what else is on the stack.
const MARGIN_BYTES: usize = 3072;

/// What a provider says of an error, in one line, whatever is in it.
fn error_text(buffer: &[u8]) -> String {
    let length = buffer.iter().position(|byte| *byte == 0).unwrap_or(buffer.len());
    let mut text = String::new();
    for char in String::from_utf8_lossy(&buffer[..length]).chars() {
        if char.is_control() {
            text.extend(char.escape_default());
        } else {
            text.push(char);
        }
    }
    text
}

/// What [`Instance`] and [`Op`] share; the provider is freed after the last of them.
#[derive(Debug)]
struct Opened {
    library: Library,
    provider: NonNull<c::Provider>,
}

// SAFETY: by the header the functions of a provider are thread-safe.
unsafe impl Send for Opened {}
// SAFETY: as above.
unsafe impl Sync for Opened {}

impl Drop for Opened {
    fn drop(&mut self) {
        // SAFETY: it comes from `provider_new` of this table, is freed here alone, and operations hold on to it.
        unsafe { (self.library.table.provider_free)(self.provider.as_ptr()) };
    }
}

macro_rules! table {
    ($($member:ident: $type:ty,)*) => {
        /// The table with all its functions.
        #[derive(Debug, Clone, Copy)]
        struct Table {
            $($member: $type,)*
        }

        impl Table {
            fn new(api: &c::Api) -> Result<Self, Violation> {
                Ok(Self {
                    $($member: api.$member.ok_or_else(|| {
                        Violation(concat!("the table lacks `", stringify!($member), "`").to_owned())
                    })?,)*
                })
            }
        }
    };
}
table! {
    describe: unsafe extern "C" fn() -> *const c::Descriptor,
    provider_new: unsafe extern "C" fn(c::Fields, *mut *mut c::Provider, *mut c_char, usize) -> u32,
    provider_free: unsafe extern "C" fn(*mut c::Provider),
    op_new: unsafe extern "C" fn(
        *mut c::Provider,
        c::Text,
        *const c::Args,
        *const c::Context,
        c::Now,
        *mut *mut c::Op,
        *mut c_char,
        usize,
    ) -> u32,
    op_poll: unsafe extern "C" fn(*mut c::Op, c::Now, *mut *const c::Step, *mut c_char, usize) -> u32,
    op_input: unsafe extern "C" fn(*mut c::Op, c::Now, *const c::Input, *mut c_char, usize) -> u32,
    op_free: unsafe extern "C" fn(*mut c::Op),
    classify: unsafe extern "C" fn(*mut c::Provider, *const c::Response, *mut c::Class, *mut c_char, usize) -> u32,
    extension: unsafe extern "C" fn(c::Text) -> *const c_void,
}
