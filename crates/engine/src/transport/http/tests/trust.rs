//! Whom a connection trusts, and how it says that it does not.

use std::io::Write;

use expect_test::expect;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::TokioExecutor;
use rcgen::{CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tempfile::NamedTempFile;
use tokio_rustls::TlsAcceptor;

use super::*;

/// An authority that only the tests know.
fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate of that authority for a host name, and its key.
fn issued(
    authority: &CertifiedIssuer<'static, KeyPair>,
    name: &str,
    change: impl FnOnce(&mut CertificateParams),
) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    change(&mut params);
    (params.signed_by(&key, authority).unwrap(), key)
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn trusting(ca_file: &NamedTempFile) -> TransportSettings {
    TransportSettings {
        ca_file: Some(ca_file.path().to_owned()),
        ..TransportSettings::default()
    }
}

/// A server that answers over TLS and HTTP/1.1; with `clients`, only those whose certificate that authority
/// issued.
async fn serve_tls(
    identity: (rcgen::Certificate, KeyPair),
    clients: Option<CertificateDer<'static>>,
) -> SocketAddr {
    let acceptor = TlsAcceptor::from(Arc::new(server_config(identity, clients)));
    misbehave(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                let service = service_fn(hello);
                let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                drop(connection.await);
            }
        }
    })
    .await
}

fn server_config(
    (certificate, key): (rcgen::Certificate, KeyPair),
    clients: Option<CertificateDer<'static>>,
) -> rustls::ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        Some(authority) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(authority).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
        None => builder.with_no_client_auth(),
    };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    builder
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap()
}

async fn hello(request: hyper::Request<Incoming>) -> Result<hyper::Response<String>, Infallible> {
    let body = match request.version() {
        hyper::Version::HTTP_2 => "hello over HTTP/2",
        _ => "hello",
    };
    Ok(hyper::Response::new(body.to_owned()))
}

async fn sent_with(settings: TransportSettings, address: SocketAddr) -> String {
    let url = format!("https://localhost:{}/", address.port());
    shown(
        HttpTransport::new(settings)
            .unwrap()
            .send(exchange("GET", &url))
            .await,
        address,
    )
}

#[tokio::test]
async fn an_authority_is_trusted_if_it_is_configured() {
    let authority = authority("ours");
    let address = serve_tls(issued(&authority, "localhost", |_| {}), None).await;
    expect![[r#"
        NotSent Unreachable
        `https://localhost:PORT` cannot be reached: its certificate is not trusted, for its issuer is not known here
        save the issuer's certificate as PEM, and set `ca_file = "…"`"#]].assert_eq(&sent_with(TransportSettings::default(), address).await);

    let ca_file = file(&authority.pem());
    expect![[r#"200 "hello""#]].assert_eq(&sent_with(trusting(&ca_file), address).await);

    let mistaken = async |name| {
        let another = file(&self::authority(name).pem());
        sent_with(trusting(&another), address).await
    };
    expect![[r#"
        NotSent Unreachable
        `https://localhost:PORT` cannot be reached: its certificate is not trusted, for its issuer is not known here
        check that `ca_file` holds the issuer's certificate"#]].assert_eq(&mistaken("theirs").await);
    expect![[r#"
        NotSent Unreachable
        `https://localhost:PORT` cannot be reached: its certificate is not trusted, for its issuer is known here by another key
        check that `ca_file` holds the issuer's certificate"#]].assert_eq(&mistaken("ours").await);

    let careless = TransportSettings {
        danger_accept_invalid_certificates: true,
        ..TransportSettings::default()
    };
    expect![[r#"200 "hello""#]].assert_eq(&sent_with(careless, address).await);
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_if_it_is_configured() {
    let sent = async |is_ca: IsCa, change: fn(&mut CertificateParams)| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.is_ca = is_ca;
        change(&mut params);
        let certificate = params.self_signed(&key).unwrap();
        let ca_file = file(&certificate.pem());
        let address = serve_tls((certificate, key), None).await;
        (
            sent_with(TransportSettings::default(), address).await,
            sent_with(trusting(&ca_file), address).await,
        )
    };
    let authority = || IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let elsewhere: fn(&mut CertificateParams) =
        |params| params.subject_alt_names = vec![rcgen::SanType::DnsName("elsewhere".try_into().unwrap())];
    let expired: fn(&mut CertificateParams) = |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1);

    for (is_ca, expected) in [
        (
            IsCa::NoCa,
            expect![[r#"
        NotSent Unreachable
        `https://localhost:PORT` cannot be reached: its certificate is not trusted, for its issuer is not known here
        save the issuer's certificate as PEM, and set `ca_file = "…"`"#]],
        ),
        (
            authority(),
            expect![[r#"
        NotSent Unreachable
        `https://localhost:PORT` cannot be reached: its certificate is not trusted, for it is marked as an authority's and not as a server's
        save this very certificate as PEM, and set `ca_file = "…"`; or have an authority issue one for the server"#]],
        ),
    ] {
        let (by_default, configured) = sent(is_ca, |_| {}).await;
        expected.assert_eq(&by_default);
        assert_eq!(configured, r#"200 "hello""#);
    }
    for is_ca in [IsCa::NoCa, authority()] {
        let (_, configured) = sent(is_ca, elsewhere).await;
        assert!(
            configured.contains("its certificate is for another name"),
            "{configured}"
        );
    }
    for is_ca in [IsCa::NoCa, authority()] {
        let (_, configured) = sent(is_ca, expired).await;
        assert!(configured.contains("its certificate has expired"), "{configured}");
    }
}

#[tokio::test]
async fn a_certificate_must_fit() {
    let authority = authority("ours");
    let ca_file = file(&authority.pem());
    let address = serve_tls(issued(&authority, "finesse.example.com", |_| {}), None).await;
    expect![[r#"
        NotSent Unreachable
        `https://localhost:PORT` cannot be reached: its certificate is for another name
        use the host name that the certificate was made for"#]]
    .assert_eq(&sent_with(trusting(&ca_file), address).await);

    let expired = issued(&authority, "localhost", |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let address = serve_tls(expired, None).await;
    expect![[r#"
        NotSent Unreachable
        `https://localhost:PORT` cannot be reached: its certificate has expired
        have the certificate renewed, and check this machine's clock"#]]
    .assert_eq(&sent_with(trusting(&ca_file), address).await);
}

#[tokio::test]
async fn a_client_shows_its_certificate() {
    let authority = authority("ours");
    let ca_file = file(&authority.pem());
    let address = serve_tls(
        issued(&authority, "localhost", |_| {}),
        Some(authority.der().clone()),
    )
    .await;
    expect![[r#"
        NotSent Unreachable
        `https://localhost:PORT` cannot be reached: it wants another client certificate: received fatal alert: CertificateRequired
        check `client_certificate`"#]]
    .assert_eq(&sent_with(trusting(&ca_file), address).await);

    let (certificate, key) = issued(&authority, "client", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let identity = file(&format!("{}{}", certificate.pem(), key.serialize_pem()));
    let named = TransportSettings {
        client_certificate: Some(identity.path().to_owned()),
        ..trusting(&ca_file)
    };
    expect![[r#"200 "hello""#]].assert_eq(&sent_with(named, address).await);
}

#[tokio::test]
async fn a_server_that_offers_it_is_spoken_to_in_http_2() {
    let authority = authority("ours");
    let ca_file = file(&authority.pem());
    let mut config = server_config(issued(&authority, "localhost", |_| {}), None);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let address = misbehave(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let stream = TokioIo::new(acceptor.accept(stream).await.unwrap());
            let server = http2::Builder::new(TokioExecutor::new());
            drop(server.serve_connection(stream, service_fn(hello)).await);
        }
    })
    .await;
    expect![[r#"200 "hello over HTTP/2""#]].assert_eq(&sent_with(trusting(&ca_file), address).await);
}

#[tokio::test]
async fn a_port_without_tls() {
    let (address, _) = serve(async |_| hyper::Response::new("hello".to_owned())).await;
    expect![[r#"
        NotSent Unreachable
        `https://localhost:PORT` cannot be reached: it does not speak TLS at this port
        check the port, and whether the address begins with `http://`"#]]
    .assert_eq(&sent_with(TransportSettings::default(), address).await);

    let address = misbehave(async |stream| drop(stream)).await;
    let closed = sent_with(TransportSettings::default(), address).await;
    assert!(closed.starts_with("NotSent Unreachable"), "{closed}");

    let address = misbehave(async |stream| {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let hurried = TransportSettings {
        timeout: Duration::from_millis(100),
        ..TransportSettings::default()
    };
    expect![[r#"
        NotSent Unreachable
        `https://localhost:PORT` cannot be reached: no connection in time
        check the address, and that no firewall lies between"#]]
    .assert_eq(&sent_with(hurried, address).await);
}

#[test]
fn files_are_checked_at_once() {
    let error = |ca_file: Option<&NamedTempFile>, client_certificate: Option<&NamedTempFile>| {
        let settings = TransportSettings {
            ca_file: ca_file.map(|file| file.path().to_owned()),
            client_certificate: client_certificate.map(|file| file.path().to_owned()),
            ..TransportSettings::default()
        };
        let error = HttpTransport::new(settings).err().unwrap().to_string();
        let (before, rest) = error.split_once('`').unwrap();
        format!("{before}`FILE`{}", rest.split_once('`').unwrap().1)
    };
    let empty = file("");
    expect!["ca_file `FILE` holds no certificate in PEM"].assert_eq(&error(Some(&empty), None));
    let broken = file("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    expect!["ca_file `FILE` holds a certificate that cannot be read: invalid peer certificate: BadEncoding"]
        .assert_eq(&error(Some(&broken), None));
    let authority = authority("ours");
    let (certificate, key) = issued(&authority, "client", |_| {});
    let keyless = file(&certificate.pem());
    expect!["client_certificate `FILE` holds no unencrypted private key in PEM"]
        .assert_eq(&error(None, Some(&keyless)));
    let mismatched = file(&format!("{}{}", authority.pem(), key.serialize_pem()));
    expect!["client_certificate `FILE` holds a certificate and a key that do not fit: keys may not be consistent: KeyMismatch"].assert_eq(&error(None, Some(&mismatched)));
    let settings = TransportSettings {
        ca_file: Some("/nonexistent/ca.pem".into()),
        ..TransportSettings::default()
    };
    expect!["ca_file `/nonexistent/ca.pem` cannot be read: No such file or directory (os error 2)"]
        .assert_eq(&HttpTransport::new(settings).err().unwrap().to_string());
}

#[tokio::test]
async fn a_certificate_is_judged_by_the_clock_that_was_set() {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let authority = authority("tests");
    let ca_file = file(&authority.pem());
    let identity = issued(&authority, "localhost", |params| {
        let today = std::time::UNIX_EPOCH.elapsed().unwrap();
        params.not_after = rcgen::date_time_ymd(1970, 1, 1) + today + 10 * DAY;
    });
    let address = serve_tls(identity, None).await;
    let after = |days: u32| TransportSettings {
        clock_ahead: days * DAY,
        ..trusting(&ca_file)
    };
    expect![[r#"200 "hello""#]].assert_eq(&sent_with(after(9), address).await);
    expect![[r#"
        NotSent Unreachable
        `https://localhost:PORT` cannot be reached: its certificate has expired
        have the certificate renewed, and check this machine's clock"#]]
    .assert_eq(&sent_with(after(11), address).await);
}
