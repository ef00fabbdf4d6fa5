//! What a connection's settings say about trust, made into a TLS configuration.
//!
//! The configuration is built here and handed to the client complete: so the crypto provider belongs to it
//! and need not be installed for the whole process, which is the binary's and its plugins' too.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::ProxyVariables;

/// What a connection's settings say about how it reaches its vendor.
#[derive(Clone)]
pub struct TransportSettings {
    /// Certificates in PEM that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// A certificate chain and its private key, in one PEM file.
    pub client_certificate: Option<PathBuf>,
    /// Trusts whoever answers.
    pub danger_accept_invalid_certificates: bool,
    /// The HTTP proxy for everything, this machine included; may hold a user name and a password.
    pub proxy: Option<url::Url>,
    /// The proxies where that is not set.
    pub proxy_variables: ProxyVariables,
    /// Of a connection's exchanges; connecting takes at most four fifths of it, so that what was never sent
    /// can be told from what was not answered.
    pub timeout: Duration,
    /// Gives redirects back as answers, for whoever follows them himself; else they are failures.
    pub hands_over_redirects: bool,
    /// How far ahead of ours the clock is that certificates are judged by; to find out whether they last.
    pub clock_ahead: Duration,
}

impl TransportSettings {
    /// The proxy for what is asked of this origin; `None`: it is asked directly.
    ///
    /// # Errors
    /// If a variable names one that cannot be used.
    pub fn proxy_for(&self, origin: &url::Url) -> Result<Option<&url::Url>, SettingsError> {
        match &self.proxy {
            Some(proxy) => Ok(Some(proxy)),
            None => self.proxy_variables.proxy_for(origin),
        }
    }
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            ca_file: None,
            client_certificate: None,
            danger_accept_invalid_certificates: false,
            proxy: None,
            proxy_variables: ProxyVariables::default(),
            timeout: Duration::from_secs(10),
            hands_over_redirects: false,
            clock_ahead: Duration::ZERO,
        }
    }
}

impl fmt::Debug for TransportSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A proxy's address may hold a password.
        let proxy = self
            .proxy
            .as_ref()
            .map(|proxy| proxy.origin().ascii_serialization());
        f.debug_struct("TransportSettings")
            .field("ca_file", &self.ca_file)
            .field("client_certificate", &self.client_certificate)
            .field(
                "danger_accept_invalid_certificates",
                &self.danger_accept_invalid_certificates,
            )
            .field("proxy", &proxy)
            .field("proxy_variables", &self.proxy_variables)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// Settings that no connection can be made with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The file is not there, or not for us; the system's words.
    #[error("{key} `{}` cannot be read: {reason}", path.display())]
    Unreadable {
        /// The key in the configuration: `ca_file`, `client_certificate`.
        key: &'static str,
        /// What it names.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file is not what the key asks for.
    #[error("{key} `{}` {problem}", path.display())]
    Unusable {
        /// The key in the configuration: `ca_file`, `client_certificate`.
        key: &'static str,
        /// What it names.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// Not a proxy that can be used.
    #[error("proxy `{address}` is no `http://` or `https://` address")]
    Proxy {
        /// Without user name and password.
        address: String,
    },
    /// Not a proxy that can be used.
    #[error("`{variable}` names the proxy `{address}`, which is no `http://` or `https://` address")]
    ProxyVariable {
        /// The variable's name.
        variable: &'static str,
        /// Without user name and password.
        address: String,
    },
    /// The TLS library or the HTTP client does not come up with these settings; its words.
    #[error("TLS cannot be set up: {0}")]
    Client(String),
}

/// What the files of the settings hold.
pub(super) struct Material {
    trusted: Vec<CertificateDer<'static>>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    accept_invalid: bool,
    clock_ahead: Duration,
}

impl Material {
    pub(super) fn read(settings: &TransportSettings) -> Result<Self, SettingsError> {
        let trusted = match &settings.ca_file {
            Some(path) => certificates("ca_file", path, &read("ca_file", path)?)?,
            None => Vec::new(),
        };
        let identity = match &settings.client_certificate {
            Some(path) => Some(read_identity(path)?),
            None => None,
        };
        Ok(Self {
            trusted,
            identity,
            accept_invalid: settings.danger_accept_invalid_certificates,
            clock_ahead: settings.clock_ahead,
        })
    }

    /// Reads the system's certificates too, which takes some milliseconds.
    pub(super) fn configuration(&self) -> Result<ClientConfig, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> = if self.accept_invalid {
            Arc::new(AcceptAny(Arc::clone(&provider)))
        } else {
            Arc::new(Trust::new(&self.trusted, &provider, self.clock_ahead)?)
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut configuration = match &self.identity {
            Some((chain, key)) => builder.with_client_auth_cert(chain.clone(), key.clone_key())?,
            None => builder.with_no_client_auth(),
        };
        configuration.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(configuration)
    }
}

/// For a client that speaks plain HTTP only: trusts nobody, and reads nothing of the system's.
pub(super) fn no_trust() -> Result<ClientConfig, rustls::Error> {
    Ok(
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth(),
    )
}

fn read(key: &'static str, path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, SettingsError> {
    std::fs::read(path)
        .map(zeroize::Zeroizing::new)
        .map_err(|error| SettingsError::Unreadable {
            key,
            path: path.to_owned(),
            reason: error.to_string(),
        })
}

fn certificates(
    key: &'static str,
    path: &Path,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, SettingsError> {
    let unusable = |problem: String| SettingsError::Unusable {
        key,
        path: path.to_owned(),
        problem,
    };
    let certificates = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unusable(format!("is not PEM: {error}")))?;
    if certificates.is_empty() {
        return Err(unusable("holds no certificate in PEM".to_owned()));
    }
    // A certificate that cannot be read would otherwise come to light at the first handshake.
    let mut store = RootCertStore::empty();
    for certificate in &certificates {
        store
            .add(certificate.clone())
            .map_err(|error| unusable(format!("holds a certificate that cannot be read: {error}")))?;
    }
    Ok(certificates)
}

fn read_identity(
    path: &Path,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), SettingsError> {
    const KEY: &str = "client_certificate";
    let unusable = |problem: String| SettingsError::Unusable {
        key: KEY,
        path: path.to_owned(),
        problem,
    };
    let pem = read(KEY, path)?;
    let chain = certificates(KEY, path, &pem)?;
    let key = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| unusable("holds no unencrypted private key in PEM".to_owned()))?;
    let provider = ring::default_provider();
    rustls::sign::CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider)
        .map_err(|error| unusable(format!("holds a certificate and a key that do not fit: {error}")))?;
    Ok((chain, key))
}

/// Trusts what the system trusts, what the certificates of `ca_file` have issued, and those certificates
/// themselves.
///
/// The last is what people expect who save the certificate that an appliance made for itself. Many such
/// certificates call themselves an authority, and an authority is not accepted as a server without more ado.
#[derive(Debug)]
struct Trust {
    system: rustls_platform_verifier::Verifier,
    configured: Vec<CertificateDer<'static>>,
    own: Option<Arc<WebPkiServerVerifier>>,
    clock_ahead: Duration,
}

impl Trust {
    fn new(
        configured: &[CertificateDer<'static>],
        provider: &Arc<CryptoProvider>,
        clock_ahead: Duration,
    ) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        for certificate in configured {
            roots.add(certificate.clone())?;
        }
        let own = if configured.is_empty() {
            None
        } else {
            let builder = WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(provider));
            Some(
                builder
                    .build()
                    .map_err(|error| rustls::Error::General(error.to_string()))?,
            )
        };
        Ok(Self {
            system: rustls_platform_verifier::Verifier::new_with_extra_roots(
                configured.iter().cloned(),
                Arc::clone(provider),
            )?,
            configured: configured.to_vec(),
            own,
            clock_ahead,
        })
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs()) + self.clock_ahead);
        let known = self
            .configured
            .iter()
            .any(|certificate| certificate == end_entity);
        let verifier: &dyn ServerCertVerifier = match &self.own {
            Some(own) if known => own.as_ref(),
            _ => &self.system,
        };
        let verified =
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // That it is an authority, or that nobody known has issued it; its time was found to be right
            // before.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::Other(_),
            )) if known => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.system
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.system
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.system.supported_verify_schemes()
    }
}

/// What `danger_accept_invalid_certificates` asks for: any certificate, but a handshake that is sound in
/// itself.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
