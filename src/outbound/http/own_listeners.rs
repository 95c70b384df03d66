//! The addresses where this server listens: nobody has it call itself, by whatever way.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Where this server listens.
#[derive(Debug)]
pub(super) struct OwnListeners(Vec<SocketAddr>);

impl OwnListeners {
    pub(super) fn new(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self(addresses.into_iter().map(canonical).collect())
    }

    /// Whether a connection to this address would come to one of them.
    pub(super) fn take(&self, target: SocketAddr) -> bool {
        let target = canonical(target);
        self.0.iter().filter(|own| own.port() == target.port()).any(|own| {
            // An address of nobody is taken as this machine's; a listener on it has all addresses of both families.
            own.ip() == target.ip()
                || target.ip().is_unspecified()
                || own.ip().is_unspecified() && is_of_this_machine(target.ip())
        })
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Whether an address is one of this machine: the kernel would send from the very address to itself. Nothing is sent to find out.
fn is_of_this_machine(address: IpAddr) -> bool {
    let any = match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let source = || {
        let socket = UdpSocket::bind((any, 0))?;
        // Of UDP, a connection is a route and no more.
        socket.connect((address, 9))?;
        socket.local_addr()
    };
    address.is_loopback() || source().is_ok_and(|source| source.ip() == address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(own: &[&str], target: &str) -> bool {
        OwnListeners::new(own.iter().map(|text| text.parse().unwrap())).take(target.parse().unwrap())
    }

    #[test]
    fn an_address_is_its_own_in_whatever_spelling_and_on_its_port_alone() {
        let own = ["192.0.2.7:8443", "[2001:db8::7]:443"];
        for target in
            ["192.0.2.7:8443", "[::ffff:192.0.2.7]:8443", "[2001:db8:0::7]:443", "0.0.0.0:8443", "[::]:443"]
        {
            assert!(take(&own, target), "{target}");
        }
        for target in
            ["192.0.2.7:443", "192.0.2.8:8443", "[2001:db8::7]:8443", "127.0.0.1:8443", "0.0.0.0:80"]
        {
            assert!(!take(&own, target), "{target}");
        }
    }

    #[test]
    fn a_listener_on_all_addresses_has_each_of_this_machine_and_no_other() {
        for own in ["0.0.0.0:8443", "[::]:8443"] {
            for target in ["127.0.0.1:8443", "127.7.7.7:8443", "[::1]:8443", "[::ffff:127.0.0.1]:8443"] {
                assert!(take(&[own], target), "{own} {target}");
            }
            for target in ["8.8.8.8:8443", "127.0.0.1:443"] {
                assert!(!take(&[own], target), "{own} {target}");
            }
        }
        // The address by which this machine reaches others, where it reaches any.
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        if socket.connect("8.8.8.8:9").is_ok() {
            let address = SocketAddr::new(socket.local_addr().unwrap().ip(), 8443);
            assert!(take(&["0.0.0.0:8443"], &address.to_string()), "{address}");
        }
    }
}
