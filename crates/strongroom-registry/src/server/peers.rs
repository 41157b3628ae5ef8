//! Connections of each peer, so that one of them does not take all.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Bits of an IPv6 address that tell one peer from another: whoever has a network of 64 has all of its addresses.
const IPV6_PEER_BITS: u32 = 64;

/// How many connections each peer has.
pub(super) struct Peers {
    per_peer: usize,
    /// Peers without a connection are not in it, so that it does not grow.
    counts: Mutex<HashMap<IpAddr, usize>>,
}

impl Peers {
    /// Nobody yet.
    pub(super) fn new(per_peer: usize) -> Arc<Self> {
        Arc::new(Self { per_peer, counts: Mutex::default() })
    }

    /// Counts a connection for as long as the answer lives; none where the peer has as many as it may.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Share> {
        let peer = peer_of(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(peer).or_default();
        if *count >= self.per_peer.max(1) {
            return None;
        }
        *count += 1;
        Some(Share { peers: Arc::clone(self), peer })
    }
}

/// One connection of a peer.
pub(super) struct Share {
    peers: Arc<Peers>,
    peer: IpAddr,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.peers.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.peer);
            }
        }
    }
}

fn peer_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & (u128::MAX << (u128::BITS - IPV6_PEER_BITS));
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_its_share_and_gets_it_back() {
        let peers = Peers::new(2);
        let enter = |address: &str| peers.enter(address.parse().unwrap());
        let (one, two) = (enter("10.0.0.1"), enter("::ffff:10.0.0.1"));
        assert!(one.is_some() && two.is_some());
        assert!(enter("10.0.0.1").is_none(), "spelled either way it is one peer");
        let other = enter("10.0.0.2");
        assert!(other.is_some());
        drop(one);
        let again = enter("10.0.0.1");
        assert!(again.is_some());
        drop((two, other, again));
        assert!(peers.counts.lock().unwrap().is_empty(), "nothing is kept of who is gone");
    }

    #[test]
    fn a_network_of_ipv6_is_one_peer() {
        let peers = Peers::new(1);
        let one = peers.enter("2001:db8:0:1::1".parse().unwrap());
        assert!(one.is_some());
        assert!(peers.enter("2001:db8:0:1:ffff::2".parse().unwrap()).is_none());
        assert!(peers.enter("2001:db8:0:2::1".parse().unwrap()).is_some());
    }
}
