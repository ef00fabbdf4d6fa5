//! The other tests of this program once more, in a process whose every access to memory is watched.

use std::env;
use std::path::PathBuf;
use std::process::Command;

/// Set where the library is to be built for it.
pub(crate) const IS_SANITIZED: &str = "HOTDESK_IS_SANITIZED";

/// What the library is compiled with there.
pub(crate) const FLAGS: [&str; 5] = [
    "-O1",
    "-g",
    "-fno-omit-frame-pointer",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
];

#[test]
#[cfg(target_os = "linux")]
fn nothing_is_read_or_written_where_it_must_not_be() {
    if env::var_os(IS_SANITIZED).is_some() {
        return;
    }
    let output = Command::new(env::current_exe().unwrap())
        .args(["--test-threads=1"])
        .env(IS_SANITIZED, "1")
        // A library that is watched needs its runtime to be there before everything else.
        .env("LD_PRELOAD", runtime("libasan.so"))
        .env("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:exitcode=99")
        .env("UBSAN_OPTIONS", "print_stacktrace=1")
        .env_remove("UPDATE_EXPECT")
        .output()
        .unwrap();
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{}\n{said}\n{complained}", output.status);
    assert!(said.contains("logout::"), "no other test ran: {said}");
    assert!(!complained.contains("Sanitizer"), "{complained}");
}

/// Where the compiler keeps it.
#[cfg(target_os = "linux")]
fn runtime(name: &str) -> PathBuf {
    let output = Command::new("cc")
        .arg(format!("-print-file-name={name}"))
        .output()
        .unwrap_or_else(|error| panic!("this test needs a C compiler; `cc` cannot be run: {error}"));
    let path = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
    assert!(
        path.is_absolute(),
        "this test needs AddressSanitizer, and the compiler has no `{name}`; `build-essential` brings it on Debian"
    );
    path
}
