//! The sandbox: loopback stand-ins for every upstream, spoken to over real sockets.
