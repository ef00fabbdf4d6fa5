//! Panics that are caught, without a word on the operator's terminal.
//!
//! A shared library brings its own standard library along, whose panic hook prints to the host's standard error, into
//! its progress display and its reports. What a caught panic says reaches the host as an error, with the place in the
//! source; the hook then has nothing to add.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// Where what is called here panicked: ` (src/lib.rs:12)`; empty while the hook is not installed.
type Place = String;

/// Silences panics within [`catch`]. All others, those of the library's own threads among them, are told as before.
///
/// Only a shared library does this, for its own hook: in a program that links providers, the hook is the program's.
pub(super) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let told = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let place = panic
                .location()
                .map(|at| format!(" ({}:{})", at.file(), at.line()));
            if !note(place.unwrap_or_default()) {
                told(panic);
            }
        }));
    });
}

/// What it returns, or else what it panicked with, and where.
pub(super) fn catch<T>(body: impl FnOnce() -> T) -> Result<T, (Box<dyn Any + Send>, Place)> {
    let outer = replace(Some(Place::new()));
    let result = catch_unwind(AssertUnwindSafe(body));
    let place = replace(outer).unwrap_or_default();
    result.map_err(|payload| (payload, place))
}

thread_local! {
    /// Set while what panics on this thread is caught: where it did last.
    static CAUGHT: RefCell<Option<Place>> = const { RefCell::new(None) };
}

/// What it was before. A thread that is about to end has none left, and its panics are told.
fn replace(caught: Option<Place>) -> Option<Place> {
    CAUGHT.try_with(|it| it.replace(caught)).ok().flatten()
}

/// Keeps the place of a panic that will be caught; false if it will not be.
fn note(place: Place) -> bool {
    let is_caught = replace(None).is_some();
    if is_caught {
        replace(Some(place));
    }
    is_caught
}
