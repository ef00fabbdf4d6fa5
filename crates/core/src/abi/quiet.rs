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
    let outer = CAUGHT.replace(Some(Place::new()));
    let result = catch_unwind(AssertUnwindSafe(body));
    let place = CAUGHT.replace(outer).unwrap_or_default();
    result.map_err(|payload| (payload, place))
}

thread_local! {
    /// Set while what panics on this thread is caught: where it did last.
    static CAUGHT: RefCell<Option<Place>> = const { RefCell::new(None) };
}

/// Keeps the place of a panic that will be caught; false if it will not be.
fn note(place: Place) -> bool {
    CAUGHT.with_borrow_mut(|caught| caught.as_mut().map(|caught| *caught = place).is_some())
}
