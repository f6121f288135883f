//! The stages of a session.

/// The stage at which a session failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Connection,
    Greeting,
    Tls,
    Login,
    Sender,
    Recipient,
    /// Before the end of the message: the server has nothing that it could deliver.
    Message,
    /// After it: the server may have taken the mail.
    MessageEnded,
}

impl Stage {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Greeting => "greeting",
            Self::Tls => "TLS",
            Self::Login => "login",
            Self::Sender => "sender",
            Self::Recipient => "recipient",
            Self::Message => "message",
            Self::MessageEnded => "reply to the message",
        }
    }
}
