//! Which hosts are this machine: to those alone a password may go in clear.

use std::net::IpAddr;

use url::Host;

/// Whether a host, as it stands in a URL or without the brackets of an IPv6 address, is this machine: `localhost`, an
/// address of 127.0.0.0/8, or `::1`. No other name is: what `x.localhost` leads to is for its resolver to say.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    if let Ok(address) = host.parse::<IpAddr>() {
        return address.is_loopback();
    }
    match Host::parse(host) {
        Ok(Host::Domain(name)) => name == "localhost",
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_told_from_others() {
        for host in [
            "localhost",
            "LocalHost",
            "127.0.0.1",
            "127.8.9.1",
            "127.1",
            "::1",
            "[::1]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "x.localhost",
            "localhost.example",
            "127.0.0.1.example",
            "0.0.0.0",
            "::",
            "[::ffff:10.0.0.1]",
            "10.0.0.1",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
