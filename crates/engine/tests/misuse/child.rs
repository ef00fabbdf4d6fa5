//! All cases in a process of their own, so that one that brings it down is told from one that is refused.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::Duration;
use std::{env, fs, thread};

use crate::cases::{self, Case};

/// Whether the libraries are compiled so that their accesses to memory are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sanitized {
    No,
    Yes,
}

/// Runs this program again, with nothing but this test, and gives what its cases told; in that other process, runs the
/// cases, and gives nothing.
pub(crate) fn run(test: &str, sanitized: Sanitized) -> Option<String> {
    if let Some(told) = env::var_os(TOLD) {
        tell_all(Path::new(&told), sanitized);
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let told = folder.path().join("told");
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args([test, "--exact", "--nocapture"])
        .env(TOLD, &told)
        // What a plugin's panic would print is not left out because nobody asked for it.
        .env("RUST_BACKTRACE", "1");
    if sanitized == Sanitized::Yes {
        command
            // A library that is watched needs its runtime to be there before everything else.
            .env("LD_PRELOAD", runtime("libasan.so"))
            .env("ASAN_OPTIONS", "detect_leaks=0:abort_on_error=0:exitcode=99")
            .env("UBSAN_OPTIONS", "print_stacktrace=1");
    }
    let output = command.output().unwrap();
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(output.status.signal(), None, "{said}\n{complained}");
    assert!(output.status.success(), "{}\n{said}\n{complained}", output.status);
    for noise in ["panicked at", "backtrace", "Sanitizer"] {
        assert!(!complained.contains(noise), "{complained}");
    }
    Some(fs::read_to_string(told).unwrap())
}

/// Where the other process writes what its cases tell.
const TOLD: &str = "MISFITS_TOLD";

/// No case takes longer, also on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// Several at a time, in the order in which they stand.
fn tell_all(told: &Path, sanitized: Sanitized) {
    let cases = cases::all();
    let next = AtomicUsize::new(0);
    let texts = Mutex::new(vec![String::new(); cases.len()]);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let at = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(case) = cases.get(at)
                {
                    // Who does not come to its end here has brought the process down.
                    println!("begun: {}", case.name());
                    let text = in_time(*case, sanitized);
                    println!("ended: {}", case.name());
                    texts.lock().unwrap()[at] = format!("\n# {}\n{text}", case.name());
                }
            });
        }
    });
    let texts = texts.into_inner().unwrap().concat();
    fs::write(
        told,
        format!("What a plugin does, and what is said of it.\n{texts}"),
    )
    .unwrap();
}

/// What a case tells. One that hangs is left to itself.
fn in_time(case: Case, sanitized: Sanitized) -> String {
    let (sender, receiver) = mpsc::channel();
    let running = thread::spawn(move || sender.send(cases::told(&case, sanitized)));
    match receiver.recv_timeout(PATIENCE) {
        Ok(text) => text,
        Err(mpsc::RecvTimeoutError::Timeout) => "(hangs)\n".to_owned(),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            assert!(running.join().is_ok(), "the case `{}` has failed", case.name());
            String::new()
        }
    }
}

/// Where the compiler keeps it.
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
