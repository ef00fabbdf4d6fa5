//! The step cases of the Finesse provider against the library `plugins/finesse`, built and loaded as a user's would be:
//! the same transcripts as without a library.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail"
)]

use std::sync::LazyLock;

use signoff_core::abi::host::Library;
use signoff_core::testing::Subject;
use signoff_core::{Field, Value};

#[path = "../../providers/finesse/tests/cases/mod.rs"]
mod cases;
mod loaded;
#[path = "../../core/tests/support/tabled.rs"]
mod tabled;

#[test]
fn the_library_says_the_same_of_itself() {
    assert_eq!(*FINESSE.descriptor(), signoff_finesse::DESCRIPTOR);
}

/// The provider under test, with this value of its option `deployment`.
pub(crate) fn subject(deployment: &str) -> Box<dyn Subject> {
    let options = [Field::new("deployment", Value::from(deployment))];
    Box::new(tabled::Tabled(FINESSE.open(&options).unwrap()))
}

static FINESSE: LazyLock<Library> = LazyLock::new(|| loaded::library("finesse"));
