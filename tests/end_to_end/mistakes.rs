//! Each likely mistake as a new user makes it: what is said names what is wrong, where, and what to do; the exit code is
//! right, and nothing was sent that changes anything.

mod arguments;
mod configuration;
mod script;
mod vendor;

use std::fs;
use std::net::TcpListener;
use std::sync::Arc;

use expect_test::Expect;
use signoff_sandbox::Population;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::support::{Ended, Site, script};

fn site() -> Site {
    Site::new(Population::team(2))
}

#[track_caller]
fn check(site: &Site, ended: Ended, code: i32, expected: &Expect) {
    expected.assert_eq(&ended.exits(code).printed());
    assert_eq!(site.sandbox.ledger().count("PUT", "/"), 0, "something was sent");
}

/// With this text in the configuration replaced.
fn configured(from: &str, to: &str) -> Site {
    let site = site();
    let text = fs::read_to_string(site.path("signoff.toml")).unwrap();
    assert!(text.contains(from), "{text}");
    site.write("signoff.toml", &text.replace(from, to));
    site
}

/// With a script of these lines as `FOLDER/my.luau`.
fn scripted(body: &str) -> (Site, String) {
    let site = site();
    let text = format!("local signoff = require(\"@signoff\")\n{body}\n");
    let path = site.write("my.luau", &text);
    (site, path)
}

fn team() -> String {
    script("supervisor_logs_out_team.luau")
}

impl Site {
    /// With another vendor.
    fn pointed_at(self, origin: &str) -> Self {
        let text = fs::read_to_string(self.path("signoff.toml")).unwrap();
        let from = text.split("api = [\"").nth(1).unwrap().split('"').next().unwrap();
        self.write(
            "signoff.toml",
            &text.replace(&format!("[\"{from}\"]"), &format!("[\"{origin}\"]")),
        );
        self
    }
}

const ANSWER: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// A server whose certificate nobody issued but itself. Gives its origin and the certificate; ends with the test.
fn serve_tls() -> (String, String) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                // What comes after the handshake is not of interest here.
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request).await;
                    let _ = stream.write_all(ANSWER).await;
                    let _ = stream.shutdown().await;
                }
            }
        });
    });
    (format!("https://localhost:{port}"), certified.cert.pem())
}
