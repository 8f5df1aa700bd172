//! How many connections there are, and from where. Those above a limit are closed as they come: an answer would cost what
//! the limit is to save.

use super::{
    ConnectionLimits, HttpTelemetry,
    client::{Proxies, network},
};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Every open connection.
pub(super) struct Connections {
    limits: ConnectionLimits,
    proxies: Arc<Proxies>,
    telemetry: Arc<HttpTelemetry>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    total: usize,
    per_network: HashMap<IpAddr, usize>,
}

/// A connection's place, free again when it is dropped. It belongs to the socket, also after that became a WebSocket.
pub(in crate::http) struct Seat {
    connections: Arc<Connections>,
    network: IpAddr,
}

impl Connections {
    pub(super) fn new(limits: ConnectionLimits, proxies: Arc<Proxies>, telemetry: Arc<HttpTelemetry>) -> Self {
        Self { limits, proxies, telemetry, open: Mutex::default() }
    }

    /// Gives a place to a connection, or none.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Seat> {
        let network = network(peer);
        let mut open = self.open();
        let here = open.per_network.get(&network).copied().unwrap_or(0);
        let too_many_here = here >= self.limits.per_address && !self.proxies.trusts(peer.to_canonical());
        if open.total >= self.limits.total || too_many_here {
            self.telemetry.turned_away();
            return None;
        }
        open.total += 1;
        open.per_network.insert(network, here + 1);
        self.telemetry.connected();
        Some(Seat { connections: self.clone(), network })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        open.total -= 1;
        let left = open.per_network.get_mut(&self.network).map(|here| {
            *here -= 1;
            *here
        });
        if left == Some(0) {
            open.per_network.remove(&self.network);
        }
        self.connections.telemetry.disconnected();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_the_places_of_others() {
        let proxies = Arc::new(Proxies::new(&["10.0.0.1/32".parse().unwrap()]));
        let limits = ConnectionLimits { total: 5, per_address: 2 };
        let connections = Arc::new(Connections::new(limits, proxies, Arc::default()));
        let admit = |peer: &str| connections.admit(peer.parse().unwrap());
        let (first, second) = (admit("192.0.2.1"), admit("192.0.2.1"));
        assert!(first.is_some() && second.is_some() && admit("::ffff:192.0.2.1").is_none());
        let others = [admit("192.0.2.2"), admit("10.0.0.1"), admit("10.0.0.1")];
        assert!(others.iter().all(Option::is_some));
        drop(first);
        assert!(admit("10.0.0.1").is_some(), "a trusted proxy has as many as there are");
        let again = admit("192.0.2.1");
        assert!(again.is_some() && admit("192.0.2.3").is_none(), "five places are taken");
        drop((second, others, again));
        let open = connections.open();
        assert!(open.total == 0 && open.per_network.is_empty());
    }
}
