//! How much of a run's speed the journal costs: `signoff logout` of many users against a fast vendor on loopback, with
//! the journal on a normal disk and in memory, in turns.
//!
//! `cargo test --release -p signoff --test throughput -- --ignored --nocapture`
//!
//! `SIGNOFF_USERS` (20000), `SIGNOFF_CONCURRENCY` (64), `SIGNOFF_WINDOW` (as the concurrency), `SIGNOFF_ROUNDS` (3),
//! `SIGNOFF_DISK` (a folder on a disk) and `SIGNOFF_MEMORY` (/dev/shm) change what is measured.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and this one reports"
)]

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

fn setting(name: &str, otherwise: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| otherwise.to_owned())
}

#[test]
#[ignore = "a measurement, of a release build on a quiet machine"]
fn the_journal_on_a_disk_costs_at_most_a_quarter() {
    let users: u64 = setting("SIGNOFF_USERS", "20000").parse().unwrap();
    let concurrency = setting("SIGNOFF_CONCURRENCY", "64");
    let window = setting("SIGNOFF_WINDOW", &concurrency);
    let rounds: usize = setting("SIGNOFF_ROUNDS", "3").parse().unwrap();
    let disk = setting("SIGNOFF_DISK", env!("CARGO_TARGET_TMPDIR"));
    let memory = setting("SIGNOFF_MEMORY", "/dev/shm");
    let origin = serve();
    let (mut on_disk, mut in_memory) = (Vec::new(), Vec::new());
    println!("{users} users, concurrency {concurrency}, window {window}; users a second:");
    for round in 1..=rounds {
        for (folder, rates) in [(&disk, &mut on_disk), (&memory, &mut in_memory)] {
            let rate = run(Path::new(folder), &origin, users, &concurrency, &window);
            println!("  round {round}, {folder}: {rate:.0}");
            rates.push(rate);
        }
    }
    let (on_disk, in_memory) = (median(on_disk), median(in_memory));
    let share = on_disk / in_memory;
    println!("median: disk {on_disk:.0}, memory {in_memory:.0}, share {share:.2}");
    assert!(share >= 0.75, "{share:.2}");
}

/// Logs everybody out once; users a second.
fn run(folder: &Path, origin: &str, users: u64, concurrency: &str, window: &str) -> f64 {
    let folder = tempfile::tempdir_in(folder).unwrap();
    let path = |name: &str| folder.path().join(name);
    let config = format!(
        "[connections.site]\nprovider = \"finesse\"\napi = [\"{origin}\"]\ncredential = \"me\"\nrate = \"none\"\n\
         concurrency = {concurrency}\nwindow = {window}\n[credentials.me]\nusername = \"admin\"\n\
         password = {{ env = \"SITE_PASSWORD\" }}\n"
    );
    std::fs::write(path("signoff.toml"), config).unwrap();
    let mut list = String::from("id\n");
    for user in 0..users {
        writeln!(list, "{}", 100_000 + user).unwrap();
    }
    std::fs::write(path("users.csv"), list).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_signoff"))
        .args(["logout", "site", "--from", "users.csv", "-o", "confirm=accepted"])
        .args(["--yes", "--format", "json", "--state", "state"])
        .current_dir(folder.path())
        .env("SITE_PASSWORD", "secret-of-the-vendor")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let summary: serde_json::Value = serde_json::from_str(text.lines().last().expect("no output")).unwrap();
    assert_eq!(
        summary["counts"],
        serde_json::json!({ "accepted": users }),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let elapsed_ms = summary["elapsed_ms"].as_f64().unwrap();
    let users = f64::from(u32::try_from(users).unwrap());
    users * 1_000.0 / elapsed_ms
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// A vendor that answers at once, a thread a connection; gives its origin.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || stream.and_then(answer_all));
        }
    });
    origin
}

fn answer_all(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut out = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let (mut line, mut body, mut answer) = (String::new(), Vec::new(), String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let is_write = line.starts_with("PUT");
        let path = line.split(' ').nth(1).unwrap_or_default();
        let user = path.rsplit('/').next().unwrap_or_default().to_owned();
        let mut length = 0;
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        body.resize(length, 0);
        reader.read_exact(&mut body)?;
        answer.clear();
        if is_write {
            answer.push_str("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
        } else {
            let role = if user == "admin" {
                "PRIMARY_ADMINISTRATOR"
            } else {
                "Agent"
            };
            let person = format!(
                "<User><dialogs>/finesse/api/User/{user}/Dialogs</dialogs><extension>{user}</extension>\
                 <firstName>Ann</firstName><lastName>Example</lastName><loginId>{user}</loginId>\
                 <loginName>{user}</loginName><roles><role>{role}</role></roles><pendingState></pendingState>\
                 <state>READY</state><stateChangeTime>2026-01-01T00:00:00.000Z</stateChangeTime>\
                 <teamId>1</teamId><teamName>One</teamName><uri>/finesse/api/User/{user}</uri></User>"
            );
            let length = person.len();
            write!(
                answer,
                "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {length}\r\n\r\n{person}"
            )
            .map_err(io::Error::other)?;
        }
        out.write_all(answer.as_bytes())?;
    }
}
