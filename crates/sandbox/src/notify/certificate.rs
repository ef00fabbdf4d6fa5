//! The certificate of the sandbox: given, or made anew at each start, as small appliances do.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate and its key, both in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The server's own certificate, and those that link it to a root.
    pub chain: String,
    /// Its private key.
    pub key: String,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox's certificate cannot be used: {0}")]
pub struct CertificateError(String);

impl Certificate {
    /// One that vouches for itself, for `localhost` and the addresses of loopback. It is no authority, so a client that is
    /// told to trust it does.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn self_signed() -> Result<Self, CertificateError> {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names).map_err(because)?;
        Ok(Self {
            chain: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        })
    }

    pub(crate) fn server_config(&self) -> Result<Arc<ServerConfig>, CertificateError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(self.chain.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(because)?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).map_err(because)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(because)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(because)?;
        Ok(Arc::new(config))
    }
}

impl std::fmt::Debug for Certificate {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate")
            .field("chain", &self.chain)
            .finish_non_exhaustive()
    }
}

fn because(error: impl std::fmt::Display) -> CertificateError {
    CertificateError(error.to_string())
}
