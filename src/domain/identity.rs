//! Who a person is by an identity provider, and whether a tenant lets that person in.

use std::fmt;

use super::{email_address::EmailAddress, tenant_config::People};

/// The longest subject, in bytes (OpenID Connect Core 1.0, section 2: 255 ASCII characters).
const MAX_SUBJECT_BYTES: usize = 255;

/// A person's name at the identity provider: never shown, and never given to another person there.
#[derive(Clone, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    /// A subject, unless it breaks the rule of the standard.
    #[must_use]
    pub fn new(text: String) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= MAX_SUBJECT_BYTES && text.is_ascii();
        fits.then_some(Self(text))
    }

    /// The subject. Must not be logged.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject(***)")
    }
}

/// What an identity provider says of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who it is.
    pub subject: Subject,
    /// The e-mail address, if the provider tells one.
    pub email: Option<EmailAddress>,
    /// Whether the provider has seen that mail to it reaches the person.
    pub email_verified: bool,
}

/// A person who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who it is.
    pub subject: Subject,
    /// The address that is on the list.
    pub email: EmailAddress,
}

/// Who is let in by an identity provider, for all tenants.
#[derive(Debug, Clone)]
pub struct LoginRules {
    /// The admins of every tenant whose config does not say who its people are.
    pub operators_list: Vec<EmailAddress>,
    /// Whether an e-mail address counts only where the provider has verified it.
    pub requires_verified_email: bool,
}

impl LoginRules {
    /// Whether people of a tenant can log in at all.
    #[must_use]
    pub fn has_login(&self, people: &People) -> bool {
        match people {
            People::Unset => !self.operators_list.is_empty(),
            People::Off => false,
            People::Listed(_) => true,
        }
    }

    /// Whether an address is on the list that counts for a tenant.
    #[must_use]
    pub fn has(&self, people: &People, email: &EmailAddress) -> bool {
        let list = match people {
            People::Unset => &self.operators_list,
            People::Off => return false,
            People::Listed(people) => people,
        };
        list.iter().any(|it| it.names_same_person(email))
    }

    /// The person, if the tenant lets it in.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, people: &People, identity: Identity) -> Result<Member, LoginRefusal> {
        let Some(email) = identity.email else {
            return Err(LoginRefusal::NoEmail);
        };
        if self.requires_verified_email && !identity.email_verified {
            return Err(LoginRefusal::EmailNotVerified);
        }
        if !self.has(people, &email) {
            return Err(LoginRefusal::AccessDenied);
        }
        Ok(Member {
            subject: identity.subject,
            email,
        })
    }
}

/// Why a person was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginRefusal {
    /// The person, or the provider, has said no, or the address is not on the list.
    #[error("the provider has denied it, or the e-mail address is not on the list")]
    AccessDenied,
    /// The tenant has no such login.
    #[error("this tenant has no login by OpenID Connect")]
    NotConfigured,
    /// The provider tells no e-mail address.
    #[error("the provider tells no e-mail address")]
    NoEmail,
    /// The e-mail address is not verified.
    #[error("the provider has not verified the e-mail address")]
    EmailNotVerified,
    /// Nothing has been proved.
    #[error("the login was not completed")]
    CallbackFailed,
    /// The provider cannot be used at present.
    #[error("the provider cannot be used at present")]
    ProviderUnavailable,
}

impl LoginRefusal {
    /// The word that clients know it by, in `auth_error`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::NotConfigured => "auth_not_configured",
            Self::NoEmail => "no_email_provided",
            Self::EmailNotVerified => "email_not_verified",
            Self::CallbackFailed | Self::ProviderUnavailable => "callback_failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    fn rules(operators: &[&str], requires_verified_email: bool) -> LoginRules {
        LoginRules {
            operators_list: operators.iter().map(|it| address(it)).collect(),
            requires_verified_email,
        }
    }

    fn listed(people: &[&str]) -> People {
        People::Listed(people.iter().map(|it| address(it)).collect())
    }

    fn identity(email: Option<&str>, email_verified: bool) -> Identity {
        Identity {
            subject: Subject::new("auth0|1".to_owned()).unwrap(),
            email: email.map(address),
            email_verified,
        }
    }

    #[test]
    fn the_tenants_list_counts_in_place_of_the_operators() {
        let rules = rules(&["operator@example.org"], true);
        let jane = listed(&["jane@example.org"]);
        for (people, operator, person, has_login) in [
            (&People::Unset, true, false, true),
            (&People::Off, false, false, false),
            (&jane, false, true, true),
            (&listed(&[]), false, false, true),
        ] {
            assert_eq!(rules.has_login(people), has_login, "{people:?}");
            let has = |email| rules.has(people, &address(email));
            assert_eq!(has("operator@example.org"), operator, "{people:?}");
            assert_eq!(has("JANE@Example.ORG"), person, "{people:?}");
        }
        let without_a_list = LoginRules {
            operators_list: vec![],
            ..rules
        };
        assert!(!without_a_list.has_login(&People::Unset));
    }

    #[test]
    fn who_is_not_let_in_is_told_why() {
        use LoginRefusal::{AccessDenied, EmailNotVerified, NoEmail};
        let jane = listed(&["jane@example.org"]);
        for (email, is_verified, requires, outcome) in [
            (Some("jane@example.org"), true, true, Ok(())),
            (Some("jane@example.org"), false, true, Err(EmailNotVerified)),
            (Some("jane@example.org"), false, false, Ok(())),
            (Some("joe@example.org"), true, true, Err(AccessDenied)),
            (Some("joe@example.org"), false, true, Err(EmailNotVerified)),
            (None, true, true, Err(NoEmail)),
            (None, false, false, Err(NoEmail)),
        ] {
            let admitted = rules(&[], requires).admit(&jane, identity(email, is_verified));
            assert_eq!(admitted.map(|_| ()), outcome, "{is_verified} {requires}");
        }
    }

    #[test]
    fn letters_that_only_look_alike_in_another_case_are_another_person() {
        // KELVIN SIGN is a small k in lower case; LATIN SMALL LETTER DOTLESS I is a capital I in upper case.
        let list = listed(&["kim@example.org"]);
        let rules = rules(&[], true);
        assert!(rules.has(&list, &address("KIM@EXAMPLE.ORG")));
        for other in ["\u{212a}im@example.org", "k\u{131}m@example.org"] {
            assert!(!rules.has(&list, &address(other)), "{other}");
        }
    }

    #[test]
    fn a_subject_is_what_the_standard_allows() {
        let subject = |text: &str| Subject::new(text.to_owned());
        assert!(subject("auth0|5f7c8ec7c33c6c004bbafe82").is_some());
        assert!(subject(&"s".repeat(255)).is_some());
        for bad in [String::new(), "s".repeat(256), "\u{e9}".to_owned()] {
            assert!(subject(&bad).is_none(), "{bad}");
        }
        assert_eq!(format!("{:?}", subject("jane").unwrap()), "Subject(***)");
    }
}
