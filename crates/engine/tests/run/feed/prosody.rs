//! Prosody as the notification service: nodes named as Finesse names them, on ports of this machine.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use signoff_xmpp::{Event, Framing, Limits, Login, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::world::PASSWORD;

pub(super) const DOMAIN: &str = "example.test";
pub(super) const SERVICE: &str = "pubsub.example.test";

/// How it is reached.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    Plain,
    Tls,
    WebSocket,
}

/// A server that runs until it is dropped.
pub(super) struct Prosody {
    folder: tempfile::TempDir,
    plain: u16,
    tls: u16,
    http: u16,
    pub(super) certificate: PathBuf,
    process: Option<Child>,
}

impl Prosody {
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [plain, tls, http] = [(); 3].map(|()| free_port());
        let certified =
            rcgen::generate_simple_self_signed(["localhost".to_owned(), DOMAIN.to_owned()]).unwrap();
        let certificate = folder.path().join("certificate.pem");
        fs::write(&certificate, certified.cert.pem()).unwrap();
        fs::write(
            folder.path().join("key.pem"),
            certified.signing_key.serialize_pem(),
        )
        .unwrap();
        let mut prosody = Self {
            folder,
            plain,
            tls,
            http,
            certificate,
            process: None,
        };
        fs::write(prosody.path("prosody.cfg.lua"), prosody.configuration()).unwrap();
        let accounts = prosody.path("data/example%2etest/accounts");
        fs::create_dir_all(accounts).unwrap();
        prosody.set_password("watcher", PASSWORD);
        prosody.set_password("publisher", PASSWORD);
        prosody.restart().await;
        prosody
    }

    fn configuration(&self) -> String {
        let Self { plain, tls, http, .. } = self;
        let folder = self.folder.path().display();
        format!(
            r#"
run_as_root = true
daemonize = false
data_path = "{folder}/data"
pidfile = "{folder}/prosody.pid"
log = {{ debug = "{folder}/prosody.log" }}
plugin_paths = {{}}
modules_enabled = {{ "saslauth"; "disco"; "ping"; "presence"; "message"; "iq"; "websocket" }}
modules_disabled = {{ "s2s"; "offline"; "posix" }}
admins = {{ "publisher@{DOMAIN}" }}
authentication = "internal_plain"
allow_unencrypted_plain_auth = true
c2s_require_encryption = false
c2s_ports = {{ {plain} }}
c2s_direct_tls_ports = {{ {tls} }}
c2s_direct_tls_ssl = {{ key = "{folder}/key.pem"; certificate = "{folder}/certificate.pem" }}
http_ports = {{ {http} }}
https_ports = {{ }}
interfaces = {{ "127.0.0.1" }}
VirtualHost "{DOMAIN}"
    http_host = "localhost"
    http_paths = {{ websocket = "/ws" }}
-- The name in the certificate; on direct TLS an unknown one is turned away.
VirtualHost "localhost"
Component "{SERVICE}" "pubsub"
    autocreate_on_publish = true
    autocreate_on_subscribe = true
"#
        )
    }

    pub(super) fn set_password(&self, user: &str, password: &str) {
        let account = format!("return {{ [\"password\"] = \"{password}\"; }};");
        fs::write(
            self.path(&format!("data/example%2etest/accounts/{user}.dat")),
            account,
        )
        .unwrap();
    }

    pub(super) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts it, and waits until it listens.
    pub(super) async fn restart(&mut self) {
        self.kill();
        let process = Command::new("prosody")
            .arg("--config")
            .arg(self.path("prosody.cfg.lua"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("Prosody cannot be run; `tests/run` installs it: {error}"));
        self.process = Some(process);
        let began = Instant::now();
        for port in [self.plain, self.tls, self.http] {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                assert!(
                    began.elapsed() < Duration::from_secs(30),
                    "Prosody does not listen: {}",
                    self.log()
                );
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    pub(super) fn address(&self, way: Way) -> String {
        match way {
            Way::Plain => format!("xmpp://127.0.0.1:{}", self.plain),
            Way::Tls => format!("xmpps://localhost:{}", self.tls),
            Way::WebSocket => format!("ws://localhost:{}/ws", self.http),
        }
    }

    /// How many lines of its log hold this.
    pub(super) fn logged(&self, text: &str) -> usize {
        self.log()
            .lines()
            .filter(|line| line.contains(text) && line.contains("c2s"))
            .count()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("prosody.log")).unwrap_or_default()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Subscriptions of a user, as the server lists them: nodes and addresses, in order.
    pub(super) async fn subscriptions(&self, user: &str) -> Vec<(String, String)> {
        let mut client = self.client(user, "lister").await;
        client.session.list(client.began.elapsed()).unwrap();
        loop {
            if let Event::Subscriptions(listed) = client.event().await {
                let mut listed: Vec<(String, String)> =
                    listed.into_iter().map(|one| (one.node, one.jid)).collect();
                listed.sort();
                return listed;
            }
        }
    }

    /// Leaves a subscription behind.
    pub(super) async fn subscribe_as(&self, user: &str, resource: &str, node: &str) {
        let mut client = self.client(user, resource).await;
        client.session.subscribe(client.began.elapsed(), node).unwrap();
        while !matches!(client.event().await, Event::Subscribed { .. }) {}
    }

    pub(super) async fn client(&self, user: &str, resource: &str) -> Client {
        let login = Login {
            domain: DOMAIN.to_owned(),
            service: SERVICE.to_owned(),
            user: user.to_owned(),
            password: PASSWORD.to_owned().into(),
            resource: resource.to_owned(),
            plain: true,
        };
        let stream = TcpStream::connect(("127.0.0.1", self.plain)).await.unwrap();
        let session = Session::new(login, Framing::Stream, Limits::default(), Duration::ZERO).unwrap();
        let mut client = Client {
            session,
            stream,
            began: Instant::now(),
        };
        while !matches!(client.event().await, Event::Ready { .. }) {}
        client
    }
}

impl Drop for Prosody {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Somebody else who is logged in.
pub(super) struct Client {
    pub(super) session: Session,
    pub(super) stream: TcpStream,
    pub(super) began: Instant,
}

impl Client {
    pub(super) async fn flush(&mut self) {
        while let Some(frame) = self.session.transmit() {
            self.stream.write_all(frame.as_str().as_bytes()).await.unwrap();
        }
    }

    pub(super) async fn event(&mut self) -> Event {
        let mut buffer = vec![0; 4096];
        loop {
            self.flush().await;
            if let Some(event) = self.session.event() {
                assert!(
                    !matches!(event, Event::Refused { .. } | Event::Lost { .. }),
                    "{event:?}"
                );
                return event;
            }
            let length = self.stream.read(&mut buffer).await.unwrap();
            assert!(length > 0, "the server hung up");
            self.session.receive(self.began.elapsed(), &buffer[..length]);
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
