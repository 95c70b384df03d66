//! What an operator excepts from the rule for calls to others: hosts by their spelling, networks by where a name leads.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::domain::host::HostName;

/// The most that are taken.
const MAX_ENTRIES: usize = 1_000;

/// Hosts and networks that may be called whatever they are, over http and on any port too. By default there are none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OutboundAllow {
    hosts: Vec<HostName>,
    networks: Vec<IpNet>,
}

/// Why a text says no host and no network.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidAllow {
    /// It is neither.
    #[error(
        "{0:?} is neither a host nor a network: give a host name such as hooks.internal, a network such as 10.0.0.0/8, or one \
         address such as 127.0.0.1"
    )]
    Malformed(String),
    /// There are too many.
    #[error("there are more than {MAX_ENTRIES} hosts and networks: allow a larger network instead")]
    TooMany,
}

impl OutboundAllow {
    /// Takes hosts, networks and addresses, with commas between them.
    pub fn parse(list: &str) -> Result<Self, InvalidAllow> {
        let mut allow = Self::default();
        for text in list.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            if allow.hosts.len() + allow.networks.len() == MAX_ENTRIES {
                return Err(InvalidAllow::TooMany);
            }
            match parse_network(text) {
                Some(network) => allow.networks.push(network),
                None => allow.hosts.push(parse_host(text)?),
            }
        }
        Ok(allow)
    }

    /// Whether this very host is excepted, wherever its name leads.
    pub fn has_host(&self, host: &HostName) -> bool {
        self.hosts.contains(host)
    }

    /// Whether all of these addresses are in networks that are excepted; not if there is none.
    pub fn covers(&self, addresses: &[IpAddr]) -> bool {
        let is_in = |address: &IpAddr| {
            let plain = address.to_canonical();
            self.networks.iter().any(|network| network.contains(address) || network.contains(&plain))
        };
        !addresses.is_empty() && addresses.iter().all(is_in)
    }

    /// Whether any network is excepted, so that a URL cannot be judged before its name is looked up.
    pub fn has_networks(&self) -> bool {
        !self.networks.is_empty()
    }
}

fn parse_network(text: &str) -> Option<IpNet> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().map(IpNet::from).or_else(|_| text.parse()).ok()
}

/// A name, and none that a URL would read as an address: `127.1` is one, which nobody means as a host.
fn parse_host(text: &str) -> Result<HostName, InvalidAllow> {
    let malformed = || InvalidAllow::Malformed(text.chars().take(80).collect());
    let name = HostName::parse_international(text).map_err(|_| malformed())?;
    match url::Host::parse(name.as_str()) {
        Ok(url::Host::Domain(_)) => Ok(name),
        Ok(url::Host::Ipv4(_) | url::Host::Ipv6(_)) | Err(_) => Err(malformed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_host_is_excepted_by_its_spelling_apart_from_case_and_a_last_dot() {
        let allow = OutboundAllow::parse("Hooks.Internal., bücher.example").unwrap();
        let has = |name: &str| allow.has_host(&HostName::parse(name).unwrap());

        assert!(has("hooks.internal") && has("HOOKS.internal.") && has("xn--bcher-kva.example"));
        assert!(!has("a.hooks.internal") && !has("internal") && !has("localhost"));
        assert!(!allow.has_networks());
    }

    #[test]
    fn a_network_excepts_a_name_if_all_of_its_addresses_are_inside() {
        let allow = OutboundAllow::parse("10.0.0.0/8,127.0.0.1,[fd00::1],fd00:1::/32").unwrap();

        for inside in [&["10.1.2.3"][..], &["10.0.0.0", "127.0.0.1", "fd00::1"], &["::ffff:10.0.0.1"]] {
            assert!(allow.covers(&addresses(inside)), "{inside:?}");
        }
        for outside in
            [&[][..], &["127.0.0.2"], &["fd00::2"], &["10.1.2.3", "8.8.8.8"], &["64:ff9b::10.0.0.1"]]
        {
            assert!(!allow.covers(&addresses(outside)), "{outside:?}");
        }
    }

    #[test]
    fn what_is_neither_host_nor_network_is_refused() {
        for text in [
            "10.0.0.0/33",
            "127.1",
            "2130706433",
            "0x7f.1",
            "1.2.3.4.5",
            "https://hooks.internal",
            "hooks.internal:8080",
            "*.internal",
            "a b",
            "[::1",
            "hooks.internal/",
            "a..b",
        ] {
            assert!(matches!(OutboundAllow::parse(text), Err(InvalidAllow::Malformed(_))), "{text}");
        }
        assert_eq!(OutboundAllow::parse(" , "), Ok(OutboundAllow::default()));
        assert_eq!(OutboundAllow::parse(&"a.test,".repeat(MAX_ENTRIES + 1)), Err(InvalidAllow::TooMany));
        assert!(OutboundAllow::parse(&"a.test,".repeat(MAX_ENTRIES)).is_ok());
    }
}
