//! Many connections at a time, of clients that are in no hurry.

use std::{net::SocketAddr, time::Duration};

use futures_util::future::join_all;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
    time::sleep,
};

use crate::harness::Service;

/// What the system keeps of an answer for a client that does not read it, in bytes: little, so that
/// the rest has to stay where it is.
const RECEIVE_BUFFER: u32 = 4 * 1024;

/// Lets this process have as many sockets as it needs.
pub(crate) fn allow_sockets() {
    rlimit::increase_nofile_limit(16_384).unwrap();
}

/// Connections to `address` that have sent `bytes`, and read nothing.
pub(crate) async fn connections(address: &str, count: usize, bytes: &[u8]) -> Vec<TcpStream> {
    let address: SocketAddr = address.parse().unwrap();
    let connect = async || {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(RECEIVE_BUFFER).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        // One that is not served may be closed already.
        let _ = stream.write_all(bytes).await;
        stream
    };
    let mut all = Vec::new();
    while all.len() < count {
        let some = (0..(count - all.len()).min(100)).map(|_| connect());
        all.extend(join_all(some).await);
    }
    all
}

/// The most that memory grows beyond `before` in the next seconds, in bytes.
pub(crate) async fn growth(service: &Service, before: u64, seconds: u32) -> u64 {
    let mut most = 0;
    for _ in 0..seconds * 20 {
        most = most.max(service.memory().saturating_sub(before));
        sleep(Duration::from_millis(50)).await;
    }
    most
}
