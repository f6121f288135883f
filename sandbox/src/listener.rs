//! A loopback listener that can be stopped and started again on its port. Used by the servers of
//! this folder.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

/// What is done with an accepted connection.
pub(super) type Serve = Arc<dyn Fn(TcpStream) -> BoxFuture<'static, ()> + Send + Sync>;

/// A port on 127.0.0.1 with a task per connection; everything ends when it is dropped.
pub(super) struct Listener {
    address: SocketAddr,
    serve: Serve,
    running: Mutex<Option<Running>>,
    /// Bound but not listening: it keeps a stopped port from being given to somebody else.
    parked: Mutex<Option<TcpSocket>>,
}

impl Listener {
    /// Binds a free port and starts to accept.
    pub(super) async fn start(serve: Serve) -> io::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = socket.local_addr()?;
        let running = Mutex::new(Some(Running::new(socket, Arc::clone(&serve))));
        Ok(Self {
            address,
            serve,
            running,
            parked: Mutex::new(None),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection and refuses new ones; returns when the port is closed.
    pub(super) async fn stop(&self) {
        let running = self.running.lock().take();
        if let Some(mut running) = running {
            running.stop.take();
            // An error means that the task has ended already.
            let _ = (&mut running.task).await;
            *self.parked.lock() = park(self.address).ok();
        }
    }

    /// Binds the same port again; does nothing while it listens.
    pub(super) async fn restart(&self) -> io::Result<()> {
        if self.running.lock().is_some() {
            return Ok(());
        }
        let parked = self.parked.lock().take();
        let socket = match parked {
            Some(parked) => parked.listen(1024)?,
            None => TcpListener::bind(self.address).await?,
        };
        *self.running.lock() = Some(Running::new(socket, Arc::clone(&self.serve)));
        Ok(())
    }
}

fn park(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

struct Running {
    /// Its drop is the signal.
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Running {
    fn new(socket: TcpListener, serve: Serve) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self {
            stop: Some(stop),
            task: tokio::spawn(accept(socket, serve, stopped)),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(socket: TcpListener, serve: Serve, mut stopped: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            accepted = socket.accept() => match accepted {
                Ok((stream, _)) => {
                    // Without it a small answer waits for the caller's delayed ACK.
                    let _ = stream.set_nodelay(true);
                    connections.spawn(serve(stream));
                }
                // Out of descriptors, most likely: spinning would not help.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(socket);
    connections.shutdown().await;
}
