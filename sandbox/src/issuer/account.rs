//! An account at the issuer. Used by the issuer.

/// Somebody with an account.
#[derive(Clone, Debug)]
pub struct IssuerAccount {
    /// The name on the page of the login.
    pub name: String,
    /// `sub` of the ID token.
    pub subject: String,
    /// `email`; `None` leaves it out.
    pub email: Option<String>,
    /// `email_verified`; `None` leaves it out.
    pub email_verified: Option<bool>,
}

impl IssuerAccount {
    /// A person with a verified e-mail address.
    #[must_use]
    pub fn new(name: &str, email: &str) -> Self {
        Self {
            name: name.to_owned(),
            subject: format!("sandbox|{name}"),
            email: Some(email.to_owned()),
            email_verified: Some(true),
        }
    }
}
