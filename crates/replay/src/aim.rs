//! Where requests really go: old labs name ports and plain HTTP that servers have long given up.

use std::str::FromStr;

use url::Url;

/// How the addresses of a tutorial are changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Aim {
    /// Takes the place of scheme, host and port of every URL.
    pub base: Option<Url>,
    /// Ports that are replaced, in order; the first that fits counts.
    pub ports: Vec<PortMap>,
}

/// `8082=8445/https`: what names port 8082 goes to port 8445 by HTTPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortMap {
    /// As the tutorial has it.
    pub from: u16,
    /// As it is.
    pub to: u16,
    /// `http`, `https`; for feeds `tls`, `tcp`. `None`: as the tutorial has it.
    pub scheme: Option<String>,
}

/// Where a feed is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedAddress {
    /// A name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether it is in TLS from its first byte.
    pub tls: bool,
}

/// The port of plain XMPP (RFC 6120, section 14.7), which the labs use, and that of XMPP in TLS on Finesse.
const XMPP: u16 = 5222;
const XMPP_TLS: u16 = 5223;

impl Aim {
    /// Where a request for this URL goes.
    ///
    /// # Errors
    /// If the text is no URL of the web.
    pub fn request(&self, url: &str) -> Result<Url, AimError> {
        let mut aimed = Url::parse(url).map_err(|error| AimError::NotAUrl {
            text: url.to_owned(),
            problem: error.to_string(),
        })?;
        if !matches!(aimed.scheme(), "http" | "https") || aimed.host_str().is_none() {
            return Err(AimError::NotTheWeb { text: url.to_owned() });
        }
        if let Some(base) = &self.base {
            // Both are of the web, and so have a host, and take each other's parts.
            let _ = aimed.set_scheme(base.scheme());
            let _ = aimed.set_host(base.host_str());
            let _ = aimed.set_port(base.port());
            return Ok(aimed);
        }
        let port = aimed.port_or_known_default();
        if let Some(map) = self.ports.iter().find(|map| Some(map.from) == port) {
            if let Some(scheme) = map
                .scheme
                .as_deref()
                .filter(|scheme| matches!(*scheme, "http" | "https"))
            {
                let _ = aimed.set_scheme(scheme);
            }
            let _ = aimed.set_port(Some(map.to));
        }
        Ok(aimed)
    }

    /// Where a feed on `server` is: a host, or `host:port`.
    ///
    /// # Errors
    /// If the text is neither.
    pub fn feed(&self, server: &str) -> Result<FeedAddress, AimError> {
        let parsed = Url::parse(&format!("xmpp://{}", server.trim())).map_err(|error| AimError::NotAUrl {
            text: server.to_owned(),
            problem: error.to_string(),
        })?;
        let host = self
            .base
            .as_ref()
            .and_then(Url::host_str)
            .or_else(|| parsed.host_str());
        let Some(host) = host.filter(|_| matches!(parsed.path(), "" | "/")) else {
            return Err(AimError::NotAServer {
                text: server.to_owned(),
            });
        };
        let from = port_of(server);
        let map = self.ports.iter().find(|map| map.from == from);
        let port = map.map_or(from, |map| map.to);
        let tls = match map.and_then(|map| map.scheme.as_deref()) {
            Some("tls" | "https") => true,
            Some("tcp" | "http") => false,
            _ => port == XMPP_TLS,
        };
        // As the address of a socket: an IPv6 address without its brackets.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(FeedAddress { host, port, tls })
    }
}

/// The port that a server of a feed has in a text.
pub(crate) fn port_of(server: &str) -> u16 {
    let parsed = Url::parse(&format!("xmpp://{}", server.trim())).ok();
    parsed.and_then(|url| url.port()).unwrap_or(XMPP)
}

impl FromStr for PortMap {
    type Err = AimError;

    fn from_str(text: &str) -> Result<Self, AimError> {
        let wrong = || AimError::NotAPortMap {
            text: text.to_owned(),
        };
        let (from, to) = text.split_once('=').ok_or_else(wrong)?;
        let (to, scheme) = match to.split_once('/') {
            Some((to, scheme)) => (to, Some(scheme.to_lowercase())),
            None => (to, None),
        };
        if scheme
            .as_deref()
            .is_some_and(|scheme| !matches!(scheme, "http" | "https" | "tls" | "tcp"))
        {
            return Err(wrong());
        }
        Ok(Self {
            from: from.trim().parse().map_err(|_| wrong())?,
            to: to.trim().parse().map_err(|_| wrong())?,
            scheme,
        })
    }
}

/// An address that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AimError {
    /// It is no URL.
    #[error("`{text}` is no URL: {problem}")]
    NotAUrl {
        /// As it stands.
        text: String,
        /// In the parser's words.
        problem: String,
    },
    /// It is a URL of something else.
    #[error("`{text}` is no URL of the web")]
    NotTheWeb {
        /// As it stands.
        text: String,
    },
    /// It is no server.
    #[error("`{text}` is neither a host nor `host:port`")]
    NotAServer {
        /// As it stands.
        text: String,
    },
    /// It is no replacement of a port.
    #[error("`{text}` does not say which port becomes which: `8082=8445/https`, `5222=5223/tls`")]
    NotAPortMap {
        /// As it stands.
        text: String,
    },
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    fn aim(base: Option<&str>, ports: &[&str]) -> Aim {
        Aim {
            base: base.map(|base| Url::parse(base).unwrap()),
            ports: ports.iter().map(|map| map.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn requests_are_re_aimed() {
        let url = "http://lab.example:8082/finesse/api/User/1?x=y";
        let to = |aim: &Aim| aim.request(url).unwrap().to_string();
        assert_eq!(to(&Aim::default()), url);
        assert_eq!(
            to(&aim(None, &["80=81", "8082=8445/https"])),
            "https://lab.example:8445/finesse/api/User/1?x=y"
        );
        assert_eq!(
            to(&aim(Some("https://[::1]:7443"), &["8082=1"])),
            "https://[::1]:7443/finesse/api/User/1?x=y"
        );
        assert!(Aim::default().request("ftp://x/").is_err());
        assert!(Aim::default().request("lab.example/x").is_err());
    }

    #[test]
    fn feeds_are_re_aimed() {
        let at = |aim: &Aim, server: &str| {
            let address = aim.feed(server).unwrap();
            (address.host, address.port, address.tls)
        };
        assert_eq!(
            at(&Aim::default(), "lab.example"),
            ("lab.example".to_owned(), 5222, false)
        );
        let mapped = aim(None, &["5222=5223/tls"]);
        assert_eq!(
            at(&mapped, "lab.example:5222"),
            ("lab.example".to_owned(), 5223, true)
        );
        assert_eq!(at(&mapped, "[::1]:9"), ("::1".to_owned(), 9, false));
        assert!(Aim::default().feed("lab.example/x").is_err());
    }

    #[test]
    fn port_maps_say_what_is_wrong() {
        for text in ["8082", "x=1", "1=2/gopher", "1=70000"] {
            assert!(text.parse::<PortMap>().is_err(), "{text}");
        }
    }
}
