//! The step cases of the Uiza provider against the library `plugins/uiza`, built and loaded as a user's would be:
//! the same transcripts as without a library.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail"
)]

use std::sync::LazyLock;

use signoff_core::Field;
use signoff_core::abi::host::Library;
use signoff_core::testing::Subject;

#[path = "../../providers/uiza/tests/cases/mod.rs"]
mod cases;
mod loaded;
#[path = "../../core/tests/support/tabled.rs"]
mod tabled;

#[test]
fn the_library_says_the_same_of_itself() {
    assert_eq!(*UIZA.descriptor(), signoff_uiza::DESCRIPTOR);
}

/// The provider under test, with these options of its connection.
pub(crate) fn subject(options: &[Field]) -> Box<dyn Subject> {
    Box::new(tabled::Tabled(UIZA.open(options).unwrap()))
}

static UIZA: LazyLock<Library> = LazyLock::new(|| loaded::library("uiza"));
