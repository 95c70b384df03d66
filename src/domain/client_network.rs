//! Where a request comes from, as limits see it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address shares with all others that the same person can have at will.
const IPV6_PREFIX: u32 = 64;

/// What is kept of an address where it is only to be told from others: so many bits are shared by many people.
const KEPT_OF_IPV4: u32 = 24;
const KEPT_OF_IPV6: u32 = 48;

/// An IPv4 address, or the /64 of an IPv6 address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ClientNetwork(IpAddr);

impl ClientNetwork {
    /// Where an address belongs: 2^64 of them are one line at home, so they count as one.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() >> IPV6_PREFIX << IPV6_PREFIX;
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }

    /// The network around it that may be kept: the /24 of an IPv4 address, the /48 of an IPv6 one.
    pub fn coarse(self) -> String {
        match self.0 {
            IpAddr::V4(address) => {
                let rest = u32::BITS - KEPT_OF_IPV4;
                format!("{}/{KEPT_OF_IPV4}", Ipv4Addr::from_bits(address.to_bits() >> rest << rest))
            }
            IpAddr::V6(address) => {
                let rest = u128::BITS - KEPT_OF_IPV6;
                format!("{}/{KEPT_OF_IPV6}", Ipv6Addr::from_bits(address.to_bits() >> rest << rest))
            }
        }
    }

    /// The network as bytes, to compute a hash of.
    pub fn bytes(self) -> [u8; 16] {
        match self.0 {
            IpAddr::V6(address) => address.octets(),
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(address: &str) -> ClientNetwork {
        ClientNetwork::of(address.parse().unwrap())
    }

    #[test]
    fn only_the_network_around_an_address_is_kept() {
        assert_eq!(source("192.0.2.77").coarse(), "192.0.2.0/24");
        assert_eq!(source("::ffff:192.0.2.77").coarse(), "192.0.2.0/24");
        assert_eq!(source("2001:db8:1:2:3:4:5:6").coarse(), "2001:db8:1::/48");
    }

    #[test]
    fn an_ipv6_address_counts_as_its_64_bits_and_any_other_by_itself() {
        for (one, other) in [
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"),
            ("2001:DB8::1", "2001:0db8:0:0::2"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(source(one), source(other));
        }
        for (one, other) in [
            ("2001:db8:0:1::1", "2001:db8:0:2::1"),
            ("192.0.2.1", "192.0.2.2"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.2"),
        ] {
            assert_ne!(source(one), source(other));
        }
    }
}
