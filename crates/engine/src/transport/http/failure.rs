//! What went wrong with an exchange, in words for a person, and whether the vendor may have acted on it.
//!
//! The client's own messages are never passed on: they hold the URL with its query, where a secret may be.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::header::LOCATION;
use rustls::{AlertDescription, CertificateError};
use signoff_core::{FailureKind, Sent};

use super::super::{SettingsError, TransportFailure, TransportSettings};

const CLOSED: &str = "connection closed too soon";

/// The client could not even be built, in practice because the system trusts nobody; or its proxy cannot be used.
pub(super) fn no_client(origin: &str, error: &SettingsError) -> TransportFailure {
    let hint = match error {
        SettingsError::ProxyVariable { .. } => {
            "set `proxy` for the connection, or name the host in `NO_PROXY`"
        }
        _ => "install the system's certificates (package `ca-certificates`), or set `ca_file`",
    };
    not_sent(format!("`{origin}` cannot be asked: {error}"), hint)
}

/// No complete answer within the time-out.
pub(super) fn timed_out(origin: &str, timeout: Duration) -> TransportFailure {
    TransportFailure {
        sent: Sent::MaybeSent,
        kind: FailureKind::TimedOut,
        message: format!("`{origin}` did not answer within {}", seconds(timeout)),
        hint: String::new(),
        untrusted: false,
    }
}

/// The answer is longer than the cap.
pub(super) fn too_large(origin: &str, cap: u64) -> TransportFailure {
    TransportFailure {
        sent: Sent::MaybeSent,
        kind: FailureKind::TooLarge,
        message: format!("`{origin}` sent an answer of more than {cap} bytes"),
        hint: String::new(),
        untrusted: false,
    }
}

/// A redirect that names its goal; any other answer is the provider's to read.
pub(super) fn redirect(asked: &url::Url, response: &reqwest::Response) -> Option<TransportFailure> {
    let status = response.status().as_u16();
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = asked
        .join(response.headers().get(LOCATION)?.to_str().ok()?)
        .ok()?;
    let (from, to) = (
        asked.origin().ascii_serialization(),
        location.origin().ascii_serialization(),
    );
    let (message, hint) = if from == to {
        (
            format!(
                "`{from}` redirects to another path of its own ({status}), and redirects are not followed"
            ),
            "the address may be that of a page for browsers, or of a sign-in page in front of the API"
                .to_owned(),
        )
    } else {
        (
            format!("`{from}` redirects to `{to}` ({status}), and redirects are not followed"),
            format!("set `api = [\"{to}\"]`"),
        )
    };
    // 303 answers a request that was processed: what became of it is said elsewhere (RFC 9110, section 15.4.4). Every
    // other status asks for the same request at another place, so it was not carried out at this one.
    let sent = if status == 303 {
        Sent::MaybeSent
    } else {
        Sent::NotSent
    };
    Some(TransportFailure {
        sent,
        kind: FailureKind::Redirected,
        message,
        hint,
        untrusted: false,
    })
}

/// No answer began.
pub(super) fn of_sending(
    origin: &str,
    error: &reqwest::Error,
    proxy: Option<&url::Url>,
    settings: &TransportSettings,
) -> TransportFailure {
    if error.is_builder() {
        return not_sent(format!("`{origin}` cannot be asked: {}", innermost(error)), "");
    }
    let proxy = proxy.map(|proxy| proxy.origin().ascii_serialization());
    let unreachable = match &proxy {
        Some(proxy) => format!("`{origin}` cannot be reached through proxy `{proxy}`"),
        None => format!("`{origin}` cannot be reached"),
    };
    if !error.is_connect() {
        // In TLS 1.3 a server looks at the client's certificate after the client has begun to speak, but
        // before it listens.
        return match find::<rustls::Error>(error) {
            Some(tls) if refuses_client(tls) => of_handshake(&unreachable, tls, settings),
            _ => broken(origin, error),
        };
    }
    if error.is_timeout() {
        return not_sent(
            format!("{unreachable}: no connection in time"),
            "check the address, and that no firewall lies between",
        );
    }
    if let Some(tls) = find::<rustls::Error>(error) {
        return of_handshake(&unreachable, tls, settings);
    }
    if error.is_dns() {
        return not_sent(
            format!("{unreachable}: the host name was not found"),
            "check the name's spelling, and that this machine's DNS server can be reached and knows it",
        );
    }
    let cause = find::<io::Error>(error);
    let hint = match cause.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => "check the port, and that the service runs",
        _ => "",
    };
    let words = cause.map_or_else(|| innermost(error), words_of);
    not_sent(format!("{unreachable}: {words}"), hint)
}

/// An answer began, and did not end.
pub(super) fn of_receiving(origin: &str, error: &reqwest::Error) -> TransportFailure {
    broken(origin, error)
}

/// The last cause in a chain; unlike the first it never holds a URL.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    if cause.is::<reqwest::Error>() {
        "the request is malformed".to_owned()
    } else {
        cause.to_string()
    }
}

fn not_sent(message: String, hint: impl Into<String>) -> TransportFailure {
    TransportFailure {
        sent: Sent::NotSent,
        kind: FailureKind::Unreachable,
        message,
        hint: hint.into(),
        untrusted: false,
    }
}

fn broken(origin: &str, error: &reqwest::Error) -> TransportFailure {
    let of_client = find::<hyper::Error>(error);
    // The client gives a request up in this way only while it is still in its own hands.
    let sent = if of_client.is_some_and(hyper::Error::is_canceled) {
        Sent::NotSent
    } else {
        Sent::MaybeSent
    };
    let words = match (find::<io::Error>(error), of_client) {
        (Some(io), _) => words_of(io),
        (None, Some(of_client)) if of_client.is_parse_too_large() => {
            "its answer's head is too long".to_owned()
        }
        (None, Some(of_client)) if of_client.is_parse() => format!("its answer is not HTTP: {of_client}"),
        (None, Some(of_client)) if of_client.is_incomplete_message() => CLOSED.to_owned(),
        _ => innermost(error),
    };
    TransportFailure {
        sent,
        kind: FailureKind::Broken,
        message: format!("the exchange with `{origin}` broke off: {words}"),
        hint: String::new(),
        untrusted: false,
    }
}

/// A handshake that failed. Nothing of the request has left before it is over.
fn of_handshake(unreachable: &str, error: &rustls::Error, settings: &TransportSettings) -> TransportFailure {
    let (words, hint) = handshake(error, settings, "`http://`");
    TransportFailure {
        untrusted: is_untrusted(error),
        ..not_sent(format!("{unreachable}: {words}"), hint)
    }
}

/// What is wrong with a handshake, and what to do about it, which may be empty. `plain`: how an address without TLS begins.
pub(in crate::transport) fn handshake(
    error: &rustls::Error,
    settings: &TransportSettings,
    plain: &str,
) -> (String, String) {
    match error {
        rustls::Error::InvalidCertificate(problem) => of_certificate(problem, settings),
        refused if refuses_client(refused) => (
            format!("it wants another client certificate: {refused}"),
            "check `client_certificate`".to_owned(),
        ),
        rustls::Error::InvalidMessage(_) => (
            "it does not speak TLS at this port".to_owned(),
            format!("check the port, and whether the address begins with {plain}"),
        ),
        other => (other.to_string(), String::new()),
    }
}

fn is_untrusted(error: &rustls::Error) -> bool {
    use rustls::Error::InvalidCertificate;
    matches!(
        error,
        InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)
    )
}

fn refuses_client(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::UnsupportedCertificate
        )
    )
}

fn of_certificate(problem: &CertificateError, settings: &TransportSettings) -> (String, String) {
    let words = match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        CertificateError::UnknownIssuer => "its certificate is not trusted, for its issuer is not known here",
        // An issuer that was made anew under its old name.
        CertificateError::BadSignature => {
            "its certificate is not trusted, for its issuer is known here by another key"
        }
        CertificateError::Revoked => "its certificate was revoked",
        other if is_of_authority(other) => {
            "its certificate is not trusted, for it is marked as an authority's and not as a server's"
        }
        _ => "",
    };
    let hint = match problem {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => {
            "have the certificate renewed, and check this machine's clock"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "use the host name that the certificate was made for"
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature if settings.ca_file.is_some() => {
            "check that `ca_file` holds the issuer's certificate"
        }
        // That very one is believed, since whoever put it there has looked at it.
        other if is_of_authority(other) => {
            "save this very certificate as PEM, and set `ca_file = \"…\"`; or have an authority issue one for the server"
        }
        _ => "save the issuer's certificate as PEM, and set `ca_file = \"…\"`",
    };
    let words = if words.is_empty() {
        format!("its certificate is not trusted: {problem}")
    } else {
        words.to_owned()
    };
    (words, hint.to_owned())
}

/// Appliances make such certificates for themselves.
fn is_of_authority(problem: &CertificateError) -> bool {
    matches!(problem, CertificateError::Other(other) if other.0.to_string() == "CaUsedAsEndEntity")
}

/// The system's words for what people meet often, without its error numbers.
fn words_of(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        io::ErrorKind::ConnectionAborted => "connection aborted".to_owned(),
        io::ErrorKind::HostUnreachable => "no route to the host".to_owned(),
        io::ErrorKind::NetworkUnreachable => "no route to the network".to_owned(),
        io::ErrorKind::UnexpectedEof => CLOSED.to_owned(),
        _ => error.to_string(),
    }
}

/// The first cause of a type. I/O errors hide what they wrap from `source`, so it is looked for inside them
/// as well.
fn find<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    if let Some(found) = error.downcast_ref::<T>() {
        return Some(found);
    }
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match wrapped {
        Some(inner) => find(inner),
        None => find(error.source()?),
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}
