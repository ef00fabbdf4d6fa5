//! One mistake after the other, and what is said of it.

mod addresses;
mod connections;
mod credentials;
mod document;
mod logins;
mod secrets;

use expect_test::Expect;

use super::settings;

/// Checks what is said of a text.
fn check(text: &str, expected: &Expect) {
    let told = match settings(text) {
        Ok(_) => "nothing is wrong".to_owned(),
        Err(errors) => errors.to_string(),
    };
    assert!(!told.contains("hunter2"), "a secret is shown: {told}");
    expected.assert_eq(&told);
}
