//! Plugins that break the rules, each really compiled, pinned, loaded and run: whatever one does that can be seen, an
//! error names it, and the process lives. All of them run in a process of their own, once as they are, and once more
//! under AddressSanitizer and UndefinedBehaviorSanitizer.
//!
//! What cannot be contained is not tried: code that runs in the process may end it, block it, or write where it likes.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on is to fail, and its other process tells how far it came"
)]

mod cases;
mod child;
mod compiled;
mod home;
mod vendor;

use expect_test::expect_file;

use child::Sanitized;

#[test]
fn every_misfit_is_named_and_none_brings_the_process_down() {
    let Some(told) = child::run(
        "every_misfit_is_named_and_none_brings_the_process_down",
        Sanitized::No,
    ) else {
        return;
    };
    expect_file!["expected.txt"].assert_eq(&told);
    assert!(told.matches("\n# ").count() > 200, "{told}");
    for case in told.split("\n# ").skip(1) {
        // A folder that is open to all is named instead of what is in it, and an option that a provider refuses is told
        // in its words, at the connection.
        let is_named = ["misfit", "`HOME/plugins`", "connection `here`: "]
            .iter()
            .any(|name| case.contains(name));
        let goes_on = case.starts_with("works");
        assert!(
            !goes_on || !case.contains("breaks the plugin interface"),
            "{case}"
        );
        assert!(goes_on || is_named, "nobody is named: {case}");
        assert!(
            !goes_on || !case.contains("breaks the plugin interface"),
            "{case}"
        );
        assert!(!case.contains("(hangs)"), "{case}");
    }
}

#[test]
fn nothing_is_read_or_written_where_it_must_not_be() {
    let Some(told) = child::run("nothing_is_read_or_written_where_it_must_not_be", Sanitized::Yes) else {
        return;
    };
    assert_eq!(told, include_str!("expected.txt"));
}
