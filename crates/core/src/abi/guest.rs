//! The provider's side: a [`Provider`] behind the C table.
//!
//! Panics are caught here. One that happens poisons the provider with all its operations: every later call returns
//! [`layout::ERROR_POISONED`](super::layout::ERROR_POISONED), because nobody can say what the panic left behind.

mod feed;

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::ffi::{c_char, c_void};
use std::panic::catch_unwind;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::{mem, ptr};

use super::encode::{self, Arena};
use super::inputs::{self, RawInput};
use super::layout::{self as c, Growable};
use super::quiet;
use super::reader::{Reader, Violation};
use crate::{Args, Context, Descriptor, Error, Operation, Options, Provider, Step};

/// The C table of a provider: what a shared library exports, and what a linked provider is called through. The same
/// pointer at every call.
#[must_use]
pub fn table<P: Provider>(descriptor: &'static Descriptor) -> &'static c::Api {
    let mut exports = EXPORTS.lock().unwrap_or_else(PoisonError::into_inner);
    exports
        .entry(TypeId::of::<P>())
        .or_insert_with(|| export::<P>(descriptor))
        .api
}

/// What the exported function returns: [`table`], or NULL where that fails.
#[doc(hidden)]
#[must_use]
pub fn entry_point<P: Provider>(descriptor: &'static Descriptor) -> *const c::Api {
    catch_unwind(|| {
        quiet::install();
        ptr::from_ref(table::<P>(descriptor))
    })
    .unwrap_or(ptr::null())
}

/// What `describe` finds again: C functions have no state, and a static cannot be generic.
static EXPORTS: LazyLock<Mutex<HashMap<TypeId, Export>>> = LazyLock::new(Mutex::default);

struct Export {
    api: &'static c::Api,
    descriptor: *const c::Descriptor,
    feed: Option<&'static c::FeedApi>,
    /// What the descriptor consists of.
    _arena: Arena,
}

// SAFETY: what it points to and owns is plain data, which is never changed, and never freed as exports are kept.
unsafe impl Send for Export {}

fn export<P: Provider>(descriptor: &'static Descriptor) -> Export {
    let mut arena = Arena::default();
    let encoded = arena.descriptor(descriptor);
    Export {
        api: Box::leak(Box::new(c::Api {
            size: c::Api::SIZE,
            reserved: 0,
            describe: Some(describe::<P>),
            provider_new: Some(provider_new::<P>),
            provider_free: Some(provider_free::<P>),
            op_new: Some(op_new::<P>),
            op_poll: Some(op_poll::<P>),
            op_input: Some(op_input::<P>),
            op_free: Some(op_free::<P>),
            classify: Some(classify::<P>),
            extension: Some(extension::<P>),
        })),
        feed: P::HAS_FEED.then(|| &*Box::leak(Box::new(feed::table::<P>()))),
        descriptor: encoded,
        _arena: arena,
    }
}

/// What a `signoff_provider` is.
struct Instance<P> {
    provider: P,
    poison: Poison,
}

/// What a `signoff_op` is.
struct Running<O> {
    operation: O,
    /// What was given last, and what its encoding consists of; both live until the next call.
    step: Option<Step>,
    given: feed::Given,
    arena: Arena,
    poison: Poison,
}

/// Why a provider is not used again, once it is not; shared by it and its operations.
type Poison = Arc<OnceLock<String>>;

extern "C" fn describe<P: Provider>() -> *const c::Descriptor {
    let exports = EXPORTS.lock().unwrap_or_else(PoisonError::into_inner);
    exports
        .get(&TypeId::of::<P>())
        .map_or(ptr::null(), |export| export.descriptor)
}

unsafe extern "C" fn provider_new<P: Provider>(
    options: c::Fields,
    provider: *mut *mut c::Provider,
    error: *mut c_char,
    capacity: usize,
) -> u32 {
    let poison = Poison::default();
    let made = guarded(&poison, || {
        // SAFETY: the caller keeps to the header.
        let mut reader = unsafe { Reader::new(CALL_BYTES) };
        let fields = reader.fields(options, "options")?;
        let instance = Instance {
            provider: P::new(Options::new(&fields))?,
            poison: Poison::default(),
        };
        // SAFETY: the caller keeps to the header.
        unsafe { give(provider, || Box::into_raw(Box::new(instance)).cast(), "provider") }
    });
    // SAFETY: the caller keeps to the header.
    unsafe { finish(made, error, capacity) }
}

unsafe extern "C" fn provider_free<P: Provider>(provider: *mut c::Provider) {
    if !provider.is_null() {
        // SAFETY: not NULL, so by the header it comes from `provider_new` of this table and is freed once.
        drop_quietly(unsafe { Box::from_raw(provider.cast::<Instance<P>>()) });
    }
}

unsafe extern "C" fn op_new<P: Provider>(
    provider: *mut c::Provider,
    operation: c::Text,
    args: *const c::Args,
    context: *const c::Context,
    now: c::Now,
    op: *mut *mut c::Op,
    error: *mut c_char,
    capacity: usize,
) -> u32 {
    // SAFETY: by the header NULL or from `provider_new` of this table; other threads do no more than read it.
    let Some(instance) = (unsafe { provider.cast::<Instance<P>>().as_ref() }) else {
        // SAFETY: the caller keeps to the header.
        return unsafe { finish(Err(null("provider")), error, capacity) };
    };
    let made = guarded(&instance.poison, || {
        // SAFETY: the caller keeps to the header.
        let mut reader = unsafe { Reader::new(CALL_BYTES) };
        let operation = reader.text(operation, "operation")?;
        let args = reader.args(args)?;
        let (context, earlier) = reader.context(context)?;
        let operation = instance.provider.start(
            operation,
            Args::new(args.user.as_ref(), &args.fields),
            Context {
                earlier: &earlier,
                ..context
            },
            inputs::now(now),
        )?;
        let running = Running {
            operation,
            step: None,
            given: feed::Given::default(),
            arena: Arena::default(),
            poison: Arc::clone(&instance.poison),
        };
        // SAFETY: the caller keeps to the header.
        unsafe { give(op, || Box::into_raw(Box::new(running)).cast(), "op") }
    });
    // SAFETY: the caller keeps to the header.
    unsafe { finish(made, error, capacity) }
}

unsafe extern "C" fn op_poll<P: Provider>(
    op: *mut c::Op,
    now: c::Now,
    step: *mut *const c::Step,
    error: *mut c_char,
    capacity: usize,
) -> u32 {
    // SAFETY: by the header NULL or from `op_new` of this table, and no other thread uses it now.
    let Some(running) = (unsafe { op.cast::<Running<P::Op>>().as_mut() }) else {
        // SAFETY: the caller keeps to the header.
        return unsafe { finish(Err(null("op")), error, capacity) };
    };
    let Running {
        operation,
        step: last,
        arena,
        poison,
        ..
    } = running;
    let polled = guarded(poison, || {
        *arena = Arena::default();
        let next = last.insert(operation.next(inputs::now(now)));
        let encoded = arena.step(next);
        // SAFETY: the caller keeps to the header.
        unsafe { give(step, || encoded, "step") }
    });
    // SAFETY: the caller keeps to the header.
    unsafe { finish(polled, error, capacity) }
}

unsafe extern "C" fn op_input<P: Provider>(
    op: *mut c::Op,
    now: c::Now,
    input: *const c::Input,
    error: *mut c_char,
    capacity: usize,
) -> u32 {
    // SAFETY: by the header NULL or from `op_new` of this table, and no other thread uses it now.
    let Some(running) = (unsafe { op.cast::<Running<P::Op>>().as_mut() }) else {
        // SAFETY: the caller keeps to the header.
        return unsafe { finish(Err(null("op")), error, capacity) };
    };
    let Running {
        operation, poison, ..
    } = running;
    let taken = guarded(poison, || {
        // SAFETY: the caller keeps to the header.
        let mut reader = unsafe { Reader::new(CALL_BYTES) };
        match reader.input(input)? {
            RawInput::Response(response) => {
                operation.input(inputs::now(now), crate::Input::Response(response.get()));
            }
            RawInput::Other(input) => operation.input(inputs::now(now), input),
        }
        Ok(())
    });
    // SAFETY: the caller keeps to the header.
    unsafe { finish(taken, error, capacity) }
}

unsafe extern "C" fn op_free<P: Provider>(op: *mut c::Op) {
    if !op.is_null() {
        // SAFETY: not NULL, so by the header it comes from `op_new` of this table and is freed once.
        drop_quietly(unsafe { Box::from_raw(op.cast::<Running<P::Op>>()) });
    }
}

unsafe extern "C" fn classify<P: Provider>(
    provider: *mut c::Provider,
    response: *const c::Response,
    result: *mut c::Class,
    error: *mut c_char,
    capacity: usize,
) -> u32 {
    // SAFETY: by the header NULL or from `provider_new` of this table; other threads do no more than read it.
    let Some(instance) = (unsafe { provider.cast::<Instance<P>>().as_ref() }) else {
        // SAFETY: the caller keeps to the header.
        return unsafe { finish(Err(null("provider")), error, capacity) };
    };
    let classified = guarded(&instance.poison, || {
        // SAFETY: the caller keeps to the header.
        let mut reader = unsafe { Reader::new(CALL_BYTES) };
        let room = reader
            .stated_size(result.cast_const(), "result")?
            .min(c::Class::SIZE);
        let response = reader.response(response)?;
        let mut class = encode::class(instance.provider.classify(&response.get()));
        class.size = room;
        // SAFETY: by the header the host has that much room there, and `class` is at least as long.
        unsafe {
            ptr::copy_nonoverlapping(
                ptr::from_ref(&class).cast::<u8>(),
                result.cast::<u8>(),
                room as usize,
            );
        }
        Ok(())
    });
    // SAFETY: the caller keeps to the header.
    unsafe { finish(classified, error, capacity) }
}

extern "C" fn extension<P: Provider>(id: c::Text) -> *const c_void {
    // SAFETY: the caller keeps to the header.
    let mut reader = unsafe { Reader::new(CALL_BYTES) };
    if reader.text(id, "id") != Ok(c::FEED_EXTENSION) {
        return ptr::null();
    }
    let exports = EXPORTS.lock().unwrap_or_else(PoisonError::into_inner);
    let feed = exports.get(&TypeId::of::<P>()).and_then(|export| export.feed);
    feed.map_or(ptr::null(), |feed| ptr::from_ref(feed).cast())
}

/// More than any answer's cap: the host bounds what it gives, and this ends only what cannot be meant.
const CALL_BYTES: usize = isize::MAX as usize / 2;

/// Runs what may panic, unless it did before.
fn guarded(poison: &Poison, body: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    if let Some(why) = poison.get() {
        return Err(Error::Poisoned(why.clone()));
    }
    // What a panic leaves half-done is not looked at again, but for being dropped.
    match quiet::catch(body) {
        Ok(result) => result,
        Err((payload, place)) => {
            let why = panic_text(payload) + &place;
            Err(Error::Poisoned(poison.get_or_init(|| why).clone()))
        }
    }
}

/// A panic while dropping would cross the interface as much as any other.
fn drop_quietly<T>(item: Box<T>) {
    if let Err((payload, _)) = quiet::catch(|| drop(item)) {
        mem::forget(payload);
    }
}

fn panic_text(payload: Box<dyn Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => {
            let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
            // Whatever else it is, its destructor may panic too.
            mem::forget(payload);
            text.unwrap_or_else(|| "it panicked".to_owned())
        }
    }
}

/// Puts a result where the host wants it.
///
/// # Safety
/// `place` is NULL or may be written to.
unsafe fn give<T>(place: *mut T, result: impl FnOnce() -> T, what: &str) -> Result<(), Error> {
    if place.is_null() {
        return Err(null(what));
    }
    // SAFETY: not NULL, and the caller vouches for the rest.
    unsafe { place.write(result()) };
    Ok(())
}

/// The result code, and the text of an error in the caller's buffer.
///
/// # Safety
/// `buffer` is NULL, or `capacity` bytes there may be written to.
unsafe fn finish(result: Result<(), Error>, buffer: *mut c_char, capacity: usize) -> u32 {
    let Err(error) = result else { return c::OK };
    let (code, text) = match error {
        Error::Options(text) => (c::ERROR_OPTIONS, text),
        Error::UnknownOperation(text) => (c::ERROR_UNKNOWN_OPERATION, text),
        Error::Arguments(text) => (c::ERROR_ARGUMENTS, text),
        Error::Poisoned(text) => (c::ERROR_POISONED, text),
        Error::Contract(text) => (c::ERROR_CONTRACT, text),
    };
    if !buffer.is_null() && capacity > 0 {
        let length = text.floor_char_boundary(capacity - 1);
        // SAFETY: `length` is less than `capacity`, and no longer than the text.
        unsafe { ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast::<u8>(), length) };
        // SAFETY: `length` is less than `capacity`.
        let end = unsafe { buffer.add(length) };
        // SAFETY: as above.
        unsafe { end.write(0) };
    }
    code
}

fn null(what: &str) -> Error {
    Error::Contract(format!("`{what}` is NULL"))
}

impl From<Violation> for Error {
    fn from(Violation(text): Violation) -> Self {
        Self::Contract(text)
    }
}
