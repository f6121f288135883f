//! Who may do what: extractors that stand in a handler's parameters before everything but the
//! tenant, so that a stranger learns nothing from how the rest of a request is judged.

use std::sync::Arc;

use poem::{
    Request, RequestBody, Result,
    http::{HeaderMap, header},
};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{dto::config::AuthMode, error::ApiError, problem::ProblemKind};
use crate::{app::usecases::tenant::Tenant, domain::secret::Secret};

/// The name of the scheme in the spec.
const SCHEME: &str = "bearerAuth";

/// How admins are told from others.
#[derive(Debug)]
pub enum AdminAuth {
    /// They send this token.
    Token(Secret),
    /// They are not: everyone is one.
    Disabled,
    /// There is nothing to tell them by, so nobody is one.
    Unconfigured,
}

/// The caller is an admin.
pub struct Admin;

/// The caller may look at the tenant's images: anyone where the tenant lets everyone, else an
/// admin. Needs the request's tenant.
pub struct Viewer;

impl AdminAuth {
    /// How clients are told about it.
    #[must_use]
    pub fn mode(&self) -> AuthMode {
        match self {
            Self::Token(_) => AuthMode::Token,
            Self::Disabled | Self::Unconfigured => AuthMode::None,
        }
    }

    fn check(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        match self {
            Self::Disabled => Ok(()),
            Self::Unconfigured => Err(ApiError::new(
                ProblemKind::AdminNotConfigured,
                "Admin operations are shut until this service is given a credential to check.",
            )),
            Self::Token(token) => match bearer_token(headers) {
                Some(sent) if is_same(sent, token) => Ok(()),
                _ => Err(ApiError::new(
                    ProblemKind::Unauthorized,
                    "This needs the admin's bearer token.",
                )),
            },
        }
    }
}

/// The token of the `Authorization` header, if there is exactly one such header and it has one.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let only = sent.next().filter(|_| sent.next().is_none())?;
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Takes the same time whatever the difference: digests have one length, and are compared whole.
fn is_same(sent: &str, token: &Secret) -> bool {
    let (sent, token) = (Sha256::digest(sent), Sha256::digest(token.expose()));
    sent.ct_eq(&token).into()
}

fn check_admin(request: &Request) -> Result<(), ApiError> {
    let auth = request
        .data::<Arc<AdminAuth>>()
        .ok_or_else(ApiError::internal)?;
    auth.check(request.headers())
}

fn check_viewer(request: &Request) -> Result<(), ApiError> {
    let tenant = request
        .data::<Arc<Tenant>>()
        .ok_or_else(ApiError::internal)?;
    if tenant.settings().features.auto_view_enabled {
        return Ok(());
    }
    check_admin(request)
}

fn register_scheme(registry: &mut Registry) {
    registry.create_security_scheme(
        SCHEME,
        MetaSecurityScheme {
            ty: "http",
            description: Some("The admin token that this service was started with."),
            name: None,
            key_in: None,
            scheme: Some("bearer"),
            bearer_format: None,
            flows: None,
            openid_connect_url: None,
        },
    );
}

impl<'a> ApiExtractor<'a> for Admin {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        register_scheme(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![SCHEME]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        check_admin(request)?;
        Ok(Self)
    }
}

impl<'a> ApiExtractor<'a> for Viewer {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        register_scheme(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![SCHEME]
    }

    /// In the spec: or nothing at all, where the tenant lets everyone look.
    fn has_security_fallback() -> bool {
        true
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        check_viewer(request)?;
        Ok(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poem::http::HeaderValue;

    fn outcome(auth: &AdminAuth, sent: &[&'static str]) -> Option<ProblemKind> {
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
        }
        auth.check(&headers).err().map(|error| error.kind())
    }

    #[test]
    fn only_the_token_itself_opens_and_only_when_sent_once() {
        let auth = AdminAuth::Token(Secret::new("s3cret".to_owned()));
        for sent in ["Bearer s3cret", "bearer s3cret", "BEARER  s3cret"] {
            assert_eq!(outcome(&auth, &[sent]), None, "{sent}");
        }
        let refused: [&[&str]; 8] = [
            &[],
            &["Bearer"],
            &["Bearer "],
            &["Bearer s3cre"],
            &["Bearer s3crets"],
            &["Basic s3cret"],
            &["s3cret"],
            &["Bearer s3cret", "Bearer s3cret"],
        ];
        for sent in refused {
            assert_eq!(
                outcome(&auth, sent),
                Some(ProblemKind::Unauthorized),
                "{sent:?}"
            );
        }
    }

    #[test]
    fn without_anything_to_check_by_nobody_is_an_admin() {
        let refused = outcome(&AdminAuth::Unconfigured, &["Bearer x"]);
        assert_eq!(refused, Some(ProblemKind::AdminNotConfigured));
        assert_eq!(outcome(&AdminAuth::Disabled, &[]), None);
    }

    #[test]
    fn the_token_does_not_show_in_debug_output() {
        let auth = AdminAuth::Token(Secret::new("s3cret".to_owned()));
        assert!(!format!("{auth:?}").contains("s3cret"));
    }
}
