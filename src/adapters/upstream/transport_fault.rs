//! Why a request got no answer, in words that name no host: the texts of the client libraries name
//! those of certificates. Used by `upstream` and, through it, by every adapter that speaks HTTP.

use std::{error::Error, io, iter::successors};

use crate::adapters::certificate_advice::certificate_advice;

/// Why a request got no answer, and what to look at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TransportFault {
    /// DNS knows no such name, or does not answer.
    #[error(
        "its host name cannot be resolved: check the name in the URL, and the DNS of this machine"
    )]
    UnknownHost,
    /// Nothing listens there.
    #[error("the connection was refused: check host and port in the URL, and that it is running")]
    Refused,
    /// No connection within the time for it.
    #[error("no connection in time: check the address; a firewall may be in between")]
    ConnectTimeout,
    /// A connection, but no whole answer in time.
    #[error("no answer in time")]
    Timeout,
    /// Its certificate is not trusted.
    #[error("its certificate is not trusted, because it {why}; {advice}")]
    Certificate {
        /// What is wrong with it.
        why: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// What answers there speaks no TLS.
    #[error(
        "no TLS is spoken at this port: check the port, or whether the URL begins with http://"
    )]
    NoTls,
    /// Another failure of TLS.
    #[error("no TLS could be agreed on")]
    Tls,
    /// The connection ended, or could not be opened, for another reason.
    #[error("the connection failed ({0})")]
    Broken(io::ErrorKind),
    /// It could not be built, or its answer could not be read.
    #[error("the request or its answer could not be processed")]
    Other,
}

impl TransportFault {
    /// Sorts an error of the HTTP client.
    pub(crate) fn of(error: &reqwest::Error) -> Self {
        let chain = || errors(error);
        if let Some(fault) = chain().find_map(of_tls) {
            return fault;
        }
        if error.is_timeout() {
            return if error.is_connect() {
                Self::ConnectTimeout
            } else {
                Self::Timeout
            };
        }
        // The client has no type for it.
        if chain().any(|error| error.to_string().starts_with("dns error")) {
            return Self::UnknownHost;
        }
        let io = chain().find_map(|error| error.downcast_ref::<io::Error>());
        match io.map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => Self::Refused,
            Some(io::ErrorKind::TimedOut) => Self::ConnectTimeout,
            Some(kind) => Self::Broken(kind),
            None if error.is_builder() || error.is_decode() => Self::Other,
            None => Self::Broken(io::ErrorKind::ConnectionAborted),
        }
    }
}

/// An error and its sources.
fn errors<'a>(first: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(first), |error: &&'a (dyn Error + 'static)| {
        (*error).source()
    })
}

/// What an I/O error wraps, which is none of its sources, through all its layers.
fn unwrapped<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut inner = error;
    while let Some(wrapped) = inner
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        inner = wrapped;
    }
    inner
}

/// What an error of TLS means.
fn of_tls(error: &(dyn Error + 'static)) -> Option<TransportFault> {
    let error = unwrapped(error).downcast_ref::<rustls::Error>()?;
    Some(match error {
        rustls::Error::InvalidCertificate(error) => {
            let (why, advice) = certificate_advice(error);
            TransportFault::Certificate { why, advice }
        }
        rustls::Error::InvalidMessage(_) => TransportFault::NoTls,
        _ => TransportFault::Tls,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{io::AsyncWriteExt as _, net::TcpListener};

    use super::*;
    use crate::adapters::http_client::{self, ExtraRoots};

    async fn fault(url: &str) -> TransportFault {
        let client = http_client::build(Duration::from_secs(5), &ExtraRoots::default()).unwrap();
        TransportFault::of(&client.get(url).send().await.unwrap_err())
    }

    #[tokio::test]
    async fn a_fault_says_what_to_look_at_and_names_no_host() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let plain = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            }
        });
        let secure = fault(&format!("https://127.0.0.1:{port}/")).await;
        assert_eq!(secure, TransportFault::NoTls);
        plain.abort();

        let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = unused.local_addr().unwrap().port();
        drop(unused);
        let refused = fault(&format!("http://127.0.0.1:{port}/")).await;
        assert_eq!(refused, TransportFault::Refused);
        // Never resolved, by RFC 6761.
        assert_eq!(
            fault("http://secret-place.invalid/").await,
            TransportFault::UnknownHost
        );
        for fault in [secure, refused, TransportFault::UnknownHost] {
            let told = fault.to_string();
            assert!(
                told.contains("check") && !told.contains("127.0.0.1"),
                "{told}"
            );
        }
    }
}
