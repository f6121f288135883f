//! One tenant's bucket: one signed request and its answer, sorted into success and failures. No attempts
//! here.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use object_store::{
    aws::{AmazonS3, AmazonS3Builder, AwsAuthorizer, AwsCredential},
    client::{ClientOptions, HttpClient, HttpConnector, HttpRequest, HttpRequestBody},
    path::Path,
    signer::Signer as _,
};
use reqwest::{
    Client, Method, Response,
    header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderName, HeaderValue},
};
use sha2::{Digest as _, Sha256};
use url::Url;
use zeroize::Zeroize as _;

use super::{
    failure::{Failure, Origin},
    keys::{Key, encoded},
    limits::{Limits, UPSTREAM},
    wire,
};
use crate::{
    adapters::upstream::{self, Call},
    domain::{
        content_hash::{ContentHash, ContentHashKind},
        credential::ProviderCredential as _,
        secret::{Secret, SecretProblem},
        storage::ManagedCredential,
        tenant::TenantName,
    },
    ports::{Clock, StorageMeter},
};

/// The service that requests are signed for.
const SERVICE: &str = "s3";
/// The longest error that is read, in bytes; real ones have a few hundred.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// The hosts of Cloudflare R2, which has a header of its own for a copy on a condition.
const R2_HOSTS: &str = ".r2.cloudflarestorage.com";

/// One tenant's bucket.
pub(super) struct Bucket {
    client: Client,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Limits,
    pub(super) origin: Origin,
    /// `None` where the credential cannot be one of a bucket.
    access: Option<Access>,
    /// Counts the calls; `None` where nobody is debited for them.
    meter: Option<TenantMeter>,
}

/// The meter of one tenant.
pub(super) struct TenantMeter {
    pub(super) tenant: TenantName,
    pub(super) meter: Arc<dyn StorageMeter>,
}

/// Where the bucket is, and what opens it.
struct Access {
    /// Of the bucket, without a slash at the end.
    url: Secret,
    bucket: Secret,
    region: Secret,
    is_r2: bool,
    links: AmazonS3,
    keys: AccessKeys,
}

/// The pair of keys, which is wiped when the bucket is closed. Shared with what makes links, which is closed
/// before.
struct AccessKeys(Arc<AwsCredential>);

impl Drop for AccessKeys {
    fn drop(&mut self) {
        if let Some(keys) = Arc::get_mut(&mut self.0) {
            keys.key_id.zeroize();
            keys.secret_key.zeroize();
        }
    }
}

/// A request as it is sent, and as it is sent again.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    /// The object that it is about; `None` for the bucket.
    pub(super) key: Option<&'a Key>,
    pub(super) query: &'a [(&'static str, &'a str)],
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) body: Option<&'a Body>,
    pub(super) timeout: Duration,
}

/// What an object is written with.
pub(super) struct Body {
    pub(super) bytes: Bytes,
    /// Its SHA-256.
    pub(super) digest: [u8; 32],
    /// The `ETag` that it has once it is written.
    pub(super) etag: ContentHash,
}

impl Body {
    pub(super) async fn new(bytes: Bytes) -> Result<Self, Failure> {
        // 50 MB take a good part of a second: too long for an async thread.
        let hashed = tokio::task::spawn_blocking(move || Self {
            digest: Sha256::digest(&bytes).into(),
            etag: (ContentHashKind::MD5_ETAG.of)(&bytes),
            bytes,
        });
        let unhashed = Failure::Internal("the content could not be hashed");
        hashed.await.map_err(|_| unhashed)
    }
}

impl Bucket {
    pub(super) fn new(
        client: Client,
        clock: Arc<dyn Clock>,
        limits: Limits,
        origin: Origin,
        credential: &ManagedCredential,
    ) -> Self {
        Self {
            access: Access::new(&client, credential),
            client,
            clock,
            limits,
            origin,
            meter: None,
        }
    }

    /// The same, with every call counted.
    pub(super) fn metered_by(self, meter: Option<TenantMeter>) -> Self {
        Self { meter, ..self }
    }

    pub(super) fn call(&self, operation: &'static str) -> Call<'_> {
        Call {
            clock: &*self.clock,
            upstream: UPSTREAM,
            operation,
        }
    }

    fn access(&self) -> Result<&Access, Failure> {
        self.access.as_ref().ok_or(Failure::UnusableCredential)
    }

    /// Sends one request and passes a successful answer on, its body unread.
    pub(super) async fn send(&self, request: &Request<'_>) -> Result<Response, Failure> {
        let access = self.access()?;
        let url = access.url_of(request)?;
        let mut signed = HttpRequest::new(HttpRequestBody::empty());
        *signed.method_mut() = request.method.clone();
        let unsendable = Failure::Internal("the request has no form in which it can be sent");
        let Ok(uri) = url.as_str().parse() else {
            return Err(unsendable);
        };
        *signed.uri_mut() = uri;
        for (name, value) in &request.headers {
            let Ok(value) = HeaderValue::from_str(value) else {
                return Err(unsendable);
            };
            signed.headers_mut().insert(name.clone(), value);
        }
        let digest = request.body.map(|body| body.digest.as_slice());
        AwsAuthorizer::new(&access.keys.0, SERVICE, access.region.expose())
            .try_authorize(&mut signed, digest)
            .map_err(|_| Failure::Internal("the request could not be signed"))?;
        let mut headers = std::mem::take(signed.headers_mut());
        if let Some(signature) = headers.get_mut(AUTHORIZATION) {
            signature.set_sensitive(true);
        }
        // Bytes as they are stored. Not signed: some proxies change it.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut builder = self
            .client
            .request(request.method.clone(), url)
            .headers(headers)
            .timeout(request.timeout);
        if let Some(body) = request.body {
            builder = builder.body(body.bytes.clone());
        }
        // Before the call: one that fails is one that was made.
        if let Some(TenantMeter { tenant, meter }) = &self.meter {
            meter.count(tenant);
        }
        let response = upstream::send_to_tenants(builder)
            .await
            .map_err(|error| Failure::transport(&error, self.origin))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, retry_after) = (
            response.status(),
            upstream::retry_after(response.headers(), &*self.clock),
        );
        let body = upstream::bounded_body(response, MAX_ERROR_BYTES).await;
        let code = body.ok().flatten().and_then(|body| wire::error_code(&body));
        let code = code.unwrap_or_default();
        Err(Failure::of(status, code, retry_after, self.origin))
    }

    /// What a copy from an object is called with, and its condition.
    pub(super) fn copy_headers(
        &self,
        from: &Key,
        etag: &str,
        is_conditional: bool,
    ) -> Result<Vec<(HeaderName, String)>, Failure> {
        let access = self.access()?;
        let header = HeaderName::from_static;
        let source = format!("/{}/{}", access.bucket.expose(), from.encoded());
        let mut headers = vec![
            (header("x-amz-copy-source"), source),
            (header("x-amz-copy-source-if-match"), format!("\"{etag}\"")),
            (header("x-amz-metadata-directive"), "COPY".to_owned()),
        ];
        if is_conditional {
            let name = if access.is_r2 {
                "cf-copy-destination-if-none-match"
            } else {
                "if-none-match"
            };
            headers.push((header(name), "*".to_owned()));
        }
        Ok(headers)
    }

    /// A link by which anyone can download an object for so long. Sends nothing.
    pub(super) async fn link(&self, key: &Key, life: Duration) -> Result<Secret, Failure> {
        let unsignable = || Failure::Internal("the link could not be signed");
        let path = Path::parse(key.as_str()).map_err(|_| unsignable())?;
        let links = &self.access()?.links;
        let link = links.signed_url(Method::GET, &path, life).await;
        let link = link.map_err(|_| unsignable())?;
        Ok(Secret::new(link.into()))
    }
}

impl Access {
    fn new(client: &Client, credential: &ManagedCredential) -> Option<Self> {
        let fields = ManagedCredential::PROVIDER.fields().iter();
        let is_unusable = fields
            .zip(credential.whole().secrets())
            .any(|(field, secret)| {
                matches!(
                    (field.check)(secret.expose()),
                    Some(SecretProblem::Unusable(_))
                )
            });
        if is_unusable {
            return None;
        }
        let text = |secret: &Secret| secret.expose().to_owned();
        let endpoint = Url::parse(credential.endpoint_url().expose()).ok()?;
        let is_r2 = endpoint.host_str().is_some_and(|it| it.ends_with(R2_HOSTS));
        let endpoint = endpoint.as_str().trim_end_matches('/');
        let bucket = text(credential.bucket());
        let keys = AccessKeys(Arc::new(AwsCredential {
            key_id: text(credential.access_key_id()),
            secret_key: text(credential.secret_access_key()),
            token: None,
        }));
        let links = AmazonS3Builder::new()
            .with_endpoint(endpoint)
            .with_virtual_hosted_style_request(false)
            .with_allow_http(true)
            .with_bucket_name(&bucket)
            .with_region(credential.region().expose())
            .with_credentials(Arc::new(SharedKeys(Arc::clone(&keys.0))))
            .with_http_connector(SharedClient(client.clone()))
            .build()
            .ok()?;
        Some(Self {
            url: Secret::new(format!("{endpoint}/{bucket}")),
            bucket: Secret::new(bucket),
            region: Secret::new(text(credential.region())),
            is_r2,
            links,
            keys,
        })
    }

    fn url_of(&self, request: &Request<'_>) -> Result<Url, Failure> {
        let mut url = self.url.expose().to_owned();
        if let Some(key) = request.key {
            url.push('/');
            url.push_str(&key.encoded());
        }
        for (index, (name, value)) in request.query.iter().enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            url.push_str(&encoded(value));
        }
        Url::parse(&url).map_err(|_| Failure::Internal("the URL of the bucket is none"))
    }
}

/// The keys, for links.
#[derive(Debug)]
struct SharedKeys(Arc<AwsCredential>);

#[async_trait::async_trait]
impl object_store::CredentialProvider for SharedKeys {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        Ok(Arc::clone(&self.0))
    }
}

/// The client that all upstreams share the making of, instead of one with settings of its own.
#[derive(Debug)]
struct SharedClient(Client);

impl HttpConnector for SharedClient {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}
