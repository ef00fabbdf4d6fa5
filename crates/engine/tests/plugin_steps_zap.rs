//! The step cases of the ZAP provider against the library `plugins/zap`, built and loaded as a user's would be:
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

#[path = "../../providers/zap/tests/cases/mod.rs"]
mod cases;
mod loaded;
#[path = "../../core/tests/support/tabled.rs"]
mod tabled;

#[test]
fn the_library_says_the_same_of_itself() {
    assert_eq!(*ZAP.descriptor(), signoff_zap::DESCRIPTOR);
}

/// The provider under test, with pages of this size.
pub(crate) fn subject(page_size: i64) -> Box<dyn Subject> {
    let options = [Field::new("page_size", page_size)];
    Box::new(tabled::Tabled(ZAP.open(&options).unwrap()))
}

static ZAP: LazyLock<Library> = LazyLock::new(|| loaded::library("zap"));
