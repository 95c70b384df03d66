//! Which addresses are of the public internet (the registries of RFC 6890), and so anybody's to reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 networks that are not public: the number, how many bits count.
const SPECIAL_IPV4: [([u8; 4], u32); 16] = [
    // This network, and unspecified.
    ([0, 0, 0, 0], 8),
    // Private.
    ([10, 0, 0, 0], 8),
    ([172, 16, 0, 0], 12),
    ([192, 168, 0, 0], 16),
    // Shared by the customers of a provider.
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    // Link-local, where clouds tell machines their secrets.
    ([169, 254, 0, 0], 16),
    // Protocol assignments.
    ([192, 0, 0, 0], 24),
    // Documentation.
    ([192, 0, 2, 0], 24),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // Relays of 6to4, which are no more.
    ([192, 88, 99, 0], 24),
    // Benchmarks.
    ([198, 18, 0, 0], 15),
    // Multicast.
    ([224, 0, 0, 0], 4),
    // Reserved, and broadcast.
    ([240, 0, 0, 0], 4),
    ([255, 255, 255, 255], 32),
];

/// What is allocated of IPv6 to the public: all else is reserved, private, link-local or multicast.
const GLOBAL_UNICAST: Network = Network(0x2000, 0, 3);

/// What is special inside that.
const SPECIAL_IPV6: [Network; 3] = [
    // Protocol assignments: benchmarks, identifiers that no router knows.
    Network(0x2001, 0, 23),
    // Documentation.
    Network(0x2001, 0x0db8, 32),
    Network(0x3fff, 0, 20),
];

/// IPv4 addresses that IPv6 addresses stand for.
const NAT64: Network = Network(0x0064, 0xff9b, 96);
const TEREDO: Network = Network(0x2001, 0, 32);
const SIX_TO_FOUR: Network = Network(0x2002, 0, 16);

/// An IPv6 network: the first two of its groups, how many bits count.
struct Network(u16, u16, u32);

impl Network {
    fn has(&self, address: Ipv6Addr) -> bool {
        let first = (u128::from(self.0) << 112) | (u128::from(self.1) << 96);
        (address.to_bits() ^ first) >> (u128::BITS - self.2) == 0
    }
}

/// Whether an address is public: not loopback, private, link-local, shared, reserved, multicast or for documentation, nor an
/// IPv6 address that stands for such an IPv4 address.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_ipv4(address),
        IpAddr::V6(address) => is_public_ipv6(address),
    }
}

fn is_public_ipv4(address: Ipv4Addr) -> bool {
    let is_in = |(network, bits): &([u8; 4], u32)| {
        (address.to_bits() ^ u32::from_be_bytes(*network)) >> (u32::BITS - bits) == 0
    };
    !SPECIAL_IPV4.iter().any(is_in)
}

fn is_public_ipv6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    // The lowest 32 of the bits from this one on.
    let ipv4_at = |shift: u32| {
        let [.., a, b, c, d] = (bits >> shift).to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    if NAT64.has(address) {
        return is_public_ipv4(ipv4_at(0));
    }
    if SIX_TO_FOUR.has(address) {
        return is_public_ipv4(ipv4_at(80));
    }
    if TEREDO.has(address) {
        // The server in the clear, the client with each bit turned (RFC 4380, section 4).
        let client = Ipv4Addr::from_bits(!ipv4_at(0).to_bits());
        return is_public_ipv4(ipv4_at(64)) && is_public_ipv4(client);
    }
    GLOBAL_UNICAST.has(address) && !SPECIAL_IPV6.iter().any(|network| network.has(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(address: &str) -> bool {
        is_public(address.parse().unwrap())
    }

    #[test]
    fn an_address_of_the_public_internet_is_public() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "2000::1",
            "2001:200::1",
            "2001:db7:ffff::1",
            "2001:db9::1",
            "2606:4700::1111",
            "3ffe:ffff::1",
            "3fff:1000::1",
        ] {
            assert!(is(address), "{address}");
        }
    }

    #[test]
    fn an_address_that_is_special_in_any_way_is_not_public() {
        for address in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.0.0",
            "169.254.169.254",
            "169.254.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.0",
            "192.0.0.255",
            "192.0.2.0",
            "192.0.2.255",
            "192.88.99.1",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.0",
            "198.51.100.255",
            "203.0.113.0",
            "203.0.113.255",
            "224.0.0.0",
            "239.255.255.255",
            "240.0.0.0",
            "255.255.255.254",
            "255.255.255.255",
            "::",
            "::1",
            "100::1",
            "1fff::1",
            "2001:1::1",
            "2001:2::1",
            "2001:10::1",
            "2001:1ff:ffff::1",
            "2001:db8::1",
            "2001:db8:ffff::1",
            "3fff::1",
            "3fff:fff:ffff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "feff::1",
            "ff02::1",
            "ffff::1",
        ] {
            assert!(!is(address), "{address}");
        }
    }

    #[test]
    fn an_ipv4_address_inside_an_ipv6_address_counts_as_itself() {
        for (address, is_fine) in [
            ("::ffff:8.8.8.8", true),
            ("::ffff:10.0.0.1", false),
            ("::ffff:127.0.0.1", false),
            // IPv4-compatible addresses are no more.
            ("::8.8.8.8", false),
            ("::127.0.0.1", false),
            ("::ffff:0:8.8.8.8", false),
            ("64:ff9b::8.8.8.8", true),
            ("64:ff9b::10.0.0.1", false),
            ("64:ff9b::169.254.169.254", false),
            ("64:ff9b::1:8.8.8.8", false),
            // A translator of the local network, which leads wherever it likes.
            ("64:ff9b:1::8.8.8.8", false),
            ("2002:808:808::1", true),
            ("2002:a00:1::1", false),
            ("2002:7f00:1::1", false),
            // Server 8.8.8.8; the client's bits are turned: 247.247.247.247 is 8.8.8.8, 245.255.255.254 is 10.0.0.1.
            ("2001:0:808:808::f7f7:f7f7", true),
            ("2001:0:808:808::f5ff:fffe", false),
            ("2001:0:a00:1::f7f7:f7f7", false),
        ] {
            assert_eq!(is(address), is_fine, "{address}");
        }
    }
}
