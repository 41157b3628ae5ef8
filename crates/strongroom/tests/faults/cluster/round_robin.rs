//! Connections, handed to one process after the other. One that does not answer is passed over.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};

/// Where the processes are that answer now, by their numbers.
pub(super) type Addresses = Arc<Mutex<Vec<Option<SocketAddr>>>>;

/// Hands connections on for as long as the test runs.
pub(super) async fn start(addresses: Addresses) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let turn = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let (addresses, turn) = (Arc::clone(&addresses), Arc::clone(&turn));
            tokio::spawn(async move {
                if let Some(mut server) = next(&addresses, &turn).await {
                    // Whoever breaks off ends the other one's connection too.
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    address
}

async fn next(addresses: &Addresses, turn: &AtomicUsize) -> Option<TcpStream> {
    let processes = addresses.lock().unwrap().len();
    for _ in 0..processes {
        let number = turn.fetch_add(1, Ordering::Relaxed) % processes;
        let address = addresses.lock().unwrap()[number];
        if let Some(address) = address
            && let Ok(server) = TcpStream::connect(address).await
        {
            return Some(server);
        }
    }
    None
}
