//! Questions to the person at the terminal, other than for secrets.

use super::signal;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report;

/// Asks, and gives the line without its end; empty if there is none. It is read on a thread of its own and in the
/// terminal's ordinary mode, so that Ctrl-C and a request to terminate work while the question stands: then the failure
/// is that it was interrupted, with `effect` as what that means.
pub(super) async fn ask(question: &str, effect: &str) -> Result<String, Failure> {
    report::question(question);
    let (sender, answered) = tokio::sync::oneshot::channel();
    let reader = move || {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line).map(|_| line);
        // Whoever asked may have been interrupted.
        let _ = sender.send(read.unwrap_or_default());
    };
    let thread = std::thread::Builder::new().name("question".to_owned());
    if thread.spawn(reader).is_err() {
        return Ok(String::new());
    }
    tokio::select! {
        line = answered => Ok(line.unwrap_or_default().trim().to_owned()),
        () = signal::received() => {
            report::diagnostic("");
            Err(interrupted(effect))
        }
    }
}

/// Before anything was done.
pub(super) fn interrupted(effect: &str) -> Failure {
    Failure::new(Exit::Interrupted, format!("interrupted; {effect}"), "")
}
