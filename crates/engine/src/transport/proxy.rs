//! The proxies that the usual environment variables name, for connections whose settings name none.
//!
//! `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, each also in lower case, which comes first. What is on this
//! machine is never asked for through them.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use super::{SettingsError, is_loopback};

/// What the variables say.
#[derive(Clone, Default)]
pub struct ProxyVariables {
    https: Option<Named>,
    http: Option<Named>,
    except: Vec<Exception>,
}

/// A proxy, and the variable that names it.
#[derive(Clone)]
struct Named {
    variable: &'static str,
    /// The text if it is no address of a proxy that can be used; it may hold a password.
    address: Result<Url, String>,
}

/// One entry of `NO_PROXY`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Exception {
    host: Excepted,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Excepted {
    Everything,
    /// The name and all below it; in lower case.
    Domain(String),
    /// The addresses that agree with this one in so many bits.
    Network(IpAddr, u32),
}

impl ProxyVariables {
    /// Reads them; `variable` looks one up. What is wrong with them is said only when it matters.
    #[must_use]
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: [&'static str; 4]| {
            let set = names.into_iter().filter(|name| !name.is_empty());
            set.filter_map(|name| Some((name, variable(name)?)))
                .find(|(_, text)| !text.trim().is_empty())
                .map(|(variable, text)| Named {
                    variable,
                    address: address(text.trim()),
                })
        };
        let except = ["no_proxy", "NO_PROXY"]
            .into_iter()
            .find_map(&variable)
            .unwrap_or_default();
        let entries = except.split([',', ' ', '\t']).map(str::trim);
        Self {
            https: first(["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            http: first(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
            except: entries.filter_map(Exception::parse).collect(),
        }
    }

    /// The proxy for what is asked of this origin; `None`: it is asked directly.
    ///
    /// # Errors
    /// If a variable names one that cannot be used.
    pub fn proxy_for(&self, origin: &Url) -> Result<Option<&Url>, SettingsError> {
        let named = match origin.scheme() {
            "https" => &self.https,
            _ => &self.http,
        };
        let Some(named) = named else {
            return Ok(None);
        };
        if origin.host_str().is_some_and(is_loopback)
            || self.except.iter().any(|exception| exception.holds_for(origin))
        {
            return Ok(None);
        }
        match &named.address {
            Ok(url) => Ok(Some(url)),
            Err(text) => Err(SettingsError::ProxyVariable {
                variable: named.variable,
                address: without_user(text),
            }),
        }
    }
}

impl ProxyVariables {
    /// The passwords in the addresses, to be kept out of everything.
    pub fn passwords(&self) -> impl Iterator<Item = &str> {
        let addresses = [&self.https, &self.http].into_iter().flatten();
        addresses.filter_map(|named| named.address.as_ref().ok()?.password())
    }
}

impl fmt::Debug for ProxyVariables {
    /// An address may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variable = |named: &Option<Named>| named.as_ref().map(|named| named.variable);
        f.debug_struct("ProxyVariables")
            .field("https", &variable(&self.https))
            .field("http", &variable(&self.http))
            .field("except", &self.except)
            .finish()
    }
}

/// The address of a proxy; without a scheme it is `http://`.
fn address(text: &str) -> Result<Url, String> {
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let url = Url::parse(&full).ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| text.to_owned())
}

fn without_user(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((before, host)) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            format!("{scheme}://{host}")
        }
        None => text.to_owned(),
    }
}

impl Exception {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self {
                host: Excepted::Everything,
                port: None,
            });
        }
        let bare = text
            .trim_start_matches("*.")
            .trim_start_matches('.')
            .to_ascii_lowercase();
        let (host, port) = match bare.parse::<IpAddr>() {
            Ok(address) => return Some(Self::network(address, bits(address), None)),
            Err(_) => match bare.rsplit_once(':') {
                Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                    (host, Some(port.parse().ok()?))
                }
                _ => (bare.as_str(), None),
            },
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = host.parse::<IpAddr>() {
            return Some(Self::network(address, bits(address), port));
        }
        if let Some((address, prefix)) = host.split_once('/') {
            let address: IpAddr = address.parse().ok()?;
            let prefix = prefix.parse().ok().filter(|prefix| *prefix <= bits(address))?;
            return Some(Self::network(address, prefix, port));
        }
        (!host.is_empty()).then(|| Self {
            host: Excepted::Domain(host.to_owned()),
            port,
        })
    }

    const fn network(address: IpAddr, prefix: u32, port: Option<u16>) -> Self {
        Self {
            host: Excepted::Network(address, prefix),
            port,
        }
    }

    fn holds_for(&self, url: &Url) -> bool {
        if self.port.is_some() && self.port != url.port_or_known_default() {
            return false;
        }
        match (&self.host, url.host()) {
            (Excepted::Everything, _) => true,
            (Excepted::Domain(domain), Some(Host::Domain(name))) => name
                .strip_suffix(domain.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
            (Excepted::Network(network, prefix), Some(Host::Ipv4(address))) => {
                agree(*network, IpAddr::V4(address), *prefix)
            }
            (Excepted::Network(network, prefix), Some(Host::Ipv6(address))) => {
                agree(*network, IpAddr::V6(address), *prefix)
            }
            _ => false,
        }
    }
}

const fn bits(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn agree(network: IpAddr, address: IpAddr, prefix: u32) -> bool {
    let differing = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            u128::from(network.to_bits() ^ address.to_bits()) >> (32 - prefix.min(32))
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits() ^ address.to_bits())
            .checked_shr(128 - prefix.min(128))
            .unwrap_or_default(),
        _ => return false,
    };
    differing == 0
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    fn variables(set: &[(&str, &str)]) -> ProxyVariables {
        let set: Vec<(String, String)> = set
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        ProxyVariables::read(|wanted| {
            set.iter()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.clone())
        })
    }

    /// The proxy for an origin, or `-`, or what is wrong.
    fn proxy(set: &[(&str, &str)], origin: &str) -> String {
        match variables(set).proxy_for(&Url::parse(origin).unwrap()) {
            Ok(Some(url)) => url.to_string(),
            Ok(None) => "-".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn each_scheme_has_its_variable() {
        let both = [("HTTPS_PROXY", "http://s:1"), ("HTTP_PROXY", "http://p:2")];
        assert_eq!(proxy(&both, "https://a.example"), "http://s:1/");
        assert_eq!(proxy(&both, "http://a.example"), "http://p:2/");
        assert_eq!(
            proxy(&[("ALL_PROXY", "all:3")], "https://a.example"),
            "http://all:3/"
        );
        assert_eq!(proxy(&[], "https://a.example"), "-");
        let lower = [
            ("https_proxy", "http://lower:1"),
            ("HTTPS_PROXY", "http://upper:1"),
            ("all_proxy", "http://all:1"),
        ];
        assert_eq!(proxy(&lower, "https://a.example"), "http://lower:1/");
        let empty = [("https_proxy", ""), ("HTTPS_PROXY", "http://upper:1")];
        assert_eq!(proxy(&empty, "https://a.example"), "http://upper:1/");
        assert_eq!(
            proxy(&[("HTTPS_PROXY", "http://me:pw@s:1")], "https://a.example"),
            "http://me:pw@s:1/"
        );
    }

    #[test]
    fn this_machine_is_asked_directly() {
        for origin in [
            "http://127.0.0.1:8080",
            "https://[::1]:8445",
            "https://localhost",
            "http://127.8.8.8",
        ] {
            assert_eq!(proxy(&[("ALL_PROXY", "http://p:1")], origin), "-", "{origin}");
        }
    }

    #[test]
    fn exceptions_are_heeded() {
        let cases = [
            ("*", "https://a.example", true),
            ("example", "https://a.example", true),
            ("a.example", "https://A.Example:8445", true),
            (".example", "https://a.example", true),
            ("*.example", "https://a.example", true),
            ("xample", "https://a.example", false),
            ("other, a.example", "https://a.example", true),
            ("other a.example", "https://a.example", true),
            ("a.example:8445", "https://a.example:8445", true),
            ("a.example:8445", "https://a.example", false),
            ("a.example:443", "https://a.example", true),
            ("10.1.2.3", "https://10.1.2.3", true),
            ("10.0.0.0/8", "https://10.200.2.3", true),
            ("10.0.0.0/8", "https://11.0.0.1", false),
            ("0.0.0.0/0", "https://11.0.0.1", true),
            ("10.0.0.0/99", "https://10.0.0.1", false),
            ("2001:db8::/32", "https://[2001:db8::7]:8445", true),
            ("2001:db8::7", "https://[2001:db8::7]:8445", true),
            ("[2001:db8::7]:8445", "https://[2001:db8::7]:8445", true),
            ("[2001:db8::7]:1", "https://[2001:db8::7]:8445", false),
            ("::/0", "https://[2001:db8::7]", true),
            ("10.0.0.0/8", "https://[2001:db8::7]", false),
            ("", "https://a.example", false),
        ];
        for (except, origin, direct) in cases {
            let set = [("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", except)];
            let expected = if direct { "-" } else { "http://p:1/" };
            assert_eq!(proxy(&set, origin), expected, "NO_PROXY={except} {origin}");
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_named_when_it_matters_and_without_its_password() {
        let set = [("ALL_PROXY", "socks5://me:pw@gate:1080")];
        assert_eq!(
            proxy(&set, "https://a.example"),
            "`ALL_PROXY` names the proxy `socks5://gate:1080`, which is no `http://` or `https://` address"
        );
        assert_eq!(proxy(&set, "https://localhost"), "-");
        let debug = format!("{:?}", variables(&set));
        assert!(debug.contains("ALL_PROXY") && !debug.contains("pw"), "{debug}");
    }
}
