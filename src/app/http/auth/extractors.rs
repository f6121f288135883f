//! What stands in the parameters of a handler, before everything but the tenant: a stranger
//! learns nothing from how the rest of a request is judged.

use poem::{FromRequest, Request, RequestBody, Result};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};

use super::{AdminAuth, cookie::CookieKind, host_of, refuse_other_sites, tenant_of};

/// The names of the schemes in the spec: any of them will do.
const SCHEMES: [&str; 3] = ["bearerAuth", "basicAuth", "cookieAuth"];

/// The caller is an admin.
pub struct Admin;

/// The caller may look at the tenant's images: anyone where the tenant lets everyone, else an
/// admin.
pub struct Viewer;

/// No page of another site has sent the request.
pub struct NoOtherSite;

fn register_schemes(registry: &mut Registry) {
    let [bearer, basic, cookie] = SCHEMES;
    let http = |scheme, description| MetaSecurityScheme {
        ty: "http",
        description: Some(description),
        name: None,
        key_in: None,
        scheme: Some(scheme),
        bearer_format: None,
        flows: None,
        openid_connect_url: None,
    };
    let token = "The admin token that this service was started with.";
    registry.create_security_scheme(bearer, http("bearer", token));
    let user = "The user and the password that this service was started with.";
    registry.create_security_scheme(basic, http("basic", user));
    let session = MetaSecurityScheme {
        ty: "apiKey",
        description: Some(
            "The session that `POST /api/admin/login` opens, on the host that opened it. What \
             writes takes it only from pages of that host, by `Origin` or `Referer`. Where the \
             operator lets browsers come without TLS, its name is `pv2_admin`; until the next minor \
             version that name is read everywhere.",
        ),
        name: Some(CookieKind::Session.name(true)),
        key_in: Some("cookie"),
        scheme: None,
        bearer_format: None,
        flows: None,
        openid_connect_url: None,
    };
    registry.create_security_scheme(cookie, session);
}

impl<'a> ApiExtractor<'a> for Admin {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        register_schemes(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        SCHEMES.to_vec()
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        AdminAuth::of(request)?.check(request)?;
        Ok(Self)
    }
}

impl<'a> ApiExtractor<'a> for Viewer {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        register_schemes(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        SCHEMES.to_vec()
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
        let is_open = tenant_of(request)?.settings().features.auto_view_enabled;
        if !is_open {
            AdminAuth::of(request)?.check(request)?;
        }
        Ok(Self)
    }
}

impl<'a> FromRequest<'a> for NoOtherSite {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        refuse_other_sites(request, host_of(request)?)?;
        Ok(Self)
    }
}
