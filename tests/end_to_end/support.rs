//! A simulated Finesse, a configuration for it, and the binary run against both.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use signoff_sandbox::{Fault, Population, Sandbox, Settings};
use tempfile::TempDir;

/// The password of the supervisor in [`Population::team`].
pub(crate) const PASSWORD: &str = "supervisor-password";

/// A vendor, a configuration, and a folder for everything that the binary writes.
pub(crate) struct Site {
    pub(crate) sandbox: Sandbox,
    folder: TempDir,
    password: String,
}

impl Site {
    /// A Finesse with these people, which applies changes at once.
    pub(crate) fn new(population: Population) -> Self {
        Self::with(Settings::with(population))
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let sandbox = Sandbox::start_on_thread(settings).unwrap();
        let site = Self {
            sandbox,
            folder: TempDir::new().unwrap(),
            password: PASSWORD.to_owned(),
        };
        site.configure("");
        site
    }

    /// The configuration, with more lines for the connection. Time-outs are short, so that doubts are settled soon.
    pub(crate) fn configure(&self, connection: &str) {
        self.configure_as("supervisor", connection);
    }

    pub(crate) fn configure_as(&self, username: &str, connection: &str) {
        let credential = format!("username = \"{username}\"\npassword = {{ env = \"SITE_PASSWORD\" }}");
        self.configure_with("finesse", &self.sandbox.origin(), connection, &credential);
    }

    /// The configuration with this provider, this vendor and this credential.
    pub(crate) fn configure_with(&self, provider: &str, origin: &str, connection: &str, credential: &str) {
        let mut text = format!(
            "[connections.site]\nprovider = \"{provider}\"\napi = [\"{origin}\"]\ncredential = \"me\"\n"
        );
        for default in ["rate = \"500/s\"", "timeout = \"1s\"", "settle = \"300ms\""] {
            if !connection.contains(default.split(' ').next().unwrap()) {
                writeln!(text, "{default}").unwrap();
            }
        }
        writeln!(text, "{connection}\n[credentials.me]\n{credential}").unwrap();
        fs::write(self.path("signoff.toml"), text).unwrap();
    }

    pub(crate) fn password(mut self, password: &str) -> Self {
        password.clone_into(&mut self.password);
        self
    }

    pub(crate) fn fault(&self, text: &str) {
        self.sandbox.set_fault(Fault::parse(text).unwrap());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file in the site's folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        self.path(name).to_string_lossy().into_owned()
    }

    /// A configuration in its own words.
    pub(crate) fn configure_as_written(&self, text: &str) {
        self.write("signoff.toml", text);
    }

    /// Runs signoff to its end, with this site's configuration and state.
    pub(crate) fn signoff(&self, arguments: &[&str]) -> Ended {
        self.signoff_fed(Stdio::null(), arguments)
    }

    /// The same with something at its standard input.
    pub(crate) fn signoff_fed(&self, input: Stdio, arguments: &[&str]) -> Ended {
        let config = self.path("signoff.toml");
        self.start(
            input,
            &[&["--config", config.to_str().unwrap()], arguments].concat(),
        )
    }

    /// Runs the bundled team workflow; JSON lines.
    pub(crate) fn log_team_out(&self, more: &[&str]) -> Ended {
        let script = script("supervisor_logs_out_team.luau");
        let fixed = ["run", &script, "--set", "connection=site", "--format", "json"];
        self.signoff(&[&fixed[..], more].concat())
    }

    /// Runs signoff without this site's configuration.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.start(Stdio::null(), arguments)
    }

    fn start(&self, input: Stdio, arguments: &[&str]) -> Ended {
        self.begin_with(input, arguments, "").wait()
    }

    /// Begins to run signoff, without this site's configuration.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Running<'_> {
        self.begin_with(Stdio::null(), arguments, "")
    }

    /// Begins to run it, with this site's configuration.
    pub(crate) fn begin_with_configuration(&self, arguments: &[&str]) -> Running<'_> {
        let config = self.path("signoff.toml");
        let arguments = [&["--config", config.to_str().unwrap()], arguments].concat();
        self.begin_with(Stdio::null(), &arguments, "")
    }

    /// Begins to run the bundled team workflow; JSON lines.
    pub(crate) fn begin_team(&self, more: &[&str]) -> Running<'_> {
        let script = script("supervisor_logs_out_team.luau");
        let fixed = ["run", &script, "--set", "connection=site", "--format", "json"];
        self.begin_with_configuration(&[&fixed[..], more].concat())
    }

    /// Runs it while another runs, whose output is kept.
    pub(crate) fn beside(&self, arguments: &[&str]) -> Ended {
        self.begin_with(Stdio::null(), arguments, "-beside").wait()
    }

    /// Runs it at a terminal, where this is typed. What it shows there stands in `stderr`.
    pub(crate) fn at_terminal(&self, arguments: &[&str], typed: &str) -> Ended {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let end = || {
            let mut options = fs::OpenOptions::new();
            options
                .read(true)
                .write(true)
                .open(name.to_str().unwrap())
                .unwrap()
        };
        let started = Instant::now();
        let mut command = self.command(arguments, "");
        let child = command.stdin(end()).stderr(end()).spawn().unwrap();
        // It holds the other side too.
        drop(command);
        let running = Running {
            site: self,
            child,
            suffix: "",
            started,
        };
        let mut terminal = fs::File::from(terminal);
        terminal.write_all(typed.as_bytes()).unwrap();
        let mut reader = terminal.try_clone().unwrap();
        let reading = std::thread::spawn(move || {
            let mut shown = Vec::new();
            // The last to close the other side ends the reading, with an error on Linux.
            let _ = reader.read_to_end(&mut shown);
            shown
        });
        let ended = running.wait();
        let shown = String::from_utf8_lossy(&reading.join().unwrap()).into_owned();
        Ended {
            stderr: shown.replace('\r', ""),
            ..ended
        }
    }

    /// signoff with these arguments and this site's state; its output goes to files.
    pub(crate) fn command(&self, arguments: &[&str], suffix: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signoff"));
        command
            .args(["--state", self.path("state").to_str().unwrap()])
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("SITE_PASSWORD", &self.password)
            .stdout(fs::File::create(self.path(&format!("stdout{suffix}"))).unwrap())
            .stderr(fs::File::create(self.path(&format!("stderr{suffix}"))).unwrap());
        command
    }

    fn begin_with(&self, input: Stdio, arguments: &[&str], suffix: &'static str) -> Running<'_> {
        let started = Instant::now();
        let child = self.command(arguments, suffix).stdin(input).spawn().unwrap();
        Running {
            site: self,
            child,
            suffix,
            started,
        }
    }
}

/// The binary while it runs.
pub(crate) struct Running<'a> {
    site: &'a Site,
    child: Child,
    /// Of the files that its output goes to.
    suffix: &'static str,
    started: Instant,
}

impl Running<'_> {
    /// Waits until something holds, which may not take long.
    #[track_caller]
    pub(crate) fn until(&mut self, mut holds: impl FnMut() -> bool) {
        while !holds() {
            assert!(self.started.elapsed() < LONGEST, "it does not come to that");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The same, or until it ends.
    pub(crate) fn until_or_end(&mut self, mut holds: impl FnMut() -> bool) {
        while !holds() && self.child.try_wait().unwrap().is_none() {
            assert!(self.started.elapsed() < LONGEST, "it does not come to that");
        }
    }

    /// Ends it as the loss of power would.
    pub(crate) fn kill(mut self) -> Ended {
        self.child.kill().unwrap();
        self.wait()
    }

    /// Its number.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let process = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &process]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Ended {
        let (mut peak_kib, mut own_kib) = (0, 0);
        let status = loop {
            peak_kib = peak_kib.max(memory(self.child.id(), "VmHWM:"));
            own_kib = own_kib.max(memory(self.child.id(), "RssAnon:"));
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if self.started.elapsed() > LONGEST => self.child.kill().unwrap(),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let read = |name: &str| {
            let name = format!("{name}{}", self.suffix);
            fs::read_to_string(self.site.path(&name)).unwrap()
        };
        Ended {
            code: status.code(),
            stdout: read("stdout"),
            stderr: read("stderr"),
            elapsed: self.started.elapsed(),
            peak_kib,
            own_kib,
            folder: self.site.folder.path().to_owned(),
            origin: self.site.sandbox.origin(),
        }
    }
}

/// A run that takes longer than this never ends.
const LONGEST: Duration = Duration::from_secs(120);

/// How the binary ended.
pub(crate) struct Ended {
    /// `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) elapsed: Duration,
    /// The most memory it ever held, the pages of the binary included.
    pub(crate) peak_kib: u64,
    /// The most that was not the binary's: unoptimised, that alone takes more than a run.
    pub(crate) own_kib: u64,
    folder: PathBuf,
    origin: String,
}

impl Ended {
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    pub(crate) fn lines(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect(line))
            .collect()
    }

    /// The outcome lines.
    pub(crate) fn outcomes(&self) -> Vec<Value> {
        self.lines()
            .into_iter()
            .filter(|line| line["event"] == "outcome")
            .collect()
    }

    /// The outcome line of a user; the last if there are several.
    pub(crate) fn outcome(&self, user: &str) -> Value {
        let mut of_user: Vec<Value> = self
            .outcomes()
            .into_iter()
            .filter(|line| line["user"] == user)
            .collect();
        of_user
            .pop()
            .unwrap_or_else(|| panic!("no outcome of {user}:\n{}\n{}", self.stdout, self.stderr))
    }

    pub(crate) fn summary(&self) -> Value {
        let last = self
            .lines()
            .pop()
            .unwrap_or_else(|| panic!("no output; stderr:\n{}", self.stderr));
        assert_eq!(last["event"], "summary", "{}", self.stdout);
        last
    }

    /// Everything printed, with what differs from run to run replaced.
    pub(crate) fn printed(&self) -> String {
        let mut text = self.stderr.clone();
        if !self.stdout.is_empty() {
            text = format!(
                "{}{}{text}",
                self.stdout,
                if text.is_empty() { "" } else { "---\n" }
            );
        }
        let text = text
            .replace(&self.origin, "ORIGIN")
            .replace(self.origin.trim_start_matches("http://"), "HOST:PORT")
            .replace(&*self.folder.to_string_lossy(), "FOLDER")
            .replace(&*repository().to_string_lossy(), "REPOSITORY");
        masked(&text)
    }
}

/// A vendor that answers every request with what `answer` makes of it, as it came. For answers that no simulated vendor
/// gives. Gives the origin; the thread ends with the test.
pub(crate) fn serve(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = Arc::clone(&answer);
            // A client that has left is no concern of the vendor's.
            std::thread::spawn(move || stream.and_then(|stream| answer_one(stream, &*answer)));
        }
    });
    origin
}

fn answer_one(mut stream: TcpStream, answer: &dyn Fn(&str) -> String) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let length = String::from_utf8_lossy(&head)
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    head.extend(body);
    stream.write_all(answer(&String::from_utf8_lossy(&head)).as_bytes())
}

/// An HTTP answer with this body, after which the connection is closed.
pub(crate) fn http(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

/// Builds a library of the workspace, and finds it: `what` is for cargo, `target` the library's name.
pub(crate) fn built(what: &[&str], target: &str) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--locked", "--message-format", "json"])
        .args(what)
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == target)
        .find_map(|message| message["filenames"][0].as_str().map(PathBuf::from))
        .expect("the build says where the library is")
}

/// A workflow of the repository.
pub(crate) fn script(name: &str) -> String {
    repository()
        .join("scripts")
        .join(name)
        .to_string_lossy()
        .into_owned()
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// Run ids and elapsed times, replaced.
fn masked(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for line in text.split_inclusive('\n') {
        let mut line = line.to_owned();
        while let Some(at) = find_run(&line) {
            line.replace_range(at..at + 20, "RUN");
        }
        if let Some(at) = line.find(" in ")
            && let Some(end) = line.find(" s, run ")
            && at < end
        {
            line.replace_range(at + 4..end, "N");
        }
        words.push(line);
    }
    words.concat()
}

/// Where `20261120-213221-k3vq` begins.
fn find_run(line: &str) -> Option<usize> {
    let bytes = line.as_bytes();
    (0..bytes.len().saturating_sub(19)).find(|&at| {
        let digits = |range: std::ops::Range<usize>| bytes[range].iter().all(u8::is_ascii_digit);
        digits(at..at + 8)
            && bytes[at + 8] == b'-'
            && digits(at + 9..at + 15)
            && bytes[at + 15] == b'-'
            && bytes[at + 16..at + 20].iter().all(u8::is_ascii_alphanumeric)
    })
}

/// What a process holds in memory, by the name of the row; 0 once it has gone.
fn memory(process: u32, row: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(row))
        .unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}
