//! Tutorials replayed by the binary against the sandbox: labs in their dialect, and those that come with signoff.

mod ended_early;
mod labs;
mod misbehaving;
mod over_tls;
mod secrets;
mod tutorials;
mod whole_labs;

use serde_json::{Value, json};
use signoff_sandbox::Settings;

use crate::support::{Ended, Site};

/// A sandbox with the users of the labs, and its environment in a file.
struct Lab(Site);

impl Lab {
    fn new() -> Self {
        let site = Site::with(Settings::lab());
        let values: Vec<Value> = site
            .sandbox
            .lab_variables()
            .into_iter()
            .map(|(key, value)| json!({"key": key, "value": value, "enabled": true}))
            .collect();
        let environment = json!({"name": "lab", "values": values});
        site.write("lab.json", &environment.to_string());
        Self(site)
    }

    /// Replays something on it.
    fn replay(&self, arguments: &[&str]) -> Ended {
        let all = self.arguments(arguments);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        self.without_secrets(self.0.run(&all))
    }

    /// What a replay on it is begun with.
    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let mut all: Vec<String> = ["replay", "-e", "lab.json"].map(str::to_owned).into();
        for map in self.0.sandbox.lab_ports() {
            all.extend(["--map-port".to_owned(), map]);
        }
        all.extend(more.iter().map(|&argument| argument.to_owned()));
        all
    }

    /// No password is ever told.
    #[track_caller]
    fn without_secrets(&self, ended: Ended) -> Ended {
        for (name, value) in self.0.sandbox.lab_variables() {
            let is_secret = name.ends_with("_password");
            let told = is_secret && (ended.stdout.contains(&value) || ended.stderr.contains(&value));
            assert!(!told, "{name} is told:\n{}{}", ended.stdout, ended.stderr);
        }
        ended
    }
}

/// What is printed, with what differs from run to run replaced.
fn stable(ended: &Ended) -> String {
    let mut text = String::new();
    for line in ended.printed().split_inclusive('\n') {
        let mut line = line.to_owned();
        while let Some((at, end)) = port(&line) {
            line.replace_range(at..end, ":PORT");
        }
        for before in [" after ", "passed in ", "failed in "] {
            let tells_time = line.starts_with("  ←") || line.starts_with(before);
            if let Some(at) = line.find(before).filter(|_| tells_time) {
                let from = at + before.len();
                let rest = line[from..].trim_end();
                let time = rest.split(' ').take(2).map(str::len).sum::<usize>() + 1;
                line.replace_range(from..from + time.min(rest.len()), "N");
            }
        }
        text.push_str(&line);
    }
    text
}

/// A JUnit report without its times.
fn timeless(report: &str) -> String {
    let lines = report.lines().map(|line| match line.split_once(" time=\"") {
        Some((before, rest)) => format!("{before}{}\n", rest.split_once('"').unwrap().1),
        None => format!("{line}\n"),
    });
    lines.collect()
}

/// Where a port of this machine stands.
fn port(line: &str) -> Option<(usize, usize)> {
    let host = "127.0.0.1:";
    let at = line.find(host)? + host.len() - 1;
    let digits = line[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then_some((at, at + 1 + digits))
}
