//! The C interface between provider and host: `include/signoff_provider.h`, mirrored, and both of its sides.
//!
//! [`guest`] puts a [`Provider`](crate::Provider) behind the C table; [`host`] calls such a table and checks what it
//! gives. A provider that is linked in goes the same way as one that is loaded, so there is one path, and it is always
//! exercised.
//!
//! *Architecture invariants.* This is the only module of the crate with `unsafe`. Opening a library is the engine's;
//! here nothing touches a file. Each side trusts the other with memory, threads and lifetimes, which nobody can check,
//! and with nothing else.
#![expect(unsafe_code, reason = "the C interface is here, and only here")]

mod codes;
mod conduct;
mod description;
mod encode;
pub mod guest;
pub mod host;
mod ids;
mod inputs;
pub mod layout;
mod logins;
mod quiet;
mod reader;
mod steps;

pub use guest::table;

/// Exports a provider from a shared library: `export_provider!(Finesse, DESCRIPTOR);` in a crate of type `cdylib`.
///
/// It defines the symbol `signoff_provider_v1`, so it belongs into a crate that nothing else links: two such crates
/// in one binary would not link. A provider that is linked in goes through
/// [`Library::linked`](crate::abi::host::Library::linked) instead.
///
/// Panics of the provider reach the host as errors with their place in the source, and are not printed.
///
/// The first argument is the type that implements [`Provider`](crate::Provider), the second a constant or static of
/// type [`Descriptor`](crate::Descriptor).
#[macro_export]
macro_rules! export_provider {
    ($provider:ty, $descriptor:expr) => {
        /// The one exported function; see `signoff_provider.h`.
        // SAFETY: the name belongs to this interface, and a library exports it once.
        #[expect(unsafe_code, reason = "a symbol is exported")]
        #[unsafe(no_mangle)]
        pub extern "C" fn signoff_provider_v1() -> *const $crate::abi::layout::Api {
            $crate::abi::guest::entry_point::<$provider>(&$descriptor)
        }
    };
}
