//! A vendor, people to log out, and the binary that is to do it, killed or not.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use signoff_engine::journal::{JournalReader, runs};
use signoff_sandbox::{Fault, Population, Sandbox, Settings, UizaSettings, ZapSettings, uiza, zap};
use tempfile::TempDir;

use crate::compare::Seen;

/// How many requests may be on their way at once, and so how many logouts may be in doubt.
pub(crate) const IN_FLIGHT: usize = 16;

/// Whose service it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vendor {
    /// By a supervisor; the state can be asked.
    Finesse,
    /// Devices, by an administrator; whether somebody is out cannot be asked.
    Zap,
    /// Each by his own key, which can be checked.
    Uiza,
}

/// A vendor, and a folder for everything that the binary reads and writes.
pub(crate) struct Site {
    vendor: Vendor,
    pub(crate) sandbox: Sandbox,
    folder: TempDir,
    pub(crate) users: Vec<String>,
}

/// How a process ended.
pub(crate) struct Ended {
    /// `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// The JSON lines that it printed whole.
    pub(crate) lines: Vec<Value>,
    pub(crate) stderr: String,
}

impl Site {
    /// So many people who are signed in, with these faults in force.
    pub(crate) fn new(vendor: Vendor, users: usize, seed: u64, faults: &[&str]) -> Self {
        let mut settings = Settings::with(Population::team(if vendor == Vendor::Finesse {
            users
        } else {
            0
        }));
        settings.seed = seed;
        settings.zap = ZapSettings::with(zap::people(users));
        settings.uiza = UizaSettings::with(uiza::people(users));
        for fault in faults {
            settings = settings.fault(fault.parse().unwrap());
        }
        let (list, credential, ids) = match vendor {
            Vendor::Finesse => {
                let ids: Vec<String> = (1..=users).map(|number| (10_000 + number).to_string()).collect();
                (format!("id\n{}\n", ids.join("\n")), "supervisor", ids)
            }
            Vendor::Zap => {
                let people = &settings.zap.users[1..];
                let row = |user: &zap::User| format!("{},{}", user.id, user.devices[0]);
                let list = listed("id,device_token", people.iter().map(row));
                let ids = people.iter().map(|user| user.id.clone()).collect();
                (list, "admin@zap.example", ids)
            }
            Vendor::Uiza => {
                let people = &settings.uiza.users[1..];
                let row = |user: &uiza::User| format!("{},{}", user.id, user.key);
                let list = listed("id,key", people.iter().map(row));
                (list, "", people.iter().map(|user| user.id.clone()).collect())
            }
        };
        let site = Self {
            vendor,
            sandbox: Sandbox::start_on_thread(settings).unwrap(),
            folder: TempDir::new().unwrap(),
            users: ids,
        };
        fs::write(site.path("people.csv"), list).unwrap();
        fs::write(site.path("signoff.toml"), site.configuration(credential)).unwrap();
        site
    }

    /// With time-outs that settle a doubt within 1.3 s.
    fn configuration(&self, username: &str) -> String {
        let provider = match self.vendor {
            Vendor::Finesse => "finesse",
            Vendor::Zap => "zap",
            Vendor::Uiza => "uiza",
        };
        let mut text = format!(
            "[connections.site]\nprovider = \"{provider}\"\napi = [\"{}\"]\nrate = \"none\"\n\
             concurrency = {IN_FLIGHT}\ntimeout = \"1s\"\nsettle = \"300ms\"\n",
            self.sandbox.origin()
        );
        if !username.is_empty() {
            write!(
                text,
                "credential = \"me\"\n[credentials.me]\nusername = \"{username}\"\n\
                 password = {{ env = \"SITE_PASSWORD\" }}\n"
            )
            .unwrap();
        }
        text
    }

    /// Whether a user's state can be read, so that nobody need be logged out twice.
    pub(crate) fn can_be_asked(&self) -> bool {
        self.vendor != Vendor::Zap
    }

    /// What is typed to log everybody out.
    pub(crate) fn logout(&self) -> Vec<String> {
        let mut words = vec![
            "logout",
            "site",
            "--from",
            "people.csv",
            "--yes",
            "--format",
            "json",
        ];
        words.extend(match self.vendor {
            Vendor::Finesse => ["-o", "confirm=status"].as_slice(),
            Vendor::Zap => &["-o", "via=device"],
            Vendor::Uiza => &[],
        });
        words.into_iter().map(str::to_owned).collect()
    }

    /// What is typed to go on.
    pub(crate) fn resume(&self, run: &str, policy: &str) -> Vec<String> {
        ["resume", run, "--in-doubt", policy, "--format", "json"]
            .map(str::to_owned)
            .to_vec()
    }

    /// Begins to run the binary. `tracer` are the words of a program that runs it; empty: none.
    pub(crate) fn begin(&self, tracer: &[String], arguments: &[String]) -> Running<'_> {
        let mut words = tracer.to_vec();
        words.push(binary());
        let password = match self.vendor {
            Vendor::Finesse => "supervisor-password",
            Vendor::Zap | Vendor::Uiza => "admin-password",
        };
        let child = Command::new(&words[0])
            .args(&words[1..])
            .args(["--state", "state", "--config", "signoff.toml"])
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("SITE_PASSWORD", password)
            .stdin(Stdio::null())
            .stdout(File::create(self.path("stdout")).unwrap())
            .stderr(File::create(self.path("stderr")).unwrap())
            .spawn()
            .unwrap();
        Running { site: self, child }
    }

    /// The run that is in the state folder, if one was begun; a file that holds none yet does not count.
    pub(crate) fn run(&self) -> Option<String> {
        let state = self.path("state");
        let mut begun = runs(&state).unwrap().into_iter();
        begun.find(|run| self.reader(run).is_some_and(|reader| reader.meta().is_ok()))
    }

    pub(crate) fn journal(&self, run: &str) -> PathBuf {
        self.path("state").join("runs").join(format!("{run}.sqlite"))
    }

    pub(crate) fn reader(&self, run: &str) -> Option<JournalReader> {
        JournalReader::open(&self.journal(run)).ok()
    }

    /// What the vendor knows of a user, by its own ledger.
    pub(crate) fn seen(&self, user: &str) -> Seen {
        let ledger = self.sandbox.ledger();
        let (requests, is_in) = match self.vendor {
            Vendor::Finesse => {
                let state = self.sandbox.state_of(user).unwrap();
                let is_in = state != signoff_sandbox::State::Logout;
                (ledger.logouts_of(user).requested, is_in)
            }
            Vendor::Zap => {
                let sessions = ledger.zap_sessions_of(user);
                let requests = sessions.devices.values().map(|device| device.requested).sum();
                (requests, sessions.ended() == 0)
            }
            Vendor::Uiza => {
                let keys = self.sandbox.uiza_keys_of(user).unwrap();
                (ledger.uiza_logouts_of(user).requested, keys > 0)
            }
        };
        Seen { requests, is_in }
    }

    /// How many logouts have reached the vendor.
    pub(crate) fn logouts(&self) -> u32 {
        self.users.iter().map(|user| self.seen(user).requests).sum()
    }

    pub(crate) fn set_fault(&self, fault: &str) {
        self.sandbox.set_fault(fault.parse::<Fault>().unwrap());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A process that has not ended.
pub(crate) struct Running<'a> {
    site: &'a Site,
    child: Child,
}

/// What takes longer hangs.
const LONGEST: Duration = Duration::from_secs(120);

impl Running<'_> {
    /// Ends it as a loss of power would, after so long. Whether it had ended by itself is in its exit code.
    pub(crate) fn kill_after(mut self, delay: Duration) -> Ended {
        std::thread::sleep(delay);
        self.child.kill().unwrap();
        self.wait()
    }

    /// Waits until something holds.
    #[track_caller]
    pub(crate) fn until(&mut self, mut holds: impl FnMut() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < LONGEST, "it does not come to that");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Ended {
        let began = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if began.elapsed() > LONGEST => self.child.kill().unwrap(),
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        let printed = fs::read_to_string(self.site.path("stdout")).unwrap();
        // The last line may have been cut off in the middle.
        let whole = printed.rfind('\n').map_or("", |end| &printed[..end]);
        Ended {
            code: status.code(),
            lines: whole
                .lines()
                .map(|line| serde_json::from_str(line).expect(line))
                .collect(),
            stderr: fs::read_to_string(self.site.path("stderr")).unwrap(),
        }
    }
}

impl Ended {
    /// Who was told of, and with which outcome.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines
            .iter()
            .filter(|line| line["event"] == "outcome")
            .map(|line| {
                (
                    line["user"].as_str().unwrap_or_default(),
                    line["outcome"].as_str().unwrap_or_default(),
                )
            })
    }
}

/// The binary: that of the tests' own profile, unless another is named.
pub(crate) fn binary() -> String {
    std::env::var("SIGNOFF_KILL_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_signoff").to_owned())
}

fn listed(heading: &str, rows: impl Iterator<Item = String>) -> String {
    let rows: Vec<String> = rows.collect();
    format!("{heading}\n{}\n", rows.join("\n"))
}
